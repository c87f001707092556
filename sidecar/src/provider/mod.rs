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

use discovery::Discovered;
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
    flight: Mutex<Flight>,
}

/// When a fetch last started or ended. One that was given up half-way counts: a caller who hangs up gets no second one.
#[derive(Debug, Default)]
struct Flight(Option<Duration>);

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
            flight: Mutex::new(Flight::default()),
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
        self.state.load().found.as_ref().map(|found| found.document.clone())
    }

    /// What it was made from: a provider can be kept as long as that does not change.
    pub fn trust(&self) -> &OidcTrust {
        &self.trust
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

    /// Another number for other keys, and none of them twice; none while there are none to use.
    pub fn generation(&self) -> Option<u64> {
        self.state.load().usable(self.clock.uptime()).map(|good| good.generation)
    }

    fn known_key(&self, header: &Header) -> Result<Key, KeyError> {
        let state = self.state.load();
        let good = state.usable(self.clock.uptime()).ok_or(KeyError::Unavailable)?;
        Ok(good.keys.key(header)?.clone())
    }

    /// J17: whoever waited for another one's fetch has its answer, and starts none.
    pub async fn refresh_if_due(&self) {
        let mut flight = self.flight.lock().await;
        if flight.0.is_none_or(|at| self.clock.uptime().saturating_sub(at) >= COOLDOWN) {
            self.fetch_and_keep(&mut flight).await;
        }
    }

    /// Fetches now. Says how fresh what we have is afterwards.
    async fn refresh(&self) -> ProviderStatus {
        let mut flight = self.flight.lock().await;
        self.fetch_and_keep(&mut flight).await;
        self.status()
    }

    /// The only writer of `state`.
    async fn fetch_and_keep(&self, flight: &mut Flight) {
        flight.0 = Some(self.clock.uptime());
        let before = self.state.load_full();
        let (found, keys) = self.fetch(&before).await;
        let found = found.or_else(|| before.found.clone());
        let state = match keys {
            Ok(keys) => {
                let generation = before.generation(&keys);
                let good = Good { keys, fetched: self.clock.uptime(), generation };
                State { good: Some(Arc::new(good)), found, failure: None }
            }
            Err(error) => State { found, ..(*before).clone() }.failed(error.to_string(), self.clock.unix()),
        };
        self.report(&before, &state);
        self.state.store(Arc::new(state));
        flight.0 = Some(self.clock.uptime());
    }

    /// The metadata document, if it could be had, and the keys.
    async fn fetch(&self, before: &State) -> (Option<Discovered>, Result<KeySet, RefreshError>) {
        let found = match discovery::discover(&self.fetcher, &self.trust.issuer).await {
            Ok(found) => Ok(found),
            // Out of reach, but we know where the keys are: from the policy, or from the last time. A document of
            // another issuer is a different matter: closed ("Decided" 5).
            Err(DiscoveryError::Fetch { .. }) if self.keys_url(before.found.as_ref()).is_some() => Err(None),
            Err(error) => Err(Some(error)),
        };
        match found {
            Ok(found) => {
                let keys = self.fetch_keys(self.keys_url(Some(&found))).await;
                (Some(found), keys)
            }
            Err(None) => (None, self.fetch_keys(self.keys_url(before.found.as_ref())).await),
            Err(Some(error)) => (None, Err(error.into())),
        }
    }

    /// The policy's word on where the keys are goes before the provider's.
    fn keys_url(&self, found: Option<&Discovered>) -> Option<String> {
        let configured = self.trust.jwks.as_ref().map(|url| url.as_str().to_owned());
        configured.or_else(|| found?.jwks_uri.clone())
    }

    async fn fetch_keys(&self, url: Option<String>) -> Result<KeySet, RefreshError> {
        let url = url.ok_or(DiscoveryError::NoKeys)?;
        let fetched = self.fetcher.json(&url).await;
        // A query may be nobody's business: what is shown of an address ends before it.
        let shown = || url.split('?').next().unwrap_or_default().to_owned();
        let document = fetched.map_err(|source| RefreshError::Fetch { url: shown(), source })?;
        KeySet::parse(&document).map_err(|source| RefreshError::KeySet { url: shown(), source })
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
            (before, Some(failure), None)
                if before.as_ref().map(|first| &first.reason) != Some(&failure.reason) =>
            {
                tracing::warn!(issuer, reason = failure.reason, "no keys yet");
            }
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
