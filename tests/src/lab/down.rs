//! Taking a lab down. Works on a lab that is up, that was cut off half-way, or that is not there.

use super::cgroup::Cgroup;
use super::state::Folder;
use super::{Error, Name, Paths};

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
    left.extend(
        state.iter().flat_map(|state| state.node.members()).map(|it| format!("process {}", it.pid())),
    );
    if left.is_empty() { Ok(()) } else { Err(Error::LeftBehind(left.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_down_what_is_not_there_is_fine() {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = dir.path().to_string_lossy().into_owned();
        let paths = Paths::new(&[("MCP_OAUTH_CACHE", cache.as_str())].into()).expect("there is a cache");
        let name: Name = format!("none-{}", std::process::id()).parse().expect("a name");
        down(&name, &paths).expect("there is nothing to do");
    }
}
