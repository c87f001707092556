//! The process: reads its settings, takes its ports, serves, and owns the exit codes.
//!
//! Everything else is reachable from a test. Settings are read before a port is taken (style habit 7).

use std::process::ExitCode;

use crds::State;
use crds::delivery::FILE;
use sidecar::clock::Clock;
use sidecar::document;
use sidecar::live::Source;
use sidecar::serve::{Bound, ServeError};
use sidecar::settings::{self, HELP, Settings, Task};
use sidecar::telemetry;
use tokio::signal::unix::{SignalKind, signal};

/// sysexits.h, EX_USAGE: the process was started wrongly, and starting it again will not help.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    match settings::parse(std::env::args_os().skip(1), &environment) {
        Ok(Task::Run(settings)) => run(settings),
        Ok(Task::Check(settings)) => check(&settings),
        Ok(Task::Help) => say(HELP),
        Ok(Task::Version) => say(concat!("mcp-oauth-sidecar ", env!("CARGO_PKG_VERSION"), "\n")),
        Err(violations) => {
            let lines: Vec<_> =
                violations.as_slice().iter().map(|violation| format!("  {violation}\n")).collect();
            complain(&format!("mcp-oauth-sidecar cannot start:\n{}", lines.concat()));
            ExitCode::from(USAGE)
        }
    }
}

fn run(settings: Settings) -> ExitCode {
    telemetry::start_log(settings.log);
    for advice in &settings.advice {
        tracing::warn!("{advice}");
    }
    // One thread carries what one MCP server can take: a check costs microseconds and nothing blocks. More threads would
    // cost memory and wake one another for every event of a stream.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        let served = runtime.block_on(serve(settings)).map_err(|error| error.to_string());
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(settings: Settings) -> Result<(), ServeError> {
    let bound = Bound::bind(settings, Clock::system()).await?;
    if let Ok((traffic, admin)) = bound.addresses() {
        tracing::info!(%traffic, %admin, version = env!("CARGO_PKG_VERSION"), "listening");
    }
    bound.run(told_to_end()).await
}

/// SIGTERM from a kubelet, or Ctrl-C.
async fn told_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// `--check`: the same doors as a start, without taking a port.
fn check(settings: &Settings) -> ExitCode {
    let place = format!("in front of {}, on {}", settings.upstream, settings.listen);
    for advice in &settings.advice {
        complain(&format!("mcp-oauth-sidecar: {advice}\n"));
    }
    match would_enforce(&settings.source) {
        Ok(words) => say(&format!("ok: would enforce, {place}\n{words}")),
        Err(reason) => {
            complain(&format!("mcp-oauth-sidecar would be closed, {place}:\n  {reason}\n"));
            ExitCode::from(USAGE)
        }
    }
}

fn would_enforce(source: &Source) -> Result<String, String> {
    let directory = match source {
        Source::Fixed(policy) => return Ok(document::describe(policy)),
        Source::Directory(directory) => directory,
    };
    let path = directory.join(FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let delivery = document::parse(&text).map_err(|reason| format!("{}: {reason}", path.display()))?;
    match delivery.state {
        State::Enforce(policy) => Ok(document::describe(&policy)),
        State::Closed(closed) => Err(format!("{}: {}", closed.reason, closed.message)),
    }
}

/// To standard output; a reader who has gone away is no reason to fail.
fn say(text: &str) -> ExitCode {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    ExitCode::SUCCESS
}

fn complain(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}
