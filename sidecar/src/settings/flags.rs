//! The command line.
//!
//! Pure.

use std::ffi::OsString;

use crds::violation::Collector;
use lexopt::{Arg, Parser, ValueExt};

/// What was said on the command line.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) only: Option<Only>,
    values: Vec<(&'static str, String)>,
}

/// Something else than running.
#[derive(Debug, Clone, Copy)]
pub(super) enum Only {
    Check,
    Help,
    Version,
}

const WITH_VALUE: [&str; 5] = ["--listen", "--admin", "--upstream", "--policy-dir", "--log"];
const UNKNOWN: &str = "is not a flag; see --help";

impl Flags {
    /// The value of a flag with the flag's name; the last one counts.
    pub(super) fn value(&self, flag: &'static str) -> Option<(&'static str, String)> {
        self.values.iter().rev().find(|(name, _)| *name == flag).cloned()
    }

    fn take(&mut self, long: &str, parser: &mut Parser, found: &mut Collector) {
        let Some(flag) = WITH_VALUE.into_iter().find(|flag| *flag == long) else {
            // The value of a flag that nobody knows is no mistake of its own.
            let _ = parser.optional_value();
            return found.report(long, UNKNOWN);
        };
        match parser.value().and_then(ValueExt::string) {
            Ok(value) => self.values.push((flag, value)),
            Err(_) => found.report(flag, "needs a value"),
        }
    }
}

/// Reads on after a mistake, so that the first one does not hide the rest.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>, found: &mut Collector) -> Flags {
    let mut parser = Parser::from_args(arguments);
    let mut flags = Flags::default();
    loop {
        match parser.next() {
            Ok(None) => return flags,
            Ok(Some(Arg::Short('h') | Arg::Long("help"))) => flags.only = Some(Only::Help),
            Ok(Some(Arg::Short('V') | Arg::Long("version"))) => flags.only = Some(Only::Version),
            Ok(Some(Arg::Long("check"))) => flags.only = Some(Only::Check),
            Ok(Some(Arg::Long(name))) => {
                let long = format!("--{name}");
                flags.take(&long, &mut parser, found);
            }
            Ok(Some(Arg::Short(letter))) => found.report(format!("-{letter}"), UNKNOWN),
            Ok(Some(Arg::Value(value))) => {
                found.report(value.to_string_lossy(), "is no flag, and nothing else is expected; see --help");
            }
            Err(error) => found.report("command line", error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(arguments: &[&str]) -> Vec<String> {
        let mut found = Collector::default();
        parse(arguments.iter().map(OsString::from), &mut found);
        match found.finish(Some(())) {
            Ok(()) => Vec::new(),
            Err(violations) => violations.as_slice().iter().map(|one| one.path.clone()).collect(),
        }
    }

    #[test]
    fn every_mistake_on_the_line_is_named() {
        let named = mistakes(&["--permissive=yes", "-x", "--listen", "127.0.0.1:1", "here", "--log"]);
        assert_eq!(named, ["--permissive", "-x", "here", "--log"]);
        assert!(mistakes(&["--listen", "127.0.0.1:1", "--log=info", "--check"]).is_empty());
    }
}
