//! The text of a browser's request: what it says of itself, of where it comes from, and what it sends.
//!
//! Pure.

use std::fmt::Write as _;

use url::Url;

use super::cookies::Delivery;
use super::site::{self, Relation};
use super::step::{By, Navigation, Start};

const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36";

/// The whole request, with these cookies.
pub(super) fn text(navigation: &Navigation, cookies: Option<&str>) -> String {
    let Navigation { url, posted, .. } = navigation;
    let method = if posted.is_some() { "POST" } else { "GET" };
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = url.host_str().expect("only addresses with hosts are opened");
    let mut head = format!(
        "{method} {}{query} HTTP/1.1\r\nhost: {host}{port}\r\nconnection: close\r\nuser-agent: {AGENT}\r\n\
         accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\naccept-language: en\r\n",
        url.path()
    );
    if let Some(cookies) = cookies {
        let _ = write!(head, "cookie: {cookies}\r\n");
    }
    head.push_str(&provenance(navigation));
    let Some(fields) = posted else { return format!("{head}\r\n") };
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let length = body.len();
    format!("{head}content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// SameSite goes by where a request starts and where it goes: what lies between does not count in Chromium.
pub(super) fn delivery(navigation: &Navigation) -> Delivery {
    let cross = |page: &Url| Relation::between(page, &navigation.url) == Relation::CrossSite;
    match &navigation.start {
        Start::Page(page) if cross(&page.url) && navigation.posted.is_some() => Delivery::CrossSitePost,
        Start::Page(page) if cross(&page.url) => Delivery::CrossSite,
        _ => Delivery::SameSite,
    }
}

/// What a server learns about the page that it comes from.
fn provenance(navigation: &Navigation) -> String {
    let Navigation { url, posted, start, chain } = navigation;
    let mut lines = String::new();
    if let Start::Page(page) = start {
        // What was kept back on the way stays back: the shortest of all counts.
        let all = chain.iter().chain([url]).map(|to| site::referrer(&page.referrer_policy, &page.url, to));
        if let Some(referrer) = all.min_by_key(|referrer| referrer.as_ref().map(String::len)).flatten() {
            let _ = write!(lines, "referer: {referrer}\r\n");
        }
        if posted.is_some() {
            let origin = site::origin(&page.referrer_policy, &page.url, chain, url);
            let _ = write!(lines, "origin: {origin}\r\n");
        }
    }
    // Fetch Metadata §5: only to those whom a browser trusts.
    if site::is_trustworthy(url) {
        let relation = relation(start, chain, url);
        let _ = write!(lines, "sec-fetch-site: {relation}\r\nsec-fetch-mode: navigate\r\n");
        lines.push_str("sec-fetch-dest: document\r\n");
        if !matches!(start, Start::Page(page) if page.by == By::Script) {
            lines.push_str("sec-fetch-user: ?1\r\n");
        }
    }
    lines
}

/// Fetch Metadata §2.3: the most distant of all that a request was led through.
fn relation(start: &Start, chain: &[Url], to: &Url) -> &'static str {
    let Start::Page(page) = start else { return "none" };
    let all = chain.iter().chain([to]).map(|url| Relation::between(&page.url, url));
    all.max().unwrap_or(Relation::SameOrigin).word()
}
