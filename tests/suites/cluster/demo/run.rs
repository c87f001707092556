//! A `lab demo` as a person starts it: a program of its own, whose words are read as they come, and which can be
//! interrupted at one of them.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use harness::lab::command::{Group, within};
use harness::lab::processes::{Process, descendants_of};
use harness::lab::{Error, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

/// Longer than any demo of these tests.
const BOUND: Duration = Duration::from_mins(2);
const SOON: Duration = Duration::from_secs(20);

pub(super) struct Run {
    group: Group,
    process: Process,
    lines: Lines<BufReader<ChildStdout>>,
    said: String,
    folder: TempDir,
}

/// How a demo ended, and all that it said.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) said: String,
    /// What it started and did not end.
    pub(super) left: Vec<Process>,
}

impl Run {
    /// Starts `lab --name NAME demo ARGUMENTS…`, with changes of the environment.
    pub(super) fn start(
        name: &str,
        arguments: &[&str],
        environment: &[(&str, PathBuf)],
    ) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::file("create", "a temporary folder"))?;
        let complaints = folder.path().join("complaints");
        let log = std::fs::File::create(&complaints).map_err(Error::file("create", &complaints))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.args(["--name", name, "demo"]).args(arguments).envs(environment.iter().cloned());
        let mut group = Group::start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log))?;
        let process = group.id().and_then(Process::of);
        let (Some(process), Some(stdout)) = (process, group.child().stdout.take()) else {
            return Err(Error::Missing("the demo has ended at once".to_owned()));
        };
        let lines = BufReader::new(stdout).lines();
        Ok(Self { group, process, lines, said: String::new(), folder })
    }

    /// Reads on until these words are said.
    pub(super) async fn until(&mut self, words: &str) -> Result<(), Error> {
        let heard = within(words, BOUND, self.read(Some(words))).await;
        match heard {
            Ok(true) => Ok(()),
            _ => Err(Error::Missing(format!("the demo did not say \"{words}\", but: {}", self.all()))),
        }
    }

    /// The address in the line that was read last.
    pub(super) fn address(&self) -> Option<&str> {
        let line = self.said.lines().next_back()?;
        line.split(' ').find(|word| word.starts_with("http://"))
    }

    /// What Ctrl-C does.
    pub(super) fn interrupt(&self) {
        if let Some(pid) = self.group.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(pid, Signal::INT);
        }
    }

    /// Waits until so many processes run because of it.
    pub(super) async fn has_started(&self, some: usize) -> Result<(), Error> {
        let started = async || Ok((descendants_of(&self.process).len() >= some).then_some(()));
        eventually("what the demo starts", SOON, started).await
    }

    /// Reads on until it has ended.
    pub(super) async fn end(mut self) -> Result<Ended, Error> {
        if within("the end of the demo", BOUND, self.read(None)).await.is_err() {
            return Err(Error::Missing(format!("the demo did not end, and said: {}", self.all())));
        }
        let status = within("the end of the demo", BOUND, self.group.wait()).await??;
        let process = self.process.clone();
        // The kernel ends what is in a node's namespaces a moment after its PID 1.
        let none = async || Ok(descendants_of(&process).is_empty().then_some(()));
        let _ = eventually("the end of what it started", Duration::from_secs(5), none).await;
        Ok(Ended { code: status.code(), said: self.all(), left: descendants_of(&process) })
    }

    async fn read(&mut self, until: Option<&str>) -> bool {
        while let Ok(Some(line)) = self.lines.next_line().await {
            self.said.push_str(&line);
            self.said.push('\n');
            if until.is_some_and(|words| line.contains(words)) {
                return true;
            }
        }
        false
    }

    fn all(&self) -> String {
        let complaints = std::fs::read_to_string(self.folder.path().join("complaints"));
        format!("{}{}", self.said, complaints.unwrap_or_default())
    }
}
