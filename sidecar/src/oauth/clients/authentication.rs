//! Is it that client? `none` with PKCE, a secret in the form or in a Basic header, or a signed assertion (D6, O25).
//!
//! Pure, but for the keys of an assertion. One method per request (RFC 6749 §2.3 MUST NOT use more than one); secrets are compared
//! in constant time. Which of post and Basic a client registered is not held against it: claude.ai uses post whatever it said.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crds::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::Unknown;
use super::assertion::subject;
use super::document::{ClientDocument, ClientKeys};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::Form;

/// What a client must show.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Nothing: PKCE is what protects it.
    Public,
    Secret(Text),
    /// An assertion under one of these keys.
    Assertion {
        keys: ClientKeys,
        may_be_public: MayBePublic,
    },
}

/// Whether a client with keys may also come without an assertion: ChatGPT lists both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayBePublic {
    Yes,
    No,
}

/// A secret text that does not print itself.
#[derive(Debug, Clone)]
pub struct Text(Secret<String>);

/// What a request brought to say who it is from.
#[derive(Debug)]
pub struct Presented<'a> {
    pub id: String,
    pub proof: Proof<'a>,
}

#[derive(Debug)]
pub enum Proof<'a> {
    None,
    /// As it was sent, and as it reads after form-decoding (RFC 6749 §2.3.1): TypeScript's SDK does not encode, Python's does.
    Secret {
        raw: String,
        decoded: String,
    },
    Assertion(&'a str),
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const TWICE: OAuthError =
    OAuthError::new(Code::InvalidRequest, "the client authenticates in more than one way");
const FAILED: OAuthError = OAuthError::new(
    Code::InvalidClient,
    "the client is not known here, or did not prove that it is this client: register it anew, or correct its secret or \
     key where the server's policy names it",
);
const LATER: OAuthError = OAuthError::new(
    Code::TemporarilyUnavailable,
    "what the client publishes about itself cannot be fetched at the moment; try again",
);

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

impl Credentials {
    pub(super) fn of_document(document: &ClientDocument) -> Self {
        let may_be_public = if document.may_be_public() { MayBePublic::Yes } else { MayBePublic::No };
        match &document.keys {
            Some(keys) => Self::Assertion { keys: keys.clone(), may_be_public },
            None => Self::Public,
        }
    }

    /// Whether a code of this client is worth nothing to whoever else holds it and its verifier.
    pub fn must_be_proved(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::Assertion { may_be_public: MayBePublic::No, .. })
    }

    /// Judges everything but an assertion, which needs the client's keys.
    pub fn check(&self, proof: &Proof<'_>) -> Result<(), OAuthError> {
        let good = match (self, proof) {
            // O25: a public client that sends a secret has none of ours; one with a secret must send it.
            (Self::Public | Self::Assertion { may_be_public: MayBePublic::Yes, .. }, Proof::None) => true,
            (Self::Secret(Text(expected)), Proof::Secret { raw, decoded }) => {
                let is = |text: &str| {
                    verify_slices_are_equal(text.as_bytes(), expected.expose().as_bytes()).is_ok()
                };
                // Both are always compared: which of them it was is nobody's to learn from the time it takes.
                is(raw) | is(decoded)
            }
            _ => false,
        };
        if good { Ok(()) } else { Err(FAILED) }
    }
}

impl From<Unknown> for OAuthError {
    /// Nobody is known by this id, which is said in the same words as a wrong secret (O26). Where that cannot be told at the
    /// moment, a client must not hear it: one that reads 401 registers anew (A23).
    fn from(why: Unknown) -> Self {
        match why {
            Unknown::Id | Unknown::Document(_) => FAILED,
            Unknown::Later => LATER,
        }
    }
}

/// What the request says of its client.
pub fn presented<'a>(headers: &HeaderMap, form: &'a Form) -> Result<Presented<'a>, OAuthError> {
    let in_form = form.get("client_id");
    let basic = basic(headers)?;
    let assertion = assertion(form)?;
    let in_post = form.get("client_secret");
    let ways =
        usize::from(basic.is_some()) + usize::from(assertion.is_some()) + usize::from(in_post.is_some());
    if ways > 1 {
        return Err(TWICE);
    }
    if let Some((id, secret)) = basic {
        if in_form.is_some_and(|other| other != id) {
            return Err(TWICE);
        }
        let decoded = decoded(&secret);
        return Ok(Presented { id, proof: Proof::Secret { raw: secret, decoded } });
    }
    // RFC 7521 §4.2: beside an assertion the id is unnecessary, for its subject says it. Where both are there they are the same,
    // or the assertion is not about this client.
    let id = in_form.map(str::to_owned).or_else(|| assertion.and_then(subject));
    let id =
        id.ok_or(OAuthError::new(Code::InvalidClient, "the request does not say which client it is from"))?;
    let proof = match (assertion, in_post) {
        (Some(assertion), _) => Proof::Assertion(assertion),
        (None, Some(secret)) => Proof::Secret { raw: secret.to_owned(), decoded: secret.to_owned() },
        (None, None) => Proof::None,
    };
    Ok(Presented { id, proof })
}

/// RFC 7521 §4.2.
fn assertion(form: &Form) -> Result<Option<&str>, OAuthError> {
    match (form.get("client_assertion_type"), form.get("client_assertion")) {
        (None, None) => Ok(None),
        (Some(ASSERTION_TYPE), Some(assertion)) => Ok(Some(assertion)),
        _ => Err(OAuthError::new(
            Code::InvalidClient,
            "client_assertion and client_assertion_type (jwt-bearer) belong together",
        )),
    }
}

/// RFC 7617, with the id form-decoded as RFC 6749 §2.3.1 asks; ids of ours and URLs survive both readings.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, OAuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(TWICE);
    }
    let read = || {
        let (scheme, credentials) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((decoded(id), secret.to_owned()))
    };
    read().map(Some).ok_or(OAuthError::new(
        Code::InvalidClient,
        "the Authorization header is not Basic with an id and a secret",
    ))
}

fn decoded(text: &str) -> String {
    let pair = format!("x={text}");
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    match (pairs.next(), pairs.next()) {
        (Some((_, value)), None) => value.into_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn form(text: &str) -> Form {
        Form::of_query(Some(text)).expect("a form")
    }

    fn authorization(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).expect("a header"))])
    }

    fn basic_of(text: &str) -> HeaderMap {
        authorization(&format!("Basic {}", STANDARD.encode(text)))
    }

    fn is_taken(credentials: &Credentials, headers: &HeaderMap, body: &str) -> bool {
        let form = form(body);
        presented(headers, &form).is_ok_and(|presented| credentials.check(&presented.proof).is_ok())
    }

    fn secret(text: &str) -> Credentials {
        Credentials::Secret(text.to_owned().into())
    }

    #[test]
    fn d6_a_secret_is_taken_from_the_form_and_from_a_basic_header_raw_and_encoded() {
        let none = HeaderMap::new();
        assert!(is_taken(&secret("s+1/x"), &none, "client_id=a&client_secret=s%2B1/x"));
        assert!(is_taken(&secret("s+1/x"), &basic_of("a:s+1/x"), ""));
        assert!(is_taken(&secret("s+1/x"), &basic_of("a:s%2B1%2Fx"), "client_id=a"));
        assert!(!is_taken(&secret("s+1/x"), &basic_of("a:s+1/y"), ""));
        assert!(!is_taken(&secret("s+1/x"), &none, "client_id=a&client_secret="));
    }

    #[test]
    fn o25_a_public_client_brings_nothing_and_one_with_a_secret_brings_it() {
        let none = HeaderMap::new();
        assert!(is_taken(&Credentials::Public, &none, "client_id=a"));
        assert!(!is_taken(&Credentials::Public, &none, "client_id=a&client_secret=x"));
        assert!(!is_taken(&secret("x"), &none, "client_id=a"));
        assert!(is_taken(&secret("x"), &none, "client_id=a&client_secret=x"));
    }

    #[test]
    fn one_request_authenticates_in_one_way() {
        let mut two = basic_of("a:x");
        two.append(AUTHORIZATION, HeaderValue::from_static("Basic YTp4"));
        for (headers, body) in [
            (basic_of("a:x"), "client_id=a&client_secret=x"),
            (basic_of("a:x"), "client_id=b"),
            (two, ""),
            (
                HeaderMap::new(),
                "client_id=a&client_secret=x&client_assertion=y&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
        ] {
            assert_eq!(presented(&headers, &form(body)).err(), Some(TWICE), "{body}");
        }
        assert!(presented(&basic_of("a:x"), &form("client_id=a")).is_ok());
    }

    #[test]
    fn a_request_that_does_not_say_its_client_is_nobodys() {
        for (headers, body) in [
            (HeaderMap::new(), "code=x"),
            (authorization("Bearer x"), "client_id=a"),
            (authorization("Basic !!!"), ""),
            (basic_of("no colon"), ""),
            (HeaderMap::new(), "client_id=a&client_assertion=x"),
            (HeaderMap::new(), "client_id=a&client_assertion=x&client_assertion_type=other"),
        ] {
            let refused = presented(&headers, &form(body)).err();
            assert_eq!(refused.map(|error| error.code), Some(Code::InvalidClient), "{body}");
        }
    }
}
