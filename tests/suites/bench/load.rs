//! Who asks, as a program that is told when to go on, and what it and the kernel say of it.
//!
//! Starts processes, through the stage.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use harness::bench::{Contestant, Memory, Sample, proc};
use harness::lab::Error;
use harness::lab::command::{Group, within};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};

use crate::stage::{Stage, last_words};

const BOUND: Duration = Duration::from_mins(3);
const CONNECTIONS: usize = 32;

/// How much is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    pub(crate) kind: &'static str,
    pub(crate) warm: usize,
    pub(crate) count: usize,
}

/// A load that runs.
struct Load {
    what: String,
    /// Of whoever is asked.
    log: PathBuf,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    group: Group,
}

/// One repetition.
pub(crate) async fn requests(stage: &Stage, contestant: Contestant, amount: Amount) -> Result<Sample, Error> {
    let proxy = stage.start(contestant)?;
    let tokens = if contestant.is_of_unseen_tokens() { &stage.tokens.unseen } else { &stage.tokens.seen };
    let Amount { kind, warm, count } = amount;
    let numbers = [CONNECTIONS, warm, count].map(|number| number.to_string());
    let arguments = ["requests", &proxy.traffic.to_string(), kind, &numbers[0], &numbers[1], &numbers[2]];
    let mut load = Load::start(stage, contestant, &arguments, tokens)?;
    load.hear().await?;
    let clock = || if proxy.is_there() { proc::cpu(proxy.pid()?).map(Some) } else { Ok(None) };
    let before = clock()?;
    load.go_on().await?;
    let said = load.hear().await?;
    let used = clock()?.zip(before).map(|(after, before)| after.saturating_sub(before));
    load.go_on().await?;
    load.end().await?;
    let took: Vec<f64> = said.split(' ').filter_map(|nanos| nanos.parse().ok()).collect();
    let [p50, p99] = took[..] else {
        return Err(Error::Missing(format!("'{said}' is not what requests took")));
    };
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let cpu = used.map(|used| used.as_secs_f64() * 1e6 / f64::from(count));
    Ok(Sample { cpu, p50: p50 / 1e3, p99: p99 / 1e3 })
}

/// The memory that open streams cost, none of which says anything any more.
pub(crate) async fn streams(stage: &Stage, contestant: Contestant, count: u32) -> Result<Memory, Error> {
    let proxy = stage.start(contestant)?;
    let idle = proc::resident(proxy.pid()?)?;
    let (to, number) = (proxy.traffic.to_string(), count.to_string());
    let mut load = Load::start(stage, contestant, &["streams", &to, &number], &stage.tokens.seen)?;
    load.hear().await?;
    let with_streams = proc::resident(proxy.pid()?)?;
    load.go_on().await?;
    load.end().await?;
    Ok(Memory { idle, with_streams, streams: count.into() })
}

impl Load {
    fn start(
        stage: &Stage,
        contestant: Contestant,
        arguments: &[&str],
        tokens: &Path,
    ) -> Result<Self, Error> {
        let mut command = stage.beside("load")?;
        command.args(arguments).arg(tokens).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut group = Group::start(&mut command)?;
        let (what, log) = (format!("asking {}", contestant.title()), stage.log(contestant));
        let (input, output) = (group.child().stdin.take(), group.child().stdout.take());
        let pipes = input.zip(output).ok_or_else(|| Error::Missing(format!("{what}: no pipes")));
        pipes.map(|(input, output)| Self { what, log, input, output: BufReader::new(output).lines(), group })
    }

    /// The next thing that it says. What is wrong it has said on standard error.
    async fn hear(&mut self) -> Result<String, Error> {
        let line = within(&self.what, BOUND, self.output.next_line()).await?;
        let line = line.ok().flatten();
        line.ok_or_else(|| self.failed())
    }

    async fn go_on(&mut self) -> Result<(), Error> {
        let failed = |source| Error::Start { program: "load".to_owned(), source };
        self.input.write_all(b"\n").await.map_err(failed)
    }

    async fn end(mut self) -> Result<(), Error> {
        let status = within(&self.what, BOUND, self.group.wait()).await??;
        if status.success() {
            return Ok(());
        }
        Err(self.failed())
    }

    fn failed(&self) -> Error {
        Error::Missing(format!("{} failed, as the line above says; {}", self.what, last_words(&self.log)))
    }
}
