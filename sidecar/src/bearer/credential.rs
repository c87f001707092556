//! The one credential of a request: a single `Authorization: Bearer <token>`, and nothing else anywhere.
//!
//! Pure. Cookies, bodies, trailers and `Proxy-Authorization` are never asked (RFC 6750 §2; MCP: only the header). Meets
//! R12, R16, J22 and "Decided" 6.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::refusal::{Malformed, Refusal};
use crate::wire::is_tchar;

pub(super) fn from_request<'a>(headers: &'a HeaderMap, query: Option<&str>) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(Refusal::NoCredential) };
    // R16: two headers, of whatever scheme, do not say which one counts.
    if values.next().is_some() {
        return Err(Malformed::TwoCredentials.into());
    }
    // RFC 6750 §2 MUST NOT use more than one method in a request.
    if query.is_some_and(has_token) {
        return Err(Malformed::TokenInQuery.into());
    }
    from_value(value.as_bytes())
}

fn from_value(value: &[u8]) -> Result<&str, Refusal> {
    let value = std::str::from_utf8(value).map_err(|_| Malformed::Header)?;
    // A header of several credentials, joined by an intermediary.
    if value.contains(',') {
        return Err(Malformed::TwoCredentials.into());
    }
    let (scheme, rest) =
        value.split_at(value.bytes().position(|byte| !is_tchar(byte)).unwrap_or(value.len()));
    // RFC 9110 §11.1: the scheme is case-insensitive. Another one is no token for us.
    if !scheme.eq_ignore_ascii_case("bearer") {
        return if scheme.is_empty() { Err(Malformed::Header.into()) } else { Err(Refusal::NoCredential) };
    }
    let token = rest.strip_prefix(' ').ok_or(Malformed::Header)?;
    if is_b68(token) { Ok(token) } else { Err(Malformed::Header.into()) }
}

/// RFC 6750 §2.1: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn is_b68(token: &str) -> bool {
    let body = token.trim_end_matches('=').as_bytes();
    let is_b68_byte =
        |byte: &u8| byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'-'..=b'/' | b'_' | b'~');
    // Without a branch for each byte: tokens are long, and come with every request.
    let is_all_b68 = |block: &[u8]| block.iter().fold(true, |all, byte| all & is_b68_byte(byte));
    !body.is_empty() && body.chunks(16).all(is_all_b68)
}

/// Names are compared after percent-decoding, as whoever reads the query would.
fn has_token(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&[u8]], query: Option<&str>) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, http::HeaderValue::from_bytes(value).expect("a header value"));
        }
        from_request(&headers, query).map(str::to_owned)
    }

    #[test]
    fn one_bearer_token_is_the_credential_in_any_case_of_the_scheme() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "bEaReR a.b.c"] {
            assert_eq!(read(&[value.as_bytes()], None).as_deref(), Ok("a.b.c"), "{value}");
        }
        assert_eq!(read(&[b"Bearer -._~+/9=="], Some("page=2&token=x")).as_deref(), Ok("-._~+/9=="));
    }

    #[test]
    fn a_token_is_made_of_these_bytes_and_of_no_others_wherever_they_stand() {
        let good = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
        for byte in (0..=0x7f_u8).filter(|byte| *byte != b'=') {
            for place in 0..40 {
                let mut token = vec![b'x'; 40];
                token[place] = byte;
                let token = String::from_utf8(token).expect("ASCII");
                assert_eq!(is_b68(&token), good.as_bytes().contains(&byte), "{byte:#x} at {place}");
            }
        }
        assert!(is_b68(good) && !is_b68("x=x") && !is_b68("x\u{e9}"));
    }

    #[test]
    fn no_header_and_another_scheme_are_no_credential_wherever_else_a_token_stands() {
        assert_eq!(read(&[], None), Err(Refusal::NoCredential));
        assert_eq!(read(&[], Some("access_token=a.b.c")), Err(Refusal::NoCredential));
        for other in ["Basic dTpw", "DPoP a.b.c", "Bearerx a", "Negotiate"] {
            assert_eq!(read(&[other.as_bytes()], None), Err(Refusal::NoCredential), "{other}");
        }
    }

    #[test]
    fn two_credentials_are_refused_whichever_of_them_is_good() {
        let two = Err(Refusal::Malformed(Malformed::TwoCredentials));
        assert_eq!(read(&[b"Bearer a.b.c", b"Bearer a.b.c"], None), two);
        assert_eq!(read(&[b"Basic dTpw", b"Bearer a.b.c"], None), two);
        assert_eq!(read(&[b"Bearer a.b.c, Bearer a.b.c"], None), two);
        assert_eq!(read(&[b"Bearer a.b.c,"], None), two);
    }

    #[test]
    fn a_token_in_the_query_beside_the_header_is_refused_in_any_spelling() {
        for query in
            ["access_token=x", "a=b&access_token=x", "access%5Ftoken=x", "%61ccess_token", "access_token"]
        {
            let refused = read(&[b"Bearer a.b.c"], Some(query));
            assert_eq!(refused, Err(Refusal::Malformed(Malformed::TokenInQuery)), "{query}");
        }
    }

    #[test]
    fn any_other_form_of_the_header_is_malformed() {
        let forms: [&[u8]; 14] = [
            b"",
            b"Bearer",
            b"Bearer ",
            b"Bearer  a.b.c",
            b"Bearer\ta.b.c",
            b"Bearer \ta.b.c",
            b"Bearer a.b.c d",
            b"Bearer a.b.c\t",
            b"Bearer \xc2\xa0a.b.c",
            b"Bearer a.b.c\xff",
            b"Bearer \"a.b.c\"",
            b"Bearer ==",
            b" Bearer a.b.c",
            b"Bearer=a.b.c",
        ];
        for form in forms {
            assert_eq!(read(&[form], None), Err(Refusal::Malformed(Malformed::Header)), "{form:?}");
        }
    }
}
