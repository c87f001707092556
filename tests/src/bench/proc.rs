//! What the kernel has counted of a process, and of this machine. Reads /proc.

use std::fs;
use std::time::Duration;

use crate::lab::Error;

/// The processor time that all threads of a process have used, to the nanosecond. One that ends takes its time with it.
pub fn cpu(pid: u32) -> Result<Duration, Error> {
    let folder = format!("/proc/{pid}/task");
    let threads = fs::read_dir(&folder).map_err(Error::file("read", &folder))?;
    let mut nanos = 0;
    for thread in threads.flatten() {
        let file = thread.path().join("schedstat");
        let text = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
        nanos += text.split(' ').next().and_then(|used| used.parse::<u64>().ok()).unwrap_or(0);
    }
    match nanos {
        0 => Err(Error::Missing("this kernel counts nothing in /proc/PID/schedstat".to_owned())),
        nanos => Ok(Duration::from_nanos(nanos)),
    }
}

/// The memory that a process holds, in bytes.
pub fn resident(pid: u32) -> Result<u64, Error> {
    let file = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kibibytes.map(|kibibytes| kibibytes * 1024).ok_or_else(|| Error::Missing(format!("{file} has no VmRSS")))
}

/// The last two of the processors that this process may use: one for the proxy, and one for everything else.
pub fn processors() -> Result<[usize; 2], Error> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    match listed(allowed.trim())[..] {
        [.., other, proxy] => Ok([proxy, other]),
        _ => Err(Error::Missing("the bench needs two processors: one is the proxy's alone".to_owned())),
    }
}

/// `0-3,7`, as cpuset(7) writes it.
fn listed(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        Some(low.parse().ok()?..=high.parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

/// How many want a processor, over the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

/// The machine in a line: its processors and its kernel.
pub fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names: Vec<&str> = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name))
        .collect();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let name = names.first().copied().unwrap_or(std::env::consts::ARCH);
    format!("{} × {name}, Linux {}", names.len().max(1), kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_processors_is_numbers_and_ranges() {
        assert_eq!(listed("0-3,7"), [0, 1, 2, 3, 7]);
        assert_eq!(listed("5"), [5]);
        assert_eq!(listed(""), [0; 0]);
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let me = std::process::id();
        assert!(cpu(me).is_ok_and(|time| !time.is_zero()));
        assert!(resident(me).is_ok_and(|bytes| bytes > 64 * 1024));
        assert!(cpu(0).is_err());
    }
}
