//! How often a host is asked: once as long as its document is fresh, once for many who ask together, and again after an error.

use std::time::Duration;

use serde_json::{Value, json};
use sidecar::fetch::DocumentUrl;
use sidecar::oauth::clients::Wanted;
use sidecar::oauth::clients::document::NamedBy;
use tokio::task::JoinSet;

use super::{Scene, good, path_of};
use crate::world::host::Answer;
use crate::world::tokens::key_set;

fn cached(url: &str, directive: &str) -> Answer {
    let head = format!("200 OK\r\ncontent-type: application/json\r\ncache-control: {directive}");
    Answer::with(&head, good(url).to_string())
}

#[tokio::test]
async fn a6_a_document_is_asked_for_again_when_it_is_stale_by_its_own_word() {
    for (directive, minutes) in
        [("max-age=600", 10), ("max-age=0", 5), ("public", 60), ("max-age=999999", 1440)]
    {
        let scene = Scene::new().await;
        let url = scene.url("/client.json");
        scene.host.answer(path_of(&url), cached(&url, directive));
        for _ in 0..2 {
            scene.get(&url).await.expect("good");
        }
        scene.hands.advance(Duration::from_secs(minutes * 60 - 1));
        scene.get(&url).await.expect("good");
        assert_eq!(scene.host.requests("/client.json"), 1, "{directive}");
        scene.hands.advance(Duration::from_secs(1));
        scene.get(&url).await.expect("good");
        assert_eq!(scene.host.requests("/client.json"), 2, "{directive}");
    }
}

#[tokio::test]
async fn o17_what_is_stale_does_not_stand_in_for_an_answer_that_is_no_document() {
    let scene = Scene::new().await;
    let url = scene.url("/client.json");
    scene.publish(&url);
    scene.get(&url).await.expect("good");
    scene.hands.advance(Duration::from_hours(2));
    scene.host.answer(path_of(&url), Answer::with("410 Gone", ""));
    assert!(scene.refusal(&url).await.contains("status 410"));
    scene.publish(&url);
    assert!(scene.get(&url).await.is_ok());
}

#[tokio::test]
async fn many_who_ask_together_are_one_request() {
    let scene = Scene::new().await;
    let url = scene.url("/client.json");
    scene.host.answer(path_of(&url), Answer::Late(Duration::from_millis(300), good(&url).to_string()));
    let mut asking = JoinSet::new();
    for _ in 0..100 {
        let (documents, url) = (scene.documents.clone(), url.clone());
        asking.spawn(async move { documents.get(&url).await.is_ok() });
    }
    assert!(asking.join_all().await.into_iter().all(|good| good));
    assert_eq!((scene.host.requests("/client.json"), scene.host.connections()), (1, 1));
}

#[tokio::test]
async fn o15_a_flood_of_made_up_urls_is_held_back_and_a_known_client_comes_through() {
    let scene = Scene::new().await;
    let url = scene.url("/client.json");
    scene.publish(&url);
    scene.get(&url).await.expect("good");
    scene.hands.advance(Duration::from_hours(2));
    for index in 0..300 {
        let made_up = format!("https://{index}.example:{}/client.json", scene.host.port());
        assert!(scene.get(&made_up).await.is_err());
    }
    let connections = scene.host.connections();
    assert!(connections <= 51, "{connections}");
    let one_more = scene.url("/other.json");
    scene.publish(&one_more);
    let said = scene.refusal(&one_more).await;
    assert!(said.contains("too many documents"), "{said}");
    // Keys of a client that the policy names are nobody's flood, and come though they were never had before.
    scene.host.answer("/jwks.json", Answer::json(&key_set()));
    let keys = DocumentUrl::parse(&scene.url("/jwks.json")).expect("a URL");
    for (named_by, come) in [(NamedBy::Stranger, false), (NamedBy::Policy, true)] {
        assert_eq!(scene.documents.keys(&keys, named_by, Wanted::Known).await.is_ok(), come, "{named_by:?}");
    }
    assert!(scene.get(&url).await.is_ok());
    scene.hands.advance(Duration::from_mins(1));
    assert!(scene.get(&one_more).await.is_ok());
}

/// A client that signs, whose keys lie at `keys`.
fn signing(url: &str, keys: &str) -> Value {
    let mut document = good(url);
    document["token_endpoint_auth_method"] = json!("private_key_jwt");
    document["jwks_uri"] = json!(keys);
    document
}

#[tokio::test]
async fn the_keys_of_a_client_are_fetched_once_and_again_for_a_key_that_is_not_among_them() {
    let scene = Scene::new().await;
    let (url, keys) = (scene.url("/client.json"), scene.url("/jwks.json"));
    scene.host.answer("/client.json", Answer::json(&signing(&url, &keys)));
    scene.host.answer("/jwks.json", Answer::of("application/jwk-set+json", key_set().to_string()));
    let client = scene.get(&url).await.expect("good");
    assert_eq!(
        (client.has_keys(), client.may_be_public(), scene.host.requests("/jwks.json")),
        (true, false, 0)
    );
    for _ in 0..3 {
        assert!(!scene.keys(&client, Wanted::Known).await.expect("good keys").is_empty());
        assert!(scene.keys(&client, Wanted::Anew).await.is_ok());
    }
    assert_eq!(scene.host.requests("/jwks.json"), 1);
    scene.hands.advance(Duration::from_secs(11));
    assert!(scene.keys(&client, Wanted::Known).await.is_ok());
    assert_eq!(scene.host.requests("/jwks.json"), 1);
    assert!(scene.keys(&client, Wanted::Anew).await.is_ok());
    assert_eq!(scene.host.requests("/jwks.json"), 2);
}

#[tokio::test]
async fn i9_the_keys_of_a_client_are_fetched_from_where_its_document_could_be_and_nowhere_else() {
    let scene = Scene::new().await;
    let (url, keys) = (scene.url("/client.json"), format!("https://[::1]:{}/jwks.json", scene.host.port()));
    scene.host.answer("/client.json", Answer::json(&signing(&url, &keys)));
    let client = scene.get(&url).await.expect("good");
    let connections = scene.host.connections();
    let said = scene.keys(&client, Wanted::Known).await.expect_err("forbidden").to_string();
    assert!(said.starts_with("the client's key set could not be fetched"), "{said}");
    assert_eq!(scene.host.connections(), connections);
}

#[tokio::test]
async fn a_key_set_is_64_kibibytes_long_at_most_and_holds_no_private_key() {
    let scene = Scene::new().await;
    let (url, keys) = (scene.url("/client.json"), scene.url("/jwks.json"));
    scene.host.answer("/client.json", Answer::json(&signing(&url, &keys)));
    let client = scene.get(&url).await.expect("good");
    scene.host.answer("/jwks.json", Answer::Endless(1 << 20));
    let said = scene.keys(&client, Wanted::Known).await.expect_err("too long").to_string();
    assert!(said.contains("more than 64 KiB"), "{said}");
    let mut private = key_set();
    private["keys"][0]["d"] = json!("AAAA");
    scene.host.answer("/jwks.json", Answer::json(&private));
    let said = scene.keys(&client, Wanted::Known).await.expect_err("private").to_string();
    assert!(said.contains("one that is not public"), "{said}");
    scene.host.answer("/jwks.json", Answer::json(&key_set()));
    assert!(scene.keys(&client, Wanted::Known).await.is_ok());
}
