//! One OpenID Connect provider: its discovery document and its keys, kept at hand.
//!
//! Talks to the provider, through `fetch`. A token with an unknown key leads to at most one fetch in ten seconds,
//! whoever sends how many (J17), and no answer of the provider, however broken, takes the last good keys away before an
//! hour has passed; then nothing is let through (J18). There is no built-in key. Meets J16, J17, J18, J19.

mod discovery;
mod schedule;
mod state;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use crds::policy::OidcTrust;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::fetch::{FetchError, Fetcher};
use crate::jose::keyset::{KeySetError, LookupError};
use crate::jose::{Header, Key, KeySet};

pub use discovery::DiscoveryError;
pub use state::ProviderStatus;
use state::{Good, State};

/// A provider whose keys are fetched when needed and kept.
#[derive(Debug)]
pub struct Provider {
    trust: OidcTrust,
    fetcher: Fetcher,
    clock: Clock,
    state: ArcSwap<State>,
    /// Held while a fetch is under way: there is never a second one (single flight).
    flight: Mutex<()>,
}

/// Why there is no key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("no key can be used for this token")]
    NoMatch(#[from] LookupError),
    #[error("the keys of the provider are not at hand")]
    Unavailable,
}

/// Why the provider's keys could not be refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    #[error("discovery document: {0}")]
    Discovery(#[from] DiscoveryError),
    #[error("key set at '{url}': {source}")]
    Fetch { url: String, source: FetchError },
    #[error("key set at '{url}': {source}")]
    KeySet { url: String, source: KeySetError },
}

/// At least this long lies between two fetches that tokens asked for (J17).
pub const COOLDOWN: Duration = Duration::from_secs(10);
/// Keys that could not be refreshed for this long are not used any more (J18).
pub const LONGEST_STALE: Duration = Duration::from_hours(1);

impl Provider {
    pub fn new(trust: &OidcTrust, fetcher: Fetcher, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            trust: trust.clone(),
            fetcher,
            clock,
            state: ArcSwap::from_pointee(State::default()),
            flight: Mutex::new(()),
        })
    }

    /// The key that a token's header asks for. An unknown one is looked for at the provider, if that was not done just now.
    pub async fn key(&self, header: &Header) -> Result<Key, KeyError> {
        let first = self.known_key(header);
        if !matches!(first, Err(KeyError::Unavailable | KeyError::NoMatch(LookupError::Unknown))) {
            return first;
        }
        self.refresh_if_due().await;
        self.known_key(header)
    }

    /// The provider's own metadata document, as it wrote it, with an issuer that is the configured one.
    pub fn document(&self) -> Option<Bytes> {
        self.state.load().document.clone()
    }

    pub fn status(&self) -> ProviderStatus {
        self.state.load().status(&self.clock)
    }

    /// Keeps the keys fresh. Never returns: whoever spawned it drops it when the policy changes.
    pub async fn run(self: Arc<Self>) {
        let mut schedule = schedule::Schedule::default();
        loop {
            let fresh = self.refresh().await;
            tokio::time::sleep(schedule.next(&fresh)).await;
        }
    }

    fn known_key(&self, header: &Header) -> Result<Key, KeyError> {
        let state = self.state.load();
        let good = state.usable(self.clock.uptime()).ok_or(KeyError::Unavailable)?;
        Ok(good.keys.key(header)?.clone())
    }

    /// J17: whoever waited for another one's fetch has its answer, and starts none.
    async fn refresh_if_due(&self) {
        if !self.is_due() {
            return;
        }
        let _flight = self.flight.lock().await;
        if self.is_due() {
            self.fetch_and_keep().await;
        }
    }

    fn is_due(&self) -> bool {
        let attempted = self.state.load().attempted;
        attempted.is_none_or(|at| self.clock.uptime().saturating_sub(at) >= COOLDOWN)
    }

    /// Fetches now. Says how fresh what we have is afterwards.
    async fn refresh(&self) -> ProviderStatus {
        let _flight = self.flight.lock().await;
        self.fetch_and_keep().await;
        self.status()
    }

    /// The only writer of `state`; the caller holds `flight`.
    async fn fetch_and_keep(&self) {
        let (document, keys) = self.fetch().await;
        let before = self.state.load_full();
        let attempted = Some(self.clock.uptime());
        let kept =
            State { attempted, document: document.or_else(|| before.document.clone()), ..(*before).clone() };
        let state = match keys {
            Ok(keys) => {
                let good = Good { keys, fetched: self.clock.uptime() };
                State { good: Some(Arc::new(good)), failure: None, ..kept }
            }
            Err(error) => kept.failed(error.to_string(), self.clock.unix()),
        };
        self.report(&before, &state);
        self.state.store(Arc::new(state));
    }

    /// The metadata document, if it could be had, and the keys.
    async fn fetch(&self) -> (Option<Bytes>, Result<KeySet, RefreshError>) {
        let found = discovery::discover(&self.fetcher, &self.trust.issuer).await;
        let (document, jwks_uri) = match found {
            Ok(found) => (Some(found.document), found.jwks_uri),
            // An override says where the keys are, also where the issuer's own address is out of our reach.
            // A document of another issuer is a different matter: closed ("Decided" 5).
            Err(DiscoveryError::Fetch { .. }) if self.trust.jwks.is_some() => (None, None),
            Err(error) => return (None, Err(error.into())),
        };
        let url = match (&self.trust.jwks, jwks_uri) {
            (Some(url), _) => url.as_str().to_owned(),
            (None, Some(url)) => url,
            (None, None) => return (document, Err(DiscoveryError::NoKeys.into())),
        };
        (document, self.fetch_keys(url).await)
    }

    async fn fetch_keys(&self, url: String) -> Result<KeySet, RefreshError> {
        match self.fetcher.json(&url).await {
            Ok(document) => KeySet::parse(&document).map_err(|source| RefreshError::KeySet { url, source }),
            Err(source) => Err(RefreshError::Fetch { url, source }),
        }
    }

    /// One line per change, not per attempt.
    fn report(&self, before: &State, after: &State) {
        let issuer = self.trust.issuer.as_str();
        match (&before.failure, &after.failure, &after.good) {
            (None, Some(failure), Some(_)) => {
                tracing::warn!(
                    issuer,
                    reason = failure.reason,
                    "keys could not be refreshed, the last good ones stay"
                );
            }
            (_, Some(failure), None) => tracing::warn!(issuer, reason = failure.reason, "no keys yet"),
            (_, None, Some(good)) if before.good.is_none() || before.failure.is_some() => {
                tracing::info!(
                    issuer,
                    keys = good.keys.len(),
                    skipped = good.keys.skipped().join("; "),
                    "keys fetched"
                );
            }
            _ => {}
        }
    }
}
