//! A sidecar in proxy mode, as somebody runs it on their own machine: the program itself, with its variables.
//!
//! Starts it on loopback; it ends with the test.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::lab::command::Group;
use harness::lab::{Environment, Paths, Progress, eventually};
use serde_json::Value;
use sidecar::clock::Clock;
use tempfile::TempDir;

use crate::world::SECRET;
use crate::world::client::{Reply, request, send};
use crate::world::providers::quirks::Quirks;
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET, Provider};

const START: Duration = Duration::from_secs(30);

pub(crate) fn paths() -> Paths {
    Paths::new(&Environment::of_process()).expect("there is a cache")
}

pub(crate) fn progress() -> Progress {
    Progress::since(Instant::now())
}

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
    address: SocketAddr,
    _folder: TempDir,
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
    /// At this place, in front of this server, and ready.
    pub(crate) async fn start(place: Place, upstream: u16, login: Login<'_>) -> Self {
        let origin = place.origin();
        let address = SocketAddr::from(([127, 0, 0, 1], place.port));
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let variables = BTreeMap::from([
            ("OAUTH_MODE", "proxy".to_owned()),
            ("OAUTH_PROVIDER", login.provider.to_owned()),
            ("OAUTH_ISSUER", login.issuer.to_owned()),
            ("OAUTH_CLIENT_ID", login.client.0.to_owned()),
            ("OAUTH_CLIENT_SECRET", login.client.1.to_owned()),
            ("OAUTH_SERVER_URL", format!("{origin}/mcp")),
            ("JWT_SECRET", SECRET.to_owned()),
            ("MCP_OAUTH_UPSTREAM", format!("http://127.0.0.1:{upstream}")),
        ]);
        let mut words = vec!["-i".to_owned()];
        words.extend(variables.into_iter().map(|(name, value)| format!("{name}={value}")));
        words.push(program().to_string_lossy().into_owned());
        words.extend([format!("--listen={address}"), format!("--admin={admin}")]);
        let folder = tempfile::tempdir().expect("a temporary folder");
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
        Self { origin, address, _folder: folder, _process: process }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// The answer to a client that registers itself, as an object.
    pub(crate) async fn register(&self, metadata: &Value) -> Value {
        let headers = [("content-type", "application/json")];
        let reply = self.post("/oauth/register", &headers, &metadata.to_string()).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json()
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let host = self.origin.trim_start_matches("http://");
        send(self.address, request("POST", path, &[&[("host", host)], headers].concat(), body)).await
    }
}

/// With the provider by the book, and nothing behind it that would answer.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) sidecar: Sidecar,
    _provider: Provider,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let place = Place::free();
        let provider = Provider::start(Quirks::plain(), &Clock::system()).await;
        provider.register(&place.callback());
        let login =
            Login { provider: "oidc", issuer: &provider.issuer(), client: (CLIENT_ID, CLIENT_SECRET) };
        let sidecar = Sidecar::start(place, free_port(), login).await;
        Self { sidecar, _provider: provider }
    }
}

/// The sidecar, as cargo has built it.
fn program() -> PathBuf {
    let suite = std::env::current_exe().expect("this test is a program");
    let built = suite.ancestors().nth(2).expect("cargo builds two folders deep").join("mcp-oauth-sidecar");
    assert!(built.exists(), "{} is not there: cargo build -p mcp-oauth-sidecar", built.display());
    built
}
