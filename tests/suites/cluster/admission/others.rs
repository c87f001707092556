//! Other injectors beside us (N18): one that runs after us, puts its own container first and adds to every container of
//! the pod, as meshes and cloud identities do. It is a policy of the API server here; a webhook would do the same.

use std::time::Duration;

use serde_json::{Value, json};

use super::bench::{self, Bench, Case};

/// Puts a container in front of ours, and a token and a variable into ours.
fn injector(variable: &str) -> String {
    let place = format!(
        "!object.spec.?initContainers.orValue([]).exists(c, c.name == 'mcp-oauth')
        || object.spec.initContainers.exists(c, c.name == 'mesh') ? [] : [
          JSONPatch{{op: 'add', path: '/spec/initContainers/0/env/-', value: {{'name': '{variable}', 'value': 'x'}}}},
          JSONPatch{{op: 'add', path: '/spec/initContainers/0/volumeMounts/-',
            value: {{'name': 'identity', 'mountPath': '/var/run/secrets/azure/tokens'}}}},
          JSONPatch{{op: 'add', path: '/spec/volumes/-', value: Object.spec.volumes{{name: 'identity',
            projected: Object.spec.volumes.projected{{sources: [Object.spec.volumes.projected.sources{{
              serviceAccountToken: Object.spec.volumes.projected.sources.serviceAccountToken{{path: 'token'}}}}]}}}}}},
          JSONPatch{{op: 'add', path: '/spec/initContainers/0', value: {{'name': 'mesh', 'image': 'x', 'restartPolicy': 'Always'}}}}]"
    );
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": { "name": "mesh" },
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "matchConstraints": { "resourceRules": [
                { "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"] }] },
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": place } }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": { "name": "mesh" },
        "spec": { "policyName": "mesh" },
    });
    json!({ "apiVersion": "v1", "kind": "List", "items": [policy, binding] }).to_string()
}

/// What comes of the pod once the injector is in force.
async fn admitted(bench: &Bench, has_run: impl Fn(&Result<Value, String>) -> bool) -> Result<Value, String> {
    let sent = bench::pod(&json!({ "metadata": { "labels": { "app": "trino" } } }));
    for _ in 0..100 {
        let admitted = bench.admit(0, &sent).await;
        if has_run(&admitted) {
            return admitted;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the other injector never ran".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn n18_an_injector_after_us_may_come_first_and_add_what_changes_nothing() {
    let bench = Bench::with(vec![Case { policy: &Value::Null, restricted: false }]).await;
    bench.kubectl().apply(&injector("AWS_ROLE_ARN")).await.expect("it is accepted");
    let first = |pod: &Value| pod["spec"]["initContainers"][0]["name"] == "mesh";
    let pod = admitted(&bench, |it| it.as_ref().is_err() || it.as_ref().is_ok_and(first)).await;
    let containers = pod.expect("it is admitted")["spec"]["initContainers"].take();
    assert_eq!(containers.as_array().map(Vec::len), Some(2), "{containers}");
    let sidecar = &containers[1];
    assert_eq!(sidecar["name"], "mcp-oauth");
    assert!(sidecar.to_string().contains("AWS_ROLE_ARN"), "{sidecar}");
    bench.kubectl().apply(&injector("LD_LIBRARY_PATH")).await.expect("it is accepted");
    let said = admitted(&bench, Result::is_err).await.expect_err("it could load code into the sidecar");
    assert!(said.contains("what could change the sidecar: LD_LIBRARY_PATH"), "{said}");
}
