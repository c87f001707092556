//! An MCP client with rmcp, the official SDK for Rust: registers itself, opens the browser that BROWSER names, listens on
//! loopback for the answer, lists the tools and calls one.
//!
//! Talks to the server that `--url` names. Prints one line of JSON; the exit code is 0 only if everything was right.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use rmcp::ServiceExt;
use rmcp::model::{CallToolRequestParams, JsonObject};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{AuthClient, AuthorizationRequest, OAuthState};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

const NAME: &str = "rmcp";
const THANKS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nThanks.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (right, line) = match try_out().await {
        Ok(line) => (line["right"] == true, line),
        Err(error) => (false, json!({ "client": NAME, "error": in_full(&*error) })),
    };
    // Where nobody reads the line, the exit code still says it.
    let _ = writeln!(std::io::stdout(), "{line}");
    ExitCode::from(u8::from(!right))
}

async fn try_out() -> Result<Value, Box<dyn Error>> {
    let url = std::env::args().skip_while(|word| word != "--url").nth(1).ok_or("--url is missing")?;
    let client = AuthClient::new(reqwest::Client::new(), log_in(&url).await?);
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    let service = ().serve(StreamableHttpClientTransport::with_client(client, config)).await?;
    let tools = service.list_all_tools().await?;
    let arguments = JsonObject::from_iter([("message".to_owned(), json!("hello"))]);
    let call = CallToolRequestParams::new("echo").with_arguments(arguments);
    let result = service.call_tool(call).await?;
    let answer = result.content.first().and_then(|block| block.as_text());
    let answer = answer.map(|text| text.text.clone()).unwrap_or_default();
    service.cancel().await?;
    let right = answer.contains("hello");
    Ok(json!({ "client": NAME, "tools": tools.len(), "answer": answer, "right": right }))
}

/// The login as the SDK's documents show it.
async fn log_in(url: &str) -> Result<rmcp::transport::AuthorizationManager, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let callback = format!("http://127.0.0.1:{}/callback", listener.local_addr()?.port());
    let mut state = OAuthState::new(url, None).await?;
    let request = AuthorizationRequest::new(callback.as_str()).with_client_name("mcp-oauth-tests");
    state.start_authorization(request).await?;
    let browser = std::env::var_os("BROWSER").ok_or("BROWSER is not set")?;
    let opened = Command::new(browser).arg(state.get_authorization_url().await?).status().await?;
    if !opened.success() {
        return Err("the browser does not open".into());
    }
    state.handle_callback_url(&answer(&listener, &callback).await?).await?;
    Ok(state.into_authorization_manager().ok_or("the login is not complete")?)
}

/// The address that the browser comes back with.
async fn answer(listener: &TcpListener, callback: &str) -> Result<String, Box<dyn Error>> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut head = vec![0; 16 * 1024];
        let read = stream.read(&mut head).await?;
        stream.write_all(THANKS).await?;
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        let query = head.split(' ').nth(1).and_then(|target| target.strip_prefix("/callback?"));
        if let Some(query) = query {
            return Ok(format!("{callback}?{query}"));
        }
    }
}

fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
