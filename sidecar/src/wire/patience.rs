//! The writing side of a connection, whose peer must take what it was sent: whoever asks and never reads would keep answers in memory for ever.
//!
//! Only bytes that wait to be written count. A stream on which nothing is sent waits for nothing, and may be quiet for hours
//! (X3); a slow reader that takes some now and then is a slow reader. Meets P08, P09, P22 (promise 5: bounded).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::{Sleep, sleep};

/// An answer that nobody has taken a byte of for so long has no reader.
const LONGEST_STALL: Duration = Duration::from_secs(30);

/// A stream, and since when its peer takes nothing.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, stalled: None }
    }

    /// What a write came to; one that waits too long ends the connection.
    fn judge<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(LONGEST_STALL)));
        ready!(stalled.as_mut().poll(context));
        self.stalled = None;
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing of its answer")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn p08_whoever_takes_nothing_of_an_answer_is_given_up_and_whoever_takes_some_is_not() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = Patient::new(ours);
        let begun = Instant::now();
        let refused = ours.write_all(&[0; 64]).await.expect_err("nobody reads");
        assert_eq!((refused.kind(), begun.elapsed() >= LONGEST_STALL), (io::ErrorKind::TimedOut, true));
        let mut some = [0; 8];
        let (sent, ()) = tokio::join!(ours.write_all(&[0; 40]), async {
            for _ in 0..6 {
                sleep(LONGEST_STALL * 9 / 10).await;
                theirs.read_exact(&mut some).await.expect("bytes");
            }
        });
        assert!(sent.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn x3_a_connection_on_which_nothing_is_sent_waits_for_nothing() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = Patient::new(ours);
        ours.write_all(b"event").await.expect("room");
        sleep(Duration::from_hours(3)).await;
        ours.write_all(b"!").await.expect("room");
        let mut all = [0; 6];
        theirs.read_exact(&mut all).await.expect("bytes");
        assert_eq!(&all, b"event!");
    }
}
