//! Node.js 24 from npm, for the programs of others that need a newer one than Debian has.

use std::env::consts::ARCH;
use std::path::{Path, PathBuf};

use super::npm;
use crate::lab::{Error, Paths, Progress};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node");

/// Fetches it, unless it is there, and gives the program.
pub async fn install(paths: &Paths, progress: Progress) -> Result<PathBuf, Error> {
    let folder = npm::install(Path::new(SOURCE), paths, progress).await?;
    // The names that Node.js has for what Rust calls otherwise.
    let machine = if ARCH == "aarch64" { "arm64" } else { "x64" };
    Ok(folder.join(format!("node_modules/node-linux-{machine}/bin/node")))
}
