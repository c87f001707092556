//! Where the second scene plays: in the lab's own cluster, or in one that the user has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::curl::Network;
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

/// A cluster to play in.
#[derive(Debug)]
pub(super) struct Place {
    kubectl: Kubectl,
    helm: PathBuf,
    kubeconfig: PathBuf,
    network: Network,
    images: String,
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
        }
    }

    /// A context of the user's; its kubeconfig, cut down to that context, goes into `folder`.
    pub(super) async fn context(
        context: &str,
        images: &str,
        tools: &Path,
        folder: &Path,
    ) -> Result<Self, Error> {
        let program = tools.join("kubectl");
        let mut view = Command::new(&program);
        view.args(["config", "view", "--minify", "--flatten", "--raw", "--context", context]);
        let text = check(&mut view, BOUND).await?;
        let kubeconfig = folder.join("kubeconfig");
        std::fs::write(&kubeconfig, text).map_err(Error::file("write", &kubeconfig))?;
        Ok(Self {
            kubectl: Kubectl::new(program, kubeconfig.clone()),
            helm: tools.join("helm"),
            kubeconfig,
            network: Network::Here,
            images: images.to_owned(),
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
        let local = free_port()?;
        let ports = format!("{local}:{pod_port}");
        let target = format!("deployment/{service}");
        let mut command = self.kubectl.command(&["port-forward", "--namespace", namespace, &target, &ports]);
        let forward =
            Group::start(command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()))?;
        let open = async || Ok(std::net::TcpStream::connect(("127.0.0.1", local)).ok());
        eventually("the forwarded port", Duration::from_secs(20), open).await?;
        Ok(Way { base: format!("http://127.0.0.1:{local}"), _forward: Some(forward) })
    }

    /// What a person can type to look around.
    pub(super) fn look_around(&self) -> String {
        let kubeconfig = self.kubeconfig.display();
        match &self.network {
            Network::Node(cluster) => {
                let lab = std::env::current_exe()
                    .map_or_else(|_| "lab".to_owned(), |path| path.display().to_string());
                let lab = format!("{lab} --name {}", cluster.name());
                format!(
                    "Look around, from another terminal:\n\n   {lab} kubectl get mop,pods -A\n   \
                     {lab} kubectl describe mop everything -n mcp-demo\n"
                )
            }
            Network::Here => {
                format!("Look around:\n\n   KUBECONFIG={kubeconfig} kubectl get mop,pods -n mcp-demo\n")
            }
        }
    }
}

fn free_port() -> Result<u16, Error> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address
        .map(|address| address.port())
        .map_err(|source| Error::Start { program: "listener".to_owned(), source })
}
