//! GitHub as the provider: no document, no ID token, errors with status 200, and an account that is a number. A GitHub of one's
//! own is what is played here, for its API is on the same host (`Quirks::github_enterprise`).

use std::time::Duration;

use crate::world::browser::Step;
use crate::world::providers::mischief::{Fault, Lie, Place};
use crate::world::providers::people::{Email, Person, Visitor};
use crate::world::providers::quirks::Quirks;
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET};

use super::scene::{Scene, body, claims, tokens};

const LATER: Duration = Duration::from_mins(14);

async fn github() -> Scene {
    Scene::set_for(Quirks::github_enterprise()).await
}

/// With these claims in the policy in place of its preset's.
async fn github_with(claims: &'static str) -> Scene {
    let change = move |policy: String| policy.replace("user: login, audience: aud", claims);
    Scene::set_with(Quirks::github_enterprise(), "github", change).await
}

async fn came_back(scene: &Scene, client: &str) -> Step {
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, client).await;
    scene.agree(&mut browser, &page).await
}

#[tokio::test]
async fn a_user_of_github_logs_in_and_calls_and_is_a_number_at_that_github() {
    let scene = github().await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    assert_eq!(scene.call(&held.access).await, 200);
    let host = scene.provider.issuer().replace("http://", "");
    let said = claims(&held.access);
    assert_eq!(said["sub"], format!("{host}|{}", Person::new("ada").number()));
    assert_eq!(said["username"], "ada");
    let page = scene.ask(&mut scene.browser(), &client).await;
    assert!(page.reply.text().contains("GitHub"), "{}", page.reply.text());
}

#[tokio::test]
async fn i8_github_is_asked_with_pkce_and_our_secret_and_its_api_with_the_token_it_gave() {
    let scene = github().await;
    let client = scene.client().await;
    scene.log_in(&client).await;
    let asked = scene.provider.last(Place::Authorize);
    assert_eq!(asked.parameter("code_challenge_method"), Some("S256"));
    assert_eq!(asked.words("scope"), ["read:user", "user:email"]);
    assert_eq!((asked.parameter("nonce"), asked.parameter("resource")), (None, None));
    let exchanged = scene.provider.last(Place::Token);
    assert_eq!(exchanged.parameter("client_id"), Some(CLIENT_ID));
    assert_eq!(exchanged.parameter("client_secret"), Some(CLIENT_SECRET));
    assert!(exchanged.parameter("code_verifier").is_some() && exchanged.header("authorization").is_none());
    let looked_up = scene.provider.last(Place::User);
    assert!(looked_up.header("authorization").is_some_and(|token| token.starts_with("Bearer gho_")));
    assert!(looked_up.header("user-agent").is_some_and(|agent| agent.starts_with("mcp-oauth-sidecar/")));
    assert!(scene.provider.requests(Place::Emails).is_empty(), "nobody wants an address");
}

#[tokio::test]
async fn an_error_with_status_200_is_an_error() {
    let scene = github().await;
    let client = scene.client().await;
    for error in [
        r#"{"error":"bad_verification_code"}"#,
        r#"{"error":"incorrect_client_credentials"}"#,
        r#"{"error":"redirect_uri_mismatch"}"#,
        r#"{"error":"unverified_user_email"}"#,
        r#"{"error":"bad_verification_code","access_token":"gho_x"}"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":7}"#,
        "{}",
    ] {
        scene.provider.fail(Place::Token, Fault::Says(200, error));
        assert_eq!(scene.told(&client).await.as_deref(), Some("server_error"), "{error}");
        scene.provider.behave();
    }
    assert_eq!(scene.told(&client).await, None);
}

#[tokio::test]
async fn o11_an_answer_of_the_api_that_names_no_account_lets_nobody_in() {
    let scene = github().await;
    let client = scene.client().await;
    for (fault, error) in [
        (Fault::Says(200, r#"{"login":"ada"}"#), "server_error"),
        (Fault::Says(200, r#"{"login":"ada","id":"7"}"#), "server_error"),
        (Fault::Says(200, r#"{"login":"ada","id":7,"id":8}"#), "server_error"),
        (Fault::Says(200, r#"{"login":"ada","id":0}"#), "server_error"),
        (Fault::Says(200, "[]"), "server_error"),
        (Fault::Html, "server_error"),
        (Fault::Says(401, r#"{"message":"Bad credentials"}"#), "access_denied"),
        (Fault::Says(403, r#"{"message":"Sorry. Your account was suspended."}"#), "access_denied"),
        (Fault::Says(403, r#"{"message":"API rate limit exceeded"}"#), "temporarily_unavailable"),
        (Fault::Says(429, "{}"), "temporarily_unavailable"),
        (Fault::Says(500, r#"{"login":"ada","id":7}"#), "temporarily_unavailable"),
        (Fault::Closed, "temporarily_unavailable"),
        (Fault::Endless(1 << 20), "temporarily_unavailable"),
        (Fault::Redirect("http://127.0.0.1:9/".into()), "temporarily_unavailable"),
    ] {
        let shown = format!("{fault:?}");
        scene.provider.fail(Place::User, fault);
        assert_eq!(scene.told(&client).await.as_deref(), Some(error), "{shown}");
        scene.provider.behave();
    }
    scene.provider.fail(Place::User, Fault::Says(200, r#"{"login":"ada","id":7}"#));
    assert_eq!(scene.told(&client).await, None);
}

#[tokio::test]
async fn o10_a_state_that_is_not_this_browsers_ends_on_a_page_and_a_foreign_issuer_is_refused() {
    let scene = github().await;
    let client = scene.client().await;
    for lie in [Lie::WrongState, Lie::NoState] {
        scene.provider.lie(lie);
        let back = came_back(&scene, &client).await;
        assert_eq!((back.reply.status, back.next().is_none()), (403, true), "{lie:?}");
    }
    // GitHub names no issuer; one that stands there all the same is another's.
    scene.provider.lie(Lie::WrongResponseIss);
    assert_eq!(scene.told(&client).await.as_deref(), Some("server_error"));
    scene.provider.behave();
    assert_eq!(scene.told(&client).await, None);
}

#[tokio::test]
async fn a_user_who_declines_at_github_is_a_refusal_for_the_client() {
    let scene = github().await;
    let client = scene.client().await;
    scene.provider.visitor(Visitor::Declines);
    assert_eq!(scene.told(&client).await.as_deref(), Some("access_denied"));
    scene.provider.visitor(Visitor::IsAsked);
    assert_eq!(scene.told(&client).await, None);
}

#[tokio::test]
async fn a22_a_user_who_was_disabled_at_github_is_out_with_the_next_refresh() {
    for quirks in [Quirks::github_enterprise(), Quirks::github_app()] {
        let scene = Scene::set_for(quirks).await;
        let client = scene.client().await;
        let first = scene.log_in(&client).await;
        scene.hands.advance(LATER);
        let second = tokens(&scene.refresh(&client, &first.refresh).await);
        scene.hands.advance(LATER);
        let third = tokens(&scene.refresh(&client, &second.refresh).await);
        assert_eq!(scene.call(&third.access).await, 200);
        scene.provider.disable("ada");
        scene.hands.advance(LATER);
        let refused = scene.refresh(&client, &third.refresh).await;
        assert_eq!((refused.status, body(&refused)["error"].as_str()), (400, Some("invalid_grant")));
        scene.provider.enable("ada");
        assert_eq!(scene.refresh(&client, &third.refresh).await.status, 400, "it is over");
    }
}

#[tokio::test]
async fn a22_a_limit_that_was_reached_at_github_keeps_the_login_and_lets_nobody_in() {
    let scene = github().await;
    let client = scene.client().await;
    let first = scene.log_in(&client).await;
    scene.hands.advance(LATER);
    for fault in
        [Fault::Says(403, r#"{"message":"API rate limit exceeded"}"#), Fault::Says(429, "{}"), Fault::Closed]
    {
        scene.provider.fail(Place::User, fault);
        let away = scene.refresh(&client, &first.refresh).await;
        assert_eq!((away.status, away.header("retry-after")), (503, Some("2")), "{}", away.text());
    }
    scene.provider.behave();
    tokens(&scene.refresh(&client, &first.refresh).await);
}

#[tokio::test]
async fn another_account_behind_the_token_ends_the_login() {
    let scene = github().await;
    let client = scene.client().await;
    let first = scene.log_in(&client).await;
    scene.hands.advance(LATER);
    scene.provider.lie(Lie::SomebodyElsesUserInfo);
    assert_eq!(body(&scene.refresh(&client, &first.refresh).await)["error"], "invalid_grant");
    scene.provider.behave();
    let again = scene.log_in(&client).await;
    scene.hands.advance(LATER);
    tokens(&scene.refresh(&client, &again.refresh).await);
}

#[tokio::test]
async fn what_the_policy_requires_of_an_account_is_looked_for_at_github() {
    let users = github_with("user: login, audience: aud, require: {type: [User]}").await;
    let client = users.client().await;
    assert_eq!(users.told(&client).await, None);
    let number = Person::new("ada").number();
    for (number, told_that) in [(number, None), (number + 1, Some("access_denied"))] {
        let require = format!("user: login, audience: aud, require: {{id: ['{number}']}}");
        let known = github_with(require.leak()).await;
        let client = known.client().await;
        assert_eq!(known.told(&client).await.as_deref(), told_that, "{number}");
    }
    let bots = github_with("user: login, audience: aud, require: {type: [Bot]}").await;
    let client = bots.client().await;
    assert_eq!(bots.told(&client).await.as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn where_an_address_is_wanted_it_is_the_primary_one_and_verified() {
    let scene = github_with("user: email, audience: aud, require: {email: [ada@example.com]}").await;
    let client = scene.client().await;
    for email in [Email::Verified, Email::Private] {
        scene.provider.knows(Person::new("ada").with_email(email));
        let held = scene.log_in(&client).await;
        assert_eq!(claims(&held.access)["username"], "ada@example.com", "{email:?}");
    }
    scene.provider.knows(Person::new("ada").with_email(Email::Unverified));
    assert_eq!(scene.told(&client).await.as_deref(), Some("access_denied"));
    scene.provider.knows(Person::new("ada"));
    for (fault, error) in [
        (Fault::Says(200, "{}"), "server_error"),
        (Fault::Says(404, r#"{"message":"Not Found"}"#), "server_error"),
        (
            Fault::Says(200, r#"[{"email":"ada@example.com","primary":false,"verified":true}]"#),
            "access_denied",
        ),
        (Fault::Closed, "temporarily_unavailable"),
    ] {
        let shown = format!("{fault:?}");
        scene.provider.fail(Place::Emails, fault);
        assert_eq!(scene.told(&client).await.as_deref(), Some(error), "{shown}");
        scene.provider.behave();
    }
    assert_eq!(scene.told(&client).await, None);
}
