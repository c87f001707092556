//! `make bench`: the request path of the sidecar, as it is released, against other proxies, in one run on one machine. Never a test:
//! nothing here is held to a time, for a machine that does something else would fail it (figures to reach: product.md, "Speed
//! and size"). What must hold is that every request is answered as it should be: one that is not ends the run.
//!
//! Each proxy has a processor to itself; whoever asks, and the server that answers, share another. All take turns, so that what
//! drifts meets all of them. Builds and installs what is missing, starts programs on loopback, and reads /proc.

mod configs;
mod load;
mod options;
mod prepare;
mod stage;
mod tokens;
#[path = "../../src/world/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the sidecar's suite uses the rest")]
mod world;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use harness::bench::{Contestant, Page, Requests, median, written};
use harness::lab::interrupt::Interrupts;
use harness::lab::{Environment, Error, Paths, Progress};

use load::Amount;
use options::{HELP, Options, Part};
use stage::Stage;

/// How often each of them has its turn.
const REPETITIONS: usize = 7;
const SMALL: Amount = Amount { kind: "small", warm: 3000, count: 20_000 };
const LARGE: Amount = Amount { kind: "large", warm: 50, count: 800 };
/// So many tokens can be used once each.
const UNSEEN: usize = 5000;
const STREAMS: u32 = 10_000;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::parse(std::env::args_os()) {
        Ok(options) => options,
        Err(mistake) => return complain(&mistake, 64),
    };
    if options.is_help {
        let _ = std::io::stdout().write_all(HELP.as_bytes());
        return ExitCode::SUCCESS;
    }
    let ended = async {
        let mut interrupts = Interrupts::catch()?;
        tokio::select! {
            done = run(&options) => done.map(|()| ExitCode::SUCCESS),
            interruption = interrupts.next() => Ok(ExitCode::from(interruption.exit_code())),
        }
    };
    ended.await.unwrap_or_else(|error: Error| complain(&error.in_full(), 1))
}

fn complain(what: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "bench: {what}");
    ExitCode::from(code)
}

async fn run(options: &Options) -> Result<(), Error> {
    let paths = Paths::new(&Environment::of_process())?;
    let progress = Progress::since(Instant::now());
    let folder = tempfile::tempdir().map_err(Error::file("create", std::env::temp_dir()))?;
    let prepared = prepare::prepare(&paths, folder.path(), UNSEEN, progress).await?;
    let mut page = Page { circumstances: prepared.circumstances, ..Page::default() };
    let bench = Bench { stage: &prepared.stage, options, progress };
    if options.has(Part::Small) {
        page.small = bench.requests(SMALL).await?;
    }
    if options.has(Part::Large) {
        page.large = bench.requests(LARGE).await?;
    }
    if options.has(Part::Streams) {
        bench.streams(prepared.stage.most_streams.min(STREAMS), &mut page).await?;
    }
    if options.has(Part::Start) {
        page.start = bench.start()?;
    }
    let text = page.text();
    progress.plain(format_args!("\n{text}\n"));
    if options.is_everything() {
        write(&paths, &text)?;
        progress.say("written into docs/performance.md");
    }
    Ok(())
}

/// One run.
struct Bench<'a> {
    stage: &'a Stage,
    options: &'a Options,
    progress: Progress,
}

impl Bench<'_> {
    fn repetitions(&self) -> usize {
        if self.options.is_short { 2 } else { REPETITIONS }
    }

    async fn requests(&self, amount: Amount) -> Result<Requests, Error> {
        let mut requests = Requests::default();
        for repetition in 1..=self.repetitions() {
            let begun = Instant::now();
            for contestant in self.options.contestants() {
                let amount = self.amount(contestant, amount);
                requests.add(contestant, load::requests(self.stage, contestant, amount).await?);
            }
            self.progress.say(format_args!(
                "{} answers, {repetition} of {}: {:.1} s",
                amount.kind,
                self.repetitions(),
                begun.elapsed().as_secs_f64()
            ));
        }
        Ok(requests)
    }

    fn amount(&self, contestant: Contestant, all: Amount) -> Amount {
        let count = if self.options.is_short { all.count / 20 } else { all.count };
        let most = if contestant.is_of_unseen_tokens() { UNSEEN } else { usize::MAX };
        Amount { count: count.min(most), ..all }
    }

    async fn streams(&self, count: u32, page: &mut Page) -> Result<(), Error> {
        let count = if self.options.is_short { count.min(500) } else { count };
        for contestant in self.options.contestants().into_iter().filter(|one| one.has_streams()) {
            let memory = load::streams(self.stage, contestant, count).await?;
            self.progress.say(format_args!("{count} streams through {}", contestant.title()));
            page.memory.push((contestant, memory));
        }
        Ok(())
    }

    fn start(&self) -> Result<Option<f64>, Error> {
        let times = (0..self.repetitions()).map(|_| self.stage.time_to_ready());
        let times: Vec<Duration> = times.collect::<Result<_, _>>()?;
        Ok(median(times.iter().map(|time| time.as_secs_f64() * 1e3).collect()))
    }
}

fn write(paths: &Paths, figures: &str) -> Result<(), Error> {
    let file = paths.repository().join("docs/performance.md");
    let page = std::fs::read_to_string(&file).map_err(Error::file("read", &file))?;
    let page = written(&page, figures)
        .ok_or_else(|| Error::Missing(format!("{} has no marks for the figures", file.display())))?;
    std::fs::write(&file, page).map_err(Error::file("write", &file))
}
