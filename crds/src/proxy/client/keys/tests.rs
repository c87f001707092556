//! Key sets and their addresses: each that is refused beside one that is taken and differs in one thing.

use serde_json::json;

use super::*;

/// RFC 7517 appendix A.1, and RFC 8037 appendix A.2.
fn ec() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "x5c": ["AAAA"],
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    })
}

fn okp() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

fn rsa(bytes: usize) -> Value {
    json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(vec![0xff; bytes]), "e": "AQAB" })
}

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

fn parse(keys: &[Value]) -> Result<PublicKeys, Broken> {
    PublicKeys::parse(&json!({ "keys": keys }).to_string())
}

fn said(text: &str) -> String {
    PublicKeys::parse(text).expect_err(text).0
}

#[test]
fn d17_of_a_set_that_was_pasted_the_public_members_are_kept() {
    let encrypts = with(rsa(256), "use", json!("enc"));
    let keys = parse(&[ec(), okp(), rsa(256), encrypts, json!({ "kty": "new" })]).expect("three of them");
    assert_eq!(keys.keys.len(), 3, "RFC 7517 §5");
    let json: Value = serde_json::from_str(&keys.to_json()).expect("JSON");
    assert_eq!(json["keys"][0].as_object().map(serde_json::Map::len), Some(6), "no x5c: {json}");
    let again: PublicKeys =
        serde_yaml::from_str(&serde_yaml::to_string(&keys).expect("YAML")).expect("the same");
    assert_eq!(again, keys);
}

#[test]
fn j19_no_private_or_symmetric_key_is_taken_however_it_is_spelled() {
    for name in PRIVATE_MEMBERS {
        assert_eq!(parse(&[okp(), with(ec(), name, json!("AAAA"))]), Err(Broken(PRIVATE.into())), "{name}");
        assert!(parse(&[okp(), with(ec(), &format!("x-{name}"), json!("AAAA"))]).is_ok());
    }
    assert_eq!(parse(&[okp(), json!({ "kty": "oct", "kid": "s" })]), Err(Broken(PRIVATE.into())));
    assert!(parse(&[okp(), json!({ "kty": "octo", "kid": "s" })]).is_ok());
    // RFC 8259 §7: a member, its value and what stands beside them, each in another spelling.
    let set = |members: &str| format!(r#"{{"keys": [{{"kty": "EC", {members}}}]}}"#);
    for (escaped, plain) in [
        (r#""\u0064": "AAAA""#, r#""u0064": "AAAA""#),
        (r#""d\u0070": "AAAA""#, r#""du0070": "AAAA""#),
        (r#""k\u0074y": "oct""#, r#""ku0074y": "oct""#),
        (r#""x5c": ["\/"]"#, r#""x5c": ["/"]"#),
    ] {
        assert_eq!(KeysText::parse(&set(escaped)).expect_err(escaped).0, ESCAPED);
        assert!(KeysText::parse(&set(plain)).is_ok(), "{plain}");
    }
    // A value is no member.
    assert!(parse(&[with(ec(), "kid", json!("d"))]).is_ok());
}

#[test]
fn d17_a_set_without_a_key_for_signatures_is_refused() {
    for (good, bad) in [
        (rsa(256), rsa(255)),
        (rsa(1024), rsa(1025)),
        (ec(), with(ec(), "crv", json!("P-521"))),
        (ec(), with(ec(), "y", json!("AAAA"))),
        (ec(), with(ec(), "y", Value::Null)),
        (okp(), with(okp(), "crv", json!("X25519"))),
        (okp(), with(okp(), "x", json!("11qY AYK"))),
        (with(ec(), "use", json!("sig")), with(ec(), "use", json!("enc"))),
        (with(ec(), "key_ops", json!(["verify"])), with(ec(), "key_ops", json!(["encrypt"]))),
        (with(ec(), "alg", json!("ES256")), with(ec(), "alg", json!("HS256"))),
        (with(okp(), "alg", json!("EdDSA")), with(okp(), "alg", json!("RS256"))),
        (with(okp(), "alg", json!("Ed25519")), with(okp(), "alg", json!("Ed448"))),
        (with(rsa(256), "alg", json!("RS256")), with(rsa(256), "alg", json!("Ed25519"))),
        (with(rsa(256), "alg", json!("PS512")), with(rsa(256), "alg", json!("ES256"))),
        (with(ec(), "alg", json!("ES256")), with(ec(), "alg", json!("ES384"))),
        (with(ec(), "kid", json!("7")), with(ec(), "kid", json!(7))),
    ] {
        assert!(parse(std::slice::from_ref(&good)).is_ok(), "{good}");
        let Broken(why) = parse(std::slice::from_ref(&bad)).expect_err("no key");
        assert!(why.starts_with("must hold a public key for signatures"), "{bad}: {why}");
    }
}

#[test]
fn d17_a_set_is_json_small_and_names_each_key_once() {
    let good = json!({ "keys": [okp()] }).to_string();
    for text in ["keys: []", "[]", "{}", "{\"keys\": {}}", "{\"keys\": [7]}", &format!("{good}x")] {
        assert_eq!(said(text), MEMBERS, "{text}");
    }
    let twice = good.replace("\"kty\"", "\"crv\":\"P-256\",\"kty\"");
    assert_eq!(said(&twice), MEMBERS, "RFC 7517 §4");
    assert!(PublicKeys::parse(&format!("\n  {good}\n")).is_ok());
    let named =
        |count: usize| (0..count).map(|kid| with(okp(), "kid", json!(kid.to_string()))).collect::<Vec<_>>();
    assert!(parse(&named(8)).is_ok());
    assert_eq!(parse(&named(9)), Err(Broken("must hold at most 8 keys".into())));
    let Broken(why) = parse(&[ec(), with(okp(), "kid", json!("1"))]).expect_err("whose is it?");
    assert_eq!(why, "must not name two keys by one kid");
    let padded = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
    assert!(PublicKeys::parse(&padded(8192)).is_ok());
    assert_eq!(said(&padded(8193)), "must be at most 8192 bytes long");
}

#[test]
fn o17_keys_lie_at_an_https_url_in_its_one_spelling() {
    for good in [
        "https://ci.example.com/jwks.json",
        "https://ci.example.com:8443/keys/",
        "https://ci.data.svc/.well-known/jwks.json?v=1",
        "https://10.1.2.3/keys",
        "https://login.example.com/0a/discovery/v2.0/keys",
    ] {
        assert!(KeysUrl::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "http://ci.example.com/jwks.json",
        "https://ci.example.com",
        "https://ci.example.com/",
        "https://ci.example.com:443/jwks.json",
        "https://ci.example.com:99999/jwks.json",
        "https://CI.example.com/jwks.json",
        "https://u@ci.example.com/jwks.json",
        "https://ci.example.com/jwks.json#x",
        "https://ci.example.com/a/../jwks.json",
        "https://ci.example.com/%6awks.json",
        "https://0x7f.1/jwks.json",
        "https://2130706433/jwks.json",
        "https://10.1.2.03/keys",
    ] {
        assert!(KeysUrl::parse(bad).is_err(), "{bad}");
    }
}
