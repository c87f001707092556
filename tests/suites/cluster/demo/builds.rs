//! The demo cut off while it builds: with a cache of its own, in which Kubernetes is missing, and with programs in the
//! place of cargo and go that go on for ever, as the real ones would for minutes.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use harness::lab::leftovers::Snapshot;
use harness::lab::{Cluster, Environment, Error, Name, Paths, is_root};

use super::run::Run;
use crate::lab::left_since;

/// A compiler has children of its own, and does not end at the first word.
const BUILD: &str = "#!/bin/sh\ntrap '' TERM\nsleep 600 &\nwhile :; do sleep 600; done\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_is_cut_off_while_it_builds_ends_every_build() -> Result<(), Error> {
    if Cluster::current_or_skip()?.is_none() || !is_root() {
        return Ok(());
    }
    let folder = tempfile::tempdir().map_err(Error::file("create", "a temporary folder"))?;
    let paths = Paths::new(&Environment::of_process())?;
    symlink(paths.cache("tools"), folder.path().join("tools")).map_err(Error::file("create", "tools"))?;
    let search = builders(&folder.path().join("bin"))?;
    let nowhere = folder.path().join("assets");
    let environment = [
        ("MCP_OAUTH_CACHE", folder.path().to_path_buf()),
        ("KUBEBUILDER_ASSETS", nowhere),
        ("PATH", search.into()),
    ];
    let name: Name = "demo-builds".parse()?;
    let before = Snapshot::take(&name, &paths);
    let mut demo = Run::start(name.as_str(), &[], &environment)?;
    demo.until("from its Go module").await?;
    // Both builds, each with its two children.
    demo.has_started(6).await?;
    demo.interrupt();
    let ended = demo.end().await?;
    assert_eq!(ended.code, Some(130), "{}", ended.said);
    assert!(ended.said.contains("building mcp-oauth-sidecar …"), "{}", ended.said);
    assert_eq!(ended.left, [], "{}", ended.said);
    assert_eq!(left_since(&before, &name, &paths), Vec::<String>::new());
    Ok(())
}

/// A folder with the two, in front of all others.
fn builders(folder: &Path) -> Result<OsString, Error> {
    fs::create_dir(folder).map_err(Error::file("create", folder))?;
    for name in ["cargo", "go"] {
        let program = folder.join(name);
        fs::write(&program, BUILD).map_err(Error::file("write", &program))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
            .map_err(Error::file("change", &program))?;
    }
    let mut search = folder.as_os_str().to_owned();
    search.push(":");
    search.push(std::env::var_os("PATH").unwrap_or_default());
    Ok(search)
}
