//! Packages of PyPI, pinned by a requirements file, in a folder of the cache that is named after it; and the
//! interpreter that they were installed with. Starts `python3`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::lab::command::check;
use crate::lab::image::Image;
use crate::lab::{Error, Paths, Progress, hex};

const BOUND: Duration = Duration::from_mins(10);
const ASK: &str = "import sys, sysconfig; print(sys.executable); print(sysconfig.get_path('stdlib'))";
/// What a server has no use for, and what other projects have installed.
const LEFT_OUT: [&str; 7] =
    ["site-packages", "dist-packages", "test", "idlelib", "turtledemo", "ensurepip", "tkinter"];

/// Where the interpreter and its library lie.
#[derive(Debug, Clone)]
pub(super) struct Interpreter {
    pub(super) program: PathBuf,
    library: PathBuf,
}

impl Interpreter {
    /// The `python3` of this machine's PATH.
    pub(super) async fn find() -> Result<Self, Error> {
        let said = check(Command::new("python3").args(["-c", ASK]), Duration::from_secs(30)).await?;
        let mut lines = said.lines().map(PathBuf::from);
        let (Some(program), Some(library)) = (lines.next(), lines.next()) else {
            return Err(Error::Missing("\"python3\" does not say where it lies".to_owned()));
        };
        Ok(Self { program, library })
    }

    /// The interpreter and its library, under their own paths.
    pub(super) async fn put_into(&self, image: Image) -> Result<Image, Error> {
        let mut image = image.program(&self.program).await?;
        for entry in fs::read_dir(&self.library).map_err(Error::file("read", &self.library))? {
            let path = entry.map_err(Error::file("read", &self.library))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if LEFT_OUT.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                image = image.tree(&path, &path)?;
            } else if path.is_file() {
                image = image.file(&path, &path, 0o644);
            }
        }
        image.libraries_of(self.library.join("lib-dynload")).await
    }
}

/// The folder that holds, for PYTHONPATH, what the requirements file in `source` names.
pub(super) async fn install(source: &Path, paths: &Paths, progress: Progress) -> Result<PathBuf, Error> {
    let requirements = source.join("requirements.txt");
    let bytes = fs::read(&requirements).map_err(Error::file("read", &requirements))?;
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = paths.cache("python").join(format!("{name}-{}", &hex(&Sha256::digest(&bytes))[..12]));
    if folder.is_dir() {
        return Ok(folder);
    }
    let work = folder.with_extension("new");
    let _ = fs::remove_dir_all(&work);
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
    ]);
    pip.arg("--target").arg(&work).arg("--requirement").arg(&requirements);
    progress.during(&format!("installing the packages of {name}"), check(&mut pip, BOUND)).await?;
    fs::rename(&work, &folder).map_err(Error::file("create", &folder))?;
    Ok(folder)
}

/// The version that the requirements file in `source` has of a package.
pub(super) fn version(source: &Path, package: &str) -> Result<String, Error> {
    let requirements = source.join("requirements.txt");
    let text = fs::read_to_string(&requirements).map_err(Error::file("read", &requirements))?;
    let version = text.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
    let version = version.and_then(|rest| rest.split_whitespace().next());
    version.map(str::to_owned).ok_or_else(|| Error::Missing(format!("no requirements file names {package}")))
}
