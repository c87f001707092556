//! An API server and the operator's own program, as the ServiceAccount of its chart.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::lab::api_server::ApiServer;
use harness::lab::command::{Group, check};
use harness::lab::kubectl::Kubectl;
use harness::lab::{Environment, Error, Paths, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::policies::merge;
use crate::turns::OwnServer;

/// The operator's account in the API server's words.
pub(super) const ACCOUNT: &str = "system:serviceaccount:mcp-oauth-system:mcp-oauth-operator";
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/mcp-oauth-operator");
const DEFINITION: &str = include_str!("../../../../crds/mcpoauthpolicies.yaml");
const BOUND: Duration = Duration::from_secs(40);

pub(super) struct Bench {
    server: OwnServer,
    folder: TempDir,
    kubeconfig: PathBuf,
    operators: Vec<Group>,
}

impl Bench {
    pub(super) async fn start() -> Result<Self, Error> {
        let server = OwnServer::start().await?;
        let folder = tempfile::tempdir().map_err(Error::file("create", Path::new("a temporary folder")))?;
        let kubectl = server.kubectl();
        kubectl.define(DEFINITION).await?;
        kubectl.check(&["create", "namespace", "mcp-oauth-system"]).await?;
        let paths = Paths::new(&Environment::of_process())?;
        let mut helm = Command::new(paths.cache("tools").join("helm"));
        helm.args([
            "template",
            "mcp-oauth",
            CHART,
            "--namespace",
            "mcp-oauth-system",
            "--kube-version",
            "1.36.0",
        ]);
        helm.args(["--set", "image.repository=localhost/mcp-oauth-operator"]);
        helm.args(["--set", "sidecarImage.repository=localhost/mcp-oauth-sidecar"]);
        helm.args(["--show-only", "templates/rbac.yaml"]);
        kubectl.apply(&check(&mut helm, BOUND).await?).await?;
        let kubeconfig = account(&server, folder.path()).await?;
        let mut bench = Self { server, folder, kubeconfig, operators: Vec::new() };
        bench.add_operator()?;
        Ok(bench)
    }

    /// One more operator, beside those that run.
    pub(super) fn add_operator(&mut self) -> Result<(), Error> {
        let program = Paths::new(&Environment::of_process())?.target().join("debug/mcp-oauth-operator");
        let mut operator = Command::new(&program);
        operator.args([
            "run",
            "--sidecar-image=localhost/mcp-oauth-sidecar:dev",
            "--resync=2s",
            "--listen=127.0.0.1:0",
        ]);
        operator.args(["--admission-owner=mcp-oauth-operator", "--namespace=mcp-oauth-system"]);
        operator.env("KUBECONFIG", &self.kubeconfig);
        let log = self.log_of(self.operators.len());
        self.operators.push(Group::daemon(&mut operator, &log)?);
        Ok(())
    }

    /// Ends the operators. Nothing runs until one is added.
    pub(super) fn end_operators(&mut self) {
        self.operators.clear();
    }

    pub(super) fn kubectl(&self) -> &Kubectl {
        self.server.kubectl()
    }

    /// What the operators that run said.
    pub(super) fn log(&self) -> String {
        let logs = (0..self.operators.len()).map(|number| self.log_of(number));
        logs.map(|log| std::fs::read_to_string(log).unwrap_or_default()).collect()
    }

    fn log_of(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("operator-{number}.log"))
    }

    /// A folder for what a test writes, which goes with the bench.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A policy named "trino", in a namespace that is made if it is missing.
    pub(super) async fn policy(&self, namespace: &str, changes: &Value) -> Result<(), Error> {
        self.namespace(namespace).await?;
        let mut spec = json!({
            "selector": { "matchLabels": { "app": "trino" } },
            "server": { "url": "https://mcp.example.com/mcp" },
            "provider": "hmac",
            "hmac": { "secretRefs": [{ "name": "hmac", "key": "jwtSecret" }] },
        });
        merge(&mut spec, changes);
        let metadata = json!({ "name": "trino", "namespace": namespace });
        let policy = json!({ "apiVersion": "mcpoauth.dev/v1alpha1", "kind": "McpOAuthPolicy", "metadata": metadata, "spec": spec });
        self.kubectl().apply(&policy.to_string()).await
    }

    pub(super) async fn hmac(&self, namespace: &str, secret: &str) -> Result<(), Error> {
        self.namespace(namespace).await?;
        let literal = format!("--from-literal=jwtSecret={secret}");
        self.kubectl()
            .check(&["create", "secret", "generic", "hmac", &literal, "--namespace", namespace])
            .await
            .map(drop)
    }

    async fn namespace(&self, name: &str) -> Result<(), Error> {
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        self.kubectl().apply(&object.to_string()).await
    }

    /// The document that the sidecars of a policy would read.
    pub(super) async fn delivered(&self, namespace: &str) -> Result<String, Error> {
        self.rendered(namespace, "policy.yaml").await
    }

    /// An entry of the rendered Secret; empty where there is none.
    pub(super) async fn rendered(&self, namespace: &str, entry: &str) -> Result<String, Error> {
        let template = format!(
            "--output=go-template={{{{ with index .data \"{entry}\" }}}}{{{{ . | base64decode }}}}{{{{ end }}}}"
        );
        Ok(self
            .kubectl()
            .run(&["get", "secret", "trino-mcp-oauth", "--namespace", namespace, &template])
            .await?
            .stdout)
    }

    /// A condition that is about the policy as it stands now; null where there is none.
    pub(super) async fn condition(&self, namespace: &str, kind: &str) -> Result<Value, Error> {
        let found = ["get", "mop", "trino", "--namespace", namespace, "--output=json"];
        let found = self.kubectl().run(&found).await?;
        let policy: Value = serde_json::from_str(&found.stdout).unwrap_or_default();
        let generation = &policy["metadata"]["generation"];
        let is_it = |one: &&Value| one["type"] == kind && &one["observedGeneration"] == generation;
        Ok(policy["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(is_it)
            .cloned()
            .unwrap_or_default())
    }

    pub(super) async fn reason(&self, namespace: &str, condition: &str) -> Result<String, Error> {
        Ok(self.condition(namespace, condition).await?["reason"].as_str().unwrap_or_default().to_owned())
    }

    pub(super) async fn until(
        &self,
        what: &str,
        holds: impl AsyncFn() -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let ended = eventually(what, BOUND, async || Ok(holds().await?.then_some(()))).await;
        ended.map_err(|error| Error::Missing(format!("{error}; the operator said: {}", self.log())))
    }

    /// Somebody has loosened the definition by hand: any provider passes.
    pub(super) async fn loosen_definition(&self) -> Result<(), Error> {
        let rule = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/provider/enum";
        let patch = json!([{ "op": "remove", "path": rule }]).to_string();
        let arguments = ["patch", "crd", "mcpoauthpolicies.mcpoauth.dev", "--type=json", "--patch", &patch];
        self.kubectl().check(&arguments).await?;
        // The API server serves the new schema a moment later.
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(())
    }
}

/// A kubeconfig with a token of the chart's ServiceAccount.
async fn account(server: &ApiServer, folder: &Path) -> Result<PathBuf, Error> {
    let ask = ["create", "token", "mcp-oauth-operator", "--namespace", "mcp-oauth-system"];
    let token = server.kubectl().check(&ask).await?;
    let kubeconfig = folder.join("kubeconfig");
    std::fs::copy(server.kubeconfig(), &kubeconfig).map_err(Error::file("copy", &kubeconfig))?;
    let config = |arguments: &[&str]| {
        let mut command = server.kubectl().command(&["config", "--kubeconfig"]);
        command.arg(&kubeconfig).args(arguments);
        command
    };
    let credentials = format!("--token={}", token.trim());
    check(&mut config(&["set-credentials", "operator", &credentials]), BOUND).await?;
    check(&mut config(&["set-context", "--current", "--user=operator"]), BOUND).await?;
    Ok(kubeconfig)
}
