//! Is this a request that can be read in one way only?
//!
//! Pure. What is decided on is what is sent on: a target that another parser might resolve to another place is refused,
//! not cleaned (P04, P05, P15, promise 2). Meets P04, P05, P15, X12, X17.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Uri};

/// Why a request is not read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    #[error("the request has no Host header, more than one, or one that is not a host")]
    Host,
    #[error("the request target is neither a path nor a URL of the host that Host names")]
    Form,
    #[error(
        "the request path has dot segments, a backslash, a control character or bytes that are not ASCII"
    )]
    Path,
    #[error("this method is not relayed")]
    Method,
    #[error("the request has an access token in its query, which is no place for one")]
    Token,
}

impl BadTarget {
    pub fn code(self) -> &'static str {
        match self {
            Self::Host => "host_header",
            Self::Form => "target_form",
            Self::Path => "target_path",
            Self::Method => "method",
            Self::Token => "token_in_query",
        }
    }
}

/// Checks method, target and the headers that could give either another meaning.
pub fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), BadTarget> {
    // P05: neither is part of any MCP wire, and both reach further than one resource.
    if *method == Method::CONNECT || *method == Method::TRACE {
        return Err(BadTarget::Method);
    }
    // RFC 9112 §3.2: a server MUST answer 400 to a request that lacks a Host header or has more than one.
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(BadTarget::Host) };
    // The same section: and 400 to one with an invalid value. A name and a port, and nothing around them (P15).
    if !is_host(host) {
        return Err(BadTarget::Host);
    }
    // RFC 9112 §3.2.2: a server MUST accept the absolute form; one that names another host than Host does is two opinions.
    let is_same = |authority: &Authority| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes());
    if !uri.authority().is_none_or(is_same) || !uri.path().starts_with('/') {
        return Err(BadTarget::Form);
    }
    if !is_plain(uri.path()) || uri.query().is_some_and(|query| !query.is_ascii()) {
        return Err(BadTarget::Path);
    }
    Ok(())
}

/// "Decided" 6: on a path that needs no token, one in the query would reach the server. Elsewhere `bearer` sees to it.
pub fn check_public(uri: &Uri) -> Result<(), BadTarget> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let is_token = url::form_urlencoded::parse(query).any(|(name, _)| name == "access_token");
    if is_token { Err(BadTarget::Token) } else { Ok(()) }
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2). An empty one is for URLs without a host, and ours have one.
fn is_host(value: &HeaderValue) -> bool {
    let authority = value.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
    authority.is_some_and(|authority| {
        let (host, rest) = (authority.host(), authority.as_str().strip_prefix(authority.host()));
        let is_port = |port: &str| port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        !host.is_empty() && rest.is_some_and(|rest| rest.is_empty() || is_port(rest))
    })
}

/// No byte and no segment that a server behind us might read differently.
fn is_plain(path: &str) -> bool {
    let plain_bytes = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    plain_bytes && !has_encoded_trick(path) && path.split('/').all(|segment| !is_dots(segment))
}

/// `%00`, `%2f`, `%5c` and control characters: bytes that change what a path means once they are decoded. Twice encoded
/// percent signs are left alone, for decoding twice is nobody's right.
fn has_encoded_trick(path: &str) -> bool {
    let encoded = path.match_indices('%').map(|(at, _)| path.get(at + 1..at + 3));
    encoded.into_iter().any(|digits| match digits.map(|digits| u8::from_str_radix(digits, 16)) {
        Some(Ok(byte)) => byte < 0x20 || byte == 0x7f || byte == b'/' || byte == b'\\',
        _ => true,
    })
}

/// `.` and `..`, raw or encoded, with or without path parameters (`..;x`).
fn is_dots(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or_default();
    let decoded = name.replace("%2e", ".").replace("%2E", ".");
    decoded == "." || decoded == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> HeaderMap {
        HeaderMap::from_iter([(HOST, HeaderValue::from_static("mcp.example.com"))])
    }

    fn verdict(target: &str) -> Result<(), BadTarget> {
        check(&Method::POST, &target.parse().expect("a target that the parser takes"), &headers())
    }

    #[test]
    fn a_plain_path_is_read() {
        for target in ["/mcp", "/", "/a/b.c/%20d", "/.well-known/x", "/mcp?x=..%2f", "/a/...", "/%252e%252e/"]
        {
            assert_eq!(verdict(target), Ok(()), "{target}");
        }
    }

    #[test]
    fn a_path_that_can_be_read_in_two_ways_is_refused() {
        let targets = [
            "/../mcp",
            "/a/./b",
            "/%2e%2e/mcp",
            "/a/.%2E/b",
            "/a%2fb",
            "/a%5cb",
            "/a%00",
            "/a%0d%0a",
            "/..;/mcp",
            "/a\\b",
            "/%zz",
            "/a%",
        ];
        for target in targets {
            if let Ok(uri) = target.parse() {
                assert_eq!(check(&Method::GET, &uri, &headers()), Err(BadTarget::Path), "{target}");
            }
        }
    }

    #[test]
    fn a_target_names_no_other_host_than_host_does() {
        for foreign in
            ["http://evil.example/mcp", "http://mcp.example.com:1/mcp", "http://u@mcp.example.com/mcp", "*"]
        {
            assert_eq!(verdict(foreign), Err(BadTarget::Form), "{foreign}");
        }
        assert_eq!(verdict("http://MCP.example.com/mcp"), Ok(()));
        assert_eq!(verdict("/mcp"), Ok(()));
    }

    #[test]
    fn one_host_is_needed_and_two_are_too_many() {
        let uri = "/mcp".parse().expect("valid");
        assert_eq!(check(&Method::GET, &uri, &HeaderMap::new()), Err(BadTarget::Host));
        let mut two = headers();
        two.append(HOST, HeaderValue::from_static("other"));
        assert_eq!(check(&Method::GET, &uri, &two), Err(BadTarget::Host));
        assert_eq!(check(&Method::GET, &uri, &headers()), Ok(()));
    }

    #[test]
    fn p15_a_host_is_a_host_with_or_without_a_port_and_nothing_else() {
        let uri = "/mcp".parse().expect("valid");
        let of = |host: &str| {
            let value = HeaderValue::from_str(host).expect("a header");
            check(&Method::GET, &uri, &HeaderMap::from_iter([(HOST, value)]))
        };
        for good in ["mcp.example.com", "mcp.example.com:8443", "127.0.0.1:1", "[::1]", "[::1]:8080", "a_b"] {
            assert_eq!(of(good), Ok(()), "{good}");
        }
        for bad in ["", "localhost:4000/#@evil", "u@h", "a b", "h/x", "h?x", ":80", "h:port", "h:", "h:70000"]
        {
            assert_eq!(of(bad), Err(BadTarget::Host), "{bad}");
        }
    }

    #[test]
    fn tunnels_and_traces_are_refused() {
        let uri = "/mcp".parse().expect("valid");
        assert_eq!(check(&Method::TRACE, &uri, &headers()), Err(BadTarget::Method));
    }
}
