//! Guessing: what is wrong too often is answered late. Nobody else notices, and whoever is right is never shut out for what others
//! got wrong.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::world::client::Reply;
use crate::world::providers::quirks::Quirks;

use super::assertion::Signing;
use super::consent::{CI, SECRET, rules};
use super::desk::{Tokens, agree, authorize, body, changed, code_of, redemption, refreshment, tokens};
use super::scene::{CALLBACK, Scene};
use super::signed::Assertion;
use crate::world::tokens::Signer;

const LATE: Duration = Duration::from_secs(1);
/// What fifty requests take at least that are all answered late: so many promptly take far less, on whatever machine.
const FIFTY_LATE: Duration = Duration::from_secs(50);

/// A client with a secret: its id and that.
async fn confidential(scene: &Scene) -> (String, String) {
    let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_post" });
    let registered = body(&scene.register(&metadata).await);
    let text = |name: &str| registered[name].as_str().expect("a text").to_owned();
    (text("client_id"), text("client_secret"))
}

/// A client that the policy names.
async fn log_in_as(scene: &Scene, client: &str, secret: &str) -> Tokens {
    let mut browser = scene.browser();
    let page = browser.open(&authorize(client, &[("redirect_uri", CI)])).await;
    let code = code_of(&agree(&mut browser, &page, CI).await);
    let fields = changed(redemption(client, &code), "redirect_uri", CI);
    tokens(&scene.token(&[&fields[..], &[("client_secret", secret)]].concat()).await)
}

async fn redeem(scene: &Scene, client: &str, secret: &str, code: &str) -> Reply {
    scene.token(&[&redemption(client, code)[..], &[("client_secret", secret)]].concat()).await
}

/// Its id is no secret, and its secret is too long to be guessed.
#[tokio::test]
async fn o25_amid_wrong_secrets_of_a_client_that_the_policy_names_the_right_one_is_never_refused() {
    let scene = Scene::set_by(Quirks::plain(), &rules()).await;
    let mut held = log_in_as(&scene, "ci", SECRET).await;
    let (desk, token) = (scene.desk(), held.refresh.clone());
    let guess = async |secret: &str| {
        desk.post("/oauth/token", &[&refreshment("ci", &token)[..], &[("client_secret", secret)]].concat())
            .await
    };
    wrong_until_late(async || assert_eq!(guess("guess").await.status, 401)).await;
    let mut flood = JoinSet::new();
    for _ in 0..20 {
        let token = token.clone();
        flood.spawn(async move {
            let fields = [&refreshment("ci", &token)[..], &[("client_secret", "guess")]].concat();
            let begun = Instant::now();
            assert_eq!(desk.post("/oauth/token", &fields).await.status, 401);
            begun.elapsed()
        });
    }
    for _ in 0..5 {
        let fields = [&refreshment("ci", &held.refresh)[..], &[("client_secret", SECRET)]].concat();
        held = tokens(&scene.token(&fields).await);
    }
    assert!(flood.join_all().await.iter().all(|waited| *waited >= LATE), "every wrong one waited");
}

/// Its id is no secret, and its secret is none that anybody could guess.
#[tokio::test]
async fn o25_nobody_shuts_out_a_client_that_registered_itself_or_signs() {
    let scene = Scene::set(Quirks::plain()).await;
    let (client, secret) = confidential(&scene).await;
    let code = scene.code(&client).await;
    wrong_until_late(async || assert_eq!(redeem(&scene, &client, "guess", &code).await.status, 401)).await;
    tokens(&redeem(&scene, &client, &secret, &code).await);

    let signing = Signing::set().await;
    let good = || Assertion::of(&signing.client);
    let stranger = good().signed(Signer::Stranger);
    wrong_until_late(async || assert_eq!(signing.shows(&stranger).await.status, 401)).await;
    assert_eq!(signing.shows(&good().by_its_key()).await.status, 200);
}

/// Fifty at once are answered promptly, and the next one a second late.
async fn wrong_until_late(wrong: impl AsyncFn()) {
    let begun = Instant::now();
    for _ in 0..50 {
        wrong().await;
    }
    assert!(begun.elapsed() < FIFTY_LATE, "{:?}", begun.elapsed());
    let begun = Instant::now();
    wrong().await;
    assert!(begun.elapsed() >= LATE, "{:?}", begun.elapsed());
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
    let mut held = scene.log_in(&client).await;
    let code = scene.code(&client).await;
    wrong_until_late(async || assert_eq!(scene.redeem(&client, "AAAA").await.status, 400)).await;
    let begun = Instant::now();
    let (one, other) = tokio::join!(scene.redeem(&client, "AAAA"), scene.refresh(&client, "AAAA"));
    assert_eq!([one.status, other.status], [400; 2]);
    assert!(begun.elapsed() >= LATE, "{:?}", begun.elapsed());
    let begun = Instant::now();
    tokens(&scene.redeem(&client, &code).await);
    for _ in 0..50 {
        held = tokens(&scene.refresh(&client, &held.refresh).await);
    }
    assert!(begun.elapsed() < FIFTY_LATE, "{:?}", begun.elapsed());
}
