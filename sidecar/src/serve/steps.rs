//! Requests to our own authorization server: the body of one is read whole, within bounds, and handed over with its head.
//!
//! Meets O24 (64 KiB), P08 (a body has ten seconds), P22 (so many at a time), O21 (which steps a program in a web page may call).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONNECTION;
use http::request::Parts;
use http::{HeaderValue, Method, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::linger::{self, Sent};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::{Asked, AuthorizationServer, LONGEST_BODY, Step};
use crate::origin;
use crate::reply::Body;
use crate::telemetry::Outcome;

const PATIENCE: Duration = Duration::from_secs(10);
/// What people and their clients send is shorter, and costs no more than the head before it did (`room`).
const SHORT: u64 = 8 * 1024;
/// Of longer ones, or of those that do not say: six megabytes that have not come to their ends, whoever sends them.
const LONG_ONES: usize = 96;

/// Where such requests are taken in.
#[derive(Debug)]
pub(super) struct Steps {
    room: Semaphore,
}

impl Steps {
    pub(super) fn new() -> Self {
        Self { room: Semaphore::new(LONG_ONES) }
    }

    pub(super) async fn answer(
        &self,
        server: &Arc<AuthorizationServer>,
        step: Step,
        head: Parts,
        body: Incoming,
    ) -> (Response<Body>, Outcome) {
        let (mut response, told) = match self.read(step, &head, body).await {
            Ok(Read { body, unread }) => {
                let sent = Sent::by(&head.headers);
                let mut answered = server.answer(step, &Asked { head, body }).await;
                if let Some(unread) = unread {
                    linger::settle(sent, unread, answered.0.headers_mut()).await;
                }
                answered
            }
            Err(error) => {
                let word = if error == BUSY { "oauth_busy" } else { "oauth_body" };
                let mut response = error.into_response();
                // What was not read must not be taken for the next request.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                (response, Some(word))
            }
        };
        if step.is_for_programs() {
            origin::allow_everyone(response.headers_mut());
        }
        let outcome = told.map_or(Outcome::Answered, |code| Outcome::Rejected { code });
        (response.map(|body| Body::Whole(Full::new(body))), outcome)
    }

    /// Nothing is read of a body that no step looks at.
    async fn read(&self, step: Step, head: &Parts, body: Incoming) -> Result<Read, OAuthError> {
        if head.method != Method::POST || !step.takes(&head.method) {
            return Ok(Read { body: Bytes::new(), unread: Some(body) });
        }
        let is_short = body.size_hint().upper().is_some_and(|length| length <= SHORT);
        let _place = if is_short { None } else { Some(self.room.try_acquire().map_err(|_| BUSY)?) };
        collect(body).await.map(|body| Read { body, unread: None })
    }
}

#[derive(Debug)]
struct Read {
    body: Bytes,
    unread: Option<Incoming>,
}

const BUSY: OAuthError =
    OAuthError::new(Code::TemporarilyUnavailable, "too many long requests come in at the moment; try again");

/// Copied together, for a frame keeps the whole of the buffer that it was cut from, however short it is.
async fn collect(body: Incoming) -> Result<Bytes, OAuthError> {
    match timeout(PATIENCE, copy(body)).await {
        Ok(whole) => whole,
        Err(_) => Err(OAuthError::new(Code::InvalidRequest, "the body did not come within ten seconds")),
    }
}

async fn copy(mut body: Incoming) -> Result<Bytes, OAuthError> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BROKEN)?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if whole.len() + data.len() > LONGEST_BODY {
            return Err(TOO_LONG);
        }
        whole.extend_from_slice(data);
    }
    Ok(whole.into())
}

const BROKEN: OAuthError =
    OAuthError::new(Code::InvalidRequest, "the body does not come to the end that it announces");
const TOO_LONG: OAuthError = OAuthError::new(Code::TooLarge, "the body is longer than 64 KiB");
