//! Why a store cannot be used, in words that end a sentence about it and say what to do.
//!
//! Pure. Nothing that a store wrote is repeated but the name of its error.

use std::io;

use super::resp::Nonsense;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("no answer within a second")]
    TimedOut,
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error(
        "its certificate is not trusted: {0}; name the authority that issued it in 'proxy.store.caBundleRef'"
    )]
    Certificate(String),
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("its answer is not one of Valkey or Redis, or not one that was asked for")]
    Nonsense,
    #[error("it refuses: {}", refusal(.0))]
    Refused(String),
    #[error("the value cannot be sealed")]
    Seal,
}

impl StoreError {
    /// A connection that was idle may be gone without anybody's fault: it is worth another one.
    pub(super) fn is_of_the_connection(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}

impl From<Nonsense> for StoreError {
    fn from(_: Nonsense) -> Self {
        Self::Nonsense
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        let text = error.to_string();
        match text.split_once("invalid peer certificate: ") {
            Some((_, why)) => Self::Certificate(why.to_owned()),
            None => Self::Broken(text),
        }
    }
}

/// The word of an error, and what it means to whoever runs the store.
fn refusal(word: &str) -> String {
    let means = match word {
        "NOAUTH" => "it wants a password, which 'proxy.store.passwordRef' names",
        "WRONGPASS" => "the password or the user's name is not right",
        "NOPERM" => {
            "the user may not run the commands that are needed, or not on keys that begin with 'mcp-oauth:'"
        }
        "READONLY" => "this is a copy that takes no writes: name the primary",
        "OOM" => "its memory is full",
        "LOADING" => "it is reading its data, and will be there in a moment",
        "MISCONF" => "it cannot write to its disk",
        "MOVED" | "CROSSSLOT" | "CLUSTERDOWN" => {
            "this is a cluster, which cannot be used: name a single server"
        }
        _ => "its log says why",
    };
    format!("{word} ({means})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let said = StoreError::Refused("NOAUTH".into()).to_string();
        assert_eq!(said, "it refuses: NOAUTH (it wants a password, which 'proxy.store.passwordRef' names)");
        assert!(StoreError::Refused("ERR".into()).to_string().contains("ERR (its log says why)"));
    }
}
