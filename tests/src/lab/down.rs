//! Taking a lab down. Works on a lab that is up, that was cut off half-way, or that is not there.

use std::fs;

use super::cgroup::Cgroup;
use super::lock::Lock;
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

/// Takes down what is left of labs whose owners were killed: nobody works with them, and their nodes are gone.
pub fn sweep(paths: &Paths) -> Result<(), Error> {
    for entry in fs::read_dir(paths.cache("run")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().parse::<Name>();
        // The folders of API servers alone look like those of labs, and are nothing that this could take down.
        let Some(name) = name.ok().filter(|name| !name.as_str().starts_with("api-")) else { continue };
        if !entry.path().is_dir() {
            continue;
        }
        let Some(_mine) = Lock::try_take(&paths.lock(&name))? else { continue };
        let state = Folder::new(name.clone(), entry.path()).state()?;
        if state.is_none_or(|state| !state.node.is_up()) {
            down(&name, paths)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Paths) {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = dir.path().to_string_lossy().into_owned();
        let paths = Paths::new(&[("MCP_OAUTH_CACHE", cache.as_str())].into()).expect("there is a cache");
        (dir, paths)
    }

    #[test]
    fn what_a_killed_owner_left_is_swept_away_unless_someone_works_with_it() {
        let (_dir, paths) = cache();
        let name = |kind: &str| format!("{kind}-{}", std::process::id()).parse::<Name>().expect("a name");
        let (left, held) = (name("left"), name("held"));
        for folder in [paths.run(&left), paths.run(&held), paths.cache("run/api-1")] {
            fs::create_dir_all(folder).expect("a folder");
        }
        let _held = Lock::try_take(&paths.lock(&held)).expect("it can be made").expect("nobody holds it");
        sweep(&paths).expect("there is little to do");
        assert!(!paths.run(&left).exists());
        assert!(paths.run(&held).exists() && paths.cache("run/api-1").exists());
    }

    #[test]
    fn taking_down_what_is_not_there_is_fine() {
        let (_dir, paths) = cache();
        let name: Name = format!("none-{}", std::process::id()).parse().expect("a name");
        down(&name, &paths).expect("there is nothing to do");
    }
}
