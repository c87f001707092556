//! Providers that fail or lie at an endpoint do that there, are honest everywhere else, and heal.
//!
//! By HTTP, from providers on loopback.

use std::time::{Duration, Instant};

use super::{CALLBACK, Scene, answered};
use crate::world;
use crate::world::authority::Authority;
use crate::world::browser::Browser;
use crate::world::client::{Connection, request};
use crate::world::providers::Provider;
use crate::world::providers::mischief::{Fault, Lie, Place};
use crate::world::providers::people::{Person, Visitor};
use crate::world::providers::quirks::Quirks;

#[tokio::test]
async fn a_fault_is_at_its_place_and_goes_away() {
    let mut scene = Scene::with(Quirks::plain()).await;
    let cases = [
        (Fault::Says(500, "{\"error\":\"server_error\"}"), 500, "server_error"),
        (Fault::Says(429, "{}"), 429, "{}"),
        (Fault::Html, 200, "<!doctype html>"),
        (Fault::Redirect("https://attacker.example/token".to_owned()), 307, ""),
    ];
    for (fault, status, says) in cases {
        scene.provider.fail(Place::Token, fault.clone());
        let code = scene.code(&[]).await;
        let reply = scene.redeem(&code, &[]).await;
        assert_eq!(reply.status, status, "{fault:?}");
        assert!(reply.text().contains(says), "{fault:?}: {}", reply.text());
        assert_eq!(scene.get(Place::Keys, &[]).await.status, 200, "{fault:?}");
        scene.provider.behave();
        assert_eq!(scene.redeem(&code, &[]).await.status, 200, "a fault has used nothing up");
    }
    assert_eq!(
        scene.provider.requests(Place::Token).len(),
        8,
        "what was answered wrongly was seen all the same"
    );
}

#[tokio::test]
async fn an_answer_may_come_late_or_never_or_end_never() {
    let scene = Scene::with(Quirks::plain()).await;
    let to = scene.provider.url(Place::Keys);
    let to = url::Url::parse(&to).expect("an address").socket_addrs(|| None).expect("an address")[0];
    let ask = async || {
        let mut connection = Connection::open(to).await;
        connection.write(request("GET", "/keys", &[], "")).await;
        connection
    };
    scene.provider.fail(Place::Keys, Fault::Late(Duration::from_millis(300)));
    let begun = Instant::now();
    assert_eq!(ask().await.reply().await.expect("an answer").status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    scene.provider.fail(Place::Keys, Fault::Silence);
    assert!(!ask().await.closes_within(Duration::from_millis(300)).await);
    scene.provider.fail(Place::Keys, Fault::Closed);
    assert!(ask().await.reply().await.is_none());
    scene.provider.fail(Place::Keys, Fault::Endless(3_000_000));
    let mut connection = ask().await;
    assert_eq!(connection.head().await.expect("a head").0, 200);
    assert!(connection.closes_within(Duration::from_secs(10)).await, "so much and no more");
    scene.provider.behave();
    assert_eq!(
        ask().await.reply().await.expect("an answer").json()["keys"].as_array().map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn the_authorization_response_lies_about_its_issuer_and_its_state() {
    let mut scene = Scene::with(Quirks::plain()).await;
    let issuer = scene.provider.issuer();
    let cases = [
        (Lie::NoResponseIss, None, Some("xyz-1")),
        (Lie::WrongResponseIss, Some("https://attacker.example"), Some("xyz-1")),
        (Lie::WrongState, Some(issuer.as_str()), Some("xyz-1x")),
        (Lie::NoState, Some(issuer.as_str()), None),
    ];
    for (lie, iss, state) in cases {
        scene.provider.lie(lie);
        let step = scene.authorize(&[]).await;
        assert_eq!(answered(&step, "iss").as_deref(), iss, "{lie:?}");
        assert_eq!(answered(&step, "state").as_deref(), state, "{lie:?}");
        assert!(answered(&step, "code").is_some());
    }
    scene.provider.lie(Lie::ServerError);
    let step = scene.authorize(&[]).await;
    assert_eq!((answered(&step, "error").as_deref(), answered(&step, "code")), (Some("server_error"), None));
    scene.provider.behave();
    let step = scene.authorize(&[]).await;
    assert_eq!(answered(&step, "iss"), Some(issuer));
    let mut entra = Scene::with(Quirks::entra()).await;
    assert_eq!(answered(&entra.authorize(&[]).await, "iss"), None);
    entra.provider.lie(Lie::WrongResponseIss);
    assert!(answered(&entra.authorize(&[]).await, "iss").is_some(), "also where none is expected");
}

#[tokio::test]
async fn the_discovery_document_may_be_somebody_elses() {
    let scene = Scene::with(Quirks::plain()).await;
    scene.provider.lie(Lie::OtherIssuersDocument);
    assert_eq!(scene.get(Place::Discovery, &[]).await.json()["issuer"], "https://attacker.example");
    scene.provider.behave();
    assert_eq!(scene.get(Place::Discovery, &[]).await.json()["issuer"], scene.provider.issuer());
}

#[tokio::test]
async fn a_provider_speaks_tls_with_whoever_trusts_its_authority() {
    let (clock, _) = world::clock();
    let (ours, other) = (Authority::new(), Authority::new());
    let provider = Provider::start_with_tls(Quirks::cognito(), &clock, &ours).await;
    assert!(provider.issuer().starts_with("https://127.0.0.1:"));
    provider.register(CALLBACK);
    provider.visitor(Visitor::Is(Person::new("alice")));
    let mut browser = Browser::new(&clock);
    browser.trust(&ours.pem);
    assert_eq!(browser.open(&provider.url(Place::Discovery)).await.reply.status, 200);
    let mut tasks = tokio::task::JoinSet::new();
    let (address, pem) = (provider.url(Place::Discovery), other.pem);
    tasks.spawn(async move {
        let mut browser = Browser::new(&clock);
        browser.trust(&pem);
        browser.open(&address).await
    });
    assert!(tasks.join_next().await.expect("one task").is_err(), "a stranger's authority is not enough");
}
