//! Which scopes a login is for, as its answers say it: at the first one and at every refresh.

use serde_json::{Value, json};

use super::desk::{agree, authorize, claims, code_of, error, refreshment, tokens};
use super::rules::Rules;
use super::scene::{CALLBACK, Scene, Tokens};
use crate::world::providers::quirks::Quirks;

async fn scene() -> Scene {
    let rules = Rules::usual().with("/requiredScopes", json!(["mcp", "tools"]));
    Scene::set_by(Quirks::plain(), &rules).await
}

/// A login for which the client asks for this.
async fn logged_in(scene: &Scene, client: &str, wish: &str) -> Tokens {
    let mut browser = scene.browser();
    let page = browser.open(&authorize(client, &[("scope", wish)])).await;
    let code = code_of(&agree(&mut browser, &page, CALLBACK).await);
    tokens(&scene.redeem(client, &code).await)
}

/// What an answer says of its scopes, which its token says as well.
fn said(held: &Tokens) -> &Value {
    assert_eq!(held.answer["scope"], claims(&held.access)["scope"]);
    &held.answer["scope"]
}

/// RFC 6749 §5.1: REQUIRED where it is not what was asked for.
#[tokio::test]
async fn every_answer_says_what_was_granted_also_where_it_is_not_what_was_asked_for() {
    let scene = scene().await;
    let client = scene.client().await;
    for (wish, granted) in [
        ("", "mcp tools"),
        ("mcp tools", "mcp tools"),
        ("openid email mcp", "mcp"),
        ("openid email", "mcp tools"),
        ("openid offline_access", "mcp tools offline_access"),
    ] {
        let held = logged_in(&scene, &client, wish).await;
        assert_eq!(said(&held), granted, "{wish}");
        let next = tokens(&scene.refresh(&client, &held.refresh).await);
        assert_eq!(said(&next), granted, "{wish}, refreshed");
    }
}

/// Clients repeat at a refresh what they asked for at first, and are granted what they were granted then.
#[tokio::test]
async fn o12_a_refresh_takes_what_a_client_asked_for_at_first_and_never_gives_what_was_not_granted() {
    let scene = scene().await;
    let client = scene.client().await;
    // What was asked for at the login and at the refresh, and what comes of it.
    for (first, wish, given) in [
        ("openid email mcp", "openid email mcp", Some("mcp")),
        ("openid email mcp", "openid email mcp tools", None),
        ("openid email mcp tools", "openid email mcp tools", Some("mcp tools")),
        ("openid offline_access", "openid offline_access", Some("mcp tools offline_access")),
        ("mcp", "mcp offline_access admin", Some("mcp")),
        ("mcp", "tools", None),
        ("mcp tools", "tools", Some("tools")),
    ] {
        let held = logged_in(&scene, &client, first).await;
        let fields = [&refreshment(&client, &held.refresh)[..], &[("scope", wish)]].concat();
        let reply = scene.token(&fields).await;
        match given {
            Some(given) => assert_eq!(said(&tokens(&reply)), given, "{first}, then {wish}"),
            None => assert_eq!((reply.status, &*error(&reply)), (400, "invalid_scope"), "{wish}"),
        }
        // Whatever was asked for, the login goes on with all that it has.
        let whole = tokens(&scene.refresh(&client, &held.refresh).await);
        assert_eq!(said(&whole), said(&held), "{first}, then {wish}");
    }
}
