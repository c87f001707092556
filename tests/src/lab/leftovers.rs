//! Whether a run of the lab left the machine as it was: what is there of the kinds of things that a lab makes, before
//! and after. Other labs, container engines and people work on the same machine, so only what carries a lab's
//! handwriting counts. Reads /proc and /sys.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::cgroup::Cgroup;
use super::{Name, Paths, processes};

/// Where the node mounts something; on the host nothing of it may ever show.
const MOUNT_POINTS: [&str; 6] = [
    "/var/lib/kubelet",
    "/var/log/pods",
    "/var/log/containers",
    "/var/lib/cni",
    "/run/containerd",
    "/proc/sys/",
];
const INTERFACES: [&str; 2] = ["node0", "cni0"];

/// What a machine has of the things that a lab makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    things: BTreeSet<String>,
}

impl Snapshot {
    /// Looks at the machine as it is now, for the lab of this name and for what this process has started.
    pub fn take(name: &Name, paths: &Paths) -> Self {
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let run = paths.run(name);
        let mut things: BTreeSet<String> = mounts_of(&mounts, &run).map(|it| format!("mount {it}")).collect();
        let interfaces = entries("/sys/class/net").filter(|link| INTERFACES.contains(&link.as_str()));
        things.extend(interfaces.map(|link| format!("interface {link}")));
        let namespaces = entries("/run/netns").filter(|namespace| namespace.starts_with("cni-"));
        things.extend(namespaces.map(|namespace| format!("network namespace {namespace}")));
        things.extend(Cgroup::of(name).left().iter().map(|folder| format!("cgroup {}", folder.display())));
        things.extend(processes::descendants().iter().map(|it| format!("process {}", it.pid())));
        Self { things }
    }

    /// What is in this one and was not in the `earlier` one.
    pub fn since(&self, earlier: &Self) -> Vec<String> {
        self.things.difference(&earlier.things).cloned().collect()
    }
}

fn mounts_of<'a>(mounts: &'a str, run: &Path) -> impl Iterator<Item = &'a str> {
    let run = run.to_string_lossy().into_owned();
    mounts.lines().filter(move |line| {
        let place = line.split(' ').nth(1).unwrap_or_default();
        line.contains(&run) || MOUNT_POINTS.iter().any(|point| place.starts_with(point))
    })
}

fn entries(folder: impl AsRef<Path>) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::process::Command;

    use super::*;
    use crate::lab::command;

    fn snapshot<const N: usize>(things: [&str; N]) -> Snapshot {
        Snapshot { things: things.into_iter().map(str::to_owned).collect() }
    }

    #[test]
    fn what_was_there_before_is_not_left_behind() {
        let before = snapshot(["interface cni0"]);
        let after = snapshot(["interface cni0", "interface node0"]);
        assert_eq!(after.since(&before), ["interface node0"]);
        assert!(before.since(&before).is_empty());
        assert!(before.since(&after).is_empty(), "what has gone is not left behind");
    }

    #[test]
    fn a_mount_counts_by_its_place_or_its_source() {
        let mounts =
            "overlay / overlay rw 0 0\n/dev/vda /var/lib/kubelet ext4 rw 0 0\n/c/run/x/etc /e ext4 rw 0 0\n";
        let found: Vec<&str> = mounts_of(mounts, Path::new("/c/run/x")).collect();
        assert_eq!(found, ["/dev/vda /var/lib/kubelet ext4 rw 0 0", "/c/run/x/etc /e ext4 rw 0 0"]);
    }

    #[tokio::test]
    async fn a_process_that_lives_on_is_seen_and_one_that_ended_is_not() {
        let paths = Paths::new(&[("HOME", "/nowhere")].into()).expect("there is a cache");
        let name: Name = "none".parse().expect("a name");
        let seen = |id: u32| {
            let thing = format!("process {id}");
            Snapshot::take(&name, &paths).since(&Snapshot::default()).contains(&thing)
        };
        let sleep = command::Group::start(Command::new("sleep").arg("60")).expect("sleep starts");
        let id = sleep.id().expect("it runs");
        let patience = Instant::now();
        while !seen(id) {
            assert!(patience.elapsed() < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(sleep);
        assert!(!seen(id));
    }
}
