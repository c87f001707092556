//! The process: reads the command line, connects, runs, and owns the exit codes.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube_runtime::events::{Recorder, Reporter};
use operator::admission::Admission;
use operator::controller::{self, Context};
use operator::keys::Random;
use operator::names::MANAGER;
use operator::settings::{Command, Run, Task};
use operator::telemetry::{self, Metrics};
use tokio::signal::unix::{SignalKind, signal};

/// Why the operator cannot run.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
    #[error("cannot answer probes on {0}: {1}")]
    Listen(std::net::SocketAddr, std::io::Error),
    #[error("cannot reach the cluster: {0}")]
    Connect(kube::Error),
}

fn main() -> ExitCode {
    match Command::parse().task {
        Task::Crds => {
            // A reader who has gone away is no reason to fail.
            let _ = std::io::Write::write_all(&mut std::io::stdout(), crds::resource::crd_yaml().as_bytes());
            ExitCode::SUCCESS
        }
        Task::Run(run) => start(run),
    }
}

fn start(settings: Run) -> ExitCode {
    telemetry::start_log(settings.log.into());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        let ended = runtime.block_on(run(settings)).map_err(|error| error.to_string());
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Run) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let client = Client::try_default().await.map_err(Error::Connect)?;
    let metrics = Metrics::default();
    let reporter = Reporter { controller: MANAGER.into(), instance: None };
    let context = Context {
        recorder: Recorder::new(client.clone(), reporter),
        admission: Admission::new(client.clone(), settings.admission_owner, settings.namespace, Instant::now),
        client,
        metrics: metrics.clone(),
        sidecar_image: settings.sidecar_image,
        resync: settings.resync,
        clock: Timestamp::now,
        random: Random::system(),
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), image = context.sidecar_image, "running");
    let told = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::select! {
        () = controller::run(Arc::new(context), told) => Ok(()),
        Err(error) = telemetry::serve(settings.listen, metrics) => Err(Error::Listen(settings.listen, error)),
    }
}
