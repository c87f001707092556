//! How many connections fit into the memory that this process may use.
//!
//! Reads the limit of its control group, once, and raises the one on descriptors as far as it may. A connection whose peer sends a head of 8 KiB, a body as long behind it, or takes no
//! answer, costs up to 32 KiB; more of them than fit would end the process for everybody (P22, promise 5). Longer heads take the room of
//! three connections, and longer bodies have places of their own, which are few. A pod that is to carry more has a higher limit.

use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Measured, with the released program: 15 KiB for one that is idle, 24 KiB for answers that nobody takes.
const PER_CONNECTION: u64 = 32 * 1024;
/// What the rest of the process needs: itself, what strangers can make it remember (`ledger`), tokens that were seen, long bodies.
const OWN: u64 = 48 * 1024 * 1024;
/// What it opens besides, and each connection opens one to the server.
const OTHER_DESCRIPTORS: u64 = 64;
/// Of the admin port: the kubelet, the operator and the monitoring.
pub(super) const INQUIRIES: usize = 64;
const FEWEST: u64 = 256;
const MOST: u64 = 16 * 1024;

/// Where the second and the first version of control groups say it.
const LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

pub(super) fn connections() -> usize {
    let read = |path: &&str| std::fs::read_to_string(Path::new(path)).ok();
    let limit = LIMITS.iter().find_map(read).and_then(|text| text.trim().parse().ok());
    usize::try_from(within(limit).min(with(descriptors()))).unwrap_or(usize::MAX)
}

/// As many as this process may have.
fn descriptors() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    // What is soft is for programs that cannot have more than 1024; where it cannot be raised, it stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    getrlimit(Resource::Nofile).current
}

/// Two for each connection.
fn with(descriptors: Option<u64>) -> u64 {
    descriptors.map_or(MOST, |most| (most.saturating_sub(OTHER_DESCRIPTORS) / 2).max(1))
}

/// `max`, or nothing that can be read, is no limit.
fn within(limit: Option<u64>) -> u64 {
    limit.map_or(MOST, |limit| (limit.saturating_sub(OWN) / PER_CONNECTION).clamp(FEWEST, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p22_as_many_connections_are_taken_as_fit_and_no_more() {
        let mib = |mib: u64| Some(mib * 1024 * 1024);
        assert_eq!(within(mib(128)), 2560);
        assert_eq!(within(mib(512)), 14_848);
        assert_eq!(within(mib(8)), FEWEST);
        assert_eq!(within(mib(64 * 1024)), MOST);
        assert_eq!(within(None), MOST);
        assert_eq!([None, Some(1024), Some(16)].map(with), [MOST, 480, 1]);
    }
}
