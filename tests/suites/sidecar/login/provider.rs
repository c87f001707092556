//! A provider that lies, fails or refuses: nobody comes in by it, and the client is told so in words that are ours.

use crate::world::providers::Provider;
use crate::world::providers::mischief::{Fault, Lie, Place};
use crate::world::providers::people::Visitor;
use crate::world::providers::quirks::Quirks;

use super::scene::{CALLBACK, ORIGIN, Scene, body, parameter, tokens};

#[tokio::test]
async fn o11_no_lie_of_a_provider_brings_a_code_and_the_truth_does() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for lie in [
        Lie::WrongAudience,
        Lie::ManyAudiences,
        Lie::ManyAudiencesWithoutAzp,
        Lie::WrongAzp,
        Lie::WrongIssuer,
        Lie::WrongNonce,
        Lie::NoNonce,
        Lie::NoSubject,
        Lie::Expired,
        Lie::FromTheFuture,
        Lie::NoExpiry,
        Lie::AlgorithmNone,
        Lie::ClientSecretAsKey,
        Lie::StrangersKey,
        Lie::SwappedKey,
        Lie::UnknownKeyId,
        Lie::NoIdToken,
        Lie::WrongResponseIss,
    ] {
        scene.provider.lie(lie);
        assert_eq!(scene.told(&client).await.as_deref(), Some("server_error"), "{lie:?}");
        scene.provider.behave();
    }
    assert_eq!(scene.told(&client).await, None);
}

#[tokio::test]
async fn o10_a_state_that_is_not_this_browsers_ends_on_a_page() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for lie in [Lie::WrongState, Lie::NoState] {
        scene.provider.lie(lie);
        let mut browser = scene.browser();
        let page = scene.ask(&mut browser, &client).await;
        let back = scene.agree(&mut browser, &page).await;
        assert_eq!((back.reply.status, back.next().is_none()), (403, true), "{lie:?}");
        scene.provider.behave();
    }
    assert_eq!(scene.told(&client).await, None);
}

#[tokio::test]
async fn a_provider_that_fails_is_waited_for_within_bounds_and_said_to_be_away() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for fault in [
        Fault::Closed,
        Fault::Html,
        Fault::Says(500, r#"{"error":"invalid_grant"}"#),
        Fault::Says(503, "{}"),
        Fault::Says(429, r#"{"error":"slow_down"}"#),
        Fault::Says(429, "Too Many Requests"),
        Fault::Endless(1 << 20),
        Fault::Redirect("http://127.0.0.1:9/".into()),
    ] {
        let shown = format!("{fault:?}");
        scene.provider.fail(Place::Token, fault);
        assert_eq!(scene.told(&client).await.as_deref(), Some("temporarily_unavailable"), "{shown}");
        scene.provider.behave();
    }
    scene
        .provider
        .fail(Place::Token, Fault::Says(400, r#"{"error":"invalid_grant","error_description":"s3cret"}"#));
    assert_eq!(scene.told(&client).await.as_deref(), Some("server_error"));
    scene.provider.behave();
    assert_eq!(scene.told(&client).await, None);
}

#[tokio::test]
async fn a_user_who_declines_at_the_provider_is_a_refusal_for_the_client() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    scene.provider.visitor(Visitor::Declines);
    assert_eq!(scene.told(&client).await.as_deref(), Some("access_denied"));
    scene.provider.visitor(Visitor::IsAsked);
    assert_eq!(scene.told(&client).await, None);
}

#[tokio::test]
async fn the_provider_is_asked_who_the_user_is_and_nothing_of_the_client() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    scene.log_in(&client).await;
    let asked = scene.provider.last(Place::Authorize);
    assert_eq!(asked.parameter("resource"), None, "identity-providers §5a.2");
    assert!(!asked.words("scope").contains(&"mcp"));
    assert_eq!(asked.parameter("code_challenge_method"), Some("S256"));
    assert_ne!(asked.parameter("code_challenge"), Some(super::scene::challenge().as_str()), "its own pair");
    assert!(asked.parameter("state").is_some_and(|state| state.len() >= 22));
}

#[tokio::test]
async fn a22_a_provider_that_is_away_when_a_login_is_refreshed_keeps_the_login() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let first = scene.log_in(&client).await;
    scene.hands.advance(std::time::Duration::from_mins(10));
    scene.provider.fail(Place::Token, Fault::Closed);
    let away = scene.refresh(&client, &first.refresh).await;
    assert_eq!((away.status, away.header("retry-after")), (503, Some("2")), "{}", away.text());
    scene.provider.behave();
    tokens(&scene.refresh(&client, &first.refresh).await);
}

#[tokio::test]
async fn another_person_at_a_refresh_ends_the_login() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for (is_another, status, call) in [(true, 400, 401), (false, 200, 200)] {
        let first = scene.log_in(&client).await;
        scene.hands.advance(std::time::Duration::from_mins(10));
        if is_another {
            scene.provider.lie(Lie::OtherSubject);
        }
        let reply = scene.refresh(&client, &first.refresh).await;
        scene.provider.behave();
        assert_eq!(reply.status, status, "{}", reply.text());
        assert_eq!(body(&reply)["error"].as_str(), is_another.then_some("invalid_grant"));
        assert_eq!(scene.refresh(&client, &first.refresh).await.status, status);
        assert_eq!(scene.call(&first.access).await, call, "I8: what was given with it ends with it");
    }
}

#[tokio::test]
async fn every_providers_own_ways_bring_their_user_in() {
    for quirks in [
        Quirks::plain(),
        Quirks::entra(),
        Quirks::google(),
        Quirks::cognito(),
        Quirks::auth0(),
        Quirks::okta(),
        Quirks::github_enterprise(),
        Quirks::github_app(),
    ] {
        let vendor = format!("{:?}", quirks.vendor);
        let scene = Scene::set_for(quirks).await;
        let client = scene.client().await;
        let held = scene.log_in(&client).await;
        assert_eq!(scene.call(&held.access).await, 200, "{vendor}");
        scene.hands.advance(std::time::Duration::from_mins(10));
        let next = tokens(&scene.refresh(&client, &held.refresh).await);
        assert_eq!(scene.call(&next.access).await, 200, "{vendor}");
        assert!(!held.answer.to_string().contains(CALLBACK));
    }
}

/// Two providers of one kind: what was begun with the first is not shown to the second.
#[tokio::test]
async fn o28_a_login_belongs_to_the_provider_that_it_began_with() {
    let mut scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let other = Provider::start(Quirks::plain(), &scene.clock).await;
    other.register(&format!("{ORIGIN}/oauth/callback"));
    let held = scene.log_in(&client).await;
    let code = scene.code(&client).await;
    let (mut browser, mut early) = (scene.browser(), scene.browser());
    let page = scene.ask(&mut browser, &client).await;
    let there = browser.take(&page.form("ask").press("allow")).await;
    let twin = scene.ask(&mut early, &client).await;
    assert!(parameter(&scene.agree(&mut early, &twin).await, "code").is_some());
    scene.move_to(&other, &client).await;
    let there = browser.walk(there, CALLBACK).await;
    let back = scene.sign_in(&mut browser, there).await;
    assert_eq!((back.reply.status, back.next().is_none()), (400, true), "{}", back.reply.text());
    assert_eq!(body(&scene.redeem(&client, &code).await)["error"], "invalid_grant");
    assert_eq!(body(&scene.refresh(&client, &held.refresh).await)["error"], "invalid_grant");
    assert!(other.requests(Place::Token).is_empty(), "no code and no refresh token went there");
    let held = scene.log_in(&client).await;
    scene.hands.advance(std::time::Duration::from_mins(10));
    tokens(&scene.refresh(&client, &held.refresh).await);
    assert!(!other.requests(Place::Token).is_empty());
}
