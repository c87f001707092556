//! Documents of real clients, and each refused document beside the good one that it was made from.

use serde_json::{Value, json};

use super::*;

const URL: &str = "https://client.example/client.json";

fn good() -> Value {
    json!({
        "client_id": URL,
        "client_name": "Example",
        "redirect_uris": ["https://client.example/callback"],
    })
}

/// The good document with one member changed, or taken out where the value is null.
fn with(name: &str, value: Value) -> Value {
    let mut document = good();
    document[name] = value;
    if document[name].is_null() {
        document.as_object_mut().expect("an object").remove(name);
    }
    document
}

fn parse(document: &Value) -> Result<ClientDocument, Fault> {
    let url = DocumentUrl::parse(URL).expect("valid");
    ClientDocument::parse(&url, document.to_string().as_bytes())
}

fn fault(document: &Value) -> Fault {
    parse(document).expect_err(&document.to_string())
}

fn public_key() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

#[test]
fn a6_a_document_with_the_three_required_members_is_a_public_client() {
    let client = parse(&good()).expect("taken");
    assert_eq!(client.client_id.as_str(), URL);
    assert_eq!(client.client_name, "Example");
    assert_eq!(client.redirect_uris, ["https://client.example/callback"]);
    assert_eq!((client.methods, client.scope), (vec![Method::None], None));
    assert!(client.keys.is_none());
}

#[test]
fn claude_codes_document_is_taken_with_its_portless_redirect_uris() {
    let mut document =
        with("redirect_uris", json!(["http://localhost/callback", "http://127.0.0.1/callback"]));
    document["token_endpoint_auth_method"] = json!("none");
    document["grant_types"] = json!(["authorization_code", "refresh_token"]);
    document["response_types"] = json!(["code"]);
    document["logo_uri"] = json!("http://169.254.169.254/logo.png");
    document["scope"] = json!("mcp offline_access");
    let client = parse(&document).expect("taken");
    assert_eq!(client.redirect_uris, ["http://localhost/callback", "http://127.0.0.1/callback"]);
    assert_eq!(client.scope.as_deref(), Some("mcp offline_access"));
}

#[test]
fn d6_chatgpts_document_is_taken_for_both_ways_that_it_lists() {
    let mut document = with("token_endpoint_auth_method", json!("private_key_jwt"));
    document["token_endpoint_auth_methods_supported"] = json!(["none", "private_key_jwt"]);
    document["token_endpoint_auth_signing_alg"] = json!("RS256");
    document["jwks_uri"] = json!("https://client.example/jwks.json");
    let client = parse(&document).expect("taken");
    assert_eq!(client.methods, [Method::None, Method::PrivateKeyJwt]);
    assert!(matches!(client.keys, Some(ClientKeys::At(url)) if url.as_str().ends_with("/jwks.json")));
    // Its older document, before it listed `none`.
    document["token_endpoint_auth_methods_supported"] = Value::Null;
    assert_eq!(parse(&document).expect("taken").methods, [Method::PrivateKeyJwt]);
}

#[test]
fn a6_an_id_that_is_not_the_url_byte_for_byte_is_refused() {
    for other in [
        "https://client.example/client.json/",
        "https://client.example/client.json?",
        "https://CLIENT.example/client.json",
        "https://client.example:443/client.json",
        "https://client.example/other.json",
        "http://client.example/client.json",
        " https://client.example/client.json",
        "",
    ] {
        assert_eq!(fault(&with("client_id", json!(other))), Fault::Id, "{other}");
    }
    assert_eq!(fault(&with("client_id", json!([URL]))), Fault::Type("client_id"));
    assert_eq!(fault(&with("client_id", Value::Null)), Fault::Missing("client_id"));
}

#[test]
fn a6_a_required_member_that_is_missing_empty_or_of_another_type_is_refused() {
    for (name, value) in [
        ("client_name", Value::Null),
        ("client_name", json!("")),
        ("client_name", json!(" \t ")),
        ("redirect_uris", Value::Null),
        ("redirect_uris", json!([])),
    ] {
        assert_eq!(fault(&with(name, value)).to_string(), format!("has no '{name}'"));
    }
    for (name, value) in [
        ("client_name", json!({ "en": "Example" })),
        ("client_name", json!(7)),
        ("redirect_uris", json!("https://client.example/callback")),
        ("redirect_uris", json!(["https://client.example/callback", 7])),
        ("redirect_uris", json!({})),
        ("scope", json!(["mcp"])),
        ("token_endpoint_auth_method", json!(["none"])),
        ("token_endpoint_auth_methods_supported", json!("none")),
        ("jwks_uri", json!(7)),
        ("jwks", json!("keys")),
        ("jwks", json!({})),
        ("jwks", json!([public_key()])),
    ] {
        assert_eq!(fault(&with(name, value.clone())), Fault::Type(name), "{value}");
    }
}

#[test]
fn what_is_null_is_not_there() {
    for name in ["client_secret", "scope", "jwks", "jwks_uri", "token_endpoint_auth_method"] {
        let mut document = good();
        document[name] = Value::Null;
        assert!(parse(&document).is_ok(), "{name}");
    }
    let mut document = good();
    document["client_name"] = Value::Null;
    assert_eq!(fault(&document), Fault::Missing("client_name"));
}

#[test]
fn o17_a_document_that_holds_a_secret_is_refused() {
    for (name, value) in
        [("client_secret", json!("s")), ("client_secret", json!("")), ("client_secret_expires_at", json!(0))]
    {
        assert_eq!(fault(&with(name, value)), Fault::Secret(name));
    }
}

#[test]
fn o17_a_private_or_symmetric_key_is_refused_whatever_the_client_authenticates_with() {
    let mut private = public_key();
    private["d"] = json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    let symmetric = json!({ "kty": "oct", "k": "c2VjcmV0" });
    for key in [private, symmetric] {
        let set = json!({ "keys": [public_key(), key] });
        assert_eq!(fault(&with("jwks", set)), Fault::PrivateKey);
    }
    assert!(parse(&with("jwks", json!({ "keys": [public_key()] }))).is_ok());
}

#[test]
fn a_document_that_names_only_secrets_is_refused_and_one_that_names_a_known_way_beside_is_taken() {
    for method in
        ["client_secret_basic", "client_secret_post", "client_secret_jwt", "tls_client_auth", "NONE", ""]
    {
        assert_eq!(fault(&with("token_endpoint_auth_method", json!(method))), Fault::Methods, "{method}");
        let mut beside = with("token_endpoint_auth_method", json!(method));
        beside["token_endpoint_auth_methods_supported"] = json!([method, "none"]);
        assert_eq!(parse(&beside).expect("taken").methods, [Method::None], "{method}");
    }
}

#[test]
fn a_client_that_signs_has_a_key_that_can_be_used() {
    let signing = with("token_endpoint_auth_method", json!("private_key_jwt"));
    let keyed = |name: &str, value: Value| {
        let mut document = signing.clone();
        document[name] = value;
        document
    };
    let client = parse(&keyed("jwks", json!({ "keys": [public_key()] }))).expect("taken");
    assert!(matches!(client.keys, Some(ClientKeys::Here(keys)) if keys.len() == 1));
    assert_eq!(fault(&signing), Fault::NoKeys);
    for set in [json!({ "keys": [] }), json!({ "keys": [{ "kty": "EC", "crv": "secp256k1" }] })] {
        assert_eq!(fault(&keyed("jwks", set)), Fault::Keys);
    }
    for url in
        ["http://client.example/jwks.json", "jwks.json", "https://client.example", "file:///etc/passwd"]
    {
        assert!(matches!(fault(&keyed("jwks_uri", json!(url))), Fault::KeysUrl(_)), "{url}");
    }
    let mut both = keyed("jwks", json!({ "keys": [public_key()] }));
    both["jwks_uri"] = json!("https://client.example/jwks.json");
    assert_eq!(fault(&both), Fault::TwoKeySets);
    // Without a key, but with another way in: that way.
    let either = keyed("token_endpoint_auth_methods_supported", json!(["none", "private_key_jwt"]));
    assert_eq!(parse(&either).expect("taken").methods, [Method::None]);
}

#[test]
fn what_is_not_one_json_object_with_each_member_once_is_refused() {
    let url = DocumentUrl::parse(URL).expect("valid");
    let twice = format!(
        r#"{{"client_id":"{URL}","client_name":"a","client_name":"b","redirect_uris":["https://client.example/callback"]}}"#
    );
    let hidden = twice.replacen("client_name", r"client_n\u0061me", 1);
    for text in [&twice, &hidden, "", "[]", "null", "<!doctype html>", "{", "{} {}", "\u{feff}{}"] {
        assert_eq!(ClientDocument::parse(&url, text.as_bytes()).expect_err(text), Fault::Json, "{text}");
    }
    let once = twice.replacen(r#""client_name":"b","#, "", 1);
    assert!(ClientDocument::parse(&url, once.as_bytes()).is_ok());
}
