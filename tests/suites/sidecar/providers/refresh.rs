//! Refresh tokens: when there is one, how often it is good, for what, and for how long.
//!
//! By HTTP, from providers on loopback.

use serde_json::Value;

use super::Scene;
use crate::world::providers::quirks::{Quirks, Rotation, Vendor};

const OFFLINE: (&str, &str) = ("scope", "openid email offline_access");

/// What must be in a request for a refresh token to come of it.
fn offline(vendor: Vendor) -> &'static [(&'static str, &'static str)] {
    match vendor {
        Vendor::Google => &[("access_type", "offline"), ("prompt", "consent")],
        _ => &[OFFLINE],
    }
}

#[tokio::test]
async fn there_is_a_refresh_token_by_each_vendors_own_rule() {
    let all = [Quirks::plain(), Quirks::entra(), Quirks::auth0(), Quirks::okta(), Quirks::google()];
    for quirks in all {
        let vendor = quirks.vendor;
        let mut scene = Scene::with(quirks).await;
        let with = offline(vendor);
        assert!(scene.tokens(with).await["refresh_token"].is_string(), "{vendor:?}");
        for without in [&with[1..], &with[..with.len() - 1]] {
            assert!(scene.tokens(without).await["refresh_token"].is_null(), "{vendor:?}");
        }
    }
    let mut cognito = Scene::with(Quirks::cognito()).await;
    assert!(cognito.tokens(&[]).await["refresh_token"].is_string(), "always");
    let mut github = Scene::with(Quirks::github()).await;
    let tokens = github.tokens(&[]).await;
    assert!(tokens["refresh_token"].is_null() && tokens["expires_in"].is_null(), "never, and no end");
    assert_eq!(github.refresh("any", &[]).await.status, 200, "an error all the same");
}

#[tokio::test]
async fn refresh_tokens_rotate_strictly_or_leniently_or_not_at_all() {
    for rotation in [Rotation::Off, Rotation::Lenient, Rotation::Strict] {
        let mut scene = Scene::with(Quirks { rotation, ..Quirks::plain() }).await;
        let first = scene.tokens(&[OFFLINE]).await["refresh_token"].clone();
        let first = first.as_str().expect("it was asked for");
        let second = scene.refresh(first, &[]).await.json();
        assert!(second["access_token"].is_string() && second["id_token"].is_string(), "{rotation:?}");
        assert_eq!(second["refresh_token"].is_string(), rotation != Rotation::Off);
        let again = scene.refresh(first, &[]).await;
        assert_eq!(again.status == 200, rotation != Rotation::Strict, "{rotation:?}");
        if let Some(second) = second["refresh_token"].as_str() {
            let next = scene.refresh(second, &[]).await;
            assert_eq!(next.status == 200, rotation == Rotation::Lenient, "reuse has ended the family");
        }
    }
    let mut scene = Scene::with(Quirks::plain()).await;
    let mut token = scene.tokens(&[OFFLINE]).await["refresh_token"].clone();
    for turn in 0..5 {
        let reply = scene.refresh(token.as_str().expect("a token"), &[]).await;
        assert_eq!(reply.status, 200, "turn {turn}: an honest client goes on and on");
        token = reply.json()["refresh_token"].clone();
    }
}

#[tokio::test]
async fn a_refresh_never_gives_more_than_was_granted() {
    let mut scene = Scene::with(Quirks::plain()).await;
    let tokens = scene.tokens(&[OFFLINE]).await;
    let token = tokens["refresh_token"].as_str().expect("it was asked for");
    assert_eq!(scene.refresh(token, &[("scope", "openid groups")]).await.json()["error"], "invalid_scope");
    assert_eq!(scene.refresh(token, &[("scope", "openid email")]).await.status, 200);
}

#[tokio::test]
async fn a_person_who_is_disabled_is_out_with_the_next_refresh() {
    let cases = [
        (Quirks::plain(), 400, "invalid"),
        (Quirks::entra(), 400, "AADSTS50057"),
        (Quirks::google(), 400, "expired or revoked"),
        (Quirks::auth0(), 403, "invalid"),
        (Quirks::okta(), 400, "invalid"),
    ];
    for (quirks, status, words) in cases {
        let vendor = quirks.vendor;
        let mut scene = Scene::with(quirks).await;
        let tokens = scene.tokens(offline(vendor)).await;
        let token = tokens["refresh_token"].as_str().expect("it was asked for");
        scene.provider.disable("alice");
        let reply = scene.refresh(token, &[]).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (status, &Value::from("invalid_grant")),
            "{vendor:?}"
        );
        assert!(reply.text().contains(words), "{vendor:?}: {}", reply.text());
        scene.provider.enable("alice");
        assert_eq!(scene.refresh(token, &[]).await.status, 200, "{vendor:?}");
    }
    let mut scene = Scene::with(Quirks::plain()).await;
    let code = scene.code(&[]).await;
    scene.provider.disable("alice");
    assert_eq!(scene.redeem(&code, &[]).await.json()["error"], "invalid_grant", "nor by a code of before");
}
