//! How long each thing is good, to the second, and that what happens once happens once: the consent page, a login under way, a
//! code, tokens, registrations.

use std::time::Duration;

use serde_json::json;

use super::desk::{body, claims, code_of, cookies, error, parameter, refreshment, target, to_return, tokens};
use super::rules::Rules;
use super::scene::{CALLBACK, Scene};
use crate::world::client::Reply;
use crate::world::providers::mischief::Place;
use crate::world::providers::quirks::{Quirks, Refresh};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn location(reply: &Reply) -> &str {
    reply.header("location").unwrap_or_default()
}

#[tokio::test]
async fn o07_a_code_is_good_for_a_minute() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for (age, status) in [(0, 200), (59, 200), (60, 400), (61, 400)] {
        let code = scene.code(&client).await;
        scene.hands.advance(seconds(age));
        let reply = scene.redeem(&client, &code).await;
        assert_eq!(reply.status, status, "after {age} seconds: {}", reply.text());
        if status == 400 {
            assert_eq!(error(&reply), "invalid_grant");
        }
    }
}

#[tokio::test]
async fn i7_a_consent_page_is_good_for_ten_minutes() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for (age, status) in [(599, 303), (600, 400)] {
        let mut browser = scene.browser();
        let page = scene.ask(&mut browser, &client).await;
        scene.hands.advance(seconds(age));
        let step = browser.take(&page.form("ask").press("allow")).await;
        assert_eq!((step.reply.status, step.next().is_some()), (status, status == 303), "{age}");
        assert_eq!(step.reply.text().contains("login_expired"), status == 400, "{age}");
    }
}

#[tokio::test]
async fn i4_a_page_is_good_for_its_ten_minutes_also_in_a_browser_that_had_one_before() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    scene.ask(&mut browser, &client).await;
    scene.hands.advance(seconds(540));
    let page = scene.ask(&mut browser, &client).await;
    scene.hands.advance(seconds(540));
    code_of(&scene.agree(&mut browser, &page).await);
}

/// Whoever clicks twice sends the page twice, and the browser goes where the second answer leads.
#[tokio::test]
async fn i7_a_page_that_is_sent_twice_begins_two_logins_each_with_a_state_of_its_own() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let one = to_return(&mut browser, &page).await;
    let two = to_return(&mut browser, &page).await;
    assert_ne!(one.parameter("state"), two.parameter("state"));
    for there in [two, one] {
        let code = code_of(&browser.take(&there).await);
        tokens(&scene.redeem(&client, &code).await);
    }
}

#[tokio::test]
async fn i7_a_login_under_way_is_good_for_ten_minutes_and_its_state_once() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for (age, expected) in [(599, "code="), (600, "login_expired")] {
        let mut browser = scene.browser();
        let page = scene.ask(&mut browser, &client).await;
        let there = to_return(&mut browser, &page).await;
        let held = cookies(&browser);
        let asked = scene.provider.requests(Place::Token).len();
        scene.hands.advance(seconds(age));
        let back = async || {
            let url = target(there.url().as_str());
            scene.desk().send("GET", url, &[("cookie", held.as_str())], "").await
        };
        let first = back().await;
        let said = format!("{} {}", location(&first), first.text());
        assert!(said.contains(expected), "after {age} seconds: {said}");
        // The same address once more, by whoever kept the cookie.
        let again = back().await;
        assert_eq!((again.status, location(&again)), (400, ""), "{}", again.text());
        assert!(again.text().contains("login_expired"));
        let exchanged = scene.provider.requests(Place::Token).len() - asked;
        assert_eq!(exchanged, usize::from(age < 600), "the provider's code went out once at most");
        // And in the browser itself, which has no cookie of it any more.
        let taken = browser.take(&there).await;
        assert!(taken.next().is_none() && taken.reply.status >= 400, "{}", taken.reply.text());
    }
}

/// Whoever is on the way can bring any number of answers of which nothing comes. None is worth remembering.
#[tokio::test]
async fn i7_an_answer_that_brings_nobody_in_spoils_no_login_and_the_one_that_does_is_the_last() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let there = to_return(&mut browser, &page).await;
    let held = cookies(&browser);
    let back = async |url: &str| scene.desk().send("GET", url, &[("cookie", held.as_str())], "").await;
    let state = there.parameter("state").expect("it is named by its state");
    let refusal = format!("/oauth/callback?error=access_denied&state={state}");
    let guess = format!("/oauth/callback?code=guess&state={state}");
    for url in [&refusal, &guess, &refusal] {
        let reply = back(url).await;
        assert!(reply.status == 303 && location(&reply).contains("error="), "{url}: {}", reply.text());
    }
    let url = target(there.url().as_str());
    assert!(location(&back(url).await).contains("code="));
    for url in [url, &refusal] {
        let reply = back(url).await;
        assert_eq!((reply.status, location(&reply)), (400, ""), "{url}");
        assert!(reply.text().contains("login_expired"));
    }
}

#[tokio::test]
async fn a13_an_access_token_ends_when_it_says_and_a_login_after_its_month() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    assert_eq!(held.answer["expires_in"], 900);
    scene.hands.advance(seconds(929));
    assert_eq!(scene.call(&held.access).await, 200, "leeway");
    scene.hands.advance(seconds(1));
    assert_eq!(scene.call(&held.access).await, 401);
    let month = 30 * 24 * 3600;
    scene.hands.advance(seconds(month - 930 - 1));
    let next = tokens(&scene.refresh(&client, &held.refresh).await);
    assert_eq!(scene.call(&next.access).await, 200);
    scene.hands.advance(seconds(1));
    // Its successor is of the same login, and ends with it.
    assert_eq!(error(&scene.refresh(&client, &next.refresh).await), "invalid_grant");
    let anew = scene.log_in(&client).await;
    tokens(&scene.refresh(&client, &anew.refresh).await);
}

#[tokio::test]
async fn d11_a_refresh_token_that_comes_twice_within_two_minutes_is_no_theft_and_later_it_is() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for (apart, status) in [(119, 200), (121, 400)] {
        let first = scene.log_in(&client).await;
        let second = tokens(&scene.refresh(&client, &first.refresh).await);
        scene.hands.advance(seconds(apart));
        let again = scene.refresh(&client, &first.refresh).await;
        assert_eq!(again.status, status, "{apart} seconds: {}", again.text());
        if status == 200 {
            assert_eq!(body(&again)["refresh_token"], second.refresh.as_str());
        }
        assert_eq!(scene.refresh(&client, &second.refresh).await.status, status, "and its family");
    }
}

/// RFC 6749 §6: each answer is for the scopes that were asked for, and there is one successor.
#[tokio::test]
async fn d11_a_refresh_token_that_comes_twice_for_other_scopes_gets_those_and_the_same_successor() {
    let rules = Rules::usual().with("/requiredScopes", json!(["mcp", "tools"]));
    let scene = Scene::set_by(Quirks::plain(), &rules).await;
    let client = scene.client().await;
    for wishes in [["mcp tools", "mcp", "mcp tools"], ["mcp", "mcp tools", "tools"]] {
        let held = scene.log_in(&client).await;
        let mut successors = Vec::new();
        for wish in wishes {
            let fields = [&refreshment(&client, &held.refresh)[..], &[("scope", wish)]].concat();
            let next = tokens(&scene.token(&fields).await);
            let told = [&next.answer["scope"], &claims(&next.access)["scope"]];
            assert!(told.iter().all(|scope| scope.as_str() == Some(wish)), "{wish}: {told:?}");
            successors.push(next.refresh);
        }
        successors.dedup();
        assert_eq!(successors.len(), 1);
        // The same wish once more is the same answer.
        let plain = tokens(&scene.refresh(&client, &held.refresh).await);
        assert_eq!(plain.answer["scope"], "mcp tools");
        tokens(&scene.refresh(&client, &successors[0]).await);
    }
}

#[tokio::test]
async fn a22_where_the_provider_cannot_be_asked_again_a_login_is_good_for_eight_hours() {
    let quirks = Quirks { refresh: Refresh::Never, ..Quirks::plain() };
    let scene = Scene::set(quirks).await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    scene.hands.advance(seconds(8 * 3600 - 1));
    let next = tokens(&scene.refresh(&client, &held.refresh).await);
    assert_eq!(scene.call(&next.access).await, 200);
    scene.hands.advance(seconds(1));
    assert_eq!(error(&scene.refresh(&client, &next.refresh).await), "invalid_grant");
}

#[tokio::test]
async fn d10_a_registration_is_good_for_more_than_a_year() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    scene.hands.advance(Duration::from_hours(400 * 24));
    let held = scene.log_in(&client).await;
    assert_eq!(scene.call(&held.access).await, 200);
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let back = scene.agree(&mut browser, &page).await;
    assert!(back.leads_to(CALLBACK) && parameter(&back, "error").is_none());
}
