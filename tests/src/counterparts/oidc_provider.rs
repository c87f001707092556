//! `oidc-provider`, a certified OpenID provider written by others (Node), configured as strictly as it can be by the
//! program in `tests/servers/oidc-provider`: PKCE and a nonce required, refresh tokens rotated, `iss` in responses.
//!
//! Fetches packages by name into the cache; starts a program that listens on loopback and ends with this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::npm;
use crate::lab::command::{Group, tail};
use crate::lab::{Error, Paths, Progress, eventually};

/// The one client that it knows: confidential, and authenticated by Basic.
pub const CLIENT_ID: &str = "mcp-oauth";
pub const CLIENT_SECRET: &str = "known to this test alone: 100%";

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/oidc-provider");
const PROGRAM: &str = "main.mjs";
const START: Duration = Duration::from_mins(1);

/// A provider that runs until this value is dropped.
#[derive(Debug)]
pub struct OidcProvider {
    server: Group,
    issuer: String,
    _folder: tempfile::TempDir,
}

/// Fetches its packages, unless they are there. Gives the folder with the program.
pub async fn install(paths: &Paths, progress: Progress) -> Result<PathBuf, Error> {
    let folder = npm::install(Path::new(SOURCE), paths, progress).await?;
    // Node looks for packages beside the program's own file, so that is where it must lie.
    let (source, copy) = (Path::new(SOURCE).join(PROGRAM), folder.join(PROGRAM));
    fs::copy(&source, &copy).map_err(Error::file("copy", &source))?;
    Ok(folder)
}

/// The version that is fetched.
pub fn version() -> Result<String, Error> {
    npm::version(Path::new(SOURCE), "oidc-provider")
}

impl OidcProvider {
    /// Starts it on a free port of loopback; its client may come back to these URIs.
    pub async fn start(folder: &Path, redirect_uris: &[&str]) -> Result<Self, Error> {
        let own = tempfile::tempdir().map_err(Error::file("create", Path::new("a temporary folder")))?;
        let log = own.path().join("log");
        let arguments = [
            format!("CLIENT_ID={CLIENT_ID}"),
            format!("CLIENT_SECRET={CLIENT_SECRET}"),
            format!("REDIRECT_URIS={}", redirect_uris.join(" ")),
            super::everything::node()?.to_string_lossy().into_owned(),
            folder.join(PROGRAM).to_string_lossy().into_owned(),
        ];
        // It ends with the test, however that ends.
        let mut server = Group::tethered(Path::new("env"), &arguments, &log)?;
        let issuer = eventually("the start of oidc-provider", START, async || {
            let said = fs::read_to_string(&log).unwrap_or_default();
            if let Some(status) = server.ended() {
                return Err(Error::Failed {
                    program: "oidc-provider".to_owned(),
                    status,
                    output: tail(&said),
                });
            }
            let line = said.lines().find_map(|line| line.strip_prefix("listening at "));
            Ok(line.map(ToOwned::to_owned))
        })
        .await?;
        Ok(Self { server, issuer, _folder: own })
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The process that it and its keeper hang on.
    pub fn id(&self) -> Option<u32> {
        self.server.id()
    }
}
