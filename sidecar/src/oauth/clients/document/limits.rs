//! How much of our time strangers can have: fetches under way, fetches in a while, fetches from one host, and both of these at once.
//!
//! Pure, on the clock that it is handed. Whoever makes URLs up is held back early; documents that were good once are fetched
//! again in a lane of their own, so that such a flood does not lock out the clients that people use. A host that never answers holds few
//! places of many, and none of them for long: whoever takes long moves over to as many places for the slow, or ends where those are
//! taken, so that no number of slow hosts is in the way of a quick one. Meets O15, O17.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// What the URL of a document is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acquaintance {
    /// There was a good document at this very URL.
    Known,
    Stranger,
}

/// No fetch now: too many others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// A fetch took longer than this, and those who take long are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CutShort(pub(super) Duration);

/// The limits of one cache. Together the lanes have ten fetches under way, and as many slow ones.
#[derive(Debug)]
pub(super) struct Limits {
    known: Lane,
    strangers: Lane,
    hosts: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug)]
struct Lane {
    places: Semaphore,
    /// For those who took long. Nobody waits for one.
    slow: Semaphore,
    /// Of the hosts that somebody is at, or waits for.
    at_hosts: AtHosts,
    bucket: Mutex<Bucket>,
}

type AtHosts = Mutex<HashMap<String, Arc<Semaphore>>>;

/// A place in a lane, and one at its host, as long as it is held.
#[derive(Debug)]
pub(super) struct Place<'a> {
    lane: &'a Lane,
    in_lane: SemaphorePermit<'a>,
    at_host: AtHost<'a>,
}

/// Whoever is at a host, or waits for it. The last one to leave takes the list's entry along.
#[derive(Debug)]
struct AtHost<'a> {
    hosts: &'a AtHosts,
    host: String,
    places: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

/// Holds `burst` at most, and fills up again at a steady rate.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    rate: Rate,
    level: f64,
    at: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: f64,
    per_second: f64,
}

const KNOWN_PLACES: usize = 3;
const STRANGER_PLACES: usize = 7;
/// Of one lane, at one host: whoever does not answer holds up few of the others.
const HOST_PLACES: usize = 2;
const LANE: Rate = Rate { burst: 50.0, per_second: 5.0 };
const HOST: Rate = Rate { burst: 20.0, per_second: 0.5 };
const MOST_HOSTS: usize = 1000;
/// Longer than a document takes from a host that is well. Seven strangers a second find a place so, and no more than five come.
const QUICK: Duration = Duration::from_secs(1);
/// How long to wait for a place.
const PATIENCE: Duration = Duration::from_secs(3);

impl Limits {
    pub(super) fn new() -> Self {
        Self {
            known: Lane::new(KNOWN_PLACES),
            strangers: Lane::new(STRANGER_PLACES),
            hosts: Mutex::new(HashMap::new()),
        }
    }

    /// A place for one fetch, as long as it is held.
    pub(super) async fn admit(
        &self,
        acquaintance: Acquaintance,
        host: &str,
        now: Duration,
    ) -> Result<Place<'_>, Busy> {
        let lane = match acquaintance {
            Acquaintance::Known => &self.known,
            Acquaintance::Stranger => {
                self.take_from_host(host, now)?;
                &self.strangers
            }
        };
        tokio::time::timeout(PATIENCE, lane.admit(host, now)).await.unwrap_or(Err(Busy))
    }

    fn take_from_host(&self, host: &str, now: Duration) -> Result<(), Busy> {
        let mut hosts = lock(&self.hosts);
        if !hosts.contains_key(host) && hosts.len() >= MOST_HOSTS {
            let longest_ago = hosts.iter().min_by_key(|(_, bucket)| bucket.at).map(|(host, _)| host.clone());
            longest_ago.and_then(|host| hosts.remove(&host));
        }
        hosts.entry(host.to_owned()).or_insert_with(|| Bucket::full(HOST, now)).take(now)
    }
}

impl Lane {
    fn new(places: usize) -> Self {
        Self {
            places: Semaphore::new(places),
            slow: Semaphore::new(places),
            at_hosts: Mutex::default(),
            bucket: Mutex::new(Bucket::full(LANE, Duration::ZERO)),
        }
    }

    /// First at the host: who waits for it takes nothing from the others.
    async fn admit(&self, host: &str, now: Duration) -> Result<Place<'_>, Busy> {
        let mut at_host = AtHost::new(&self.at_hosts, host);
        at_host.held = Some(at_host.places.clone().acquire_owned().await.map_err(|_| Busy)?);
        lock(&self.bucket).take(now)?;
        let in_lane = self.places.acquire().await.map_err(|_| Busy)?;
        Ok(Place { lane: self, in_lane, at_host })
    }
}

impl Place<'_> {
    /// Has this place for the fetch: for a moment in the lane, and then among the slow, where there is room. The fetch ends by
    /// itself, for it has its own time.
    pub(super) async fn hold<T>(self, fetch: impl Future<Output = T>) -> Result<T, CutShort> {
        let Self { lane, in_lane, at_host: _at_host } = self;
        let mut fetch = pin!(fetch);
        if let Ok(answer) = tokio::time::timeout(QUICK, &mut fetch).await {
            return Ok(answer);
        }
        let _among_the_slow = lane.slow.try_acquire().map_err(|_| CutShort(QUICK))?;
        drop(in_lane);
        Ok(fetch.await)
    }
}

impl<'a> AtHost<'a> {
    fn new(hosts: &'a AtHosts, host: &str) -> Self {
        let mut all = lock(hosts);
        let places = all.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(HOST_PLACES)));
        Self { hosts, host: host.to_owned(), places: places.clone(), held: None }
    }
}

impl Drop for AtHost<'_> {
    fn drop(&mut self) {
        // It holds the semaphore as well.
        self.held = None;
        let mut all = lock(self.hosts);
        // One is the map's, one is ours. New ones are only made under the lock that is held here.
        if Arc::strong_count(&self.places) == 2 {
            all.remove(&self.host);
        }
    }
}

impl Bucket {
    fn full(rate: Rate, now: Duration) -> Self {
        Self { rate, level: rate.burst, at: now }
    }

    fn take(&mut self, now: Duration) -> Result<(), Busy> {
        let gained = now.saturating_sub(self.at).as_secs_f64() * self.rate.per_second;
        // Who waited for its host comes with a time that is over.
        (self.level, self.at) = ((self.level + gained).min(self.rate.burst), now.max(self.at));
        if self.level < 1.0 {
            return Err(Busy);
        }
        self.level -= 1.0;
        Ok(())
    }
}

/// A panic elsewhere leaves numbers, and no invariant among them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
