//! The cookies of our own logins: the server behind us neither reads them nor sets them (I5, O27).
//!
//! Pure. Whatever else stands in the headers passes as it came.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::oauth::cookie::OURS;

/// Takes ours out of what a browser sends.
pub(super) fn towards_server(headers: &mut HeaderMap) {
    let all: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
    let is_there = |value: &HeaderValue| value.as_bytes().split(|byte| *byte == b';').any(is_ours);
    if !all.iter().any(is_there) {
        return;
    }
    headers.remove(COOKIE);
    for value in all {
        let others: Vec<&[u8]> =
            value.as_bytes().split(|byte| *byte == b';').filter(|pair| !is_ours(pair)).collect();
        let others = others.join(&b';');
        if let Ok(value) = HeaderValue::from_bytes(others.trim_ascii())
            && !value.is_empty()
        {
            headers.append(COOKIE, value);
        }
    }
}

/// Takes out what would be one of ours: a login that begins with a browser of the server's choice is no login of the person's.
pub(super) fn towards_client(headers: &mut HeaderMap) {
    let all: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    if !all.iter().any(|value| is_ours(value.as_bytes())) {
        return;
    }
    headers.remove(SET_COOKIE);
    for value in all.into_iter().filter(|value| !is_ours(value.as_bytes())) {
        headers.append(SET_COOKIE, value);
    }
}

/// Browsers mind no case in `__Host-` (RFC 6265bis §5.7), so that neither do we.
fn is_ours(pair: &[u8]) -> bool {
    let pair = pair.trim_ascii_start();
    pair.get(..OURS.len()).is_some_and(|start| start.eq_ignore_ascii_case(OURS.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(name: http::HeaderName, values: &[&'static str], strip: fn(&mut HeaderMap)) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_static(value));
        }
        strip(&mut headers);
        headers.get_all(name).iter().map(|value| value.to_str().expect("ASCII").to_owned()).collect()
    }

    #[test]
    fn i5_the_server_does_not_see_the_cookies_of_a_login_and_sees_all_others() {
        let sent = |values: &[&'static str]| after(COOKIE, values, towards_server);
        assert_eq!(sent(&["a=1; __Host-mcp-oauth-browser=x; b=2"]), ["a=1; b=2"]);
        assert_eq!(sent(&["__Host-mcp-oauth-login-9-s=x", "c=3"]), ["c=3"]);
        assert_eq!(sent(&["__host-MCP-oauth-browser=x"]), [""; 0]);
        assert_eq!(sent(&["a=1;  b=\"__Host-mcp-oauth-browser\"", "mcp-oauth=1"]).len(), 2);
        assert_eq!(sent(&["a=1;;b"]), ["a=1;;b"], "as it came");
    }

    #[test]
    fn i5_the_server_cannot_set_a_cookie_of_a_login_and_can_set_any_other() {
        let set = |values: &[&'static str]| after(SET_COOKIE, values, towards_client);
        assert_eq!(
            set(&["__Host-mcp-oauth-browser=AAAA; Path=/; Secure", "sid=1; Path=/"]),
            ["sid=1; Path=/"]
        );
        assert_eq!(set(&["sid=__Host-mcp-oauth-browser"]), ["sid=__Host-mcp-oauth-browser"]);
    }
}
