//! Many logins at a time in one browser: the oldest give way, the head of a request stays short, and the newest always works.

use std::time::Duration;

use super::desk::{RETURN, authorize, cookies, named, parameter, to_return};
use super::scene::{CALLBACK, Scene};
use crate::world::browser::{Browser, Navigation};
use crate::world::providers::people::{Person, Visitor};
use crate::world::providers::quirks::Quirks;

/// Leaves 2 KiB for the rest of a head of 8 KiB.
const MOST_BYTES: usize = 6 * 1024;

async fn scene() -> Scene {
    let scene = Scene::set(Quirks::plain()).await;
    scene.provider.visitor(Visitor::Is(Person::new("ada")));
    scene
}

/// Begins one more login, and leaves it where the provider has answered.
async fn begin(scene: &Scene, browser: &mut Browser, client: &str, state: &str) -> Navigation {
    scene.hands.advance(Duration::from_secs(1));
    let page = browser.open(&authorize(client, &[("state", state)])).await;
    let there = to_return(browser, &page).await;
    let held = cookies(browser).len();
    assert!(held <= MOST_BYTES, "{held} bytes of cookies");
    there
}

#[tokio::test]
async fn o27_of_nine_logins_in_one_browser_the_oldest_gives_way_and_the_others_come_in() {
    let scene = scene().await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let mut under_way = Vec::new();
    for at in 0..9 {
        let state = format!("state {at}");
        under_way.push((begin(&scene, &mut browser, &client, &state).await, state));
    }
    assert_eq!(named(&browser, "login-").len(), 8);
    let (oldest, _) = under_way.remove(0);
    let step = browser.take(&oldest).await;
    assert_eq!((step.reply.status, step.next().is_none()), (403, true));
    // In any order, each with its own state and its own code.
    under_way.reverse();
    for (there, state) in under_way {
        let back = browser.take(&there).await;
        assert_eq!(parameter(&back, "state").as_deref(), Some(&*state));
        assert!(parameter(&back, "code").is_some() && back.leads_to(CALLBACK), "{state}");
    }
    assert!(named(&browser, "login-").is_empty(), "each took its cookie along");
}

#[tokio::test]
async fn o27_however_long_a_clients_state_is_the_head_stays_short_and_the_newest_login_works() {
    let scene = scene().await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    for round in 0..3 {
        let mut newest = None;
        for (at, length) in [1024, 1024, 10, 1024, 500, 1024].into_iter().enumerate() {
            let state = format!("{at}{}", "s".repeat(length - 1));
            newest = Some((begin(&scene, &mut browser, &client, &state).await, state));
        }
        let (there, state) = newest.expect("there were some");
        let back = browser.take(&there).await;
        assert_eq!(parameter(&back, "state"), Some(state), "byte for byte, in round {round}");
    }
    let too_long = browser.open(&authorize(&client, &[("state", &"s".repeat(1025))])).await;
    assert!(too_long.next().is_none() && too_long.reply.text().contains("malformed_request"));
}

/// Browsers drop a cookie of more than 4096 bytes without a word: whoever wants one is told before anybody leaves.
#[tokio::test]
async fn o27_a_login_that_would_not_fit_into_a_cookie_is_refused_on_a_page() {
    let scene = scene().await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    // Each of these takes six bytes where it is written down.
    let page = browser.open(&authorize(&client, &[("state", &"\u{1}".repeat(1000))])).await;
    let step = browser.take(&page.form("ask").press("allow")).await;
    assert!(step.next().is_none() && step.reply.text().contains("malformed_request"));
    assert!(browser.refused().is_empty());
    let page = browser.open(&authorize(&client, &[("state", &"\u{1}".repeat(100))])).await;
    let there = to_return(&mut browser, &page).await;
    assert_eq!(parameter(&browser.take(&there).await, "state"), Some("\u{1}".repeat(100)));
}

#[tokio::test]
async fn o27_five_hundred_logins_that_nobody_ends_are_in_nobodys_way() {
    let scene = scene().await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let allow = page.form("ask").press("allow");
    for _ in 0..500 {
        scene.hands.advance(Duration::from_millis(900));
        let there = browser.take(&allow).await;
        assert!(there.leads_to(&scene.provider.issuer()));
        assert!(cookies(&browser).len() <= MOST_BYTES && named(&browser, "login-").len() <= 8);
    }
    let there = browser.take(&allow).await;
    let there = browser.walk(there, RETURN).await.next().expect("back to the sidecar");
    assert!(parameter(&browser.take(&there).await, "code").is_some());
}
