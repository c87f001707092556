//! What two operators render of one policy is the same to the byte, and what differs in a pod has another name (W7).
//!
//! Pure. The bytes are written down in `golden.txt`, by another process on another day: an order that chance decides, or
//! a change of what running pods would get, does not pass.

use serde_json::{Value, json};

use super::Built;
use super::tests::{IMAGE, built, changed, complete};
use crate::gather::Inputs;

const GOLDEN: &str = include_str!("golden.txt");

#[test]
fn w7_another_operator_renders_these_bytes() {
    let of = |change: fn(&mut Value)| written(&changed(&complete(), IMAGE, change));
    assert_eq!(of(everything), GOLDEN);
    assert_ne!(of(|_| ()), GOLDEN);
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

/// The document of the Secret, and what is injected, as they leave for the API server.
fn written(built: &Built) -> String {
    let data = built.secret.data.as_ref().expect("there is data");
    let document = std::str::from_utf8(&data[crds::delivery::FILE].0).expect("text");
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
