//! A whole sidecar inside the test's process, on free loopback ports, behind a policy directory that the test writes to
//! as a kubelet does.
//!
//! Listens on loopback; writes to a temporary directory. Time stands at `NOW`.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use sidecar::clock::Clock;
use sidecar::serve::{Bound, ServeError};
use sidecar::settings::{self, Environment, Settings, Task};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::client::{self, Reply, request};
use super::upstream::Upstream;

/// A sidecar that lives as long as this value.
#[derive(Debug)]
pub(crate) struct Sidecar {
    pub(crate) traffic: SocketAddr,
    pub(crate) admin: SocketAddr,
    directory: TempDir,
    stop: oneshot::Sender<()>,
    process: JoinSet<Result<(), ServeError>>,
    written: u32,
}

const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl Sidecar {
    /// In front of this server, enforcing this policy, and ready.
    pub(crate) async fn enforcing(policy: &str, upstream: &Upstream) -> Self {
        let mut sidecar = Self::without_policy(upstream.address).await;
        sidecar.enforce(policy);
        sidecar.is_ready().await;
        sidecar
    }

    /// The same, by this clock.
    pub(crate) async fn enforcing_at(policy: &str, upstream: &Upstream, clock: &Clock) -> Self {
        let mut sidecar = Self::at(upstream.address, clock.clone()).await;
        sidecar.enforce(policy);
        sidecar.is_ready().await;
        sidecar
    }

    /// In front of whatever listens there, or nothing, and with an empty policy directory.
    pub(crate) async fn without_policy(upstream: SocketAddr) -> Self {
        Self::at(upstream, super::clock().0).await
    }

    async fn at(upstream: SocketAddr, clock: Clock) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let settings = settings(directory.path(), upstream);
        let bound = Bound::bind(settings, clock).await.expect("port 0 is free");
        let (traffic, admin) = bound.addresses().expect("bound sockets have addresses");
        let (stop, stopped) = oneshot::channel();
        let mut process = JoinSet::new();
        process.spawn(bound.run(async {
            let _ = stopped.await;
        }));
        Self { traffic, admin, directory, stop, process, written: 0 }
    }

    /// Delivers a document that says to enforce this policy, and gives its revision.
    pub(crate) fn enforce(&mut self, policy: &str) -> String {
        let revision = format!("r{}", self.written);
        self.deliver(&enforcing(&revision, policy));
        revision
    }

    /// Delivers any text, as a kubelet does: a new directory, and a link that is replaced in one step.
    pub(crate) fn deliver(&mut self, text: &str) {
        let root = self.directory.path();
        let (name, link) = (format!("..{}", self.written), root.join("..data"));
        self.written += 1;
        std::fs::create_dir(root.join(&name)).expect("a directory of our own");
        std::fs::write(root.join(&name).join("policy.yaml"), text).expect("a directory of our own");
        let fresh = root.join("..data_tmp");
        std::os::unix::fs::symlink(&name, &fresh).expect("a directory of our own");
        std::fs::rename(&fresh, &link).expect("a directory of our own");
        let visible = root.join("policy.yaml");
        if visible.symlink_metadata().is_err() {
            std::os::unix::fs::symlink("..data/policy.yaml", visible).expect("a directory of our own");
        }
    }

    /// Takes the document away.
    pub(crate) fn remove(&self) {
        std::fs::remove_file(self.directory.path().join("policy.yaml")).expect("there is a document");
    }

    /// Sends to the traffic port.
    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        client::send(self.traffic, request(method, target, headers, body)).await
    }

    /// Asks the admin port.
    pub(crate) async fn ask(&self, path: &str) -> Reply {
        client::send(self.admin, request("GET", path, &[], "")).await
    }

    pub(crate) async fn is_ready(&self) {
        self.until("/readyz", "enforcing").await;
    }

    /// Waits until an admin page says this.
    pub(crate) async fn until(&self, path: &str, says: &str) {
        let asked = async {
            while !self.ask(path).await.text().contains(says) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(LONGEST_WAIT, asked).await;
        assert!(waited.is_ok(), "{path} never says {says:?}, but {:?}", self.ask(path).await.text());
    }

    /// Tells it to end, and waits until it has.
    pub(crate) async fn end(mut self) -> Result<(), ServeError> {
        let _ = self.stop.send(());
        let ended = tokio::time::timeout(LONGEST_WAIT, self.process.join_next()).await;
        ended.expect("it ends in time").expect("there is one task").expect("it does not panic")
    }
}

/// The document that says to enforce this policy.
pub(crate) fn enforcing(revision: &str, policy: &str) -> String {
    format!(
        "policy: data/test\nrevision: {revision}\nenforce:\n  {}\n",
        policy.trim_end().replace('\n', "\n  ")
    )
}

fn settings(directory: &Path, upstream: SocketAddr) -> Settings {
    let flags = [
        "--listen=127.0.0.1:0".to_owned(),
        "--admin=127.0.0.1:0".to_owned(),
        format!("--upstream=http://{upstream}"),
        format!("--policy-dir={}", directory.display()),
    ];
    let task = settings::parse(flags.map(Into::into), &Environment::new()).expect("these are right");
    let Task::Run(settings) = task else { unreachable!("no flag asks for anything else") };
    settings
}
