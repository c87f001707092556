//! Whose turn it is on a connection: a request is handed to the parser when the one before it was answered.
//!
//! Pure. A parser that holds bytes of the next request does not look for the end of the connection any more, and a client that has
//! gone would keep its stream open at the server for as long as that is quiet (X4, P18).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};

/// Whether a request is under way. Of one connection, on both sides of its parser.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_taken: AtomicBool,
    is_last: AtomicBool,
}

/// A request's turn, which is over when this is dropped.
#[derive(Debug)]
pub struct Taken(Turn);

/// The body of an answer, with whose end the turn ends.
#[derive(Debug)]
pub struct Answering<B> {
    body: B,
    _taken: Taken,
}

impl Turn {
    pub(super) fn begin(&self) {
        self.0.is_taken.store(true, Ordering::Release);
    }

    pub(super) fn is_free(&self) -> bool {
        !self.0.is_taken.load(Ordering::Acquire)
    }

    /// No turn comes after this one.
    pub(super) fn end_with_this(&self) {
        self.0.is_last.store(true, Ordering::Release);
    }

    pub(super) fn is_last(&self) -> bool {
        self.0.is_last.load(Ordering::Acquire)
    }

    /// Of the request that the parser has read.
    pub fn taken(&self) -> Taken {
        Taken(self.clone())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.0.is_taken.store(false, Ordering::Release);
    }
}

impl Taken {
    /// Whether the connection ends with this answer.
    pub fn is_last(&self) -> bool {
        let Self(turn) = self;
        turn.is_last()
    }

    pub fn until_the_end_of<B>(self, body: B) -> Answering<B> {
        Answering { body, _taken: self }
    }
}

impl<B: Body + Unpin> Body for Answering<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
