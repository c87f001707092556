//! J23: a token that was found valid is judged by what it is now, and another token by what it is.
//!
//! In process, against an identity provider on loopback.

use serde_json::json;
use sidecar::provider::COOLDOWN;

use super::Scene;
use crate::world::NOW;
use crate::world::idp::{Answer, KEYS};
use crate::world::tokens::Change::Claim;
use crate::world::tokens::{key_set, stranger_jwk};

#[tokio::test]
async fn j23_a_token_that_was_seen_ends_with_its_own_end() {
    let scene = Scene::with_keys(&key_set()).await;
    assert_eq!(NOW, 1_800_000_000);
    let token = scene.draft().with(&[Claim("exp", "1800000060")]);
    for (at, word) in [(NOW, "accepted"), (NOW + 89, "accepted"), (NOW + 90, "token_expired")] {
        assert_eq!(scene.word_at(&token, at).await, word, "{at}");
    }
    assert_eq!(scene.word_at(&token, NOW).await, "accepted", "a clock that was set back");
}

#[tokio::test]
async fn j23_a_token_that_was_seen_vouches_for_no_other() {
    let scene = Scene::with_keys(&key_set()).await;
    let alice = scene.draft().with(&[]);
    let other = scene.draft().with(&[Claim("aud", "\"https://other.example/mcp\"")]);
    assert_eq!(scene.word(&alice).await, "accepted");
    assert_eq!(scene.word(&other).await, "token_audience");
    let (head, signature) = alice.rsplit_once('.').expect("three parts");
    let (foreign, _) = other.rsplit_once('.').expect("three parts");
    assert_eq!(scene.word(&format!("{foreign}.{signature}")).await, "token_signature");
    assert_eq!(scene.word(&format!("{head}.{signature}")).await, "accepted");
}

#[tokio::test]
async fn j23_a_token_that_was_seen_is_over_when_its_key_is_and_not_when_keys_are_fetched_again() {
    let scene = Scene::with_keys(&key_set()).await;
    let token = scene.draft().with(&[]);
    assert_eq!(scene.word(&token).await, "accepted");
    scene.hands.advance(COOLDOWN);
    scene.provider.refresh_if_due().await;
    assert_eq!((scene.word(&token).await, scene.idp.requests(KEYS)), ("accepted", 2));
    scene.idp.answer(KEYS, Answer::Json(json!({ "keys": [stranger_jwk("new")] }).to_string()));
    scene.hands.advance(COOLDOWN);
    scene.provider.refresh_if_due().await;
    assert_eq!(scene.word(&token).await, "token_key");
}
