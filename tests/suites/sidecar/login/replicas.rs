//! Two replicas that share keys and nothing else: every step of a login at the other one, clocks that are a minute apart, and a
//! clock that is set an hour back or forward in the middle. Nothing breaks that need not, and nothing opens.

use std::time::Duration;

use sidecar::clock::{Clock, Hands, UnixTime};

use super::desk::{Desk, RETURN, Tokens, authorize, code_of, error, sign_in, tokens};
use super::scene::{ORIGIN, Scene};
use crate::world::NOW;
use crate::world::browser::Browser;
use crate::world::providers::mischief::{Lie, Place};
use crate::world::providers::quirks::{Quirks, Rotation};
use crate::world::running::Sidecar;

fn desks(replicas: [&Sidecar; 2]) -> [Desk; 2] {
    replicas.map(|replica| Desk(replica.traffic))
}

/// A login whose steps take turns, up to the code; the next step is the first one's.
async fn code_between([one, other]: [Desk; 2], browser: &mut Browser, client: &str) -> String {
    browser.way(ORIGIN, other.0);
    let page = browser.open(&authorize(client, &[])).await;
    browser.way(ORIGIN, one.0);
    let there = browser.take(&page.form("ask").press("allow")).await;
    let there = browser.walk(there, RETURN).await;
    let there = sign_in(browser, there, RETURN).await.next().expect("back to the sidecar");
    browser.way(ORIGIN, other.0);
    code_of(&browser.take(&there).await)
}

/// A whole life, each step at the other replica than the one before.
async fn live_between([one, other]: [Desk; 2], browser: &mut Browser, hands: [&Hands; 2]) {
    let client = one.client().await;
    let code = code_between([one, other], browser, &client).await;
    let held = tokens(&one.redeem(&client, &code).await);
    for desk in [other, one] {
        assert_eq!(desk.call(&held.access).await, 200);
    }
    let next = tokens(&other.refresh(&client, &held.refresh).await);
    for desk in [one, other] {
        assert_eq!(desk.call(&next.access).await, 200);
    }
    for hands in hands {
        hands.advance(Duration::from_mins(14));
    }
    let last = tokens(&one.refresh(&client, &next.refresh).await);
    assert_eq!(other.call(&last.access).await, 200);
    let revoked = other.post("/oauth/revoke", &[("client_id", &client), ("token", &last.refresh)]).await;
    assert_eq!((revoked.status, other.call(&last.access).await), (200, 401));
    // Without a store the other one does not know of it (`docs/proxy-mode.md`): the token ends by itself.
    assert_eq!(one.call(&last.access).await, 200);
    hands[0].advance(Duration::from_mins(16));
    hands[1].advance(Duration::from_mins(16));
    assert_eq!(one.call(&last.access).await, 401);
}

#[tokio::test]
async fn o29_every_step_may_land_on_the_other_replica() {
    let scene = Scene::set(Quirks::plain()).await;
    let other = scene.replica().await;
    let none = Clock::by_hand(UnixTime(NOW)).1;
    for replicas in [[&scene.sidecar, &other], [&other, &scene.sidecar]] {
        live_between(desks(replicas), &mut scene.browser(), [&scene.hands, &none]).await;
    }
}

#[tokio::test]
async fn o30_a_code_gives_nothing_where_its_family_is_known_to_be_revoked() {
    let scene = Scene::set(Quirks::plain()).await;
    let other = scene.replica().await;
    let client = scene.client().await;
    let [here, there] = desks([&scene.sidecar, &other]);
    // Without the revocation this replica cannot know that the code was used at the other one.
    for (is_revoked, status) in [(true, 400), (false, 200)] {
        let code = scene.code(&client).await;
        let held = tokens(&there.redeem(&client, &code).await);
        if is_revoked {
            let fields = [("client_id", &*client), ("token", &*held.refresh)];
            assert_eq!(here.post("/oauth/revoke", &fields).await.status, 200);
        }
        assert_eq!(here.redeem(&client, &code).await.status, status);
    }
}

/// Half a minute ahead of the provider's clock, and half a minute behind it.
#[tokio::test]
async fn o29_clocks_that_are_a_minute_apart_break_no_step_but_a_code_that_goes_elsewhere() {
    for order in [[30, -30], [-30, 30]] {
        let scene = Scene::set(Quirks::plain()).await;
        let clocks = order.map(|by| Clock::by_hand(UnixTime(NOW.checked_add_signed(by).expect("a time"))));
        let [one, other] = [scene.replica_at(&clocks[0].0).await, scene.replica_at(&clocks[1].0).await];
        let mut browser = scene.browser();
        let desks = desks([&one, &other]);
        let client = desks[0].client().await;
        // The other one makes the code. A minute is all that it has, by whichever clock.
        let code = code_between(desks, &mut browser, &client).await;
        let held = tokens(&desks[1].redeem(&client, &code).await);
        for desk in desks {
            assert_eq!(desk.call(&held.access).await, 200, "{order:?}");
        }
        for hands in [&scene.hands, &clocks[0].1, &clocks[1].1] {
            hands.advance(Duration::from_mins(5));
        }
        let next = tokens(&desks[1].refresh(&client, &held.refresh).await);
        for desk in desks {
            assert_eq!(desk.call(&next.access).await, 200, "{order:?}");
        }
        tokens(&desks[0].refresh(&client, &next.refresh).await);
    }
}

#[tokio::test]
async fn o07_a_code_is_good_for_a_minute_at_every_replica_and_for_half_of_one_by_a_clock_half_a_minute_ahead()
{
    for (ahead, age, status) in [(0, 59, 200), (0, 60, 400), (30, 29, 200), (30, 30, 400)] {
        let scene = Scene::set(Quirks::plain()).await;
        let (clock, hands) = Clock::by_hand(UnixTime(NOW + ahead));
        let other = scene.replica_at(&clock).await;
        let client = scene.client().await;
        let code = scene.code(&client).await;
        hands.advance(Duration::from_secs(age));
        let reply = Desk(other.traffic).redeem(&client, &code).await;
        assert_eq!(reply.status, status, "{ahead} ahead, after {age} seconds: {}", reply.text());
    }
}

/// With a provider that takes a token more than once, so that two replicas can show it the same one.
#[tokio::test]
async fn d11_what_one_replica_kept_for_a_refresh_is_shown_for_that_one_and_not_for_the_next() {
    let scene = Scene::set(Quirks { rotation: Rotation::Lenient, ..Quirks::plain() }).await;
    let replica = scene.replica().await;
    let [here, there] = desks([&scene.sidecar, &replica]);
    let client = here.client().await;
    let shown = || {
        let request = scene.provider.last(Place::Token);
        request.parameter("refresh_token").expect("a refresh").to_owned()
    };
    for ends_it in [here, there] {
        let held = scene.log_in(&client).await;
        scene.hands.advance(Duration::from_mins(10));
        scene.provider.lie(Lie::WrongAudience);
        assert_eq!(here.refresh(&client, &held.refresh).await.status, 503);
        scene.provider.behave();
        let first = shown();
        let next = tokens(&ends_it.refresh(&client, &held.refresh).await);
        assert_eq!(shown() == first, ends_it.0 == there.0, "the newer one is known here alone");
        scene.hands.advance(Duration::from_mins(10));
        // Neither replica knows of what the other one does: both show what the refresh token carries.
        tokens(&there.refresh(&client, &next.refresh).await);
        let newest = shown();
        tokens(&here.refresh(&client, &next.refresh).await);
        assert_eq!(shown(), newest);
    }
}

/// What a scene holds when somebody sets its clock.
struct Before {
    scene: Scene,
    client: String,
    held: Tokens,
    used: String,
    revoked: Tokens,
}

async fn before() -> Before {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let used = scene.code(&client).await;
    let held = tokens(&scene.redeem(&client, &used).await);
    let revoked = scene.log_in(&client).await;
    let fields = [("client_id", client.as_str()), ("token", &revoked.refresh)];
    assert_eq!(scene.post("/oauth/revoke", &fields).await.status, 200);
    Before { scene, client, held, used, revoked }
}

#[tokio::test]
async fn o29_a_clock_that_is_set_back_an_hour_logs_nobody_out_and_brings_nothing_back() {
    let Before { scene, client, held, used, revoked } = before().await;
    scene.hands.set(UnixTime(NOW - 3600));
    // A token from the future is none (J11); its login goes on.
    assert_eq!(scene.call(&held.access).await, 401);
    let next = tokens(&scene.refresh(&client, &held.refresh).await);
    assert_eq!(scene.call(&next.access).await, 200);
    let anew = scene.log_in(&client).await;
    assert_eq!(scene.call(&anew.access).await, 200);
    assert_eq!(scene.refresh(&client, &revoked.refresh).await.status, 400);
    // By the clock the code is good for another hour. It was used.
    scene.hands.advance(Duration::from_mins(50));
    assert_eq!(error(&scene.redeem(&client, &used).await), "invalid_grant");
    let ended = scene.refresh(&client, &next.refresh).await;
    assert_eq!(error(&ended), "invalid_grant", "O07: and its second use ends what it gave");
    tokens(&scene.refresh(&client, &anew.refresh).await);
}

#[tokio::test]
async fn a22_a_clock_that_was_set_back_does_not_put_off_asking_about_a_user() {
    let Before { scene, client, held, .. } = before().await;
    scene.hands.set(UnixTime(NOW - 3600));
    let next = tokens(&scene.refresh(&client, &held.refresh).await);
    scene.hands.set(UnixTime(NOW - 7200));
    scene.provider.disable("ada");
    assert_eq!(error(&scene.refresh(&client, &next.refresh).await), "invalid_grant");
}

#[tokio::test]
async fn o29_a_clock_that_is_set_forward_an_hour_and_back_logs_nobody_out_and_brings_nothing_back() {
    let Before { scene, client, held, used, revoked } = before().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    scene.hands.set(UnixTime(NOW + 3600));
    assert_eq!(scene.call(&held.access).await, 401);
    let step = browser.take(&page.form("ask").press("allow")).await;
    assert!(step.next().is_none() && step.reply.text().contains("login_expired"));
    let next = tokens(&scene.refresh(&client, &held.refresh).await);
    assert_eq!(scene.call(&next.access).await, 200);
    let ahead = scene.log_in(&client).await;
    // Somebody notices.
    scene.hands.set(UnixTime(NOW + 5));
    for access in [&next.access, &ahead.access] {
        assert_eq!(scene.call(access).await, 401, "made in an hour that has not come");
    }
    assert_eq!(error(&scene.redeem(&client, &used).await), "invalid_grant");
    assert_eq!(scene.refresh(&client, &revoked.refresh).await.status, 400);
    let right = tokens(&scene.refresh(&client, &ahead.refresh).await);
    assert_eq!(scene.call(&right.access).await, 200);
    let anew = scene.log_in(&client).await;
    assert_eq!(scene.call(&anew.access).await, 200);
}
