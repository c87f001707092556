//! The shared secret of HS256 tokens.
//!
//! Pure. Meets J20: a secret that can be guessed is refused before it is ever used.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::rule::Broken;
use crate::secret::Secret;

/// A key for HS256 of at least 32 bytes (RFC 7518 §3.2: a key of the size of the hash output or larger MUST be used).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HmacKey(Secret<Vec<u8>>);

const SHORTEST: usize = 32;
const LONGEST: usize = 1024;
/// Fewer different bytes than this in 32 is a pattern typed by hand ("aaaa…", "abcabc…"), not a key.
const FEWEST_DIFFERENT: usize = 8;
/// What guides and test suites print as an example, and attackers try first.
const WELL_KNOWN: &[&str] =
    &["secret", "password", "changeme", "change-me", "change_me", "your-", "your_", "example-key"];

impl HmacKey {
    /// Takes the bytes as they lie in the Secret or the variable. One line end at the end is not part of the key:
    /// `kubectl create secret --from-file` keeps the one that editors add, and no signer does.
    pub fn parse(bytes: &[u8]) -> Result<Self, Broken> {
        let key = without_line_end(bytes);
        if key.len() < SHORTEST {
            return Err(Broken(format!(
                "must be at least {SHORTEST} bytes long (RFC 7518 §3.2), not {}",
                key.len()
            )));
        }
        if key.len() > LONGEST {
            return Err(Broken(format!("must be at most {LONGEST} bytes long, not {}", key.len())));
        }
        if is_guessable(key) {
            return Err(Broken("must be random, such as the output of 'openssl rand -base64 48'".into()));
        }
        Ok(Self(Secret::new(key.to_vec())))
    }

    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn is_guessable(key: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in key {
        seen[usize::from(*byte)] = true;
    }
    let different = seen.iter().filter(|seen| **seen).count();
    let lower = String::from_utf8_lossy(key).to_ascii_lowercase();
    different < FEWEST_DIFFERENT || WELL_KNOWN.iter().any(|known| lower.starts_with(known))
}

/// In the delivered policy a key is base64, so that every byte survives YAML.
impl TryFrom<String> for HmacKey {
    type Error = Broken;

    fn try_from(text: String) -> Result<Self, Broken> {
        let bytes = STANDARD.decode(text).map_err(|_| Broken("must be base64".into()))?;
        Self::parse(&bytes)
    }
}

impl From<HmacKey> for String {
    fn from(key: HmacKey) -> Self {
        STANDARD.encode(key.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA";

    #[test]
    fn a_random_key_of_32_bytes_is_taken_and_one_of_31_is_not() {
        assert!(HmacKey::parse(GOOD).is_ok());
        assert!(HmacKey::parse(&GOOD[1..]).is_err());
    }

    #[test]
    fn one_line_end_is_not_part_of_the_key() {
        for end in ["\n", "\r\n"] {
            let with_end = [GOOD, end.as_bytes()].concat();
            assert_eq!(HmacKey::parse(&with_end), HmacKey::parse(GOOD));
        }
        assert_ne!(HmacKey::parse(&[GOOD, b"\n\n"].concat()), HmacKey::parse(GOOD));
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused() {
        for text in [
            "secretsecretsecretsecretsecretsecret",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "your-32-byte-secret-that-is-long-enough",
        ] {
            assert!(HmacKey::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_survives_the_delivered_policy_and_does_not_print_itself() {
        let key = HmacKey::parse(&[GOOD, &[0, 255, 10, 13, 7]].concat()).expect("valid");
        let yaml = serde_yaml::to_string(&key).expect("serialises");
        assert_eq!(serde_yaml::from_str::<HmacKey>(&yaml).expect("reads back"), key);
        assert!(!format!("{key:?}").contains("kS9v"));
    }
}
