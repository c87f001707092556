//! Where the second scene plays: in the lab's own cluster, or in one that the user has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use super::curl::Network;
use super::stage::free_ports;
use crate::lab::command::{Group, check};
use crate::lab::kubectl::Kubectl;
use crate::lab::{Cluster, Error, eventually};

const BOUND: Duration = Duration::from_mins(2);

/// What the user chose.
#[derive(Debug, Clone)]
pub enum Choice {
    /// A cluster of the demo's own, brought up and taken down by it.
    Lab,
    /// A context of the user's kubeconfig, and the registry and folder where the user has put the images.
    Context { context: String, images: String },
}

impl Choice {
    /// What the demo is going to do.
    pub(super) fn plan(&self) -> String {
        match self {
            Self::Lab => "First the sidecar alone, as soon as it is built, while a real Kubernetes is being built \
                beside it.\nThen the whole product in that cluster. Every command is shown; Ctrl-C ends everything, \
                at any point.\n"
                .to_owned(),
            Self::Context { context, .. } => format!(
                "First the sidecar alone, on this machine. Then the whole product in the cluster of context \
                 \"{context}\".\nEvery command is shown; Ctrl-C ends the demo at any point, and what it created in \
                 the cluster is removed.\n"
            ),
        }
    }

    /// What a person is told who looks around when all is shown.
    pub fn way_out(&self) -> &'static str {
        match self {
            Self::Lab => "Ctrl-C ends it, and leaves nothing behind.",
            Self::Context { .. } => "Ctrl-C ends it, and removes what the demo created in the cluster.",
        }
    }
}

/// A cluster to play in.
#[derive(Debug)]
pub(super) struct Place {
    kubectl: Kubectl,
    helm: PathBuf,
    kubeconfig: PathBuf,
    network: Network,
    images: String,
    /// Where the kubeconfig of a context lies.
    _folder: Option<TempDir>,
}

/// The way to a Deployment's pod; what carries it ends with the value.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) base: String,
    _forward: Option<Group>,
}

impl Place {
    pub(super) fn lab(cluster: Cluster, tools: &Path) -> Self {
        Self {
            kubectl: cluster.kubectl().clone(),
            helm: tools.join("helm"),
            kubeconfig: cluster.kubeconfig().to_owned(),
            network: Network::Node(Box::new(cluster)),
            images: "localhost".to_owned(),
            _folder: None,
        }
    }

    /// A context of the user's kubeconfig.
    pub(super) async fn context(context: &str, images: &str, tools: &Path) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::file("create", Path::new("a temporary folder")))?;
        let program = tools.join("kubectl");
        let mut view = Command::new(&program);
        view.args(["config", "view", "--minify", "--flatten", "--raw", "--context", context]);
        let text = check(&mut view, BOUND).await?;
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, text).map_err(Error::file("write", &kubeconfig))?;
        Ok(Self {
            kubectl: Kubectl::new(program, kubeconfig.clone()),
            helm: tools.join("helm"),
            kubeconfig,
            network: Network::Here,
            images: images.trim_end_matches('/').to_owned(),
            _folder: Some(folder),
        })
    }

    pub(super) fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// Where the image of a program is; the tag is always `dev`.
    pub(super) fn repository(&self, program: &str) -> String {
        format!("{}/{program}", self.images)
    }

    /// Gives an archive to the lab's node; a cluster of the user's takes images from its registry.
    pub(super) async fn load(&self, archive: &Path) -> Result<(), Error> {
        match &self.network {
            Network::Node(cluster) => cluster.load(archive).await,
            Network::Here => Ok(()),
        }
    }

    pub(super) async fn helm(&self, arguments: &[&str]) -> Result<String, Error> {
        let mut helm = match &self.network {
            Network::Node(cluster) => cluster.exec(&self.helm),
            Network::Here => Command::new(&self.helm),
        };
        // What helm remembers of this cluster stays with the demo.
        helm.env("KUBECACHEDIR", self.kubeconfig.with_file_name("kubectl-cache"));
        check(helm.env("KUBECONFIG", &self.kubeconfig).args(arguments), BOUND).await
    }

    /// The way to a Service: its name in the lab; elsewhere a forwarded port of the pod, where the Service would lead.
    pub(super) async fn way(&self, namespace: &str, service: &str, pod_port: u16) -> Result<Way, Error> {
        if let Network::Node(_) = self.network {
            return Ok(Way {
                base: format!("http://{service}.{namespace}.svc.cluster.local"),
                _forward: None,
            });
        }
        let [local] = free_ports()?;
        let ports = format!("{local}:{pod_port}");
        let target = format!("deployment/{service}");
        let mut command = self.kubectl.command(&["port-forward", "--namespace", namespace, &target, &ports]);
        let forward =
            Group::start(command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()))?;
        let open = async || Ok(std::net::TcpStream::connect(("127.0.0.1", local)).ok());
        eventually("the forwarded port", Duration::from_secs(20), open).await?;
        Ok(Way { base: format!("http://127.0.0.1:{local}"), _forward: Some(forward) })
    }
}

/// What a person can type to look around in a lab.
pub(super) fn look_around(lab: &Cluster) -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "lab".to_owned(), |path| path.display().to_string());
    let lab = format!("{program} --name {}", lab.name());
    format!(
        "Look around, from another terminal:\n\n   {lab} kubectl get mop,pods -A\n   \
         {lab} kubectl describe mop everything -n mcp-demo\n"
    )
}
