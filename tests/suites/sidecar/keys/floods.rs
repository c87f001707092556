//! J17: tokens that name unknown keys do not turn the sidecar into a load on the provider, and a rotated key is found.
//!
//! In process, against an identity provider on loopback.

use std::sync::Arc;
use std::time::Duration;

use sidecar::provider::{COOLDOWN, ProviderStatus};
use tokio::task::JoinSet;

use super::Scene;
use crate::world::idp::{Answer, DISCOVERY, KEYS};
use crate::world::tokens::Change::{Header, SignedBy};
use crate::world::tokens::{Signer, key_set, sign, stranger_jwk};

/// Lets the clock move in ten steps over ten seconds, while 10,000 tokens come in from 50 sides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j17_ten_thousand_unknown_keys_in_ten_seconds_ask_the_provider_at_most_twice() {
    let scene = Arc::new(Scene::with_keys(&key_set()).await);
    let good = scene.draft().with(&[]);
    for second in 0..10 {
        let mut senders = JoinSet::new();
        for sender in 0..50 {
            let scene = scene.clone();
            senders.spawn(async move {
                for count in 0..20 {
                    let header =
                        format!("{{\"alg\":\"RS256\",\"kid\":\"unknown-{second}-{sender}-{count}\"}}");
                    let token = sign(Signer::Hmac(256, b"x"), header.as_bytes(), b"{}");
                    assert_eq!(scene.word(&token).await, "token_key");
                }
            });
        }
        while let Some(sent) = senders.join_next().await {
            sent.expect("no sender fails");
        }
        assert_eq!(scene.word(&good).await, "accepted");
        scene.hands.advance(Duration::from_secs(1));
    }
    assert!(scene.idp.requests(KEYS) <= 2, "{}", scene.idp.requests(KEYS));
    assert!(scene.idp.requests(DISCOVERY) <= 2, "{}", scene.idp.requests(DISCOVERY));
}

#[tokio::test]
async fn j17_requests_that_come_together_share_one_fetch() {
    let scene = Arc::new(Scene::with_keys(&key_set()).await);
    let good = scene.draft().with(&[]);
    let mut senders = JoinSet::new();
    for _ in 0..100 {
        let (scene, good) = (scene.clone(), good.clone());
        senders.spawn(async move { scene.word(&good).await });
    }
    while let Some(word) = senders.join_next().await {
        assert_eq!(word.expect("no sender fails"), "accepted");
    }
    assert_eq!(scene.idp.requests(KEYS), 1);
}

#[tokio::test]
async fn j17_callers_who_hang_up_in_the_middle_of_a_fetch_do_not_start_another_one() {
    let scene = Scene::with_keys(&key_set()).await;
    let good = scene.draft().with(&[]);
    scene.idp.answer(KEYS, Answer::Silence);
    for _ in 0..5 {
        let hung_up = tokio::time::timeout(Duration::from_millis(100), scene.word(&good)).await;
        assert!(hung_up.is_err() || hung_up == Ok("keys_unavailable"));
    }
    assert_eq!(scene.idp.requests(KEYS), 1);
    scene.idp.answer(KEYS, Answer::Json(key_set().to_string()));
    scene.hands.advance(COOLDOWN);
    assert_eq!(scene.word(&good).await, "accepted");
}

#[tokio::test]
async fn j17_a_new_key_is_found_after_the_cooldown_and_the_removed_one_is_dead() {
    let scene = Scene::with_keys(&key_set()).await;
    let old = scene.draft().with(&[]);
    let new = scene.draft().with(&[Header("kid", "\"new\""), SignedBy(Signer::Stranger)]);
    assert_eq!(scene.word(&old).await, "accepted");
    scene.idp.answer(KEYS, Answer::Json(serde_json::json!({ "keys": [stranger_jwk("new")] }).to_string()));

    scene.hands.advance(COOLDOWN.saturating_sub(Duration::from_millis(1)));
    assert_eq!(scene.word(&new).await, "token_key");
    assert_eq!(scene.word(&old).await, "accepted");

    scene.hands.advance(Duration::from_millis(1));
    assert_eq!(scene.word(&new).await, "accepted");
    assert_eq!(scene.word(&old).await, "token_key");
    assert_eq!(scene.idp.requests(KEYS), 2);
}

#[tokio::test]
async fn a_provider_that_runs_is_ready_by_itself_and_gets_over_a_bad_start() {
    let scene = Scene::with_keys(&key_set()).await;
    scene.idp.answer(KEYS, Answer::Status(500, String::new()));
    let mut background = JoinSet::new();
    background.spawn(scene.provider.clone().run());
    wait_for(
        &scene,
        |status| matches!(status, ProviderStatus::NotYet { reason } if reason.contains("status 500")),
    )
    .await;
    scene.idp.answer(KEYS, Answer::Json(key_set().to_string()));
    wait_for(&scene, |status| *status == ProviderStatus::Ready).await;
    assert!(scene.provider.document().is_some());
}

async fn wait_for(scene: &Scene, expected: impl Fn(&ProviderStatus) -> bool) {
    for _ in 0..500 {
        if expected(&scene.provider.status()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(expected(&scene.provider.status()), "still {}", scene.provider.status());
}
