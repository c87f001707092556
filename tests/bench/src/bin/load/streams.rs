//! So many streams, each of which has said something, and all of which stay open.
//!
//! Talks to one proxy.

use std::io;
use std::net::SocketAddr;

use mcp_oauth_tests_bench::{EVENT, Head, STREAM_PATH};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::{answer, head, say};

/// So many are opened at the same time.
const AT_ONCE: usize = 50;

pub(crate) async fn run(to: SocketAddr, count: usize, token: &str) -> io::Result<()> {
    let question = head("GET", STREAM_PATH, token, "");
    let (mut opening, mut open) = (JoinSet::new(), Vec::with_capacity(count));
    let ended = |error: tokio::task::JoinError| io::Error::other(error);
    for _ in 0..count {
        if opening.len() == AT_ONCE
            && let Some(stream) = opening.join_next().await
        {
            open.push(stream.map_err(ended)??);
        }
        opening.spawn(begin(to, question.clone()));
    }
    while let Some(stream) = opening.join_next().await {
        open.push(stream.map_err(ended)??);
    }
    say("open")?;
    // Nothing more is to come on any of them, and none has ended.
    let is_open = |stream: &TcpStream| matches!(stream.try_read(&mut [0; 64]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    match open.iter().filter(|stream| !is_open(stream)).count() {
        0 => Ok(()),
        others => Err(io::Error::other(format!("{others} streams have ended by themselves"))),
    }
}

async fn begin(to: SocketAddr, question: String) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(question.as_bytes()).await?;
    let (mut buffer, mut filled) = ([0; 4096], 0);
    loop {
        filled += answer::more(&mut stream, &mut buffer[filled..]).await?;
        let Some(head) = Head::read(&buffer[..filled]) else { continue };
        if !head.start.starts_with("HTTP/1.1 200") || head.field("content-type") != Some("text/event-stream")
        {
            return Err(io::Error::other(format!("no stream: '{}'", head.start)));
        }
        // With the line that ends its chunk, or it would be read as more than nothing later on.
        let event = format!("{EVENT}\r\n");
        if buffer[head.length..filled].ends_with(event.as_bytes()) {
            return Ok(stream);
        }
    }
}
