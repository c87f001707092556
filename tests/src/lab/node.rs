//! The lab's node: one PID 1 in namespaces of its own. Ending it ends every process, mount and interface of the
//! lab, because the kernel takes them down with their namespaces. Needs root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, Command};

use super::command::{Group, within};
use super::processes::{self, Process};
use super::{Error, network};

const INIT: &str = include_str!("../../kubernetes/node.sh");
const BOUND: Duration = Duration::from_secs(20);
/// The namespaces that tell whether a process belongs to the node.
const NAMESPACES: [&str; 5] = ["mnt", "pid", "net", "uts", "ipc"];

/// The environment variable by which processes beside the node are found again.
const MARK: &str = "MCP_OAUTH_LAB_NODE";

/// PID 1 of a lab and its namespaces.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    pid: u32,
    started: u64,
    namespaces: Vec<PathBuf>,
}

/// Ties the node's life to this process: gone with it, unless the node was told to stay.
#[derive(Debug)]
pub struct Leash {
    // First to go, for PID 1 ends when this closes; `unshare` then ends by itself.
    stdin: ChildStdin,
    unshare: Group,
}

impl Node {
    /// Starts PID 1; `state` is the folder of the lab.
    pub async fn start(state: &Path) -> Result<(Self, Leash), Error> {
        let script = state.join("node.sh");
        fs::write(&script, INIT).map_err(Error::file("write", &script))?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child"]);
        command.args(["--mount-proc", "--propagation", "private", "bash"]);
        command.arg(script).arg(state).arg(network::node_with_prefix());
        let log_path = state.join("log/node.log");
        let log = fs::File::create(&log_path).map_err(Error::file("create", &log_path))?;
        let mut unshare = Group::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log))?;
        let (stdin, stdout) = (unshare.child().stdin.take(), unshare.child().stdout.take());
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            return Err(Error::Missing("the node's pipes".to_owned()));
        };
        let mut said = String::new();
        let _ = within("the node's start", BOUND, BufReader::new(stdout).read_line(&mut said)).await?;
        if said != "ready\n" {
            let log = fs::read_to_string(&log_path).unwrap_or_default();
            return Err(Error::Missing(format!("the node did not start: {}", log.trim())));
        }
        let node = unshare.id().and_then(only_child).and_then(Self::of_process);
        let node = node.ok_or_else(|| Error::Missing("the node's PID 1 is gone".to_owned()))?;
        Ok((node, Leash { stdin, unshare }))
    }

    fn of_process(pid: u32) -> Option<Self> {
        Some(Self { pid, started: Process::of(pid)?.started(), namespaces: namespaces_of(pid) })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether PID 1 lives.
    pub fn is_up(&self) -> bool {
        self.init().lives()
    }

    /// A command that runs `program` as a process of the node.
    pub fn inside(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.enter(&["--mount", "--pid", "--net", "--uts", "--ipc"]);
        command.arg("--").arg(program.as_ref());
        command
    }

    /// A command that runs `program` as a process of the host with the node's network: pod and Service addresses
    /// are there, and so are the names of the cluster.
    pub fn beside(&self, resolver: &Path, program: impl AsRef<Path>) -> Command {
        const WITH_NAMES: &str = r#"mount --bind "$1" /etc/resolv.conf && shift && exec "$@""#;
        let mut command = self.enter(&["--net"]);
        command.args(["--", "unshare", "--mount", "--propagation", "private", "sh", "-c", WITH_NAMES, "lab"]);
        command.arg(resolver).arg(program.as_ref()).env(MARK, self.mark());
        command
    }

    fn enter(&self, namespaces: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.pid.to_string()).args(namespaces);
        command
    }

    /// Ends PID 1 and with it the node, ends what runs beside it, and waits until all of them are gone.
    pub fn end(&self) -> Result<(), Error> {
        processes::end(&self.members())
    }

    /// Every other process in one of the node's namespaces or with its mark, PID 1 first.
    pub fn members(&self) -> Vec<Process> {
        let init = self.init();
        let mut namespaces = self.namespaces.clone();
        // The kernel gives the number of a namespace to another once it is gone: it says nothing after PID 1. And
        // a namespace that is also ours is no sign of the node.
        let ours = namespaces_of(std::process::id());
        namespaces.retain(|namespace| init.lives() && !ours.contains(namespace));
        let inside = |pid: u32| namespaces_of(pid).iter().any(|namespace| namespaces.contains(namespace));
        let marked = |pid: u32| processes::has_variable(pid, MARK, |value| value == self.mark());
        let members = processes::others().filter(|pid| *pid != self.pid && (inside(*pid) || marked(*pid)));
        let members = members.filter_map(Process::of).collect::<Vec<_>>();
        Some(init).filter(Process::lives).into_iter().chain(members).collect()
    }

    fn init(&self) -> Process {
        Process::known(self.pid, self.started)
    }

    fn mark(&self) -> String {
        format!("{}-{}", self.pid, self.started)
    }
}

impl Leash {
    /// From now on the node lives until someone ends it.
    pub async fn release(mut self) -> Result<(), Error> {
        let said = self.stdin.write_all(b"stay\n").await;
        said.map_err(|source| Error::Start { program: "node".to_owned(), source })?;
        self.unshare.let_go();
        Ok(())
    }
}

fn namespaces_of(pid: u32) -> Vec<PathBuf> {
    let link = |name| fs::read_link(format!("/proc/{pid}/ns/{name}")).ok();
    NAMESPACES.into_iter().filter_map(link).collect()
}

fn only_child(pid: u32) -> Option<u32> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn what_has_the_mark_of_a_node_that_is_gone_still_belongs_to_it() {
        let gone = Node { pid: u32::MAX >> 1, started: 7, namespaces: namespaces_of(std::process::id()) };
        let sleep = |mark: String| Group::start(Command::new("sleep").arg("60").env(MARK, mark));
        let marked = sleep(gone.mark()).expect("sleep starts");
        let other = sleep("1-1".to_owned()).expect("sleep starts");
        let patience = Instant::now();
        let found = |group: &Group| gone.members().iter().any(|process| Some(process.pid()) == group.id());
        while !found(&marked) {
            assert!(patience.elapsed() < BOUND);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!found(&other));
        gone.end().expect("it can be ended");
        assert_eq!(gone.members(), []);
    }
}
