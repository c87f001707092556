//! What is known of the provider right now, and how long that may be used.
//!
//! Pure. Meets J18: the last good keys outlive a failing provider, for an hour.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::LONGEST_STALE;
use super::discovery::Discovered;
use crate::clock::{Clock, UnixTime};
use crate::jose::KeySet;

/// How the provider is doing, for `/readyz`, the log and the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderStatus {
    /// The last fetch went well.
    Ready,
    /// There are no keys to use: never fetched, or too old.
    NotYet { reason: String },
    /// The last good keys are used; fetching fails since then.
    Stale { since: UnixTime, reason: String },
}

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) good: Option<Arc<Good>>,
    pub(super) found: Option<Discovered>,
    pub(super) failure: Option<Failure>,
}

/// Keys, and when they were seen at the provider.
#[derive(Debug)]
pub(super) struct Good {
    pub(super) keys: KeySet,
    pub(super) fetched: Duration,
    /// How many sets of keys there were up to this one.
    pub(super) generation: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Failure {
    since: UnixTime,
    pub(super) reason: String,
}

impl State {
    /// The keys, if they are fresh enough to be used.
    pub(super) fn usable(&self, uptime: Duration) -> Option<&Good> {
        self.good.as_deref().filter(|good| uptime.saturating_sub(good.fetched) < LONGEST_STALE)
    }

    /// Of keys that were fetched just now: the same keys are the same generation.
    pub(super) fn generation(&self, keys: &KeySet) -> u64 {
        match &self.good {
            Some(good) if good.keys.is_same(keys) => good.generation,
            Some(good) => good.generation + 1,
            None => 1,
        }
    }

    /// The same, after another failure; `since` stays that of the first one in a row.
    pub(super) fn failed(self, reason: String, now: UnixTime) -> Self {
        let since = self.failure.as_ref().map_or(now, |first| first.since);
        Self { failure: Some(Failure { since, reason }), ..self }
    }

    pub(super) fn status(&self, clock: &Clock) -> ProviderStatus {
        match (self.usable(clock.uptime()), &self.failure) {
            (Some(_), None) => ProviderStatus::Ready,
            (Some(_), Some(Failure { since, reason })) => {
                ProviderStatus::Stale { since: *since, reason: reason.clone() }
            }
            (None, Some(failure)) => ProviderStatus::NotYet { reason: failure.reason.clone() },
            (None, None) => ProviderStatus::NotYet { reason: "the keys were not fetched yet".into() },
        }
    }
}

impl fmt::Display for ProviderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("keys at hand"),
            Self::NotYet { reason } => write!(f, "no keys: {reason}"),
            Self::Stale { since, reason } => write!(f, "keys not refreshed since {}: {reason}", since.0),
        }
    }
}
