//! Proxy mode from outside: the whole login, and everything that must not happen on the way. A person's browser and an
//! attacker's are two jars; the provider is one by the book, or one that lies.

mod assertion;
mod consent;
mod crowd;
mod desk;
mod document;
mod egress;
mod faults;
mod fixed;
mod flood;
mod github;
mod guesses;
mod hosts;
mod keyed;
mod killed;
mod lifetimes;
mod metadata;
mod model;
mod pages;
mod parameters;
mod policy;
mod provider;
mod races;
mod redirects;
mod registration;
mod replicas;
mod revoked;
mod rules;
mod scene;
mod scopes;
mod secrets;
mod signed;
mod spoofed;
mod stalled;
mod store;
mod strangers;
mod strict;
mod swaps;

use serde_json::json;

use crate::world::browser::{Cookie, SameSite};
use crate::world::providers::quirks::Quirks;
use scene::{CALLBACK, ORIGIN, Scene, authorize, body, parameter, tokens};

#[tokio::test]
async fn a_client_that_was_refused_registers_logs_its_user_in_and_calls() {
    let scene = Scene::set(Quirks::plain()).await;
    let refused = scene.sidecar.send("POST", "/mcp", &[], "{}").await;
    assert_eq!(refused.status, 401);
    let metadata =
        body(&scene.sidecar.send("GET", "/.well-known/oauth-protected-resource/mcp", &[], "").await);
    assert_eq!(metadata["authorization_servers"], json!([ORIGIN]));
    let server = body(&scene.sidecar.send("GET", "/.well-known/oauth-authorization-server", &[], "").await);
    assert_eq!(server["issuer"], ORIGIN);
    let client = scene.client().await;
    let tokens = scene.log_in(&client).await;
    assert_eq!(tokens.answer["scope"], "mcp");
    assert_eq!(scene.call(&tokens.access).await, 200);
    assert_eq!(scene.call("garbage").await, 401);
}

#[tokio::test]
async fn a14_the_answer_names_its_issuer_once_and_echoes_the_clients_state() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let back = scene.agree(&mut browser, &page).await;
    let next = back.next().expect("a redirect");
    assert_eq!(next.url().query_pairs().filter(|(name, _)| name == "iss").count(), 1);
    assert_eq!(parameter(&back, "iss").as_deref(), Some(ORIGIN));
    assert_eq!(parameter(&back, "state").as_deref(), Some(desk::STATE));
    assert_eq!(back.reply.status, 303);
}

#[tokio::test]
async fn o01_nobody_is_sent_to_the_provider_before_the_person_agreed() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    assert_eq!((page.reply.status, page.next().is_none()), (200, true));
    let cookies = browser.cookies();
    assert_eq!(cookies.len(), 1, "I7: no state cookie yet: {cookies:?}");
    assert!(cookies.iter().all(is_bound), "{cookies:?}");
    let there = browser.take(&page.form("ask").press("allow")).await;
    assert_eq!(there.reply.status, 303);
    assert!(there.leads_to(&scene.provider.issuer()));
    let cookies = browser.cookies();
    assert_eq!(cookies.len(), 2, "the browser's and the login's: {cookies:?}");
    assert!(cookies.iter().all(is_bound), "{cookies:?}");
}

/// I5, O27: to this host alone, to https and to the browser, whatever a page does.
fn is_bound(cookie: &Cookie) -> bool {
    cookie.name.starts_with("__Host-mcp-oauth-")
        && (cookie.secure, cookie.http_only, cookie.same_site, &*cookie.path)
            == (true, true, SameSite::Lax, "/")
}

#[tokio::test]
async fn a_person_who_says_no_sends_the_client_a_refusal() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let back = browser.take(&page.form("ask").press("deny")).await;
    assert_eq!((back.reply.status, back.leads_to(CALLBACK)), (303, true), "O22: after a form");
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&back, "iss").as_deref(), Some(ORIGIN));
}

#[tokio::test]
async fn o02_the_providers_address_of_one_browser_brings_no_code_in_another() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let (mut attacker, mut victim) = (scene.browser(), scene.browser());
    let page = scene.ask(&mut attacker, &client).await;
    let there = attacker.take(&page.form("ask").press("allow")).await;
    let address = there.next().expect("to the provider").url().to_string();
    // The attacker consented; the victim, who is logged in at the provider, opens the address.
    let step = victim.open(&address).await;
    let step = victim.walk(step, CALLBACK).await;
    let step = scene.sign_in(&mut victim, step).await;
    assert_eq!((step.reply.status, step.next().is_none()), (403, true), "{}", step.reply.text());
    assert!(step.reply.text().contains("other_browser"));
    // Its twin: the browser that consented comes through.
    let step = attacker.take(&there.next().expect("to the provider")).await;
    let step = attacker.walk(step, CALLBACK).await;
    assert!(scene.sign_in(&mut attacker, step).await.leads_to(CALLBACK));
}

#[tokio::test]
async fn i4_a_consent_page_of_one_browser_is_no_consent_of_another() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let (mut attacker, mut victim) = (scene.browser(), scene.browser());
    let page = scene.ask(&mut attacker, &client).await;
    scene.ask(&mut victim, &client).await;
    let form = page.form("ask").press("allow");
    let refused = victim.take(&form).await;
    assert_eq!(refused.reply.status, 403, "{}", refused.reply.text());
    assert_eq!(attacker.take(&form).await.reply.status, 303);
}

#[tokio::test]
async fn o07_a_code_is_redeemed_once_and_the_second_time_ends_what_it_gave() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let code = scene.code(&client).await;
    let first = tokens(&scene.redeem(&client, &code).await);
    assert_eq!(scene.call(&first.access).await, 200);
    let second = scene.redeem(&client, &code).await;
    assert_eq!((second.status, body(&second)["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(scene.call(&first.access).await, 401);
    assert_eq!(scene.refresh(&client, &first.refresh).await.status, 400);
}

#[tokio::test]
async fn o08_a_code_is_bound_to_client_redirect_uri_verifier_and_resource() {
    let scene = Scene::set(Quirks::plain()).await;
    let (client, other) = (scene.client().await, scene.client().await);
    let code = scene.code(&client).await;
    let good = scene::redemption(&client, &code);
    for (name, value, error) in [
        ("client_id", other.as_str(), "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1:4712/callback", "invalid_grant"),
        ("code_verifier", "another-verifier-of-the-client-with-enough-characters", "invalid_grant"),
        ("code", "AAAA", "invalid_grant"),
        ("grant_type", "password", "unsupported_grant_type"),
    ] {
        let reply = scene.token(&desk::changed(good, name, value)).await;
        assert_eq!((reply.status, body(&reply)["error"].as_str()), (400, Some(error)), "{name}");
    }
    let elsewhere = [&good[..], &[("resource", "https://other.example/mcp")]].concat();
    assert_eq!(body(&scene.token(&elsewhere).await)["error"], "invalid_target");
    // None of these spoiled it.
    let held = tokens(&scene.token(&good).await);
    let refused = scene.refresh(&other, &held.refresh).await;
    assert_eq!((refused.status, body(&refused)["error"].as_str()), (400, Some("invalid_grant")), "O12");
    assert_eq!(scene.refresh(&client, &held.refresh).await.status, 200);
}

#[tokio::test]
async fn a1_a_client_of_oauth_2_1_need_not_repeat_its_redirect_uri_and_must_show_its_verifier() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let code = scene.code(&client).await;
    let without = |left_out: &str| {
        let fields = scene::redemption(&client, &code);
        fields.into_iter().filter(|(name, _)| *name != left_out).collect::<Vec<_>>()
    };
    let refused = scene.token(&without("code_verifier")).await;
    assert_eq!((refused.status, body(&refused)["error"].as_str()), (400, Some("invalid_request")));
    assert_eq!(scene.token(&without("redirect_uri")).await.status, 200);
}

#[tokio::test]
async fn a13_refresh_tokens_rotate_the_last_one_answers_the_same_for_a_while_and_an_older_one_ends_all() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let first = scene.log_in(&client).await;
    let second = tokens(&scene.refresh(&client, &first.refresh).await);
    assert_ne!(second.refresh, first.refresh);
    let again = tokens(&scene.refresh(&client, &first.refresh).await);
    assert_eq!(again.refresh, second.refresh, "D11: clients send it twice");
    let third = tokens(&scene.refresh(&client, &second.refresh).await);
    assert_eq!(scene.call(&third.access).await, 200);
    let reused = scene.refresh(&client, &first.refresh).await;
    assert_eq!(body(&reused)["error"], "invalid_grant");
    assert_eq!(scene.refresh(&client, &third.refresh).await.status, 400);
    assert_eq!(scene.call(&third.access).await, 401);
}

#[tokio::test]
async fn a22_a_user_who_was_disabled_at_the_provider_is_out_with_the_next_refresh() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let first = scene.log_in(&client).await;
    scene.hands.advance(std::time::Duration::from_mins(14));
    let second = tokens(&scene.refresh(&client, &first.refresh).await);
    scene.provider.disable("ada");
    scene.hands.advance(std::time::Duration::from_mins(14));
    let refused = scene.refresh(&client, &second.refresh).await;
    assert_eq!(body(&refused)["error"], "invalid_grant");
}

#[tokio::test]
async fn o30_a_revoked_token_is_over_and_its_family_with_it() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for which in ["access", "refresh"] {
        let held = scene.log_in(&client).await;
        assert_eq!(scene.call(&held.access).await, 200);
        let token = if which == "access" { &held.access } else { &held.refresh };
        let other = scene.client().await;
        assert_eq!(scene.post("/oauth/revoke", &[("client_id", &other), ("token", token)]).await.status, 200);
        assert_eq!(scene.call(&held.access).await, 200, "another client's token is not its to revoke");
        assert_eq!(
            scene.post("/oauth/revoke", &[("client_id", &client), ("token", token)]).await.status,
            200
        );
        assert_eq!(scene.call(&held.access).await, 401);
        assert_eq!(scene.refresh(&client, &held.refresh).await.status, 400);
    }
}

#[tokio::test]
async fn o03_whatever_is_wrong_before_consent_is_a_page_and_never_a_redirect() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for (change, code) in [
        (("client_id", "unknown"), "unknown_client"),
        (("client_id", ""), "<code>client_id</code> of its request is missing"),
        (("redirect_uri", "https://evil.example/cb"), "unusable_redirect_uri"),
        (("redirect_uri", "javascript:alert(1)"), "unusable_redirect_uri"),
        (("redirect_uri", ""), "<code>redirect_uri</code> of its request is missing"),
        (("response_type", "token"), "malformed_request"),
        (("response_type", ""), "malformed_request"),
        (("response_mode", "fragment"), "malformed_request"),
        (("code_challenge", ""), "malformed_request"),
        (("code_challenge", "short"), "malformed_request"),
        (("code_challenge_method", ""), "malformed_request"),
        (("code_challenge_method", "plain"), "malformed_request"),
        (("resource", "https://other.example/mcp"), "malformed_request"),
    ] {
        let step = scene.browser().open(&authorize(&client, &[change])).await;
        assert!(step.next().is_none() && step.reply.status == 400, "{change:?}: {}", step.reply.status);
        assert!(step.reply.text().contains(code), "{change:?}: {}", step.reply.text());
    }
    let twice = format!("{}&state=x", authorize(&client, &[]));
    assert_eq!(scene.browser().open(&twice).await.reply.status, 400, "O23");
    assert_eq!(scene.browser().open(&authorize(&client, &[])).await.reply.status, 200);
}
