//! How the demo speaks: numbered steps with the time, the commands as a person would type them, and what came back.
//! Writes to standard output; colours only where it is a terminal.

use std::cell::Cell;
use std::fmt::Display;
use std::io::IsTerminal;

use crate::lab::Progress;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";
const WIDEST: usize = 160;

/// Tells the demo.
#[derive(Debug)]
pub(super) struct Teller {
    progress: Progress,
    coloured: bool,
    step: Cell<u32>,
}

impl Teller {
    pub(super) fn new(progress: Progress) -> Self {
        let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { progress, coloured, step: Cell::new(0) }
    }

    pub(super) fn opening(&self, plan: &str) {
        self.progress.plain(
            self.in_colour(BOLD, "\nmcp-oauth: OAuth in front of an MCP server, without touching its code"),
        );
        self.progress.plain(plan);
    }

    pub(super) fn closing(&self, look_around: &str) {
        self.progress.plain("");
        self.progress.say(self.in_colour(BOLD, "that was the demo"));
        self.progress.plain(look_around);
    }

    /// A scene's title.
    pub(super) fn scene(&self, title: &str) {
        self.progress.plain(self.in_colour(BOLD, format!("\n━━ {title}")));
    }

    /// The next step, in plain words.
    pub(super) fn step(&self, words: &str) {
        self.step.set(self.step.get() + 1);
        self.progress.plain("");
        self.progress.say(self.in_colour(BOLD, format!("{}. {words}", self.step.get())));
    }

    /// A command, as a person would type it.
    pub(super) fn command(&self, command: impl Display) {
        self.progress.plain(self.in_colour(DIM, format!("   $ {command}")));
    }

    /// What came back, cut where it is wide.
    pub(super) fn output(&self, text: impl Display) {
        for line in text.to_string().lines() {
            let cut: String = line.chars().take(WIDEST).collect();
            let more = if cut.len() < line.len() { "…" } else { "" };
            self.progress.plain(format!("     {cut}{more}"));
        }
    }

    /// What the person is to see in it.
    pub(super) fn so(&self, words: impl Display) {
        self.progress.plain(self.in_colour(GREEN, format!("   ✓ {words}")));
    }

    fn in_colour(&self, colour: &str, text: impl Display) -> String {
        if self.coloured { format!("{colour}{text}{PLAIN}") } else { text.to_string() }
    }
}
