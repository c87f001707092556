//! The compact form of RFC 7515 §7.1: three parts, split and measured before a single byte is decoded.
//!
//! Pure. Meets J07 (nothing but a signed compact token), J10 (caps first: "split on dot" cost other parsers memory).

/// A token as it stood in the header, in its parts. Prints nothing: a token is a secret.
#[derive(Clone, Copy)]
pub struct Compact<'a> {
    /// Header and payload with the dot between them: what the signature covers.
    pub signed: &'a str,
    pub header: &'a str,
    pub payload: &'a str,
    pub signature: &'a str,
}

/// Why a text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    #[error("the token is longer than {LONGEST_TOKEN} bytes")]
    TooLong,
    #[error("the token does not have three parts")]
    NotThreeParts,
}

pub const LONGEST_TOKEN: usize = 16 * 1024;

impl<'a> Compact<'a> {
    pub fn parse(token: &'a str) -> Result<Self, CompactError> {
        if token.len() > LONGEST_TOKEN {
            return Err(CompactError::TooLong);
        }
        // RFC 7516 §9: five parts are an encrypted token, which is not for us (J07).
        if token.bytes().filter(|byte| *byte == b'.').count() != 2 {
            return Err(CompactError::NotThreeParts);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(CompactError::NotThreeParts)?;
        let (header, payload) = signed.split_once('.').ok_or(CompactError::NotThreeParts)?;
        Ok(Self { signed, header, payload, signature })
    }
}

impl std::fmt::Debug for Compact<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compact([secret])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_parts_are_a_token() {
        let compact = Compact::parse("aa.bb.cc").expect("three parts");
        assert_eq!(
            (compact.signed, compact.header, compact.payload, compact.signature),
            ("aa.bb", "aa", "bb", "cc")
        );
    }

    #[test]
    fn any_other_number_of_parts_is_not() {
        let many = ".".repeat(LONGEST_TOKEN);
        for text in ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "a.b.c.d.e.f", many.as_str()] {
            assert_eq!(Compact::parse(text).expect_err("refused"), CompactError::NotThreeParts);
        }
    }

    #[test]
    fn a_token_of_16_kib_is_read_and_one_byte_more_is_not() {
        let filler = "a".repeat(LONGEST_TOKEN - 2);
        assert!(Compact::parse(&format!("{filler}..")).is_ok());
        assert_eq!(Compact::parse(&format!("{filler}a..")).expect_err("refused"), CompactError::TooLong);
    }

    #[test]
    fn a_token_does_not_print_itself() {
        assert!(!format!("{:?}", Compact::parse("aa.bb.cc")).contains("bb"));
    }
}
