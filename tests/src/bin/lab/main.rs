//! `lab`: a Kubernetes of our own on this machine, for the tests and for looking around. `lab --help` says the rest.
//! Whatever ends a foreground run (its end, a failure, Ctrl-C, SIGTERM), the lab is taken down before the process is.

mod attend;
mod beside;
mod count;
mod options;
mod run;
mod steps;
mod test;

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use harness::lab::{Environment, Progress};

use options::Options;

fn main() -> ExitCode {
    let progress = Progress::since(Instant::now());
    let environment = Environment::of_process();
    let options = match Options::parse(std::env::args_os(), &environment) {
        Ok(options) => options,
        Err(error) => return complain(&error, 64),
    };
    // One thread: what the lab starts is bound to it, and all it does is wait.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return complain(&"no event loop could be started", 1) };
    match runtime.block_on(run::run(options, &environment, progress)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => complain(&error.in_full(), 1),
    }
}

fn complain(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // Where nobody reads the complaint, the exit code still says it.
    let _ = writeln!(std::io::stderr(), "lab: {error}");
    ExitCode::from(code)
}
