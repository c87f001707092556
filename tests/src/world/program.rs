//! The sidecar as the program that it is: with arguments and an environment of its own, and ended by signals.
//!
//! Starts processes, which end with their values at the latest; they listen on loopback. Every wait is bounded.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::client::{request, send};

const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// One that runs, and is ready.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) traffic: SocketAddr,
    pub(crate) admin: SocketAddr,
    child: Child,
    log: JoinSet<String>,
}

/// The program, with nothing in its environment.
pub(crate) fn command() -> Command {
    let suite = std::env::current_exe().expect("this test is a program");
    let built: PathBuf =
        suite.ancestors().nth(2).expect("cargo builds two folders deep").join("mcp-oauth-sidecar");
    assert!(built.exists(), "{} is not there: cargo build -p mcp-oauth-sidecar", built.display());
    command_of(&built)
}

/// The same, of a program that lies elsewhere.
pub(crate) fn command_of(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// For traffic and admin.
pub(crate) fn free_addresses() -> [SocketAddr; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("bound"))
}

impl Program {
    /// In front of what listens there, by these variables alone.
    pub(crate) async fn start(upstream: SocketAddr, environment: &[(&str, &str)]) -> Self {
        Self::start_on(free_addresses(), upstream, environment).await
    }

    /// The same on these addresses.
    pub(crate) async fn start_on(
        addresses: [SocketAddr; 2],
        upstream: SocketAddr,
        environment: &[(&str, &str)],
    ) -> Self {
        Self::start_as(command(), addresses, upstream, environment).await
    }

    /// The same, by this command.
    pub(crate) async fn start_as(
        mut command: Command,
        [traffic, admin]: [SocketAddr; 2],
        upstream: SocketAddr,
        environment: &[(&str, &str)],
    ) -> Self {
        let mut child = command
            .args([format!("--listen={traffic}"), format!("--admin={admin}")])
            .arg(format!("--upstream=http://{upstream}"))
            .envs(environment.iter().copied())
            .spawn()
            .expect("it starts");
        let mut stderr = child.stderr.take().expect("it is piped");
        let mut log = JoinSet::new();
        // Read all the time: a full pipe would hold it up.
        log.spawn(async move {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text).await;
            String::from_utf8_lossy(&text).into_owned()
        });
        let ready = async {
            while tokio::net::TcpStream::connect(traffic).await.is_err()
                || tokio::net::TcpStream::connect(admin).await.is_err()
                || send(admin, request("GET", "/readyz", &[], "")).await.status != 200
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LONGEST_WAIT, ready).await.expect("it is ready in time");
        Self { traffic, admin, child, log }
    }

    /// Kibibytes of memory that it holds at the moment.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid().as_raw_nonzero()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Its log, and its exit code, after it was told to end.
    pub(crate) async fn end(mut self, signal: Signal) -> (String, Option<i32>) {
        kill_process(self.pid(), signal).expect("it is ours");
        let ended = async {
            let log = self.log.join_next().await.expect("it has a log").expect("it is read");
            (log, self.child.wait().await.expect("it ends"))
        };
        let (log, status) = tokio::time::timeout(LONGEST_WAIT, ended).await.expect("it ends in time");
        (log, status.code())
    }

    pub(crate) fn pid(&self) -> Pid {
        self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it runs")
    }
}
