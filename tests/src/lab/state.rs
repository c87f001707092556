//! What is known of a running lab, in a file that other processes read: `lab down`, `lab exec`, the suites.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::node::Node;
use super::{Error, Name};

/// The folder of one lab.
#[derive(Debug, Clone)]
pub struct Folder {
    name: Name,
    path: PathBuf,
}

/// What stands in the folder's `lab.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    pub node: Node,
    /// A restarted machine has other processes under the same numbers.
    boot: String,
    /// While a lab comes up there is something to take down, but nothing to use.
    ready: bool,
    pub kubeconfig: PathBuf,
    pub kubectl: PathBuf,
    pub helm: PathBuf,
}

impl State {
    pub fn new(node: Node, kubeconfig: PathBuf, tools: &Path) -> Self {
        Self {
            node,
            boot: boot(),
            ready: false,
            kubeconfig,
            kubectl: tools.join("kubectl"),
            helm: tools.join("helm"),
        }
    }

    /// Whether the lab is up and can be used.
    pub fn is_ready(&self) -> bool {
        self.ready && self.node.is_up()
    }
}

impl Folder {
    pub fn new(name: Name, path: PathBuf) -> Self {
        Self { name, path }
    }

    pub fn name(&self) -> &Name {
        &self.name
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn join(&self, file: impl AsRef<Path>) -> PathBuf {
        self.path.join(file)
    }

    /// Where the output of a program of this lab goes.
    pub fn log(&self, program: &str) -> PathBuf {
        self.path.join("log").join(format!("{program}.log"))
    }

    /// What `beside` mounts over /etc/resolv.conf.
    pub fn resolver(&self) -> PathBuf {
        self.path.join("resolv.conf")
    }

    pub fn write(&self, file: &str, text: impl AsRef<[u8]>) -> Result<PathBuf, Error> {
        let path = self.path.join(file);
        fs::write(&path, text).map_err(Error::file("write", &path))?;
        Ok(path)
    }

    /// The state, if a lab was brought up here since the machine started, whether it still lives or not.
    pub fn state(&self) -> Result<Option<State>, Error> {
        let path = self.path.join("lab.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read", &path)(error)),
        };
        let state = serde_json::from_slice::<State>(&text).ok();
        Ok(state.filter(|state| state.boot == boot()))
    }

    /// From now on others may use the lab.
    pub fn declare_ready(&self, state: &State) -> Result<(), Error> {
        self.remember(&State { ready: true, ..state.clone() })
    }

    pub fn remember(&self, state: &State) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(state).expect("a state has only text keys");
        self.write("lab.json", text).map(drop)
    }

    /// Removes the folder with all that is in it.
    pub fn remove(&self) -> Result<(), Error> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::file("remove", &self.path)(error))
            }
            _ => Ok(()),
        }
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_from_before_the_last_start_of_the_machine_is_none() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::new("lab".parse().expect("a name"), dir.path().to_path_buf());
        assert!(folder.state().expect("readable").is_none());
        let node = serde_json::json!({"pid": 1, "started": 0, "namespaces": []});
        let write = |boot: &str| {
            let state = serde_json::json!({
                "node": node, "boot": boot, "ready": true, "kubeconfig": "/k", "kubectl": "/k", "helm": "/h",
            });
            folder.write("lab.json", state.to_string()).expect("it is written");
        };
        write("another");
        assert!(folder.state().expect("readable").is_none());
        write(&boot());
        assert!(folder.state().expect("readable").is_some());
    }
}
