//! A connection that ends after what it was owed has arrived.
//!
//! Closing on bytes that were not read resets a connection, and a peer that was still sending never sees its answer. So the end is
//! said first, and what the peer sends then is read away for a moment. Meets P19.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};

use super::patience::Patient;
use super::strict::Strict;
use super::turn::Turn;

const LONGEST: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(1);

/// Both sides of a connection.
#[derive(Debug)]
pub struct Lingering<R, W> {
    reading: Strict<R>,
    writing: Patient<W>,
    farewell: Option<Farewell>,
}

#[derive(Debug)]
struct Farewell {
    left: usize,
    over: Pin<Box<Sleep>>,
}

impl<R, W> Lingering<R, W> {
    /// `room` is that of all connections together, of which a long head takes more.
    pub fn new(reading: R, writing: W, turn: Turn, room: Arc<Semaphore>) -> Self {
        Self { reading: Strict::new(reading, turn, room), writing: Patient::new(writing), farewell: None }
    }
}

impl<R: AsyncRead + Unpin, W: Unpin> AsyncRead for Lingering<R, W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reading).poll_read(context, buffer)
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> AsyncWrite for Lingering<R, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writing).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writing).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.writing.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writing).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { reading, writing, farewell } = self.get_mut();
        if farewell.is_none() {
            ready!(Pin::new(writing).poll_shutdown(context))?;
        }
        let Farewell { left, over } =
            farewell.get_or_insert_with(|| Farewell { left: LONGEST, over: Box::pin(sleep(PATIENCE)) });
        if reading.poll_away(context, left).is_pending() {
            ready!(over.as_mut().poll(context));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
    use tokio::time::Instant;

    use super::*;

    fn lingering<R, W>(reading: R, writing: W) -> Lingering<R, W> {
        Lingering::new(reading, writing, Turn::default(), Arc::new(Semaphore::new(1)))
    }

    #[tokio::test(start_paused = true)]
    async fn p19_what_a_peer_still_sends_is_read_away_for_a_moment_and_no_longer() {
        let (theirs, ours) = duplex(8);
        let (reading, writing) = split(ours);
        let mut ours = lingering(reading, writing);
        let (mut hears, mut says) = split(theirs);
        let all = async {
            let sent = says.write_all(&[0; 8 * 1024]).await;
            let mut answer = Vec::new();
            let read = hears.read_to_end(&mut answer).await;
            says.shutdown().await.expect("open");
            (sent.is_ok(), read.is_ok(), answer)
        };
        let end = async {
            ours.write_all(b"400").await.expect("room");
            ours.shutdown().await.expect("open");
        };
        let (all, ()) = tokio::join!(all, end);
        assert_eq!(all, (true, true, b"400".to_vec()));

        let (_theirs, ours) = duplex(8);
        let (reading, writing) = split(ours);
        let begun = Instant::now();
        lingering(reading, writing).shutdown().await.expect("open");
        assert_eq!(begun.elapsed(), PATIENCE);
    }
}
