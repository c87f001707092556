//! The product, installed once for all tests. Whoever takes it away holds it alone, and puts it back.

use harness::lab::command::check;
use harness::lab::{Cluster, Error};
use std::time::Duration;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit};

static INSTALLED: RwLock<bool> = RwLock::const_new(false);
/// How many tests look at the clock at the same time.
static GUESTS: Semaphore = Semaphore::const_new(2);
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/mcp-oauth-operator");
const RELEASE: [&str; 3] = ["mcp-oauth", "--namespace", "mcp-oauth-system"];

/// The product, and a place beside the others who use it.
type Shared = (RwLockReadGuard<'static, bool>, SemaphorePermit<'static>);

/// The installed product, for as long as the value lives.
pub(crate) async fn product(cluster: &Cluster) -> Result<Shared, Error> {
    loop {
        let installed = INSTALLED.read().await;
        if *installed {
            let place = GUESTS.acquire().await.expect("nobody closes it");
            return Ok((installed, place));
        }
        drop(installed);
        let mut installed = INSTALLED.write().await;
        if !*installed {
            install(cluster).await?;
            *installed = true;
        }
    }
}

/// The product, for a test that takes it apart. It counts as gone from now on.
pub(crate) async fn product_alone(cluster: &Cluster) -> Result<RwLockWriteGuard<'static, bool>, Error> {
    let mut installed = INSTALLED.write().await;
    if !*installed {
        install(cluster).await?;
    }
    *installed = false;
    Ok(installed)
}

/// The cluster with nothing of ours in it, for a test that brings the product itself, and takes it away again.
pub(crate) async fn nothing(cluster: &Cluster) -> Result<RwLockWriteGuard<'static, bool>, Error> {
    let mut installed = INSTALLED.write().await;
    *installed = false;
    clear(cluster).await?;
    Ok(installed)
}

/// Takes away everything of ours, also what the demo brought.
pub(crate) async fn clear(cluster: &Cluster) -> Result<(), Error> {
    let mut helm = cluster.helm(&["uninstall", RELEASE[0], RELEASE[1], RELEASE[2], "--ignore-not-found"]);
    check(&mut helm, Duration::from_mins(2)).await?;
    let namespaces = ["delete", "namespace", RELEASE[2], "mcp-demo", "--ignore-not-found"];
    cluster.kubectl().check(&namespaces).await?;
    let definition = ["delete", "crd", "mcpoauthpolicies.mcpoauth.dev", "--ignore-not-found"];
    cluster.kubectl().check(&definition).await.map(drop)
}

/// The cluster as it is, while no other test looks at the clock.
pub(crate) async fn quiet() -> RwLockWriteGuard<'static, bool> {
    INSTALLED.write().await
}

pub(crate) async fn install(cluster: &Cluster) -> Result<(), Error> {
    let images = [
        "--set",
        "image.repository=localhost/mcp-oauth-operator",
        "--set",
        "image.tag=dev",
        "--set",
        "sidecarImage.repository=localhost/mcp-oauth-sidecar",
        "--set",
        "sidecarImage.tag=dev",
    ];
    let how = ["upgrade", "--install", RELEASE[0], CHART, RELEASE[1], RELEASE[2], "--create-namespace"];
    let mut helm = cluster.helm(&[&how[..], &images, &["--wait", "--timeout", "90s"]].concat());
    check(&mut helm, Duration::from_mins(2)).await.map(drop)
}

pub(crate) async fn uninstall(cluster: &Cluster) -> Result<(), Error> {
    let mut helm =
        cluster.helm(&["uninstall", RELEASE[0], RELEASE[1], RELEASE[2], "--wait", "--timeout", "60s"]);
    check(&mut helm, Duration::from_mins(2)).await.map(drop)
}
