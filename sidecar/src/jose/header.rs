//! The header of a token: which key it asks for, and whether it is of a kind that we read.
//!
//! Pure. `jku`, `jwk`, `x5u`, `x5c` and `x5t` are never looked at (J05): keys come from the policy alone. Meets J01, J04,
//! J06, J07, J14 and "Decided" 1 and 2.

use super::{Algorithm, Json, base64url};

/// What a header says, where it says nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What the token claims to be signed with. The key decides whether that is so (J03).
    pub algorithm: Algorithm,
    /// An opaque name; looked up in a map and nowhere else (J04).
    pub kid: Option<String>,
    pub typ: Typ,
}

/// What a token says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typ {
    /// `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// `JWT`, or nothing: could be any kind of token.
    Unsaid,
}

/// Why a header is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("the header is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the header is not base64url")]
    Encoding,
    #[error("the header is not a JSON object without duplicate members")]
    Json,
    #[error("the header has a member that is not understood here")]
    Member,
    #[error("the algorithm is not one that is accepted here")]
    Algorithm,
    #[error("the key id is not a text")]
    Kid,
    #[error("the type is not that of an access token")]
    Typ,
}

const LONGEST: usize = 2 * 1024;

/// RFC 7515 §4.1.11: a recipient that does not understand a critical extension MUST refuse; we know none (J06). The
/// others change how the rest is to be read (RFC 7797 §3, RFC 7516 §4.1, RFC 7519 §5.2): not with us (J07).
const REFUSED: [&str; 5] = ["crit", "b64", "zip", "enc", "cty"];

impl Header {
    /// Reads the first part of a token.
    pub fn parse(part: &str) -> Result<Self, HeaderError> {
        Self::read(part, typ)
    }

    /// Reads the first part of what a client authenticates with.
    pub fn parse_assertion(part: &str) -> Result<Self, HeaderError> {
        Self::read(part, typ_of_assertion)
    }

    fn read(part: &str, typ: fn(Option<&Json>) -> Result<Typ, HeaderError>) -> Result<Self, HeaderError> {
        if part.len() > LONGEST {
            return Err(HeaderError::TooLong);
        }
        let bytes = base64url::decode(part).ok_or(HeaderError::Encoding)?;
        let json = Json::parse(&bytes).map_err(|_| HeaderError::Json)?;
        let object = json.into_object().ok_or(HeaderError::Json)?;
        if REFUSED.iter().any(|name| object.contains_key(*name)) {
            return Err(HeaderError::Member);
        }
        let algorithm = object.get("alg").and_then(Json::as_text).and_then(Algorithm::parse);
        Ok(Self {
            algorithm: algorithm.ok_or(HeaderError::Algorithm)?,
            kid: kid(object.get("kid"))?,
            typ: typ(object.get("typ"))?,
        })
    }
}

fn kid(member: Option<&Json>) -> Result<Option<String>, HeaderError> {
    match member {
        None => Ok(None),
        Some(Json::Text(kid)) => Ok(Some(kid.clone())),
        Some(_) => Err(HeaderError::Kid),
    }
}

/// "Decided" 1. RFC 7515 §4.1.9: `application/` may be left out, and media types compare in any case.
fn typ(member: Option<&Json>) -> Result<Typ, HeaderError> {
    let Some(member) = member else { return Ok(Typ::Unsaid) };
    let typ = member.as_text().ok_or(HeaderError::Typ)?;
    match typ.to_ascii_lowercase().as_str() {
        "at+jwt" | "application/at+jwt" => Ok(Typ::AccessToken),
        "jwt" => Ok(Typ::Unsaid),
        _ => Err(HeaderError::Typ),
    }
}

/// draft-ietf-oauth-rfc7523bis §3 has a type of its own for these, RFC 7523 none. An access token is none of either.
fn typ_of_assertion(member: Option<&Json>) -> Result<Typ, HeaderError> {
    let Some(member) = member else { return Ok(Typ::Unsaid) };
    match member.as_text().ok_or(HeaderError::Typ)?.to_ascii_lowercase().as_str() {
        "jwt" | "client-authentication+jwt" | "application/client-authentication+jwt" => Ok(Typ::Unsaid),
        _ => Err(HeaderError::Typ),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn parse(json: &str) -> Result<Header, HeaderError> {
        Header::parse(&URL_SAFE_NO_PAD.encode(json))
    }

    #[test]
    fn a_plain_header_is_read() {
        let header = parse(r#"{"alg":"RS256","kid":"a","typ":"JWT"}"#).expect("plain");
        assert_eq!(header, Header { algorithm: Algorithm::Rs256, kid: Some("a".into()), typ: Typ::Unsaid });
    }

    #[test]
    fn members_that_point_to_keys_are_not_looked_at() {
        let header =
            r#"{"alg":"RS256","jku":7,"jwk":{"kty":"oct"},"x5u":"https://evil.example","x5c":[],"x5t":null}"#;
        assert!(parse(header).is_ok());
    }

    #[test]
    fn members_that_change_the_reading_are_refused_whatever_they_say() {
        for name in REFUSED {
            for value in ["[]", "null", "true", "\"x\"", "[\"exp\"]"] {
                let header = format!(r#"{{"alg":"RS256","{name}":{value}}}"#);
                assert_eq!(parse(&header), Err(HeaderError::Member), "{header}");
            }
        }
    }

    #[test]
    fn types_of_access_tokens_are_taken_in_any_case_and_others_refused() {
        for (typ, is) in [
            ("at+jwt", Typ::AccessToken),
            ("AT+JWT", Typ::AccessToken),
            ("application/At+Jwt", Typ::AccessToken),
            ("jwt", Typ::Unsaid),
        ] {
            assert_eq!(
                parse(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#)).map(|header| header.typ),
                Ok(is)
            );
        }
        for typ in ["\"\"", "\"logout+jwt\"", "\"application/jwt\"", "\"JOSE\"", "null", "7", "\" JWT\""] {
            assert_eq!(parse(&format!(r#"{{"alg":"RS256","typ":{typ}}}"#)), Err(HeaderError::Typ), "{typ}");
        }
    }

    #[test]
    fn d6_an_assertion_has_a_type_of_its_own_or_none_and_no_access_tokens() {
        let of = |typ: &str| {
            let part = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#));
            (Header::parse_assertion(&part).is_ok(), Header::parse(&part).is_ok())
        };
        assert_eq!(of("client-authentication+jwt"), (true, false));
        assert_eq!(of("application/Client-Authentication+JWT"), (true, false));
        assert_eq!(of("at+jwt"), (false, true));
        assert_eq!(of("JWT"), (true, true));
        assert_eq!(of("logout+jwt"), (false, false));
    }

    #[test]
    fn a_long_header_is_refused_before_it_is_decoded() {
        assert_eq!(Header::parse(&"!".repeat(LONGEST + 1)), Err(HeaderError::TooLong));
        assert_eq!(Header::parse(&"!".repeat(LONGEST)), Err(HeaderError::Encoding));
    }
}
