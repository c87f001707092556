//! What two operators render of one policy is the same to the byte, and what differs in a pod has another name (W7).
//!
//! Pure. The bytes are written down in `golden.txt` and, for proxy mode, in `proxy.txt`, by another process on another day: an
//! order that chance decides, or a change of what running pods would get, does not pass.

use crds::proxy::{KeyBytes, KeyId, Keys, SealKey, SigningKey};
use serde_json::{Value, json};

use super::Built;
use super::tests::{IMAGE, built, changed, complete, rendered};
use crate::gather::{Inputs, Kind, Reference};

const GOLDEN: &str = include_str!("golden.txt");
const PROXY: &str = include_str!("proxy.txt");
/// Members in no order, one of them that nobody reads, and a key for something else.
const KEYS: &str = r#"{"keys": [
    {"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "2026", "use": "sig", "crv": "Ed25519", "kty": "OKP", "x5c": ["AAAA"]},
    {"kty": "EC", "crv": "P-256", "use": "enc", "x": "AAAA", "y": "AAAA"}
]}"#;

#[test]
fn w7_another_operator_renders_these_bytes() {
    let of = |change: fn(&mut Value)| written(&changed(&complete(), IMAGE, change));
    assert_eq!(of(everything), GOLDEN);
    assert_ne!(of(|_| ()), GOLDEN);
}

#[test]
fn w7_another_operator_renders_these_bytes_in_proxy_mode() {
    let of = |change: fn(&mut Value)| {
        let mut spec = login();
        change(&mut spec);
        document(&rendered(&spec, &secrets(), Some(&keys()))).to_owned()
    };
    assert_eq!(of(|_| ()), PROXY);
    assert_ne!(of(|spec| spec["proxy"]["consent"] = "always".into()), PROXY);
}

/// K03: what people and clients log in with is in the Secret, and what is injected says nothing of it.
#[test]
fn k03_no_secret_of_a_login_is_injected() {
    let built = rendered(&login(), &secrets(), Some(&keys()));
    let injected = serde_json::to_string(&built.injection).expect("JSON");
    for secret in ["secret-of-the-provider", "secret-of-the-client-that-nobody-guesses", "BwcHBwcHBwc"] {
        assert!(document(&built).contains(secret), "{secret}");
        assert!(!injected.contains(secret), "{secret}");
    }
}

/// Every field of proxy mode, and every map and list there with more than one member.
fn login() -> Value {
    json!({
        "server": { "url": "https://h.example/mcp" },
        "provider": "google",
        "oidc": {
            "clientId": "0oa1b2c3",
            "clientSecretRef": { "name": "s", "key": "k" },
            "scopes": ["openid", "email"],
            "extraParams": { "prompt": "select_account", "hd": "example.com" },
            "endpoints": { "token": "https://t.example/t", "authorization": "https://a.example/a", "jwks": "https://j.example/j" },
        },
        "claims": { "require": { "hd": ["example.com"], "email_verified": ["true"] } },
        "proxy": {
            "redirectURIs": ["https://b.example/cb", "https://a.example/cb"],
            "clients": {
                "dynamic": false,
                "static": [
                    { "id": "ci", "secretRef": { "name": "t", "key": "k" }, "redirectURIs": ["https://ci.example/cb"] },
                    { "id": "agent", "redirectURIs": ["https://agent.example/cb"] },
                    { "id": "signer", "redirectURIs": ["https://signer.example/cb"], "jwks": KEYS },
                    {
                        "id": "rotator", "redirectURIs": ["https://rotator.example/cb"],
                        "jwksUri": "https://rotator.example/jwks.json",
                    },
                ],
            },
            "consent": "remember",
            "allowNetworks": ["10.2.0.0/16", "10.1.0.0/16"],
            "tokenLifetime": "5m",
            "refreshLifetime": "7d",
        },
    })
}

fn secrets() -> Inputs {
    let values = [("s", "secret-of-the-provider"), ("t", "secret-of-the-client-that-nobody-guesses")];
    let of = |(name, value): (&str, &str)| {
        let reference = Reference { kind: Kind::Secret, name: name.into(), key: "k".into() };
        (reference, Ok(crds::Secret::new(value.as_bytes().to_vec())))
    };
    values.map(of).into()
}

fn keys() -> Keys {
    let key = |id: &str, byte: u8| {
        (KeyId::parse(id).expect("an id"), KeyBytes::parse(&[byte; 32]).expect("32 bytes"))
    };
    let seal = [key("s2", 7), key("s1", 8)].map(|(id, key)| SealKey { id, key });
    let sign = [key("k2", 9), key("k1", 10)].map(|(id, key)| SigningKey { id, key });
    Keys { seal: seal.into(), sign: sign.into() }
}

/// Every map and every list of a policy with more than one member.
fn everything(spec: &mut Value) {
    let server = &mut spec["server"];
    server["publicPaths"] = json!(["/healthz", "/about"]);
    server["allowedOrigins"] = json!(["https://b.example.com", "https://a.example.com"]);
    server["env"] = json!([{ "name": "PORT", "value": "3001" }, { "name": "HOST", "value": "127.0.0.1" }]);
    spec["claims"] = json!({ "require": { "tenant": ["b", "a"], "hd": ["example.com"], "aal": ["2", "3"] } });
    spec["authorization"] = json!({ "requiredScopes": ["mcp", "admin"] });
    spec["sidecar"] = json!({
        "resources": { "requests": { "memory": "32Mi", "ephemeral-storage": "1Gi" }, "limits": { "cpu": "1" } },
        "ports": { "traffic": 17080, "admin": 17081 },
    });
}

/// The document of the Secret.
fn document(built: &Built) -> &str {
    let data = built.secret.data.as_ref().expect("there is data");
    std::str::from_utf8(&data[crds::delivery::FILE].0).expect("text")
}

/// The same, and what is injected, as they leave for the API server.
fn written(built: &Built) -> String {
    let document = document(built);
    let injection = serde_json::to_string_pretty(&built.injection).expect("JSON");
    format!("{document}{injection}\n")
}

#[test]
fn w7_what_new_pods_alone_would_get_has_another_name_and_what_running_ones_get_too_has_not() {
    let placed = |image, pointer: &str, value: Value| {
        let set = |spec: &mut Value| spec[pointer] = value;
        let built = changed(&complete(), image, set);
        assert!(built.injection.annotation.ends_with(&format!(" placed={}", built.placed)));
        built.placed
    };
    let server = |changes: Value| {
        let mut server = json!({ "url": "https://h/mcp" });
        server.as_object_mut().expect("a map").extend(changes.as_object().expect("a map").clone());
        server
    };
    let before = built(&complete()).placed;
    let env = json!([{ "name": "HOST", "value": "127.0.0.1" }]);
    let ports = json!({ "traffic": 18080, "admin": 18081 });
    for (field, value) in [
        ("server", server(json!({ "port": 3001 }))),
        ("server", server(json!({ "container": "trino" }))),
        ("server", server(json!({ "env": env }))),
        ("sidecar", json!({ "ports": ports })),
        ("sidecar", json!({ "logLevel": "debug" })),
        ("sidecar", json!({ "resources": { "limits": { "memory": "1Gi" } } })),
    ] {
        assert_ne!(placed(IMAGE, field, value.clone()), before, "{value}");
    }
    assert_ne!(changed(&complete(), "another:image", |_| ()).placed, before);
    for (field, value) in [
        ("server", server(json!({ "publicPaths": ["/healthz"] }))),
        ("authorization", json!({ "requiredScopes": ["mcp"] })),
        ("sidecar", json!({ "logLevel": "info" })),
    ] {
        assert_eq!(placed(IMAGE, field, value.clone()), before, "{value}");
    }
    assert_eq!(built(&Inputs::new()).placed, before, "whether it is closed arrives in running pods");
}
