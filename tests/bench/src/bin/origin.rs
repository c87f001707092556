//! The server behind every proxy: answers whole questions with bytes that were made beforehand, as cheaply as can be, so that
//! the processor that it shares with whoever asks is not what is measured. `origin LISTEN`.

use std::io;
use std::sync::Arc;

use mcp_oauth_tests_bench::{
    EVENT, Head, LARGE, LARGE_PATH, QUESTION, SMALL, SMALL_PATH, STREAM_PATH, answer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Heads with their bodies.
struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
    stream: Vec<u8>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listen = std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: origin LISTEN"))?;
    let listener = TcpListener::bind(&listen).await?;
    let answers = Arc::new(Answers::new());
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let answers = answers.clone();
        connections.spawn(async move { talk(stream, &answers).await });
        while connections.try_join_next().is_some() {}
    }
}

impl Answers {
    fn new() -> Self {
        let json = |length| {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nmcp-session-id: 1868a90c";
            format!("{head}\r\ncontent-length: {length}\r\n\r\n{}", answer(length)).into_bytes()
        };
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked";
        let stream = format!("{head}\r\n\r\n{:x}\r\n{EVENT}\r\n", EVENT.len());
        Self { small: json(SMALL), large: json(LARGE), stream: stream.into_bytes() }
    }
}

/// Until the other side hangs up, or asks for something that nobody should: then it does.
async fn talk(mut stream: TcpStream, answers: &Answers) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut buffer = Vec::with_capacity(2048);
    loop {
        let (head, path, length) = loop {
            if let Some(head) = Head::read(&buffer) {
                let path = head.start.split(' ').nth(1)?.to_owned();
                break (head.length, path, head.content_length().unwrap_or(0));
            }
            more(&mut stream, &mut buffer).await?;
        };
        while buffer.len() < head + length {
            more(&mut stream, &mut buffer).await?;
        }
        buffer.drain(..head + length);
        let answer = match (path.as_str(), length) {
            (SMALL_PATH, QUESTION) => &answers.small,
            (LARGE_PATH, QUESTION) => &answers.large,
            (STREAM_PATH, 0) => &answers.stream,
            _ => return None,
        };
        stream.write_all(answer).await.ok()?;
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let length = stream.read_buf(buffer).await.ok()?;
    (length > 0).then_some(())
}
