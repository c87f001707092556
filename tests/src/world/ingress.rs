//! What stands in front of several servers of one host, as an ingress does: it goes by the first part of a path, also behind a
//! well-known, and hands every byte on.
//!
//! Listens on loopback, and connects to it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One that lives as long as this value.
#[derive(Debug)]
pub(crate) struct Ingress {
    pub(crate) address: SocketAddr,
    _server: JoinSet<()>,
}

impl Ingress {
    pub(crate) async fn start(routes: Vec<(&'static str, SocketAddr)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(relay(stream, routes.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, _server: server }
    }
}

async fn relay(mut stream: TcpStream, routes: Vec<(&'static str, SocketAddr)>) {
    let mut head = Vec::new();
    while !head.windows(2).any(|pair| pair == b"\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(read) if read > 0 => {}
            _ => return,
        }
    }
    let line = String::from_utf8_lossy(&head).into_owned();
    let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
    let is_below = |prefix: &str| {
        let at = path.find(prefix).map(|at| (at, &path[at + prefix.len()..]));
        at.is_some_and(|(at, rest)| {
            (at == 0 || path.starts_with("/.well-known/")) && (rest.is_empty() || rest.starts_with('/'))
        })
    };
    let Some((_, to)) = routes.into_iter().find(|(prefix, _)| is_below(prefix)) else { return };
    let mut server = TcpStream::connect(to).await.expect("a sidecar listens");
    // Whoever hangs up first ends it.
    if server.write_all(&head).await.is_ok() {
        let _ = copy_bidirectional(&mut stream, &mut server).await;
    }
}
