//! What the pages tell people to apply, applied as they would: the API server takes every policy of them, and what the chart
//! makes of their values. The same with one thing wrong is refused, so an API server that takes everything would be seen.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::lab::command::check;
use harness::lab::kubectl::Kubectl;
use harness::lab::{Environment, Paths, Progress, tools};
use harness::pages::{Block, blocks};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{defined, merge};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/mcp-server");

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_of_the_pages_is_accepted_and_with_one_thing_wrong_it_is_not() {
    let server = defined().await;
    let mut policies = Vec::new();
    for block in blocks() {
        if block.is_policy() {
            let policy = serde_yaml::from_str(&block.text).expect(&block.place);
            policies.push((block.place, policy));
        } else if block.is_values() {
            policies.push((block.place.clone(), rendered(&block).await));
        }
    }
    assert!(policies.len() >= 20, "only {} policies were found", policies.len());
    let kubectl = server.kubectl();
    for namespace in namespaces(&policies) {
        kubectl.check(&["create", "namespace", namespace]).await.expect("a namespace");
    }
    let mut wrong = Vec::new();
    for (place, policy) in &policies {
        if let Err(said) = judged(kubectl, policy).await {
            wrong.push(format!("{place} is refused: {said}"));
        }
        let mut broken = policy.clone();
        merge(&mut broken, &json!({ "spec": { "server": { "url": "http://mcp.example.com/mcp" } } }));
        match judged(kubectl, &broken).await {
            Err(said) if said.contains("spec.server.url") => {}
            other => wrong.push(format!("the broken twin of {place}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the API server would say to this policy.
async fn judged(kubectl: &Kubectl, policy: &Value) -> Result<(), String> {
    let output = kubectl.try_dry_run(&policy.to_string()).await.expect("kubectl runs");
    if output.success() { Ok(()) } else { Err(output.stderr) }
}

fn namespaces(policies: &[(String, Value)]) -> BTreeSet<&str> {
    let named = policies.iter().filter_map(|(_, policy)| policy["metadata"]["namespace"].as_str());
    named.filter(|namespace| *namespace != "default").collect()
}

/// The policy that the chart makes of values.
async fn rendered(values: &Block) -> Value {
    let paths = Paths::new(&Environment::of_process()).expect("there is a place for a cache");
    let tools = tools::ensure_kubectl(&paths, Progress::unseen()).await.expect("helm is there");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, &values.text).expect("it is ours");
    let mut helm = Command::new(tools.join("helm"));
    helm.args(["template", "trino", CHART, "--namespace", "data", "--values"]).arg(&file);
    let text = check(&mut helm, Duration::from_mins(1)).await.expect(&values.place);
    let objects = serde_yaml::Deserializer::from_str(&text);
    let mut objects = objects.map(|object| Value::deserialize(object).expect("helm writes YAML"));
    objects.find(|object| object["kind"] == "McpOAuthPolicy").expect("the chart makes a policy")
}
