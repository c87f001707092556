//! J19: key sets that nobody should use, through the provider's real address.
//!
//! In process, against an identity provider on loopback.

use serde_json::{Value, json};

use super::Scene;
use crate::world::tokens::Change::{Header, NoHeader, SignedBy};
use crate::world::tokens::{Signer, encode, key_set, p256_jwk, p384_jwk, rsa_jwk, stranger_jwk};

/// The RSA key with this id, changed.
fn rsa_with(member: &str, value: Value) -> Value {
    let mut jwk = rsa_jwk("rsa", Some("RS256"));
    jwk[member] = value;
    jwk
}

fn p256_with(member: &str, value: Value) -> Value {
    let mut jwk = p256_jwk("rsa");
    jwk[member] = value;
    jwk
}

async fn word_with(keys: Vec<Value>) -> &'static str {
    let scene = Scene::with_keys(&json!({ "keys": keys })).await;
    scene.word(&scene.draft().with(&[])).await
}

#[tokio::test]
async fn j19_a_fit_key_is_used_and_the_same_key_made_unfit_is_skipped() {
    // Another fit key stands beside it, so that the set as a whole is used.
    let other = || p384_jwk("other");
    assert_eq!(word_with(vec![other(), rsa_jwk("rsa", Some("RS256"))]).await, "accepted");
    assert_eq!(word_with(vec![other(), rsa_with("key_ops", json!(["verify"]))]).await, "accepted");
    let short = encode(&[&[0x80][..], &[1; 127]].concat());
    let even = encode(&[&[0x80][..], &[2; 255]].concat());
    for (name, jwk) in [
        ("use enc", rsa_with("use", json!("enc"))),
        ("use null", rsa_with("use", Value::Null)),
        ("key_ops without verify", rsa_with("key_ops", json!(["encrypt", "sign"]))),
        ("key_ops as a text", rsa_with("key_ops", json!("verify"))),
        ("RSA of 1024 bits", rsa_with("n", json!(short))),
        ("an even modulus", rsa_with("n", json!(even))),
        ("no modulus", rsa_with("n", Value::Null)),
        ("a padded modulus", rsa_with("n", json!("AQAB="))),
        ("exponent 1", rsa_with("e", json!("AQ"))),
        ("an even exponent", rsa_with("e", json!("Ag"))),
        ("alg of another family", rsa_with("alg", json!("ES256"))),
        ("alg HS256", rsa_with("alg", json!("HS256"))),
        ("alg unknown", rsa_with("alg", json!("RSA-OAEP"))),
        ("alg null", rsa_with("alg", Value::Null)),
        ("kid number", rsa_with("kid", json!(7))),
        ("kty unknown", rsa_with("kty", json!("DSA"))),
        ("a point off the curve", p256_with("x", json!(encode(&[1; 32])))),
        ("a short coordinate", p256_with("x", json!(encode(&[1; 31])))),
        ("crv other than alg", p256_with("alg", json!("ES384"))),
        ("crv unknown", p256_with("crv", json!("secp256k1"))),
    ] {
        assert_eq!(word_with(vec![other(), jwk]).await, "token_key", "{name}");
    }
}

#[tokio::test]
async fn j19_a_set_with_a_private_or_symmetric_key_is_refused_whole() {
    let good = || rsa_jwk("rsa", Some("RS256"));
    assert_eq!(word_with(vec![good(), p384_jwk("other")]).await, "accepted");
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let mut other = p384_jwk("other");
        other[member] = json!("AQAB");
        assert_eq!(word_with(vec![good(), other]).await, "keys_unavailable", "{member}");
    }
    assert_eq!(word_with(vec![good(), json!({ "kty": "oct", "kid": "x" })]).await, "keys_unavailable");
}

#[tokio::test]
async fn j19_a_key_id_that_stands_twice_is_not_used_and_the_others_are() {
    let good = || rsa_jwk("rsa", Some("RS256"));
    assert_eq!(word_with(vec![good(), stranger_jwk("other")]).await, "accepted");
    assert_eq!(word_with(vec![good(), stranger_jwk("rsa"), p384_jwk("other")]).await, "token_key");
    assert_eq!(word_with(vec![good(), stranger_jwk("other"), p384_jwk("other")]).await, "accepted");
    // One of the two could not be used anyway: it still is an id with two meanings.
    let mut encryption = stranger_jwk("rsa");
    encryption["use"] = json!("enc");
    assert_eq!(word_with(vec![good(), encryption, p384_jwk("other")]).await, "token_key");
}

#[tokio::test]
async fn a_token_without_a_key_id_is_taken_only_where_one_key_fits() {
    let scene = Scene::with_keys(&key_set()).await;
    let nameless = |changes| scene.draft().with(changes);
    let es256 = nameless(&[NoHeader("kid"), Header("alg", "\"ES256\""), SignedBy(Signer::Es256)]);
    assert_eq!(scene.word(&es256).await, "accepted");
    assert_eq!(scene.word(&nameless(&[NoHeader("kid")])).await, "token_key");
}
