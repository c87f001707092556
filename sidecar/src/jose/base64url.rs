//! base64url as RFC 7515 §2 writes it: no padding, no other alphabet, no spare bits. One value has one spelling (J09).
//!
//! Pure.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Non-zero spare bits in the last character are refused too: they would give one signature several spellings.
const STRICT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(false),
);

/// The bytes, or nothing if the text is not exactly what encoding them gives.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STRICT.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_encoding_gives_is_decoded() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", b"foob", &[0xfb, 0xff, 0xfe]] {
            assert_eq!(decode(&STRICT.encode(bytes)).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn any_other_spelling_of_the_same_bytes_is_refused() {
        // J09: padding, spare bits, the other alphabet, spaces, line ends, inserted characters, impossible lengths.
        for text in [
            "Zg==",
            "Zg=",
            "Zh",
            "Zm9=",
            "Zm8=",
            "Zm9v=",
            "-_+/",
            "Zm 9v",
            "Zm9v\n",
            " Zm9v",
            "Zm?9v",
            "Z",
            "Zm9vY",
            "Zm9v\u{a0}",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
