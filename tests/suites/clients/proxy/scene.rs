//! Three replicas of an unmodified server, a policy in proxy mode, and what a test does to them. Acts through kubectl, and
//! talks to the sidecars in the pods.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::counterparts::everything;
use harness::counterparts::keycloak::alone::{CLIENT_ID, CLIENT_SECRET};
use harness::counterparts::keycloak::in_cluster::{PEOPLE, PORT};
use harness::counterparts::keycloak::{HOST, Keycloak};
use harness::lab::command::check;
use harness::lab::{Cluster, Error, eventually, network};
use serde_json::{Value, json};
use sidecar::clock::Clock;

use super::login::At;
use crate::world::browser::Browser;
use crate::world::client::{Reply, request, send};

pub(super) const ORIGIN: &str = "https://mcp.example.com";
pub(super) const RESOURCE: &str = "https://mcp.example.com/mcp";
const NAMESPACE: &str = "mcp-proxy";
const SERVER: &str = "everything";
const POLICY: &str = "everything";
const REPLICAS: usize = 3;
const SIDECAR_PORT: u16 = 17080;
const PATIENCE: Duration = Duration::from_mins(2);
const LONG_AGO: &str = "2026-01-01T00:00:00Z";
const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"suite","version":"1"}}}"#;

pub(super) struct Scene<'a> {
    cluster: &'a Cluster,
    authority: String,
    keycloak: IpAddr,
}

impl<'a> Scene<'a> {
    pub(super) async fn set(cluster: &'a Cluster, keycloak: &Keycloak) -> Result<Self, Error> {
        let file = keycloak.authority();
        let authority = std::fs::read_to_string(&file).map_err(Error::file("read", &file))?;
        let node = IpAddr::from(network::NODE);
        let scene = Self { cluster, authority, keycloak: node };
        let kubectl = cluster.kubectl();
        kubectl.run(&["delete", "namespace", NAMESPACE, "--ignore-not-found"]).await?;
        kubectl.check(&["create", "namespace", NAMESPACE]).await?;
        let bundle = format!("--from-file=ca.crt={}", file.display());
        kubectl.check(&["create", "configmap", "identity-ca", "-n", NAMESPACE, &bundle]).await?;
        let secret = format!("--from-literal=clientSecret={CLIENT_SECRET}");
        kubectl.check(&["create", "secret", "generic", "provider", "-n", NAMESPACE, &secret]).await?;
        kubectl.apply(&policy().to_string()).await?;
        scene.wait("Accepted").await?;
        kubectl.check(&["apply", "-n", NAMESPACE, "-f", everything::MANIFEST_FILE]).await?;
        let scale = format!("--replicas={REPLICAS}");
        kubectl.check(&["scale", "deployment", SERVER, "-n", NAMESPACE, &scale]).await?;
        scene.rolled_out().await?;
        scene.wait("Ready").await?;
        Ok(scene)
    }

    /// A browser of its own, which knows the way to Keycloak.
    pub(super) fn browser(&self) -> Browser {
        let mut browser = Browser::new(&Clock::system());
        browser.trust(&self.authority);
        browser.host(HOST, SocketAddr::new(self.keycloak, PORT));
        browser
    }

    /// The sidecars of the pods that are there to stay.
    pub(super) async fn replicas(&self) -> Result<Vec<SocketAddr>, Error> {
        let found = async || {
            let pods = self.cluster.kubectl().get(&["pods", "-n", NAMESPACE, "-l", "app=everything"]).await?;
            let all = pods["items"].as_array().cloned().unwrap_or_default();
            let addresses: Vec<_> = all.iter().filter_map(address).collect();
            Ok((all.len() == REPLICAS && addresses.len() == REPLICAS).then_some(addresses))
        };
        eventually("three replicas, and no other pod", PATIENCE, found).await
    }

    /// The server's pods one after the other, and the operator meanwhile.
    pub(super) async fn restart_everything(&self) -> Result<(), Error> {
        let kubectl = self.cluster.kubectl();
        for (namespace, deployment) in [(NAMESPACE, SERVER), ("mcp-oauth-system", "mcp-oauth-operator")] {
            kubectl.check(&["rollout", "restart", "deployment", deployment, "-n", namespace]).await?;
        }
        let operator = ["rollout", "status", "deployment", "mcp-oauth-operator", "-n", "mcp-oauth-system"];
        kubectl.check(&[&operator[..], &["--timeout=90s"]].concat()).await?;
        self.rolled_out().await
    }

    /// What a person does who wants new keys.
    pub(super) async fn ask_for_new_keys(&self) -> Result<(), Error> {
        let annotation = "mcpoauth.dev/rotate-keys=now";
        self.cluster
            .kubectl()
            .check(&["annotate", "mop", POLICY, "-n", NAMESPACE, annotation])
            .await
            .map(drop)
    }

    /// As if the keys had been made longer ago: the next ones are old enough to be the first.
    pub(super) async fn let_time_pass(&self) -> Result<(), Error> {
        let secret = format!("{POLICY}-mcp-oauth");
        let found = self.cluster.kubectl().get(&["secret", &secret, "-n", NAMESPACE]).await?;
        let document = found["data"]["keys.yaml"].as_str().and_then(|text| STANDARD.decode(text).ok());
        let mut ring: Value = serde_yaml::from_slice(&document.unwrap_or_default()).expect("a ring");
        for kind in ["seal", "sign"] {
            assert!(ring[kind]["next"].is_object(), "{kind}: the next key is there");
            ring[kind]["next"]["born"] = LONG_AGO.into();
        }
        let document = serde_yaml::to_string(&ring).expect("YAML");
        let patch = json!({ "data": { "keys.yaml": STANDARD.encode(document) } }).to_string();
        let patch = ["patch", "secret", &secret, "-n", NAMESPACE, "--type=merge", "--patch", &patch];
        self.cluster.kubectl().check(&patch).await.map(drop)
    }

    pub(super) async fn until_keys(
        &self,
        replicas: &[SocketAddr],
        good: impl Fn(&[String]) -> bool,
    ) -> Result<Vec<String>, Error> {
        let published = async || {
            let mut keys = Vec::new();
            for replica in replicas {
                keys = signing_keys(*replica).await;
                if !good(&keys) {
                    return Ok(None);
                }
            }
            Ok(Some(keys))
        };
        eventually("new keys on every replica", PATIENCE, published).await
    }

    /// Logs in until a token is signed by another key than `held`; gives its id.
    pub(super) async fn until_signed_by_another(
        &self,
        replicas: &[SocketAddr],
        held: &At,
    ) -> Result<String, Error> {
        let signed = async || {
            let now = At::all_the_way(self, replicas).await.signed_by();
            Ok((now != held.signed_by()).then_some(now))
        };
        eventually("a token under the new key", PATIENCE, signed).await
    }

    async fn rolled_out(&self) -> Result<(), Error> {
        let status = ["rollout", "status", "deployment", SERVER, "-n", NAMESPACE, "--timeout=120s"];
        check(&mut self.cluster.kubectl().command(&status), PATIENCE).await.map(drop)
    }

    async fn wait(&self, condition: &str) -> Result<(), Error> {
        let condition = format!("--for=condition={condition}");
        let wait = ["wait", "mop", POLICY, "-n", NAMESPACE, &condition, "--timeout=90s"];
        check(&mut self.cluster.kubectl().command(&wait), PATIENCE).await.map(drop)
    }
}

/// The address of a ready pod's sidecar.
fn address(pod: &Value) -> Option<SocketAddr> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let is_ready = conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
    let stays = pod["metadata"]["deletionTimestamp"].is_null();
    let address: IpAddr = pod["status"]["podIP"].as_str()?.parse().ok()?;
    (is_ready && stays).then_some(SocketAddr::new(address, SIDECAR_PORT))
}

pub(super) async fn post(replica: SocketAddr, path: &str, kind: &str, body: &str) -> Reply {
    send(replica, request("POST", path, &[("content-type", kind)], body)).await
}

/// The status that a tool's server answers with through this replica.
pub(super) async fn call(replica: SocketAddr, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    send(replica, request("POST", "/mcp", &headers, INITIALIZE)).await.status
}

/// The ids of the keys that this replica publishes.
pub(super) async fn signing_keys(replica: SocketAddr) -> Vec<String> {
    let document = send(replica, request("GET", "/.well-known/jwks.json", &[], "")).await.json();
    let keys = document["keys"].as_array().cloned().unwrap_or_default();
    keys.iter().filter_map(|key| key["kid"].as_str().map(str::to_owned)).collect()
}

fn policy() -> Value {
    json!({
        "apiVersion": "mcpoauth.dev/v1alpha1", "kind": "McpOAuthPolicy",
        "metadata": { "name": POLICY, "namespace": NAMESPACE },
        "spec": {
            "selector": { "matchLabels": { "app": SERVER } },
            "server": { "url": RESOURCE },
            "mode": "proxy",
            "provider": "keycloak",
            "oidc": {
                "issuer": PEOPLE,
                "clientId": CLIENT_ID,
                "clientSecretRef": { "name": "provider", "key": "clientSecret" },
                "caBundleRef": { "kind": "ConfigMap", "name": "identity-ca", "key": "ca.crt" },
            },
            "authorization": { "requiredScopes": ["mcp"] },
        },
    })
}
