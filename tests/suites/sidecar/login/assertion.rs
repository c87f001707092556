//! A client proves who it is with a signature (`private_key_jwt`, RFC 7523 §3): each thing that it must say, wrong once and right
//! once; each signature; and one way to prove it per request.

use serde_json::{Value, json};

use super::desk::{Desk, error};
use super::document::{Published, WEB};
use super::scene::{CALLBACK, ORIGIN, Scene, body};
use super::signed::{Assertion, TOKEN, TYPE, cut};
use crate::world::NOW;
use crate::world::client::Reply;
use crate::world::providers::quirks::Quirks;
use crate::world::tokens::{Signer, key_set, p256_jwk, public_key_spellings, rsa_jwk};

/// A client that must sign, and the sidecar.
pub(super) struct Signing {
    scene: Scene,
    published: Published,
    pub(super) client: String,
}

impl Signing {
    pub(super) async fn set() -> Self {
        let published = Published::start().await;
        let scene = Scene::set_by(Quirks::plain(), &published.rules()).await;
        let client = published.publish(
            "/client.json",
            &json!({
                "redirect_uris": [WEB], "token_endpoint_auth_method": "private_key_jwt", "jwks": key_set(),
            }),
        );
        Self { scene, published, client }
    }

    fn desk(&self) -> Desk {
        self.scene.desk()
    }

    /// Asks something that takes no more than proving who one is.
    async fn ask(&self, fields: &[(&str, &str)]) -> Reply {
        self.desk().post("/oauth/revoke", &[fields, &[("token", "none-of-ours")]].concat()).await
    }

    pub(super) async fn shows(&self, assertion: &str) -> Reply {
        let fields = [
            ("client_id", self.client.as_str()),
            ("client_assertion_type", TYPE),
            ("client_assertion", assertion),
        ];
        self.ask(&fields).await
    }

    async fn takes(&self, assertion: &str) -> bool {
        let reply = self.shows(assertion).await;
        assert!(reply.status == 200 || (reply.status, &*error(&reply)) == (401, "invalid_client"));
        reply.status == 200
    }
}

#[tokio::test]
async fn d6_each_claim_of_an_assertion_counts() {
    let signing = Signing::set().await;
    let good = || Assertion::of(&signing.client);
    let other = signing.published.url("/other.json");
    for (name, right, wrong) in [
        ("aud", json!(TOKEN), json!("https://mcp.example.com/mcp")),
        ("aud", json!(ORIGIN), json!(format!("{ORIGIN}/"))),
        ("aud", json!(["https://a.example", ORIGIN]), json!(["https://a.example"])),
        ("aud", json!(TOKEN), json!("https://other.example/oauth/token")),
        ("aud", json!(TOKEN), Value::Null),
        ("aud", json!([TOKEN]), json!([TOKEN, 7])),
        ("iss", json!(signing.client), json!(other)),
        ("iss", json!(signing.client), Value::Null),
        ("sub", json!(signing.client), json!(other)),
        ("sub", json!(signing.client), json!("")),
        ("sub", json!(signing.client), Value::Null),
        ("exp", json!(NOW - 29), json!(NOW - 30)),
        ("exp", json!(NOW + 630), json!(NOW + 631)),
        ("exp", json!(NOW + 60), json!("1800000060")),
        ("exp", json!(NOW + 60), Value::Null),
        ("nbf", json!(NOW + 30), json!(NOW + 31)),
        ("iat", json!(NOW + 30), json!(NOW + 31)),
        ("jti", json!("x".repeat(256)), json!("x".repeat(257))),
        ("jti", json!("one"), json!("")),
        ("jti", json!("two"), json!(7)),
        ("jti", json!("three"), Value::Null),
    ] {
        assert!(!signing.takes(&good().with(name, wrong.clone()).by_its_key()).await, "{name}: {wrong}");
        assert!(signing.takes(&good().with(name, right.clone()).by_its_key()).await, "{name}: {right}");
    }
}

#[tokio::test]
async fn o25_an_assertion_is_good_once_whoever_sends_it_again() {
    let signing = Signing::set().await;
    let one = Assertion::of(&signing.client).with("jti", json!("one"));
    assert!(signing.takes(&one.by_its_key()).await);
    assert!(!signing.takes(&one.by_its_key()).await);
    let later = one.clone().with("exp", json!(NOW + 600));
    assert!(!signing.takes(&later.by_its_key()).await, "the id is what was used");
    signing.scene.hands.advance(std::time::Duration::from_secs(329));
    assert!(!signing.takes(&one.by_its_key()).await, "as long as it is good");
    assert!(signing.takes(&one.with("jti", json!("two")).by_its_key()).await);
}

#[tokio::test]
async fn d6_only_the_clients_own_keys_sign_and_only_in_their_own_way() {
    let signing = Signing::set().await;
    let good = || Assertion::of(&signing.client);
    let header = |alg: &str, kid: &str| good().with_header("alg", json!(alg)).with_header("kid", json!(kid));
    for (assertion, why) in [
        (good().signed(Signer::Stranger), "a key that is nobody's here"),
        (header("none", "rsa").signed(Signer::Hmac(256, b"")), "none"),
        (format!("{}.", cut(&header("none", "rsa").by_its_key())), "none, without a signature"),
        (format!("{}.", cut(&good().by_its_key())), "without its signature"),
        (header("HS256", "rsa").signed(Signer::Hmac(256, b"s3cret")), "a shared secret"),
        (header("RS256", "unknown").by_its_key(), "a key that its document has not"),
        (header("RS256", "p256").by_its_key(), "under another key's name"),
        (header("RS384", "rsa").signed(Signer::Rsa("RS384")), "not this key's algorithm"),
        (good().with_header("crit", json!(["exp"])).by_its_key(), "what is not understood"),
        (good().with_header("typ", json!("at+jwt")).by_its_key(), "another kind of token"),
    ] {
        assert!(!signing.takes(&assertion).await, "{why}");
    }
    for key in public_key_spellings() {
        let signed = header("HS256", "rsa").by_hand(&key);
        assert!(!signing.takes(&signed).await, "a public key as a shared secret");
    }
    let typed = |typ: Value| good().with_header("typ", typ).by_its_key();
    assert!(signing.takes(&typed(json!("client-authentication+jwt"))).await, "rfc7523bis");
    assert!(signing.takes(&typed(Value::Null)).await);
    assert!(signing.takes(&good().by_its_key()).await);
    assert!(signing.takes(&header("ES256", "p256").signed(Signer::Es256)).await);
    assert!(signing.takes(&header("PS256", "rsa-any").signed(Signer::Rsa("PS256"))).await);
}

#[tokio::test]
async fn o25_what_one_client_signs_is_no_proof_of_another() {
    let signing = Signing::set().await;
    let keyed = |path: &str, jwk: Value| {
        let members = json!({
            "redirect_uris": [WEB], "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [jwk] },
        });
        signing.published.publish(path, &members)
    };
    let (one, other) = (keyed("/one", rsa_jwk("rsa", None)), keyed("/other", p256_jwk("p256")));
    let by = |client: &str, signer: Signer| {
        let (alg, kid) = if matches!(signer, Signer::Es256) { ("ES256", "p256") } else { ("RS256", "rsa") };
        let assertion = Assertion::of(client).with_header("alg", json!(alg));
        assertion.with_header("kid", json!(kid)).signed(signer)
    };
    let shows = async |client: &str, assertion: &str| {
        let fields =
            [("client_id", client), ("client_assertion_type", TYPE), ("client_assertion", assertion)];
        signing.ask(&fields).await.status
    };
    assert_eq!(shows(&one, &by(&one, Signer::Es256)).await, 401, "about it, by another");
    assert_eq!(shows(&one, &by(&other, Signer::Es256)).await, 401, "another's own");
    assert_eq!(shows(&other, &by(&one, Signer::Rsa("RS256"))).await, 401);
    assert_eq!(shows(&one, &by(&one, Signer::Rsa("RS256"))).await, 200);
    assert_eq!(shows(&other, &by(&other, Signer::Es256)).await, 200);
}

#[tokio::test]
async fn o25_a_client_proves_itself_in_one_way_and_in_its_own() {
    let signing = Signing::set().await;
    let id = ("client_id", signing.client.as_str());
    let assertion = || Assertion::of(&signing.client).by_its_key();
    let (one, two, three, four) = (assertion(), assertion(), assertion(), assertion());
    for (fields, status, why) in [
        (vec![id], 401, "it must sign"),
        (vec![id, ("client_secret", "guess")], 401, "a secret it has not"),
        (vec![id, ("client_assertion", &one)], 401, "without the type"),
        (vec![id, ("client_assertion_type", TYPE)], 401, "the type alone"),
        (vec![id, ("client_assertion_type", "urn:x"), ("client_assertion", &one)], 401, "another type"),
        (
            vec![id, ("client_assertion_type", TYPE), ("client_assertion", &two), ("client_secret", "x")],
            400,
            "two ways",
        ),
        (vec![id, ("client_assertion_type", TYPE), ("client_assertion", &one)], 200, "the twin"),
        (vec![("client_assertion_type", TYPE), ("client_assertion", "a.b.c")], 401, "whose?"),
        (vec![id, ("client_assertion_type", TYPE), ("client_assertion", &two)], 200, "not spoiled"),
    ] {
        let reply = signing.ask(&fields).await;
        assert_eq!(reply.status, status, "{why}: {}", reply.text());
    }
    let basic = format!("Basic {}", base64(&format!("{}:x", urlencoded(&signing.client))));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([id, ("client_assertion_type", TYPE), ("client_assertion", &three), ("token", "x")])
        .finish();
    let typed = ("content-type", "application/x-www-form-urlencoded");
    let both = signing.desk().send("POST", "/oauth/revoke", &[typed, ("authorization", &basic)], &form).await;
    assert_eq!((both.status, &*error(&both)), (400, "invalid_request"), "a header beside it");
    let alone = signing.desk().send("POST", "/oauth/revoke", &[typed], &form).await;
    assert_eq!(alone.status, 200);
    // A client that registered itself has no keys, and one with a document and no keys signs nothing.
    let registered = signing.scene.client().await;
    let keyless = signing.published.publish(
        "/public",
        &json!({ "redirect_uris": [WEB, CALLBACK], "token_endpoint_auth_method": "none" }),
    );
    for client in [&registered, &keyless] {
        let fields =
            [("client_id", client.as_str()), ("client_assertion_type", TYPE), ("client_assertion", &four)];
        assert_eq!(signing.ask(&fields).await.status, 401);
        assert_eq!(signing.ask(&fields[..1]).await.status, 200);
    }
}

/// SDKs send the two fields alone (RFC 7521 §4.2: the id is unnecessary beside them).
#[tokio::test]
async fn d6_an_assertion_says_whose_it_is_where_no_client_id_does() {
    let signing = Signing::set().await;
    let other = signing.published.publish(
        "/other.json",
        &json!({
            "redirect_uris": [WEB], "token_endpoint_auth_method": "private_key_jwt", "jwks": key_set(),
        }),
    );
    let good = || Assertion::of(&signing.client);
    for (id, assertion, status, why) in [
        (None, good().by_its_key(), 200, "its subject"),
        (Some(&signing.client), good().by_its_key(), 200, "said twice"),
        (Some(&other), good().by_its_key(), 401, "another client's id, with the same keys"),
        (None, good().with("sub", json!(other)).by_its_key(), 401, "another subject"),
        (None, good().with("iss", json!(other)).by_its_key(), 401, "another issuer"),
        (None, good().with("sub", Value::Null).by_its_key(), 401, "no subject"),
        (None, good().signed(Signer::Stranger), 401, "not signed by its client"),
        (None, good().with("sub", json!("nobody")).by_its_key(), 401, "nobody is known by that"),
    ] {
        let id = id.map(|id| ("client_id", id.as_str()));
        let proof = [("client_assertion_type", TYPE), ("client_assertion", assertion.as_str())];
        let reply = signing.ask(&id.into_iter().chain(proof).collect::<Vec<_>>()).await;
        assert_eq!(reply.status, status, "{why}: {}", reply.text());
    }
}

#[tokio::test]
async fn d6_every_algorithm_that_is_advertised_is_taken() {
    let signing = Signing::set().await;
    let reply = signing.desk().send("GET", "/.well-known/oauth-authorization-server", &[], "").await;
    let algorithms =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519"];
    assert_eq!(body(&reply)["token_endpoint_auth_signing_alg_values_supported"], json!(algorithms));
    for algorithm in algorithms {
        let (kid, signer) = match algorithm {
            "ES256" => ("p256", Signer::Es256),
            "ES384" => ("p384", Signer::Es384),
            "EdDSA" | "Ed25519" => ("ed", Signer::EdDsa),
            _ => ("rsa-any", Signer::Rsa(algorithm)),
        };
        let assertion = Assertion::of(&signing.client).with_header("alg", json!(algorithm));
        let text = assertion.with_header("kid", json!(kid)).signed(signer);
        assert!(signing.takes(&text).await, "{algorithm}");
    }
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
