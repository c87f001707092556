//! The client's own address: a person who opens it is sent to log in, comes back with a code, and reads what the tool
//! said. Listens on loopback until the value is dropped; answers one browser at a time, and no request but its two.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::super::curl::Network;
use super::super::mcp;
use super::client::Client;
use super::stage::Stage;
use crate::lab::Error;

const LONGEST_HEAD: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// Open as long as it is kept, and the stage with it.
#[derive(Debug)]
pub(in super::super) struct Desk {
    port: u16,
    /// Ends with the value.
    _work: JoinSet<()>,
    _stage: Stage,
}

impl Desk {
    pub(super) fn open(stage: Stage, client: Client) -> Result<Self, Error> {
        let port = stage.desk_port;
        let failed = |source| Error::Start { program: "listener".to_owned(), source };
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        let mut work = JoinSet::new();
        work.spawn(serve(listener, client));
        Ok(Self { port, _work: work, _stage: stage })
    }

    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

async fn serve(listener: TcpListener, client: Client) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = tokio::time::timeout(PATIENCE, answer(stream, &client)).await;
    }
}

async fn answer(mut stream: TcpStream, client: &Client) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let target = head.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let response = match target.split('?').next() {
        Some("/") => redirect(&client.ask().url),
        Some("/callback") => page("200 OK", &finish(client, target).await),
        _ => page("404 Not Found", "There is nothing here: begin at /"),
    };
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// What the person reads in the end.
async fn finish(client: &Client, target: &str) -> String {
    let done = async {
        let code = client.code(&client.ask(), target)?;
        let (token, subject) = client.redeem_quietly(&code).await?;
        let said = mcp::ask_tool(&Network::Here, client.resource(), &token).await?;
        Ok::<_, Error>(format!("You are logged in as {subject}, and the tool said: {said}"))
    };
    done.await.unwrap_or_else(|error| format!("The login did not succeed: {}", error.in_full()))
}

fn redirect(location: &str) -> String {
    format!(
        "HTTP/1.1 303 See Other\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

fn page(status: &str, text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>The client</title>\
         <body style='font:1.1rem system-ui;margin:4rem auto;max-width:40rem'><p>{escaped}</p><p><a href=/>Again</a></p>"
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
