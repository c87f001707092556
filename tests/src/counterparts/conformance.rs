//! The conformance suite of the MCP project (Node 22 or later), as its package comes.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{node, npm};
use crate::lab::{Error, Paths, Progress};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/conformance");
const PROGRAM: &str = "node_modules/@modelcontextprotocol/conformance/dist/index.js";

/// The installed package.
#[derive(Debug, Clone)]
pub struct Conformance {
    node: PathBuf,
    folder: PathBuf,
}

impl Conformance {
    /// Fetches the package, unless it is there.
    pub async fn install(paths: &Paths, progress: Progress) -> Result<Self, Error> {
        let node = node::install(paths, progress).await?;
        let folder = npm::install(Path::new(SOURCE), paths, progress).await?;
        Ok(Self { node, folder })
    }

    /// What it says of the authorization server with this issuer: a person has to follow the URL that it prints, and
    /// ends at this port of 127.0.0.1.
    pub fn authorization(&self, issuer: &str, client: &str, port: u16) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(self.folder.join(PROGRAM)).arg("authorization").args(["--url", issuer]);
        command.args(["--client-id", client, "--port", &port.to_string()]);
        command
    }
}
