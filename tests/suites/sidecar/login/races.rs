//! What may happen once, asked for many times at once.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::desk::{body, cookies, error, target, to_return, tokens};
use super::scene::Scene;
use crate::world::client::Reply;
use crate::world::providers::mischief::Place;
use crate::world::providers::quirks::Quirks;

/// The answers to so many of one request, all under way at once.
async fn at_once<F>(count: usize, request: impl Fn() -> F) -> Vec<Reply>
where
    F: Future<Output = Reply> + Send + 'static,
{
    let mut all = JoinSet::new();
    for _ in 0..count {
        all.spawn(request());
    }
    all.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn o07_of_fifty_redemptions_at_once_one_succeeds_and_what_it_got_ends() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let code = scene.code(&client).await;
    let desk = scene.desk();
    let replies = at_once(50, || {
        let (client, code) = (client.clone(), code.clone());
        async move { desk.redeem(&client, &code).await }
    });
    let (good, bad): (Vec<_>, Vec<_>) = replies.await.into_iter().partition(|reply| reply.status == 200);
    assert_eq!((good.len(), bad.len()), (1, 49));
    assert!(bad.iter().all(|reply| reply.status == 400 && error(reply) == "invalid_grant"));
    let held = tokens(&good[0]);
    assert_eq!(scene.call(&held.access).await, 401);
    assert_eq!(error(&scene.refresh(&client, &held.refresh).await), "invalid_grant");
    let alone = scene.log_in(&client).await;
    assert_eq!(scene.call(&alone.access).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn o12_twenty_refreshes_at_once_get_one_successor_and_ask_the_provider_once() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    scene.hands.advance(Duration::from_mins(10));
    let asked = scene.provider.requests(Place::Token).len();
    let desk = scene.desk();
    let replies = at_once(20, || {
        let (client, refresh) = (client.clone(), held.refresh.clone());
        async move { desk.refresh(&client, &refresh).await }
    });
    let answers: Vec<_> = replies.await.iter().map(tokens).collect();
    assert!(answers.iter().all(|answer| answer.refresh == answers[0].refresh));
    assert_eq!(scene.provider.requests(Place::Token).len(), asked + 1);
    assert_eq!(scene.call(&answers[0].access).await, 200);
    let next = tokens(&scene.refresh(&client, &answers[0].refresh).await);
    assert_eq!(scene.call(&next.access).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn i7_of_twenty_returns_at_once_with_one_state_one_brings_a_code() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let there = to_return(&mut browser, &page).await;
    let (url, held) = (target(there.url().as_str()).to_owned(), cookies(&browser));
    let desk = scene.desk();
    let replies = at_once(20, || {
        let (url, held) = (url.clone(), held.clone());
        async move { desk.send("GET", &url, &[("cookie", held.as_str())], "").await }
    });
    let (back, pages): (Vec<_>, Vec<_>) = replies.await.into_iter().partition(|reply| reply.status == 303);
    assert_eq!((back.len(), pages.len()), (1, 19));
    assert!(pages.iter().all(|page| page.status == 400 && page.text().contains("login_expired")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn o30_a_refresh_beside_a_revocation_leaves_nothing_alive() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for _ in 0..10 {
        let held = scene.log_in(&client).await;
        let desk = scene.desk();
        let (id, refresh) = (client.clone(), held.refresh.clone());
        let mut both = JoinSet::new();
        both.spawn(async move { desk.refresh(&id, &refresh).await });
        let (id, access) = (client.clone(), held.access.clone());
        both.spawn(
            async move { desk.post("/oauth/revoke", &[("client_id", &id), ("token", &access)]).await },
        );
        let replies = both.join_all().await;
        for reply in replies.iter().filter(|reply| reply.status == 200) {
            if let Some(access) = body(reply)["access_token"].as_str() {
                assert_eq!(scene.call(access).await, 401);
            }
        }
        assert_eq!(scene.call(&held.access).await, 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a10_registrations_at_once_do_not_get_in_one_anothers_way() {
    let scene = Scene::set(Quirks::plain()).await;
    let desk = scene.desk();
    let replies = at_once(50, || async move {
        let metadata = json!({ "redirect_uris": ["http://127.0.0.1/cb"] });
        desk.register(&metadata).await
    });
    let mut ids: Vec<String> = replies
        .await
        .iter()
        .map(|reply| body(reply)["client_id"].as_str().expect("an id").to_owned())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50);
}
