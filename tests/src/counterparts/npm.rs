//! Packages of npm, pinned by a lock file, in a folder of the cache that is named after it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::lab::command::check;
use crate::lab::{Error, Paths, Progress, hex};

const BOUND: Duration = Duration::from_mins(10);
/// Tests run side by side, and each package is installed once.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// The folder whose `node_modules` holds what the lock file in `source` names.
pub(super) async fn install(source: &Path, paths: &Paths, progress: Progress) -> Result<PathBuf, Error> {
    let lock = source.join("package-lock.json");
    let bytes = fs::read(&lock).map_err(Error::file("read", &lock))?;
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = paths.cache("npm").join(format!("{name}-{}", &hex(&Sha256::digest(&bytes))[..12]));
    let done = folder.join("installed");
    let _held = ONE_AT_A_TIME.lock().await;
    if done.is_file() {
        return Ok(folder);
    }
    let work = folder.with_extension("new");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).map_err(Error::file("create", &work))?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), work.join(file)).map_err(Error::file("copy", &work.join(file)))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&work);
    progress.during(&format!("installing the packages of {name}"), check(&mut npm, BOUND)).await?;
    fs::write(work.join("installed"), "").map_err(Error::file("write", &done))?;
    let _ = fs::remove_dir_all(&folder);
    fs::rename(&work, &folder).map_err(Error::file("create", &folder))?;
    Ok(folder)
}

/// Puts a program beside the packages that it uses: Node looks for them beside the program's own file. In one step, for
/// somebody may be starting it.
pub(super) fn put(program: &Path, folder: &Path) -> Result<PathBuf, Error> {
    let place = folder.join(program.file_name().unwrap_or_default());
    let text = fs::read(program).map_err(Error::file("read", program))?;
    let mut copy = NamedTempFile::new_in(folder).map_err(Error::file("create", &place))?;
    copy.write_all(&text).map_err(Error::file("write", &place))?;
    copy.persist(&place).map_err(|failed| Error::file("create", &place)(failed.error))?;
    Ok(place)
}

/// The version that the lock file in `source` has of a package.
pub(super) fn version(source: &Path, package: &str) -> Result<String, Error> {
    let lock = source.join("package-lock.json");
    let text = fs::read_to_string(&lock).map_err(Error::file("read", &lock))?;
    let lock: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let version = lock["packages"][format!("node_modules/{package}")]["version"].as_str();
    version.map(str::to_owned).ok_or_else(|| Error::Missing(format!("no lock file names {package}")))
}
