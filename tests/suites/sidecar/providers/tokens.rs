//! What stands in the tokens: each vendor's claims beside those of a vendor that has them not, each lie beside the truth.
//!
//! By HTTP, from providers on loopback.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Scene, parts};
use crate::world::NOW;
use crate::world::providers::mischief::{Lie, Place};
use crate::world::providers::people::{Email, Person, Visitor};
use crate::world::providers::quirks::{Quirks, Vendor};
use crate::world::providers::{CLIENT_ID, keys, vendors};

/// Whether the key of the provider's set that has this id has signed the token.
async fn is_signed_by(scene: &Scene, token: &Value, kid: &str) -> bool {
    let set = scene.get(Place::Keys, &[]).await.json();
    let keys = set["keys"].as_array().expect("a list").iter();
    let jwk = keys.clone().find(|key| key["kid"] == kid).expect("the set has this key");
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let [n, e] = ["n", "e"].map(|member| decode(jwk[member].as_str().expect("a number")));
    let (message, signature) =
        token.as_str().and_then(|text| text.rsplit_once('.')).expect("a token has three parts");
    RsaPublicKeyComponents { n, e }
        .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &decode(signature))
        .is_ok()
}

#[tokio::test]
async fn tokens_are_signed_by_the_keys_that_the_provider_publishes_and_each_by_its_own() {
    let mut scene = Scene::with(Quirks::cognito()).await;
    let tokens = scene.tokens(&[]).await;
    for (name, own, other) in
        [("id_token", keys::IDENTITY, keys::ACCESS), ("access_token", keys::ACCESS, keys::IDENTITY)]
    {
        assert_eq!(parts(&tokens[name]).0["kid"], own);
        assert!(is_signed_by(&scene, &tokens[name], own).await, "{name}");
        assert!(!is_signed_by(&scene, &tokens[name], other).await, "{name}");
    }
}

#[tokio::test]
async fn an_id_token_says_who_for_whom_until_when_and_for_which_request() {
    for quirks in [Quirks::plain(), Quirks::entra(), Quirks::google(), Quirks::auth0(), Quirks::okta()] {
        let vendor = quirks.vendor;
        let mut scene = Scene::with(quirks).await;
        let (header, claims) = parts(&scene.tokens(&[]).await["id_token"]);
        assert_eq!(header["alg"], "RS256");
        assert_eq!(claims["iss"], scene.provider.issuer(), "{vendor:?}");
        assert_eq!(claims["aud"], CLIENT_ID);
        assert_eq!(claims["sub"], Person::new("alice").subject(vendor, CLIENT_ID), "{vendor:?}");
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(NOW), &json!(NOW + 3600)));
        assert_eq!(claims["nonce"], "n-0S6");
        assert_eq!(claims["email"], "alice@example.com", "{vendor:?}");
    }
}

#[tokio::test]
async fn each_vendor_has_claims_of_its_own_and_lacks_those_of_the_others() {
    let of = |vendor| match vendor {
        Vendor::Entra => &["tid", "oid", "preferred_username", "ver", "nbf", "groups"][..],
        Vendor::Google => &["azp", "hd", "at_hash", "email_verified"],
        Vendor::Cognito => &["token_use", "cognito:username", "cognito:groups", "at_hash", "email_verified"],
        Vendor::Auth0 => &["sid", "updated_at", "email_verified"],
        Vendor::Okta => {
            &["ver", "amr", "idp", "preferred_username", "at_hash", "email_verified", "auth_time"]
        }
        _ => &["preferred_username", "at_hash", "email_verified", "auth_time"],
    };
    let all = [Quirks::plain(), Quirks::entra(), Quirks::google(), Quirks::cognito(), Quirks::auth0()];
    let names: Vec<&str> =
        all.iter().chain([&Quirks::okta()]).flat_map(|quirks| of(quirks.vendor)).copied().collect();
    for quirks in all.into_iter().chain([Quirks::okta()]) {
        let vendor = quirks.vendor;
        let mut scene = Scene::with(quirks).await;
        let (_, claims) = parts(&scene.tokens(&[]).await["id_token"]);
        for name in &names {
            let known = of(vendor).contains(name) || (vendor == Vendor::Cognito && *name == "auth_time");
            assert_eq!(!claims[*name].is_null(), known, "{vendor:?} {name}: {claims}");
        }
    }
    let mut entra = Scene::with(Quirks::entra()).await;
    assert_eq!(parts(&entra.tokens(&[]).await["id_token"]).1["tid"], vendors::TENANT);
    let (_, claims) = parts(&entra.tokens(&[("scope", "openid")]).await["id_token"]);
    assert!(claims["oid"].is_null() && claims["email"].is_null(), "without profile and email");
    let mut github = Scene::with(Quirks::github()).await;
    assert!(github.tokens(&[]).await["id_token"].is_null());
    let mut plain = Scene::with(Quirks::plain()).await;
    assert!(plain.tokens(&[("scope", "email")]).await["id_token"].is_null(), "without openid");
}

#[tokio::test]
async fn subjects_look_as_the_vendors_make_them_and_entras_are_pairwise() {
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let all = [Vendor::Plain, Vendor::Entra, Vendor::Google, Vendor::GitHub, Vendor::Cognito];
    for vendor in all.into_iter().chain([Vendor::Auth0, Vendor::Okta]) {
        assert_eq!(alice.subject(vendor, CLIENT_ID), alice.subject(vendor, CLIENT_ID));
        assert_ne!(alice.subject(vendor, CLIENT_ID), bob.subject(vendor, CLIENT_ID), "{vendor:?}");
        let pairwise = alice.subject(vendor, CLIENT_ID) != alice.subject(vendor, "another");
        assert_eq!(pairwise, vendor == Vendor::Entra, "{vendor:?}");
    }
    assert!(alice.subject(Vendor::Google, "").bytes().all(|byte| byte.is_ascii_digit()));
    assert!(alice.subject(Vendor::Auth0, "").starts_with("auth0|"));
    assert_eq!(alice.subject(Vendor::Cognito, "").len(), 36, "a UUID");
}

#[tokio::test]
async fn people_differ_in_what_is_known_of_them() {
    let mut google = Scene::with(Quirks::google()).await;
    google
        .provider
        .visitor(Visitor::Is(Person::new("carol").with_email(Email::Unverified).without_organization()));
    let (_, claims) = parts(&google.tokens(&[]).await["id_token"]);
    assert_eq!((&claims["hd"], &claims["email_verified"]), (&Value::Null, &json!(false)));
    google.provider.visitor(Visitor::Is(Person::new("carol")));
    let (_, claims) = parts(&google.tokens(&[]).await["id_token"]);
    assert_eq!((&claims["hd"], &claims["email_verified"]), (&json!("example.com"), &json!(true)));
}

#[tokio::test]
async fn entra_lists_200_groups_and_of_one_more_it_says_only_where_they_are() {
    let mut entra = Scene::with(Quirks::entra()).await;
    for (count, listed) in [(200, true), (201, false)] {
        entra.provider.visitor(Visitor::Is(Person::new("alice").in_groups(count)));
        let (_, claims) = parts(&entra.tokens(&[]).await["id_token"]);
        assert_eq!(claims["groups"].as_array().map(Vec::len), Some(count).filter(|_| listed));
        let endpoint = claims["_claim_sources"]["src1"]["endpoint"].as_str();
        assert_eq!(endpoint.is_some_and(|url| url.ends_with("/getMemberObjects")), !listed);
    }
}

#[tokio::test]
async fn an_access_token_is_what_each_vendor_makes_of_it() {
    let mut cognito = Scene::with(Quirks::cognito()).await;
    let (_, claims) = parts(&cognito.tokens(&[]).await["access_token"]);
    assert!(claims["aud"].is_null() && claims["client_id"] == CLIENT_ID && claims["token_use"] == "access");
    let mut plain = Scene::with(Quirks::plain()).await;
    let (header, claims) = parts(&plain.tokens(&[]).await["access_token"]);
    assert_eq!((&header["typ"], &claims["aud"]), (&json!("at+jwt"), &json!("https://api.example.com")));
    let mut okta = Scene::with(Quirks::okta()).await;
    let (_, claims) = parts(&okta.tokens(&[("scope", "openid email")]).await["access_token"]);
    assert_eq!((&claims["scp"], &claims["cid"]), (&json!(["openid", "email"]), &json!(CLIENT_ID)));
    let mut entra = Scene::with(Quirks::entra()).await;
    let (header, claims) = parts(&entra.tokens(&[]).await["access_token"]);
    assert!(header["nonce"].is_string() && claims["aud"] == "00000003-0000-0000-c000-000000000000");
    let own = format!("openid api://{CLIENT_ID}/mcp");
    let (header, claims) = parts(&entra.tokens(&[("scope", &own)]).await["access_token"]);
    assert!(header["nonce"].is_null() && claims["aud"] == CLIENT_ID && claims["scp"] == "mcp");
    let dots = |tokens: Value| tokens["access_token"].as_str().map(|token| token.matches('.').count());
    let mut auth0 = Scene::with(Quirks::auth0()).await;
    assert_eq!(dots(auth0.tokens(&[]).await), Some(0), "opaque");
    assert_eq!(dots(auth0.tokens(&[("audience", "https://api.example.com")]).await), Some(2));
    let mut google = Scene::with(Quirks::google()).await;
    let token = google.tokens(&[]).await["access_token"].clone();
    assert!(token.as_str().is_some_and(|token| token.starts_with("ya29.")));
}

#[tokio::test]
async fn a_refreshed_id_token_has_the_same_subject_and_no_nonce() {
    let mut scene = Scene::with(Quirks::plain()).await;
    let tokens = scene.tokens(&[("scope", "openid offline_access")]).await;
    let token = tokens["refresh_token"].as_str().expect("it was asked for");
    scene.hands.advance(std::time::Duration::from_mins(15));
    let (_, before) = parts(&tokens["id_token"]);
    let (_, after) = parts(&scene.refresh(token, &[]).await.json()["id_token"]);
    assert_eq!((&before["nonce"], &after["nonce"]), (&json!("n-0S6"), &Value::Null));
    assert_eq!((&before["sub"], &before["auth_time"]), (&after["sub"], &after["auth_time"]));
    assert_eq!(after["iat"], NOW + 900);
}

#[tokio::test]
async fn a_lie_changes_the_claim_that_it_names_and_no_other() {
    let cases = [
        (Lie::WrongAudience, "aud"),
        (Lie::WrongAzp, "azp"),
        (Lie::WrongIssuer, "iss"),
        (Lie::WrongNonce, "nonce"),
        (Lie::NoNonce, "nonce"),
        (Lie::NoSubject, "sub"),
        (Lie::OtherSubject, "sub"),
        (Lie::Expired, "exp"),
        (Lie::FromTheFuture, "iat"),
        (Lie::NoExpiry, "exp"),
        (Lie::WrongAccessTokenHash, "at_hash"),
    ];
    let mut scene = Scene::with(Quirks::google()).await;
    let (_, mut honest) = parts(&scene.tokens(&[]).await["id_token"]);
    // Another one with every access token.
    honest["at_hash"].take();
    for (lie, name) in cases {
        scene.provider.lie(lie);
        let token = scene.tokens(&[]).await["id_token"].clone();
        assert!(is_signed_by(&scene, &token, keys::IDENTITY).await, "{lie:?}");
        let (_, mut claims) = parts(&token);
        assert_ne!(claims[name], honest[name], "{lie:?}");
        claims["at_hash"].take();
        claims[name] = honest[name].clone();
        assert_eq!(claims, honest, "{lie:?}");
        scene.provider.behave();
    }
    for (lie, azp) in [(Lie::ManyAudiences, "somebody-else"), (Lie::ManyAudiencesWithoutAzp, "")] {
        scene.provider.lie(lie);
        let (_, claims) = parts(&scene.tokens(&[]).await["id_token"]);
        assert_eq!(claims["aud"], json!(["somebody-else", CLIENT_ID]));
        assert_eq!(claims["azp"].as_str().unwrap_or_default(), azp);
    }
}

#[tokio::test]
async fn a_lie_about_the_signature_leaves_the_claims_alone() {
    let cases = [
        (Lie::AlgorithmNone, "none", Some(keys::IDENTITY)),
        (Lie::ClientSecretAsKey, "HS256", Some(keys::IDENTITY)),
        (Lie::StrangersKey, "RS256", Some(keys::IDENTITY)),
        (Lie::SwappedKey, "RS256", Some(keys::IDENTITY)),
        (Lie::NoKeyId, "RS256", None),
        (Lie::UnknownKeyId, "RS256", Some("unknown")),
    ];
    let mut scene = Scene::with(Quirks::auth0()).await;
    for (lie, algorithm, kid) in cases {
        scene.provider.lie(lie);
        let token = scene.tokens(&[]).await["id_token"].clone();
        let (header, claims) = parts(&token);
        assert_eq!((header["alg"].as_str(), header["kid"].as_str()), (Some(algorithm), kid), "{lie:?}");
        assert_eq!(claims["aud"], CLIENT_ID);
        let fits = is_signed_by(&scene, &token, keys::IDENTITY).await;
        assert_eq!(fits, matches!(lie, Lie::NoKeyId | Lie::UnknownKeyId), "{lie:?}");
        assert_eq!(is_signed_by(&scene, &token, keys::ACCESS).await, lie == Lie::SwappedKey);
    }
    scene.provider.lie(Lie::NoIdToken);
    assert!(scene.tokens(&[]).await["id_token"].is_null());
    scene.provider.behave();
    let token = scene.tokens(&[]).await["id_token"].clone();
    assert!(is_signed_by(&scene, &token, keys::IDENTITY).await);
}
