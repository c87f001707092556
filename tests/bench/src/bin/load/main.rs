//! Asks, and counts on the answers: one that is not a 200 of the right length ends it with a failure.
//!
//! Talks to one proxy, over loopback. Each step waits for a line on standard input, so that whoever started it can look at
//! clocks in between; what there is to say goes to standard output, one line a step.
//!
//! ```text
//! load requests ADDRESS small|large CONNECTIONS WARM COUNT TOKENS      "warm", then the median and the 99th of 100, in ns
//! load streams ADDRESS COUNT TOKENS                                    "open"
//! ```
//!
//! TOKENS is a file with one token a line. The first one warms up; where there are others, each of them is used once.

mod answer;
mod requests;
mod streams;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::str::FromStr;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "load: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(mut arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let what = next::<String>(&mut arguments)?;
    let to: SocketAddr = next(&mut arguments)?;
    match what.as_str() {
        "requests" => {
            let kind = next::<String>(&mut arguments)?.parse()?;
            let connections = next(&mut arguments)?;
            let (warm, count) = (next(&mut arguments)?, next(&mut arguments)?);
            requests::run(to, kind, connections, [warm, count], &tokens(arguments)?).await
        }
        "streams" => {
            let count = next(&mut arguments)?;
            let tokens = tokens(arguments)?;
            streams::run(to, count, tokens.first().map_or("", String::as_str)).await
        }
        other => Err(io::Error::other(format!("'{other}' is neither requests nor streams"))),
    }
}

fn next<T: FromStr>(arguments: &mut impl Iterator<Item = String>) -> io::Result<T> {
    let text = arguments.next().ok_or_else(|| io::Error::other("an argument is missing"))?;
    text.parse().map_err(|_| io::Error::other(format!("'{text}' is no such argument")))
}

fn tokens(mut arguments: impl Iterator<Item = String>) -> io::Result<Vec<String>> {
    let file = next::<String>(&mut arguments)?;
    Ok(std::fs::read_to_string(file)?.lines().map(str::to_owned).collect())
}

/// Says how far it is, and waits to be told to go on.
fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    let mut line = String::new();
    match io::stdin().read_line(&mut line)? {
        0 => Err(io::Error::other("whoever started this has gone")),
        _ => Ok(()),
    }
}

/// The head of every question.
fn head(method: &str, path: &str, token: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: mcp.example.com\r\nauthorization: Bearer {token}\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-11-25\r\n\
         mcp-session-id: 1868a90c\r\nuser-agent: bench\r\n{more}\r\n"
    )
}
