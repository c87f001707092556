//! Bringing a lab up, step by step. Needs root. What is begun here is bound to the value that `up` gives: dropping
//! it, also half-way, ends the node; `Running::release` lets it live.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::cgroup::Cgroup;
use super::command::{Group, tail};
use super::components::{self, Etcd};
use super::kubernetes::Kubernetes;
use super::node::{Leash, Node};
use super::pki::Pki;
use super::state::{Folder, State};
use super::{Cluster, Error, Name, Paths, Progress, dns, eventually, images, network, settings, tools};

const BOUND: Duration = Duration::from_secs(90);

/// What must be there before a lab can come up.
#[derive(Debug, Clone)]
pub struct Prepared {
    kubernetes: Kubernetes,
    tools: PathBuf,
    pause: PathBuf,
}

/// Installs, builds and fetches what is missing: minutes on a new machine, no time later.
pub async fn prepare(paths: &Paths, progress: Progress) -> Result<Prepared, Error> {
    if !super::is_root() {
        return Err(Error::NotRoot);
    }
    tools::ensure(&[&tools::NODE[..], &tools::ASKING].concat(), progress).await?;
    let tools = tools::ensure_kubectl(paths, progress).await?;
    let kubernetes = Kubernetes::new(paths);
    kubernetes.ensure(paths, progress).await?;
    kubernetes.ensure_name_server(paths, progress).await?;
    let pause = images::pause(paths).await?;
    Ok(Prepared { kubernetes, tools, pause })
}

/// A lab that this process brought up. Dropping it ends the lab's processes; `down` removes the rest.
#[derive(Debug)]
pub struct Running {
    // The order matters: the leash goes first, and the programs then end with their node.
    leash: Leash,
    programs: Vec<(&'static str, Group)>,
    cluster: Cluster,
}

impl Running {
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Lets the lab live on after this process.
    pub async fn release(self) -> Result<(), Error> {
        self.leash.release().await?;
        for (_, group) in self.programs {
            group.let_go();
        }
        Ok(())
    }
}

/// Brings a lab up; what an earlier one of this name left behind is removed first.
pub async fn up(
    name: Name,
    paths: &Paths,
    prepared: &Prepared,
    progress: Progress,
) -> Result<Running, Error> {
    super::down::down(&name, paths)?;
    let cgroup = Cgroup::of(&name);
    let folder = Folder::new(name.clone(), paths.run(&name));
    make_folders(&folder)?;
    let pki =
        Pki::make(&folder.join("pki"), network::API_SERVER, &components::api_server_addresses()).await?;
    folder.write("resolv.conf", dns::resolver())?;
    cgroup.create()?;
    let (node, leash) = Node::start(folder.path()).await?;
    let state = State::new(node, pki.kubeconfig("admin").into(), &prepared.tools);
    folder.remember(&state)?;
    progress.say("the node's namespaces are there");
    let cluster = Cluster::new(folder.clone(), state.clone());
    let running = Running { leash, programs: Vec::new(), cluster };
    let mut start = Start { folder, pki, cgroup, prepared, running };
    start.control_plane().await?;
    progress.say("the API server is ready");
    start.node_programs().await?;
    start.ready().await?;
    start.folder.declare_ready(&state)?;
    progress.say("the node is Ready and the cluster's names resolve");
    Ok(start.running)
}

fn make_folders(folder: &Folder) -> Result<(), Error> {
    for name in ["log", "cni"] {
        let path = folder.join(name);
        fs::create_dir_all(&path).map_err(Error::file("create", &path))?;
    }
    Ok(())
}

struct Start<'a> {
    folder: Folder,
    pki: Pki,
    cgroup: Cgroup,
    prepared: &'a Prepared,
    running: Running,
}

impl Start<'_> {
    async fn control_plane(&mut self) -> Result<(), Error> {
        let etcd = Etcd { data: self.folder.join("etcd"), client_port: 2379, peer_port: 2380 };
        self.run("etcd", self.prepared.kubernetes.etcd()?, etcd.arguments())?;
        let mut arguments = components::api_server(&self.pki, &etcd, 6443);
        arguments.extend(components::api_server_of_node(&self.pki));
        self.kubernetes("kube-apiserver", arguments)?;
        self.containerd()?;
        self.until("the API server", &["get", "--raw", "/readyz"], "ok").await
    }

    fn containerd(&mut self) -> Result<(), Error> {
        let plugins = tools::require("host-local")?;
        let plugins = plugins.parent().unwrap_or(Path::new("/usr/lib/cni"));
        let text = settings::containerd_config(self.folder.path(), &tools::require("runc")?, plugins);
        let config = self.folder.write("containerd.toml", text)?;
        self.folder.write("cni/10-pods.conflist", settings::cni_config().to_string())?;
        let config = config.to_string_lossy().into_owned();
        self.run("containerd", tools::require("containerd")?, vec!["--config".to_owned(), config])
    }

    async fn node_programs(&mut self) -> Result<(), Error> {
        self.kubernetes("kube-controller-manager", components::controller_manager(&self.pki))?;
        self.kubernetes("kube-scheduler", components::scheduler(&self.pki))?;
        let cluster = &self.running.cluster;
        let imported = async || Ok(cluster.load(&self.prepared.pause).await.ok());
        eventually("containerd", BOUND, imported).await?;
        let config = settings::kubelet_config(&self.pki, &self.cgroup.path()).to_string();
        let config = self.folder.write("kubelet.json", config)?;
        self.kubernetes("kubelet", components::kubelet(&self.pki, &config))?;
        let config = self.folder.write("kube-proxy.json", settings::proxy_config(&self.pki).to_string())?;
        self.kubernetes("kube-proxy", vec![format!("--config={}", config.display())])?;
        let corefile = dns::corefile(&self.pki.kubeconfig("admin"));
        let corefile = self.folder.write("Corefile", corefile)?;
        let arguments = vec!["-conf".to_owned(), corefile.to_string_lossy().into_owned()];
        self.run("coredns", self.prepared.kubernetes.name_server(), arguments)
    }

    async fn ready(&mut self) -> Result<(), Error> {
        self.running.cluster.kubectl().apply(&dns::dns_service().to_string()).await?;
        let condition = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
        let node = ["get", "node", components::NODE_NAME, "--output", condition];
        self.until("the node", &node, "True").await?;
        let account = ["get", "serviceaccount", "default", "--output", "name"];
        self.until("the default ServiceAccount", &account, "serviceaccount/default").await?;
        let name = format!("kubernetes.default.svc.{}", network::DOMAIN);
        let cluster = &self.running.cluster;
        let resolves = async || {
            let mut ask = cluster.exec("getent");
            let answer = super::command::capture(ask.args(["hosts", &name]), BOUND).await?;
            Ok(answer.success().then_some(()))
        };
        eventually("the cluster's name server", BOUND, resolves).await
    }

    fn kubernetes(&mut self, name: &'static str, arguments: Vec<String>) -> Result<(), Error> {
        self.run(name, self.prepared.kubernetes.program(name), arguments)
    }

    fn run(&mut self, name: &'static str, program: PathBuf, arguments: Vec<String>) -> Result<(), Error> {
        let mut command: Command = self.running.cluster.node().inside(program);
        command.args(arguments);
        let group = Group::daemon(&mut command, &self.folder.log(name))?;
        self.running.programs.push((name, group));
        Ok(())
    }

    /// Asks kubectl until it says `answer`; a program that has ended meanwhile is the reason why it never will.
    async fn until(&mut self, what: &str, question: &[&str], answer: &str) -> Result<(), Error> {
        let Running { cluster, programs, .. } = &mut self.running;
        let folder = &self.folder;
        let ask = async || {
            let ended = programs.iter_mut().find_map(|(name, group)| group.ended().map(|_| *name));
            if let Some(name) = ended {
                let log = fs::read_to_string(folder.log(name)).unwrap_or_default();
                return Err(Error::Missing(format!("{name} has ended: {}", tail(&log))));
            }
            let output = cluster.kubectl().run(question).await?;
            Ok((output.stdout.trim() == answer).then_some(()))
        };
        eventually(what, BOUND, ask).await
    }
}
