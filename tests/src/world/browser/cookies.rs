//! A browser's cookies by RFC 6265 and draft-ietf-httpbis-rfc6265bis-20, as Chromium keeps them: hosts without ports,
//! `Secure` on loopback, prefixes, SameSite, sizes and numbers.
//!
//! Pure.

mod parse;

use std::cmp::Reverse;

use url::Url;

use super::site::is_trustworthy;
use parse::parse;

/// Chromium's limit of cookies of one host.
const MOST: usize = 180;
/// rfc6265bis §5.6.7.2: a cookie without SameSite goes with a cross-site POST as long as it is this young.
const LAX_ALLOWING_UNSAFE: u64 = 120;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: SameSite,
    /// The end of its life; none for a cookie of the session.
    pub(crate) expires: Option<u64>,
    host_only: bool,
    created: u64,
    /// When it came, and when it was last sent: places in a row, not times.
    first: u64,
    last: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SameSite {
    Strict,
    Lax,
    None,
    /// Nothing was said.
    Default,
}

/// How a request comes about, as far as it matters to cookies. All are navigations of a whole window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    SameSite,
    CrossSite,
    CrossSitePost,
}

#[derive(Debug, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
    turns: u64,
}

impl Jar {
    /// Takes a `Set-Cookie`, or says why not.
    pub(super) fn store(&mut self, url: &Url, text: &str, now: u64) -> Result<(), &'static str> {
        let mut cookie = parse(url, text, now)?;
        let is_same = |known: &Cookie| {
            (&known.name, &known.host, &known.path) == (&cookie.name, &cookie.host, &cookie.path)
        };
        let hides = |known: &Cookie| known.secure && known.name == cookie.name && known.host == cookie.host;
        // rfc6265bis §5.7, 16: leave secure cookies alone.
        if !is_trustworthy(url) && self.cookies.iter().any(hides) {
            return Err("a secure cookie of this name is there");
        }
        self.turns += 1;
        let old = self.cookies.iter().position(is_same).map(|at| self.cookies.remove(at));
        (cookie.first, cookie.last) = (old.map_or(self.turns, |old| old.first), self.turns);
        if cookie.expires.is_none_or(|end| end > now) {
            self.make_room(&cookie.host, now);
            self.cookies.push(cookie);
        }
        Ok(())
    }

    /// The `Cookie` header for a request.
    pub(super) fn header(&mut self, url: &Url, delivery: Delivery, now: u64) -> Option<String> {
        self.turns += 1;
        let turn = self.turns;
        let mut sent: Vec<&mut Cookie> =
            self.cookies.iter_mut().filter(|cookie| cookie.goes(url, delivery, now)).collect();
        // rfc6265bis §5.8.3: longer paths first, then the older ones.
        sent.sort_by_key(|cookie| (Reverse(cookie.path.len()), cookie.first));
        let pairs: Vec<_> = sent
            .into_iter()
            .map(|cookie| {
                cookie.last = turn;
                format!("{}={}", cookie.name, cookie.value)
            })
            .collect();
        Some(pairs.join("; ")).filter(|text| !text.is_empty())
    }

    pub(super) fn all(&self, now: u64) -> Vec<Cookie> {
        self.cookies.iter().filter(|cookie| cookie.expires.is_none_or(|end| end > now)).cloned().collect()
    }

    fn make_room(&mut self, host: &str, now: u64) {
        self.cookies.retain(|cookie| cookie.expires.is_none_or(|end| end > now));
        while self.cookies.iter().filter(|cookie| cookie.host == host).count() >= MOST {
            let of_host = self.cookies.iter().enumerate().filter(|(_, cookie)| cookie.host == host);
            // Chromium: those that are not secure give way first, then those that were sent longest ago.
            let oldest = of_host.min_by_key(|(_, cookie)| (cookie.secure, cookie.last)).map(|(at, _)| at);
            let Some(at) = oldest else { return };
            self.cookies.remove(at);
        }
    }
}

impl Cookie {
    fn goes(&self, url: &Url, delivery: Delivery, now: u64) -> bool {
        let host = url.host_str().unwrap_or_default();
        let is_below = host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.'));
        let path = url.path();
        // RFC 6265 §5.1.4.
        let path_fits = path == self.path
            || path
                .strip_prefix(&self.path)
                .is_some_and(|rest| self.path.ends_with('/') || rest.starts_with('/'));
        let young = now <= self.created + LAX_ALLOWING_UNSAFE;
        let site_fits = match (self.same_site, delivery) {
            (_, Delivery::SameSite)
            | (SameSite::None, _)
            | (SameSite::Lax | SameSite::Default, Delivery::CrossSite) => true,
            (SameSite::Default, Delivery::CrossSitePost) => young,
            _ => false,
        };
        (host == self.host || (!self.host_only && is_below))
            && path_fits
            && site_fits
            && (!self.secure || is_trustworthy(url))
            && self.expires.is_none_or(|end| end > now)
    }
}

#[cfg(test)]
mod tests;
