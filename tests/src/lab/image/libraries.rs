//! Which shared libraries a program, or a folder of shared objects, needs: what `ldd` says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::lab::Error;
use crate::lab::command::capture;

/// The paths under which the loader looks for the libraries of `path`.
pub(super) async fn of(path: &Path) -> Result<BTreeSet<PathBuf>, Error> {
    let mut objects = Vec::new();
    shared_objects(path, &mut objects)?;
    let mut found = BTreeSet::new();
    // ldd takes many files at a time, but no command line is endless.
    for some in objects.chunks(200) {
        let output = capture(Command::new("ldd").args(some), Duration::from_mins(1)).await?;
        found.extend(output.stdout.lines().filter_map(library));
    }
    found.retain(|library| !library.starts_with(path));
    Ok(found)
}

fn shared_objects(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    if path.is_file() {
        found.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(Error::file("read", path))? {
        let entry = entry.map_err(Error::file("read", path))?;
        let kind = entry.file_type().map_err(Error::file("read", path))?;
        if kind.is_dir() {
            shared_objects(&entry.path(), found)?;
        } else if kind.is_file() && is_object(&entry.path()) {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// `x.so`, `x.so.1`, and what Node calls a native module.
fn is_object(path: &Path) -> bool {
    let versioned = path.file_name().is_some_and(|name| name.to_string_lossy().contains(".so."));
    versioned || path.extension().is_some_and(|extension| extension == "so" || extension == "node")
}

/// `libc.so.6 => /lib/x/libc.so.6 (0x…)`, or the loader's line `/lib64/ld-linux-x86-64.so.2 (0x…)`.
fn library(line: &str) -> Option<PathBuf> {
    let (left, _) = line.trim().rsplit_once(" (0x")?;
    let path = left.rsplit(" => ").next()?;
    path.starts_with('/').then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_what_stands_behind_the_arrow() {
        let some = |line| library(line).map(|path| path.display().to_string());
        assert_eq!(some("\tlibc.so.6 => /lib/libc.so.6 (0x7f)").as_deref(), Some("/lib/libc.so.6"));
        assert_eq!(some("\t/lib64/ld-linux.so.2 (0x7f)").as_deref(), Some("/lib64/ld-linux.so.2"));
        assert_eq!(some("\tlinux-vdso.so.1 (0x7f)"), None);
        assert_eq!(some("\tlibgone.so => not found"), None);
        assert_eq!(some("/usr/bin/node:"), None);
    }
}
