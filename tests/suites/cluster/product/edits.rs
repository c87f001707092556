//! Edits under way: seen in the running pod, without a restart and without cutting what is open; and spoken of as they
//! are (K14, promise 8).

use std::time::Duration;

use harness::lab::{Cluster, Error};
use serde_json::json;

use super::install;
use super::scene::{SECRET, Scene};

const OTHER: &str = "pX3vN8qT5mK2wZ9rL6yC1bH7dJ4gF0sE";

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_in_force_within_three_seconds_and_an_open_call_goes_on() -> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let _product = install::product(&cluster).await?;
    let scene = Scene::new(&cluster, "edit").await?;
    scene.secret("hmac", SECRET).await?;
    scene.policy(&json!({})).await?;
    scene.until_in_force().await?;
    scene.server().await?;
    let token = scene.token(SECRET, 600);
    scene.until("the sidecar", Duration::from_secs(30), Some(&token), 200).await?;
    let opened = scene.call(Some(&token)).await?;
    let session = opened.text.lines().find(|line| line.to_lowercase().starts_with("mcp-session-id:"));
    let headers = [session.unwrap_or_default().trim().to_owned()];
    scene
        .send(Some(&token), &headers, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
        .await?;
    let long = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "_meta": { "progressToken": "p" },
        "name": "trigger-long-running-operation", "arguments": { "duration": 8, "steps": 8 } } });
    let edits = async {
        let mut worst = Duration::ZERO;
        for (scopes, status) in
            [(json!(["other"]), 403), (json!(["mcp"]), 200), (json!(["other"]), 403), (json!(null), 200)]
        {
            scene.edit(&json!({ "authorization": { "requiredScopes": scopes } })).await?;
            worst = worst.max(scene.until("the edit", Duration::from_secs(3), Some(&token), status).await?);
        }
        Ok::<_, Error>(worst)
    };
    let (open, worst) = tokio::join!(scene.send(Some(&token), &headers, &long), edits);
    let (open, worst) = (open?, worst?);
    assert!(open.status == 200 && open.text.matches("notifications/progress").count() >= 8, "{}", open.text);
    assert!(open.text.contains("Long running operation completed"), "{}", open.text);
    assert_eq!(scene.pod().await?["status"]["initContainerStatuses"][0]["restartCount"], 0);
    eprintln!("the slowest of four edits was in force after {worst:?}");
    Ok(())
}

/// K14: whoever waits until `Ready` is true of an edit never meets a sidecar that does not enforce it.
#[tokio::test(flavor = "multi_thread")]
async fn ready_is_never_said_of_an_edit_before_the_sidecar_enforces_it() -> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let _product = install::product(&cluster).await?;
    let scene = Scene::new(&cluster, "honest").await?;
    scene.secret("hmac", SECRET).await?;
    scene.policy(&json!({})).await?;
    scene.until_in_force().await?;
    scene.server().await?;
    scene.until_said("Ready", "Ready").await?;
    let token = scene.token(SECRET, 600);
    let mut slowest = Duration::ZERO;
    for (scopes, status) in
        [(json!(["other"]), 403), (json!(null), 200), (json!(["a"]), 403), (json!(null), 200)]
    {
        scene.edit(&json!({ "authorization": { "requiredScopes": scopes } })).await?;
        slowest = slowest.max(scene.until_said("Ready", "Ready").await?);
        assert_eq!(scene.call(Some(&token)).await?.status, status, "{}", scene.condition("Ready").await?);
    }
    eprintln!("the slowest of four edits was reported after {slowest:?}");
    // What only a new pod is given is not in the one that runs.
    scene.edit(&json!({ "server": { "env": [{ "name": "UNUSED", "value": "1" }] } })).await?;
    scene.until_said("Ready", "PodsOutdated").await?;
    let counts = ["get", "mop", "everything", "--output=jsonpath={.status.pods}"];
    assert_eq!(scene.kubectl(&counts).await?, r#"{"current":0,"injected":1,"selected":1}"#);
    scene.restart().await?;
    scene.until_said("Ready", "Ready").await?;
    assert_eq!(scene.kubectl(&counts).await?, r#"{"current":1,"injected":1,"selected":1}"#);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_rotated_and_a_deleted_one_closes_within_half_a_minute() -> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let _product = install::product(&cluster).await?;
    let scene = Scene::new(&cluster, "rotate").await?;
    scene.secret("hmac", SECRET).await?;
    scene.secret("next", OTHER).await?;
    scene.policy(&json!({})).await?;
    scene.until_in_force().await?;
    scene.server().await?;
    let (old, new) = (scene.token(SECRET, 600), scene.token(OTHER, 600));
    scene.until("the sidecar", Duration::from_secs(30), Some(&old), 200).await?;
    assert_eq!(scene.call(Some(&new)).await?.status, 401);
    let reference = |name: &str| json!({ "name": name, "key": "jwtSecret" });
    scene.edit(&json!({ "hmac": { "secretRefs": [reference("hmac"), reference("next")] } })).await?;
    let both = scene.until("both", Duration::from_secs(30), Some(&new), 200).await?;
    assert_eq!(scene.call(Some(&old)).await?.status, 200);
    scene.edit(&json!({ "hmac": { "secretRefs": [reference("next")] } })).await?;
    let alone = scene.until("the new one alone", Duration::from_secs(30), Some(&old), 401).await?;
    assert_eq!(scene.call(Some(&new)).await?.status, 200);
    scene.kubectl(&["delete", "secret", "next"]).await?;
    let closed = scene.until("closed", Duration::from_secs(30), Some(&new), 503).await?;
    assert_eq!(scene.pod().await?["status"]["initContainerStatuses"][0]["restartCount"], 0);
    eprintln!(
        "both secrets after {both:?}, the new one alone after {alone:?}, closed {closed:?} after it was deleted"
    );
    Ok(())
}
