//! The command line.
//!
//! Pure.

use std::ffi::OsString;

use crds::Violations;
use lexopt::{Arg, Parser};

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

impl Flags {
    /// The value of a flag with the flag's name; the last one counts.
    pub(super) fn value(&self, flag: &'static str) -> Option<(&'static str, String)> {
        self.values.iter().rev().find(|(name, _)| *name == flag).cloned()
    }
}

pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Flags, Violations> {
    let mut parser = Parser::from_args(arguments);
    let mut flags = Flags::default();
    while let Some(argument) = parser.next().map_err(|error| wrong(&error.to_string()))? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => flags.only = Some(Only::Help),
            Arg::Short('V') | Arg::Long("version") => flags.only = Some(Only::Version),
            Arg::Long("check") => flags.only = Some(Only::Check),
            Arg::Long(name) => {
                let long = format!("--{name}");
                let known = WITH_VALUE.into_iter().find(|flag| *flag == long);
                let flag = known.ok_or_else(|| Violations::one(long.clone(), "is not a flag; see --help"))?;
                let value = parser.value().and_then(lexopt::ValueExt::string);
                flags.values.push((flag, value.map_err(|error| wrong(&error.to_string()))?));
            }
            Arg::Short(letter) => {
                return Err(Violations::one(format!("-{letter}"), "is not a flag; see --help"));
            }
            Arg::Value(value) => {
                return Err(Violations::one(
                    value.to_string_lossy(),
                    "is no flag, and nothing else is expected; see --help",
                ));
            }
        }
    }
    Ok(flags)
}

fn wrong(reason: &str) -> Violations {
    Violations::one("command line", reason)
}
