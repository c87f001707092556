//! A sidecar in proxy mode, as somebody runs it on their own machine: the program that ships, with its variables, or with a
//! policy as the operator delivers it. Shared by the suites that meet it so.
//!
//! Starts it on loopback; it ends with the value that holds it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use harness::lab::command::{Group, tail};
use harness::lab::eventually;
use tempfile::TempDir;

use crate::world::SECRET;
use crate::world::client::{request, send};
use crate::world::running::enforcing;

const START: Duration = Duration::from_mins(1);

/// A port of loopback that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A sidecar that runs until this value is dropped.
#[derive(Debug)]
pub(crate) struct Sidecar {
    /// The issuer, and where its pages are.
    pub(crate) origin: String,
    pub(crate) address: SocketAddr,
    folder: TempDir,
    _process: Group,
}

/// A port on which a sidecar will listen, so that whatever must know it beforehand can be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    port: u16,
}

impl Place {
    pub(crate) fn free() -> Self {
        Self { port: free_port() }
    }

    pub(crate) fn origin(self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// What clients call.
    pub(crate) fn url(self) -> String {
        format!("{}/mcp", self.origin())
    }

    /// Where the provider sends people back to.
    pub(crate) fn callback(self) -> String {
        format!("{}/oauth/callback", self.origin())
    }
}

/// A provider that the sidecar logs people in with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) provider: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) client: (&'a str, &'a str),
}

impl Sidecar {
    /// At this place, in front of this server, with nothing but variables, and ready.
    pub(crate) async fn start(place: Place, upstream: u16, login: Login<'_>) -> Self {
        let url = place.url();
        let variables = [
            ("OAUTH_MODE", "proxy"),
            ("OAUTH_PROVIDER", login.provider),
            ("OAUTH_ISSUER", login.issuer),
            ("OAUTH_CLIENT_ID", login.client.0),
            ("OAUTH_CLIENT_SECRET", login.client.1),
            ("OAUTH_SERVER_URL", &url),
            ("JWT_SECRET", SECRET),
        ];
        let mut words: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        words.push(program());
        Self::run(place, upstream, words, tempfile::tempdir().expect("a temporary folder")).await
    }

    /// The same, with a policy as the operator would deliver it.
    pub(crate) async fn enforcing(place: Place, upstream: u16, policy: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let document = enforcing("r1", policy);
        std::fs::write(folder.path().join("policy.yaml"), document).expect("a folder of our own");
        let words = vec![program(), format!("--policy-dir={}", folder.path().display())];
        Self::run(place, upstream, words, folder).await
    }

    /// With these variables, the program and its first flags; with nothing else in its environment.
    async fn run(place: Place, upstream: u16, mut words: Vec<String>, folder: TempDir) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], place.port));
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
        words.insert(0, "-i".to_owned());
        words.extend([format!("--listen={address}"), format!("--admin={admin}")]);
        words.push(format!("--upstream=http://127.0.0.1:{upstream}"));
        let log = folder.path().join("log");
        let mut process = Group::tethered(Path::new("env"), &words, &log).expect("it starts");
        eventually("the start of the sidecar", START, async || {
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(process.ended().is_none(), "the sidecar has ended: {}", said());
            let listens = tokio::net::TcpStream::connect(admin).await.is_ok();
            Ok((listens && send(admin, request("GET", "/readyz", &[], "")).await.status == 200).then_some(()))
        })
        .await
        .expect("it is ready in time");
        Self { origin: place.origin(), address, folder, _process: process }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// The end of what it has said so far.
    pub(crate) fn said(&self) -> String {
        tail(&std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default())
    }
}

/// The sidecar, as cargo has built it.
fn program() -> String {
    let suite = std::env::current_exe().expect("this test is a program");
    let built = suite.ancestors().nth(2).expect("cargo builds two folders deep").join("mcp-oauth-sidecar");
    assert!(built.exists(), "{} is not there: cargo build -p mcp-oauth-sidecar", built.display());
    built.to_string_lossy().into_owned()
}
