//! Accepting connections and speaking HTTP/1.1 on them.
//!
//! Meets P07 (HTTP/2 without TLS is refused by not being spoken), P08 (nobody waits for ever), P22 (running out of
//! descriptors slows accepting down, and ends nothing).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::reply::Body;
use crate::wire::{self, Fault, Lingering, Turn};

/// Answers requests; there is always an answer.
pub(crate) trait Answer: Send + Sync + 'static {
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Body>> + Send;

    /// Answers a request of which nothing is known but that its head is refused.
    fn refuse(&self, fault: Fault) -> Response<Body>;
}

/// How long a connection may be idle: longer than the load balancers in front keep theirs (most of them a minute, Google's ten), so
/// that none of them sends a request to a connection that is just being closed.
const IDLE: Duration = Duration::from_mins(11);
/// Where fewer than one in so many connections is left, those that are idle end, and the others after their answers (P08).
const SCARCE: usize = 4;
/// So often at most, so that whoever comes back has a moment.
const PRESSURE_PAUSE: Duration = Duration::from_secs(1);
/// Whoever has just come may ask first.
const MOMENT: Duration = Duration::from_millis(500);
/// The log hears of it so often.
const SILENCE: Duration = Duration::from_mins(1);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The connections of one port.
#[derive(Debug)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    closing: watch::Sender<()>,
    most: usize,
    room: Arc<Semaphore>,
    pressed: Option<Instant>,
    told: Option<Instant>,
}

impl Connections {
    pub(super) fn new(most: usize) -> Self {
        let room = Arc::new(Semaphore::new(most));
        Self { tasks: JoinSet::new(), closing: watch::Sender::new(()), most, room, pressed: None, told: None }
    }

    /// Accepts for ever.
    pub(super) async fn accept(&mut self, listener: TcpListener, answer: Arc<impl Answer>) {
        loop {
            self.make_room();
            let permit = match timeout(PRESSURE_PAUSE, self.room.clone().acquire_owned()).await {
                Ok(Ok(permit)) => permit,
                Ok(Err(_)) => return,
                Err(_) => continue,
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let talk =
                        talk(stream, peer, answer.clone(), self.room.clone(), self.closing.subscribe());
                    self.tasks.spawn(async move {
                        talk.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections at the moment");
                    // Out of descriptors, most likely: those that are idle have some.
                    self.press();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while self.tasks.try_join_next().is_some() {}
        }
    }

    /// Whoever opens connections and asks nothing on them keeps nobody out: they end where few are left.
    fn make_room(&mut self) {
        if self.room.available_permits() < self.most / SCARCE {
            self.press();
        }
    }

    fn press(&mut self) {
        if self.pressed.is_some_and(|at| at.elapsed() < PRESSURE_PAUSE) {
            return;
        }
        self.pressed = Some(Instant::now());
        let _ = self.closing.send(());
        if self.told.is_none_or(|at| at.elapsed() >= SILENCE) {
            self.told = Some(Instant::now());
            tracing::warn!(
                most = self.most,
                "connections are scarce: idle ones are closed, and others after their answers"
            );
        }
    }

    /// Tells every connection to end after the answer that is under way, and waits for them until then.
    pub(super) async fn finish(mut self, end: Instant) {
        let _ = self.closing.send(());
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout_at(end, all).await.is_err() {
            tracing::warn!("streams that were still open have been cut");
        }
    }
}

async fn talk(
    stream: TcpStream,
    peer: SocketAddr,
    answer: Arc<impl Answer>,
    room: Arc<Semaphore>,
    mut closing: watch::Receiver<()>,
) {
    // Small writes are whole events of a stream: they must not wait for one another.
    let _ = stream.set_nodelay(true);
    let (begun, turn) = (Instant::now(), Turn::default());
    let turns = turn.clone();
    let service = service_fn(move |request| {
        let (answer, taken) = (answer.clone(), turns.taken());
        async move {
            let mut response = match Fault::told_by(&request) {
                Some(fault) => answer.refuse(fault),
                None => answer.answer(request, peer).await,
            };
            if taken.is_last() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| taken.until_the_end_of(body)))
        }
    });
    let (reading, writing) = stream.into_split();
    // Of fields hyper takes 100 where nothing is said, as `wire` does, and then needs no memory of its own for each head.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // With this set hyper reads on by itself after an answer, which is when the next request has its turn (`wire`).
        .header_read_timeout(IDLE)
        .max_buf_size(wire::LONGEST_HEAD)
        .serve_connection(TokioIo::new(Lingering::new(reading, writing, turn, room)), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = closing.changed() => match timeout_at(begun + MOMENT, connection.as_mut()).await {
            Ok(ended) => ended,
            Err(_) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        },
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection has ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    struct Yes;

    impl Answer for Yes {
        async fn answer(&self, _: Request<Incoming>, _: SocketAddr) -> Response<Body> {
            reply::no_content()
        }

        fn refuse(&self, _: Fault) -> Response<Body> {
            reply::no_content()
        }
    }

    async fn asks(stream: &mut TcpStream) -> bool {
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut answer = [0; 1024];
        let read = timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
        matches!(read, Ok(Ok(length)) if answer[..length].starts_with(b"HTTP/1.1 204"))
    }

    /// So many connections that have asked once and are idle, of a port with room for sixteen.
    async fn idle(count: usize) -> (Vec<TcpStream>, SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut server = JoinSet::new();
        server.spawn(async move { Connections::new(16).accept(listener, Arc::new(Yes)).await });
        let mut streams = Vec::new();
        for _ in 0..count {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            assert!(asks(&mut stream).await);
            streams.push(stream);
        }
        (streams, address, server)
    }

    #[tokio::test]
    async fn p08_idle_connections_keep_nobody_out_and_stay_where_there_is_room() {
        let (mut few, _, _server) = idle(11).await;
        for stream in &mut few {
            assert!(asks(stream).await, "there is room");
        }
        // More than there are places, one after the other: each is served.
        let (many, address, _server) = idle(40).await;
        let mut late = TcpStream::connect(address).await.expect("it listens");
        assert!(asks(&mut late).await);
        drop(many);
    }
}
