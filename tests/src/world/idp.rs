//! An identity provider on loopback: a discovery document and a key set, each answered as the test wants it, and counted.
//!
//! Listens on loopback. HTTP is written by hand here: hostile answers are the point, and no library writes those.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(crate) const KEYS: &str = "/keys";

/// What a path answers with.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Json(String),
    /// A status with a body of its own.
    Status(u16, String),
    Html,
    Redirect(String),
    /// JSON that goes on for so many bytes.
    Endless(usize),
    /// A gzip body, whatever was asked for.
    Gzip(Vec<u8>),
    /// One byte a second.
    Drip,
    /// The connection stays open, and nothing comes.
    Silence,
    /// The connection is closed at once.
    Close,
}

/// A provider that lives as long as this value.
#[derive(Debug)]
pub(crate) struct Idp {
    scheme: &'static str,
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    requests: Mutex<Vec<String>>,
}

impl Idp {
    /// A provider with this key set, whose issuer is its own address.
    pub(crate) async fn start(keys: &serde_json::Value) -> Self {
        Self::start_on("http", None, keys).await
    }

    /// The same behind TLS.
    pub(crate) async fn start_with_tls(keys: &serde_json::Value, tls: TlsAcceptor) -> Self {
        Self::start_on("https", Some(tls), keys).await
    }

    async fn start_on(scheme: &'static str, tls: Option<TlsAcceptor>, keys: &serde_json::Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let mut server = JoinSet::new();
        server.spawn(serve(listener, tls, shared.clone()));
        let idp = Self { scheme, address, shared, _server: server };
        idp.answer(DISCOVERY, Answer::Json(idp.discovery_document()));
        idp.answer(KEYS, Answer::Json(keys.to_string()));
        idp
    }

    pub(crate) fn issuer(&self) -> String {
        self.url("")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub(crate) fn discovery_document(&self) -> String {
        let (issuer, keys) = (self.issuer(), self.url(KEYS));
        let authorize = self.url("/authorize");
        serde_json::json!({ "issuer": issuer, "jwks_uri": keys, "authorization_endpoint": authorize })
            .to_string()
    }

    /// From now on `path` answers like this.
    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        self.shared
            .answers
            .lock()
            .expect("no test panics while it holds this")
            .insert(path.to_owned(), answer);
    }

    /// How often `path` was asked for.
    pub(crate) fn requests(&self, path: &str) -> usize {
        let requests = self.shared.requests.lock().expect("no test panics while it holds this");
        requests.iter().filter(|asked| *asked == path).count()
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), shared.clone());
        connections.spawn(async move {
            match tls {
                None => connection(stream, shared).await,
                Some(tls) => {
                    // A caller who does not trust us hangs up here.
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, shared).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// One request per connection: read the head, answer, close.
async fn connection(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let takes_key_sets = head.contains("application/jwk-set+json");
    let known = shared.answers.lock().expect("no test panics while it holds this").get(&path).cloned();
    shared.requests.lock().expect("no test panics while it holds this").push(path);
    let answer = match known {
        // As Kubernetes does, which has its key set under that media type and no other.
        Some(_) if !takes_key_sets => Answer::Status(406, String::new()),
        Some(answer) => answer,
        None => Answer::Status(404, "{}".into()),
    };
    // Whoever asked may have hung up: that is one of the things under test.
    let _ = write(&mut stream, answer).await;
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Json(body) => whole(stream, "200 OK", "content-type: text/plain", body.as_bytes()).await,
        Answer::Status(code, body) => whole(stream, &format!("{code} Status"), "x: y", body.as_bytes()).await,
        Answer::Html => {
            whole(stream, "200 OK", "content-type: text/html", b"<!doctype html><p>Sign in").await
        }
        Answer::Redirect(to) => whole(stream, "302 Found", &format!("location: {to}"), b"").await,
        Answer::Gzip(body) => whole(stream, "200 OK", "content-encoding: gzip", &body).await,
        Answer::Endless(bytes) => endless(stream, bytes).await,
        Answer::Drip => drip(stream).await,
        Answer::Silence => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            Ok(())
        }
        Answer::Close => Ok(()),
    }
}

async fn whole(
    stream: &mut (impl AsyncWrite + Unpin),
    status: &str,
    header: &str,
    body: &[u8],
) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{header}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    stream.shutdown().await
}

/// No length is announced, so that only what was read can be counted.
async fn endless(stream: &mut (impl AsyncWrite + Unpin), bytes: usize) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"keys\":[").await?;
    let spaces = [b' '; 8192];
    let mut left = bytes;
    while left > 0 {
        let next = left.min(spaces.len());
        stream.write_all(&spaces[..next]).await?;
        left -= next;
    }
    stream.write_all(b"]}").await?;
    stream.shutdown().await
}

async fn drip(stream: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{").await?;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stream.write_all(b" ").await?;
    }
    stream.shutdown().await
}
