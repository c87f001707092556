//! The process: reads its settings, takes its ports, serves, and owns the exit codes.
//!
//! Everything else is reachable from a test. Settings are read before a port is taken (style habit 7).

use std::process::ExitCode;

use sidecar::clock::Clock;
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
        Ok(Task::Check(settings)) => say(&check(&settings)),
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
    // Two threads are enough for what one server can take, and each costs memory.
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
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

fn check(settings: &Settings) -> String {
    let policy = match &settings.source {
        Source::Directory(directory) => format!("the policy in {}", directory.display()),
        Source::Fixed(policy) => {
            let trusted =
                policy.trust.oidc.as_ref().map_or("a shared secret (HS256)", |oidc| oidc.issuer.as_str());
            let audiences: Vec<_> = policy.trust.audiences.iter().map(ToString::to_string).collect();
            format!("tokens of {trusted} for {} at {}", audiences.join(" or "), policy.resource)
        }
    };
    format!("ok: would enforce {policy}, in front of {}, on {}\n", settings.upstream, settings.listen)
}

/// To standard output; a reader who has gone away is no reason to fail.
fn say(text: &str) -> ExitCode {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    ExitCode::SUCCESS
}

fn complain(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}
