//! A sidecar alone, as people and their browsers meet it, with the provider by the book.
//!
//! On loopback; all of it ends with the test.

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
use url::Url;

use crate::alone::{Login, Place, Sidecar, free_port};
use crate::world::client::{Reply, request, send};
use crate::world::providers::quirks::Quirks;
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET, Provider};

const VERIFIER: &str = "a-verifier-of-the-client-with-enough-characters-in-it";
const START: Duration = Duration::from_mins(1);

pub(crate) fn paths() -> Paths {
    Paths::new(&Environment::of_process()).expect("there is a cache")
}

pub(crate) fn progress() -> Progress {
    Progress::since(Instant::now())
}

impl Sidecar {
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
