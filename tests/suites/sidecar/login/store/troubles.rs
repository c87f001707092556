//! A store that is down, full, a copy, locked, or somebody else's: logins and refreshes wait, tokens that are out go on, and
//! everything goes on by itself once the store does.

use std::time::{Duration, Instant};

use crate::world::authority::Authority;
use crate::world::client::Reply;
use crate::world::providers::quirks::Quirks;
use crate::world::store::{PASSWORD, Store, guarded};

use super::super::scene::{Scene, authorize, body, call, parameter, tokens};
use super::{LATER, Pair, bad_grant, error, sharing};

/// What is said while it cannot be found out.
fn is_put_off(reply: &Reply) {
    let said = body(reply);
    assert_eq!((reply.status, said["error"].as_str()), (503, Some("temporarily_unavailable")), "{said}");
    assert!(reply.header("retry-after").is_some());
}

async fn scene(line: &str) -> Scene {
    Scene::set_with(Quirks::plain(), "oidc", |policy| sharing(&policy, line)).await
}

/// A page for a person, and no redirect: nothing of the login is used up.
async fn is_put_off_on_a_page(scene: &Scene, client: &str) {
    let page = scene.browser().open(&authorize(client, &[])).await;
    assert_eq!((page.reply.status, page.next().is_none()), (503, true), "{}", page.reply.text());
    assert!(page.reply.text().contains("store_away") && page.reply.header("retry-after").is_some());
}

#[tokio::test]
async fn while_the_store_is_down_logins_wait_and_tokens_go_on_and_afterwards_all_is_well() {
    let mut pair = Pair::with_plain().await;
    let client = pair.scene.client().await;
    let held = pair.scene.log_in(&client).await;
    let code = pair.scene.code(&client).await;
    // A person who is with the provider while it happens.
    let mut browser = pair.scene.browser();
    let page = pair.scene.ask(&mut browser, &client).await;
    let there = browser.take(&page.form("ask").press("allow")).await;
    pair.store.stop().await;

    let begun = Instant::now();
    is_put_off(&pair.scene.redeem(&client, &code).await);
    is_put_off(&pair.scene.refresh(&client, &held.refresh).await);
    is_put_off(&pair.refresh_there(&client, &held.refresh).await);
    // Three answers of a second at most each; a claim of somebody else would be waited for for twelve.
    assert!(begun.elapsed() < Duration::from_secs(11), "{:?}", begun.elapsed());
    let there = browser.walk(there, super::super::scene::CALLBACK).await;
    let back = pair.scene.sign_in(&mut browser, there).await;
    assert_eq!((back.reply.status, back.next().is_none()), (503, true), "{}", back.reply.text());
    is_put_off_on_a_page(&pair.scene, &client).await;
    for sidecar in [&pair.scene.sidecar, &pair.other] {
        assert_eq!(call(sidecar, &held.access).await, 200);
        assert_eq!(sidecar.ask("/readyz").await.status, 200);
        sidecar.until("/metrics", "mcp_oauth_store_down 1").await;
    }

    pair.store.again().await;
    for sidecar in [&pair.scene.sidecar, &pair.other] {
        sidecar.until("/metrics", "mcp_oauth_store_down 0").await;
    }
    // The person loads the page again.
    let again = browser.take(&back.navigation).await;
    assert!(parameter(&again, "code").is_some(), "{} {}", again.reply.status, again.reply.text());
    tokens(&pair.scene.redeem(&client, &code).await);
    let next = tokens(&pair.refresh_there(&client, &held.refresh).await);
    assert_eq!(pair.scene.call(&next.access).await, 200);
    pair.scene.log_in(&client).await;
}

#[tokio::test]
async fn what_was_used_before_the_store_went_away_is_used_when_it_is_back() {
    let mut pair = Pair::with_plain().await;
    let client = pair.scene.client().await;
    let code = pair.scene.code(&client).await;
    tokens(&pair.scene.redeem(&client, &code).await);
    pair.store.stop().await;
    pair.store.again().await;
    assert_eq!(error(&pair.redeem_there(&client, &code).await), bad_grant());
}

#[tokio::test]
async fn where_the_store_lost_everything_each_replica_still_knows_what_it_took() {
    let pair = Pair::with_plain().await;
    let client = pair.scene.client().await;
    let code = pair.scene.code(&client).await;
    let first = tokens(&pair.scene.redeem(&client, &code).await);
    let second = tokens(&pair.scene.refresh(&client, &first.refresh).await);
    let third = tokens(&pair.scene.refresh(&client, &second.refresh).await);
    pair.store.forget().await;
    assert_eq!(error(&pair.scene.redeem(&client, &code).await), bad_grant());
    pair.is_over_everywhere(&third.access).await;
    // Honest logins go on with what they have.
    let held = pair.scene.log_in(&client).await;
    let next = tokens(&pair.scene.refresh(&client, &held.refresh).await);
    pair.store.forget().await;
    assert_eq!(error(&pair.scene.refresh(&client, &next.refresh).await).0, 200);
}

#[tokio::test]
async fn what_was_ended_while_the_store_was_down_is_told_when_it_is_back() {
    let mut pair = Pair::with_plain().await;
    let client = pair.scene.client().await;
    let held = pair.scene.log_in(&client).await;
    pair.store.stop().await;
    let fields = [("client_id", client.as_str()), ("token", held.refresh.as_str())];
    // RFC 7009 §2.2.1: the client is to try again.
    is_put_off(&pair.scene.post("/oauth/revoke", &fields).await);
    assert_eq!(pair.scene.call(&held.access).await, 401, "here it is over at once");
    assert_eq!(call(&pair.other, &held.access).await, 200);
    pair.store.again().await;
    pair.other.until("/metrics", "mcp_oauth_store_down 0").await;
    let told = async {
        while call(&pair.other, &held.access).await != 401 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), told).await.expect("it is told");
}

#[tokio::test]
async fn a_store_that_takes_no_writes_is_one_that_is_down_and_it_is_seen_when_it_does_again() {
    let pair = Pair::with_plain().await;
    let client = pair.scene.client().await;
    let held = pair.scene.log_in(&client).await;
    for (trouble, cure) in [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("CONFIG SET requirepass another", ""),
    ] {
        assert_eq!(pair.store.tell(trouble).await, "+OK\r\n", "{trouble}");
        if cure.is_empty() {
            // Who is in stays in; a new connection is asked for the password.
            pair.store.tell_with("another", "CLIENT KILL TYPE normal SKIPME yes").await;
        }
        is_put_off(&pair.scene.refresh(&client, &held.refresh).await);
        pair.scene.sidecar.until("/metrics", "mcp_oauth_store_down 1").await;
        assert_eq!(pair.scene.call(&held.access).await, 200, "{trouble}");
        if cure.is_empty() {
            pair.store.tell_with("another", "CONFIG SET requirepass ''").await;
        } else {
            assert_eq!(pair.store.tell(cure).await, "+OK\r\n");
        }
        pair.scene.sidecar.until("/metrics", "mcp_oauth_store_down 0").await;
    }
    tokens(&pair.scene.refresh(&client, &held.refresh).await);
}

#[tokio::test]
async fn a_wrong_password_authority_or_kind_of_address_is_no_store_and_the_right_one_is() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let store = Store::guarded(&authority).await;
    let (tls, plain) = (store.tls(), store.address().to_string());
    for (what, line) in [
        ("another password", guarded(&tls, "another", &authority.pem)),
        ("another authority", guarded(&tls, PASSWORD, &stranger.pem)),
        (
            "no authority",
            format!("store: {{url: 'rediss://{tls}', username: mcp-oauth, password: '{PASSWORD}'}}"),
        ),
        ("another name", guarded(&tls.replace("127.0.0.1", "localhost"), PASSWORD, &authority.pem)),
        ("plain where TLS is asked", guarded(&plain, PASSWORD, &authority.pem)),
        ("TLS where plain is asked", format!("store: {{url: 'redis://{tls}'}}")),
        ("a database that there is not", format!("store: {{url: 'redis://{plain}/999'}}")),
    ] {
        let scene = scene(&line).await;
        let client = scene.client().await;
        scene.sidecar.until("/metrics", "mcp_oauth_store_down 1").await;
        is_put_off_on_a_page(&scene, &client).await;
        assert_eq!(scene.sidecar.ask("/readyz").await.status, 200, "{what}");
    }
    let right = scene(&store.in_policy(Some(&authority))).await;
    let client = right.client().await;
    let held = right.log_in(&client).await;
    right.hands.advance(LATER);
    tokens(&right.refresh(&client, &held.refresh).await);
}

#[tokio::test]
async fn a_bundle_that_is_none_is_a_policy_that_cannot_be_enforced() {
    let mut scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    scene.edit(|policy| sharing(&policy, "store: {url: 'rediss://127.0.0.1:1', caBundle: 'no PEM'}"));
    scene.sidecar.until("/readyz", "policy cannot be enforced: the CA bundle holds no certificate").await;
    scene.log_in(&client).await;
}
