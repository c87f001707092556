//! The token endpoint: who may redeem what, how often, and in which words each vendor says no.
//!
//! By HTTP, from providers on loopback.

use std::time::Duration;

use serde_json::Value;

use super::{CALLBACK, Scene, basic};
use crate::world::providers::mischief::Place;
use crate::world::providers::quirks::{Authentication, Quirks};
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET};

const OFFLINE: (&str, &str) = ("scope", "openid email offline_access");

#[tokio::test]
async fn a_client_proves_who_it_is_in_the_ways_that_the_provider_takes() {
    const NOT_POSTED: [(&str, &str); 2] = [("client_id", ""), ("client_secret", "")];
    let header = basic(CLIENT_ID, CLIENT_SECRET);
    let ways = [
        (Authentication::Either, true, true),
        (Authentication::Post, true, false),
        (Authentication::Basic, false, true),
    ];
    for (authentication, posts, by_header) in ways {
        let mut scene = Scene::with(Quirks { authentication, ..Quirks::plain() }).await;
        let code = scene.code(&[]).await;
        assert_eq!(scene.redeem(&code, &[]).await.status == 200, posts, "{authentication:?}");
        let code = scene.code(&[]).await;
        let good = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", super::VERIFIER),
        ];
        let reply = scene.post(&good, &[("authorization", &header)]).await;
        assert_eq!(reply.status == 200, by_header, "{authentication:?}");
    }
    let mut scene = Scene::with(Quirks::plain()).await;
    let code = scene.code(&[]).await;
    let wrong = scene.redeem(&code, &[("client_secret", "wrong")]).await;
    assert_eq!((wrong.status, wrong.count("www-authenticate")), (401, 1));
    assert_eq!(wrong.json()["error"], "invalid_client");
    assert_eq!(scene.redeem(&code, &NOT_POSTED).await.status, 401);
    let wrong = basic(CLIENT_ID, "wrong");
    assert_eq!(scene.post(&[("code", &code)], &[("authorization", &wrong)]).await.status, 401);
    let posted = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    let both = scene.post(&posted, &[("authorization", &header)]).await;
    assert_eq!(both.json()["error"], "invalid_request");
    assert_eq!(scene.redeem(&code, &[]).await.status, 200, "and none of that has used the code up");
}

#[tokio::test]
async fn a_code_is_good_once_for_ten_minutes_with_its_verifier_and_its_redirect_uri() {
    let mut scene = Scene::with(Quirks::plain()).await;
    let wrong: [&[(&str, &str)]; 4] = [
        &[("code_verifier", "another-verifier-another-verifier-another-ve")],
        &[("code_verifier", "")],
        &[("redirect_uri", "https://mcp.example.com/other")],
        &[("redirect_uri", "")],
    ];
    for changes in wrong {
        let code = scene.code(&[]).await;
        let reply = scene.redeem(&code, changes).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (400, &Value::from("invalid_grant")),
            "{changes:?}"
        );
    }
    let code = scene.code(&[]).await;
    scene.hands.advance(Duration::from_mins(10));
    assert_eq!(scene.redeem(&code, &[]).await.status, 200);
    let code = scene.code(&[]).await;
    scene.hands.advance(Duration::from_secs(601));
    assert_eq!(scene.redeem(&code, &[]).await.status, 400);
    let reply = scene.redeem("unknown", &[]).await;
    assert_eq!(reply.json()["error"], "invalid_grant");
    let reply = scene.redeem(&code, &[("grant_type", "password")]).await;
    assert_eq!(reply.json()["error"], "unsupported_grant_type");
    assert_eq!(scene.get(Place::Token, &[]).await.status, 400, "only POST");
}

#[tokio::test]
async fn a_verifier_for_a_code_without_a_challenge_is_refused() {
    const NO_CHALLENGE: [(&str, &str); 2] = [("code_challenge", ""), ("code_challenge_method", "")];
    let mut scene = Scene::with(Quirks::okta()).await;
    let code = scene.code(&NO_CHALLENGE).await;
    assert_eq!(scene.redeem(&code, &[]).await.json()["error"], "invalid_grant");
    let code = scene.code(&NO_CHALLENGE).await;
    assert_eq!(scene.redeem(&code, &[("code_verifier", "")]).await.status, 200);
}

#[tokio::test]
async fn a_code_that_is_used_twice_ends_what_the_first_use_got() {
    let mut scene = Scene::with(Quirks::plain()).await;
    let code = scene.code(&[OFFLINE]).await;
    let tokens = scene.redeem(&code, &[]).await.json();
    let refresh_token = tokens["refresh_token"].as_str().expect("it was asked for");
    assert_eq!(scene.redeem(&code, &[]).await.json()["error"], "invalid_grant");
    assert_eq!(scene.refresh(refresh_token, &[]).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn github_says_no_with_status_200_and_in_a_form_unless_it_is_asked_for_json() {
    let mut scene = Scene::with(Quirks::github()).await;
    let code = scene.code(&[]).await;
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("client_secret", "wrong")], "incorrect_client_credentials"),
        (&[("code", "wrong")], "bad_verification_code"),
        (&[("code", &code), ("redirect_uri", "https://mcp.example.com/other")], "redirect_uri_mismatch"),
        (&[("code", &code)], "bad_verification_code"),
    ];
    for (changes, error) in cases {
        let reply = scene.redeem(&code, changes).await;
        assert_eq!((reply.status, &reply.json()["error"]), (200, &Value::from(error)), "{changes:?}");
    }
    let code = scene.code(&[]).await;
    let posted = [
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("code", code.as_str()),
        ("code_verifier", super::VERIFIER),
    ];
    let reply = scene.post(&posted, &[]).await;
    assert_eq!(reply.header("content-type"), Some("application/x-www-form-urlencoded"));
    let text = reply.text();
    assert!(
        text.contains("access_token=gho_") && text.contains("scope=read%3Auser%2Cuser%3Aemail"),
        "{text}"
    );
    assert!(scene.post(&posted, &[]).await.text().starts_with("error=bad_verification_code"));
}

#[tokio::test]
async fn auth0_and_cognito_have_statuses_of_their_own() {
    let mut auth0 = Scene::with(Quirks::auth0()).await;
    assert_eq!(auth0.redeem("wrong", &[]).await.status, 403, "an invalid grant");
    let code = auth0.code(&[]).await;
    assert_eq!(auth0.redeem(&code, &[("client_secret", "wrong")]).await.status, 401);
    let mut cognito = Scene::with(Quirks::cognito()).await;
    assert_eq!(cognito.redeem("wrong", &[]).await.status, 400);
    let code = cognito.code(&[]).await;
    let reply = cognito.redeem(&code, &[("client_secret", "wrong")]).await;
    assert_eq!((reply.status, &reply.json()["error"]), (400, &Value::from("invalid_client")));
}

#[tokio::test]
async fn scopes_come_back_in_each_vendors_spelling() {
    let own = format!("openid offline_access api://{CLIENT_ID}/mcp User.Read");
    let cases = [
        (Quirks::plain(), "openid email", "openid email"),
        (Quirks::google(), "openid email", "openid https://www.googleapis.com/auth/userinfo.email"),
        (Quirks::github(), "read:user user:email repo", "read:user,user:email"),
        (Quirks::entra(), own.as_str(), "openid mcp User.Read"),
        (Quirks::auth0(), "openid email mcp", "openid email"),
    ];
    for (quirks, asked, granted) in cases {
        let mut scene = Scene::with(quirks).await;
        assert_eq!(scene.tokens(&[("scope", asked)]).await["scope"], granted, "{asked}");
    }
}
