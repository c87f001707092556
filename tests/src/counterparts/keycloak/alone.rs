//! Keycloak on its own, on loopback and without TLS, as somebody tries it on a laptop. It knows one client, which may come back
//! to the addresses that it is started with.

use std::net::TcpListener;
use std::path::Path;

use tokio::process::Command;

use super::{CALLBACKS, JAVA, ready};
use crate::lab::Error;
use crate::lab::command::Group;

/// Of its realm: the one client.
pub const CLIENT_ID: &str = "mcp-oauth";
pub const CLIENT_SECRET: &str = "known-to-this-test-alone";

/// A Keycloak that runs until this value is dropped.
#[derive(Debug)]
pub struct Alone {
    _server: Group,
    issuer: String,
    _folder: tempfile::TempDir,
}

impl Alone {
    /// Starts it on a free port.
    pub async fn start(home: &Path, callbacks: [&str; 2]) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::file("create", Path::new("a temporary folder")))?;
        let log = folder.path().join("log");
        let origin = format!("http://127.0.0.1:{}", free_port()?);
        let port = origin.rsplit(':').next().unwrap_or_default();
        let callbacks = CALLBACKS.iter().zip(callbacks).map(|(name, callback)| format!("{name}={callback}"));
        let arguments: Vec<String> = callbacks
            .chain(JAVA.into_iter().chain(["sh"]).map(str::to_owned))
            .chain([home.join("bin/kc.sh").to_string_lossy().into_owned()])
            .chain(["start", "--optimized", "--import-realm", "--cache=local"].map(str::to_owned))
            .chain(["--http-enabled=true", "--http-host=127.0.0.1"].map(str::to_owned))
            .chain([format!("--http-port={port}"), format!("--hostname={origin}")])
            .collect();
        // It ends with the test, however that ends.
        let mut server = Group::tethered(Path::new("env"), &arguments, &log)?;
        let issuer = format!("{origin}/realms/people");
        let document = format!("{issuer}/.well-known/openid-configuration");
        let asked = || {
            let mut curl = Command::new("curl");
            curl.arg(&document);
            curl
        };
        ready(&mut server, &log, asked).await?;
        Ok(Self { _server: server, issuer, _folder: folder })
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

fn free_port() -> Result<u16, Error> {
    let failed = |source| Error::Start { program: "listener".to_owned(), source };
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
    Ok(listener.local_addr().map_err(failed)?.port())
}
