//! How the store is doing: one line in the log for each change, and a gauge.
//!
//! Pure. Calls and the reading of revocations are two connections, and can fail each for itself.

use std::sync::{Mutex, PoisonError};

use super::error::StoreError;

/// What a store is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// What happened once, asked for by a login or a refresh.
    Calls,
    /// What the other replicas revoked.
    Revocations,
}

#[derive(Debug)]
pub(super) struct Health {
    /// Its address, for the log.
    store: String,
    trouble: [Mutex<Option<StoreError>>; 2],
}

impl Health {
    pub(super) fn new(store: String) -> Self {
        Self { store, trouble: [Mutex::new(None), Mutex::new(None)] }
    }

    /// What came of the newest try.
    pub(super) fn note(&self, by: Use, trouble: Option<&StoreError>) {
        let mut before = self.of(by).lock().unwrap_or_else(PoisonError::into_inner);
        let costs = match by {
            Use::Calls => "logins and refreshes are refused until it can",
            Use::Revocations => "what other replicas revoke is not heard until it can",
        };
        match (&*before, trouble) {
            (None, None) => return,
            (Some(known), Some(trouble)) if known == trouble => return,
            (_, Some(trouble)) => {
                tracing::warn!(store = self.store, reason = %trouble, "the store cannot be used: {costs}");
            }
            (Some(_), None) => tracing::info!(store = self.store, "the store can be used again"),
        }
        *before = trouble.cloned();
    }

    pub(super) fn is_down(&self, by: Use) -> bool {
        self.of(by).lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn of(&self, by: Use) -> &Mutex<Option<StoreError>> {
        let [calls, revocations] = &self.trouble;
        match by {
            Use::Calls => calls,
            Use::Revocations => revocations,
        }
    }
}
