//! The second scene: the whole product in a real cluster. An unmodified server is open, a policy closes it, tokens of
//! two kinds open it again, and edits take effect in the running pod.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::curl::{Answer, Request};
use super::place::{Place, Way};
use super::tell::Teller;
use super::{expect, mcp, token};
use crate::counterparts::everything;
use crate::lab::{Error, Paths, eventually};

pub(super) const NAMESPACE: &str = "mcp-demo";
pub(super) const SYSTEM: &str = "mcp-oauth-system";
pub(super) const RELEASE: &str = "mcp-oauth";
/// Opens the issuer's documents to the sidecar.
pub(super) const BINDING: &str = "mcp-demo-issuer-discovery";
/// The server's name in the cluster: its Deployment, its Service and its policy.
const SERVER: &str = "everything";
const URL: &str = "http://everything.mcp-demo.svc.cluster.local/mcp";
const SIDECAR_PORT: u16 = 17080;
const PATIENCE: Duration = Duration::from_secs(90);

/// Plays the scene.
pub(super) async fn play(place: &Place, paths: &Paths, teller: &Teller) -> Result<(), Error> {
    let scene = Scene { place, teller, secret: super::secret()? };
    teller.scene("The whole product in Kubernetes");
    scene.install(paths).await?;
    scene.open_server().await?;
    scene.apply_policy().await?;
    let way = place.way(NAMESPACE, SERVER, SIDECAR_PORT).await?;
    scene.closed(&way).await?;
    let hmac = scene.shared_secret(&way).await?;
    let own = scene.cluster_issuer(&way, &hmac).await?;
    scene.edit(&way, &own).await
}

struct Scene<'a> {
    place: &'a Place,
    teller: &'a Teller,
    secret: String,
}

impl Scene<'_> {
    async fn install(&self, paths: &Paths) -> Result<(), Error> {
        self.teller
            .step("the operator is installed: one Deployment, one CRD, three admission policies, no webhook");
        let chart = paths.repository().join("charts/mcp-oauth-operator").to_string_lossy().into_owned();
        let image = format!("image.repository={}", self.place.repository("mcp-oauth-operator"));
        let sidecar = format!("sidecarImage.repository={}", self.place.repository("mcp-oauth-sidecar"));
        let install = ["install", RELEASE, &chart, "--namespace", SYSTEM, "--create-namespace"];
        let values =
            ["--set", &image, "--set", "image.tag=dev", "--set", &sidecar, "--set", "sidecarImage.tag=dev"];
        self.teller.command(format_args!(
            "helm install {RELEASE} charts/mcp-oauth-operator -n {SYSTEM} --create-namespace"
        ));
        let begun = Instant::now();
        self.place.helm(&[&install[..], &values, &["--wait", "--timeout", "90s"]].concat()).await?;
        self.teller.so(format_args!("ready after {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(())
    }

    /// Without us: whoever reaches the Service may call every tool.
    async fn open_server(&self) -> Result<(), Error> {
        self.teller
            .step("an MCP server as somebody else wrote it: a Deployment and a Service, open to everyone");
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
        self.place.kubectl().apply(&namespace.to_string()).await?;
        self.deploy().await?;
        self.rolled_out().await?;
        let way = self.place.way(NAMESPACE, SERVER, everything::PORT).await?;
        let url = format!("{}/mcp", way.base);
        self.teller.command(mcp::initialize(&url, None).shown());
        let answer = self.until(&way, None, |answer| answer.status == 200).await?.0;
        self.teller.output(format_args!("HTTP {}", answer.status));
        Ok(())
    }

    /// The server's own manifest; where the image has another name, that is what is changed in it.
    async fn deploy(&self) -> Result<(), Error> {
        let image = format!("{}:dev", self.place.repository("mcp-everything"));
        let manifest = everything::MANIFEST;
        self.teller.command(if image == everything::IMAGE {
            format!("kubectl apply -n {NAMESPACE} -f {manifest}")
        } else {
            let change = format!("s,{},{image},", everything::IMAGE);
            format!("sed {change} {manifest} | kubectl apply -n {NAMESPACE} -f -")
        });
        self.place.kubectl().apply_in(NAMESPACE, &everything::manifest(&image)).await
    }

    async fn apply_policy(&self) -> Result<(), Error> {
        self.teller.step("a policy names the server's pods; they are rolled once, and that is all");
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "everything-hmac", "namespace": NAMESPACE },
            "stringData": { "jwtSecret": self.secret },
        });
        self.place.kubectl().apply(&secret.to_string()).await?;
        let policy = policy();
        self.teller.command("kubectl apply -f -");
        self.teller.output(&policy);
        self.place.kubectl().apply(&policy).await?;
        let rendered =
            ["wait", "mop", SERVER, "--namespace", NAMESPACE, "--for=condition=Accepted", "--timeout=30s"];
        self.place.kubectl().check(&rendered).await?;
        self.kubectl_shown(&["rollout", "restart", "deployment", SERVER, "--namespace", NAMESPACE]).await?;
        self.rolled_out().await?;
        let ready =
            ["wait", "mop", SERVER, "--namespace", NAMESPACE, "--for=condition=Ready", "--timeout=60s"];
        self.place.kubectl().check(&ready).await?;
        self.kubectl_shown(&["get", "mop,pods", "--namespace", NAMESPACE]).await
    }

    async fn closed(&self, way: &Way) -> Result<(), Error> {
        self.teller.step("refused without a token, on the same Service name as before");
        let url = format!("{}/mcp", way.base);
        self.teller.command(mcp::initialize(&url, None).shown());
        let (answer, _) = self.until(way, None, |answer| answer.status == 401).await?;
        answer.show("www-authenticate", self.teller);
        self.teller.step("discovery");
        let document = format!("{}/.well-known/oauth-protected-resource/mcp", way.base);
        let ask = Request::get(&document);
        self.teller.command(ask.shown());
        self.teller.output(self.place.network().send(&ask).await?.body);
        Ok(())
    }

    async fn shared_secret(&self, way: &Way) -> Result<String, Error> {
        self.teller.step("a tool call with an HMAC token");
        let token = token::hs256(&self.secret, URL, super::now());
        mcp::call_tool(self.place.network(), &format!("{}/mcp", way.base), &token, self.teller).await?;
        Ok(token)
    }

    /// Every cluster is an OpenID Connect provider: an edit of the policy makes it the one that is trusted here.
    async fn cluster_issuer(&self, way: &Way, hmac: &str) -> Result<String, Error> {
        self.teller.step(
            "the policy is edited: from now on the cluster's own OIDC issuer is trusted, for pods and people",
        );
        // The issuer's two documents are public by nature; this lets the sidecar, which has no rights, read them.
        let bind = [
            "create",
            "clusterrolebinding",
            BINDING,
            "--clusterrole=system:service-account-issuer-discovery",
            "--group=system:unauthenticated",
        ];
        self.teller.command(format_args!("kubectl {}", bind.join(" ")));
        self.place.kubectl().check(&bind).await?;
        let document =
            self.place.kubectl().check(&["get", "--raw", "/.well-known/openid-configuration"]).await?;
        let document: Value = serde_json::from_str(&document).unwrap_or_default();
        let issuer = document["issuer"]
            .as_str()
            .ok_or_else(|| Error::Missing("the cluster names no issuer".to_owned()))?;
        let spec = json!({ "spec": { "provider": "oidc", "hmac": null, "oidc": {
            "issuer": issuer, "audience": [URL],
            "caBundleRef": { "kind": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt" },
        } } });
        self.patch(&spec).await?;
        let (_, took) = self.until(way, Some(hmac), |answer| answer.status == 401).await?;
        self.teller.so(format_args!(
            "the HMAC token is refused {:.1} s later, in the running pod",
            took.as_secs_f64()
        ));
        let ask = ["create", "token", "default", "--namespace", NAMESPACE, "--audience", URL];
        self.teller.command(format_args!("kubectl {}", ask.join(" ")));
        let token = self.place.kubectl().check(&ask).await?.trim().to_owned();
        self.until(way, Some(&token), |answer| answer.status == 200).await?;
        mcp::call_tool(self.place.network(), &format!("{}/mcp", way.base), &token, self.teller).await?;
        Ok(token)
    }

    async fn edit(&self, way: &Way, token: &str) -> Result<(), Error> {
        self.teller.step("one more edit: a scope is required that this token does not have");
        self.patch(&json!({ "spec": { "authorization": { "requiredScopes": ["mcp:tools"] } } })).await?;
        let (answer, took) = self.until(way, Some(token), |answer| answer.status == 403).await?;
        answer.show("www-authenticate", self.teller);
        self.teller.so(format_args!("in force {:.1} s after the edit", took.as_secs_f64()));
        self.patch(&json!({ "spec": { "authorization": null } })).await?;
        let (_, took) = self.until(way, Some(token), |answer| answer.status == 200).await?;
        self.teller.so(format_args!("and undone {:.1} s after the next", took.as_secs_f64()));
        // The operator hears of it a moment later than we.
        let ready =
            ["wait", "mop", SERVER, "--namespace", NAMESPACE, "--for=condition=Ready", "--timeout=60s"];
        self.place.kubectl().check(&ready).await?;
        self.kubectl_shown(&["get", "mop,pods", "--namespace", NAMESPACE]).await
    }

    async fn patch(&self, change: &Value) -> Result<(), Error> {
        let text = change.to_string();
        self.teller
            .command(format_args!("kubectl patch mop {SERVER} -n {NAMESPACE} --type merge -p '{text}'"));
        let patch = ["patch", "mop", SERVER, "--namespace", NAMESPACE, "--type", "merge", "--patch", &text];
        self.place.kubectl().check(&patch).await.map(drop)
    }

    /// Asks again and again until the answer is as it should be; says how long that took.
    async fn until(
        &self,
        way: &Way,
        token: Option<&str>,
        good: impl Fn(&Answer) -> bool,
    ) -> Result<(Answer, Duration), Error> {
        let begun = Instant::now();
        let url = format!("{}/mcp", way.base);
        let ask = async || {
            // A Service whose pod is being replaced may refuse for a moment; that is no answer yet.
            let answer = self.place.network().send(&mcp::initialize(&url, token)).await.ok();
            Ok(answer.filter(|answer| good(answer)))
        };
        let answer = eventually("the expected answer", PATIENCE, ask).await?;
        Ok((answer, begun.elapsed()))
    }

    /// The new pods are there and the old ones are gone: until then either may answer.
    async fn rolled_out(&self) -> Result<(), Error> {
        let status = ["rollout", "status", "deployment", SERVER, "--namespace", NAMESPACE, "--timeout=90s"];
        self.place.kubectl().check(&status).await?;
        let alone = async || {
            let pods = self.place.kubectl().get(&["pods", "--namespace", NAMESPACE]).await?;
            Ok(pods["items"].as_array().is_some_and(|pods| pods.len() == 1).then_some(()))
        };
        eventually("the end of the old pod", PATIENCE, alone).await
    }

    async fn kubectl_shown(&self, arguments: &[&str]) -> Result<(), Error> {
        self.teller.command(format_args!("kubectl {}", arguments.join(" ")));
        let output = self.place.kubectl().check(arguments).await?;
        expect(!output.is_empty(), "kubectl says something")?;
        self.teller.output(output);
        Ok(())
    }
}

fn policy() -> String {
    format!(
        "apiVersion: mcpoauth.dev/v1alpha1\n\
         kind: McpOAuthPolicy\n\
         metadata: {{name: {SERVER}, namespace: {NAMESPACE}}}\n\
         spec:\n\
         \x20 selector: {{matchLabels: {{app: {SERVER}}}}}\n\
         \x20 server: {{url: \"{URL}\"}}\n\
         \x20 provider: hmac\n\
         \x20 hmac: {{secretRefs: [{{name: everything-hmac, key: jwtSecret}}]}}\n"
    )
}
