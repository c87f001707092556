//! A sidecar in proxy mode, as somebody runs it on their own machine: the program itself, with its variables.
//!
//! Starts it on loopback; it ends with the test.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::counterparts::everything::Everything;
use harness::lab::command::Group;
use harness::lab::{Environment, Paths, Progress, eventually};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sidecar::clock::Clock;
use tempfile::TempDir;
use url::Url;

use crate::world::SECRET;
use crate::world::client::{Reply, request, send};
use crate::world::providers::quirks::Quirks;
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::world::running::enforcing;

const VERIFIER: &str = "a-verifier-of-the-client-with-enough-characters-in-it";
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
        Self { origin: place.origin(), address, _folder: folder, _process: process }
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

    /// Where a public client of this name sends its user, who will come back to this address.
    pub(crate) async fn authorize(&self, name: &str, callback: &str) -> String {
        let metadata = json!({
            "client_name": name, "redirect_uris": [callback], "token_endpoint_auth_method": "none",
        });
        let client = self.register(&metadata).await;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let query = form(&[
            ("response_type", "code"),
            ("client_id", client["client_id"].as_str().expect("an id")),
            ("redirect_uri", callback),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", "the client's own"),
            ("resource", &self.url()),
        ]);
        format!("{}/oauth/authorize?{query}", self.origin)
    }

    /// What the client makes of the code that its user brought back.
    pub(crate) async fn redeem(&self, authorize: &str, code: &str) -> Reply {
        let asked = Url::parse(authorize).expect("an address");
        let asked = |name: &str| {
            let mut pairs = asked.query_pairs();
            pairs.find(|(known, _)| known == name).expect("it is there").1.into_owned()
        };
        let body = form(&[
            ("grant_type", "authorization_code"),
            ("client_id", &asked("client_id")),
            ("redirect_uri", &asked("redirect_uri")),
            ("code", code),
            ("code_verifier", VERIFIER),
        ]);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.post("/oauth/token", &headers, &body).await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.ask("POST", path, headers, body).await
    }

    /// One of its pages, by the whole address.
    pub(crate) async fn get(&self, url: &str) -> Reply {
        self.ask("GET", url.strip_prefix(&self.origin).expect("the page is here"), &[], "").await
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let host = self.origin.trim_start_matches("http://");
        send(self.address, request(method, path, &[&[("host", host)], headers].concat(), body)).await
    }
}

/// With the provider by the book, and nothing behind it that would answer.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) sidecar: Sidecar,
    pub(crate) provider: Provider,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let place = Place::free();
        let provider = Provider::start(Quirks::plain(), &Clock::system()).await;
        provider.register(&place.callback());
        let login =
            Login { provider: "oidc", issuer: &provider.issuer(), client: (CLIENT_ID, CLIENT_SECRET) };
        let sidecar = Sidecar::start(place, free_port(), login).await;
        Self { sidecar, provider }
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The reference server of the MCP project, and its port.
pub(crate) async fn everything() -> (Group, u16) {
    let everything = Everything::install(&paths(), progress()).await.expect("it is installed");
    let port = free_port();
    let mut command = everything.command(port);
    let server = Group::start(command.stdout(Stdio::null()).stderr(Stdio::null())).expect("it starts");
    eventually("the start of the server", START, async || {
        Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop))
    })
    .await
    .expect("it listens in time");
    (server, port)
}

/// The sidecar, as cargo has built it.
fn program() -> String {
    let suite = std::env::current_exe().expect("this test is a program");
    let built = suite.ancestors().nth(2).expect("cargo builds two folders deep").join("mcp-oauth-sidecar");
    assert!(built.exists(), "{} is not there: cargo build -p mcp-oauth-sidecar", built.display());
    built.to_string_lossy().into_owned()
}
