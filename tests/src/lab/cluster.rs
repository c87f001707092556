//! A lab that is up, for those who use it: the suites, the demo, `lab exec`. Reads the lab's state file and acts
//! through kubectl, helm and containerd.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::command::check;
use super::kubectl::Kubectl;
use super::node::Node;
use super::settings::CONTAINERD_SOCKET;
use super::state::{Folder, State};
use super::{Environment, Error, Name, Paths, tools};

/// A running lab.
#[derive(Debug, Clone)]
pub struct Cluster {
    folder: Folder,
    state: State,
    kubectl: Kubectl,
}

impl Cluster {
    /// The lab that the environment names (`MCP_OAUTH_LAB`; `lab exec` and `lab test` set it), else `lab`.
    pub fn current() -> Result<Self, Error> {
        let environment = Environment::of_process();
        let name = Name::from_environment(&environment)?;
        Self::named(name, &Paths::new(&environment)?)
    }

    /// The current lab, for a test; none, with a line that says so, where no lab is up and none is required.
    pub fn current_or_skip() -> Result<Option<Self>, Error> {
        match Self::current() {
            Err(error) if !Environment::of_process().is_ci() => {
                let _ = writeln!(std::io::stderr(), "skipped: {error}");
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// The lab of this name, which must be up.
    pub fn named(name: Name, paths: &Paths) -> Result<Self, Error> {
        let path = paths.run(&name);
        let folder = Folder::new(name, path);
        match folder.state()? {
            Some(state) if state.is_ready() => Ok(Self::new(folder, state)),
            _ => Err(Error::NotUp(folder.name().to_string())),
        }
    }

    pub(super) fn new(folder: Folder, state: State) -> Self {
        let kubectl = Kubectl::new(state.kubectl.clone(), state.kubeconfig.clone())
            .beside(state.node.clone(), folder.resolver());
        Self { folder, state, kubectl }
    }

    pub fn name(&self) -> &Name {
        self.folder.name()
    }

    pub fn node(&self) -> &Node {
        &self.state.node
    }

    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// The administrator's kubeconfig; good for processes beside the node.
    pub fn kubeconfig(&self) -> &Path {
        &self.state.kubeconfig
    }

    /// A helm command with the administrator's credentials.
    pub fn helm(&self, arguments: &[&str]) -> Command {
        let mut command = self.exec(&self.state.helm);
        command.args(arguments);
        command
    }

    /// A command that runs `program` in the node's network, where the addresses of pods and Services are, with
    /// the cluster's names, and with KUBECONFIG set.
    pub fn exec(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.state.node.beside(&self.folder.resolver(), program);
        command.env("KUBECONFIG", &self.state.kubeconfig).env("MCP_OAUTH_LAB", self.folder.name().as_str());
        command.env("KUBECACHEDIR", self.state.kubeconfig.with_file_name("kubectl-cache"));
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(variable, self.folder.join("helm"));
        }
        command
    }

    /// Gives an image, an OCI archive, to the node. Works at any time.
    pub async fn load(&self, archive: &Path) -> Result<(), Error> {
        let mut command = self.ctr(&["images", "import"])?;
        command.arg(archive);
        check(&mut command, Duration::from_mins(2)).await.map(drop)
    }

    /// Gives an image of the node another name beside its own.
    pub async fn tag(&self, image: &str, name: &str) -> Result<(), Error> {
        let mut command = self.ctr(&["images", "tag", "--force", image, name])?;
        check(&mut command, Duration::from_mins(1)).await.map(drop)
    }

    /// The references of all images on the node.
    pub async fn images(&self) -> Result<Vec<String>, Error> {
        let mut command = self.ctr(&["images", "list", "--quiet"])?;
        let text = check(&mut command, Duration::from_secs(30)).await?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The log file of one of the node's own programs (`kubelet`, `kube-apiserver`, …).
    pub fn log(&self, program: &str) -> PathBuf {
        self.folder.log(program)
    }

    fn ctr(&self, arguments: &[&str]) -> Result<Command, Error> {
        let mut command = self.state.node.inside(tools::require("ctr")?);
        command.args(["--address", CONTAINERD_SOCKET, "--namespace", "k8s.io"]).args(arguments);
        Ok(command)
    }
}
