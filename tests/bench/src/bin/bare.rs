//! A proxy that does nothing else: the server and the client that the sidecar is made of, set up as it sets them up, and
//! not a word about who may pass. `bare LISTEN UPSTREAM`, both as ADDRESS:PORT.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::http::uri::{Authority, Scheme};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// As in `sidecar/src/serve/connections.rs` and `sidecar/src/forward/mod.rs`.
const IDLE: Duration = Duration::from_mins(2);
const IDLE_UPSTREAM: Duration = Duration::from_secs(4);

struct Proxy {
    client: Client<HttpConnector, Incoming>,
    upstream: Authority,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(upstream)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: bare LISTEN UPSTREAM"));
    };
    let listener = TcpListener::bind(&listen).await?;
    let proxy = Arc::new(Proxy::to(upstream.parse().map_err(io::Error::other)?));
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        connections.spawn(talk(stream, proxy.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn talk(stream: TcpStream, proxy: Arc<Proxy>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let proxy = proxy.clone();
        async move { proxy.forward(request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever asks sees that its connection has ended.
    let _ = connection.await;
}

impl Proxy {
    fn to(upstream: Authority) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_UPSTREAM)
            .retry_canceled_requests(true)
            .build(connector);
        Self { client, upstream }
    }

    async fn forward(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>, Error> {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.upstream.clone());
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        self.client.request(request).await
    }
}
