//! Cookies of the authorization server: bound to this host, to https and to the browser, and never readable by a page.
//!
//! Pure. `__Host-` (no domain, path `/`, Secure), HttpOnly and SameSite=Lax: a form on another site carries none of them, and the
//! provider's redirect back does (I5, O27). What a cookie says is sealed or compared by digest, so a forged one is only noise.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// How the names of all of them begin.
pub const OURS: &str = "__Host-mcp-oauth-";
/// The browser, as far as a login is concerned: a random value, set with the first page (O02, O20).
pub const BROWSER: &str = "__Host-mcp-oauth-browser";
/// The start of the name of a login under way; the rest is when it ends and the state that the provider will echo.
pub const LOGIN: &str = "__Host-mcp-oauth-login-";
/// The start of the name of a remembered consent; the rest is a digest of what was consented to.
pub const CONSENT: &str = "__Host-mcp-oauth-consent-";

/// At most so many logins at a time in one browser: more would make the request head too long for servers (O27).
pub const MOST_LOGINS: usize = 8;
/// All cookies of ours together: with what a browser and a provider say, the head of a request stays under 8 KiB.
pub const MOST_BYTES: usize = 6 * 1024;
/// Remembered consents, of those.
pub const MOST_CONSENT_BYTES: usize = 2 * 1024;
/// Name and value. Browsers drop what is longer (RFC 6265bis §5.6), without a word.
pub const LONGEST: usize = 4096;

/// The value of a cookie that stands in the request once. Twice would be two opinions.
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = all(headers).filter(|(known, _)| *known == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

/// All cookies whose names begin like this.
pub fn starting<'a>(headers: &'a HeaderMap, start: &str) -> Vec<(&'a str, &'a str)> {
    all(headers).filter(|(name, _)| name.starts_with(start)).collect()
}

/// `Set-Cookie`. Name and value are base64url, digits and dashes: nothing in them ends a header.
pub fn set(name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    HeaderValue::from_str(&text).ok()
}

/// Takes a cookie away, with the attributes that it was set with (O27).
pub fn unset(name: &str) -> Option<HeaderValue> {
    set(name, "", 0)
}

/// The name of the cookie of a login.
pub fn login_name(ends: u64, state: &str) -> String {
    format!("{LOGIN}{ends}-{state}")
}

/// The cookie of the login whose state the provider echoes.
pub fn login_of<'a>(headers: &'a HeaderMap, state: &str) -> Option<(&'a str, &'a str)> {
    let is_it = |name: &str| {
        let rest = name.strip_prefix(LOGIN).and_then(|rest| rest.split_once('-'));
        rest.is_some_and(|(_, found)| found == state)
    };
    let mut found = all(headers).filter(|(name, _)| is_it(name));
    match (found.next(), found.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// The logins that must give way so that one more, of this length, has room: those that end first.
pub fn logins_that_give_way(headers: &HeaderMap, coming: usize) -> Vec<&str> {
    let ends = |name: &str| -> u64 {
        let rest = name.strip_prefix(LOGIN).and_then(|rest| rest.split_once('-'));
        rest.and_then(|(ends, _)| ends.parse().ok()).unwrap_or(0)
    };
    let mut logins = starting(headers, LOGIN);
    logins.sort_by_key(|(name, _)| ends(name));
    let others = [BROWSER, CONSENT].into_iter().flat_map(|start| starting(headers, start));
    let mut bytes = coming + others.chain(logins.iter().copied()).map(length).sum::<usize>();
    let mut count = logins.len() + 1;
    let gives_way = |login: &(&str, &str)| {
        let is_surplus = count > MOST_LOGINS || bytes > MOST_BYTES;
        (count, bytes) = (count - 1, bytes - length(*login));
        is_surplus
    };
    logins.into_iter().take_while(gives_way).map(|(name, _)| name).collect()
}

/// What a cookie takes of the head: `name=value; `.
pub fn length((name, value): (&str, &str)) -> usize {
    name.len() + value.len() + 3
}

fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookies: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookies).expect("a header"))])
    }

    #[test]
    fn i5_a_cookie_of_ours_has_every_attribute_that_binds_it() {
        let set = set(BROWSER, "abc", 600).expect("a header");
        let expected = "__Host-mcp-oauth-browser=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600";
        assert_eq!(set, expected);
        assert!(
            unset(BROWSER).expect("a header").to_str().expect("ASCII").ends_with("SameSite=Lax; Max-Age=0")
        );
    }

    #[test]
    fn a_cookie_that_stands_twice_is_none_and_one_that_stands_once_is_found() {
        assert_eq!(find(&sent(&format!("a=b; {BROWSER}=x; c=d")), BROWSER), Some("x"));
        assert_eq!(find(&sent(&format!("{BROWSER}=x; {BROWSER}=y")), BROWSER), None);
        assert_eq!(find(&sent("a=b"), BROWSER), None);
    }

    #[test]
    fn a_login_is_found_by_its_state_alone() {
        let headers = sent(&format!("{LOGIN}100-one=1; {LOGIN}200-two=2"));
        assert_eq!(login_of(&headers, "two"), Some((&*format!("{LOGIN}200-two"), "2")));
        assert_eq!(login_of(&headers, "tw"), None);
        assert_eq!(login_of(&sent(&format!("{LOGIN}1-a=1; {LOGIN}2-a=2")), "a"), None);
    }

    #[test]
    fn o27_of_too_many_logins_those_that_end_first_give_way() {
        let cookies: Vec<_> = (0..10).rev().map(|end| format!("{LOGIN}{end}-s{end}=x")).collect();
        let headers = sent(&cookies.join("; "));
        let expected = [0, 1, 2].map(|end| format!("{LOGIN}{end}-s{end}"));
        assert_eq!(logins_that_give_way(&headers, 100), expected);
        assert!(logins_that_give_way(&sent(&cookies[..7].join("; ")), 100).is_empty());
    }

    #[test]
    fn o27_of_long_cookies_there_are_fewer() {
        let login = |end: usize| format!("{LOGIN}{end}-s=");
        let cookie = |end: usize| format!("{}{}", login(end), "x".repeat(2000 - login(end).len() - 2));
        let headers = sent(&format!("{}; {}; {BROWSER}=y", cookie(2), cookie(1)));
        let spent = 2 * 2000 + BROWSER.len() + 4;
        assert!(logins_that_give_way(&headers, MOST_BYTES - spent).is_empty());
        assert_eq!(logins_that_give_way(&headers, MOST_BYTES - spent + 1), [format!("{LOGIN}1-s")]);
        assert_eq!(logins_that_give_way(&headers, LONGEST).len(), 1);
        assert_eq!(logins_that_give_way(&headers, MOST_BYTES).len(), 2);
    }
}
