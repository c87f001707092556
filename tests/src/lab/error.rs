//! What can go wrong in the lab, in words that say what to do. Pure.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Why the lab could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("none of MCP_OAUTH_CACHE, XDG_CACHE_HOME and HOME is set, so there is no place for a cache")]
    NoCache,
    #[error("\"{0}\" is no name for a lab: use one to twenty of a-z, 0-9 and \"-\"")]
    Name(String),
    #[error("could not {doing} \"{}\"", path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("could not start \"{program}\"")]
    Start { program: String, source: io::Error },
    #[error("\"{program}\" ended with {status}: {output}")]
    Failed { program: String, status: ExitStatus, output: String },
    #[error("{what} took longer than {} s{detail}", bound.as_secs())]
    TooLong { what: String, bound: Duration, detail: String },
    #[error("{0}")]
    Missing(String),
    #[error("\"{path}\" is not the file that is expected: its sha256 is {found}", path = path.display())]
    Digest { path: PathBuf, found: String },
    #[error("no lab named \"{0}\" is up; `lab up` starts one")]
    NotUp(String),
    #[error("the lab named \"{0}\" is in use; wait for its end, take it down, or choose another --name")]
    InUse(String),
    #[error("the lab needs root for namespaces and cgroups; run it as root")]
    NotRoot,
    #[error("the lab left something behind: {0}")]
    LeftBehind(String),
    #[error(
        "the cluster of context \"{context}\" has what the demo would create or disturb, so nothing was changed \
         there:\n   {found}\nplay the demo in another cluster, or without a context in one of its own; where nobody \
         needs these any more, remove them first:\n   {removals}"
    )]
    Occupied { context: String, found: String, removals: String },
}

impl Error {
    /// For `map_err` on file operations: `fs::read(path).map_err(Error::file("read", path))`.
    pub fn file(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::File { doing, path, source }
    }

    /// The error and all its causes in one line.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_full_names_its_cause() {
        let error = Error::file("read", "/nowhere")(io::Error::other("gone"));
        assert_eq!(error.in_full(), "could not read \"/nowhere\": gone");
    }
}
