//! The Kubernetes programs and the cluster's name server: built once per version from their Go modules in
//! `tests/kubernetes`, kept in the cache, or taken from `KUBEBUILDER_ASSETS` where the user has them.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::command::check;
use super::lock::Lock;
use super::{Error, Paths, Progress, tools};

const GO_MOD: &str = include_str!("../../kubernetes/go.mod");
const DNS_GO_MOD: &str = include_str!("../../kubernetes/dns/go.mod");
const PROGRAMS: [&str; 5] =
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"];
/// Measured: 4 to 6 minutes on two cores without a cache.
const BUILD_BOUND: Duration = Duration::from_mins(30);

/// The programs of one Kubernetes version.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    built: PathBuf,
    assets: Option<PathBuf>,
}

impl Kubernetes {
    pub fn new(paths: &Paths) -> Self {
        let version = required_version(GO_MOD, "k8s.io/kubernetes");
        Self { built: paths.cache("kubernetes").join(version), assets: paths.assets().map(Path::to_path_buf) }
    }

    /// Where a program of Kubernetes (or etcd) lies or will lie.
    pub fn program(&self, name: &str) -> PathBuf {
        let asset = self.assets.as_ref().map(|dir| dir.join(name)).filter(|path| path.is_file());
        asset.unwrap_or_else(|| self.built.join(name))
    }

    /// etcd: from the user's assets, else from Debian.
    pub fn etcd(&self) -> Result<PathBuf, Error> {
        let asset = self.assets.as_ref().map(|dir| dir.join("etcd")).filter(|path| path.is_file());
        asset.map_or_else(|| tools::require("etcd"), Ok)
    }

    pub fn name_server(&self) -> PathBuf {
        self.built.join(format!("coredns-{}", required_version(DNS_GO_MOD, "github.com/coredns/coredns")))
    }

    /// Builds the Kubernetes programs where one of them is missing.
    pub async fn ensure(&self, paths: &Paths, progress: Progress) -> Result<(), Error> {
        if PROGRAMS.iter().all(|name| self.program(name).is_file()) {
            return Ok(());
        }
        let version = required_version(GO_MOD, "k8s.io/kubernetes");
        let what = format!("building Kubernetes {version} from its Go module (once; four to six minutes)");
        progress.during(&what, self.build(paths, version)).await
    }

    /// Builds the cluster's name server where it is missing.
    pub async fn ensure_name_server(&self, paths: &Paths, progress: Progress) -> Result<(), Error> {
        let program = self.name_server();
        if program.is_file() {
            return Ok(());
        }
        let module = paths.repository().join("tests/kubernetes/dns");
        let build = go_build(&module, &program, "-s -w");
        progress.during("building CoreDNS from its Go module (once; about a minute)", build).await
    }

    async fn build(&self, paths: &Paths, version: &str) -> Result<(), Error> {
        let _only_one = Lock::take(&self.built.join("lock"), BUILD_BOUND).await?;
        let binary = self.built.join("kubernetes");
        if !binary.is_file() {
            let module = paths.repository().join("tests/kubernetes");
            go_build(&module, &binary, &version_flags(version)).await?;
        }
        for name in PROGRAMS {
            let link = self.built.join(name);
            let _ = std::fs::remove_file(&link);
            symlink("kubernetes", &link).map_err(Error::file("create", &link))?;
        }
        Ok(())
    }
}

/// Builds the main package of `module` into `program`, which appears only when it is whole.
async fn go_build(module: &Path, program: &Path, linker_flags: &str) -> Result<(), Error> {
    let folder = program.parent().unwrap_or(module);
    std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    // A build that is cut off leaves its two gigabytes of scratch where this value takes them away.
    let scratch = tempfile::tempdir_in(folder).map_err(Error::file("create", folder))?;
    let unfinished = scratch.path().join("program");
    // At low priority: it takes minutes, and what a person waits for meanwhile comes first.
    let mut build = Command::new("nice");
    build.args(["-n", "10", "go", "build", "-mod=readonly", "-trimpath", "-ldflags", linker_flags, "-o"]);
    build.arg(&unfinished).arg(".");
    build.env("CGO_ENABLED", "0").env("GOTMPDIR", scratch.path()).current_dir(module);
    check(&mut build, BUILD_BOUND).await?;
    std::fs::rename(&unfinished, program).map_err(Error::file("create", program))
}

/// The version that kubectl, the kubelet and feature gates go by is set by the linker, as upstream does.
fn version_flags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let mut flags = "-s -w".to_owned();
    for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
        for (name, value) in [("gitVersion", version), ("gitMajor", major), ("gitMinor", minor)] {
            flags.extend([" -X ", package, ".", name, "=", value]);
        }
    }
    flags
}

/// The version of `module` that a go.mod requires.
fn required_version<'a>(go_mod: &'a str, module: &str) -> &'a str {
    let version = |line: &'a str| {
        let line = line.trim_start().trim_start_matches("require").trim_start();
        line.strip_prefix(module)?.strip_prefix(' ')?.split_whitespace().next()
    };
    go_mod.lines().find_map(version).expect("the go.mod beside this code requires the module that it builds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_go_module() {
        assert_eq!(required_version(GO_MOD, "k8s.io/kubernetes"), "v1.36.3");
        let block = "require (\n\tk8s.io/api v0.1.0 // indirect\n\tk8s.io/kubernetes v1.2.3\n)";
        assert_eq!(required_version(block, "k8s.io/kubernetes"), "v1.2.3");
    }

    #[test]
    fn the_linker_is_told_major_and_minor() {
        let flags = version_flags("v1.36.3");
        assert!(flags.contains(" -X k8s.io/component-base/version.gitMinor=36"));
        assert!(flags.contains(" -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3"));
    }

    #[test]
    fn a_program_of_the_user_comes_before_ours() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("kube-apiserver"), "").expect("it is written");
        let kubernetes = Kubernetes { built: "/built".into(), assets: Some(dir.path().to_path_buf()) };
        assert_eq!(kubernetes.program("kube-apiserver"), dir.path().join("kube-apiserver"));
        assert_eq!(kubernetes.program("kubelet"), Path::new("/built/kubelet"));
    }
}
