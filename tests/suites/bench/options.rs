//! The command line of the bench. Pure.

use std::ffi::OsString;

use harness::bench::Contestant;
use lexopt::prelude::{Long, Short, Value};

pub(crate) const HELP: &str = "\
Measures the request path of the sidecar against HAProxy, Envoy and a proxy that does nothing else, in one run: processor time a
request by the kernel's own accounting, latency, memory of open streams. Each proxy has one processor to itself; what asks and
what answers shares another. On a machine that does something else the figures say nothing: look at the load beside them.

Usage: make bench [ARGS='…'], where the arguments are

  --short            fewer requests and repetitions, in a minute or two: to see that all of it works
  --only WORD        one part, or one of those that are measured; can be repeated
                     parts: small, large, streams, start
                     measured: direct, haproxy, bare, haproxy-jwt, envoy, envoy-unseen, seen, seen-quiet, unseen
  --help             this text

A run of everything writes docs/performance.md; any other only prints. Ctrl-C ends all that it has started.
";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Small,
    Large,
    Streams,
    Start,
}

const PARTS: [(&str, Part); 4] =
    [("small", Part::Small), ("large", Part::Large), ("streams", Part::Streams), ("start", Part::Start)];

#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) is_help: bool,
    pub(crate) is_short: bool,
    parts: Vec<Part>,
    contestants: Vec<Contestant>,
}

impl Options {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut parser = lexopt::Parser::from_iter(arguments);
        let mut options = Self::default();
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            match argument {
                Long("help") | Short('h') => options.is_help = true,
                Long("short") => options.is_short = true,
                Long("only") => {
                    let word = parser.value().map_err(|error| error.to_string())?;
                    options.only(&word.to_string_lossy())?;
                }
                // What `cargo bench` says to everything that it starts.
                Long("bench") => {}
                Value(word) if word.is_empty() => {}
                other => return Err(format!("{}; see --help", other.unexpected())),
            }
        }
        Ok(options)
    }

    fn only(&mut self, word: &str) -> Result<(), String> {
        let part = PARTS.iter().find(|(name, _)| *name == word);
        let contestant = Contestant::ALL.into_iter().find(|contestant| contestant.name() == word);
        match (part, contestant) {
            (Some((_, part)), _) => self.parts.push(*part),
            (None, Some(contestant)) => self.contestants.push(contestant),
            (None, None) => return Err(format!("\"{word}\" is not measured; see --help")),
        }
        Ok(())
    }

    /// Nothing was left out.
    pub(crate) fn is_everything(&self) -> bool {
        !self.is_short && self.parts.is_empty() && self.contestants.is_empty()
    }

    pub(crate) fn has(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    pub(crate) fn contestants(&self) -> Vec<Contestant> {
        if self.contestants.is_empty() { Contestant::ALL.to_vec() } else { self.contestants.clone() }
    }
}
