//! An API server alone, with its etcd, on free loopback ports: enough for everything that admission, schemas and
//! server-side apply do, without root and without a node. Ends when the value is dropped.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::{Group, tail};
use super::components::{self, Etcd};
use super::kubectl::Kubectl;
use super::kubernetes::Kubernetes;
use super::pki::Pki;
use super::{Environment, Error, Name, Paths, Progress, eventually, tools};

const BOUND: Duration = Duration::from_mins(1);

/// A running etcd and kube-apiserver.
#[derive(Debug)]
pub struct ApiServer {
    server: Option<Group>,
    etcd: Option<Group>,
    program: PathBuf,
    arguments: Vec<String>,
    port: u16,
    pki: Pki,
    kubectl: Kubectl,
    folder: PathBuf,
}

impl ApiServer {
    /// Starts both and waits until the API server is ready. Builds or fetches what is missing.
    pub async fn start(progress: Progress) -> Result<Self, Error> {
        let paths = Paths::new(&Environment::of_process())?;
        let kubernetes = Kubernetes::new(&paths);
        kubernetes.ensure(&paths, progress).await?;
        let tools = tools::ensure_kubectl(&paths, progress).await?;
        let [port, client_port, peer_port] = free_ports()?;
        sweep(&paths.cache("run"));
        // The port makes the name unique on this machine for as long as the server runs.
        let name: Name = format!("api-{port}").parse()?;
        let folder = paths.run(&name);
        let server = format!("https://127.0.0.1:{port}");
        let pki = Pki::make(&folder.join("pki"), &server, &[]).await?;
        let etcd = Etcd { data: folder.join("etcd"), client_port, peer_port };
        let mut arguments = components::api_server(&pki, &etcd, port);
        arguments.push("--bind-address=127.0.0.1".to_owned());
        let mut started = Self {
            server: None,
            etcd: None,
            program: kubernetes.program("kube-apiserver"),
            arguments,
            port,
            kubectl: Kubectl::new(tools.join("kubectl"), pki.kubeconfig("admin").into()),
            pki,
            folder,
        };
        let log = started.folder.join("etcd.log");
        started.etcd = Some(Group::tethered(&kubernetes.etcd()?, &etcd.arguments(), &log)?);
        started.restart().await?;
        Ok(started)
    }

    /// Stops the API server, if it runs, and starts it again with the same data.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.server = None;
        // An ended process may hold its port a moment longer than its life.
        let port = self.port;
        let free = async || Ok(TcpListener::bind(("127.0.0.1", port)).ok().map(drop));
        eventually("the API server's port", BOUND, free).await?;
        let log = self.folder.join("kube-apiserver.log");
        let mut group = Group::tethered(&self.program, &self.arguments, &log)?;
        let kubectl = &self.kubectl;
        let ready = async || {
            if group.ended().is_some() {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(Error::Missing(format!("kube-apiserver has ended: {}", tail(&said))));
            }
            let output = kubectl.run(&["get", "--raw", "/readyz"]).await?;
            Ok((output.stdout == "ok").then_some(()))
        };
        eventually("the API server", BOUND, ready).await?;
        self.server = Some(group);
        Ok(())
    }

    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.pki.kubeconfig("admin").into()
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.server = None;
        self.etcd = None;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Removes the folders of API servers whose test program was killed: the servers have ended, their data stayed.
fn sweep(run: &Path) {
    for entry in std::fs::read_dir(run).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let port = name.strip_prefix("api-").and_then(|port| port.parse::<u16>().ok());
        let Some(port) = port else { continue };
        // One that starts at this moment does not listen yet.
        let age = entry.metadata().and_then(|it| it.modified()).ok().and_then(|time| time.elapsed().ok());
        let old = age.is_some_and(|age| age > Duration::from_mins(10));
        if old && TcpStream::connect(("127.0.0.1", port)).is_err() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Ports that nobody listens on at the moment.
fn free_ports() -> Result<[u16; 3], Error> {
    let listen = || {
        let bound = TcpListener::bind(("127.0.0.1", 0));
        bound.map_err(|source| Error::Start { program: "listener".to_owned(), source })
    };
    let listeners = [listen()?, listen()?, listen()?];
    let port = |listener: &TcpListener| listener.local_addr().map_or(0, |address| address.port());
    Ok([port(&listeners[0]), port(&listeners[1]), port(&listeners[2])])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_server_may_be_starting_in_is_not_swept_away() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["api-1", "api-old", "lab"] {
            std::fs::create_dir(dir.path().join(name)).expect("a folder");
        }
        sweep(dir.path());
        let left = std::fs::read_dir(dir.path()).expect("a folder").count();
        assert_eq!(left, 3);
        let hour_ago = Duration::from_hours(1);
        let old = std::fs::File::open(dir.path().join("api-1")).expect("a folder");
        let modified = old.metadata().and_then(|it| it.modified()).expect("a time");
        old.set_modified(modified - hour_ago).expect("it is ours");
        sweep(dir.path());
        assert!(!dir.path().join("api-1").exists() && dir.path().join("lab").exists());
    }

    #[test]
    fn free_ports_differ() {
        let [a, b, c] = free_ports().expect("there are free ports");
        assert!(a != b && b != c && a != c && a != 0);
    }
}
