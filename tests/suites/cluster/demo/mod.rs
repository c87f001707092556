//! The demo, as a program of its own: in a cluster of the user's, where it is a guest, and cut off at any point.

mod builds;
mod guest;
mod run;

use harness::lab::leftovers::Snapshot;
use harness::lab::{Cluster, Environment, Error, Name, Paths, is_root};
use run::Run;

use crate::lab::{all_gone, left_since};
use crate::product::install;

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_is_cut_off_at_any_point_leaves_nothing_behind() -> Result<(), Error> {
    if Cluster::current_or_skip()?.is_none() || !is_root() {
        return Ok(());
    }
    let _quiet = install::quiet().await;
    let paths = Paths::new(&Environment::of_process())?;
    let name: Name = "demo-cut-off".parse()?;
    let before = Snapshot::take(&name, &paths);
    for moment in [
        "a call without a token is refused",
        "building mcp-oauth-sidecar and mcp-oauth-operator",
        "the API server is ready",
        "an MCP server as somebody else wrote it",
    ] {
        let mut demo = Run::start(name.as_str(), &[], &[])?;
        demo.until(moment).await?;
        demo.has_started(1).await?;
        demo.interrupt();
        let ended = demo.end().await?;
        assert_eq!(ended.code, Some(130), "{moment}: {}", ended.said);
        assert_eq!(ended.left, [], "{moment}: {}", ended.said);
        all_gone(&paths, &name).await?;
        assert_eq!(left_since(&before, &name, &paths), Vec::<String>::new(), "{moment}");
        assert!(!paths.run(&name).exists(), "{moment}");
    }
    Ok(())
}
