//! Whoever has a login can end it any number of times, and begin more of them: the provider is told once of each, within a share for
//! each person, and nobody's sign-out keeps another's from it.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::JoinSet;

use super::super::desk::{Desk, agree, authorize, code_of, tokens};
use super::super::killed::Standalone;
use super::super::scene::{CALLBACK, Scene};
use super::{LATER, Pair, revoke, revoking, taken_back};
use crate::world::providers::Provider;
use crate::world::providers::mischief::{Fault, Place};
use crate::world::providers::people::{Person, Visitor};
use crate::world::providers::quirks::Quirks;

/// What one person may end at a time.
const SHARE: usize = 10;
/// In so long one more may be.
const ONE_MORE: Duration = Duration::from_secs(2);
/// How many the provider is told of at once.
const AT_ONCE: usize = 16;

/// So many logins of one person, by their refresh tokens.
async fn logins(scene: &Scene, client: &str, name: &str, count: usize) -> Vec<String> {
    scene.provider.visitor(Visitor::Is(Person::new(name)));
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(scene.log_in(client).await.refresh);
    }
    held
}

/// Revokes all of these at once, and waits for the answers.
async fn revoke_at_once(desk: Desk, client: &str, held: &[String]) {
    let mut asking = JoinSet::new();
    for token in held {
        let fields = [("client_id", client.to_owned()), ("token", token.clone())];
        asking.spawn(async move {
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            desk.post("/oauth/revoke", &fields).await.status
        });
    }
    assert!(asking.join_all().await.iter().all(|status| *status == 200));
}

fn asked(provider: &Provider) -> usize {
    taken_back(provider).len()
}

#[tokio::test]
async fn o15_the_provider_is_told_of_a_login_once_however_often_it_is_revoked() {
    let scene = Scene::set(revoking()).await;
    let client = scene.client().await;
    let [one, other] = &logins(&scene, &client, "ada", 2).await[..] else { panic!("two logins") };
    for _ in 0..40 {
        revoke(&scene, &client, one).await;
    }
    assert_eq!(asked(&scene.provider), 1);
    // Nor while it is being told; and of another one it is told as well.
    scene.provider.fail(Place::Revoke, Fault::Late(Duration::from_secs(1)));
    revoke_at_once(scene.desk(), &client, &vec![other.clone(); 40]).await;
    assert_eq!(asked(&scene.provider), 2);
}

#[tokio::test]
async fn o30_a_client_may_try_again_what_the_provider_did_not_take() {
    let scene = Scene::set(revoking()).await;
    let client = scene.client().await;
    let held = logins(&scene, &client, "ada", 1).await.remove(0);
    scene.provider.fail(Place::Revoke, Fault::Says(503, "{}"));
    revoke(&scene, &client, &held).await;
    scene.provider.behave();
    revoke(&scene, &client, &held).await;
    assert_eq!(asked(&scene.provider), 2, "it did not take the first one");
    revoke(&scene, &client, &held).await;
    assert_eq!(asked(&scene.provider), 2, "it took the second one");
}

/// An older one may be nothing to a provider that rotates.
#[tokio::test]
async fn o30_a_newer_token_of_a_login_is_taken_back_after_an_older_one_and_an_older_one_is_not() {
    for is_newer_last in [true, false] {
        let pair = Pair::set(revoking()).await;
        let first = pair.log_in().await;
        pair.scene.hands.advance(LATER);
        let second = tokens(&pair.there().refresh(&pair.client, &first.refresh).await);
        let order = if is_newer_last { [&first, &second] } else { [&second, &first] };
        for held in order {
            pair.revoke(&held.refresh).await;
        }
        assert_eq!(asked(&pair.scene.provider), if is_newer_last { 2 } else { 1 });
    }
}

#[tokio::test]
async fn o15_what_one_user_ends_keeps_no_other_users_sign_out_from_the_provider() {
    let scene = Scene::set(revoking()).await;
    let client = scene.client().await;
    let honest = logins(&scene, &client, "ada", 1).await;
    let many = logins(&scene, &client, "mallory", 3 * SHARE).await;
    for held in &many {
        revoke(&scene, &client, held).await;
    }
    assert_eq!(asked(&scene.provider), SHARE);
    revoke(&scene, &client, &honest[0]).await;
    assert_eq!(asked(&scene.provider), SHARE + 1);
    // What was too much is told of when it is not any more.
    for (left_out, more) in [(&many[SHARE], 0), (&many[SHARE], 1), (&many[SHARE + 1], 1)] {
        revoke(&scene, &client, left_out).await;
        assert_eq!(asked(&scene.provider), SHARE + 1 + more);
        if more == 0 {
            scene.hands.advance(ONE_MORE);
        }
    }
}

#[tokio::test]
async fn o15_a_slow_provider_is_told_of_sixteen_logins_at_once_and_of_the_others_after_them() {
    let scene = Scene::set(revoking()).await;
    let client = scene.client().await;
    let mut held = Vec::new();
    for name in ["ada", "bob", "cleo"] {
        held.extend(logins(&scene, &client, name, 8).await);
    }
    let slow = Duration::from_secs(6);
    scene.provider.fail(Place::Revoke, Fault::Late(slow));
    let begun = Instant::now();
    revoke_at_once(scene.desk(), &client, &held).await;
    assert!(begun.elapsed() < slow, "nobody waits for it");
    assert_eq!(asked(&scene.provider), AT_ONCE);
    while asked(&scene.provider) < held.len() {
        assert!(begun.elapsed() < 3 * slow, "{} of {}", asked(&scene.provider), held.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() >= slow);
}

/// One user with logins enough can bring it about for ever.
#[tokio::test]
async fn o15_logins_that_the_provider_is_not_told_of_are_one_line_in_the_log() {
    for (quirks, count, lines) in
        [(revoking(), SHARE, 0), (revoking(), 2 * SHARE, 1), (Quirks::plain(), 2 * SHARE, 0)]
    {
        let world = Standalone::set_with(quirks).await;
        world.provider.visitor(Visitor::Is(Person::new("mallory")));
        let running = world.start(&[]).await;
        let desk = world.desk();
        let client = desk.client().await;
        let mut held = Vec::new();
        for _ in 0..count {
            let mut browser = world.browser();
            let page = browser.open(&authorize(&client, &[])).await;
            let code = code_of(&agree(&mut browser, &page, CALLBACK).await);
            held.push(tokens(&desk.redeem(&client, &code).await).refresh);
        }
        revoke_at_once(desk, &client, &held).await;
        let (log, _) = running.end(Signal::TERM).await;
        let said = log.matches("too many logins end at a time").count();
        assert_eq!(said, lines, "{log}");
        assert_eq!(log.contains("one user ends many"), lines == 1, "{log}");
        assert!(!log.contains("mallory"), "{log}");
    }
}
