//! The few messages of MCP that the demo sends by hand (streamable HTTP, revision 2025-11-25).

use serde_json::{Value, json};

use super::curl::{Answer, Network, Request};
use super::tell::Teller;
use crate::lab::Error;

const REVISION: &str = "2025-11-25";

/// The first message of a session.
pub(super) fn initialize<'a>(url: &'a str, token: Option<&'a str>) -> Request<'a> {
    let client = json!({ "name": "demo", "version": "1" });
    let params = json!({ "protocolVersion": REVISION, "capabilities": {}, "clientInfo": client });
    message(url, token, &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }))
}

/// Opens a session and calls a tool in it; shows the call and gives the tool's text.
pub(super) async fn call_tool(
    network: &Network,
    url: &str,
    token: &str,
    teller: &Teller,
) -> Result<String, Error> {
    let call = call(network, url, token).await?;
    teller.command(call.shown());
    let answer = network.send(&call).await?;
    teller.output(format_args!("HTTP {}", answer.status));
    let text = said(&answer)?;
    teller.output(&text);
    Ok(text)
}

/// The same, without a word.
pub(super) async fn ask_tool(network: &Network, url: &str, token: &str) -> Result<String, Error> {
    let call = call(network, url, token).await?;
    said(&network.send(&call).await?)
}

/// Opens a session; the call of a tool in it.
async fn call<'a>(network: &Network, url: &'a str, token: &'a str) -> Result<Request<'a>, Error> {
    let opened = network.send(&initialize(url, Some(token))).await?;
    let session = opened.header("mcp-session-id").map(|id| format!("Mcp-Session-Id: {id}"));
    let in_session = |body: &Value| {
        let mut request = message(url, Some(token), body);
        request.headers.extend(session.clone());
        request
    };
    network.send(&in_session(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))).await?;
    let params = json!({ "name": "echo", "arguments": { "message": "hello through the sidecar" } });
    Ok(in_session(&json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params })))
}

fn said(answer: &Answer) -> Result<String, Error> {
    tool_text(answer).ok_or_else(|| Error::Missing(format!("the tool gave no text: {}", answer.body)))
}

fn message<'a>(url: &'a str, token: Option<&'a str>, body: &Value) -> Request<'a> {
    let headers = ["Content-Type: application/json", "Accept: application/json, text/event-stream"];
    Request {
        token,
        headers: headers.map(str::to_owned).to_vec(),
        body: Some(body.to_string()),
        ..Request::get(url)
    }
}

/// The text of a tool's result, from a JSON answer or from the last event of a stream.
fn tool_text(answer: &Answer) -> Option<String> {
    let mut events = answer.body.lines().filter_map(|line| line.strip_prefix("data:"));
    let last = events.next_back().unwrap_or(&answer.body);
    let message: Value = serde_json::from_str(last.trim()).ok()?;
    Some(message.pointer("/result/content/0/text")?.as_str()?.to_owned())
}
