//! Every answer of our own: one match from what happened to what goes over the wire.
//!
//! Pure. Meets R3–R6, R14, R16, D13, D15, M06, O19, P01, P20, X9, X10: one challenge, the same scope on every 401, and
//! nothing of a request reflected.

use bytes::Bytes;
use crds::Closed;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::bearer::Refusal;
use crate::discovery::Challenge;
use crate::forward::{Relay, UpstreamError};
use crate::target::BadTarget;
use crate::wire::Fault;

/// The body of an answer: ours, whole, or the MCP server's, as it comes.
#[derive(Debug)]
pub enum Body {
    Whole(Full<Bytes>),
    Relayed(Relay),
}

/// Why a request is answered by us and not by the MCP server.
#[derive(Debug)]
pub enum Rejection {
    /// There is no policy to enforce (promise 1).
    Closed(Closed),
    BadHead(Fault),
    BadTarget(BadTarget),
    ForeignOrigin,
    Refused(Refusal),
    /// A document or an endpoint that does not exist here.
    NotFound(NotFound),
    /// A document of ours, asked for with another method than GET or HEAD.
    MethodNotAllowed,
    /// The provider's document, before it was fetched for the first time.
    NotFetchedYet,
    BodyTooLarge,
    /// The body did not come to the end that it announced.
    BodyBroken,
    /// Nothing came of it for half a minute.
    BodySlow,
    Upstream(UpstreamError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFound {
    UnknownDocument,
    /// Native mode: the client logs in with the provider.
    AuthorizationServer,
    /// Shared secrets have no authorization server.
    NoProvider,
}

impl Rejection {
    /// One stable word, for the log and the metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Closed(_) => "closed",
            Self::BadHead(fault) => fault.code(),
            Self::BadTarget(bad) => bad.code(),
            Self::ForeignOrigin => "origin",
            Self::Refused(refusal) => refusal.code(),
            Self::NotFound(NotFound::UnknownDocument) => "unknown_document",
            Self::NotFound(NotFound::AuthorizationServer) => "native_mode",
            Self::NotFound(NotFound::NoProvider) => "no_provider",
            Self::MethodNotAllowed => "document_method",
            Self::NotFetchedYet => "document_not_fetched",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyBroken => "body_broken",
            Self::BodySlow => "body_too_slow",
            Self::Upstream(error) => error.code(),
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Closed(_) | Self::NotFetchedYet | Self::Refused(Refusal::KeysUnavailable) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::BadTarget(BadTarget::Method) | Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadHead(fault) => fault.status(),
            Self::BadTarget(_) | Self::BodyBroken | Self::Refused(Refusal::Malformed(_)) => {
                StatusCode::BAD_REQUEST
            }
            Self::ForeignOrigin | Self::Refused(Refusal::InsufficientScope { .. }) => StatusCode::FORBIDDEN,
            Self::Refused(Refusal::NoCredential | Refusal::InvalidToken(_)) => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodySlow => StatusCode::REQUEST_TIMEOUT,
            Self::Upstream(_) => StatusCode::BAD_GATEWAY,
        }
    }

    /// The error code that a client reads: OAuth's where there is one (RFC 6750 §3.1), else our word.
    fn error(&self) -> &'static str {
        match self {
            Self::Refused(Refusal::InvalidToken(_)) => "invalid_token",
            Self::Refused(Refusal::NoCredential) => "unauthorized",
            Self::Refused(Refusal::Malformed(_)) => "invalid_request",
            Self::Closed(_) | Self::Refused(Refusal::KeysUnavailable) | Self::NotFetchedYet => {
                "temporarily_unavailable"
            }
            other => other.code(),
        }
    }

    fn sentence(&self) -> String {
        match self {
            // The reason is one word of the operator's; its message may name a Secret, and is for those who run this.
            Self::Closed(closed) => {
                format!("this server is closed ({}): it has no policy to enforce at the moment", closed.reason)
            }
            Self::BadHead(fault) => fault.to_string(),
            Self::BadTarget(bad) => bad.to_string(),
            Self::ForeignOrigin => "this origin may not call the server: its operator must list it in allowedOrigins".into(),
            Self::Refused(refusal) => refusal.sentence(),
            Self::NotFound(NotFound::UnknownDocument) => "there is no such document here".into(),
            Self::NotFound(NotFound::AuthorizationServer) => {
                "this server has no login of its own (native mode): log in with the authorization server that \
                 /.well-known/oauth-protected-resource names"
                    .into()
            }
            Self::NotFound(NotFound::NoProvider) => {
                "tokens for this server are issued by its operator: there is no authorization server".into()
            }
            Self::MethodNotAllowed => "this document is read with GET".into(),
            Self::NotFetchedYet => "the identity provider's document is not at hand yet".into(),
            Self::BodyTooLarge => "the request body is longer than this server accepts".into(),
            Self::BodySlow => "nothing came of the request body for half a minute".into(),
            Self::BodyBroken => "the request body does not come to the end that it announces".into(),
            Self::Upstream(error) => error.to_string(),
        }
    }

    /// The challenge, for the answers that ask for another token (RFC 6750 §3).
    fn challenge(&self, challenge: &Challenge) -> Option<HeaderValue> {
        match self {
            // RFC 6750 §3.1: without any credentials, the answer SHOULD NOT include an error code.
            Self::Refused(Refusal::NoCredential) => Some(challenge.bare()),
            Self::Refused(
                Refusal::InvalidToken(_) | Refusal::Malformed(_) | Refusal::InsufficientScope { .. },
            ) => Some(challenge.with_error(self.error(), &self.sentence())),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<HeaderValue> {
        match self {
            Self::Closed(_) | Self::NotFetchedYet | Self::Refused(Refusal::KeysUnavailable) => {
                Some(HeaderValue::from_static("5"))
            }
            Self::Upstream(_) | Self::BadHead(Fault::Crowded) => Some(HeaderValue::from_static("1")),
            _ => None,
        }
    }

    /// RFC 9110 §15.5.6: the origin server MUST generate an Allow header field in a 405 response.
    fn allow(&self) -> Option<HeaderValue> {
        match self {
            Self::MethodNotAllowed => Some(HeaderValue::from_static("GET, HEAD")),
            Self::BadTarget(BadTarget::Method) => {
                Some(HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
            }
            _ => None,
        }
    }

    /// The answer. Without a policy there is no challenge to give.
    pub fn into_response(self, challenge: Option<&Challenge>) -> Response<Body> {
        let body = json!({ "error": self.error(), "error_description": self.sentence() }).to_string();
        let mut response = json_response(self.status(), body.into());
        let headers = response.headers_mut();
        // RFC 9111 §5.2.2.5; decision 8: no refusal is ever cached.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        insert(headers, WWW_AUTHENTICATE, challenge.and_then(|challenge| self.challenge(challenge)));
        insert(headers, RETRY_AFTER, self.retry_after());
        insert(headers, ALLOW, self.allow());
        // P01: where one request was not clear, the next one on its connection is not asked for.
        if matches!(self, Self::BadHead(_) | Self::BadTarget(_) | Self::BodyBroken | Self::BodySlow) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A document of ours. It is the same for every request (O18, O19).
pub fn document(body: Bytes) -> Response<Body> {
    let mut response = json_response(StatusCode::OK, body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    response
}

/// An answer without a body.
pub fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::Whole(Full::default()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Plain text, for the admin port.
pub fn text(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Full::new(text.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn json_response(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bearer::Why;
    use crate::settings::example_policy;

    fn header(rejection: Rejection, name: HeaderName) -> Option<String> {
        let challenge = Challenge::new(&example_policy("https://mcp.example.com/mcp", &[]));
        let response = rejection.into_response(Some(&challenge));
        response.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn no_credentials_get_a_challenge_without_an_error() {
        let challenge =
            header(Rejection::Refused(Refusal::NoCredential), WWW_AUTHENTICATE).expect("there is one");
        assert!(challenge.starts_with(
            "Bearer resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\""
        ));
        assert!(!challenge.contains("error"));
    }

    #[test]
    fn a_bad_token_gets_invalid_token_and_its_reason() {
        let challenge =
            header(Rejection::Refused(Why::Expired.into()), WWW_AUTHENTICATE).expect("there is one");
        assert!(
            challenge.contains("error=\"invalid_token\", error_description=\"the access token has expired\"")
        );
    }

    #[test]
    fn what_is_no_question_of_tokens_has_no_challenge_and_says_when_to_come_back() {
        let closed =
            || Rejection::Closed(Closed { reason: "NoPolicy".into(), message: "secret text".into() });
        assert_eq!(header(closed(), WWW_AUTHENTICATE), None);
        assert_eq!(header(closed(), RETRY_AFTER).as_deref(), Some("5"));
        assert_eq!(
            header(Rejection::Upstream(UpstreamError::Unreachable), RETRY_AFTER).as_deref(),
            Some("1")
        );
        assert_eq!(header(Rejection::ForeignOrigin, WWW_AUTHENTICATE), None);
        let crowded =
            [Fault::Crowded, Fault::Long].map(|fault| header(Rejection::BadHead(fault), RETRY_AFTER));
        assert_eq!(crowded, [Some("1".to_owned()), None]);
    }

    #[test]
    fn no_refusal_is_cached() {
        assert_eq!(header(Rejection::MethodNotAllowed, CACHE_CONTROL).as_deref(), Some("no-store"));
        assert_eq!(header(Rejection::MethodNotAllowed, ALLOW).as_deref(), Some("GET, HEAD"));
    }
}
