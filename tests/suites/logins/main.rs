//! Every client × every identity provider: logs in through the sidecar as it ships, and calls a tool of a real MCP server. Needs
//! neither root nor a cluster (promise 3).
//!
//! Fetches clients and providers into the cache; everything else is on loopback. What was seen stands in
//! `docs/compatibility.md`: where that says something else the suite fails, or writes it, where `MCP_OAUTH_WRITE` says so.

#[path = "../alone.rs"]
#[expect(dead_code, reason = "other suites use the rest")]
mod alone;
mod desk;
mod door;
mod matrix;
mod person;
mod programs;
mod providers;
mod recorded;
mod server;
mod table;
#[expect(dead_code, unused_imports, reason = "the sidecar's suites use all of it")]
#[path = "../../src/world/mod.rs"]
mod world;

use std::time::Instant;

use harness::counterparts::everything::Everything;
use harness::counterparts::{chromium, clients, inspector};
use harness::lab::{Environment, Error, Paths, Progress, tools};

use matrix::Matrix;
use providers::Programs;

#[tokio::test(flavor = "multi_thread")]
async fn every_client_logs_in_with_every_provider_and_calls_a_tool() {
    let progress = Progress::since(Instant::now());
    let environment = Environment::of_process();
    let parts = match parts(&environment, progress).await {
        Ok(parts) => parts,
        // Whoever has no Maven or no way out has no Keycloak; where everything must be there, that is a failure.
        Err(error) if !environment.is_ci() => {
            return progress.say(format_args!("SKIPPED, no client logs in: {}", error.in_full()));
        }
        Err(error) => panic!("{}", error.in_full()),
    };
    let (clients, programs, everything) = parts;
    let matrix = Matrix::set(&programs, &everything).await.expect("everything starts");
    progress.say("the providers and a sidecar in front of each are there");
    let table = matrix.run(clients, progress).await;
    progress.plain(table.shown());
    assert_eq!(table.wrong(), [""; 0], "some did not come in");
    table.hold_to(&environment);
}

/// What has to be fetched first. A machine without a browser goes without the Inspector, which is then said.
async fn parts(
    environment: &Environment,
    progress: Progress,
) -> Result<(Vec<clients::McpClient>, Programs, Everything), Error> {
    let paths = Paths::new(environment)?;
    tools::ensure(&tools::ASKING, progress).await?;
    tools::ensure(&tools::COUNTERPARTS, progress).await?;
    let mut clients = clients::install_all(&paths, progress).await?;
    if tools::ensure(&tools::BROWSER, progress).await.is_ok()
        && let Some(chromium) = chromium::find_or_skip(environment)?
    {
        clients.push(inspector::client(&chromium, &paths, progress).await?);
    }
    let programs = Programs::install(&paths, progress).await?;
    Ok((clients, programs, Everything::install(&paths, progress).await?))
}
