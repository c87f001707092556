//! The MCP server's place: it writes down every byte that reaches it, and answers as the test wants.
//!
//! Listens on loopback. HTTP is read and written by hand: what counts is what was on the wire.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How a request is answered.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    /// These bytes, and the connection stays.
    Raw(String),
    /// The head of an event stream, then these events with a pause before each, then a proper end.
    Events(Vec<(Duration, &'static str)>),
    /// The head of an event stream and one event; then it waits until the other side hangs up.
    Hold,
    /// Nothing is answered; it waits until the other side hangs up.
    Silence,
    /// The connection ends without an answer.
    Close,
    /// The connection ends in the middle of an answer.
    Cut,
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// A server that lives as long as this value.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
    counts: watch::Sender<Counts>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    bytes: usize,
    /// Of event streams, what the sockets have taken.
    streamed: usize,
    hung_up: usize,
}

const EVENT_STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            script: Mutex::new(Script::Raw(answer("200 OK", "application/json", "{\"ok\":true}"))),
            seen: Mutex::default(),
            counts: watch::Sender::default(),
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, shared.clone()));
        Self { address, shared, _server: server }
    }

    /// From now on requests are answered like this.
    pub(crate) fn script(&self, script: Script) {
        *self.shared.script.lock().expect("no test panics while it holds this") = script;
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().expect("no test panics while it holds this").clone()
    }

    /// The newest request.
    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("a request has come through")
    }

    /// How many bytes have come in, on all connections.
    pub(crate) fn bytes(&self) -> usize {
        self.shared.counts.borrow().bytes
    }

    /// How much of its event streams it could write.
    pub(crate) fn streamed(&self) -> usize {
        self.shared.counts.borrow().streamed
    }

    /// Waits until so many bytes of requests are there.
    pub(crate) async fn has_bytes(&self, bytes: usize) {
        self.wait_for(|counts| counts.bytes >= bytes).await;
    }

    /// Waits until the other side has hung up on a script that waits for it.
    pub(crate) async fn is_hung_up_on(&self) {
        self.wait_for(|counts| counts.hung_up > 0).await;
    }

    async fn wait_for(&self, wanted: impl FnMut(&Counts) -> bool) {
        let mut counts = self.shared.counts.subscribe();
        let happened = tokio::time::timeout(LONGEST_WAIT, counts.wait_for(wanted)).await;
        happened.expect("it happens in time").expect("the server lives");
    }
}

/// A whole answer with a length.
pub(crate) fn answer(status: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}")
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        connections.spawn(connection(stream, shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut buffer = Vec::new();
    while let Some(seen) = next_request(&mut stream, &mut buffer, &shared).await {
        shared.seen.lock().expect("no test panics while it holds this").push(seen);
        let script = shared.script.lock().expect("no test panics while it holds this").clone();
        if play(&mut stream, script, &shared).await.is_none() {
            return;
        }
    }
}

/// Plays the script; `None` where the connection is over.
async fn play(stream: &mut TcpStream, script: Script, shared: &Shared) -> Option<()> {
    match script {
        Script::Raw(text) => stream.write_all(text.as_bytes()).await.ok(),
        Script::Events(events) => {
            stream.write_all(EVENT_STREAM.as_bytes()).await.ok()?;
            for (pause, event) in events {
                tokio::time::sleep(pause).await;
                stream.write_all(chunk(event).as_bytes()).await.ok()?;
                shared.counts.send_modify(|counts| counts.streamed += event.len());
            }
            stream.write_all(b"0\r\n\r\n").await.ok()
        }
        Script::Hold => {
            let text = format!("{EVENT_STREAM}{}", chunk("data: first\n\n"));
            stream.write_all(text.as_bytes()).await.ok()?;
            wait_for_the_end(stream, shared).await
        }
        Script::Silence => wait_for_the_end(stream, shared).await,
        Script::Close => None,
        Script::Cut => {
            let text = format!("{EVENT_STREAM}{}", chunk("data: first\n\n"));
            stream.write_all(text.as_bytes()).await.ok()?;
            // Long enough for the first event to be on its way before the end is.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn wait_for_the_end(stream: &mut TcpStream, shared: &Shared) -> Option<()> {
    let mut bytes = [0; 1024];
    while matches!(stream.read(&mut bytes).await, Ok(read) if read > 0) {}
    shared.counts.send_modify(|counts| counts.hung_up += 1);
    None
}

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

async fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>, shared: &Shared) -> Option<Seen> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, buffer, shared).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    buffer.drain(..head_end);
    let lower = head.to_ascii_lowercase();
    let mut body = Vec::new();
    if lower.contains("\r\ntransfer-encoding: chunked") {
        while !buffer.ends_with(b"0\r\n\r\n") {
            more(stream, buffer, shared).await?;
        }
        body.append(buffer);
    } else if let Some((_, rest)) = lower.split_once("\r\ncontent-length: ") {
        let length: usize = rest.split("\r\n").next()?.parse().ok()?;
        while buffer.len() < length {
            more(stream, buffer, shared).await?;
        }
        body = buffer.drain(..length).collect();
    }
    Some(Seen { head, body })
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>, shared: &Shared) -> Option<()> {
    let mut bytes = vec![0; 16 * 1024];
    let read = stream.read(&mut bytes).await.ok().filter(|read| *read > 0)?;
    buffer.extend_from_slice(&bytes[..read]);
    shared.counts.send_modify(|counts| counts.bytes += read);
    Some(())
}

impl Seen {
    /// The values of a header, by its name in lower case.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        let named = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim().to_owned()).collect()
    }

    /// The request line.
    pub(crate) fn line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }
}
