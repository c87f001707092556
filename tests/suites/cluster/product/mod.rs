//! The whole product in a real cluster: operator, admission, kubelet, sidecar, and a real MCP server that nobody touched
//! (promises 1, 2 and 4; K14, K15, N1, N7, N12, W1–W3, W8, P13, R9, S1). Figures are printed; bounds are the issue's.

mod charts;
mod edits;
pub(crate) mod install;
mod scene;
mod without_us;

use std::time::Duration;

use harness::lab::{Cluster, Error, eventually};
use scene::{SECRET, Scene};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_names_its_port_leads_through_the_sidecar_and_nothing_refused_reaches_the_server()
-> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let _product = install::product(&cluster).await?;
    let scene = Scene::new(&cluster, "gate").await?;
    scene.server().await?;
    // Without a policy the server is open.
    scene.until("the server", Duration::from_secs(30), None, 200).await?;
    scene.secret("hmac", SECRET).await?;
    scene.policy(&json!({})).await?;
    the_open_pod_is_reported(&scene).await?;
    scene.until_in_force().await?;
    scene.restart().await?;
    scene.until_ready().await?;
    scene.until("the sidecar", Duration::from_secs(20), None, 401).await?;
    the_policy_says_how_it_is(&scene).await?;
    let before = scene.server_log().await?;
    for token in [
        None,
        Some("garbage".to_owned()),
        Some(scene.token("another secret of thirty-two bytes", 600)),
        Some(scene.token(SECRET, -600)),
    ] {
        let answer = scene.call(token.as_deref()).await?;
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert!(answer.text.contains(&format!("resource_metadata=\"{}", scene.origin())), "{}", answer.text);
    }
    assert_eq!(scene.server_log().await?, before, "a refused request left a trace in the server's log");
    let answer = scene.call(Some(&scene.token(SECRET, 600))).await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_ne!(scene.server_log().await?, before, "the log does show requests");
    Ok(())
}

/// K17: a pod from before the policy is named before anybody restarts it.
async fn the_open_pod_is_reported(scene: &Scene<'_>) -> Result<(), Error> {
    let open = async || {
        let injected = scene.condition("Injected").await?;
        let found = injected["status"] == "False" && injected["reason"] == "PodsNotInjected";
        Ok(found.then_some(injected))
    };
    let injected = eventually("the open pod", Duration::from_secs(10), open).await?;
    let pod = scene.pod().await?["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    assert!(injected["message"].as_str().is_some_and(|text| text.contains(&pod)), "{injected}");
    Ok(())
}

/// One line, and an Event: what a person sees who looks.
async fn the_policy_says_how_it_is(scene: &Scene<'_>) -> Result<(), Error> {
    let table = scene.kubectl(&["get", "mop", "everything"]).await?;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "READY", "REASON", "PROVIDER", "PODS", "CURRENT", "URL", "AGE"]);
    assert_eq!(rows[1][..7], ["everything", "True", "Ready", "hmac", "1", "1", scene.url().as_str()]);
    let select = "involvedObject.kind=McpOAuthPolicy,involvedObject.name=everything,reason=Ready";
    let published = async || {
        let events = scene.kubectl(&["get", "events", "--field-selector", select, "--output=name"]).await?;
        Ok((!events.is_empty()).then_some(()))
    };
    eventually("an Event", Duration::from_secs(10), published).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_secret_a_policy_is_closed_says_why_and_opens_by_itself() -> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let _product = install::product(&cluster).await?;
    let scene = Scene::new(&cluster, "late").await?;
    scene.policy(&json!({})).await?;
    scene.until_in_force().await?;
    scene.server_not_ready().await?;
    let pod = scene.running_pod().await?;
    // A pod that is not ready gets nothing through its Service; whoever knows its address is answered 503.
    let address = format!("http://{}:17080/mcp", pod["status"]["podIP"].as_str().unwrap_or_default());
    let closed = scene.call_at(&address, None).await?;
    assert!(closed.status == 503 && closed.text.contains("retry-after"), "{}", closed.text);
    assert_eq!(pod["status"]["initContainerStatuses"][0]["ready"], false);
    let log = cluster
        .kubectl()
        .logs(scene.name(), pod["metadata"]["name"].as_str().unwrap_or_default(), "mcp-oauth")
        .await?;
    assert!(
        log.contains("there is no Secret 'hmac' in this namespace: create it, with the key 'jwtSecret'"),
        "{log}"
    );
    let condition = scene.condition("Ready").await?;
    assert_eq!(condition["reason"], "ReferenceNotFound");
    assert!(condition["message"].as_str().is_some_and(|text| text.contains("create it")), "{condition}");
    scene.secret("hmac", SECRET).await?;
    let opened = scene.until("open", Duration::from_secs(30), Some(&scene.token(SECRET, 600)), 200).await?;
    eprintln!("open {opened:?} after the Secret came");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_the_sidecar_comes_to_its_end_also_where_pods_are_restricted() -> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let _product = install::product(&cluster).await?;
    let scene = Scene::new(&cluster, "job").await?;
    let label = ["label", "namespace", scene.name(), "pod-security.kubernetes.io/enforce=restricted"];
    cluster.kubectl().check(&label).await?;
    scene.secret("hmac", SECRET).await?;
    scene.policy(&json!({})).await?;
    scene.until_in_force().await?;
    scene.apply(&Scene::job()).await?;
    let done = ["wait", "job/job", "--for=condition=Complete", "--timeout=60s", "--namespace", scene.name()];
    cluster.kubectl().check(&done).await?;
    let pods = cluster.kubectl().get(&["pods", "--namespace", scene.name()]).await?;
    assert_eq!(pods["items"][0]["spec"]["initContainers"][0]["name"], "mcp-oauth");
    Ok(())
}
