//! What a person sees while the lab works: one line per step, with the seconds since the start, and a sign of
//! life during long steps. Writes to standard output.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

use super::Error;

const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Prints the steps of one run of the lab.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    started: Instant,
    to: To,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    StandardOutput,
    Nobody,
}

impl Progress {
    pub fn since(started: Instant) -> Self {
        Self { started, to: To::StandardOutput }
    }

    /// Shows nothing: for tests, and for work that somebody else speaks of.
    pub fn unseen() -> Self {
        Self { started: Instant::now(), to: To::Nobody }
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// One line with the elapsed time in front.
    pub fn say(&self, text: impl Display) {
        self.plain(format_args!("[{:6.1} s] {text}", self.elapsed().as_secs_f64()));
    }

    /// One line as it is. A reader who has gone away is no reason to stop.
    pub fn plain(&self, text: impl Display) {
        if self.to == To::Nobody {
            return;
        }
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}");
        let _ = out.flush();
    }

    /// Announces a step that takes a while, shows signs of life, and says how long it took.
    pub async fn during<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        self.say(format_args!("{what} …"));
        let result = self.alive(what, work).await;
        let outcome = if result.is_ok() { "done" } else { "failed" };
        self.say(format_args!("{what}: {outcome} in {:.1} s", begun.elapsed().as_secs_f64()));
        result
    }

    /// Shows signs of life for as long as the work takes.
    pub async fn alive<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        // Boxed: futures that hold futures would otherwise grow with every floor.
        let mut work = Box::pin(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                () = tokio::time::sleep(SIGN_OF_LIFE) => {
                    self.say(format_args!("{what}: {} s so far", begun.elapsed().as_secs()));
                }
            }
        }
    }
}
