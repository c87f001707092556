//! What goes wrong at the endpoints that programs call, as RFC 6749 §5.2 writes it down.
//!
//! Pure. The codes are the RFC's, the sentences constants of ours: nothing of a request or of the provider is reflected (O26).
//! What goes wrong before a person has consented is a page (`page`), never a redirect (O03).

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use super::form::FormError;
use super::ledger::Away;
use super::seal::SealError;
use crate::random::NoRandom;

/// A refusal, with what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct OAuthError {
    pub code: Code,
    pub description: &'static str,
}

/// RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2, RFC 8707 §2; the last three are ours to map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnsupportedGrantType,
    InvalidScope,
    InvalidTarget,
    InvalidRedirectUri,
    InvalidClientMetadata,
    AccessDenied,
    ServerError,
    TemporarilyUnavailable,
    /// 405: the wrong method.
    MethodNotAllowed,
    /// 413: more than 64 KiB.
    TooLarge,
    /// 429: too much at a time.
    TooManyRequests,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::MethodNotAllowed | Self::TooLarge => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable | Self::TooManyRequests => "temporarily_unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            // A23: a client that reads 401 `invalid_client` registers anew.
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            // D15: `invalid_grant` is a 400, whatever happened.
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl OAuthError {
    pub const fn new(code: Code, description: &'static str) -> Self {
        Self { code, description }
    }

    pub fn into_response(self) -> Response<Bytes> {
        let body = json!({ "error": self.code.as_str(), "error_description": self.description });
        let mut response = json_response(self.code.status(), body.to_string().into());
        let headers = response.headers_mut();
        match self.code {
            // RFC 9110 §11.6.1 MUST: a 401 names a scheme.
            Code::InvalidClient => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
            }
            Code::TemporarilyUnavailable | Code::TooManyRequests => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}

impl From<FormError> for OAuthError {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Twice => {
                Self::new(Code::InvalidRequest, "a parameter stands in the request more than once")
            }
            FormError::Encoding => {
                Self::new(Code::InvalidRequest, "the parameters are not UTF-8 in percent-encoding")
            }
            FormError::NotAForm => Self::new(
                Code::InvalidRequest,
                "the request must be a POST with the media type application/x-www-form-urlencoded",
            ),
            FormError::InQuery => Self::new(
                Code::InvalidRequest,
                "the parameters of this request belong into its body, not into its URL",
            ),
        }
    }
}

impl From<SealError> for OAuthError {
    fn from(_: SealError) -> Self {
        Self::new(Code::ServerError, "the server could not make what was asked for; try again")
    }
}

impl From<NoRandom> for OAuthError {
    fn from(_: NoRandom) -> Self {
        SealError::NoRandom(NoRandom).into()
    }
}

impl From<Away> for OAuthError {
    fn from(_: Away) -> Self {
        Self::new(
            Code::TemporarilyUnavailable,
            "the server cannot find out at the moment whether this was used before; try again",
        )
    }
}

/// JSON that no cache keeps (RFC 6749 §5.1 MUST; O19).
pub fn json_response(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A redirect that turns a POST into a GET (O22: 303 also after a GET, which is what every browser takes it for).
pub fn see_other(location: &str) -> Option<Response<Bytes>> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_str(location).ok()?);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(http::header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a23_an_unknown_client_is_a_401_that_makes_clients_register_anew_and_a_bad_grant_is_a_400() {
        let unknown = OAuthError::new(Code::InvalidClient, "x").into_response();
        assert_eq!(
            (unknown.status(), unknown.headers().contains_key(WWW_AUTHENTICATE)),
            (StatusCode::UNAUTHORIZED, true)
        );
        let grant = OAuthError::new(Code::InvalidGrant, "x").into_response();
        assert_eq!(
            (grant.status(), grant.headers().contains_key(WWW_AUTHENTICATE)),
            (StatusCode::BAD_REQUEST, false)
        );
    }

    #[test]
    fn o19_no_cache_keeps_an_answer() {
        let answer = OAuthError::new(Code::InvalidRequest, "x").into_response();
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(see_other("https://x/").expect("a location").headers()[CACHE_CONTROL], "no-store");
        assert!(see_other("https://x/\r\nx: y").is_none());
    }
}
