//! Browsers: who may call from a web page, and what such a page may read of the answer.
//!
//! Pure. Meets R17 (a present and unknown Origin is refused before anything else), D16 and §3c (CORS), P15, O21, M05.

use crds::Policy;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// The origins that a policy allows.
#[derive(Debug)]
pub struct Origins(Vec<String>);

/// What a request's Origin header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Not from a web page, or from one that hides it.
    Absent,
    Allowed(HeaderValue),
    /// R17: present and invalid, 403.
    Foreign,
}

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE, OPTIONS");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After");
const REQUESTED: &str = "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, \
                         Mcp-Name, Last-Event-ID, DPoP";
const ANY: HeaderValue = HeaderValue::from_static("*");
/// Every header by which a server speaks of CORS: the MCP server's own are dropped, two answers are a failure (§3c).
const SPOKEN: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

impl Origins {
    /// The resource's own origin, and those of `allowedOrigins`.
    pub fn new(policy: &Policy) -> Self {
        let own = policy.resource.origin().to_owned();
        Self(std::iter::once(own).chain(policy.allowed_origins.iter().map(ToString::to_string)).collect())
    }

    pub fn of(&self, headers: &HeaderMap) -> Origin {
        let mut values = headers.get_all(ORIGIN).iter();
        match (values.next(), values.next()) {
            (None, _) => Origin::Absent,
            (Some(origin), None) if self.0.iter().any(|known| known.as_bytes() == origin.as_bytes()) => {
                Origin::Allowed(origin.clone())
            }
            _ => Origin::Foreign,
        }
    }
}

/// A browser that asks before it sends (Fetch §4.8). Answered by us, without a token: browsers send none.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What a page of an allowed origin may do with the MCP server's answers, and with our own refusals.
pub fn allow(origin: &Origin, headers: &mut HeaderMap) {
    for name in SPOKEN {
        headers.remove(name);
    }
    // The answer depends on the Origin also where there was none.
    headers.append(VARY, HeaderValue::from_name(ORIGIN));
    if let Origin::Allowed(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

/// Documents of ours are for everyone and carry no credentials.
pub fn allow_everyone(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

/// The rest of the answer to a preflight.
pub fn answer_preflight(request: &HeaderMap, headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, requested(request));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}

/// The headers that MCP clients send, and whatever `Mcp-Param-*` this one asks for (§3c: a `*` does not cover
/// `Authorization`).
fn requested(request: &HeaderMap) -> HeaderValue {
    let asked =
        request.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter().filter_map(|value| value.to_str().ok());
    let parameters = asked.flat_map(|value| value.split(',')).map(str::trim).filter(|name| {
        let is_parameter = name.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("mcp-param-"));
        is_parameter && name.len() <= 128 && HeaderName::from_bytes(name.as_bytes()).is_ok()
    });
    let all = parameters.take(32).fold(REQUESTED.to_owned(), |all, name| format!("{all}, {name}"));
    HeaderValue::from_str(&all).unwrap_or(HeaderValue::from_static(REQUESTED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::example_policy;

    fn of(origin: &'static str) -> Origin {
        let origins = Origins::new(&example_policy("https://mcp.example.com/mcp", &[]));
        origins.of(&HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]))
    }

    #[test]
    fn the_own_origin_is_allowed_and_everything_near_it_is_foreign() {
        assert!(matches!(of("https://mcp.example.com"), Origin::Allowed(_)));
        for foreign in [
            "http://mcp.example.com",
            "https://mcp.example.com:8443",
            "https://mcp.example.com.evil.example",
            "https://MCP.example.com",
            "null",
            "",
            "https://mcp.example.com/",
        ] {
            assert_eq!(of(foreign), Origin::Foreign, "{foreign}");
        }
    }

    #[test]
    fn no_origin_is_no_browser_and_two_are_foreign() {
        let origins = Origins::new(&example_policy("https://mcp.example.com/mcp", &[]));
        assert_eq!(origins.of(&HeaderMap::new()), Origin::Absent);
        let mut two = HeaderMap::new();
        two.append(ORIGIN, HeaderValue::from_static("https://mcp.example.com"));
        two.append(ORIGIN, HeaderValue::from_static("https://mcp.example.com"));
        assert_eq!(origins.of(&two), Origin::Foreign);
    }

    #[test]
    fn a_preflight_is_told_the_parameters_that_it_asked_for_and_no_other_header() {
        let asked = HeaderValue::from_static("authorization, Mcp-Param-Region, x-evil");
        let request = HeaderMap::from_iter([(ACCESS_CONTROL_REQUEST_HEADERS, asked)]);
        let mut answer = HeaderMap::new();
        answer_preflight(&request, &mut answer);
        let headers = answer[ACCESS_CONTROL_ALLOW_HEADERS].to_str().expect("ASCII");
        assert!(
            headers.starts_with("Authorization, ") && headers.ends_with(", Mcp-Param-Region"),
            "{headers}"
        );
        assert!(!headers.contains("x-evil"));
    }

    #[test]
    fn the_servers_own_word_on_origins_is_replaced() {
        let mut headers = HeaderMap::from_iter([(ACCESS_CONTROL_ALLOW_ORIGIN, ANY)]);
        allow(&Origin::Absent, &mut headers);
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}
