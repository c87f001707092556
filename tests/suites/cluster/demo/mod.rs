//! The demo, as a program of its own: in a cluster of the user's, where it is a guest, and cut off at any point.

mod builds;
mod guest;
mod run;

use std::time::Duration;

use harness::demo::by_hand;
use harness::lab::command::check;
use harness::lab::leftovers::Snapshot;
use harness::lab::{Cluster, Environment, Error, Name, Paths, is_root};
use run::Run;
use tokio::process::Command;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_person_can_log_in_by_hand_while_the_demo_goes_on() -> Result<(), Error> {
    if Cluster::current_or_skip()?.is_none() || !is_root() {
        return Ok(());
    }
    let _quiet = install::quiet().await;
    let mut demo = Run::start("demo-by-hand", &[], &[])?;
    demo.until("by hand: open").await?;
    let address = demo.address().expect("an address is said").to_owned();
    let page = by_hand(&address).await?;
    assert!(page.contains("logged in as") && page.contains("ada") && page.contains("Echo: hello"), "{page}");
    // Its twin: somebody who comes back with an answer that the client did not ask for.
    let stranger = "callback?code=AAAA&state=none&iss=http%3A%2F%2F127.0.0.1";
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--noproxy", "*", "--max-time", "10", &format!("{address}{stranger}")]);
    let page = check(&mut curl, Duration::from_secs(20)).await?;
    assert!(page.contains("The login did not succeed") && page.contains("state"), "{page}");
    demo.interrupt();
    let ended = demo.end().await?;
    assert_eq!((ended.code, ended.left), (Some(130), Vec::new()), "{}", ended.said);
    Ok(())
}
