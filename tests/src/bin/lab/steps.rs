//! The steps of `lab test`: programs whose output is shown as it comes, each with a result that counts.

use std::fmt::Display;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use harness::lab::command::{Group, within};
use harness::lab::{Error, Paths, Progress};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use crate::beside::Beside;
use crate::count::Count;

/// Longer than the longest step from empty caches.
const BOUND: Duration = Duration::from_mins(30);

/// Runs steps and adds up their results.
#[derive(Debug)]
pub(crate) struct Steps {
    pub(crate) progress: Progress,
    pub(crate) total: Count,
    failures: Vec<String>,
}

impl Steps {
    pub(crate) fn new(progress: Progress) -> Self {
        Self { progress, total: Count::default(), failures: Vec::new() }
    }

    /// A check: one result, good or bad.
    pub(crate) async fn check(&mut self, name: &str, command: Command) -> bool {
        let begun = begin(self.progress, name);
        let (_, outcome) = self.progress.alive(name, self.watch(command)).await;
        let good = outcome.as_ref().is_ok_and(ExitStatus::success);
        self.end(name, begun, if good { Count::PASSED } else { Count::FAILED });
        good
    }

    /// Tests: as many results as the test programs report. One that fails without saying so counts as a failure.
    pub(crate) async fn tests(&mut self, name: &str, command: Command) {
        let begun = begin(self.progress, name);
        let (mut count, outcome) = self.progress.alive(name, self.watch(command)).await;
        let good = outcome.as_ref().is_ok_and(ExitStatus::success);
        if !good && count.failed == 0 {
            count += Count::FAILED;
        }
        self.end(name, begun, count);
    }

    /// A step that is no program of its own.
    pub(crate) async fn step<T>(
        &mut self,
        name: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Option<T> {
        let begun = begin(self.progress, name);
        let outcome = work.await;
        if let Err(error) = &outcome {
            self.progress.plain(error.in_full());
        }
        self.end(name, begun, Count::of(&outcome));
        outcome.ok()
    }

    /// What a step gives that runs beside the others, which has said itself how it ended.
    pub(crate) async fn awaited<T: Send + 'static>(&mut self, beside: Beside<T>) -> Option<T> {
        let name = beside.name();
        let made = beside.ended().await;
        self.count(name, if made.is_some() { Count::PASSED } else { Count::FAILED });
        made
    }

    /// A part that could not be begun.
    pub(crate) fn failed(&mut self, name: &str, why: &str) {
        self.progress.plain(format_args!("{name}: {why}"));
        self.end(name, Instant::now(), Count::FAILED);
    }

    /// The last words: which steps failed, and the figures. Gives the exit code.
    pub(crate) fn conclude(&self) -> u8 {
        for failure in &self.failures {
            self.progress.plain(format_args!("failed: {failure}"));
        }
        self.progress.plain(format_args!("{} passed, {} failed", self.total.passed, self.total.failed));
        u8::from(self.total.failed > 0)
    }

    fn end(&mut self, name: &str, begun: Instant, count: Count) {
        end(self.progress, name, begun, count);
        self.count(name, count);
    }

    fn count(&mut self, name: &str, count: Count) {
        if count.failed > 0 {
            self.failures.push(format!("{name} ({})", count.failed));
        }
        self.total += count;
    }

    async fn watch(&self, mut command: Command) -> (Count, Result<ExitStatus, Error>) {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut count = Count::default();
        let outcome = async {
            let mut group = Group::start(&mut command)?;
            let stdout = group.child().stdout.take();
            let work = async {
                if let Some(stdout) = stdout {
                    self.show(stdout, &mut count).await;
                }
                group.wait().await
            };
            within("the step", BOUND, work).await?
        };
        let outcome = outcome.await;
        if let Err(error) = &outcome {
            self.progress.plain(error.in_full());
        }
        (count, outcome)
    }

    async fn show(&self, output: impl AsyncRead + Unpin, count: &mut Count) {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(figures) = Count::of_line(&line) {
                *count += figures;
            }
            self.progress.plain(line);
        }
    }
}

/// Says that a step begins.
pub(crate) fn begin(progress: Progress, name: impl Display) -> Instant {
    progress.say(format_args!("── {name}"));
    Instant::now()
}

/// Says how a step ended.
pub(crate) fn end(progress: Progress, name: &str, begun: Instant, count: Count) {
    let Count { passed, failed } = count;
    let seconds = begun.elapsed().as_secs_f64();
    progress.say(format_args!("── {name}: {passed} passed, {failed} failed in {seconds:.1} s"));
}

/// A cargo command in the checkout.
pub(crate) fn cargo(paths: &Paths, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(paths.repository()).env("CARGO_TARGET_DIR", paths.target());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    async fn total_of(script: &str) -> Count {
        let mut steps = Steps::new(Progress::unseen());
        steps.tests("some tests", shell(script)).await;
        steps.total
    }

    #[tokio::test]
    async fn tests_count_as_many_as_they_report() {
        let two = "echo 'test result: ok. 3 passed; 0 failed;'; echo 'test result: ok. 4 passed; 0 failed;'";
        assert_eq!(total_of(two).await, Count { passed: 7, failed: 0 });
    }

    #[tokio::test]
    async fn tests_that_break_before_they_report_count_as_a_failure() {
        assert_eq!(total_of("exit 101").await, Count::FAILED);
        let reported = "echo 'test result: FAILED. 3 passed; 2 failed;'; exit 101";
        assert_eq!(total_of(reported).await, Count { passed: 3, failed: 2 });
    }

    #[tokio::test]
    async fn a_check_counts_once_and_a_failure_makes_the_exit_code() {
        let mut steps = Steps::new(Progress::unseen());
        assert!(steps.check("good", shell("true")).await);
        assert_eq!(steps.conclude(), 0);
        assert!(!steps.check("bad", shell("false")).await);
        assert_eq!(steps.conclude(), 1);
        assert_eq!(steps.total, Count { passed: 1, failed: 1 });
    }
}
