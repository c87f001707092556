//! The images of our own: the sidecar and the operator as static release binaries, and the pause image that every
//! pod starts with. Built with cargo and rustc, kept in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::command::{check, stream};
use super::image::Image;
use super::settings::PAUSE_IMAGE;
use super::{Error, Paths, Progress};

const BUILD_BOUND: Duration = Duration::from_mins(30);
const PAUSE: &str = include_str!("../../kubernetes/pause.rs");

/// The programs that ship as images: the package is also the name of the binary and of the image.
pub const PROGRAMS: [&str; 2] = ["mcp-oauth-sidecar", "mcp-oauth-operator"];

/// Of release builds. With a target named, they are not those of build scripts and procedural macros.
pub const FLAGS: &str = "-C target-feature=+crt-static";

/// What pods call the image of a program of ours.
pub fn reference(program: &str) -> String {
    format!("localhost/{program}:dev")
}

/// The image that holds a pod's namespaces.
pub async fn pause(paths: &Paths) -> Result<PathBuf, Error> {
    let folder = paths.cache("images");
    let digest = super::hex(&Sha256::digest(PAUSE));
    let archive = folder.join(format!("pause-{}.tar", &digest[..12]));
    if archive.is_file() {
        return Ok(archive);
    }
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    let work = tempfile::tempdir_in(&folder).map_err(Error::file("create", &folder))?;
    let source = work.path().join("pause.rs");
    fs::write(&source, PAUSE).map_err(Error::file("write", &source))?;
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "-O", "-Cpanic=abort", "-Cstrip=symbols", "-Ctarget-feature=+crt-static"]);
    rustc.arg("pause.rs").current_dir(work.path());
    check(&mut rustc, Duration::from_mins(2)).await?;
    Image::new(PAUSE_IMAGE)
        .file(work.path().join("pause"), "/pause", 0o755)
        .entrypoint(["/pause"])
        .write(&archive)?;
    Ok(archive)
}

/// The images of our own programs, built anew where their sources have changed.
pub async fn ours(paths: &Paths, progress: Progress) -> Result<Vec<PathBuf>, Error> {
    let programs = build(paths, &PROGRAMS, progress).await?;
    let image = |program: &PathBuf| {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        pack(paths, &reference(&name), program)
    };
    programs.iter().map(image).collect()
}

/// Builds the static release binaries of the programs, all in one go.
pub async fn build(paths: &Paths, programs: &[&str], progress: Progress) -> Result<Vec<PathBuf>, Error> {
    // At low priority, as what is built beside: it takes minutes, and what a person or a test waits for comes first.
    let mut cargo = Command::new("nice");
    cargo.args(["-n", "10", "cargo", "build", "--release", "--quiet", "--target", &target()]);
    for program in programs {
        cargo.args(["--package", program, "--bin", program]);
    }
    cargo.env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", paths.target());
    cargo.current_dir(paths.repository());
    let what = format!("building {} (release, static)", programs.join(" and "));
    progress.during(&what, succeed(&mut cargo)).await?;
    let folder = paths.target().join(target()).join("release");
    Ok(programs.iter().map(|program| folder.join(program)).collect())
}

async fn succeed(cargo: &mut Command) -> Result<(), Error> {
    let status = stream(cargo, BUILD_BOUND).await?;
    if status.success() {
        return Ok(());
    }
    let output = "see above".to_owned();
    Err(Error::Failed { program: "cargo build".to_owned(), status, output })
}

/// Builds one program the quick way, for this machine alone.
pub async fn build_quickly(paths: &Paths, program: &str, progress: Progress) -> Result<PathBuf, Error> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--quiet", "--package", program, "--bin", program]);
    cargo.env("CARGO_TARGET_DIR", paths.target()).current_dir(paths.repository());
    progress.during(&format!("building {program}"), succeed(&mut cargo)).await?;
    Ok(paths.target().join("debug").join(program))
}

/// Puts a static program into an image of its own.
pub fn pack(paths: &Paths, reference: &str, program: &Path) -> Result<PathBuf, Error> {
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let inside = format!("/{name}");
    let folder = paths.cache("images");
    let archive = folder.join(format!("{name}.tar"));
    let image = Image::new(reference).file(program, &inside, 0o755).entrypoint([&inside]);
    image.write(&archive)?;
    Ok(archive)
}

/// What release builds are for: this machine.
pub fn target() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}
