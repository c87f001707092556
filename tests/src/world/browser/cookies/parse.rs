//! What a `Set-Cookie` says, and whether its attributes fit together.
//!
//! Pure.

use url::Url;

use super::super::site::{domain_of, is_trustworthy};
use super::{Cookie, SameSite};

/// Chromium's limit of name and value together.
pub(super) const LONGEST: usize = 4096;
/// rfc6265bis §5.5: 400 days.
pub(super) const LONGEST_LIFE: u64 = 400 * 24 * 3600;

pub(super) fn parse(url: &Url, text: &str, now: u64) -> Result<Cookie, &'static str> {
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).ok_or("it has no name")?;
    let (name, value) = (name.trim(), value.trim());
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("it holds control characters");
    }
    if name.len() + value.len() > LONGEST {
        return Err("it is too long");
    }
    let host = url.host_str().unwrap_or_default();
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        host: host.to_owned(),
        path: default_path(url),
        secure: false,
        http_only: false,
        same_site: SameSite::Default,
        expires: None,
        host_only: true,
        created: now,
        first: 0,
        last: 0,
    };
    let mut max_age = None;
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        match attribute.trim().to_ascii_lowercase().as_str() {
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite" => cookie.same_site = same_site(value.trim()),
            "path" if value.trim().starts_with('/') => value.trim().clone_into(&mut cookie.path),
            "path" => cookie.path = default_path(url),
            "domain" if !value.trim().is_empty() => {
                (cookie.host, cookie.host_only) = domain(host, value.trim())?;
            }
            "max-age" => max_age = value.trim().parse::<i64>().ok().or(max_age),
            "expires" => cookie.expires = date(value.trim()).or(cookie.expires),
            _ => {}
        }
    }
    if let Some(seconds) = max_age {
        cookie.expires = Some(u64::try_from(seconds).map_or(0, |seconds| now + seconds.min(LONGEST_LIFE)));
    }
    may_be(cookie, url)
}

/// The rules that look at all attributes together.
fn may_be(cookie: Cookie, url: &Url) -> Result<Cookie, &'static str> {
    let name = cookie.name.to_ascii_lowercase();
    if cookie.secure && !is_trustworthy(url) {
        return Err("it is secure, and this origin is not");
    }
    if cookie.same_site == SameSite::None && !cookie.secure {
        return Err("SameSite=None needs Secure");
    }
    // rfc6265bis §5.7, 20 and 21: whatever the case of the prefix.
    if name.starts_with("__secure-") && !cookie.secure {
        return Err("__Secure- needs Secure");
    }
    if name.starts_with("__host-") && !(cookie.secure && cookie.host_only && cookie.path == "/") {
        return Err("__Host- needs Secure, Path=/ and no Domain");
    }
    Ok(cookie)
}

fn domain(host: &str, text: &str) -> Result<(String, bool), &'static str> {
    let domain = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
    let is_below = host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
    match domain_of(host) {
        // An address, or a name without a dot: only itself, and then as if nothing was said.
        None if domain == host => Ok((domain, true)),
        // Nothing above the site: that would be everybody's.
        Some(site) if (domain == host || is_below) && domain.len() >= site.len() => Ok((domain, false)),
        _ => Err("its domain is another one"),
    }
}

fn same_site(text: &str) -> SameSite {
    match text.to_ascii_lowercase().as_str() {
        "strict" => SameSite::Strict,
        "lax" => SameSite::Lax,
        "none" => SameSite::None,
        _ => SameSite::Default,
    }
}

/// RFC 6265 §5.1.4: up to the last slash, and without it.
fn default_path(url: &Url) -> String {
    let path = url.path();
    match path.rfind('/') {
        Some(at) if at > 0 => path[..at].to_owned(),
        _ => "/".to_owned(),
    }
}

/// `Wdy, DD Mon YYYY HH:MM:SS GMT`, in seconds since 1970.
fn date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let text = text.to_ascii_lowercase().replace('-', " ");
    let mut words = text.split_once(' ')?.1.split_whitespace();
    let day: u64 = words.next()?.parse().ok()?;
    let month_name = words.next()?;
    let month = u64::try_from(MONTHS.iter().position(|known| *known == month_name)?).ok()? + 1;
    let year: u64 = words.next()?.parse().ok()?;
    let clock: Vec<u64> = words.next()?.split(':').filter_map(|part| part.parse().ok()).collect();
    let [hour, minute, second] = clock[..] else { return None };
    // Days of the civil calendar, counted from the first of March of the year 0.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(days.checked_sub(719_468)? * 86_400 + hour * 3600 + minute * 60 + second)
}
