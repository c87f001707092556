//! What a browser tells, and what it forbids: each case beside one that differs in one thing.

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).expect("an address")
}

#[test]
fn sites_are_schemes_and_registrable_domains_and_origins_are_more() {
    let cases = [
        ("https://a.example.com/x", "https://a.example.com/y", "same-origin"),
        ("https://a.example.com", "https://b.example.com", "same-site"),
        ("https://a.example.com", "https://example.com:8443", "same-site"),
        ("https://a.example.com", "http://a.example.com", "cross-site"),
        ("https://example.com", "https://example.org", "cross-site"),
        ("http://127.0.0.1:1", "http://127.0.0.1:2", "same-site"),
        ("http://127.0.0.1:1", "http://127.0.0.2:1", "cross-site"),
        ("http://localhost:1", "http://127.0.0.1:1", "cross-site"),
    ];
    for (from, to, word) in cases {
        assert_eq!(Relation::between(&url(from), &url(to)).word(), word, "{from} {to}");
    }
}

#[test]
fn a_referrer_tells_as_much_as_the_page_allows() {
    let page = url("https://a.example.com/consent?ask=1#x");
    let (whole, origin) = ("https://a.example.com/consent?ask=1", "https://a.example.com/");
    let cases = [
        ("", "https://a.example.com/", Some(whole)),
        ("", "https://b.example.com/", Some(origin)),
        ("", "http://b.example.com/", None),
        ("no-referrer", "https://a.example.com/", None),
        ("same-origin", "https://a.example.com/", Some(whole)),
        ("same-origin", "https://b.example.com/", None),
        ("origin", "http://b.example.com/", Some(origin)),
        ("strict-origin", "https://a.example.com/", Some(origin)),
        ("strict-origin", "http://a.example.com/", None),
    ];
    for (policy, to, expected) in cases {
        assert_eq!(referrer(policy, &page, &url(to)).as_deref(), expected, "{policy:?} {to}");
    }
}

#[test]
fn a_page_that_gives_no_referrer_posts_without_an_origin() {
    let page = url("https://a.example.com/consent");
    let (own, other) = (url("https://a.example.com/allow"), url("https://b.example.com/"));
    let says = |policy, to| origin(policy, &page, &[], to);
    assert_eq!(says("", &own), "https://a.example.com");
    assert_eq!(says("same-origin", &own), "https://a.example.com");
    assert_eq!(says("same-origin", &other), "null");
    assert_eq!(says("no-referrer", &own), "null");
    assert_eq!(says("", &other), "https://a.example.com");
    assert_eq!(says("", &url("http://a.example.com/")), "null");
    assert_eq!(
        origin("", &page, std::slice::from_ref(&own), &other),
        "https://a.example.com",
        "our own redirect"
    );
    assert_eq!(origin("", &page, &[own, other], &page), "null", "somebody else's redirect");
}

#[test]
fn a_form_leads_where_the_policy_of_its_page_lets_it() {
    let page = url("https://a.example.com/consent");
    let (own, other) = (url("https://a.example.com/x"), url("https://idp.example.com:8443/y"));
    let cases = [
        ("default-src 'none'", true, true),
        ("default-src 'none'; form-action 'self'", true, false),
        ("form-action 'none'", false, false),
        ("form-action 'self' https://idp.example.com:8443", true, true),
        ("form-action 'self' https://idp.example.com", true, false),
        ("form-action 'self' https:", true, true),
        ("form-action http:", false, false),
        ("form-action *; frame-ancestors 'none'", true, true),
    ];
    for (policy, to_own, to_other) in cases {
        let may = |to| form_may_lead_to(policy, &page, to);
        assert_eq!((may(&own), may(&other)), (to_own, to_other), "{policy}");
    }
}

#[test]
fn what_is_encrypted_or_on_this_machine_is_trusted() {
    let trusted = ["https://a.example.com", "http://localhost:1", "http://a.localhost", "http://127.8.8.8"];
    let others = ["http://a.example.com", "http://localhost.example.com", "http://10.0.0.1", "http://[::2]/"];
    assert!(trusted.iter().all(|text| is_trustworthy(&url(text))));
    assert!(!others.iter().any(|text| is_trustworthy(&url(text))));
}
