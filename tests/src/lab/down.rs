//! Taking a lab down, and looking at what is left of it: processes, mounts, interfaces, cgroups. Works on a lab
//! that is up, that was cut off half-way, or that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::cgroup::Cgroup;
use super::state::Folder;
use super::{Error, Name, Paths, node};

/// Takes the lab of this name down, if there is one, and fails when something of it is left.
pub fn down(name: &Name, paths: &Paths) -> Result<(), Error> {
    let folder = Folder::new(name.clone(), paths.run(name));
    let cgroup = Cgroup::of(name);
    let state = folder.state()?;
    if let Some(state) = &state {
        state.node.end()?;
    }
    if super::is_root() {
        cgroup.remove()?;
    }
    folder.remove()?;
    let mut left: Vec<String> = cgroup.left().iter().map(|path| path.display().to_string()).collect();
    left.extend(state.iter().flat_map(|state| state.node.members()).map(|it| format!("process {}", it.pid)));
    left.extend(mounts_below(folder.path()));
    if left.is_empty() { Ok(()) } else { Err(Error::LeftBehind(left.join(", "))) }
}

fn mounts_below(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy();
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts.lines().filter(|line| line.contains(folder.as_ref())).map(str::to_owned).collect()
}

/// What a machine has of the things that a lab makes. Two of them, before and after, show what a lab left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    things: BTreeSet<String>,
}

impl Snapshot {
    /// Looks at the machine as it is now.
    pub fn take() -> Self {
        let mut things = BTreeSet::new();
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        things.extend(mounts.lines().map(|line| format!("mount {line}")));
        things.extend(entries("/sys/class/net").map(|link| format!("interface {link}")));
        things.extend(entries("/run/netns").map(|name| format!("network namespace {name}")));
        things.extend(node::all_processes().filter_map(|pid| process(Path::new("/proc"), pid)));
        for top in entries("/sys/fs/cgroup") {
            let hierarchy = Path::new("/sys/fs/cgroup").join(&top);
            let cgroups = entries(&hierarchy).filter(|name| hierarchy.join(name).is_dir());
            things.extend(cgroups.map(|name| format!("cgroup {top}/{name}")));
        }
        Self { things }
    }

    /// What is in this one and was not in the `earlier` one.
    pub fn since(&self, earlier: &Self) -> Vec<String> {
        self.things.difference(&earlier.things).cloned().collect()
    }
}

fn entries(folder: impl AsRef<Path>) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// A process that runs one of the programs that only a lab starts.
fn process(proc: &Path, pid: u32) -> Option<String> {
    const PROGRAMS: [&str; 9] = [
        "etcd",
        "containerd",
        "containerd-shim",
        "kube-",
        "kubelet",
        "coredns",
        "pause",
        "nsenter",
        "unshare",
    ];
    let name = fs::read_to_string(proc.join(pid.to_string()).join("comm")).ok()?;
    let name = name.trim();
    PROGRAMS.iter().any(|program| name.starts_with(program)).then(|| format!("process {pid} {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot<const N: usize>(things: [&str; N]) -> Snapshot {
        Snapshot { things: things.into_iter().map(str::to_owned).collect() }
    }

    #[test]
    fn what_was_there_before_is_not_left_behind() {
        let before = snapshot(["interface lo", "interface eth0"]);
        let after = snapshot(["interface lo", "interface eth0", "interface cni0"]);
        assert_eq!(after.since(&before), ["interface cni0"]);
        assert!(before.since(&before).is_empty());
        assert!(before.since(&after).is_empty(), "what has gone is not left behind");
    }

    #[test]
    fn a_snapshot_sees_interfaces_and_mounts() {
        let now = Snapshot::take();
        assert!(now.things.contains("interface lo"));
        assert!(now.things.iter().any(|thing| thing.starts_with("mount ")));
    }

    #[test]
    fn only_the_programs_of_a_lab_count() {
        let dir = tempfile::tempdir().expect("a folder");
        for (pid, name) in [(7, "kube-apiserver\n"), (8, "bash\n")] {
            fs::create_dir(dir.path().join(pid.to_string())).expect("a folder");
            fs::write(dir.path().join(pid.to_string()).join("comm"), name).expect("it is written");
        }
        assert_eq!(process(dir.path(), 7).as_deref(), Some("process 7 kube-apiserver"));
        assert_eq!(process(dir.path(), 8), None);
    }

    #[test]
    fn taking_down_what_is_not_there_is_fine() {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = dir.path().to_string_lossy().into_owned();
        let paths = Paths::new(&[("MCP_OAUTH_CACHE", cache.as_str())].into()).expect("there is a cache");
        let name: Name = format!("none-{}", std::process::id()).parse().expect("a name");
        down(&name, &paths).expect("there is nothing to do");
    }
}
