//! What the table cannot say in rows: every spelling of an algorithm, every shape of a public key, every pair of key and
//! algorithm, two providers that share a key id, secrets that anybody would try.
//!
//! In process, against identity providers on loopback.

use sidecar::clock::UnixTime;

use super::Judges;
use super::rows::Base;
use crate::world::idp::Idp;
use crate::world::tokens::Change::{Claim, Header, SignedBy};
use crate::world::tokens::{
    Change, Draft, Signer, encode, hmac_tag, key_set, public_key_spellings, sign, stranger_jwk,
};
use crate::world::{self, NOW, RESOURCE};

const CLAIMED: [&str; 13] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
    "EdDSA", "Ed25519",
];

/// The payload of a token that only its header or signature spoils.
fn good_payload(judges: &Judges) -> String {
    let issuer = judges.idp.issuer();
    serde_json::json!({ "iss": issuer, "sub": "alice", "aud": RESOURCE, "exp": NOW + 600, "iat": NOW })
        .to_string()
}

#[tokio::test]
async fn j01_no_spelling_of_none_passes_with_any_kind_of_signature() {
    let judges = Judges::assemble().await;
    let good = judges.draft(Base::Oidc).with(&[]);
    assert_eq!(judges.word(Base::Oidc, &good).await, "accepted");
    let old = good.rsplit_once('.').expect("three parts").1;
    let cases = (0..16_u8).map(|bits| {
        let letter = |(at, c): (usize, char)| if bits >> at & 1 == 1 { c.to_ascii_uppercase() } else { c };
        format!("\"{}\"", "none".chars().enumerate().map(letter).collect::<String>())
    });
    let odd = [
        "\"\"",
        "null",
        "[]",
        "[\"none\"]",
        "{}",
        "0",
        "true",
        "\" none\"",
        "\"none \"",
        "\"\\u0000none\"",
        "\"n\\u006fne\"",
        "\"HS1\"",
        "\"NULL\"",
        "\"n0ne\"",
    ];
    let spellings: Vec<_> = cases.chain(odd.map(str::to_owned)).collect();
    assert_eq!(spellings.len(), 30);
    for spelling in &spellings {
        let header = format!("{{\"alg\":{spelling},\"kid\":\"rsa\"}}");
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(good_payload(&judges).as_bytes()));
        for token in [
            signed.clone(),
            format!("{signed}."),
            format!("{signed}.{old}"),
            format!("{signed}.{}", encode(&[7; 256])),
        ] {
            let word = judges.word(Base::Oidc, &token).await;
            assert!(["token_algorithm", "token_not_compact"].contains(&word), "{spelling}: {word}");
        }
    }
}

#[tokio::test]
async fn j02_a_public_key_is_never_a_shared_secret() {
    let judges = Judges::assemble().await;
    let keys = public_key_spellings();
    assert!(keys.len() >= 16);
    for (alg, bits) in [("HS256", 256), ("HS384", 384), ("HS512", 512)] {
        for kid in ["rsa", "rsa-any"] {
            let header = format!("{{\"alg\":\"{alg}\",\"kid\":\"{kid}\"}}");
            let signed =
                format!("{}.{}", encode(header.as_bytes()), encode(good_payload(&judges).as_bytes()));
            for key in &keys {
                let token = format!("{signed}.{}", encode(&hmac_tag(bits, key, signed.as_bytes())));
                assert_eq!(judges.word(Base::Oidc, &token).await, "token_algorithm", "{alg} {kid}");
            }
        }
    }
}

#[tokio::test]
async fn j03_each_key_takes_its_own_algorithms_and_no_other() {
    let judges = Judges::assemble().await;
    let rsa: &[&str] = &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    let table: [(&str, &[&str]); 5] = [
        ("rsa", &["RS256"]),
        ("rsa-any", rsa),
        ("p256", &["ES256"]),
        ("p384", &["ES384"]),
        ("ed", &["EdDSA", "Ed25519"]),
    ];
    for (kid, own) in table {
        for claimed in CLAIMED {
            let signer = match claimed {
                "ES256" => Signer::Es256,
                "ES384" => Signer::Es384,
                "EdDSA" | "Ed25519" => Signer::EdDsa,
                "HS256" | "HS384" | "HS512" => Signer::Hmac(256, b"x"),
                rsa => Signer::Rsa(rsa),
            };
            let header = format!("{{\"alg\":\"{claimed}\",\"kid\":\"{kid}\"}}");
            let token = sign(signer, header.as_bytes(), good_payload(&judges).as_bytes());
            let expected = if own.contains(&claimed) { "accepted" } else { "token_algorithm" };
            assert_eq!(judges.word(Base::Oidc, &token).await, expected, "{kid} as {claimed}");
        }
    }
}

#[tokio::test]
async fn j05_no_address_or_key_in_a_token_is_followed() {
    let judges = Judges::assemble().await;
    let canary = Idp::start(&serde_json::json!({ "keys": [stranger_jwk("rsa")] })).await;
    let good = judges.draft(Base::Oidc).with(&[]);
    assert_eq!(judges.word(Base::Oidc, &good).await, "accepted");
    let address = serde_json::json!(canary.url("/keys")).to_string();
    let jwk = stranger_jwk("rsa").to_string();
    for member in [
        format!("\"jku\":{address}"),
        format!("\"x5u\":{address}"),
        format!("\"jwk\":{jwk}"),
        "\"x5c\":[\"MIIB\"]".into(),
        "\"x5t\":\"x\"".into(),
    ] {
        let header = format!("{{\"alg\":\"RS256\",\"kid\":\"rsa\",{member}}}");
        let token = sign(Signer::Stranger, header.as_bytes(), good_payload(&judges).as_bytes());
        assert_eq!(judges.word(Base::Oidc, &token).await, "token_signature", "{member}");
    }
    assert_eq!(canary.requests("/keys"), 0);
}

#[tokio::test]
async fn j10_what_is_too_large_is_refused_for_its_size_before_anything_is_parsed() {
    let judges = Judges::assemble().await;
    let good = judges.draft(Base::Oidc).with(&[]);
    assert_eq!(judges.word(Base::Oidc, &good).await, "accepted");
    let rsa = |header: &str, payload: &str| sign(Signer::Rsa("RS256"), header.as_bytes(), payload.as_bytes());
    let long_kid = format!("{{\"alg\":\"RS256\",\"kid\":\"{}\"}}", "k".repeat(4096));
    let many_claims = serde_json::to_string(&(0..100_000).collect::<Vec<_>>()).expect("a list is JSON");
    for (token, word) in [
        (".".repeat(100_000), "token_too_long"),
        ("a".repeat(1 << 20), "token_too_long"),
        (rsa("{\"alg\":\"RS256\",\"kid\":\"rsa\"}", &many_claims), "token_too_long"),
        (rsa(&long_kid, "{}"), "token_header"),
        (format!("{}.{}.", encode(&b"[".repeat(1_500)), "A"), "token_header"),
    ] {
        assert_eq!(judges.word(Base::Oidc, &token).await, word);
    }
}

#[tokio::test]
async fn j15_a_subject_has_at_most_255_bytes() {
    let judges = Judges::assemble().await;
    for (length, word) in [(255, "accepted"), (256, "token_subject"), (10_000, "token_subject")] {
        let payload = good_payload(&judges).replace("alice", &"a".repeat(length));
        let token = sign(Signer::Rsa("RS256"), b"{\"alg\":\"RS256\",\"kid\":\"rsa\"}", payload.as_bytes());
        assert_eq!(judges.word(Base::Oidc, &token).await, word, "{length}");
    }
}

#[tokio::test]
async fn j16_a_key_belongs_to_its_provider_even_where_two_share_a_key_id() {
    let ours = Judges::assemble().await;
    let theirs = Idp::start(&serde_json::json!({ "keys": [stranger_jwk("rsa")] })).await;
    let (clock, _) = world::clock();
    let (their_verifier, _) = world::verifier(&world::oidc_policy(&theirs.issuer()), &clock);
    let by_them = |issuer: &str| Draft::oidc(issuer).with(&[SignedBy(Signer::Stranger)]);
    let mut headers = http::HeaderMap::new();
    let value = format!("Bearer {}", by_them(&theirs.issuer()));
    headers.insert(http::header::AUTHORIZATION, value.parse().expect("a header value"));

    assert!(their_verifier.permit(&headers, None, UnixTime(NOW)).await.is_ok());
    assert_eq!(ours.word(Base::Oidc, &Draft::oidc(&ours.idp.issuer()).with(&[])).await, "accepted");
    assert_eq!(ours.word(Base::Oidc, &by_them(&ours.idp.issuer())).await, "token_signature");
    assert_eq!(ours.word(Base::Oidc, &by_them(&theirs.issuer())).await, "token_signature");
    assert_eq!(ours.word(Base::Oidc, &Draft::oidc(&theirs.issuer()).with(&[])).await, "token_issuer");
}

#[test]
fn j20_a_secret_that_anybody_would_try_does_not_make_a_policy() {
    let fit = |secret: &str| serde_yaml::from_str::<crds::Policy>(&world::hmac_policy(&[secret])).is_ok();
    assert!(fit(world::SECRET));
    assert!(fit(&format!("{}\n", world::SECRET)));
    for secret in [
        "",
        "secret",
        "\n",
        "password",
        "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0f",
        "0123456789abcdef",
        "secretsecretsecretsecretsecretsecret",
        &"x".repeat(64),
        "your-256-bit-secret-your-256-bit-secret",
    ] {
        assert!(!fit(secret), "{secret:?}");
    }
}

#[tokio::test]
async fn j13_a_policy_without_an_audience_does_not_load() {
    let document = world::hmac_policy(&[world::SECRET]);
    assert!(serde_yaml::from_str::<crds::Policy>(&document).is_ok());
    let without = document.replace(&format!("audiences: ['{RESOURCE}']"), "audiences: []");
    assert!(serde_yaml::from_str::<crds::Policy>(&without).is_err());
}

#[tokio::test]
async fn any_of_several_audiences_and_several_values_of_a_required_claim_will_do() {
    let judges = Judges::assemble().await;
    let (clock, _) = world::clock();
    let document = world::oidc_policy(&judges.idp.issuer())
        .replace(&format!("audiences: ['{RESOURCE}']"), "audiences: ['api://a', 'api://b']")
        .replace("audience: aud}", "audience: aud, require: {hd: [a.example, b.example]}}");
    let (verifier, _) = world::verifier(&document, &clock);
    let word = async |changes: &[Change]| {
        let mut headers = http::HeaderMap::new();
        let token = judges.draft(Base::Oidc).with(changes);
        headers
            .insert(http::header::AUTHORIZATION, format!("Bearer {token}").parse().expect("a header value"));
        verifier
            .permit(&headers, None, UnixTime(NOW))
            .await
            .map_or_else(|refusal| refusal.code(), |_| "accepted")
    };
    let aud = Claim("aud", "\"api://b\"");
    assert_eq!(word(&[aud, Claim("hd", "\"b.example\"")]).await, "accepted");
    assert_eq!(word(&[aud, Claim("hd", "[\"x\",\"a.example\"]")]).await, "accepted");
    assert_eq!(word(&[aud, Claim("hd", "\"c.example\"")]).await, "token_claim");
    assert_eq!(word(&[aud]).await, "token_claim");
    assert_eq!(word(&[Claim("hd", "\"b.example\"")]).await, "token_audience");
    assert_eq!(
        word(&[aud, Claim("hd", "\"b.example\""), Header("kid", "\"p256\"")]).await,
        "token_algorithm"
    );
}

#[tokio::test]
async fn a_policy_that_trusts_an_issuer_without_a_provider_is_closed() {
    let idp = Idp::start(&key_set()).await;
    let document = world::oidc_policy(&idp.issuer());
    let policy: crds::Policy = serde_yaml::from_str(&document).expect("valid");
    let mut headers = http::HeaderMap::new();
    let token = Draft::oidc(&idp.issuer()).with(&[]);
    headers.insert(http::header::AUTHORIZATION, format!("Bearer {token}").parse().expect("a header value"));
    let (clock, _) = world::clock();
    let (open, _) = world::verifier(&document, &clock);
    let closed = sidecar::bearer::Verifier::new(&policy, None);
    assert!(open.permit(&headers, None, UnixTime(NOW)).await.is_ok());
    let refusal = closed.permit(&headers, None, UnixTime(NOW)).await.expect_err("closed");
    assert_eq!(refusal.code(), "keys_unavailable");
}
