//! Clients that the policy names and gives keys (D17, `private_key_jwt`): in the policy itself or at an address, and in no other
//! way than with a signature.

use std::time::Duration;

use serde_json::{Value, json};

use super::desk::{agree, authorize, body, changed, code_of, error, redemption, refreshment, tokens};
use super::document::{Published, WEB};
use super::rules::Rules;
use super::scene::Scene;
use super::signed::{Assertion, TYPE, cut};
use crate::world::NOW;
use crate::world::client::Reply;
use crate::world::host::Answer;
use crate::world::providers::quirks::Quirks;
use crate::world::tokens::{Signer, key_set, stranger_jwk};

const BACK: &str = "https://ci.example/cb";
const SECRET: &str = "a-secret-that-nobody-ever-guesses";
/// At the two endpoints where clients prove themselves.
const ENDPOINTS: [&str; 2] = ["token", "revocation"];

/// Without documents of clients: what is fetched is what the policy names.
fn only(rules: Rules, clients: &Value) -> Rules {
    rules.with("/proxy/clients/metadataDocuments", "off").with("/proxy/clients/static", clients.clone())
}

fn inline() -> Value {
    json!([
        { "id": "ci", "jwks": key_set(), "redirectURIs": [BACK] },
        { "id": "other", "secret": SECRET, "redirectURIs": [BACK] },
        { "id": "desktop", "redirectURIs": [BACK] },
    ])
}

fn at(published: &Published) -> Value {
    json!([{ "id": "ci", "jwksUri": published.url("/jwks.json"), "redirectURIs": [BACK] }])
}

async fn code(scene: &Scene, client: &str) -> String {
    let mut browser = scene.browser();
    let page = browser.open(&authorize(client, &[("redirect_uri", BACK)])).await;
    code_of(&agree(&mut browser, &page, BACK).await)
}

fn proof(assertion: &str) -> [(&str, &str); 2] {
    [("client_assertion_type", TYPE), ("client_assertion", assertion)]
}

/// Whether a client shows by this that it is `ci`: with something that takes no more than that.
async fn shows(scene: &Scene, proof: &[(&str, &str)]) -> Reply {
    scene.post("/oauth/revoke", &[&[("client_id", "ci"), ("token", "none-of-ours")], proof].concat()).await
}

async fn takes(scene: &Scene, assertion: &str) -> bool {
    let reply = shows(scene, &proof(assertion)).await;
    assert!(reply.status == 200 || (reply.status, &*error(&reply)) == (401, "invalid_client"));
    reply.status == 200
}

#[tokio::test]
async fn d17_a_client_with_keys_in_the_policy_logs_its_user_in_with_a_signature_and_with_nothing_else() {
    let scene = Scene::set_by(Quirks::plain(), &only(Rules::usual(), &inline())).await;
    let code = code(&scene, "ci").await;
    let good = changed(redemption("ci", &code), "redirect_uri", BACK);
    let own = || Assertion::of("ci");
    let none = own().with_header("alg", json!("none")).by_its_key();
    let wrong = [
        ("a key that is not its own", own().signed(Signer::Stranger)),
        ("another server's", own().with("aud", json!("https://mcp.example.com/mcp")).by_its_key()),
        ("another client's", Assertion::of("other").by_its_key()),
        ("over", own().with("exp", json!(NOW - 30)).by_its_key()),
        ("for ever", own().with("exp", json!(NOW + 3631)).by_its_key()),
        ("without an id", own().with("jti", Value::Null).by_its_key()),
        ("none", none.clone()),
        ("none, and no signature", format!("{}.", cut(&none))),
    ];
    for (why, assertion) in &wrong {
        let reply = scene.token(&[&good[..], &proof(assertion)].concat()).await;
        assert_eq!((reply.status, &*error(&reply)), (401, "invalid_client"), "{why}");
    }
    for shown in [&[][..], &[("client_secret", SECRET)], &[("client_secret", "")]] {
        let reply = scene.token(&[&good[..], shown].concat()).await;
        assert_eq!((reply.status, &*error(&reply)), (401, "invalid_client"), "{shown:?}");
    }
    // None of that has used the code up.
    let assertion = own().with("exp", json!(NOW + 3630)).by_its_key();
    let held = tokens(&scene.token(&[&good[..], &proof(&assertion)].concat()).await);
    assert_eq!(scene.call(&held.access).await, 200);
    let again = refreshment("ci", &held.refresh);
    let twice = scene.token(&[&again[..], &proof(&assertion)].concat()).await;
    assert_eq!((twice.status, &*error(&twice)), (401, "invalid_client"), "O25: once");
    let next = tokens(&scene.token(&[&again[..], &proof(&own().by_its_key())].concat()).await);
    assert_eq!(scene.call(&next.access).await, 200);
}

#[tokio::test]
async fn o25_a_key_is_no_way_in_for_a_client_that_the_policy_gives_none() {
    let scene = Scene::set_by(Quirks::plain(), &only(Rules::usual(), &inline())).await;
    for (client, shown) in [("other", &[("client_secret", SECRET)][..]), ("desktop", &[])] {
        let assertion = Assertion::of(client).by_its_key();
        let asked = [("client_id", client), ("token", "none-of-ours")];
        let signed = scene.post("/oauth/revoke", &[&asked[..], &proof(&assertion)].concat()).await;
        assert_eq!((signed.status, &*error(&signed)), (401, "invalid_client"), "{client}");
        assert_eq!(scene.post("/oauth/revoke", &[&asked[..], shown].concat()).await.status, 200, "{client}");
    }
    assert!(takes(&scene, &Assertion::of("ci").by_its_key()).await);
}

#[tokio::test]
async fn d6_signatures_are_advertised_exactly_where_a_client_may_sign() {
    let mut scene = Scene::set(Quirks::plain()).await;
    let (keyed, secret) = (inline(), json!([inline()[1]]));
    for (documents, clients, advertised) in
        [("off", &secret, false), ("off", &keyed, true), ("on", &secret, true), ("on", &keyed, true)]
    {
        let rules = only(Rules::usual(), clients).with("/proxy/clients/metadataDocuments", documents);
        scene.enforce(&rules).await;
        let said = body(&scene.desk().send("GET", "/.well-known/oauth-authorization-server", &[], "").await);
        for endpoint in ENDPOINTS {
            let methods = said[format!("{endpoint}_endpoint_auth_methods_supported")].to_string();
            assert_eq!(methods.contains("private_key_jwt"), advertised, "{documents} {clients}: {methods}");
            let algorithms = &said[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")];
            assert_eq!(algorithms.to_string().contains("RS256"), advertised, "RFC 8414 §2: {algorithms}");
        }
        let documented = said.get("client_id_metadata_document_supported").is_some();
        assert_eq!(documented, documents == "on", "A7");
    }
}

#[tokio::test]
async fn i3_a_consent_is_remembered_for_a_client_that_signs_and_not_for_a_public_one() {
    let rules = only(Rules::usual(), &inline()).with("/proxy/consent", "remember");
    let scene = Scene::set_by(Quirks::plain(), &rules).await;
    for (client, offered) in [("ci", true), ("desktop", false)] {
        let page = scene.browser().open(&authorize(client, &[("redirect_uri", BACK)])).await;
        assert_eq!(page.reply.text().contains("name=\"remember\""), offered, "{client}");
    }
}

#[tokio::test]
async fn j17_keys_at_an_address_are_fetched_once_and_a_rotation_there_is_followed() {
    let published = Published::start().await;
    let scene = Scene::set_by(Quirks::plain(), &only(published.rules(), &at(&published))).await;
    published.host.answer("/jwks.json", Answer::json(&key_set()));
    let code = code(&scene, "ci").await;
    assert_eq!(published.host.requests("/jwks.json"), 0, "nobody has shown anything");
    let good = changed(redemption("ci", &code), "redirect_uri", BACK);
    let (own, next) = (|| Assertion::of("ci"), || Assertion::of("ci").with_header("kid", json!("next")));
    let strangers = own().signed(Signer::Stranger);
    assert_eq!(error(&scene.token(&[&good[..], &proof(&strangers)].concat()).await), "invalid_client");
    let held = tokens(&scene.token(&[&good[..], &proof(&own().by_its_key())].concat()).await);
    assert_eq!(scene.call(&held.access).await, 200);
    assert!(!takes(&scene, &next().signed(Signer::Stranger)).await, "not yet there");
    assert_eq!(published.host.requests("/jwks.json"), 1);
    let rotated = json!({ "keys": [stranger_jwk("next")] });
    published.host.answer("/jwks.json", Answer::json(&rotated));
    assert!(!takes(&scene, &next().signed(Signer::Stranger)).await, "no sooner than after ten seconds");
    scene.hands.advance(Duration::from_secs(11));
    assert!(takes(&scene, &next().signed(Signer::Stranger)).await);
    assert!(!takes(&scene, &own().by_its_key()).await, "the old one is dead");
    assert_eq!(published.host.requests("/jwks.json"), 2);
}

/// A set that anybody may read and that holds a private key is nobody's proof.
#[tokio::test]
async fn j19_a_private_key_at_the_address_closes_it_and_a_public_set_opens_it() {
    let published = Published::start().await;
    let scene = Scene::set_by(Quirks::plain(), &only(published.rules(), &at(&published))).await;
    let mut private = key_set();
    private["keys"][0]["d"] = json!("AAAA");
    for (set, taken) in [(private, false), (key_set(), true)] {
        published.host.answer("/jwks.json", Answer::json(&set));
        assert_eq!(takes(&scene, &Assertion::of("ci").by_its_key()).await, taken);
    }
}

#[tokio::test]
async fn i9_keys_at_a_private_address_are_not_asked_for_without_the_policys_leave() {
    let published = Published::start().await;
    published.host.answer("/jwks.json", Answer::json(&key_set()));
    let rules = only(published.rules_without_networks(), &at(&published));
    let mut scene = Scene::set_by(Quirks::plain(), &rules).await;
    let refused = shows(&scene, &proof(&Assertion::of("ci").by_its_key())).await;
    // Alike to a host that is down (A8), and no reason to register anew (A23).
    assert_eq!((refused.status, &*error(&refused)), (503, "temporarily_unavailable"));
    assert_eq!(published.host.connections(), 0);
    scene.enforce(&only(published.rules(), &at(&published))).await;
    assert!(takes(&scene, &Assertion::of("ci").by_its_key()).await);
}

/// What fetches the keys of the policy's clients fetches nothing that a stranger names.
#[tokio::test]
async fn a7_where_documents_are_off_the_keys_of_a_client_bring_none_of_them_back() {
    let published = Published::start().await;
    let document = json!({ "redirect_uris": [WEB], "token_endpoint_auth_method": "none" });
    let client = published.publish("/client.json", &document);
    let rules = only(published.rules(), &at(&published));
    let mut scene = Scene::set_by(Quirks::plain(), &rules).await;
    let url = authorize(&client, &[("redirect_uri", WEB)]);
    let page = scene.browser().open(&url).await;
    assert!(page.reply.status == 400 && page.reply.text().contains("unknown_client"));
    assert_eq!(published.host.connections(), 0);
    scene.enforce(&rules.with("/proxy/clients/metadataDocuments", "on")).await;
    assert_eq!(scene.browser().open(&url).await.reply.status, 200);
}
