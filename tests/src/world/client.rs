//! A client that writes HTTP by hand, so that a test sends exactly the bytes that it shows and sees all that comes back.
//!
//! Connects to loopback. Every wait is bounded.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// One answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A request's text: `method path`, then headers. `Host` is there unless a header of that name is given.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text.push_str("host: mcp.example.com\r\n");
    }
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if !body.is_empty() {
        let _ = write!(text, "content-length: {}\r\n", body.len());
    }
    format!("{text}\r\n{body}")
}

/// Sends these bytes on a connection of their own and reads one answer.
pub(crate) async fn send(to: SocketAddr, text: impl AsRef<[u8]>) -> Reply {
    let mut connection = Connection::open(to).await;
    connection.write(text).await;
    connection.reply().await.expect("an answer")
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.expect("somebody listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream, buffer: Vec::new() }
    }

    /// Writing may fail: the other side may have answered and closed already.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    pub(crate) async fn exchange(&mut self, text: impl AsRef<[u8]>) -> Reply {
        self.write(text).await;
        self.reply().await.expect("an answer")
    }

    /// The next answer, whole; `None` where the connection ends before that, however it ends.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        let (status, headers) = self.head().await?;
        let find =
            |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let body = if find("transfer-encoding").is_some() {
            self.chunks().await?
        } else {
            let length = find("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            self.take(length).await?
        };
        Some(Reply { status, headers, body })
    }

    /// Status and headers of the next answer; its body stays to be read.
    pub(crate) async fn head(&mut self) -> Option<(u16, Vec<(String, String)>)> {
        let end = self.until(b"\r\n\r\n").await?;
        let head = String::from_utf8_lossy(&end).into_owned();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Some((status, headers.collect()))
    }

    /// The data of the next chunk; empty for the last one.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.until(b"\r\n").await?;
        let length = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
        let data = self.take(length).await?;
        self.until(b"\r\n").await?;
        Some(data)
    }

    /// Whether the other side closes within `bound`; data that still comes is dropped.
    pub(crate) async fn closes_within(&mut self, bound: Duration) -> bool {
        let closed = async { while self.read().await {} };
        timeout(bound, closed).await.is_ok()
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let chunk = self.chunk().await?;
            if chunk.is_empty() {
                return Some(body);
            }
            body.extend(chunk);
        }
    }

    async fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return Some(self.buffer.drain(..at + end.len()).collect());
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        Some(self.buffer.drain(..length).collect())
    }

    async fn more(&mut self) -> Option<()> {
        timeout(LONGEST_WAIT, self.read()).await.expect("the other side goes on").then_some(())
    }

    async fn read(&mut self) -> bool {
        let mut bytes = vec![0; 16 * 1024];
        match self.stream.read(&mut bytes).await {
            Ok(read) if read > 0 => {
                self.buffer.extend_from_slice(&bytes[..read]);
                true
            }
            _ => false,
        }
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(known, _)| known == name).count()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }
}
