//! The body of a request that is refused: read away where it is short, so that the refusal arrives and the connection
//! can be used again; otherwise the connection ends, and nothing of the body is ever taken for a request (P19).
//!
//! Pure.

use std::time::Duration;

use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, HeaderValue};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// What a refused caller may make us read, and how long we wait for it. Closing on unread bytes resets the connection,
/// and a client that writes head and body one after the other would never see its 401.
const LONGEST: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(1);

/// How a body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    AtOnce,
    /// RFC 9110 §10.1.1: whoever waits for a 100 has sent nothing yet, and reading would ask for it.
    WhenAsked,
}

impl Sent {
    pub(super) fn by(request: &HeaderMap) -> Self {
        if request.contains_key(EXPECT) { Self::WhenAsked } else { Self::AtOnce }
    }
}

pub(super) async fn settle(sent: Sent, body: Incoming, response: &mut HeaderMap) {
    if body.is_end_stream() {
        return;
    }
    if sent == Sent::AtOnce && tokio::time::timeout(PATIENCE, is_short(body)).await == Ok(true) {
        return;
    }
    response.insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Reads to the end, or as far as it goes.
async fn is_short(mut body: Incoming) -> bool {
    let mut left = LONGEST;
    while let Some(frame) = body.frame().await {
        let length = frame.ok().map(|frame| frame.data_ref().map_or(0, bytes::Bytes::len));
        match length.and_then(|length| left.checked_sub(length)) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}
