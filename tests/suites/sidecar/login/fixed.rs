//! Clients that the policy names (D17): with a secret in either way, without one, and no longer named.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::desk::{agree, authorize, changed, code_of, error, redemption, refreshment, tokens};
use super::rules::Rules;
use super::scene::Scene;
use crate::world::providers::quirks::Quirks;

const BACK: &str = "https://ci.example/cb";
/// As somebody's generator made it: what a form encodes, a Basic header may or may not.
const SECRET: &str = "s+cr/t=of:ci%2B-that-nobody-guesses";

fn rules() -> Rules {
    let fixed = json!([
        { "id": "ci", "secret": SECRET, "redirectURIs": [BACK] },
        { "id": "desktop", "redirectURIs": ["http://127.0.0.1/cb"] },
    ]);
    Rules::usual().with("/proxy/clients/static", fixed)
}

async fn code(scene: &Scene, client: &str, back: &str) -> String {
    let mut browser = scene.browser();
    let page = browser.open(&authorize(client, &[("redirect_uri", back)])).await;
    code_of(&agree(&mut browser, &page, back).await)
}

fn basic(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

#[tokio::test]
async fn d17_a_client_that_the_policy_names_logs_in_with_its_secret_in_every_way_that_clients_write_it() {
    let scene = Scene::set_by(Quirks::plain(), &rules()).await;
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let by = async |fields: &[(&str, &str)], header: &str| {
        scene.desk().post_by("/oauth/token", fields, header).await
    };
    for header in [basic(&format!("ci:{SECRET}")), basic(&format!("ci:{encoded}"))] {
        let code = code(&scene, "ci", BACK).await;
        let good = changed(redemption("ci", &code), "redirect_uri", BACK);
        let bare = [&good[..1], &good[2..]].concat();
        for wrong in [
            basic("ci:guess"),
            basic("ci:"),
            basic(&format!("desktop:{SECRET}")),
            basic(&format!("cj:{SECRET}")),
            basic("ci"),
            format!("Bearer {SECRET}"),
        ] {
            let reply = by(&bare, &wrong).await;
            assert_eq!((reply.status, &*error(&reply)), (401, "invalid_client"), "{wrong}");
            assert!(reply.header("www-authenticate").is_some(), "{wrong}");
        }
        let two = by(&changed(good, "client_id", "desktop"), &header).await;
        assert_eq!((two.status, &*error(&two)), (400, "invalid_request"), "two clients at once");
        // The TypeScript SDK names the client in the header alone.
        let held = tokens(&by(&bare, &header).await);
        assert_eq!(scene.call(&held.access).await, 200);
        let next = tokens(&by(&refreshment("ci", &held.refresh), &header).await);
        assert_eq!(scene.call(&next.access).await, 200);
    }
    let code = code(&scene, "ci", BACK).await;
    let good = changed(redemption("ci", &code), "redirect_uri", BACK);
    let (twice, header) =
        ([&good[..], &[("client_secret", SECRET)]].concat(), basic(&format!("ci:{SECRET}")));
    let both = by(&twice, &header).await;
    assert_eq!((both.status, &*error(&both)), (400, "invalid_request"), "two ways at once");
    for (secret, status) in [("", 401), ("guess", 401), (SECRET, 200)] {
        let reply = scene.token(&[&good[..], &[("client_secret", secret)]].concat()).await;
        assert_eq!(reply.status, status, "{secret}: {}", reply.text());
    }
}

#[tokio::test]
async fn d17_a_public_client_that_the_policy_names_comes_back_to_any_port_and_needs_its_verifier() {
    let scene = Scene::set_by(Quirks::plain(), &rules()).await;
    let back = "http://127.0.0.1:50123/cb";
    let code = code(&scene, "desktop", back).await;
    let good = changed(redemption("desktop", &code), "redirect_uri", back);
    let other = "another-verifier-of-the-client-with-enough-characters";
    assert_eq!(error(&scene.token(&changed(good, "code_verifier", other)).await), "invalid_grant");
    assert_eq!(error(&scene.token(&changed(good, "code_verifier", "")).await), "invalid_request");
    assert_eq!(scene.call(&tokens(&scene.token(&good).await).access).await, 200);
    for back in ["http://localhost:50123/cb", "https://127.0.0.1:50123/cb", BACK] {
        let page = scene.browser().open(&authorize("desktop", &[("redirect_uri", back)])).await;
        assert!(page.next().is_none() && page.reply.text().contains("unusable_redirect_uri"), "{back}");
    }
}

#[tokio::test]
async fn o30_a_client_that_the_policy_names_no_longer_is_out_with_its_next_refresh() {
    let mut scene = Scene::set_by(Quirks::plain(), &rules()).await;
    let code = code(&scene, "ci", BACK).await;
    let good =
        [&changed(redemption("ci", &code), "redirect_uri", BACK)[..], &[("client_secret", SECRET)]].concat();
    let held = tokens(&scene.token(&good).await);
    let again = [&refreshment("ci", &held.refresh)[..], &[("client_secret", SECRET)]].concat();
    scene.enforce(&Rules::usual()).await;
    let refused = scene.token(&again).await;
    assert_eq!((refused.status, &*error(&refused)), (401, "invalid_client"), "A23");
    let page = scene.browser().open(&authorize("ci", &[("redirect_uri", BACK)])).await;
    assert!(page.next().is_none() && page.reply.text().contains("unknown_client"));
    // What it holds already is good as long as it says, and the leeway (A13).
    scene.hands.advance(Duration::from_secs(929));
    assert_eq!(scene.call(&held.access).await, 200);
    scene.hands.advance(Duration::from_secs(1));
    assert_eq!(scene.call(&held.access).await, 401);
    assert_eq!(error(&scene.token(&again).await), "invalid_client");
    scene.enforce(&rules()).await;
    tokens(&scene.token(&again).await);
}

/// Clients that registered themselves, where the policy no longer lets them.
#[tokio::test]
async fn a10_where_nobody_may_register_nobody_who_did_before_is_known() {
    let mut scene = Scene::set_by(Quirks::plain(), &rules()).await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    scene.enforce(&rules().with("/proxy/clients/dynamic", "off")).await;
    let refused = scene.register(&json!({ "redirect_uris": ["http://127.0.0.1/cb"] })).await;
    assert_eq!((refused.status, &*error(&refused)), (400, "access_denied"));
    let metadata = scene.desk().send("GET", "/.well-known/oauth-authorization-server", &[], "").await;
    assert!(!metadata.text().contains("registration_endpoint"));
    assert_eq!(error(&scene.refresh(&client, &held.refresh).await), "invalid_client");
    code(&scene, "ci", BACK).await;
    scene.enforce(&rules()).await;
    tokens(&scene.refresh(&client, &held.refresh).await);
}
