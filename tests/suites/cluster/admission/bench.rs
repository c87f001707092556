//! An API server with the definition, the admission policies as they are shipped, and one namespace a case, each with
//! a policy named "trino" whose status holds what the operator renders. One more namespace has no policy, and shows
//! what a pod is without us.

use std::time::{Duration, Instant};

use harness::lab::command::{Output, capture_with_input};
use harness::lab::kubectl::Kubectl;
use serde::Deserialize;
use serde_json::{Value, json};

use super::expectation::injection;
pub(super) use crate::policies::merge;
use crate::turns::OwnServer;

const DEFINITION: &str = include_str!("../../../../crds/mcpoauthpolicies.yaml");
const INJECT: &str = include_str!("../../../../operator/admission/inject.yaml");
const SELECTED: &str = include_str!("../../../../operator/admission/selected.yaml");
const LABELLED: &str = include_str!("../../../../operator/admission/labelled.yaml");
const PLAIN: &str = "plain";
const BOUND: Duration = Duration::from_mins(1);

/// What one case needs.
pub(super) struct Case<'a> {
    /// A change of the policy's spec.
    pub(super) policy: &'a Value,
    /// Whether PodSecurity enforces "restricted" in the namespace.
    pub(super) restricted: bool,
}

pub(super) struct Bench {
    pub(super) server: OwnServer,
}

impl Bench {
    pub(super) async fn with(cases: Vec<Case<'_>>) -> Self {
        let server = OwnServer::start().await.expect("an API server starts");
        let bench = Self { server };
        let kubectl = bench.kubectl();
        kubectl.define(DEFINITION).await.expect("the definition is accepted");
        let namespaces: Vec<_> = (0..cases.len()).map(Bench::namespace).collect();
        for yaml in [&with_namespaces(INJECT, &namespaces), &with_namespaces(SELECTED, &namespaces), LABELLED]
        {
            kubectl.apply(yaml).await.expect("the admission policy is accepted");
        }
        let mut objects = namespace_with_account(PLAIN, &json!({})).to_vec();
        for (case, namespace) in cases.iter().zip(&namespaces) {
            objects.extend(scene(case, namespace));
        }
        kubectl.apply(&list(&objects)).await.expect("the scene is accepted");
        let status = json!({ "status": { "injection": injection() } }).to_string();
        let policies: Vec<_> =
            objects.into_iter().filter(|object| object["kind"] == "McpOAuthPolicy").collect();
        let status_of_each = ["--subresource=status", "--type=merge", "--patch", &status];
        kubectl.patch_all(&list(&policies), &status_of_each).await.expect("the status is written");
        bench.in_force(&cases).await;
        bench
    }

    pub(super) fn kubectl(&self) -> &Kubectl {
        self.server.kubectl()
    }

    pub(super) fn namespace(index: usize) -> String {
        format!("case-{index}")
    }

    /// The pod as admission leaves it, or what it was told.
    pub(super) async fn admit(&self, index: usize, pod: &Value) -> Result<Value, String> {
        self.admit_to(&Self::namespace(index), pod).await
    }

    /// Whether all of these pods are admitted, each to its namespace.
    pub(super) async fn admit_all(&self, pods: &[(usize, Value)]) -> Result<(), String> {
        let placed = |(index, pod): &(usize, Value)| {
            let mut pod = pod.clone();
            pod["metadata"]["namespace"] = Self::namespace(*index).into();
            pod
        };
        let all = list(&pods.iter().map(placed).collect::<Vec<_>>());
        let arguments = ["create", "--dry-run=server", "--output=name", "--filename=-"];
        let sent = capture_with_input(&mut self.kubectl().command(&arguments), &all, BOUND).await;
        let output = sent.expect("kubectl runs");
        let all_are_named = output.stdout.lines().count() == pods.len();
        if output.success() && all_are_named { Ok(()) } else { Err(output.stderr) }
    }

    /// The pod as the API server leaves it where there is no policy. Sent without labels: one that names a policy would
    /// be refused there.
    pub(super) async fn admit_without_us(&self, pod: &Value) -> Result<Value, String> {
        let mut unlabelled = pod.clone();
        let labels = unlabelled["metadata"]["labels"].take();
        let mut admitted = self.admit_to(PLAIN, &unlabelled).await?;
        admitted["metadata"]["labels"] = labels;
        Ok(admitted)
    }

    async fn admit_to(&self, namespace: &str, pod: &Value) -> Result<Value, String> {
        let arguments =
            ["create", "--namespace", namespace, "--dry-run=server", "--output=json", "--filename=-"];
        json_of(self.send(&arguments, pod).await)
    }

    pub(super) async fn create(&self, index: usize, pod: &Value) -> Result<Value, String> {
        let namespace = Self::namespace(index);
        json_of(self.send(&["create", "--namespace", &namespace, "--output=json", "--filename=-"], pod).await)
    }

    async fn send(&self, arguments: &[&str], object: &Value) -> Output {
        let sent =
            capture_with_input(&mut self.kubectl().command(arguments), &object.to_string(), BOUND).await;
        sent.expect("kubectl runs")
    }

    /// The API server learns of new policies a moment after they are written. Where PodSecurity is enforced it speaks
    /// first, so those namespaces are not asked.
    async fn in_force(&self, cases: &[Case<'_>]) {
        let probe =
            pod(&json!({ "metadata": { "name": "probe", "labels": { "mcpoauth.dev/policy": "nobody" } } }));
        let begun = Instant::now();
        // One rule for all namespaces, and policies that are learnt of in their order: the last one tells.
        let asked = cases.iter().rposition(|case| !case.restricted);
        if let Some(index) = asked {
            let selected = pod(&json!({ "metadata": { "labels": { "mcpoauth.dev/policy": "trino" } },
                "spec": { "hostNetwork": true } }));
            loop {
                let unknown = self
                    .admit(index, &probe)
                    .await
                    .is_err_and(|said| said.contains("no sidecar was injected"));
                let known =
                    self.admit(index, &selected).await.is_err_and(|said| said.contains("hostNetwork"));
                if unknown && known {
                    break;
                }
                assert!(begun.elapsed() < BOUND, "the admission policies never came into force");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn scene(case: &Case<'_>, namespace: &str) -> Vec<Value> {
    let mut spec = json!({
        "selector": { "matchLabels": { "app": "trino" } },
        "server": { "url": "https://mcp.example.com/mcp" },
        "provider": "hmac",
        "hmac": { "secretRefs": [{ "name": "trino-hmac", "key": "jwtSecret" }] },
    });
    merge(&mut spec, case.policy);
    let labels = if case.restricted {
        json!({ "pod-security.kubernetes.io/enforce": "restricted" })
    } else {
        json!({})
    };
    let mut objects = namespace_with_account(namespace, &labels).to_vec();
    objects.push(json!({ "apiVersion": "mcpoauth.dev/v1alpha1", "kind": "McpOAuthPolicy",
        "metadata": { "name": "trino", "namespace": namespace }, "spec": spec }));
    objects
}

/// Where no controller runs, nobody else makes the account that every pod has.
fn namespace_with_account(name: &str, labels: &Value) -> [Value; 2] {
    [
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } }),
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": name } }),
    ]
}

/// The documents with the namespaces filled in where the operator fills them in.
pub(super) fn with_namespaces(yaml: &str, namespaces: &[String]) -> String {
    let documents = serde_yaml::Deserializer::from_str(yaml).map(|document| {
        let mut object = Value::deserialize(document).expect("the file is YAML");
        if let Some(values) =
            object.pointer_mut("/spec/matchConstraints/namespaceSelector/matchExpressions/0/values")
        {
            *values = json!(namespaces);
        }
        object
    });
    list(&documents.collect::<Vec<_>>())
}

fn list(items: &[Value]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

/// A whole pod from what a row says of it.
pub(super) fn pod(changes: &Value) -> Value {
    let port = json!([{ "name": "http", "containerPort": 8080 }]);
    let spec = json!({ "containers": [{ "name": "server", "image": "x", "ports": port }] });
    let mut pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "pod" }, "spec": spec });
    merge(&mut pod, changes);
    pod
}

fn json_of(output: Output) -> Result<Value, String> {
    if output.success() {
        Ok(serde_json::from_str(&output.stdout).expect("kubectl gives JSON"))
    } else {
        Err(output.stderr)
    }
}
