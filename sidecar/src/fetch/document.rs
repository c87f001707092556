//! Documents of strangers: what a client id that is a URL leads to, and the keys that it names.
//!
//! Talks to whoever the stranger names, if the guard lets it: https alone, no redirects, status 200 alone, JSON alone, five
//! seconds and a few kilobytes in all, one connection per document. Nothing of ours goes along. Meets A6, A8, I9, O17, P10.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use url::Host;

use super::guard::{Forbidden, Guard};
use super::resolve::{Judged, Lookup};
use super::{DocumentUrl, FetchError, Limits, builder, built, capped, failed};

/// Fetches documents from addresses that strangers wrote.
#[derive(Debug, Clone)]
pub struct DocumentFetcher {
    client: reqwest::Client,
    guard: Arc<Guard>,
}

/// What came, and how long it may be kept.
#[derive(Debug, Clone)]
pub struct Document {
    pub body: Bytes,
    pub fresh_for: Duration,
}

/// How many bytes a document may have.
#[derive(Debug, Clone, Copy)]
pub struct Longest(usize);

impl Longest {
    /// "Maximum Response Size for Client Metadata Documents": the recommended maximum is 5 kilobytes.
    pub const CLIENT: Self = Self(5 * 1024);
    /// A key set has several keys, with certificates where its author likes them.
    pub const KEYS: Self = Self(64 * 1024);
}

const TIME: Duration = Duration::from_secs(5);

// "Metadata Caching": SHOULD respect HTTP cache headers, MAY define its own upper and lower bounds.
const SHORTEST_FRESH: Duration = Duration::from_mins(5);
const LONGEST_FRESH: Duration = Duration::from_hours(24);
const FRESH: Duration = Duration::from_hours(1);

impl DocumentFetcher {
    /// `ca_bundle` is PEM text with certificates to trust beside the public roots.
    pub fn new(ca_bundle: Option<&str>, guard: Guard, lookup: Arc<dyn Lookup>) -> Result<Self, FetchError> {
        let guard = Arc::new(guard);
        let judged = Judged { guard: guard.clone(), lookup };
        // Kept connections would outlive the judgement of their address.
        let builder = builder(ca_bundle)?.https_only(true).dns_resolver(judged).pool_max_idle_per_host(0);
        Ok(Self { client: built(builder)?, guard })
    }

    /// The document at `url`.
    pub async fn document(&self, url: &DocumentUrl, longest: Longest) -> Result<Document, FetchError> {
        let limits = Limits { time: TIME, body: longest.0 };
        self.judge(url).map_err(FetchError::Forbidden)?;
        let request = self.client.get(url.as_str()).timeout(limits.time).header(ACCEPT, "application/json");
        let answer = request.send().await.map_err(|error| failed(error, limits.time))?;
        // "Client Information Discovery": MUST be 200, everything else is an error; MUST NOT follow redirects.
        if answer.status() != http::StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        if !is_json(answer.headers()) {
            return Err(FetchError::ContentType);
        }
        if answer.headers().contains_key(CONTENT_ENCODING) {
            return Err(FetchError::Encoded);
        }
        let fresh_for = freshness(answer.headers());
        Ok(Document { body: capped(answer, limits).await?, fresh_for })
    }

    /// A literal address never meets the resolver, so it is judged here; the addresses of a name are judged there.
    fn judge(&self, url: &DocumentUrl) -> Result<(), Forbidden> {
        match url.host() {
            Host::Ipv4(address) => self.guard.judge((*address).into()),
            Host::Ipv6(address) => self.guard.judge((*address).into()),
            Host::Domain(name) => Guard::judge_name(name),
        }
    }
}

/// "Client Metadata Document": JSON, or a more specific type that ends in `+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let essence = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    subtype == "json" || subtype.strip_suffix("+json").is_some_and(|own| !own.is_empty())
}

/// How long the document is fresh by its own word (RFC 9111 §4.2), within our bounds.
fn freshness(headers: &HeaderMap) -> Duration {
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let directives = directives.flat_map(|line| line.split(','));
    let lifetimes = directives.filter_map(|directive| lifetime(directive.trim()));
    // RFC 9111 §4.2.1: of several, the least is the safe one.
    let Some(lifetime) = lifetimes.min() else { return FRESH };
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok()).unwrap_or(0);
    Duration::from_secs(lifetime.saturating_sub(age)).clamp(SHORTEST_FRESH, LONGEST_FRESH)
}

/// Seconds, where the directive says something about them.
fn lifetime(directive: &str) -> Option<u64> {
    let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
    match name.trim().to_ascii_lowercase().as_str() {
        "no-store" | "no-cache" => Some(0),
        "max-age" => {
            let digits = value.trim().trim_matches('"');
            let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            // RFC 9111 §1.2.2: a number too large is a large number; what is no number is stale.
            Some(if all_digits { digits.parse().unwrap_or(u64::MAX) } else { 0 })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        let value = |text: &&str| (name.clone(), text.parse().expect("a header value"));
        values.iter().map(value).collect()
    }

    #[test]
    fn json_is_told_by_its_content_type() {
        for text in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON",
            "application/client+json",
            "application/jwk-set+json",
        ] {
            assert!(is_json(&headers(&CONTENT_TYPE, &[text])), "{text}");
        }
        for text in [
            "text/html",
            "text/json",
            "text/plain",
            "application/jsonp",
            "application/+json",
            "application/javascript",
            "json",
            "x-application/json",
            "text/html, application/json",
            "",
        ] {
            assert!(!is_json(&headers(&CONTENT_TYPE, &[text])), "{text}");
        }
        assert!(!is_json(&headers(&CONTENT_TYPE, &[])));
        assert!(!is_json(&headers(&CONTENT_TYPE, &["application/json", "text/html"])));
    }

    #[test]
    fn a_document_says_how_long_it_is_fresh_and_is_believed_within_bounds() {
        let rows: [(&[&str], u64); 16] = [
            (&[], 3600),
            (&["public"], 3600),
            (&["max-age=7200"], 7200),
            (&["public, Max-Age=7200"], 7200),
            (&["max-age=\"7200\""], 7200),
            (&["public", "max-age=7200"], 7200),
            (&["max-age=7200, max-age=600"], 600),
            (&["max-age=7200, no-cache"], 300),
            (&["no-store"], 300),
            (&["max-age=0"], 300),
            (&["max-age=299"], 300),
            (&["max-age=86400"], 86_400),
            (&["max-age=86401"], 86_400),
            (&["max-age=99999999999999999999999"], 86_400),
            (&["max-age=-1"], 300),
            (&["max-age=soon"], 300),
        ];
        for (values, seconds) in rows {
            let found = freshness(&headers(&CACHE_CONTROL, values));
            assert_eq!(found.as_secs(), seconds, "{values:?}");
        }
    }

    #[test]
    fn what_a_cache_on_the_way_has_used_up_is_not_left() {
        let mut both = headers(&CACHE_CONTROL, &["max-age=7200"]);
        for (age, seconds) in [("1200", 6000), ("7200", 300), ("9000", 300), ("old", 7200)] {
            both.insert(AGE, age.parse().expect("a header value"));
            assert_eq!(freshness(&both).as_secs(), seconds, "{age}");
        }
    }
}
