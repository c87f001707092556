//! The processes of this machine, and which of them were started from here: everything that the lab starts carries
//! a mark in its environment, which is handed down to all that it starts in turn. Reads /proc.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Environment, Error};

const OWNERS: &str = "MCP_OAUTH_LAB_OWNERS";
const BOUND: Duration = Duration::from_secs(20);

/// A process, told apart from a later one of the same number by its start time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pid: u32,
    started: u64,
}

impl Process {
    /// The process of this number, if it lives.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, started: start_time(pid)? })
    }

    /// A process that may or may not live.
    pub fn known(pid: u32, started: u64) -> Self {
        Self { pid, started }
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    pub fn started(&self) -> u64 {
        self.started
    }

    /// What stands for it among the owners of a process.
    fn mark(&self) -> String {
        format!("{}-{}", self.pid, self.started)
    }

    /// Whether it is there and no zombie.
    pub fn lives(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }
}

/// The numbers of all other processes that this process can see.
pub fn others() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|pid| *pid != std::process::id())
}

/// Whether a process was started with a variable whose value passes the test.
pub fn has_variable(pid: u32, name: &str, passes: impl Fn(&str) -> bool) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let mut entries = environment.split(|byte| *byte == 0).filter_map(|entry| str::from_utf8(entry).ok());
    entries.any(|entry| entry.split_once('=').is_some_and(|(found, value)| found == name && passes(value)))
}

/// The variable that everything started from here gets: who started it, the first one first.
pub fn mark() -> (&'static str, String) {
    let started = start_time(std::process::id()).unwrap_or_default();
    let me = Process::known(std::process::id(), started).mark();
    let inherited = Environment::of_process();
    (OWNERS, inherited.get(OWNERS).map_or_else(|| me.clone(), |owners| format!("{owners},{me}")))
}

/// The processes that this one has started, directly or through others, and that still live.
pub fn descendants() -> Vec<Process> {
    let (name, mark) = mark();
    let ours =
        |value: &str| value.strip_prefix(&mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(','));
    others().filter(|pid| has_variable(*pid, name, ours)).filter_map(Process::of).collect()
}

/// The same of another process, whether it still lives or not.
pub fn descendants_of(process: &Process) -> Vec<Process> {
    let mark = process.mark();
    let theirs = |owners: &str| owners.split(',').any(|owner| owner == mark);
    others().filter(|pid| has_variable(*pid, OWNERS, theirs)).filter_map(Process::of).collect()
}

/// Ends processes at once and waits until they are gone.
pub fn end(processes: &[Process]) -> Result<(), Error> {
    for process in processes.iter().filter(|process| process.lives()) {
        if let Some(pid) = Pid::from_raw(process.pid.cast_signed()) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let patience = Instant::now();
    while let Some(process) = processes.iter().find(|process| process.lives()) {
        if patience.elapsed() > BOUND {
            return Err(Error::LeftBehind(format!("process {}", process.pid)));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Field 22 of /proc/PID/stat, for a process that is not a zombie.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_number_and_start_time() {
        let me = Process::of(std::process::id()).expect("this process lives");
        assert!(me.lives());
        assert!(!Process::known(me.pid(), me.started() - 1).lives());
    }

    #[test]
    fn what_is_started_from_here_is_known_until_it_is_ended() {
        let (name, mark) = mark();
        let sleep = |value: String| std::process::Command::new("sleep").arg("60").env(name, value).spawn();
        let mut ours = sleep(format!("{mark},7")).expect("sleep starts");
        let mut another = sleep(format!("{mark}7")).expect("sleep starts");
        let found = |pid: u32| descendants().into_iter().find(|process| process.pid() == pid);
        let patience = Instant::now();
        let process = loop {
            if let Some(process) = found(ours.id()) {
                break process;
            }
            assert!(patience.elapsed() < BOUND);
        };
        assert_eq!(found(another.id()), None);
        let of = |mark: &str| {
            let (pid, started) = mark.rsplit(',').next().and_then(|me| me.split_once('-')).expect("a mark");
            descendants_of(&Process::known(
                pid.parse().expect("a number"),
                started.parse().expect("a number"),
            ))
        };
        assert!(of(&mark).contains(&process) && !of(&format!("{mark}1")).contains(&process));
        end(&[process]).expect("it can be ended");
        assert_eq!(found(ours.id()), None);
        for child in [&mut ours, &mut another] {
            child.kill().expect("it is ours");
            child.wait().expect("it is ours");
        }
    }
}
