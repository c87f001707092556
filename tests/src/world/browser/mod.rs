//! A browser without a screen: a cookie jar of its own, forms, redirects taken one at a time, and the rules by which real
//! browsers send or withhold cookies, `Origin`, `Referer` and `Sec-Fetch-Site`. Two of them are an attacker and a victim.
//! Compared with Chromium 156 (2026-11): `Origin` by referrer policy, form-action behind redirects, SameSite and prefixes on
//! loopback, `Referer` and `Sec-Fetch-Site` behind redirects.
//!
//! Connects to loopback: to addresses as they stand, and to others where a test says that a way leads there.

mod cookies;
mod html;
mod request;
mod site;
mod step;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use sidecar::clock::Clock;
use url::{Host, Url};

use cookies::Jar;
pub(crate) use cookies::{Cookie, SameSite};
use step::Start;
pub(crate) use step::{Navigation, Step};

use super::client::Reply;

/// Chromium's, and everybody's.
const MOST_REDIRECTS: usize = 20;

/// A person's browser.
#[derive(Debug)]
pub(crate) struct Browser {
    clock: Clock,
    jar: Jar,
    ways: HashMap<String, SocketAddr>,
    hosts: HashMap<String, SocketAddr>,
    authority: Option<String>,
    refused: Vec<(String, &'static str)>,
}

/// A step that the browser's own rules forbid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// The address that the form's page does not allow.
    pub(crate) url: String,
}

impl Browser {
    /// A new one, whose cookies live by `clock`.
    pub(crate) fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            jar: Jar::default(),
            ways: HashMap::new(),
            hosts: HashMap::new(),
            authority: None,
            refused: Vec::new(),
        }
    }

    /// Where `origin` is: as behind an ingress, which ends TLS and talks HTTP to what listens there.
    pub(crate) fn way(&mut self, origin: &str, to: SocketAddr) {
        let origin = Url::parse(origin).expect("an origin is an address").origin();
        self.ways.insert(origin.ascii_serialization(), to);
    }

    /// Where the host of this name is, with TLS of its own.
    pub(crate) fn host(&mut self, name: &str, to: SocketAddr) {
        self.hosts.insert(name.to_owned(), to);
    }

    /// Trusts certificates of this authority, in PEM form.
    pub(crate) fn trust(&mut self, authority: &str) {
        self.authority = Some(authority.to_owned());
    }

    /// What the jar holds.
    pub(crate) fn cookies(&self) -> Vec<Cookie> {
        self.jar.all(self.clock.unix().0)
    }

    /// The cookies that it would not take, and why.
    pub(crate) fn refused(&self) -> &[(String, &'static str)] {
        &self.refused
    }

    /// Opens an address that was typed.
    pub(crate) async fn open(&mut self, url: &str) -> Step {
        self.take(&Navigation::typed(url)).await
    }

    /// Makes this request, and no other.
    pub(crate) async fn take(&mut self, navigation: &Navigation) -> Step {
        self.try_to_take(navigation).await.expect("the page's form-action lets its form lead there")
    }

    /// The same, where the browser may say no.
    pub(crate) async fn try_to_take(&mut self, navigation: &Navigation) -> Result<Step, Blocked> {
        let url = &navigation.url;
        if let Start::Page(page) = &navigation.start
            && !page.form_policies.iter().all(|policy| site::form_may_lead_to(policy, &page.url, url))
        {
            return Err(Blocked { url: url.to_string() });
        }
        let now = self.clock.unix().0;
        let cookies = self.jar.header(url, request::delivery(navigation), now);
        let text = request::text(navigation, cookies.as_deref());
        let reply = self.exchange(url, text.as_bytes()).await;
        for (_, text) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            if let Err(reason) = self.jar.store(url, text, now) {
                self.refused.push((text.clone(), reason));
            }
        }
        Ok(Step { navigation: navigation.clone(), reply })
    }

    /// Follows redirects up to a page, or to one that leads to an address beginning with `before`, which it does not take.
    pub(crate) async fn walk(&mut self, mut step: Step, before: &str) -> Step {
        while let Some(next) = step.next().filter(|next| !next.url.as_str().starts_with(before)) {
            assert!(next.chain.len() <= MOST_REDIRECTS, "{next:?} is redirected for ever");
            step = self.take(&next).await;
        }
        step
    }

    async fn exchange(&self, url: &Url, request: &[u8]) -> Reply {
        if let Some(to) = self.ways.get(&url.origin().ascii_serialization()) {
            return wire::plain(*to, request).await;
        }
        let to = self.address_of(url).ok_or(url.as_str()).expect("a way leads there");
        if url.scheme() == "http" {
            return wire::plain(to, request).await;
        }
        let authority = self.authority.as_ref().ok_or(url.as_str()).expect("somebody is trusted for it");
        wire::tls(to, url.host_str().unwrap_or_default(), authority, request).await
    }

    /// Loopback, or a host that a test has named.
    fn address_of(&self, url: &Url) -> Option<SocketAddr> {
        let port = url.port_or_known_default()?;
        match url.host()? {
            Host::Ipv4(address) if address.is_loopback() => Some(SocketAddr::new(address.into(), port)),
            Host::Domain("localhost") => Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)),
            Host::Domain(name) => self.hosts.get(name).copied(),
            _ => None,
        }
    }
}
