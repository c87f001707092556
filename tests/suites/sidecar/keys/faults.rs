//! J18: whatever the provider answers, a forged token never passes, the last good keys last an hour, and no longer.
//!
//! In process, against an identity provider on loopback that misbehaves.

use std::time::{Duration, Instant};

use sidecar::provider::{COOLDOWN, LONGEST_STALE, ProviderStatus};

use super::Scene;
use crate::world::idp::{Answer, DISCOVERY, Idp, KEYS};
use crate::world::tokens::Change::{Header, SignedBy};
use crate::world::tokens::{Signer, key_set, stranger_jwk};

/// 50 MB of zeros in gzip would be some 50 KB; a head of one is enough, as nobody here unpacks it.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

fn quick_faults(elsewhere: &Idp) -> Vec<(&'static str, Answer)> {
    vec![
        ("status 500", Answer::Status(500, "{}".into())),
        (
            "status 500 with keys",
            Answer::Status(500, serde_json::json!({ "keys": [stranger_jwk("forged")] }).to_string()),
        ),
        ("status 204", Answer::Status(204, String::new())),
        ("HTML", Answer::Html),
        ("an empty object", Answer::Json("{}".into())),
        ("no keys", Answer::Json("{\"keys\":[]}".into())),
        ("keys that are no list", Answer::Json("{\"keys\":{}}".into())),
        ("broken JSON", Answer::Json("{\"keys\":[".into())),
        ("a list", Answer::Json("[]".into())),
        ("50 MB", Answer::Endless(50_000_000)),
        ("a redirect to keys elsewhere", Answer::Redirect(elsewhere.url(KEYS))),
        ("gzip", Answer::Gzip(GZIP_HEAD.to_vec())),
        ("a closed connection", Answer::Close),
    ]
}

#[tokio::test]
async fn j18_no_fault_of_the_provider_takes_the_last_good_keys_or_lets_a_forged_token_in() {
    let elsewhere = Idp::start(&serde_json::json!({ "keys": [stranger_jwk("forged")] })).await;
    for (fault, answer) in quick_faults(&elsewhere) {
        let scene = Scene::with_keys(&key_set()).await;
        let good = scene.draft().with(&[]);
        let forged = scene.draft().with(&[Header("kid", "\"forged\""), SignedBy(Signer::Stranger)]);
        assert_eq!(scene.word(&good).await, "accepted", "{fault}");
        scene.idp.answer(KEYS, answer);
        scene.hands.advance(COOLDOWN);
        assert_eq!(scene.word(&forged).await, "token_key", "{fault}");
        assert_eq!(scene.word(&good).await, "accepted", "{fault}");
        assert!(
            matches!(scene.provider.status(), ProviderStatus::Stale { .. }),
            "{fault}: {}",
            scene.provider.status()
        );
    }
    assert_eq!(elsewhere.requests(KEYS), 0);
}

#[tokio::test]
async fn j18_without_good_keys_every_fault_is_closed_and_healing_opens() {
    let elsewhere = Idp::start(&serde_json::json!({ "keys": [stranger_jwk("forged")] })).await;
    for (fault, answer) in quick_faults(&elsewhere) {
        let scene = Scene::with_keys(&key_set()).await;
        let good = scene.draft().with(&[]);
        scene.idp.answer(KEYS, answer);
        assert_eq!(scene.word(&good).await, "keys_unavailable", "{fault}");
        assert!(matches!(scene.provider.status(), ProviderStatus::NotYet { .. }), "{fault}");
        scene.idp.answer(KEYS, Answer::Json(key_set().to_string()));
        scene.hands.advance(COOLDOWN);
        assert_eq!(scene.word(&good).await, "accepted", "{fault}");
        assert_eq!(scene.provider.status(), ProviderStatus::Ready, "{fault}");
    }
}

#[tokio::test]
async fn j18_a_key_set_of_256_kib_is_read_and_one_byte_more_is_not() {
    let keys = key_set().to_string();
    for (size, word) in [(256 * 1024, "accepted"), (256 * 1024 + 1, "keys_unavailable")] {
        let scene = Scene::with_keys(&key_set()).await;
        scene.idp.answer(KEYS, Answer::Json(format!("{keys}{}", " ".repeat(size - keys.len()))));
        assert_eq!(scene.word(&scene.draft().with(&[])).await, word, "{size}");
    }
}

#[tokio::test]
async fn j18_slow_answers_are_given_up_after_five_seconds() {
    for answer in [Answer::Silence, Answer::Drip] {
        let scene = Scene::with_keys(&key_set()).await;
        let good = scene.draft().with(&[]);
        scene.idp.answer(KEYS, answer);
        let start = Instant::now();
        assert_eq!(scene.word(&good).await, "keys_unavailable");
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
        let ProviderStatus::NotYet { reason } = scene.provider.status() else { panic!("ready") };
        assert!(reason.contains("within 5 s"), "{reason}");
    }
}

#[tokio::test]
async fn j18_the_last_good_keys_are_used_for_an_hour_and_not_longer() {
    let scene = Scene::with_keys(&key_set()).await;
    let good = scene.draft().with(&[]);
    assert_eq!(scene.word(&good).await, "accepted");
    scene.idp.answer(KEYS, Answer::Status(500, String::new()));
    scene.hands.advance(LONGEST_STALE.saturating_sub(Duration::from_secs(1)));
    assert_eq!(scene.word(&good).await, "accepted");
    scene.hands.advance(Duration::from_secs(1));
    assert_eq!(scene.word(&good).await, "keys_unavailable");
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_closes_and_its_keys_are_not_even_fetched() {
    let scene = Scene::with_keys(&key_set()).await;
    let good = scene.draft().with(&[]);
    let document = scene.idp.discovery_document();
    let issuer = scene.idp.issuer();
    scene.idp.answer(
        DISCOVERY,
        Answer::Json(document.replace(&format!("\"{issuer}\""), &format!("\"{issuer}/\""))),
    );
    assert_eq!(scene.word(&good).await, "keys_unavailable");
    assert_eq!((scene.idp.requests(KEYS), scene.provider.document()), (0, None));

    scene.idp.answer(DISCOVERY, Answer::Json(document.clone()));
    scene.hands.advance(COOLDOWN);
    assert_eq!(scene.word(&good).await, "accepted");
    assert_eq!(scene.provider.document().expect("fetched"), document.as_bytes());
}

#[tokio::test]
async fn a_rotation_is_followed_also_while_the_discovery_document_is_out_of_reach() {
    let scene = Scene::with_keys(&key_set()).await;
    assert_eq!(scene.word(&scene.draft().with(&[])).await, "accepted");
    scene.idp.answer(DISCOVERY, Answer::Status(503, String::new()));
    scene.idp.answer(KEYS, Answer::Json(serde_json::json!({ "keys": [stranger_jwk("new")] }).to_string()));
    scene.hands.advance(COOLDOWN);
    let new = scene.draft().with(&[Header("kid", "\"new\""), SignedBy(Signer::Stranger)]);
    assert_eq!(scene.word(&new).await, "accepted");
    assert!(scene.provider.document().is_some());
}

#[tokio::test]
async fn a_pure_oauth_server_is_discovered_at_its_own_well_known_address() {
    let scene = Scene::with_keys(&key_set()).await;
    let document = scene.idp.discovery_document();
    scene.idp.answer(DISCOVERY, Answer::Status(404, "{}".into()));
    scene.idp.answer("/.well-known/oauth-authorization-server", Answer::Json(document));
    assert_eq!(scene.word(&scene.draft().with(&[])).await, "accepted");
}

#[tokio::test]
async fn an_override_says_where_the_keys_are_also_where_discovery_is_out_of_reach() {
    let idp = Idp::start(&key_set()).await;
    idp.answer("/other-keys", Answer::Json(key_set().to_string()));
    idp.answer(KEYS, Answer::Status(500, String::new()));
    idp.answer(DISCOVERY, Answer::Close);
    let plain = crate::world::oidc_policy(&idp.issuer());
    let document = plain.replace("oidc: {", &format!("oidc: {{jwks: '{}', ", idp.url("/other-keys")));
    let (clock, hands) = crate::world::clock();
    let (verifier, provider) = crate::world::verifier(&document, &clock);
    let provider = provider.expect("the policy trusts an issuer");
    let scene = Scene { idp, verifier, provider, hands };
    assert_eq!(scene.word(&scene.draft().with(&[])).await, "accepted");
    assert_eq!(scene.idp.requests(KEYS), 0);
}
