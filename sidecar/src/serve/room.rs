//! How many connections fit into the memory that this process may use.
//!
//! Reads the limit of its control group, once. A connection whose peer sends a head of 8 KiB, a body as long behind it, or takes no
//! answer, costs up to 32 KiB; more of them than fit would end the process for everybody (P22, promise 5). Longer heads and bodies have
//! places of their own, which are few. A pod that is to carry more has a higher limit.

use std::path::Path;

/// Measured, with the released program: 15 KiB for one that is idle, 24 KiB for answers that nobody takes.
const PER_CONNECTION: u64 = 32 * 1024;
/// What the rest of the process needs: itself, what is remembered of logins and tokens, and the few long heads and bodies.
const OWN: u64 = 32 * 1024 * 1024;
/// Of the admin port: the kubelet, the operator and the monitoring.
pub(super) const INQUIRIES: usize = 64;
const FEWEST: u64 = 256;
const MOST: u64 = 16 * 1024;

/// Where the second and the first version of control groups say it.
const LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

pub(super) fn connections() -> usize {
    let read = |path: &&str| std::fs::read_to_string(Path::new(path)).ok();
    let limit = LIMITS.iter().find_map(read).and_then(|text| text.trim().parse().ok());
    usize::try_from(within(limit)).unwrap_or(usize::MAX)
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
        assert_eq!(within(mib(128)), 3072);
        assert_eq!(within(mib(512)), 15_360);
        assert_eq!(within(mib(8)), FEWEST);
        assert_eq!(within(mib(64 * 1024)), MOST);
        assert_eq!(within(None), MOST);
    }
}
