//! A bounded cache of what was fetched, by URL: one fetch per URL at a time, whoever asks (single flight), and never an error
//! kept. Who waited for another one's fetch has its answer, good or bad.
//!
//! Pure, on the time that it is handed; the fetch comes in as a future. Whoever hangs up in the middle leaves the fetch to
//! the next in line. Meets A6 (cached by the document's own word), O17 ("no caching of errors").

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::DocumentError;
use super::limits::Acquaintance;

/// What is kept, at most `longest` of them.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    longest: usize,
    state: Mutex<State<T>>,
}

/// What a fetch brought, and how long it may be kept.
#[derive(Debug)]
pub(super) struct Fresh<T> {
    pub(super) value: T,
    pub(super) fresh_for: Duration,
}

/// When it is, and how old an answer may be whatever the document said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) now: Duration,
    pub(super) oldest: Duration,
}

#[derive(Debug)]
struct State<T> {
    kept: HashMap<String, Kept<T>>,
    flights: HashMap<String, Arc<Flight<T>>>,
}

#[derive(Debug)]
struct Kept<T> {
    value: Arc<T>,
    fetched: Duration,
    stale: Duration,
}

/// Empty until the one fetch has ended.
type Flight<T> = tokio::sync::Mutex<Option<Result<Arc<T>, DocumentError>>>;

impl<T> Shelf<T> {
    pub(super) fn new(longest: usize) -> Self {
        let state = State { kept: HashMap::new(), flights: HashMap::new() };
        Self { longest, state: Mutex::new(state) }
    }

    /// What is kept under `url`, or what `fetch` brings. `fetch` is not started where there is no need for it.
    pub(super) async fn get(
        &self,
        url: &str,
        asked: Asked,
        fetch: impl Future<Output = Result<Fresh<T>, DocumentError>>,
    ) -> Result<Arc<T>, DocumentError> {
        let seat = match self.kept_or_seat(url, asked) {
            Ok(kept) => return Ok(kept),
            Err(seat) => seat,
        };
        let mut flight = seat.flight.lock().await;
        if let Some(landed) = &*flight {
            return landed.clone();
        }
        let landed = match fetch.await {
            Ok(fresh) => Ok(self.keep(url, asked.now, fresh)),
            Err(error) => Err(error),
        };
        self.state().flights.remove(url);
        *flight = Some(landed.clone());
        landed
    }

    /// Whether there was a good answer, however old.
    pub(super) fn acquaintance(&self, url: &str) -> Acquaintance {
        if self.state().kept.contains_key(url) { Acquaintance::Known } else { Acquaintance::Stranger }
    }

    /// Both under one lock: between a look at what is kept and a seat in the flight, the flight must not land.
    fn kept_or_seat<'a>(&'a self, url: &'a str, asked: Asked) -> Result<Arc<T>, Seat<'a, T>> {
        let mut state = self.state();
        let young = |kept: &&Kept<T>| {
            asked.now < kept.stale && asked.now.saturating_sub(kept.fetched) <= asked.oldest
        };
        if let Some(kept) = state.kept.get(url).filter(young) {
            return Ok(kept.value.clone());
        }
        let flight = state.flights.entry(url.to_owned()).or_default().clone();
        Err(Seat { shelf: self, url, flight })
    }

    fn keep(&self, url: &str, now: Duration, fresh: Fresh<T>) -> Arc<T> {
        let mut state = self.state();
        if !state.kept.contains_key(url) && state.kept.len() >= self.longest {
            let oldest = state.kept.iter().min_by_key(|(_, kept)| kept.fetched).map(|(url, _)| url.clone());
            oldest.and_then(|url| state.kept.remove(&url));
        }
        let value = Arc::new(fresh.value);
        let kept = Kept { value: value.clone(), fetched: now, stale: now.saturating_add(fresh.fresh_for) };
        state.kept.insert(url.to_owned(), kept);
        value
    }

    /// A panic elsewhere leaves a cache that is whole: every change of it is one call.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever takes part in a flight. The last one to leave takes the flight along, if it did not land.
struct Seat<'a, T> {
    shelf: &'a Shelf<T>,
    url: &'a str,
    flight: Arc<Flight<T>>,
}

impl<T> Drop for Seat<'_, T> {
    fn drop(&mut self) {
        let mut state = self.shelf.state();
        let ours = state.flights.get(self.url).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight));
        // One is the map's, one is ours. New ones are only made under the lock that is held here.
        if ours && Arc::strong_count(&self.flight) == 2 {
            state.flights.remove(self.url);
        }
    }
}

#[cfg(test)]
mod tests;
