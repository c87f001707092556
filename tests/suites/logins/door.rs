//! A listener on loopback that hears what it is asked for, and thanks whoever asks: where a browser is opened, and where a
//! client waits for its answer.
//!
//! Listens on loopback. Only the first line of a request counts.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

const THANKS: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\nconnection: close\r\n\r\nThanks.";

#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
}

impl Door {
    pub(crate) async fn open() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port") }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().expect("a bound socket has an address").port()
    }

    /// The address that the next one asks for.
    pub(crate) async fn next(&self) -> Url {
        loop {
            let Ok((mut stream, _)) = self.listener.accept().await else { continue };
            let asked = target(&mut stream).await;
            let _ = stream.write_all(THANKS.as_bytes()).await;
            let address = asked.and_then(|target| Url::parse(&format!("http://127.0.0.1{target}")).ok());
            if let Some(address) = address {
                return address;
            }
        }
    }
}

async fn target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&head).split(' ').nth(1).map(str::to_owned)
}
