//! Accepting connections and speaking HTTP/1.1 on them.
//!
//! Meets P07 (HTTP/2 without TLS is refused by not being spoken), P08 (nobody waits for ever), P22 (running out of
//! descriptors slows accepting down, and ends nothing).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::room;
use crate::reply::Body;
use crate::wire::{self, Fault, Lingering};

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

/// How long a connection may be idle: longer than the common proxies keep theirs (one minute), so that none of them sends a
/// request to a connection that is just being closed.
const IDLE: Duration = Duration::from_mins(2);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A pod has 30 s to end by default; five of them are left to everyone else.
const GRACE: Duration = Duration::from_secs(25);

/// The connections of one port.
#[derive(Debug)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    closing: watch::Sender<()>,
    room: Arc<Semaphore>,
}

impl Connections {
    pub(super) fn new() -> Self {
        let room = Arc::new(Semaphore::new(room::connections()));
        Self { tasks: JoinSet::new(), closing: watch::Sender::new(()), room }
    }

    /// Accepts for ever.
    pub(super) async fn accept(&mut self, listener: TcpListener, answer: Arc<impl Answer>) {
        loop {
            let Ok(permit) = self.room.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let talk = talk(stream, peer, answer.clone(), self.closing.subscribe());
                    self.tasks.spawn(async move {
                        talk.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections at the moment");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while self.tasks.try_join_next().is_some() {}
        }
    }

    /// Tells every connection to end after the answer that is under way, and waits for them, within a bound.
    pub(super) async fn finish(mut self) {
        let _ = self.closing.send(());
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::warn!("streams that were still open have been cut");
        }
    }
}

async fn talk(
    stream: TcpStream,
    peer: SocketAddr,
    answer: Arc<impl Answer>,
    mut closing: watch::Receiver<()>,
) {
    // Small writes are whole events of a stream: they must not wait for one another.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let answer = answer.clone();
        async move {
            Ok::<_, Infallible>(match Fault::told_by(&request) {
                Some(fault) => answer.refuse(fault),
                None => answer.answer(request, peer).await,
            })
        }
    });
    let (reading, writing) = stream.into_split();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(wire::LONGEST_HEAD)
        .max_headers(wire::MOST_FIELDS)
        .serve_connection(TokioIo::new(Lingering::new(reading, writing)), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection has ended early");
    }
}
