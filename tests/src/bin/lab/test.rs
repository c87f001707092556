//! `lab test`: every check and every suite, one after the other; one that fails does not stop the others. Beside the first
//! of them the images are built that the last ones need. The last line is `N passed, N failed`, and the exit code is 0 only when nothing failed.

use std::path::PathBuf;

use harness::bench;
use harness::counterparts::{self, clients};
use harness::lab::up::{self, Running};
use harness::lab::{Environment, Error, Name, Paths, Progress, images, tools};

use crate::attend::{Afterwards, Ending, attend};
use crate::beside::Beside;
use crate::options::Part;
use crate::steps::{Steps, cargo};

/// Runs the parts, all of them where none is named, and gives the exit code.
pub(crate) async fn run(
    name: &Name,
    only: &[Part],
    environment: &Environment,
    progress: Progress,
) -> Result<u8, Error> {
    let paths = Paths::new(environment)?;
    let parts = if only.is_empty() { &Part::ALL[..] } else { only };
    let mut steps = Steps::new(progress);
    let suites: Vec<Part> = parts.iter().copied().filter(|part| needs_cluster(*part)).collect();
    let work = async {
        let images = (!suites.is_empty() && harness::lab::is_root()).then(|| own_images(&paths, progress));
        for part in parts {
            quick(*part, &paths, &mut steps).await;
        }
        match images {
            Some(images) => in_cluster(name, &suites, images, &paths, &mut steps).await?,
            None if suites.is_empty() => {}
            None => without_root(&suites, environment, &mut steps),
        }
        Ok(())
    };
    let ending = attend(name, &paths, progress, Afterwards::TakeDown, work).await;
    match ending {
        Ok(Ending::Interrupted(code)) => return Ok(code),
        Ok(Ending::Done(())) => {}
        Err(error) => steps.failed("lab", &error.in_full()),
    }
    Ok(steps.conclude())
}

fn needs_cluster(part: Part) -> bool {
    matches!(part, Part::Cluster | Part::Clients)
}

/// The parts that need neither root nor a cluster.
async fn quick(part: Part, paths: &Paths, steps: &mut Steps) {
    // The whole workspace, also where one package would do: with another choice of packages cargo would choose
    // other features, and build everything a second time.
    let suite = |name| cargo(paths, &["test", "--quiet", "--workspace", "--test", name]);
    match part {
        Part::Format => {
            steps.check("rustfmt", cargo(paths, &["fmt", "--all", "--check"])).await;
            for (name, manifest, _) in outside(paths) {
                let format = ["fmt", "--check", "--manifest-path", manifest];
                steps.check(&format!("rustfmt of {name}"), cargo(paths, &format)).await;
            }
        }
        Part::Clippy => {
            lint(paths, steps).await;
        }
        Part::Crates => {
            let all = ["test", "--quiet", "--workspace", "--lib", "--bins", "--no-fail-fast"];
            steps.tests("unit tests", cargo(paths, &all)).await;
        }
        Part::Sidecar => {
            programs(paths, steps).await;
            if tools::find("valkey-server").is_none() {
                steps.step("a store for replicas", tools::ensure(&tools::STORE, steps.progress)).await;
            }
            steps.tests("suite sidecar", suite("sidecar")).await;
        }
        Part::Browser => {
            programs(paths, steps).await;
            let fetched = counterparts::prepare_browser(paths, steps.progress);
            if steps.step("what suite browser meets", fetched).await.is_some() {
                steps.tests("suite browser", suite("browser")).await;
            }
        }
        Part::Logins => {
            programs(paths, steps).await;
            let mut logins = suite("logins");
            // What was seen is for people, and goes by where cargo would keep it.
            logins.args(["--", "--nocapture"]);
            steps.tests("suite logins", logins).await;
        }
        Part::Repository => {
            // The charts are judged by helm: fetched once, and not by every test at the same time.
            let tools = tools::ensure_kubectl(paths, steps.progress);
            if steps.step("kubectl and helm", tools).await.is_some() {
                steps.tests("suite repository", suite("repository")).await;
            }
        }
        Part::Cluster | Part::Clients => {}
    }
}

/// What is a workspace of its own: what it is, its manifest, and where it is built.
fn outside(paths: &Paths) -> [(&'static str, &'static str, PathBuf); 2] {
    [
        ("the client in Rust", clients::RUST_MANIFEST, clients::rust_target(paths)),
        ("the programs of the bench", bench::MANIFEST, bench::target(paths)),
    ]
}

/// Ours, and what stands outside.
async fn lint(paths: &Paths, steps: &mut Steps) {
    let lint = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    steps.check("clippy", cargo(paths, &lint)).await;
    for (name, manifest, target) in outside(paths) {
        let lint = ["clippy", "--quiet", "--locked", "--manifest-path", manifest, "--", "--deny", "warnings"];
        let mut lint = cargo(paths, &lint);
        lint.env("CARGO_TARGET_DIR", target);
        steps.check(&format!("clippy of {name}"), lint).await;
    }
}

/// What the suites start: cargo builds the programs of a package for the tests of that package alone.
async fn programs(paths: &Paths, steps: &mut Steps) {
    let build = ["build", "--quiet", "--workspace", "--bins"];
    steps.check("build of the programs", cargo(paths, &build)).await;
}

/// The images of our own. Most of this is a linker at work on one processor, while most steps leave one idle.
fn own_images(paths: &Paths, progress: Progress) -> Beside<Vec<PathBuf>> {
    let paths = paths.clone();
    let build = async move { images::ours(&paths, Progress::unseen()).await };
    Beside::begin("images of our own", progress, build)
}

fn without_root(suites: &[Part], environment: &Environment, steps: &mut Steps) {
    let names: Vec<&str> = suites.iter().map(|suite| suite.name()).collect();
    let why = format!("skipped, for a cluster needs root: {}", names.join(", "));
    if environment.is_ci() {
        steps.failed("cluster suites", &why);
    } else {
        steps.progress.say(why);
    }
}

/// The suites that need a cluster: built before it comes up, run in its node's network.
async fn in_cluster(
    name: &Name,
    suites: &[Part],
    images: Beside<Vec<PathBuf>>,
    paths: &Paths,
    steps: &mut Steps,
) -> Result<(), Error> {
    build(suites, paths, steps).await;
    let progress = steps.progress;
    let prepared = steps.step("what the cluster needs", up::prepare(paths, progress)).await;
    let Some(prepared) = prepared else { return Ok(()) };
    let servers = steps.step("images of real servers", counterparts::prepare(paths, progress)).await;
    let archives = steps.awaited(images).await;
    let running = steps.step("cluster up", up::up(name.clone(), paths, &prepared, progress)).await;
    let Some(running) = running else { return Ok(()) };
    for archive in archives.iter().chain(&servers).flatten() {
        running.cluster().load(archive).await?;
    }
    for suite in suites {
        run_inside(*suite, &running, paths, steps).await;
    }
    Ok(())
}

/// The suites and what they start: the operator, and the demo with what it builds first.
async fn build(suites: &[Part], paths: &Paths, steps: &mut Steps) {
    if suites.contains(&Part::Cluster) {
        programs(paths, steps).await;
        // Alone, as the demo builds it, it has other features than together with the others.
        let sidecar = images::build_quickly(paths, images::PROGRAMS[0], steps.progress);
        steps.step("what the demo begins with", sidecar).await;
    }
    for suite in suites {
        let build = ["test", "--quiet", "--workspace", "--no-run", "--test", suite.name()];
        steps.check(&format!("build of suite {}", suite.name()), cargo(paths, &build)).await;
    }
}

async fn run_inside(suite: Part, running: &Running, paths: &Paths, steps: &mut Steps) {
    let mut command = running.cluster().exec("cargo");
    command.args(["test", "--quiet", "--offline", "--workspace", "--test", suite.name()]);
    // All at once: the tests know themselves whose turn it is.
    command.args(["--", "--test-threads=64"]);
    command.current_dir(paths.repository()).env("CARGO_TARGET_DIR", paths.target());
    steps.tests(&format!("suite {}", suite.name()), command).await;
}
