//! To the MCP server, and back: every byte as it comes, both ways.
//!
//! Talks to the MCP server, over loopback. Forwarding takes a `Permit`, or proof that the path is public, by value: what
//! was not let through cannot be sent (style habit 9). Meets I1, O13, X1–X8, X11–X14, P03, P12, P17–P19, S1, S6.

mod body;
mod cookies;
mod headers;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::bearer::Permit;
use crate::reply::Rejection;
use crate::route::PublicAccess;
use body::Limited;
pub use body::Relay;
pub use headers::Seen;

/// Where the MCP server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream(Authority);

/// Why there is no answer of the MCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    #[error("the MCP server cannot be reached at the moment")]
    Unreachable,
    #[error("the MCP server ended the connection without an answer")]
    Broken,
}

/// A request without an answer of the MCP server.
#[derive(Debug)]
pub struct Failed {
    pub rejection: Rejection,
    /// What nobody has read of its body.
    pub rest: Option<Incoming>,
}

/// Why a request may pass.
#[derive(Debug)]
pub enum Pass {
    Permitted(Permit),
    Public(PublicAccess),
}

/// Sends requests to the MCP server.
#[derive(Debug, Clone)]
pub struct Forwarder {
    client: Client<HttpConnector, Limited>,
    upstream: Upstream,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Shorter than the keep-alive of common servers (Node: 5 s), so that a connection is not reused while it closes.
const IDLE: Duration = Duration::from_secs(4);

impl UpstreamError {
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "upstream_unreachable",
            Self::Broken => "upstream_broken",
        }
    }
}

impl Upstream {
    /// `http://host:port`: the server's own address, with nothing behind it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "must be http://HOST:PORT, such as http://127.0.0.1:8080";
        let uri: Uri = text.parse().map_err(|_| FORM)?;
        let bare = matches!(uri.path_and_query().map(PathAndQuery::as_str), None | Some("/"));
        match (uri.scheme() == Some(&Scheme::HTTP) && bare, uri.into_parts().authority) {
            (true, Some(authority)) if !authority.as_str().contains('@') => Ok(Self(authority)),
            _ => Err(FORM),
        }
    }

    /// What servers with a guard against DNS rebinding expect: `localhost` and the port (§2c). A server elsewhere is
    /// called by its own name.
    pub(crate) fn host_header(&self) -> String {
        let loopback = matches!(self.0.host(), "127.0.0.1" | "[::1]" | "localhost");
        match (loopback, self.0.port_u16()) {
            (true, Some(port)) => format!("localhost:{port}"),
            (true, None) => "localhost".to_owned(),
            (false, _) => self.0.to_string(),
        }
    }

    /// Where that is, as far as it can be said without a resolver.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let port = self.0.port_u16().unwrap_or(80);
        let host = self.0.host().trim_end_matches('.').to_ascii_lowercase();
        let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let addresses = match number {
            Ok(address) => vec![address.to_canonical()],
            // RFC 6761 §6.3: whatever is below it is loopback as well.
            Err(_) if host == "localhost" || host.ends_with(".localhost") => {
                vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            }
            Err(_) => Vec::new(),
        };
        addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()
    }

    fn uri(&self, path: Option<&PathAndQuery>) -> Option<Uri> {
        let path = path.map_or("/", PathAndQuery::as_str);
        Uri::builder().scheme(Scheme::HTTP).authority(self.0.clone()).path_and_query(path).build().ok()
    }
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

impl Forwarder {
    pub fn new(upstream: Upstream) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            // X13: a request is sent again only where not one byte of it was written.
            .retry_canceled_requests(true)
            .build(connector);
        Self { client, upstream }
    }

    /// Sends the request on. The answer's head is awaited for as long as it takes: tools take their time (X3).
    pub async fn forward(
        &self,
        pass: Pass,
        request: Request<Incoming>,
        seen: &Seen<'_>,
        longest_body: u64,
    ) -> Result<Response<Relay>, Failed> {
        let (mut head, body) = request.into_parts();
        let (body, fate) = Limited::new(body, longest_body)?;
        headers::towards_server(&mut head.headers, seen, &self.upstream);
        let answer = self.send(Request::from_parts(head, body)).await;
        // The permit lives until the answer is there: it stands for this one request and no other.
        drop(pass);
        let (mut head, body) = answer.map_err(|error| fate.failed(error))?.into_parts();
        headers::towards_client(&mut head.headers);
        Ok(Response::from_parts(head, Relay::new(body)))
    }

    async fn send(&self, mut request: Request<Limited>) -> Result<Response<Incoming>, UpstreamError> {
        // RFC 9110 §2.5: an intermediary sends its own version, and its connections are kept by that.
        *request.version_mut() = Version::HTTP_11;
        let uri = self.upstream.uri(request.uri().path_and_query());
        *request.uri_mut() = uri.ok_or(UpstreamError::Unreachable)?;
        let sent = self.client.request(request).await;
        match sent {
            // P06: no upgrade was asked for, so this is no answer, and what follows would not be HTTP.
            Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => Err(UpstreamError::Broken),
            Ok(answer) => Ok(answer),
            Err(error) if error.is_connect() => Err(UpstreamError::Unreachable),
            Err(_) => Err(UpstreamError::Broken),
        }
    }
}

impl From<UpstreamError> for Rejection {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_a_host_and_a_port() {
        for good in ["http://127.0.0.1:8080", "http://localhost:3001/", "http://mcp:80", "http://[::1]:8080"]
        {
            assert!(Upstream::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["https://127.0.0.1:8080", "127.0.0.1:8080", "http://h:1/x", "http://u@h:1", "http://h:1?x", ""]
        {
            assert!(Upstream::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_server_on_loopback_is_called_localhost() {
        let host = |text| Upstream::parse(text).expect("valid").host_header();
        assert_eq!(host("http://127.0.0.1:8080"), "localhost:8080");
        assert_eq!(host("http://mcp:3001"), "mcp:3001");
    }
}
