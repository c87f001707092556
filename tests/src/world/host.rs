//! A web host on loopback with TLS, which answers as the test wants it and counts who comes.
//!
//! Listens on loopback. HTTP is written by hand here: hostile answers are the point, and no library writes those.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What a path answers with.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Status line and headers, and a body whose length is announced.
    Whole { head: String, body: Vec<u8> },
    /// JSON that goes on for so many bytes, in no announced number.
    Endless(usize),
    /// One byte a second.
    Drip,
    /// The connection stays open, and nothing comes.
    Silence,
    /// The connection is closed at once.
    Close,
    /// A good answer after this long.
    Late(Duration, String),
}

/// A host that lives as long as this value.
#[derive(Debug)]
pub(crate) struct Host {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    connections: AtomicUsize,
    heads: Mutex<Vec<String>>,
}

impl Answer {
    pub(crate) fn json(document: &Value) -> Self {
        Self::of("application/json", document.to_string())
    }

    pub(crate) fn of(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::with(&format!("200 OK\r\ncontent-type: {content_type}"), body)
    }

    /// `head` is a status, and headers after line ends.
    pub(crate) fn with(head: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Whole { head: head.to_owned(), body: body.into() }
    }
}

impl Host {
    pub(crate) async fn start(address: &str, tls: TlsAcceptor) -> Self {
        let listener = TcpListener::bind(address).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let mut server = JoinSet::new();
        server.spawn(serve(listener, tls, shared.clone()));
        Self { address, shared, _server: server }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on `path` answers like this.
    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        let mut answers = self.shared.answers.lock().expect("no test panics while it holds this");
        answers.insert(path.to_owned(), answer);
    }

    /// How often somebody connected, whatever came of it.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How often `path` was asked for.
    pub(crate) fn requests(&self, path: &str) -> usize {
        let heads = self.shared.heads.lock().expect("no test panics while it holds this");
        heads.iter().filter(|head| head.split(' ').nth(1) == Some(path)).count()
    }

    pub(crate) fn last_head(&self) -> String {
        let heads = self.shared.heads.lock().expect("no test panics while it holds this");
        heads.last().cloned().unwrap_or_default()
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, shared) = (tls.clone(), shared.clone());
        connections.spawn(async move {
            // A caller who does not trust us hangs up here.
            if let Ok(stream) = tls.accept(stream).await {
                connection(stream, shared).await;
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
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let known = shared.answers.lock().expect("no test panics while it holds this").get(&path).cloned();
    shared.heads.lock().expect("no test panics while it holds this").push(head);
    // Whoever asked may have hung up: that is one of the things under test.
    let _ = write(&mut stream, known.unwrap_or_else(|| Answer::with("404 Not Found", ""))).await;
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Whole { head, body } => whole(stream, &head, &body).await,
        Answer::Endless(bytes) => endless(stream, bytes).await,
        Answer::Drip => drip(stream).await,
        Answer::Silence => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            Ok(())
        }
        Answer::Close => Ok(()),
        Answer::Late(after, body) => {
            tokio::time::sleep(after).await;
            whole(stream, "200 OK\r\ncontent-type: application/json", body.as_bytes()).await
        }
    }
}

async fn whole(stream: &mut (impl AsyncWrite + Unpin), head: &str, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    stream.shutdown().await
}

const OPEN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{";

async fn endless(stream: &mut (impl AsyncWrite + Unpin), bytes: usize) -> std::io::Result<()> {
    stream.write_all(OPEN).await?;
    let spaces = [b' '; 8192];
    let mut left = bytes;
    while left > 0 {
        let next = left.min(spaces.len());
        stream.write_all(&spaces[..next]).await?;
        left -= next;
    }
    stream.write_all(b"}").await?;
    stream.shutdown().await
}

async fn drip(stream: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    stream.write_all(OPEN).await?;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stream.write_all(b" ").await?;
        stream.flush().await?;
    }
    stream.shutdown().await
}
