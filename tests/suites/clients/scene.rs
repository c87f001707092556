//! The product and two servers that nobody changed, in a namespace of this suite; what they must refuse, and that the
//! servers hear nothing of it. Acts through helm and kubectl.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::counterparts::keycloak::{ISSUER, Keycloak};
use harness::counterparts::{everything, fastmcp};
use harness::lab::command::check;
use harness::lab::{Cluster, Error, eventually};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::ask::Asker;

pub(crate) const SERVERS: [&str; 2] = ["everything", "fastmcp"];
const NAMESPACE: &str = "mcp-clients";
const SECRET: &str = "a shared secret of 32 bytes or more, for this suite";
const PATIENCE: Duration = Duration::from_mins(1);

/// What is wrong with a token.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mistake {
    None,
    Audience,
    Expired,
}

pub(crate) struct Scene<'a> {
    cluster: &'a Cluster,
}

/// The address that clients in the cluster use, which is what a policy says as well.
pub(crate) fn url(server: &str) -> String {
    format!("http://{server}.{NAMESPACE}.svc.cluster.local/mcp")
}

/// A token under the shared secret.
pub(crate) fn token(server: &str, mistake: Mistake) -> String {
    let (audience, until) = match mistake {
        Mistake::None => (url(server), 600),
        Mistake::Audience => (url("another"), 600),
        Mistake::Expired => (url(server), -600),
    };
    let claims = json!({
        "sub": "alice", "aud": audience, "scope": "mcp", "iat": now() - 1200, "exp": now() + until,
    });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({ "alg": "HS256", "typ": "at+jwt" })), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

impl<'a> Scene<'a> {
    /// Installs the product, sets up the servers behind a shared secret, and waits until they are protected.
    pub(crate) async fn set(cluster: &'a Cluster) -> Result<Self, Error> {
        let scene = Self { cluster };
        let kubectl = cluster.kubectl();
        kubectl.run(&["delete", "namespace", NAMESPACE, "--ignore-not-found"]).await?;
        scene.install().await?;
        kubectl.check(&["create", "namespace", NAMESPACE]).await?;
        let mut objects = vec![json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "shared", "namespace": NAMESPACE },
            "stringData": { "key": SECRET },
        })];
        objects.extend(SERVERS.map(policy));
        kubectl.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string()).await?;
        kubectl
            .check(&["wait", "mop", "--all", "-n", NAMESPACE, "--for=condition=Accepted", "--timeout=30s"])
            .await?;
        for manifest in [everything::MANIFEST_FILE, fastmcp::MANIFEST_FILE] {
            kubectl.check(&["apply", "-n", NAMESPACE, "-f", manifest]).await?;
        }
        kubectl
            .check(&[
                "wait",
                "deploy",
                "--all",
                "-n",
                NAMESPACE,
                "--for=condition=Available",
                "--timeout=90s",
            ])
            .await?;
        kubectl
            .check(&["wait", "mop", "--all", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=60s"])
            .await?;
        Ok(scene)
    }

    async fn install(&self) -> Result<(), Error> {
        let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/mcp-oauth-operator");
        let release =
            ["upgrade", "--install", "mcp-oauth", chart, "-n", "mcp-oauth-system", "--create-namespace"];
        let operator = ["--set", "image.repository=localhost/mcp-oauth-operator,image.tag=dev"];
        let sidecar = ["--set", "sidecarImage.repository=localhost/mcp-oauth-sidecar,sidecarImage.tag=dev"];
        let wait = ["--wait", "--timeout", "90s"];
        let mut helm = self.cluster.helm(&[&release[..], &operator, &sidecar, &wait].concat());
        check(&mut helm, Duration::from_mins(2)).await.map(drop)
    }

    /// No token, one for somebody else, one that is over: 401, and the server hears nothing; their twin: 200.
    pub(crate) async fn refuses_shared_secret_mistakes(&self, asker: &Asker<'_>) {
        for server in SERVERS {
            let before = self.log(server).await;
            assert_eq!(asker.initialize(&url(server), None).await, 401, "{server} without a token");
            for mistake in [Mistake::Audience, Mistake::Expired] {
                let token = token(server, mistake);
                assert_eq!(asker.initialize(&url(server), Some(&token)).await, 401, "{server}, {mistake:?}");
            }
            assert_eq!(self.log(server).await, before, "{server} heard of what was refused");
            let token = token(server, Mistake::None);
            assert_eq!(asker.initialize(&url(server), Some(&token)).await, 200, "{server}, a good token");
            self.hears_more_than(server, &before).await;
        }
    }

    /// A good signature is not enough: a token that names no audience is refused, and so is one of the time before.
    pub(crate) async fn refuses_provider_mistakes(&self, asker: &Asker<'_>) {
        let elsewhere = asker.token("openid").await.expect("the provider gives a token");
        for server in SERVERS {
            let before = self.log(server).await;
            let old = token(server, Mistake::None);
            for (token, what) in
                [(None, "no token"), (Some(&elsewhere), "no audience"), (Some(&old), "the old way")]
            {
                let status = asker.initialize(&url(server), token.map(String::as_str)).await;
                assert_eq!(status, 401, "{server}, {what}");
            }
            assert_eq!(self.log(server).await, before, "{server} heard of what was refused");
        }
    }

    /// Edits the policies: from now on Keycloak is trusted, under its private authority. No pod is restarted.
    pub(crate) async fn trust_keycloak(&self, keycloak: &Keycloak, asker: &Asker<'_>) -> Result<(), Error> {
        let kubectl = self.cluster.kubectl();
        let file = format!("--from-file=ca.crt={}", keycloak.authority().display());
        kubectl.check(&["create", "configmap", "identity-ca", "-n", NAMESPACE, &file]).await?;
        let good = asker.token("mcp").await?;
        for server in SERVERS {
            let change = json!({ "spec": { "provider": "keycloak", "hmac": null, "oidc": {
                "issuer": ISSUER, "audience": [url(server)],
                "caBundleRef": { "kind": "ConfigMap", "name": "identity-ca", "key": "ca.crt" },
            } } });
            let change = change.to_string();
            kubectl
                .check(&["patch", "mop", server, "-n", NAMESPACE, "--type", "merge", "-p", &change])
                .await?;
        }
        for server in SERVERS {
            let ask = async || Ok((asker.initialize(&url(server), Some(&good)).await == 200).then_some(()));
            eventually(&format!("trust of {server} in Keycloak"), PATIENCE, ask).await?;
        }
        Ok(())
    }

    async fn log(&self, server: &str) -> String {
        let target = format!("deploy/{server}");
        let log = ["logs", "-n", NAMESPACE, &target, "-c", "server"];
        self.cluster.kubectl().check(&log).await.expect("the server has a log")
    }

    // Without this the silence above would prove nothing.
    async fn hears_more_than(&self, server: &str, before: &str) {
        let ask = async || Ok((self.log(server).await != before).then_some(()));
        eventually("a line in the log of the server", PATIENCE, ask)
            .await
            .expect("the server logs what reaches it");
    }
}

fn policy(server: &str) -> Value {
    json!({
        "apiVersion": "mcpoauth.dev/v1alpha1", "kind": "McpOAuthPolicy",
        "metadata": { "name": server, "namespace": NAMESPACE },
        "spec": {
            "selector": { "matchLabels": { "app": server } },
            "server": { "url": url(server) },
            "provider": "hmac",
            "hmac": { "secretRefs": [{ "name": "shared", "key": "key" }] },
            // The challenge names it, and that is how a client knows what to ask the provider for.
            "authorization": { "requiredScopes": ["mcp"] },
        },
    })
}

#[expect(clippy::disallowed_methods, reason = "the tokens are good or over from now on")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}
