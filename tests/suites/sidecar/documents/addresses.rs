//! Where a stranger cannot send us (A8, I9, O17): more than a hundred hosts, by address in every spelling and by name. Each is
//! refused without a connection, beside the twin that is fetched.
//!
//! The host listens on every address of this machine where that matters, so that a connection to any of them is seen.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sidecar::fetch::DocumentFetcher;
use sidecar::oauth::clients::document::Documents;
use url::{Host, Url};

use super::lookup::Stub;
use super::{NAME, Scene, good, guard, path_of};
use crate::world;
use crate::world::authority::Authority;
use crate::world::host::{self, Answer};

const GENERIC: &str = "the client's metadata document could not be fetched: what its URL names does not answer over https, \
                       or is not on the public Internet";

/// Addresses that names resolve to, in the only spelling that a resolver has.
const FORBIDDEN: [&str; 36] = [
    "0.0.0.0",
    "10.0.0.1",
    "10.96.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.0.0.53",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "192.0.0.192",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
];

/// Other spellings of addresses: not the normal form of a URL, so nobody's id.
const SPELLINGS: [&str; 30] = [
    "0",
    "0x7f.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "0X7F000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "127.0.0.01",
    "127.000.000.001",
    "10.1",
    "0x0a.0.0.1",
    "2852039166",
    "0xa9fea9fe",
    "169.254.43518",
    "0251.0376.0251.0376",
    "3232235521",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "\u{2460}\u{2461}\u{2466}.0.0.1",
    "127\u{3002}0\u{3002}0\u{3002}1",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[0000::1]",
    "[FD00:EC2::254]",
];

/// Names of things that are nobody's business.
const NAMES: [&str; 12] = [
    "kubernetes",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "kubernetes.default.svc.cluster.local.",
    "trino.data.svc",
    "metadata.google.internal",
    "metadata.google.internal.",
    "instance-data",
    "printer.local",
    "db.corp.internal",
    "127.0.0.1.nip.example",
    "xn--bcher-kva.example",
];

/// An address as a URL has it.
fn bracketed(address: &str) -> String {
    match address.parse().expect("the tests write addresses") {
        IpAddr::V4(v4) => Host::<&str>::Ipv4(v4).to_string(),
        IpAddr::V6(v6) => Host::<&str>::Ipv6(v6).to_string(),
    }
}

/// What a URL parser makes of a host.
fn url_of(host: &str, port: u16) -> String {
    let url = Url::parse(&format!("https://{host}:{port}/client.json"));
    url.expect("the tests write hosts").to_string()
}

impl Scene {
    /// Refused, and nobody was connected to; nor asked, where there is no name to ask for.
    async fn refuses(&self, url: &str, lookups: usize) {
        let (connections, asked) = (self.host.connections(), self.lookup.asked());
        assert_eq!(self.refusal(url).await, GENERIC, "{url}");
        assert_eq!(self.host.connections(), connections, "{url}");
        assert_eq!(self.lookup.asked() - asked, lookups, "{url}");
        // The limits on strangers are not the matter here.
        self.hands.advance(Duration::from_mins(1));
    }
}

#[tokio::test]
async fn o17_no_literal_address_that_is_not_public_is_asked() {
    let scene = Scene::with(&[], "127.0.0.1").await;
    for address in FORBIDDEN {
        scene.refuses(&format!("https://{}/client.json", bracketed(address)), 0).await;
        scene.refuses(&url_of(&bracketed(address), scene.host.port()), 0).await;
    }
    // The twin: the very same host, allowed.
    let scene = Scene::with(&["127.0.0.1/32"], "127.0.0.1").await;
    let url = format!("https://127.0.0.1:{}/client.json", scene.host.port());
    scene.publish(&url);
    assert!(scene.get(&url).await.is_ok());
    assert_eq!((scene.host.connections(), scene.lookup.asked()), (1, 0));
}

#[tokio::test]
async fn o17_no_name_with_an_address_that_is_not_public_is_asked() {
    let scene = Scene::with(&[], NAME).await;
    for address in FORBIDDEN {
        scene.lookup.answer(&[&[address]]);
        scene.refuses(&scene.url("/client.json"), 1).await;
    }
    // The twin: the same name, with an address that is allowed.
    let scene = Scene::with(&["127.0.0.1/32"], NAME).await;
    let url = scene.url("/client.json");
    scene.publish(&url);
    assert!(scene.get(&url).await.is_ok());
    assert_eq!((scene.host.connections(), scene.lookup.asked()), (1, 1));
}

#[tokio::test]
async fn o17_one_address_that_is_not_public_among_others_refuses_the_name() {
    let scene = Scene::new().await;
    let url = scene.url("/client.json");
    scene.publish(&url);
    for mixed in [
        &["127.0.0.1", "10.0.0.1"][..],
        &["169.254.169.254", "127.0.0.1"],
        &["127.0.0.1", "127.0.0.1", "::1"],
    ] {
        scene.lookup.answer(&[mixed]);
        scene.refuses(&url, 1).await;
    }
    scene.lookup.answer(&[&["127.0.0.1", "127.0.0.1"]]);
    assert!(scene.get(&url).await.is_ok());
}

#[tokio::test]
async fn o17_another_spelling_of_an_address_is_no_clients_id() {
    let scene = Scene::with(&["0.0.0.0/0", "::/0"], "127.0.0.1").await;
    for host in SPELLINGS {
        let url = format!("https://{host}:{}/client.json", scene.host.port());
        let said = scene.refusal(&url).await;
        assert!(said.contains("normal form"), "{host}: {said}");
    }
    assert_eq!((scene.host.connections(), scene.lookup.asked()), (0, 0));
    // And what they are other spellings of is judged as what it is.
    let closed = Scene::with(&[], "127.0.0.1").await;
    for host in SPELLINGS {
        closed.refuses(&url_of(host, closed.host.port()), 0).await;
    }
    let url = url_of("0x7f.1", scene.host.port());
    scene.publish(&url);
    assert!(scene.get(&url).await.is_ok(), "the normal form of 0x7f.1, allowed");
}

#[tokio::test]
async fn o17_names_inside_are_judged_by_their_addresses_and_localhost_by_its_name() {
    for name in NAMES {
        let scene = Scene::with(&["127.0.0.1/32"], name.trim_end_matches('.')).await;
        let url = format!("https://{name}:{}/client.json", scene.host.port());
        scene.lookup.answer(&[&["10.0.0.1"], &["127.0.0.1"]]);
        scene.refuses(&url, 1).await;
        scene.publish(&url);
        assert!(scene.get(&url).await.is_ok(), "{name}");
    }
    for name in ["localhost", "localhost.", "a.localhost", "a.b.localhost."] {
        let scene = Scene::with(&["127.0.0.0/8"], "localhost").await;
        scene.refuses(&format!("https://{name}:{}/client.json", scene.host.port()), 0).await;
    }
}

#[tokio::test]
async fn o17_a_name_that_changes_its_mind_gains_nothing() {
    let authority = Authority::new();
    let inside = host::Host::start("127.0.0.1:0", authority.server(NAME)).await;
    let outside = host::Host::start(&format!("127.0.0.2:{}", inside.port()), authority.server(NAME)).await;
    let lookup = Arc::new(Stub::always(&[]));
    let fetcher = DocumentFetcher::new(Some(&authority.pem), guard(&["127.0.0.2/32"]), lookup.clone());
    let (clock, hands) = world::clock();
    let documents = Documents::new(fetcher.expect("a good bundle"), clock);
    let url = format!("https://{NAME}:{}/client.json", inside.port());
    for host in [&inside, &outside] {
        host.answer(path_of(&url), Answer::json(&good(&url)));
    }
    // Good when it is judged, inside from then on: it was looked up once, so the connection goes to what was judged.
    lookup.answer(&[&["127.0.0.2"], &["127.0.0.1"]]);
    assert!(documents.get(&url).await.is_ok());
    assert_eq!((lookup.asked(), outside.connections(), inside.connections()), (1, 1, 0));
    // The next fetch looks it up anew, and judges anew.
    hands.advance(Duration::from_hours(25));
    assert_eq!(documents.get(&url).await.expect_err("inside").to_string(), GENERIC);
    assert_eq!((lookup.asked(), outside.connections(), inside.connections()), (2, 1, 0));
    // And there and back again, for as long as it likes.
    lookup.answer(&[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.1"], &["127.0.0.2"]]);
    for round in 0..4 {
        hands.advance(Duration::from_hours(25));
        assert_eq!(documents.get(&url).await.is_ok(), round % 2 == 1, "{round}");
    }
    assert_eq!((outside.connections(), inside.connections()), (3, 0));
}
