//! Selected pods as the operator counts them, where it cannot ask them and where something else would be placed today
//! (K14, W7, promise 8). No node runs here: what a kubelet would report is written by hand.

use harness::lab::Error;
use serde_json::{Value, json};

use super::SECRET;
use super::bench::Bench;

/// Leads nowhere (RFC 5737 §3).
const ADDRESS: &str = "192.0.2.1";

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_cannot_be_asked_is_unknown_and_one_from_before_an_edit_of_what_is_placed_is_outdated()
-> Result<(), Error> {
    let bench = Bench::start().await?;
    bench.hmac("data", SECRET).await?;
    bench.policy("data", &json!({})).await?;
    bench.until("in force", async || Ok(bench.reason("data", "Accepted").await? == "Accepted")).await?;
    running_pod(&bench).await?;
    let unheard = async || Ok(bench.reason("data", "Ready").await? == "PodsNotHeard");
    bench.until("unknown", unheard).await?;
    let ready = bench.condition("data", "Ready").await?;
    assert_eq!(ready["status"], "Unknown");
    assert!(ready["message"].as_str().is_some_and(|text| text.contains("let the operator reach")), "{ready}");
    // What running pods are given without a restart makes nothing outdated; what is placed does, until it is undone.
    bench.policy("data", &json!({ "authorization": { "requiredScopes": ["mcp"] } })).await?;
    bench.until("told of the edit", unheard).await?;
    let env = json!([{ "name": "HOST", "value": "127.0.0.1" }]);
    for change in
        [json!({ "server": { "env": env } }), json!({ "sidecar": { "ports": { "traffic": 18080 } } })]
    {
        bench.policy("data", &change).await?;
        bench.until("outdated", async || Ok(bench.reason("data", "Ready").await? == "PodsOutdated")).await?;
        bench.policy("data", &json!({})).await?;
        bench.until("as it was", unheard).await?;
    }
    Ok(())
}

/// A selected pod, injected by the API server, whose sidecar runs and is ready.
async fn running_pod(bench: &Bench) -> Result<(), Error> {
    let kubectl = bench.kubectl();
    kubectl.check(&["create", "serviceaccount", "default", "--namespace", "data"]).await?;
    let container =
        json!({ "name": "server", "image": "server", "ports": [{ "name": "http", "containerPort": 3001 }] });
    let metadata = json!({ "name": "trino", "namespace": "data", "labels": { "app": "trino" } });
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": { "containers": [container] } });
    kubectl.apply(&pod.to_string()).await?;
    let sidecar = json!({
        "name": "mcp-oauth", "ready": true, "started": true, "restartCount": 0, "image": "i", "imageID": "i",
        "state": { "running": {} },
    });
    let status = json!({ "status": {
        "phase": "Running", "podIP": ADDRESS, "podIPs": [{ "ip": ADDRESS }], "initContainerStatuses": [sidecar],
    } });
    report(bench, &status).await
}

async fn report(bench: &Bench, status: &Value) -> Result<(), Error> {
    let patch = status.to_string();
    let report = ["patch", "pod", "trino", "--namespace", "data", "--subresource=status", "--patch", &patch];
    bench.kubectl().check(&report).await.map(drop)
}
