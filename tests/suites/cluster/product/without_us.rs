//! The cluster without the operator, for a while and for good: closed stays closed, and nobody's pod is in the way of
//! anything (promise 2, W1, W8).

use std::time::Duration;

use harness::lab::{Cluster, Error, eventually};
use serde_json::json;

use super::install;
use super::scene::{SECRET, Scene};

const OBJECTS: &str = "mutatingadmissionpolicies,mutatingadmissionpolicybindings,validatingadmissionpolicies,validatingadmissionpolicybindings";

#[tokio::test(flavor = "multi_thread")]
async fn without_the_operator_pods_are_still_injected_and_after_uninstalling_nothing_of_ours_judges_any()
-> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let product = install::product_alone(&cluster).await?;
    let scene = Scene::new(&cluster, "alone").await?;
    scene.secret("hmac", SECRET).await?;
    scene.policy(&json!({})).await?;
    scene.until_in_force().await?;
    scale_to_zero(&cluster).await?;
    scene.server().await?;
    assert_eq!(scene.pod().await?["spec"]["initContainers"][0]["name"], "mcp-oauth");
    scene.until("the sidecar", Duration::from_secs(30), None, 401).await?;
    unselected_pod(&scene, "bystander").await?;
    // The operator is gone already when the chart goes: the API server's own garbage collection is what cleans up.
    install::uninstall(&cluster).await?;
    let gone = async || {
        let left = cluster.kubectl().check(&["get", OBJECTS, "--output=name"]).await?;
        Ok((!left.contains("mcpoauth.dev")).then_some(()))
    };
    eventually("the end of the admission policies", Duration::from_secs(30), gone).await?;
    assert_eq!(scene.call(None).await?.status, 401, "a running sidecar keeps working");
    assert_eq!(scene.call(Some(&scene.token(SECRET, 600))).await?.status, 200);
    unselected_pod(&scene, "after").await?;
    // An API server reads its admission policies anew once a second.
    let run = ["run", "free", "--image=localhost/pause:1", "--labels=mcpoauth.dev/policy=nobody"];
    let free = async || Ok(scene.kubectl(&run).await.ok().map(drop));
    eventually("a pod that asks for what is gone", Duration::from_secs(10), free).await?;
    drop(product);
    Ok(())
}

async fn scale_to_zero(cluster: &Cluster) -> Result<(), Error> {
    let namespace = ["--namespace", "mcp-oauth-system"];
    let scale = ["scale", "deployment", "mcp-oauth-operator", "--replicas=0"];
    cluster.kubectl().check(&[&scale[..], &namespace].concat()).await?;
    let gone = async || {
        let pods = cluster.kubectl().get(&[&["pods"][..], &namespace].concat()).await?;
        Ok(pods["items"].as_array().is_some_and(Vec::is_empty).then_some(()))
    };
    eventually("the end of the operator", Duration::from_mins(1), gone).await
}

async fn unselected_pod(scene: &Scene<'_>, name: &str) -> Result<(), Error> {
    scene.kubectl(&["run", name, "--image=localhost/pause:1", "--labels=app=other"]).await?;
    let pod = scene.kubectl(&["get", "pod", name, "--output=json"]).await?;
    assert!(!pod.contains("mcp-oauth"), "{pod}");
    Ok(())
}
