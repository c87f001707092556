//! Bodies on their way through: never collected, one chunk at a time, at the speed of the slower side.
//!
//! Pure. Meets X2, X5, X14, S1 (streaming, an abort stays an abort) and P09 (the limit on request bodies).

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::{Failed, UpstreamError};
use crate::reply::{Body, Rejection};

/// A request body that ends in an error once it is longer than allowed. What was not read of it is left in its `Fate`.
#[derive(Debug)]
pub(super) struct Limited {
    body: Option<Incoming>,
    left: u64,
    fate: Fate,
}

/// What became of a body: the HTTP client tells that it failed, not why, and drops the rest of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Fate(Arc<Mutex<Remains>>);

#[derive(Debug, Default)]
struct Remains {
    fault: Option<Fault>,
    rest: Option<Incoming>,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    TooLong,
    Slow,
    Broken,
}

/// Why a body cannot be sent on.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the request body is too long")]
    TooLong,
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

impl Fault {
    /// What the connection has said (`wire`), through the parser.
    fn of(error: &hyper::Error) -> Self {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        if cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut) {
            Self::Slow
        } else {
            Self::Broken
        }
    }
}

impl Fate {
    /// The failure of a request with this body. The body's own fault goes before the server's.
    pub(super) fn failed(&self, error: UpstreamError) -> Failed {
        let mut remains = self.remains();
        let rejection = match remains.fault {
            Some(Fault::TooLong) => Rejection::BodyTooLarge,
            Some(Fault::Slow) => Rejection::BodySlow,
            Some(Fault::Broken) => Rejection::BodyBroken,
            None => error.into(),
        };
        Failed { rejection, rest: remains.rest.take() }
    }

    fn remains(&self) -> MutexGuard<'_, Remains> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Limited {
    /// A body that announces its length is refused before a byte of it is read.
    pub(super) fn new(body: Incoming, longest: u64) -> Result<(Self, Fate), Failed> {
        if body.size_hint().lower() > longest {
            return Err(Failed { rejection: Rejection::BodyTooLarge, rest: Some(body) });
        }
        let fate = Fate::default();
        Ok((Self { body: Some(body), left: longest, fate: fate.clone() }, fate))
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let chunk = match ready!(next_chunk(body, context)) {
            None => return Poll::Ready(None),
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => {
                self.fate.remains().fault = Some(Fault::of(&error));
                return Poll::Ready(Some(Err(error.into())));
            }
        };
        let Some(left) = self.left.checked_sub(chunk.len() as u64) else {
            self.fate.remains().fault = Some(Fault::TooLong);
            return Poll::Ready(Some(Err(BodyError::TooLong)));
        };
        self.left = left;
        Poll::Ready(Some(Ok(chunk)))
    }
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.get_mut().poll_chunk(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Incoming::size_hint).unwrap_or_default()
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        self.fate.remains().rest = self.body.take();
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
