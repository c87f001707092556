//! Proof Key for Code Exchange (RFC 7636): S256 and nothing else, towards clients and towards the provider.
//!
//! Pure. Meets A5, O06, O11.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// RFC 7636 §4.2: the challenge of a verifier.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// A SHA-256 in base64url: 43 characters, whose last one has no bit to spare.
pub fn is_challenge(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// RFC 7636 §4.1, §4.6. A verifier shorter than 43 characters could be guessed.
pub fn proves(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        && verify_slices_are_equal(self::challenge(verifier).as_bytes(), challenge.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc_proves_and_one_byte_off_does_not() {
        assert!(proves(VERIFIER, CHALLENGE) && is_challenge(CHALLENGE));
        assert!(!proves(&VERIFIER.replace('k', "l"), CHALLENGE));
        assert!(!proves(VERIFIER, &CHALLENGE.replace('M', "N")));
    }

    #[test]
    fn o06_verifiers_and_challenges_of_the_wrong_length_or_alphabet_are_none() {
        for verifier in ["a".repeat(42), "a".repeat(129), format!("{}+", "a".repeat(50)), String::new()] {
            assert!(!proves(&verifier, &challenge(&verifier)), "{verifier}");
        }
        for verifier in ["a".repeat(43), "a".repeat(128)] {
            assert!(proves(&verifier, &challenge(&verifier)));
        }
        for text in ["", "x", &CHALLENGE[..42], &format!("{CHALLENGE}A"), &format!("{}N", &CHALLENGE[..42])] {
            assert!(!is_challenge(text), "{text}");
        }
    }
}
