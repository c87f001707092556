//! One parent cgroup per lab, below which kubelet makes those of the pods; on cgroup v1 one in each hierarchy.
//! Needs root.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Error, Name};

const ROOT: &str = "/sys/fs/cgroup";
const HIERARCHIES: [&str; 10] =
    ["cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer", "blkio", "systemd", "unified"];
const BOUND: Duration = Duration::from_secs(10);

/// The parent cgroup of a lab.
#[derive(Debug, Clone)]
pub struct Cgroup {
    name: String,
}

impl Cgroup {
    pub fn of(name: &Name) -> Self {
        Self { name: format!("mcp-oauth-{name}") }
    }

    /// As kubelet writes it.
    pub fn path(&self) -> String {
        format!("/{}", self.name)
    }

    pub fn create(&self) -> Result<(), Error> {
        for folder in self.folders() {
            fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        }
        if is_version_two() {
            return self.delegate();
        }
        // A new v1 cpuset is empty, and no process may enter it before it has processors and memory.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let from = Path::new(ROOT).join("cpuset").join(file);
            let to = Path::new(ROOT).join("cpuset").join(&self.name).join(file);
            let text = fs::read_to_string(&from).map_err(Error::file("read", &from))?;
            fs::write(&to, text).map_err(Error::file("write", &to))?;
        }
        Ok(())
    }

    /// On v2 a controller works below a cgroup only when the cgroup says so.
    fn delegate(&self) -> Result<(), Error> {
        for folder in [PathBuf::from(ROOT), Path::new(ROOT).join(&self.name)] {
            let available = folder.join("cgroup.controllers");
            let available = fs::read_to_string(&available).map_err(Error::file("read", &available))?;
            let control = folder.join("cgroup.subtree_control");
            fs::write(&control, wanted(&available)).map_err(Error::file("write", &control))?;
        }
        Ok(())
    }

    /// Removes the cgroup with all below it; the kernel needs a moment after the last process.
    pub fn remove(&self) -> Result<(), Error> {
        let patience = Instant::now();
        for folder in self.folders() {
            while folder.is_dir() {
                if let Err(error) = remove_tree(&folder)
                    && patience.elapsed() > BOUND
                {
                    return Err(Error::file("remove", &folder)(error));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    }

    /// The folders of this cgroup that are there.
    pub fn left(&self) -> Vec<PathBuf> {
        self.folders().into_iter().filter(|folder| folder.is_dir()).collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        if is_version_two() {
            return vec![Path::new(ROOT).join(&self.name)];
        }
        let hierarchies = HIERARCHIES.iter().map(|hierarchy| Path::new(ROOT).join(hierarchy));
        hierarchies.filter(|folder| folder.is_dir()).map(|folder| folder.join(&self.name)).collect()
    }
}

/// What to write to turn on those controllers that kubelet uses, of those that there are.
fn wanted(available: &str) -> String {
    let used = |name: &&str| ["cpu", "cpuset", "io", "memory", "pids", "hugetlb"].contains(name);
    available.split_whitespace().filter(used).flat_map(|name| ["+", name, " "]).collect()
}

fn is_version_two() -> bool {
    Path::new(ROOT).join("cgroup.controllers").is_file()
}

/// Folders only: the files of a cgroup are the kernel's and go with it.
fn remove_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lab_has_a_cgroup_of_its_own_name() {
        let cgroup = Cgroup::of(&"demo".parse().expect("a good name"));
        assert_eq!(cgroup.path(), "/mcp-oauth-demo");
    }

    #[test]
    fn only_controllers_that_there_are_are_turned_on() {
        assert_eq!(wanted("cpuset cpu rdma pids\n"), "+cpuset +cpu +pids ");
    }

    #[test]
    fn a_tree_of_folders_goes_from_the_leaves_up() {
        let dir = tempfile::tempdir().expect("a folder");
        let top = dir.path().join("top");
        fs::create_dir_all(top.join("a/b")).expect("folders");
        remove_tree(&top).expect("there are only folders");
        assert!(!top.exists());
    }
}
