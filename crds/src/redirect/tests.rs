//! The tables beside this file hold the strings: what registers, and what a request may present for it.

mod rows;

use std::collections::BTreeSet;

use super::*;
use rows::rows;

fn uri(text: &str) -> RedirectUri {
    RedirectUri::parse(text).expect(text)
}

#[test]
fn o05_only_https_loopback_and_private_use_uris_register() {
    let rows = rows(include_str!("registration.txt"), 2);
    let refused = rows.iter().filter(|row| row[0] == "refused").count();
    assert!(refused >= 60 && rows.len() - refused >= 30, "{refused} of {}", rows.len());
    for row in &rows {
        let expected = match row[0].as_str() {
            "web" => Some(Kind::Web),
            "loopback" => Some(Kind::Loopback),
            "private-use" => Some(Kind::PrivateUse),
            verdict => {
                assert_eq!(verdict, "refused");
                None
            }
        };
        assert_eq!(RedirectUri::parse(&row[1]).ok().map(|uri| uri.kind()), expected, "{row:?}");
    }
}

#[test]
fn o05_a_dangerous_scheme_is_refused_and_one_that_ends_alike_is_not() {
    let schemes = "javascript vbscript data file filesystem blob about view-source ws wss ftp ssh chrome mailto intent tel jar";
    for scheme in schemes.split(' ') {
        for rest in ["://x/cb", ":/cb"] {
            assert!(RedirectUri::parse(&format!("{scheme}{rest}")).is_err(), "{scheme}{rest}");
            assert!(RedirectUri::parse(&format!("x{scheme}{rest}")).is_ok(), "x{scheme}{rest}");
        }
    }
}

#[test]
fn a_uri_that_is_refused_is_told_why() {
    for (text, says) in [
        ("https://user@client.example/cb", "no space, '@', '#', '*'"),
        ("https://client.example/../cb", "'..' as a segment of its path"),
        ("https://client.example/%2e%2e/cb", "percent-encode a dot"),
        ("javascript:alert(1)", "such as javascript: or file:"),
        ("https://localhost/cb", "must be http where it is a loopback address"),
        ("https://client.example/cb?iss=x", "parameter of the answer"),
        ("http://client.example/cb", "must be an https URL"),
        // What it says of loopback is what is taken: 127.0.0.2 is, and 128.0.0.1 is not.
        ("http://128.0.0.1/cb", "an http URL on loopback (localhost, 127.0.0.0/8 or [::1])"),
        ("", "must not be empty"),
    ] {
        let why = RedirectUri::parse(text).expect_err(text).to_string();
        assert!(why.contains(says), "{text}: {why}");
    }
    assert!(uri("http://127.0.0.2/cb").is_loopback());
}

#[test]
fn o04_only_the_registered_bytes_match_but_for_the_port_of_a_loopback_uri() {
    let rows = rows(include_str!("table.txt"), 3);
    assert!(rows.len() >= 300, "{} rows", rows.len());
    let different: BTreeSet<_> = rows.iter().map(|row| (&row[1], &row[2])).collect();
    assert_eq!(different.len(), rows.len(), "a row stands twice");
    let twins: BTreeSet<_> = rows.iter().filter(|row| row[0] == "accepted").map(|row| &row[1]).collect();
    for row in &rows {
        assert!(["accepted", "refused"].contains(&row[0].as_str()) && twins.contains(&row[1]), "{row:?}");
        assert_eq!(uri(&row[1]).matches(&row[2]), row[0] == "accepted", "{row:?}");
    }
}

#[test]
fn o04_whatever_matches_goes_to_the_registered_host() {
    for row in rows(include_str!("table.txt"), 3).iter().filter(|row| row[0] == "accepted") {
        let (registered, presented) = (uri(&row[1]), uri(&row[2]));
        assert_eq!((registered.kind(), registered.host()), (presented.kind(), presented.host()), "{row:?}");
        assert!(presented.matches(registered.as_str()), "{row:?}");
    }
}

#[test]
fn d9_every_port_is_free_on_loopback_and_none_elsewhere() {
    let loopback = uri("http://127.0.0.1/callback");
    let web = uri("https://client.example/callback");
    for port in 1..=u16::MAX {
        assert!(loopback.matches(&format!("http://127.0.0.1:{port}/callback")), "{port}");
        assert!(!web.matches(&format!("https://client.example:{port}/callback")), "{port}");
    }
}

#[test]
fn a9_a_person_is_shown_the_host_or_the_scheme() {
    for (text, host, authority) in [
        ("https://claude.ai/api/mcp/auth_callback", "claude.ai", "claude.ai"),
        ("https://client.example:8443?x=/:y", "client.example", "client.example:8443"),
        ("https://client.example", "client.example", "client.example"),
        ("https://192.0.2.7/a:1/cb", "192.0.2.7", "192.0.2.7"),
        ("http://localhost:3118/callback", "localhost", "localhost:3118"),
        ("http://[::1]:3000/cb", "[::1]", "[::1]:3000"),
        ("http://[::1]", "[::1]", "[::1]"),
        // Not what looks like a host: any app may claim the scheme, and write that behind it.
        ("evil://claude.ai/api/mcp/auth_callback", "evil", "evil"),
        ("com.example.app:/oauth2redirect", "com.example.app", "com.example.app"),
    ] {
        assert_eq!((uri(text).host(), uri(text).authority()), (host, authority), "{text}");
    }
}

#[test]
fn a_document_goes_through_the_same_door() {
    assert_eq!(
        serde_yaml::from_str::<RedirectUri>("https://client.example/cb").ok(),
        Some(uri("https://client.example/cb"))
    );
    assert!(serde_yaml::from_str::<RedirectUri>("http://client.example/cb").is_err());
}

#[test]
fn no_uri_longer_than_its_limit_registers() {
    let longest = format!("https://client.example/{}", "a".repeat(512 - 23));
    assert!(RedirectUri::parse(&longest).is_ok());
    assert!(RedirectUri::parse(&format!("{longest}a")).is_err());
}
