//! What must be there before anything is measured: programs, built or installed; tokens; a provider; room for streams.
//!
//! Starts cargo, apt-get and pip where something is missing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::bench::{self, proc};
use harness::counterparts::envoy::Envoy;
use harness::lab::command::check;
use harness::lab::{Error, Paths, Progress, images, tools};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use sidecar::clock::Clock;
use tokio::process::Command;

use crate::stage::{Programs, Stage};
use crate::tokens::{KEY_ID, Tokens};
use crate::world::idp::Idp;
use crate::world::tokens::rsa_jwk;

const BUILD_BOUND: Duration = Duration::from_mins(15);
/// A proxy has two for every stream, and a few of its own.
const DESCRIPTORS: u64 = 24_000;

/// Everything is there.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) stage: Stage,
    /// When, where and with what.
    pub(crate) circumstances: Vec<String>,
    _provider: Idp,
}

pub(crate) async fn prepare(
    paths: &Paths,
    folder: &Path,
    tokens: usize,
    progress: Progress,
) -> Result<Prepared, Error> {
    let processors = proc::processors()?;
    let programs = programs(paths, progress).await?;
    let most_streams = make_room();
    let load = proc::load();
    let circumstances = circumstances(&programs, load).await?;
    let provider = Idp::start(&json!({ "keys": [rsa_jwk(KEY_ID, Some("RS256"))] })).await;
    let issuer = provider.issuer();
    let sign = async { Tokens::make(folder, &issuer, Clock::system().unix(), tokens) };
    let tokens = progress.during("signing the tokens", sign).await?;
    let stage = Stage::set(programs, tokens, most_streams, folder, processors)?;
    Ok(Prepared { stage, circumstances, _provider: provider })
}

async fn programs(paths: &Paths, progress: Progress) -> Result<Programs, Error> {
    tools::ensure(&tools::BENCH, progress).await?;
    let envoy = Envoy::install(paths, progress).await?;
    let sidecar = images::build(paths, &images::PROGRAMS[..1], progress).await?;
    let own = progress.during("building what asks and answers (release, static)", own(paths)).await?;
    Ok(Programs { sidecar: sidecar[0].clone(), own, haproxy: tools::require("haproxy")?, envoy })
}

/// As the sidecar is built, in a folder of its own.
async fn own(paths: &Paths) -> Result<PathBuf, Error> {
    let target = bench::target(paths);
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--quiet", "--target", &images::target()]);
    cargo.args(["--manifest-path", bench::MANIFEST]);
    cargo.env("RUSTFLAGS", images::FLAGS).env("CARGO_TARGET_DIR", &target);
    check(&mut cargo, BUILD_BOUND).await?;
    Ok(target.join(images::target()).join("release"))
}

/// How many streams the limit of descriptors leaves room for; root may raise it, and so may everybody up to the hard one.
fn make_room() -> u32 {
    let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(DESCRIPTORS);
    for limit in [hard.max(DESCRIPTORS), hard].map(Some) {
        if setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).is_ok() {
            break;
        }
    }
    let now = getrlimit(Resource::Nofile).current.unwrap_or(DESCRIPTORS);
    u32::try_from(now.saturating_sub(200) / 2).unwrap_or(u32::MAX)
}

async fn circumstances(programs: &Programs, load: f64) -> Result<Vec<String>, Error> {
    let bound = Duration::from_secs(10);
    let day = check(Command::new("date").args(["-u", "+%F"]), bound).await?;
    let haproxy = check(Command::new(&programs.haproxy).arg("-v"), bound).await?;
    let haproxy = haproxy.split_whitespace().nth(2).unwrap_or("of an unknown version");
    Ok(vec![
        format!("Measured on {}, on {}.", day.trim(), proc::machine()),
        format!("Load at the beginning (an idle machine has 0): {load:.2}."),
        format!(
            "HAProxy {haproxy}, Envoy {}, mcp-oauth {}, each on one thread and one processor.",
            programs.envoy.version,
            env!("CARGO_PKG_VERSION"),
        ),
    ])
}
