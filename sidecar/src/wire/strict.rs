//! The reading side of a connection, of which the parser sees only what has one reading.
//!
//! Reads from its stream. Bytes go straight into the parser's buffer, and what it may not see yet is taken out again and held: a
//! head that comes in pieces, and a request whose turn it is not. Of a body nothing is held. Meets P01, P08 (a head has ten
//! seconds, a body half a minute without a byte), X4.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

use super::requests::{Judged, Next, Refused, Requests};
use super::turn::Turn;
use super::{Fault, SHORT_HEAD};

/// From the first byte of a head on; of the first head, from the beginning of the connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// A body that somebody waits for may pause so long.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// A parser keeps as much memory as its longest head took: two more connections' worth.
const LONG_COST: u32 = 2;
/// How much room is made at a time for a head that goes on.
const STEP: usize = 4096;

/// A stream, and how far its requests were judged.
#[derive(Debug)]
pub(super) struct Strict<S> {
    stream: S,
    turn: Turn,
    /// For connections, of all of them together.
    room: Arc<Semaphore>,
    /// What a long head takes of it, for as long as the connection lives.
    place: Option<OwnedSemaphorePermit>,
    requests: Requests,
    /// What was read and not handed on: so many bytes that may be, and behind them what has to wait.
    held: Vec<u8>,
    good: usize,
    end: Option<End>,
    timer: Pin<Box<Sleep>>,
    /// A head that goes on gets no more time for every byte of it.
    is_timed: bool,
}

/// What comes when all that was good is handed on.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The stream's own end.
    Nothing,
    /// A refusal is under way, and ends the connection. An end before it would be taken for a client that has gone.
    Told,
    Error(io::ErrorKind),
}

impl<S> Strict<S> {
    pub(super) fn new(stream: S, turn: Turn, room: Arc<Semaphore>) -> Self {
        Self {
            stream,
            turn,
            room,
            place: None,
            requests: Requests::default(),
            held: Vec::new(),
            good: 0,
            end: None,
            timer: Box::pin(sleep(HEAD_PATIENCE)),
            is_timed: true,
        }
    }

    fn next(&self) -> Next {
        if self.turn.is_free() { Next::May } else { Next::Waits }
    }

    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.good.min(buffer.remaining());
        buffer.put_slice(&self.held[..length]);
        self.good -= length;
        self.held.drain(..length);
        if self.held.is_empty() {
            self.held = Vec::new();
        }
    }

    fn judge_held(&mut self) {
        let judged = self.requests.read(&self.held, self.next());
        self.good = judged.good;
        self.settle(&judged);
    }

    /// What follows from a judgement, but for the good bytes: these are where they were judged.
    fn settle(&mut self, judged: &Judged) {
        self.is_timed &= judged.good == 0;
        if judged.begins {
            self.turn.begin();
        }
        match judged.refused {
            Some(Refused::Head(fault)) => self.refuse(fault),
            Some(Refused::Body) => {
                self.held.truncate(self.good);
                self.end = Some(End::Error(io::ErrorKind::InvalidData));
            }
            None => {}
        }
    }

    /// A client has sent so much ahead that no more is read, until its turn comes.
    fn is_ahead(&self) -> bool {
        self.next() == Next::Waits && self.held.len() >= SHORT_HEAD
    }

    /// A head that is longer than others takes its room, or is refused.
    fn make_room(&mut self) {
        if self.held.len() >= SHORT_HEAD && self.place.is_none() {
            match self.room.clone().try_acquire_many_owned(LONG_COST) {
                Ok(place) => {
                    self.place = Some(place);
                    self.turn.end_with_this();
                }
                Err(_) => self.refuse(Fault::Crowded),
            }
        }
    }

    fn refuse(&mut self, fault: Fault) {
        self.held.truncate(self.good);
        self.held.extend(fault.told());
        self.good = self.held.len();
        self.end = Some(End::Told);
    }

    /// Between two requests nobody is late; how long that may last is not decided here. A line's end that a client puts behind a
    /// body is no head that has begun.
    fn is_between(&self) -> bool {
        !self.is_ahead() && self.next() == Next::Waits
            || matches!(self.held.as_slice(), b"" | b"\r" | b"\r\n")
    }

    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_timed {
            let patience = match (self.requests.is_in_body(), self.is_between()) {
                (true, _) => BODY_PATIENCE,
                (false, false) => HEAD_PATIENCE,
                (false, true) => return Poll::Pending,
            };
            self.timer.as_mut().reset(Instant::now() + patience);
            self.is_timed = true;
        }
        self.timer.as_mut().poll(context)
    }

    /// A connection on which nothing was ever asked is owed no answer.
    fn give_up(&mut self) {
        // Of a client that is ahead nobody sees whether it has gone: its connection ends, and with it what it asked for.
        if self.requests.is_in_body() || self.is_ahead() {
            self.end = Some(End::Error(io::ErrorKind::TimedOut));
        } else if self.is_between() {
            self.end = Some(End::Nothing);
        } else {
            self.refuse(Fault::Slow);
        }
    }
}

impl<S: AsyncRead + Unpin> Strict<S> {
    /// Reads on, for nobody, to the end of the stream or as far as is left.
    pub(super) fn poll_away(&mut self, context: &mut Context<'_>, left: &mut usize) -> Poll<()> {
        let mut room = [0; STEP];
        while *left > 0 {
            let mut room = ReadBuf::new(&mut room);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut room));
            if read.is_err() || room.filled().is_empty() {
                break;
            }
            *left = left.saturating_sub(room.filled().len());
        }
        Poll::Ready(())
    }

    /// How many bytes came; none at the end of the stream.
    fn poll_more(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        if self.held.is_empty() { self.poll_straight(context, buffer) } else { self.poll_behind(context) }
    }

    fn poll_straight(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let before = buffer.filled().len();
        // The parser takes more memory after each read that fills what it has, and keeps it: none does.
        let most = buffer.remaining().min(SHORT_HEAD - 1);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let length = part.filled().len();
        buffer.advance(length);
        let next = self.next();
        let new = &buffer.filled()[before..];
        let judged = self.requests.read(new, next);
        self.held.extend_from_slice(&new[judged.good..]);
        buffer.set_filled(before + judged.good);
        self.settle(&judged);
        Poll::Ready(Ok(length))
    }

    /// What is held goes on.
    fn poll_behind(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.is_ahead() {
            return Poll::Pending;
        }
        self.make_room();
        if self.end.is_some() {
            return Poll::Ready(Ok(self.held.len()));
        }
        let before = self.held.len();
        self.held.reserve_exact(STEP);
        self.held.resize(before + STEP, 0);
        let mut room = ReadBuf::new(&mut self.held[before..]);
        let read = Pin::new(&mut self.stream).poll_read(context, &mut room);
        let length = room.filled().len();
        self.held.truncate(before + length);
        ready!(read)?;
        Poll::Ready(Ok(length))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        loop {
            if self.good == 0 && self.end.is_none() && !self.held.is_empty() {
                self.judge_held();
            }
            if self.good > 0 {
                self.hand_on(buffer);
            }
            if buffer.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            match self.end {
                Some(End::Nothing) => return Poll::Ready(Ok(())),
                Some(End::Told) => return Poll::Pending,
                Some(End::Error(kind)) => return Poll::Ready(Err(kind.into())),
                None => {}
            }
            match self.poll_more(context, buffer) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    ready!(self.poll_patience(context));
                    self.give_up();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
