//! The jar keeps and sends cookies as browsers do: each refusal beside a twin that differs in one thing.

use super::parse::{LONGEST, LONGEST_LIFE};
use super::*;

const NOW: u64 = 1_800_000_000;
const HOME: &str = "https://mcp.example.com/oauth/consent";

fn url(text: &str) -> Url {
    Url::parse(text).expect("an address")
}

fn store(at: &str, text: &str) -> Result<(), &'static str> {
    Jar::default().store(&url(at), text, NOW)
}

/// What goes along to `to`, of a cookie that was set at `at`.
fn sent(at: &str, text: &str, to: &str) -> Option<String> {
    let mut jar = Jar::default();
    jar.store(&url(at), text, NOW).expect("it is taken");
    jar.header(&url(to), Delivery::SameSite, NOW)
}

#[test]
fn a_cookie_is_taken_or_refused_as_its_attributes_fit_together() {
    let twins = [
        (HOME, "__Host-a=1; Secure; Path=/", "__Host-a=1; Secure; Path=/oauth"),
        (HOME, "__Host-a=1; Secure; Path=/", "__Host-a=1; Path=/"),
        (HOME, "__Host-a=1; Secure; Path=/", "__Host-a=1; Secure; Path=/; Domain=mcp.example.com"),
        (HOME, "__Host-a=1; Secure; Path=/", "__hOST-a=1; Secure"),
        (HOME, "__Secure-a=1; Secure", "__Secure-a=1"),
        (HOME, "a=1; SameSite=None; Secure", "a=1; SameSite=None"),
        (HOME, "a=1; Domain=example.com", "a=1; Domain=com"),
        (HOME, "a=1; Domain=.mcp.example.com", "a=1; Domain=other.example.com"),
        (HOME, "a=1", "nameless"),
        (HOME, "a=1", "a=1\u{7}"),
        ("http://mcp.example.com/", "a=1", "a=1; Secure"),
        ("http://127.0.0.1:8080/", "a=1; Domain=127.0.0.1", "a=1; Domain=0.0.1"),
    ];
    for (at, good, bad) in twins {
        assert_eq!(store(at, good), Ok(()), "{good}");
        assert!(store(at, bad).is_err(), "{bad}");
    }
    let long = "x".repeat(LONGEST);
    assert!(store(HOME, &format!("a={}", &long[1..])).is_ok() && store(HOME, &format!("a={long}")).is_err());
}

#[test]
fn a_secure_cookie_lives_on_loopback_also_without_tls() {
    for loopback in ["http://127.0.0.1:1234/", "http://localhost:1234/", "http://[::1]:1234/"] {
        let host = "__Host-a=1; Secure; Path=/; HttpOnly; SameSite=Lax";
        assert_eq!(sent(loopback, host, loopback).as_deref(), Some("__Host-a=1"), "{loopback}");
    }
    assert_eq!(sent(HOME, "a=1; Secure", "http://mcp.example.com/oauth/x"), None);
    assert_eq!(sent(HOME, "a=1", "http://mcp.example.com/oauth/x").as_deref(), Some("a=1"));
}

#[test]
fn hosts_and_paths_decide_where_a_cookie_goes_and_ports_do_not() {
    let cases = [
        ("a=1", "https://mcp.example.com/oauth/token", true),
        ("a=1", "https://mcp.example.com/oauth", true),
        ("a=1", "https://mcp.example.com/oauthx", false),
        ("a=1", "https://mcp.example.com/", false),
        ("a=1; Path=/", "https://mcp.example.com:8443/", true),
        ("a=1; Path=/", "https://other.example.com/", false),
        ("a=1; Path=/", "https://a.mcp.example.com/", false),
        ("a=1; Path=/; Domain=example.com", "https://other.example.com/", true),
        ("a=1; Path=/; Domain=example.com", "https://badexample.com/", false),
        ("a=1; Path=oauth", "https://mcp.example.com/oauth/x", true),
    ];
    for (text, to, goes) in cases {
        assert_eq!(sent(HOME, text, to).is_some(), goes, "{text} to {to}");
    }
}

#[test]
fn samesite_decides_what_goes_along_from_elsewhere() {
    let cases = [
        ("Strict", [true, false, false]),
        ("Lax", [true, true, false]),
        ("None; Secure", [true, true, true]),
        // Nothing said, and young enough for Lax-allowing-unsafe.
        ("", [true, true, true]),
    ];
    let ways = [Delivery::SameSite, Delivery::CrossSite, Delivery::CrossSitePost];
    for (same_site, expected) in cases {
        let mut jar = Jar::default();
        let text = format!("a=1; SameSite={same_site}");
        jar.store(&url(HOME), &text, NOW).expect("it is taken");
        let goes = ways.map(|way| jar.header(&url(HOME), way, NOW).is_some());
        assert_eq!(goes, expected, "{same_site:?}");
    }
    let mut jar = Jar::default();
    jar.store(&url(HOME), "a=1", NOW).expect("it is taken");
    assert!(jar.header(&url(HOME), Delivery::CrossSitePost, NOW + LAX_ALLOWING_UNSAFE).is_some());
    assert!(jar.header(&url(HOME), Delivery::CrossSitePost, NOW + LAX_ALLOWING_UNSAFE + 1).is_none());
}

#[test]
fn a_cookie_ends_when_it_says_and_max_age_is_heard_before_expires() {
    let mut jar = Jar::default();
    let at = url(HOME);
    jar.store(&at, "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", NOW).expect("it is taken");
    assert!(jar.header(&at, Delivery::SameSite, NOW + 59).is_some());
    assert!(jar.header(&at, Delivery::SameSite, NOW + 60).is_none());
    jar.store(&at, "a=2; Expires=Fri, 15 Jan 2027 08:00:01 GMT", NOW).expect("it is taken");
    assert_eq!(jar.all(NOW)[0].expires, Some(NOW + 1));
    jar.store(&at, "a=2; Max-Age=0", NOW).expect("it is taken");
    assert_eq!(jar.all(NOW), []);
    jar.store(&at, "a=3; Max-Age=99999999999", NOW).expect("it is taken");
    assert_eq!(jar.all(NOW)[0].expires, Some(NOW + LONGEST_LIFE));
}

#[test]
fn longer_paths_go_first_and_then_the_older_ones_which_a_new_value_does_not_make_younger() {
    let mut jar = Jar::default();
    for text in ["a=1; Path=/", "b=2; Path=/", "c=3; Path=/oauth", "a=4; Path=/"] {
        jar.store(&url(HOME), text, NOW).expect("it is taken");
    }
    let header = jar.header(&url(HOME), Delivery::SameSite, NOW);
    assert_eq!(header.as_deref(), Some("c=3; a=4; b=2"));
}

#[test]
fn the_jar_has_room_for_so_many_of_a_host_and_the_longest_unsent_gives_way() {
    let mut jar = Jar::default();
    let at = url(HOME);
    for number in 0..MOST {
        jar.store(&at, &format!("c{number}=1; Secure; Path=/p{number}"), NOW).expect("it is taken");
    }
    jar.header(&url("https://mcp.example.com/p0"), Delivery::SameSite, NOW).expect("the first one is sent");
    jar.store(&at, "new=1; Secure", NOW).expect("it is taken");
    let names: Vec<_> = jar.all(NOW).into_iter().map(|cookie| cookie.name).collect();
    assert_eq!(names.len(), MOST);
    assert!(names.contains(&"c0".to_owned()) && !names.contains(&"c1".to_owned()), "{names:?}");
    jar.store(&url("https://other.example.com/"), "x=1", NOW).expect("another host has a room of its own");
    assert_eq!(jar.all(NOW).len(), MOST + 1);
}

#[test]
fn a_page_in_the_clear_cannot_hide_a_secure_cookie() {
    let mut jar = Jar::default();
    jar.store(&url(HOME), "a=1; Secure; Path=/", NOW).expect("it is taken");
    let plain = url("http://mcp.example.com/");
    assert!(jar.store(&plain, "a=2; Path=/", NOW).is_err());
    assert!(jar.store(&plain, "b=2; Path=/", NOW).is_ok());
}
