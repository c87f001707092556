//! The MCP Inspector (Node 22 or later), as its packages come, used in Chromium by clicks: `tests/clients/inspector`. Like the
//! other clients it takes `--url`, prints one line of JSON and ends with 0 only if everything was right; `--person NAME:PASSWORD`
//! is who logs in.

use std::path::{Path, PathBuf};

use super::clients::{Browser, McpClient};
use super::{node, npm};
use crate::lab::{Error, Paths, Progress};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/inspector");
const FILES: [&str; 5] = [
    "clients/inspector/main.mjs",
    "clients/inspector/login.mjs",
    "clients/inspector/versions.mjs",
    "clients/common.mjs",
    "browser/chromium.mjs",
];

/// The installed packages, with the program and its first arguments.
#[derive(Debug, Clone)]
pub struct Inspector {
    pub program: PathBuf,
    pub arguments: Vec<PathBuf>,
}

impl Inspector {
    /// The current version, which calls servers through its backend. Fetches the packages, unless they are there.
    pub async fn install(chromium: &Path, paths: &Paths, progress: Progress) -> Result<Self, Error> {
        let program = node::install(paths, progress).await?;
        let folder = prepare(paths, progress).await?;
        let arguments = vec![folder.join("main.mjs"), "--chromium".into(), chromium.to_path_buf()];
        Ok(Self { program, arguments })
    }

    /// With its page on this port of localhost.
    #[must_use]
    pub fn at(mut self, port: u16) -> Self {
        self.arguments.extend(["--port".into(), port.to_string().into()]);
        self
    }

    /// The last version that calls servers from its page: their policy must allow its origin.
    #[must_use]
    pub fn direct(mut self) -> Self {
        self.arguments.push("--direct".into());
        self
    }
}

/// The current version as one of the clients that log in.
pub async fn client(chromium: &Path, paths: &Paths, progress: Progress) -> Result<McpClient, Error> {
    let Inspector { program, arguments } = Inspector::install(chromium, paths, progress).await?;
    Ok(McpClient {
        name: "inspector",
        title: "MCP Inspector, in Chromium",
        version: npm::version(Path::new(SOURCE), "@modelcontextprotocol/inspector")?,
        program,
        arguments,
        environment: Vec::new(),
        browser: Browser::Own,
    })
}

/// Fetches the packages, unless they are there, and gives their folder.
pub async fn prepare(paths: &Paths, progress: Progress) -> Result<PathBuf, Error> {
    let folder = npm::install(Path::new(SOURCE), paths, progress).await?;
    for file in FILES {
        npm::put(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file), &folder)?;
    }
    Ok(folder)
}
