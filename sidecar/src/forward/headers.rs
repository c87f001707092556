//! Which headers pass, which are ours, and which nobody may send.
//!
//! Pure. First everything is removed that is not the client's to say, then our own is set: on every request, also those
//! that need no token (style habit 20). Meets X7, X11, P03, P12, I1, O13, O18, §2c.

use std::net::SocketAddr;

use crds::Policy;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, ORIGIN, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Upstream, cookies};

/// Who called, and how the world sees this server, for the `X-Forwarded-*` headers. The connection and the configuration
/// say so, never the request (O18).
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    host: &'a str,
    scheme: &'a str,
    peer: SocketAddr,
}

impl<'a> Seen<'a> {
    pub fn by(policy: &'a Policy, peer: SocketAddr) -> Self {
        Self { host: policy.resource.authority(), scheme: policy.resource.scheme(), peer }
    }
}

/// RFC 9110 §7.6.1, and the ones that a proxy answers for itself.
const HOP_BY_HOP: [HeaderName; 6] = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, PROXY_AUTHENTICATE];
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// Names by which servers are told who calls, where from and for what path. Compared as `spoofs` folds them.
const TRUSTED_BY_SERVERS: [&str; 13] = [
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "fastly-client-ip",
    "x-email",
    "x-groups",
    "x-ssl-client-cert",
    "x-rewrite-url",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];
/// With the identity headers of proxies that servers are often put behind: whoever calls past them must not play them (P12).
const TRUSTED_PREFIXES: [&str; 19] = [
    "x-forwarded",
    "x-original-",
    "x-mcp-oauth-",
    "x-auth-",
    "x-authenticated-",
    "x-authentik-",
    "x-user",
    "x-webauth-",
    "x-remote-",
    "remote-",
    "x-envoy-",
    "x-ms-client-principal",
    "x-goog-authenticated-user",
    "x-goog-iap-",
    "x-amzn-oidc-",
    "x-pomerium-",
    "x-vouch-",
    "x-consumer-",
    "cf-",
];

pub(super) fn towards_server(headers: &mut HeaderMap, seen: &Seen<'_>, upstream: &Upstream) {
    remove_hop_by_hop(headers);
    remove_spoofed(headers);
    cookies::towards_server(headers);
    // I1, O13: the caller's token is for us. §2c: Host and Origin were judged here, and servers judge them by loopback.
    // Expect was answered by us, and the length follows from the body that is sent.
    for name in [AUTHORIZATION, PROXY_AUTHORIZATION, ORIGIN, EXPECT, CONTENT_LENGTH] {
        headers.remove(name);
    }
    set(headers, HOST, &upstream.host_header());
    set(headers, HeaderName::from_static("x-forwarded-host"), seen.host);
    set(headers, HeaderName::from_static("x-forwarded-proto"), seen.scheme);
    set(headers, HeaderName::from_static("x-forwarded-for"), &seen.peer.ip().to_canonical().to_string());
}

pub(super) fn towards_client(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    cookies::towards_client(headers);
    // X2: an ingress in front of us must not collect a stream.
    let streams =
        headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
    let buffering = HeaderName::from_static("x-accel-buffering");
    if streams && !headers.contains_key(&buffering) {
        headers.insert(buffering, HeaderValue::from_static("no"));
    }
}

/// RFC 9110 §7.6.1: an intermediary MUST remove the fields that Connection names, and Connection itself. This comes first,
/// so that no such list can name a header that we set (P03).
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let lists: Vec<HeaderValue> = headers.get_all(CONNECTION).iter().cloned().collect();
    let named = lists.iter().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    for name in named.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()) {
        headers.remove(name);
    }
    for name in HOP_BY_HOP.iter().chain([&KEEP_ALIVE, &PROXY_CONNECTION]) {
        headers.remove(name);
    }
}

fn remove_spoofed(headers: &mut HeaderMap) {
    let spoofed: Vec<HeaderName> = headers.keys().filter(|name| is_spoofed(name.as_str())).cloned().collect();
    for name in spoofed {
        headers.remove(name);
    }
}

/// P12: CGI and its heirs fold `-` and `_` into one, so every spelling that folds to a trusted name is that name.
/// Header names arrive here in lower case.
fn is_spoofed(name: &str) -> bool {
    let folded = name.replace('_', "-");
    TRUSTED_BY_SERVERS.contains(&folded.as_str()) || TRUSTED_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
        // Authorization itself, and what only looks like it.
        || folded == "authorization" || folded == "proxy-authorization"
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let upstream = Upstream::parse("http://127.0.0.1:8080").expect("valid");
        let peer = ([203, 0, 113, 7], 4711).into();
        let seen = Seen { host: "mcp.example.com", scheme: "https", peer };
        towards_server(&mut headers, &seen, &upstream);
        headers
    }

    #[test]
    fn the_token_stays_here_and_the_headers_of_mcp_pass() {
        let headers = sent(&[
            ("authorization", "Bearer x"),
            ("mcp-session-id", "s"),
            ("mcp-param-region", "eu"),
            ("last-event-id", "7"),
            ("accept", "text/event-stream"),
        ]);
        assert!(!headers.contains_key(AUTHORIZATION));
        for name in ["mcp-session-id", "mcp-param-region", "last-event-id", "accept"] {
            assert!(headers.contains_key(name), "{name}");
        }
    }

    #[test]
    fn nobody_says_who_they_are_in_any_spelling() {
        for name in [
            "x-forwarded-user",
            "x_forwarded_user",
            "x-forwarded_email",
            "remote_user",
            "x-remote-user",
            "x-auth-request-user",
            "x_user_id",
            "x-user",
            "x-mcp-oauth-subject",
            "forwarded",
            "x-original-url",
            "x-real-ip",
            "x_http_method_override",
            "x-method-override",
            "remote-email",
            "x_forwarded",
            "x-webauth-user",
            "x-authentik-username",
            "x-goog-authenticated-user-email",
            "x-amzn-oidc-identity",
            "cf-access-authenticated-user-email",
            "x-groups",
            "x-ms-client-principal-name",
            "proxy_authorization",
        ] {
            assert!(!sent(&[(name, "spoofed")]).contains_key(name), "{name}");
        }
        assert!(sent(&[("x-request-id", "1"), ("traceparent", "2")]).contains_key("x-request-id"));
    }

    #[test]
    fn the_client_cannot_have_our_own_headers_removed() {
        let headers = sent(&[("connection", "x-forwarded-host, Mcp-Session-Id,,"), ("mcp-session-id", "s")]);
        assert_eq!(headers["x-forwarded-host"], "mcp.example.com");
        assert!(!headers.contains_key("mcp-session-id"), "what the client names of its own is hop by hop");
    }

    #[test]
    fn the_server_is_told_the_truth_about_the_outside() {
        let headers =
            sent(&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-host", "evil.example"), ("origin", "null")]);
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7");
        assert_eq!(headers["x-forwarded-host"], "mcp.example.com");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers[HOST], "localhost:8080");
        assert!(!headers.contains_key(ORIGIN));
    }

    #[test]
    fn a_stream_says_that_it_is_not_to_be_buffered_and_other_answers_say_nothing() {
        let of = |content_type| {
            let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
            towards_client(&mut headers);
            headers.contains_key("x-accel-buffering")
        };
        assert!(of("text/event-stream; charset=utf-8"));
        assert!(!of("application/json"));
    }
}
