//! What a login costs the sidecar, measured at the program as it is released: `make figures`. Not a test: nothing here is
//! held to a time, for a machine that does something else would fail it (figures to reach: product.md, "Speed and size").
//!
//! Builds the sidecar, starts it on loopback between a provider and a server of this process, and reads /proc.

mod flow;
#[path = "../../src/world/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the sidecar's suite uses the rest")]
mod world;

use std::io::Write;
use std::time::{Duration, Instant};

use harness::lab::{Environment, Error, Paths, Progress, images};
use sidecar::clock::Clock;

use flow::Flow;
use world::SECRET;
use world::program::{Program, command_of, free_addresses};
use world::providers::people::Visitor;
use world::providers::quirks::Quirks;
use world::providers::{CLIENT_ID, CLIENT_SECRET, Provider};
use world::upstream::Upstream;

/// Until every cache and pool is filled.
const WARM_UP: usize = 50;
const LOGINS: u32 = 1000;
/// One login in so long at least: the sidecar lets clients register 50 times a second.
const PACE: Duration = Duration::from_millis(25);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let paths = Paths::new(&Environment::of_process())?;
    let progress = Progress::since(Instant::now());
    let program = images::build(&paths, &images::PROGRAMS[..1], progress).await?;
    let clock = Clock::system();
    let provider = Provider::start(Quirks::plain(), &clock).await;
    provider.visitor(Visitor::IsAsked);
    let upstream = Upstream::start().await;
    let addresses = free_addresses();
    let origin = format!("http://{}", addresses[0]);
    let (issuer, url) = (provider.issuer(), format!("{origin}/mcp"));
    let environment = [
        ("OAUTH_MODE", "proxy"),
        ("OAUTH_PROVIDER", "oidc"),
        ("OAUTH_ISSUER", &issuer),
        ("OAUTH_CLIENT_ID", CLIENT_ID),
        ("OAUTH_CLIENT_SECRET", CLIENT_SECRET),
        ("OAUTH_SERVER_URL", &url),
        ("JWT_SECRET", SECRET),
    ];
    let command = command_of(&program[0]);
    let sidecar = Program::start_as(command, addresses, upstream.address, &environment).await;
    provider.register(&format!("{origin}/oauth/callback"));
    let flow = Flow::new(sidecar.traffic, &clock);
    let mut pace = tokio::time::interval(PACE);
    for _ in 0..WARM_UP {
        pace.tick().await;
        flow.run().await;
    }
    let (before, memory, begun) = (cpu(&sidecar), sidecar.resident(), Instant::now());
    let mut marks = Vec::new();
    for login in 1..=LOGINS {
        pace.tick().await;
        flow.run().await;
        if login % (LOGINS / 4) == 0 {
            marks.push(format!("{login}: {:.1} MiB", mib(sidecar.resident())));
        }
    }
    let (cpu, took) = (millis(cpu(&sidecar).saturating_sub(before)) / f64::from(LOGINS), begun.elapsed());
    tell(&format!(
        "{LOGINS} logins, each from the refusal (401) to a tool that was called:\n\
         CPU of the sidecar   {cpu:.2} ms a login ({:.0} logins a minute on one core)\n\
         elapsed              {:.1} s, one after the other\n\
         resident             {:.1} MiB before; {}\n",
        60_000.0 / cpu,
        took.as_secs_f64(),
        mib(memory),
        marks.join(", "),
    ));
    Ok(())
}

/// The processor time that it has used: proc_pid_stat(5), fields 14 and 15, in hundredths of a second.
fn cpu(sidecar: &Program) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", sidecar.pid().as_raw_nonzero()));
    let stat = stat.unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    Duration::from_millis(fields.filter_map(|field| field.parse::<u64>().ok()).map(|ticks| 10 * ticks).sum())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

fn tell(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
