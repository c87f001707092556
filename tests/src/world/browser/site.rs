//! What a browser thinks of addresses: which it trusts, which belong together, and what it tells a server about where a
//! request comes from (Fetch, Referrer Policy, Fetch Metadata, Content Security Policy).
//!
//! Pure.

use url::{Host, Url};

/// What `Sec-Fetch-Site` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Relation {
    SameOrigin,
    SameSite,
    CrossSite,
}

impl Relation {
    pub(super) fn between(from: &Url, to: &Url) -> Self {
        if from.origin() == to.origin() {
            Self::SameOrigin
        } else if site(from) == site(to) {
            Self::SameSite
        } else {
            Self::CrossSite
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::CrossSite => "cross-site",
        }
    }
}

/// Secure Contexts §3.1: encrypted, or on this machine.
pub(super) fn is_trustworthy(url: &Url) -> bool {
    let on_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || on_loopback
}

/// The registrable domain of a host. For names of the suites two labels are enough: there is no list of public
/// suffixes here. None for addresses and for names without a dot.
pub(super) fn domain_of(host: &str) -> Option<&str> {
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    let (rest, last) = host.rsplit_once('.').filter(|_| !is_address)?;
    let second = rest.rsplit('.').next()?;
    Some(&host[host.len() - second.len() - 1 - last.len()..])
}

/// HTML §7.1.1: scheme and registrable domain, or the host where there is none.
fn site(url: &Url) -> (&str, &str) {
    let host = url.host_str().unwrap_or_default();
    (url.scheme(), domain_of(host).unwrap_or(host))
}

/// The `Referer` that a page with this policy gives away to `to`.
pub(super) fn referrer(policy: &str, page: &Url, to: &Url) -> Option<String> {
    let same = page.origin() == to.origin();
    let downgrade = page.scheme() == "https" && to.scheme() != "https";
    let origin = format!("{}/", page.origin().ascii_serialization());
    let mut whole = page.clone();
    whole.set_fragment(None);
    match policy {
        "no-referrer" => None,
        "same-origin" => same.then(|| whole.into()),
        "origin" => Some(origin),
        "strict-origin" => (!downgrade).then_some(origin),
        // Referrer Policy §3: strict-origin-when-cross-origin is the default.
        _ if same => Some(whole.into()),
        _ => (!downgrade).then_some(origin),
    }
}

/// The `Origin` of a POST from a page with this policy, after it was sent on from the addresses of `chain`.
pub(super) fn origin(policy: &str, page: &Url, chain: &[Url], to: &Url) -> String {
    let ours = page.origin();
    let hops = chain.iter().zip(chain.iter().skip(1).chain([to]));
    // Fetch §2.2.5, redirect-taint: somebody else's redirect to yet another origin makes it null.
    let mut hops = hops.filter(|(last, next)| last.origin() != next.origin());
    let tainted = hops.any(|(last, _)| last.origin() != ours);
    // Fetch §3.1, "append a request Origin header": without a referrer there is no origin either. Chromium's
    // consent page with `Referrer-Policy: no-referrer` posts `Origin: null` to its own server.
    let hidden = match policy {
        "no-referrer" => true,
        "same-origin" => to.origin() != ours,
        "origin" | "unsafe-url" | "origin-when-cross-origin" => false,
        _ => page.scheme() == "https" && to.scheme() != "https",
    };
    if tainted || hidden { "null".to_owned() } else { ours.ascii_serialization() }
}

/// Whether a page's `Content-Security-Policy` lets its forms lead to `to`. Chromium asks this for every redirect that
/// follows as well (w3c/webappsec-csp#8), Firefox only for the form's own address.
pub(super) fn form_may_lead_to(policy: &str, page: &Url, to: &Url) -> bool {
    let directives = policy.split([';', ',']).map(str::trim);
    let mut rules = directives.filter_map(|directive| directive.strip_prefix("form-action"));
    rules.all(|sources| sources.split_whitespace().any(|source| allows(source, page, to)))
}

fn allows(source: &str, page: &Url, to: &Url) -> bool {
    match source {
        "'none'" => false,
        "'self'" => page.origin() == to.origin(),
        "*" => matches!(to.scheme(), "http" | "https"),
        scheme if scheme.ends_with(':') => scheme.strip_suffix(':') == Some(to.scheme()),
        // With a scheme, and without a path: the pages of the suites need no more.
        address => Url::parse(address).is_ok_and(|allowed| allowed.origin() == to.origin()),
    }
}

#[cfg(test)]
mod tests;
