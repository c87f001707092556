//! A request to our own authorization server: its body is read whole, within bounds, and handed over with its head.
//!
//! Meets O24 (64 KiB), P08 (a body has ten seconds), O21 (which steps a program in a web page may call).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::oauth::error::{Code, OAuthError};
use crate::oauth::{Asked, AuthorizationServer, LONGEST_BODY, Step};
use crate::origin;
use crate::reply::Body;
use crate::telemetry::Outcome;

const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn answer(
    server: &Arc<AuthorizationServer>,
    step: Step,
    head: Parts,
    body: Incoming,
) -> (Response<Body>, Outcome) {
    let (mut response, told) = match collect(body).await {
        Ok(body) => server.answer(step, &Asked { head, body }).await,
        Err(error) => {
            let mut response = error.into_response();
            // What was not read must not be taken for the next request.
            response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
            (response, Some("oauth_body"))
        }
    };
    if step.is_for_programs() {
        origin::allow_everyone(response.headers_mut());
    }
    let outcome = told.map_or(Outcome::Answered, |code| Outcome::Rejected { code });
    (response.map(|body| Body::Whole(Full::new(body))), outcome)
}

async fn collect(body: Incoming) -> Result<Bytes, OAuthError> {
    let collected = tokio::time::timeout(PATIENCE, Limited::new(body, LONGEST_BODY).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(OAuthError::new(Code::TooLarge, "the body is longer than 64 KiB"))
        }
        Ok(Err(_)) => {
            Err(OAuthError::new(Code::InvalidRequest, "the body does not come to the end that it announces"))
        }
        Err(_) => Err(OAuthError::new(Code::InvalidRequest, "the body did not come within ten seconds")),
    }
}
