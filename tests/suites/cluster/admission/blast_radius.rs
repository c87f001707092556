//! What cannot happen: a pod of somebody else's that is refused because of us (W1, W2, W8, promise 2).

use serde_json::{Value, json};

use super::bench::{self, Bench, Case};

async fn create_elsewhere(bench: &Bench, name: &str, labels: Value) -> Result<(), String> {
    let pod =
        bench::pod(&json!({ "metadata": { "name": name, "namespace": "elsewhere", "labels": labels } }));
    let output = bench.kubectl().try_apply(&pod.to_string()).await.expect("kubectl runs");
    if output.success() { Ok(()) } else { Err(output.stderr) }
}

async fn with_another_namespace() -> Bench {
    let bench = Bench::with(vec![Case { policy: &Value::Null, restricted: false }]).await;
    bench.kubectl().check(&["create", "namespace", "elsewhere"]).await.expect("it is created");
    bench
        .kubectl()
        .check(&["create", "serviceaccount", "default", "--namespace", "elsewhere"])
        .await
        .expect("created");
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_without_policies_never_meets_us_unless_a_pod_asks_by_label() {
    let bench = with_another_namespace().await;
    create_elsewhere(&bench, "plain", json!({ "app": "trino" })).await.expect("nothing of ours is evaluated");
    let said = create_elsewhere(&bench, "asking", json!({ "mcpoauth.dev/policy": "trino" }))
        .await
        .expect_err("closed");
    assert!(said.contains("create McpOAuthPolicy 'trino' in namespace 'elsewhere'"), "{said}");
}

/// The trap of admission policies with a parameter: its definition is gone, and an API server starts.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_definition_and_after_a_restart_pods_elsewhere_are_created_as_ever() {
    let mut bench = with_another_namespace().await;
    let gone = ["delete", "crd", "mcpoauthpolicies.mcpoauth.dev", "--timeout=30s"];
    bench.kubectl().check(&gone).await.expect("it is deleted");
    bench.server.restart().await.expect("the API server comes back");
    create_elsewhere(&bench, "after", json!({ "app": "trino" }))
        .await
        .expect("other namespaces are not ours");
    let gone = [
        "delete",
        "mutatingadmissionpolicy/inject.mcpoauth.dev",
        "validatingadmissionpolicy/selected.mcpoauth.dev",
    ];
    bench.kubectl().check(&gone).await.expect("they can be removed by hand");
}
