//! Bodies on their way through: never collected, one chunk at a time, at the speed of the slower side.
//!
//! Pure. Meets X2, X5, X14, S1 (streaming, an abort stays an abort) and P09 (the limit on request bodies).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::reply::{Body, Rejection};

/// A request body that ends in an error once it is longer than allowed.
#[derive(Debug)]
pub(super) struct Limited {
    body: Incoming,
    left: u64,
    tripped: Tripped,
}

/// Whether a body was too long: the HTTP client tells that the body failed, not why.
#[derive(Debug, Clone, Default)]
pub(super) struct Tripped(Arc<AtomicBool>);

/// Why a body cannot be sent on.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the request body is too long")]
    TooLong,
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

impl Tripped {
    pub(super) fn is_tripped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Limited {
    /// A body that announces its length is refused before a byte of it is read.
    pub(super) fn new(body: Incoming, longest: u64) -> Result<(Self, Tripped), Rejection> {
        if body.size_hint().lower() > longest {
            return Err(Rejection::BodyTooLarge);
        }
        let tripped = Tripped::default();
        Ok((Self { body, left: longest, tripped: tripped.clone() }, tripped))
    }
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(chunk) = ready!(next_chunk(&mut self.body, context)).transpose()? else {
            return Poll::Ready(None);
        };
        let length = chunk.len() as u64;
        if length > self.left {
            self.tripped.0.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(BodyError::TooLong)));
        }
        self.left -= length;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body as the MCP server sends it. Dropping it, because the client went away, ends the server's side (X4).
#[derive(Debug)]
pub struct Relay(Incoming);

impl Relay {
    pub(super) fn new(body: Incoming) -> Self {
        Self(body)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Relayed(Relay(body)) => {
                next_chunk(body, context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Relayed(Relay(body)) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Relayed(Relay(body)) => body.size_hint(),
        }
    }
}

/// The next data of a body. Trailers are dropped: no MCP wire has any, and they could carry what a head may not (J22).
fn next_chunk(body: &mut Incoming, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, hyper::Error>>> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(context)) {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Poll::Ready(Some(Ok(data)));
                }
            }
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => return Poll::Ready(None),
        }
    }
}
