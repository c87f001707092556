//! Requests of a small client: JSON, forms, and calls to an MCP server, whose answer may be a stream of one event.
//!
//! Connects to loopback, on a connection for each request.

use std::net::SocketAddr;

use serde_json::{Value, json};
use url::{Position, Url};

use crate::world::client::{self, Reply, request};

/// Sends a request to where `url` leads.
pub(super) async fn ask(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Reply, String> {
    let url = Url::parse(url).map_err(|error| format!("{url}: {error}"))?;
    let addresses = url.socket_addrs(|| None).map_err(|error| format!("{url}: {error}"))?;
    let to: Option<SocketAddr> = addresses.into_iter().find(SocketAddr::is_ipv4);
    let to = to.ok_or_else(|| format!("{url} leads nowhere"))?;
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let headers = [&[("host", host)], headers].concat();
    Ok(client::send(to, request(method, &url[Position::BeforePath..Position::AfterQuery], &headers, body))
        .await)
}

/// A document, which must be there.
pub(super) async fn document(url: &str) -> Result<Value, String> {
    let reply = ask("GET", url, &[("accept", "application/json")], "").await?;
    json_of(&reply, 200).map_err(|error| format!("{url}: {error}"))
}

/// What a reply of this status says.
pub(super) fn json_of(reply: &Reply, status: u16) -> Result<Value, String> {
    let said = || format!("{} {}", reply.status, reply.text());
    if reply.status != status {
        return Err(said());
    }
    serde_json::from_str(&reply.text()).map_err(|_| said())
}

/// A session with an MCP server, as clients of the initialize era hold it.
#[derive(Debug)]
pub(super) struct Session<'a> {
    url: &'a str,
    bearer: String,
    id: Option<String>,
}

impl<'a> Session<'a> {
    pub(super) async fn open(url: &'a str, token: &str) -> Result<Self, String> {
        let mut session = Self { url, bearer: format!("Bearer {token}"), id: None };
        let about = json!({ "name": "recorded", "version": "1" });
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": about });
        let reply = session
            .post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }))
            .await?;
        result(&reply)?;
        session.id = reply.header("mcp-session-id").map(str::to_owned);
        let reply = session.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await?;
        if reply.status < 300 { Ok(session) } else { Err(format!("{} {}", reply.status, reply.text())) }
    }

    /// What the echo tool says.
    pub(super) async fn echo(&self, message: &str) -> Result<String, String> {
        let call = json!({ "name": "echo", "arguments": { "message": message } });
        let reply =
            self.post(&json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call })).await?;
        Ok(result(&reply)?["content"][0]["text"].as_str().unwrap_or_default().to_owned())
    }

    async fn post(&self, message: &Value) -> Result<Reply, String> {
        let mut headers = vec![
            ("authorization", self.bearer.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        if let Some(id) = &self.id {
            headers.extend([("mcp-session-id", id.as_str()), ("mcp-protocol-version", "2025-06-18")]);
        }
        ask("POST", self.url, &headers, &message.to_string()).await
    }
}

/// The result in a reply: the whole of it, or the last event of a stream.
fn result(reply: &Reply) -> Result<Value, String> {
    let text = reply.text();
    let said = || format!("{} {text}", reply.status);
    let last = text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap_or(&text);
    let answer: Value = serde_json::from_str(last).map_err(|_| said())?;
    match answer.get("result") {
        Some(result) if reply.status == 200 => Ok(result.clone()),
        _ => Err(said()),
    }
}
