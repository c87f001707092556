//! The MCP Inspector, which is how developers look at their servers, in a real browser: from the refusal to the answer of a
//! tool, through its own backend and from its page (§3c).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::counterparts::chromium;
use harness::counterparts::inspector::Inspector;
use harness::counterparts::oidc_provider::{self, CLIENT_ID, CLIENT_SECRET, OidcProvider};
use harness::lab::Environment;
use harness::lab::command::{Group, capture};
use serde_json::Value;
use tokio::process::Command;
use url::Url;

use crate::alone::{Login, Place, Sidecar, free_port};
use crate::scene::{everything, paths, progress};
use crate::world::client::{request, send};

const BOUND: Duration = Duration::from_mins(2);

/// A provider and a server that others wrote, and the Inspector.
struct Stage {
    place: Place,
    provider: OidcProvider,
    upstream: u16,
    inspector: Inspector,
    _server: Group,
}

impl Stage {
    /// None where there is no Chromium, and none is required.
    async fn set() -> Option<Self> {
        let chromium = chromium::find_or_skip(&Environment::of_process()).expect("Chromium is installed")?;
        let (paths, progress) = (paths(), progress());
        let inspector = Inspector::install(&chromium, &paths, progress).await.expect("it is installed");
        let folder = oidc_provider::install(&paths, progress).await.expect("it is installed");
        let place = Place::free();
        let provider = OidcProvider::start(&folder, &[&place.callback()]).await.expect("it starts");
        let (server, upstream) = everything().await;
        Some(Self { place, provider, upstream, inspector, _server: server })
    }

    fn login(&self) -> Login<'_> {
        Login { provider: "oidc", issuer: self.provider.issuer(), client: (CLIENT_ID, CLIENT_SECRET) }
    }

    /// A policy that lets pages of this origin call.
    fn policy(&self, origin: &str) -> String {
        let (resource, issuer, callback) = (self.place.url(), self.provider.issuer(), self.place.callback());
        let key = |byte: u8| STANDARD.encode([byte; 32]);
        format!(
            "resource: {resource}\nmaxBodyBytes: 4194304\nallowedOrigins: ['{origin}']\n\
             trust: {{audiences: ['{resource}']}}\nclaims: {{scope: [scope], user: sub, audience: aud}}\nproxy:\n  \
             login: {{provider: oidc, issuer: '{issuer}', clientId: '{CLIENT_ID}', clientSecret: '{CLIENT_SECRET}', \
             scopes: [openid, email], extraParams: {{}}}}\n  \
             redirects: ['{callback}']\n  clients: {{dynamic: on, metadataDocuments: on}}\n  consent: always\n  \
             lifetimes: {{access: 900, refresh: 2592000}}\n  \
             keys: {{seal: [{{id: k1, key: '{}'}}], sign: [{{id: k2, key: '{}'}}]}}\n",
            key(1),
            key(2),
        )
    }
}

/// Its verdict and its last words.
async fn run(inspector: &Inspector, url: &str, person: &str) -> (bool, Value) {
    let mut command = Command::new(&inspector.program);
    command.args(&inspector.arguments).args(["--url", url, "--person", person]);
    let output = capture(&mut command, BOUND).await.expect("it ends in time");
    let line = output.stdout.lines().last().unwrap_or_default();
    let said = serde_json::from_str(line).map_err(|_| format!("{}{}", output.stdout, output.stderr));
    (output.success(), said.expect("its last line is JSON"))
}

#[tokio::test]
async fn the_inspector_logs_its_user_in_and_calls_a_tool_and_somebody_whom_the_provider_refuses_gets_nothing()
{
    let Some(stage) = Stage::set().await else { return };
    let sidecar = Sidecar::start(stage.place, stage.upstream, stage.login()).await;
    let (right, said) = run(&stage.inspector.clone().at(free_port()), &sidecar.url(), "ada:").await;
    assert!(right, "{said}");
    assert_eq!((&said["right"], &said["client"]), (&true.into(), &"inspector".into()));
    assert!(said["tools"].as_u64() > Some(10) && said["answer"] == "Echo: hello", "{said}");

    let issuer = Url::parse(stage.provider.issuer()).expect("an address");
    let door = issuer.socket_addrs(|| None).expect("an address and a port")[0];
    assert_eq!(send(door, request("PUT", "/disabled/eve", &[], "")).await.status, 204);
    let (right, said) = run(&stage.inspector.clone().at(free_port()), &sidecar.url(), "eve:").await;
    let error = said["error"].as_str().unwrap_or_default();
    assert!(!right && error.starts_with("the provider goes no further: "), "{said}");
}

#[tokio::test]
async fn the_inspector_calls_from_its_page_where_the_policy_allows_its_origin_and_nowhere_else() {
    let Some(stage) = Stage::set().await else { return };
    let port = free_port();
    let inspector = stage.inspector.clone().direct().at(port);
    for (origin, good) in
        [(format!("http://localhost:{port}"), true), ("http://localhost:9".to_owned(), false)]
    {
        let sidecar = Sidecar::enforcing(stage.place, stage.upstream, &stage.policy(&origin)).await;
        let (right, said) = run(&inspector, &sidecar.url(), "ada:").await;
        assert_eq!(right, good, "{origin}: {said}");
        assert_eq!(
            said["answer"].as_str().is_some_and(|answer| answer.contains("Echo: hello")),
            good,
            "{said}"
        );
    }
}
