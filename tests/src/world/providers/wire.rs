//! HTTP as a provider speaks it: one request per connection, its parameters from wherever they were sent, and an answer or
//! a fault in its place. The twin of `upstream` and `idp` for everything that has parameters.
//!
//! Works on connections that others accepted.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::mischief::{Fault, Place};

const FORM: &str = "application/x-www-form-urlencoded";

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) place: Place,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Those of the query, then those of the form, as often as they were sent.
    pub(crate) parameters: Vec<(String, String)>,
}

/// A request that was read and not looked at.
#[derive(Debug)]
pub(super) struct Raw {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What a request is answered with.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Raw {
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The request for this place, with its parameters read.
    pub(super) fn at(self, place: Place) -> Request {
        let path = self.path().to_owned();
        let query = self.target.split_once('?').map(|(_, query)| query.as_bytes()).unwrap_or_default();
        let form = self.headers.iter().any(|(name, value)| name == "content-type" && value.starts_with(FORM));
        let body = if form { self.body.as_slice() } else { &[] };
        let parameters =
            [query, body].into_iter().flat_map(|text| url::form_urlencoded::parse(text).into_owned());
        let parameters = parameters.collect();
        Request { place, method: self.method, path, headers: self.headers, parameters }
    }
}

impl Request {
    /// The value of a parameter that was sent once.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().filter(|(known, _)| known == name);
        values.next().map(|(_, value)| value.as_str()).filter(|_| values.next().is_none())
    }

    /// The names of the parameters, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.parameters.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The words of a parameter.
    pub(crate) fn words(&self, name: &str) -> Vec<&str> {
        self.parameter(name).unwrap_or_default().split(' ').filter(|word| !word.is_empty()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::with_type(status, "application/json", body.to_string())
    }

    pub(super) fn form(status: u16, pairs: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self::with_type(status, FORM, body)
    }

    pub(super) fn page(status: u16, body: &str) -> Self {
        Self::with_type(status, "text/html; charset=utf-8", format!("<!doctype html>{body}"))
    }

    pub(super) fn redirect(to: &str) -> Self {
        Self { status: 302, headers: vec![("location", to.to_owned())], body: Vec::new() }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn with_type(status: u16, content_type: &str, body: String) -> Self {
        let headers =
            vec![("content-type", content_type.to_owned()), ("cache-control", "no-store".to_owned())];
        Self { status, headers, body: body.into_bytes() }
    }

    pub(super) async fn write(&self, stream: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Status\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "content-length: {}\r\nconnection: close\r\n\r\n", self.body.len());
        stream.write_all(&[head.as_bytes(), &self.body].concat()).await?;
        stream.shutdown().await
    }
}

/// The next request, whose place nobody knows yet.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Raw> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(Some(0), |(_, text)| text.parse().ok())?;
    while bytes.len() < end + length {
        more(stream, &mut bytes).await?;
    }
    Some(Raw { method, target, headers, body: bytes[end..end + length].to_vec() })
}

/// Misbehaves. Says whether the answer is to follow all the same.
pub(super) async fn misbehave(stream: &mut (impl AsyncWrite + Unpin), fault: Fault) -> bool {
    let answer = match fault {
        Fault::Late(by) => {
            tokio::time::sleep(by).await;
            return true;
        }
        Fault::Silence => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            return false;
        }
        Fault::Closed => return false,
        Fault::Says(status, text) => Answer::with_type(status, "application/json", text.to_owned()),
        Fault::Html => Answer::page(200, "<title>Sign in</title><p>Sign in to go on."),
        Fault::Redirect(to) => Answer { status: 307, ..Answer::redirect(&to) },
        Fault::Endless(bytes) => {
            let _ = endless(stream, bytes).await;
            return false;
        }
    };
    // Whoever asked may have hung up: that is one of the things under test.
    let _ = answer.write(stream).await;
    false
}

/// No length is announced, so that only what was read can be counted.
async fn endless(stream: &mut (impl AsyncWrite + Unpin), bytes: usize) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"filler\":\"").await?;
    let (mut left, filler) = (bytes, vec![b'x'; 8192]);
    while left > 0 {
        let next = left.min(8192);
        stream.write_all(&filler[..next]).await?;
        left -= next;
    }
    stream.write_all(b"\"}").await?;
    stream.shutdown().await
}

async fn more(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Option<()> {
    let mut buffer = vec![0; 8192];
    let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
    bytes.extend_from_slice(&buffer[..read]);
    Some(())
}
