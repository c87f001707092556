//! Guessing: a client that is wrong too often is not listened to for a moment, or answered late; nobody else notices.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::client::Reply;
use crate::world::providers::quirks::Quirks;

use super::scene::{CALLBACK, Scene, body, redemption, tokens};

/// A client with a secret: its id and that.
async fn confidential(scene: &Scene) -> (String, String) {
    let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_post" });
    let registered = body(&scene.register(&metadata).await);
    let text = |name: &str| registered[name].as_str().expect("a text").to_owned();
    (text("client_id"), text("client_secret"))
}

async fn redeem(scene: &Scene, client: &str, secret: &str, code: &str) -> Reply {
    scene.token(&[&redemption(client, code)[..], &[("client_secret", secret)]].concat()).await
}

#[tokio::test]
async fn o25_wrong_secrets_are_not_looked_at_any_more_and_another_clients_right_one_is() {
    let scene = Scene::set(Quirks::plain()).await;
    let ((guessed, secret), (other, others)) = (confidential(&scene).await, confidential(&scene).await);
    let (code, others_code) = (scene.code(&guessed).await, scene.code(&other).await);
    let mut statuses = Vec::new();
    for at in 0..1000 {
        let refused = redeem(&scene, &guessed, &format!("guess {at}"), &code).await;
        assert_eq!(refused.status == 429, refused.header("retry-after").is_some());
        statuses.push(refused.status);
    }
    let (looked_at, not) = statuses.split_at(50);
    assert!(looked_at.iter().all(|status| *status == 401) && not.iter().all(|status| *status == 429));
    assert_eq!(
        redeem(&scene, &guessed, &secret, &code).await.status,
        429,
        "what is not looked at cannot be right"
    );
    // Nobody else waits: neither another client with a secret, nor one without.
    tokens(&redeem(&scene, &other, &others, &others_code).await);
    let public = scene.client().await;
    scene.log_in(&public).await;
    // Nor does that client, a moment later.
    scene.hands.advance(Duration::from_secs(1));
    tokens(&redeem(&scene, &guessed, &secret, &code).await);
}

#[tokio::test]
async fn o25_to_bring_no_secret_is_no_guess() {
    let scene = Scene::set(Quirks::plain()).await;
    let (client, secret) = confidential(&scene).await;
    let code = scene.code(&client).await;
    for _ in 0..100 {
        assert_eq!(scene.redeem(&client, &code).await.status, 401);
    }
    tokens(&redeem(&scene, &client, &secret, &code).await);
}

#[tokio::test]
async fn o25_wrong_codes_and_refresh_tokens_are_answered_late_and_right_ones_of_the_same_client_are_not() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    let code = scene.code(&client).await;
    let begun = Instant::now();
    for _ in 0..50 {
        assert_eq!(scene.redeem(&client, "AAAA").await.status, 400);
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let begun = Instant::now();
    let late = async {
        let (one, other) = tokio::join!(scene.redeem(&client, "AAAA"), scene.refresh(&client, "AAAA"));
        assert_eq!([one.status, other.status], [400; 2]);
        begun.elapsed()
    };
    let prompt = async {
        tokens(&scene.redeem(&client, &code).await);
        tokens(&scene.refresh(&client, &held.refresh).await);
        begun.elapsed()
    };
    let (late, prompt) = tokio::join!(late, prompt);
    assert!(late >= Duration::from_secs(1) && prompt < Duration::from_secs(1), "{late:?} {prompt:?}");
}
