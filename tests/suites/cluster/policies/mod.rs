//! What `kubectl apply` says to policies: each bad one is refused with its field and the reason, and the one that
//! differs from it in one thing is accepted (K13, J13, P04, R7, R20, promise 5). An API server alone is enough.

mod documented;

use harness::lab::kubectl::Kubectl;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::turns::OwnServer;

const DEFINITION: &str = include_str!("../../../../crds/mcpoauthpolicies.yaml");
const TABLE: &str = include_str!("refused.yaml");

/// The table: three good policies, and one change of one of them a row.
#[derive(Deserialize)]
struct Table {
    oidc: Value,
    hmac: Value,
    proxy: Value,
    refused: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    base: Base,
    #[serde(default)]
    change: Value,
    #[serde(default)]
    twin: Value,
    /// What the policy is called, and its twin.
    #[serde(default = "ordinary")]
    called: String,
    #[serde(default = "ordinary")]
    twin_called: String,
    path: String,
    says: String,
}

fn ordinary() -> String {
    "trino".into()
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Base {
    Oidc,
    Hmac,
    Proxy,
}

impl Table {
    fn changed(&self, row: &Row, change: &Value) -> Value {
        let mut spec = match row.base {
            Base::Oidc => self.oidc.clone(),
            Base::Hmac => self.hmac.clone(),
            Base::Proxy => self.proxy.clone(),
        };
        merge(&mut spec, change);
        spec
    }
}

/// JSON merge patch (RFC 7396).
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else { return };
    for (name, change) in changes {
        let Value::Object(members) = target else { return };
        match change {
            Value::Null => drop(members.remove(name)),
            Value::Object(_) => merge(members.entry(name).or_insert_with(|| json!({})), change),
            _ => drop(members.insert(name.clone(), change.clone())),
        }
    }
}

fn policy(name: &str, spec: &Value) -> String {
    let metadata = json!({ "name": name, "namespace": "default" });
    json!({ "apiVersion": "mcpoauth.dev/v1alpha1", "kind": "McpOAuthPolicy", "metadata": metadata, "spec": spec }).to_string()
}

/// An API server that knows the definition.
async fn defined() -> OwnServer {
    let server = OwnServer::start().await.expect("an API server starts");
    server.kubectl().define(DEFINITION).await.expect("the definition is accepted");
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_policy_is_refused_with_its_field_and_its_twin_is_accepted() {
    let server = defined().await;
    let kubectl = server.kubectl();
    let table: Table = serde_yaml::from_str(TABLE).expect("the table is YAML");
    assert!(table.refused.len() >= 100, "{}", table.refused.len());
    let mut wrong = Vec::new();
    for row in &table.refused {
        let changed = policy(&row.called, &table.changed(row, &row.change));
        let refused = kubectl.try_dry_run(&changed).await.expect("kubectl runs");
        let said = refused.stderr.to_lowercase();
        if refused.success()
            || !said.contains(&row.path.to_lowercase())
            || !said.contains(&row.says.to_lowercase())
        {
            wrong.push(format!("{}: {}{}", row.name, refused.stdout, refused.stderr));
        }
    }
    wrong.extend(refused_twins(kubectl, &table).await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All in one go, for most of each would be the start of a program; one by one where that fails, to say which.
async fn refused_twins(kubectl: &Kubectl, table: &Table) -> Vec<String> {
    let twin = |row: &Row| policy(&row.twin_called, &table.changed(row, &row.twin));
    let all: Vec<String> = table.refused.iter().map(twin).collect();
    let together = kubectl.try_dry_run(&all.join("\n---\n")).await.expect("kubectl runs");
    if together.success() && together.stdout.lines().count() == all.len() {
        return Vec::new();
    }
    let mut wrong = vec![format!("the twins together: {}", together.stderr)];
    for (row, twin) in table.refused.iter().zip(&all) {
        let twin = kubectl.try_dry_run(twin).await.expect("kubectl runs");
        if !twin.success() {
            wrong.push(format!("twin of {}: {}", row.name, twin.stderr));
        }
    }
    wrong
}

#[test]
fn a_merge_patch_changes_adds_and_removes() {
    let mut target = json!({ "a": { "b": 1, "c": 2 }, "d": 3 });
    merge(&mut target, &json!({ "a": { "b": null, "e": { "f": 5 } }, "d": [4] }));
    assert_eq!(target, json!({ "a": { "c": 2, "e": { "f": 5 } }, "d": [4] }));
}
