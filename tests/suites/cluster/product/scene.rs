//! A namespace with a real MCP server and a policy, and the questions that tests ask.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use harness::counterparts::everything;
use harness::demo::token;
use harness::lab::command::{capture_with_input, check};
use harness::lab::kubectl::Namespace;
use harness::lab::{Cluster, Error, eventually};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::policies::merge;

/// A shared secret that is fit for use.
pub(super) const SECRET: &str = "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA";
const SOON: Duration = Duration::from_mins(1);

pub(super) struct Scene<'a> {
    cluster: &'a Cluster,
    namespace: Namespace,
}

/// An HTTP answer: its status, and everything as it came.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

impl<'a> Scene<'a> {
    pub(super) async fn new(cluster: &'a Cluster, name: &str) -> Result<Self, Error> {
        let namespace = cluster.kubectl().namespace(name).await?;
        Ok(Self { cluster, namespace })
    }

    pub(super) fn name(&self) -> &str {
        self.namespace.name()
    }

    pub(super) fn origin(&self) -> String {
        format!("http://everything.{}.svc.cluster.local", self.name())
    }

    pub(super) fn url(&self) -> String {
        format!("{}/mcp", self.origin())
    }

    /// Applies the unmodified server and waits until it is up.
    pub(super) async fn server(&self) -> Result<(), Error> {
        self.server_not_ready().await?;
        self.rolled_out().await
    }

    pub(super) async fn server_not_ready(&self) -> Result<(), Error> {
        self.kubectl(&["apply", "-f", everything::MANIFEST_FILE]).await.map(drop)
    }

    pub(super) async fn restart(&self) -> Result<(), Error> {
        self.kubectl(&["rollout", "restart", "deployment", "everything"]).await?;
        self.rolled_out().await
    }

    /// The new pod is there and the old one gone.
    async fn rolled_out(&self) -> Result<(), Error> {
        self.kubectl(&["rollout", "status", "deployment", "everything", "--timeout=90s"]).await?;
        let alone = async || {
            let pods = self.cluster.kubectl().get(&["pods", "--namespace", self.name()]).await?;
            Ok(pods["items"].as_array().is_some_and(|pods| pods.len() == 1).then_some(()))
        };
        eventually("the end of the old pod", SOON, alone).await
    }

    pub(super) async fn secret(&self, name: &str, secret: &str) -> Result<(), Error> {
        let literal = format!("--from-literal=jwtSecret={secret}");
        self.kubectl(&["create", "secret", "generic", name, &literal]).await.map(drop)
    }

    /// A policy under the Secret `hmac`, with changes of its spec.
    pub(super) async fn policy(&self, changes: &Value) -> Result<(), Error> {
        let mut spec = json!({
            "selector": { "matchLabels": { "app": "everything" } },
            "server": { "url": self.url() },
            "provider": "hmac",
            "hmac": { "secretRefs": [{ "name": "hmac", "key": "jwtSecret" }] },
        });
        merge(&mut spec, changes);
        let metadata = json!({ "name": "everything", "namespace": self.name() });
        self.apply(&json!({ "apiVersion": "mcpoauth.dev/v1alpha1", "kind": "McpOAuthPolicy", "metadata": metadata, "spec": spec })).await
    }

    pub(super) async fn edit(&self, changes: &Value) -> Result<(), Error> {
        let patch = json!({ "spec": changes }).to_string();
        self.kubectl(&["patch", "mop", "everything", "--type=merge", "--patch", &patch]).await.map(drop)
    }

    pub(super) async fn apply(&self, object: &Value) -> Result<(), Error> {
        let mut command = self.cluster.kubectl().command(&["apply", "--namespace", self.name(), "-f", "-"]);
        let output = capture_with_input(&mut command, &object.to_string(), SOON).await?;
        if output.success() { Ok(()) } else { Err(Error::Missing(output.stderr)) }
    }

    pub(super) fn job() -> Value {
        let restricted = json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } });
        let container = json!({
            "name": "work", "image": everything::IMAGE, "imagePullPolicy": "IfNotPresent",
            "command": [everything::interpreter(), "-e", "setTimeout(() => process.exit(0), 500)"],
            "ports": [{ "name": "http", "containerPort": 3001 }], "securityContext": restricted,
        });
        let spec = json!({
            "restartPolicy": "Never", "containers": [container],
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        });
        let template = json!({ "metadata": { "labels": { "app": "everything" } }, "spec": spec });
        json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "job" }, "spec": { "template": template, "backoffLimit": 0 } })
    }

    /// The API server looks at the namespace: pods that are created from now on are injected.
    pub(super) async fn until_in_force(&self) -> Result<(), Error> {
        let in_force = async || {
            let reason = self.condition("Accepted").await?["reason"].clone();
            Ok((reason.is_string() && reason != "AdmissionPending").then_some(()))
        };
        eventually("the policy", SOON, in_force).await
    }

    pub(super) async fn until_ready(&self) -> Result<(), Error> {
        self.kubectl(&["wait", "mop", "everything", "--for=condition=Ready", "--timeout=60s"]).await.map(drop)
    }

    /// Waits until a condition gives this reason for the policy as it stands now, and says how long that took.
    pub(super) async fn until_said(&self, kind: &str, reason: &str) -> Result<Duration, Error> {
        let begun = Instant::now();
        let said = async || {
            let policy =
                self.cluster.kubectl().get(&["mop", "everything", "--namespace", self.name()]).await?;
            let is_it = |one: &Value| {
                one["type"] == kind
                    && one["reason"] == reason
                    && one["observedGeneration"] == policy["metadata"]["generation"]
            };
            Ok(policy["status"]["conditions"]
                .as_array()
                .is_some_and(|all| all.iter().any(is_it))
                .then_some(()))
        };
        eventually(&format!("{kind} with reason {reason}"), SOON, said).await?;
        Ok(begun.elapsed())
    }

    pub(super) async fn condition(&self, kind: &str) -> Result<Value, Error> {
        let policy = self.cluster.kubectl().get(&["mop", "everything", "--namespace", self.name()]).await?;
        let conditions = policy["status"]["conditions"].as_array().cloned().unwrap_or_default();
        Ok(conditions.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default())
    }

    /// The one pod of the server.
    pub(super) async fn pod(&self) -> Result<Value, Error> {
        let pods = self
            .cluster
            .kubectl()
            .get(&["pods", "--namespace", self.name(), "--selector=app=everything"])
            .await?;
        Ok(pods["items"][0].clone())
    }

    /// The same, once its sidecar runs.
    pub(super) async fn running_pod(&self) -> Result<Value, Error> {
        let running = async || {
            let pod = self.pod().await?;
            let started = pod["status"]["initContainerStatuses"][0]["started"] == true;
            Ok((started && pod["status"]["podIP"].is_string()).then_some(pod))
        };
        eventually("the sidecar", SOON, running).await
    }

    pub(super) async fn server_log(&self) -> Result<String, Error> {
        let pod = self.pod().await?;
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        self.cluster.kubectl().logs(self.name(), name, "server").await
    }

    /// A token that is good for so many seconds from now, or was until so many ago.
    #[expect(clippy::disallowed_methods, reason = "a real sidecar looks at the real clock")]
    pub(super) fn token(&self, secret: &str, seconds: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        token::hs256(secret, &self.url(), now.saturating_add_signed(seconds - 3600))
    }

    /// The first message of an MCP session.
    pub(super) async fn call(&self, token: Option<&str>) -> Result<Answer, Error> {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        self.send(token, &[], &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }))
            .await
    }

    /// The same message, to an address of its own.
    pub(super) async fn call_at(&self, url: &str, token: Option<&str>) -> Result<Answer, Error> {
        post(url, token, &[], &json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).await
    }

    pub(super) async fn send(
        &self,
        token: Option<&str>,
        headers: &[String],
        body: &Value,
    ) -> Result<Answer, Error> {
        post(&self.url(), token, headers, body).await
    }

    /// Asks until the status is this one; says how long it took.
    pub(super) async fn until(
        &self,
        what: &str,
        bound: Duration,
        token: Option<&str>,
        status: u16,
    ) -> Result<Duration, Error> {
        let begun = Instant::now();
        let asked =
            async || Ok(self.call(token).await.ok().filter(|answer| answer.status == status).map(drop));
        eventually(what, bound, asked).await?;
        Ok(begun.elapsed())
    }

    pub(super) async fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        self.cluster.kubectl().check(&[arguments, &["--namespace", self.name()]].concat()).await
    }
}

async fn post(url: &str, token: Option<&str>, headers: &[String], body: &Value) -> Result<Answer, Error> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--include", "--noproxy", "*", "--max-time", "40", "--data", &body.to_string()]);
    curl.args(["-H", "Content-Type: application/json", "-H", "Accept: application/json, text/event-stream"]);
    let bearer = token.map(|token| format!("Authorization: Bearer {token}"));
    for header in bearer.iter().chain(headers) {
        curl.args(["-H", header]);
    }
    let text = check(curl.arg(url), SOON).await?;
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Ok(Answer { status, text })
}
