//! What must come out of admission: the pod as it would be without us, our three additions, and what a row writes down.
//! Compared for equality, so that a change that nobody asked for is seen (K09, N17).
//!
//! Pure.

use serde_json::{Value, json};

use super::bench::{self, merge};

const INJECTION: &str = include_str!("injection.yaml");
/// Where the API server invents a name: five characters follow.
const TOKEN_VOLUME: &str = "kube-api-access-";

/// What the operator renders.
pub(super) fn injection() -> Value {
    let mut written = written();
    written.as_object_mut().map(|members| members.remove("defaults"));
    written
}

/// A pod with our three additions: the sidecar, first; the volume, last; the annotation.
pub(super) fn with_sidecar(pod: &Value, upstream: u16, port_name: &str) -> Value {
    let written = written();
    let mut sidecar = written["container"].clone();
    merge(&mut sidecar, &written["defaults"]);
    let variable = json!({ "name": "MCP_OAUTH_UPSTREAM", "value": format!("http://127.0.0.1:{upstream}") });
    list(&mut sidecar["env"]).push(variable);
    sidecar["ports"][0]["name"] = port_name.into();
    let mut pod = pod.clone();
    list(&mut pod["spec"]["initContainers"]).insert(0, sidecar);
    list(&mut pod["spec"]["volumes"]).push(written["volume"].clone());
    pod["metadata"]["annotations"]["mcpoauth.dev/injected"] = written["annotation"].clone();
    pod
}

/// A pod that comes with the sidecar already, as somebody would copy it.
pub(super) fn copied() -> Value {
    let server = json!([{ "name": "server", "image": "x", "ports": [{ "containerPort": 8080 }] }]);
    let pod = bench::pod(
        &json!({ "metadata": { "labels": { "app": "trino" } }, "spec": { "containers": server } }),
    );
    with_sidecar(&pod, 8080, "http")
}

/// Without what two pods never have in common, and without what is computed from the rest.
pub(super) fn comparable(mut pod: Value) -> Value {
    if let Some(metadata) = pod["metadata"].as_object_mut() {
        for name in ["uid", "creationTimestamp", "namespace"] {
            metadata.remove(name);
        }
    }
    if let Some(members) = pod.as_object_mut() {
        members.remove("status");
    }
    with_one_token_volume(pod)
}

fn with_one_token_volume(value: Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(TOKEN_VOLUME) => TOKEN_VOLUME.into(),
        Value::Array(items) => items.into_iter().map(with_one_token_volume).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, with_one_token_volume(value))).collect()
        }
        other => other,
    }
}

/// The first place where two values are not the same.
pub(super) fn difference(path: &str, expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(one), Value::Object(other)) => {
            let mut names: Vec<_> = one.keys().chain(other.keys()).collect();
            names.sort();
            names.dedup();
            names.into_iter().find_map(|name| {
                let of = |members: &serde_json::Map<String, Value>| members.get(name).cloned();
                difference(
                    &format!("{path}/{name}"),
                    &of(one).unwrap_or_default(),
                    &of(other).unwrap_or_default(),
                )
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs
                .into_iter()
                .find_map(|(index, (one, other))| difference(&format!("{path}/{index}"), one, other))
        }
        (one, other) if one == other => None,
        _ => Some(format!("at {path} expected {expected}, found {found}")),
    }
}

fn written() -> Value {
    serde_yaml::from_str(INJECTION).expect("the file is YAML")
}

fn list(value: &mut Value) -> &mut Vec<Value> {
    if value.is_null() {
        *value = json!([]);
    }
    value.as_array_mut().expect("it is a list")
}

#[test]
fn what_is_there_and_not_expected_is_a_difference() {
    let expected = json!({ "a": [{ "b": 1 }] });
    assert_eq!(difference("", &expected, &expected.clone()), None);
    for found in
        [json!({ "a": [{ "b": 1, "c": 2 }] }), json!({ "a": [{ "b": 1 }, {}] }), json!({ "a": [{}] })]
    {
        assert!(difference("", &expected, &found).is_some(), "{found}");
        assert!(difference("", &found, &expected).is_some(), "{found}");
    }
}
