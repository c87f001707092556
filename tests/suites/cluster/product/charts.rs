//! `charts/mcp-server`: an image of somebody else's, closed from its first pod on.

use std::time::Duration;

use harness::counterparts::everything;
use harness::lab::command::check;
use harness::lab::{Cluster, Error};

use super::install;
use super::scene::{SECRET, Scene};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/mcp-server");

#[tokio::test(flavor = "multi_thread")]
async fn a_server_from_the_chart_is_closed_from_its_first_pod_on() -> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let _product = install::product(&cluster).await?;
    let scene = Scene::new(&cluster, "chart").await?;
    let (image, tag) = everything::IMAGE.rsplit_once(':').unwrap_or_default();
    let port = format!("port={}", everything::PORT);
    let (image, tag) = (format!("image.repository={image}"), format!("image.tag={tag}"));
    let (url, secret) = (format!("url={}", scene.url()), format!("oauth.jwtSecret={SECRET}"));
    let values = [&image, &tag, &port, &url, &secret, "oauth.enabled=true", "oauth.provider=hmac"];
    let mut arguments =
        vec!["install", "everything", CHART, "--namespace", scene.name(), "--wait", "--timeout", "90s"];
    for value in values {
        arguments.extend(["--set", value]);
    }
    check(&mut cluster.helm(&arguments), Duration::from_mins(2)).await?;
    scene.until("the Service", Duration::from_secs(20), None, 401).await?;
    assert_eq!(scene.call(Some(&scene.token(SECRET, 600))).await?.status, 200);
    scene.until_ready().await
}
