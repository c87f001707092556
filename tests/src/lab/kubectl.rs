//! Talking to an API server with kubectl: of a lab with a node, or of an API server alone.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::command::{Output, capture_with_input, tail};
use super::node::Node;
use super::{Error, eventually};

const BOUND: Duration = Duration::from_mins(2);
static NAMESPACES: AtomicU32 = AtomicU32::new(0);

/// kubectl with the administrator's credentials.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    node: Option<(Node, PathBuf)>,
}

impl Kubectl {
    pub fn new(program: PathBuf, kubeconfig: PathBuf) -> Self {
        Self { program, kubeconfig, node: None }
    }

    /// The same, run beside a node, in whose network the API server is; `resolver` is the node's resolv.conf.
    #[must_use]
    pub fn beside(self, node: Node, resolver: PathBuf) -> Self {
        Self { node: Some((node, resolver)), ..self }
    }

    /// The command, for what the methods below do not cover (port-forward, logs -f, …).
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.node {
            Some((node, resolver)) => node.beside(resolver, &self.program),
            None => Command::new(&self.program),
        };
        command.env("KUBECONFIG", &self.kubeconfig).args(arguments);
        // Every lab's API server has the same address: what kubectl remembers of one must not be told of another.
        command.env("KUBECACHEDIR", self.kubeconfig.with_file_name("kubectl-cache"));
        command
    }

    /// Runs kubectl, whatever comes of it: for what the API server may refuse.
    pub async fn run(&self, arguments: &[&str]) -> Result<Output, Error> {
        capture_with_input(&mut self.command(arguments), "", BOUND).await
    }

    /// Runs kubectl, which must succeed, and gives what it printed.
    pub async fn check(&self, arguments: &[&str]) -> Result<String, Error> {
        succeeded(arguments, self.run(arguments).await?)
    }

    /// Applies documents, whatever comes of it.
    pub async fn try_apply(&self, yaml: &str) -> Result<Output, Error> {
        capture_with_input(&mut self.command(&["apply", "-f", "-"]), yaml, BOUND).await
    }

    /// Asks the API server what it would say to documents, and changes nothing.
    pub async fn try_dry_run(&self, yaml: &str) -> Result<Output, Error> {
        let words = ["apply", "--dry-run=server", "-f", "-"];
        capture_with_input(&mut self.command(&words), yaml, BOUND).await
    }

    /// Patches every object of a list in the same way, which must succeed.
    pub async fn patch_all(&self, list: &str, arguments: &[&str]) -> Result<(), Error> {
        let words = [&["patch", "-f", "-"], arguments].concat();
        let output = capture_with_input(&mut self.command(&words), list, BOUND).await?;
        succeeded(&words, output).map(drop)
    }

    /// Applies documents, which must succeed.
    pub async fn apply(&self, yaml: &str) -> Result<(), Error> {
        succeeded(&["apply"], self.try_apply(yaml).await?).map(drop)
    }

    /// Applies documents to a namespace, which must succeed.
    pub async fn apply_in(&self, namespace: &str, yaml: &str) -> Result<(), Error> {
        let words = ["apply", "--namespace", namespace, "-f", "-"];
        let output = capture_with_input(&mut self.command(&words), yaml, BOUND).await?;
        succeeded(&words, output).map(drop)
    }

    /// Applies the definition of a resource, and waits until the resource is served.
    pub async fn define(&self, definition: &str) -> Result<(), Error> {
        self.apply(definition).await?;
        let wait = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"];
        // kubectl gives up on one that has no conditions yet: then it is asked once more.
        let established = async || Ok(self.run(&wait).await?.success().then_some(()));
        eventually("the definition", BOUND, established).await
    }

    /// One or several objects: `kubectl get … -o json`.
    pub async fn get(&self, arguments: &[&str]) -> Result<Value, Error> {
        let mut all = vec!["get", "-o", "json"];
        all.extend(arguments);
        let text = self.check(&all).await?;
        serde_json::from_str(&text).map_err(|error| Error::Missing(format!("kubectl gave no JSON: {error}")))
    }

    /// The log of a container so far.
    pub async fn logs(&self, namespace: &str, pod: &str, container: &str) -> Result<String, Error> {
        self.check(&["logs", "--namespace", namespace, pod, "--container", container]).await
    }

    /// A namespace of its own for one test, deleted when the value is dropped. Pods can be created in it at once.
    pub async fn namespace(&self, prefix: &str) -> Result<Namespace, Error> {
        let number = NAMESPACES.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}-{}-{number}", std::process::id());
        self.check(&["create", "namespace", &name]).await?;
        let namespace = Namespace { name, kubectl: self.clone() };
        namespace.default_account().await?;
        Ok(namespace)
    }
}

/// A namespace that goes when this value goes.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    kubectl: Kubectl,
}

impl Namespace {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Without the default ServiceAccount pods are refused. The controller manager makes it, where there is one.
    async fn default_account(&self) -> Result<(), Error> {
        let create = ["create", "serviceaccount", "default", "--namespace", &self.name];
        if self.kubectl.node.is_none() {
            return self.kubectl.check(&create).await.map(drop);
        }
        let get = ["get", "serviceaccount", "default", "--namespace", &self.name];
        let there = async || Ok(self.kubectl.run(&get).await?.success().then_some(()));
        eventually("the default ServiceAccount", Duration::from_secs(30), there).await
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let delete = ["delete", "namespace", &self.name, "--wait=false", "--ignore-not-found"];
        // The cluster may be gone already, and then so is the namespace.
        let _ = self.kubectl.command(&delete).into_std().output();
    }
}

fn succeeded(arguments: &[&str], output: Output) -> Result<String, Error> {
    if output.success() {
        return Ok(output.stdout);
    }
    let program = format!("kubectl {}", arguments.join(" "));
    Err(Error::Failed { program, status: output.status, output: tail(&output.stderr) })
}
