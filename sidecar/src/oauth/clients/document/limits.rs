//! How much of our time strangers can have: fetches under way, fetches in a while, fetches from one host, and both of these at once.
//!
//! Pure, on the clock that it is handed. Whoever makes URLs up is held back early; documents that were good once are fetched
//! again in a lane of their own, so that such a flood does not lock out the clients that people use; and a host that never answers holds few places of many. Meets
//! O15, O17.

use std::collections::HashMap;
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

/// The limits of one cache. Together the lanes have ten fetches under way.
#[derive(Debug)]
pub(super) struct Limits {
    known: Lane,
    strangers: Lane,
    hosts: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug)]
struct Lane {
    places: Semaphore,
    /// Of the hosts that somebody is at, or waits for.
    at_hosts: AtHosts,
    bucket: Mutex<Bucket>,
}

type AtHosts = Mutex<HashMap<String, Arc<Semaphore>>>;

/// A place in a lane, and one at its host, as long as it is held.
#[derive(Debug)]
pub(super) struct Place<'a> {
    _in_lane: SemaphorePermit<'a>,
    _at_host: AtHost<'a>,
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
/// How long to wait for a place. Whoever is in one leaves it after five seconds at the latest.
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
        Ok(Place { _in_lane: in_lane, _at_host: at_host })
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
mod tests {
    use super::Acquaintance::{Known, Stranger};
    use super::*;

    /// How many of so many are admitted, each from a host of its own and gone at once.
    async fn admitted(limits: &Limits, acquaintance: Acquaintance, tries: usize, now: Duration) -> usize {
        let mut count = 0;
        for index in 0..tries {
            let host = format!("{index}.{}.example", now.as_secs());
            count += usize::from(limits.admit(acquaintance, &host, now).await.is_ok());
        }
        count
    }

    #[tokio::test]
    async fn a_burst_of_fifty_is_admitted_and_five_a_second_after_it() {
        let limits = Limits::new();
        assert_eq!(admitted(&limits, Stranger, 200, Duration::ZERO).await, 50);
        assert_eq!(admitted(&limits, Stranger, 200, Duration::from_secs(1)).await, 5);
        assert_eq!(admitted(&limits, Stranger, 200, Duration::from_hours(1)).await, 50);
    }

    #[tokio::test]
    async fn a_flood_of_strangers_does_not_hold_back_the_known() {
        let limits = Limits::new();
        assert_eq!(admitted(&limits, Stranger, 200, Duration::ZERO).await, 50);
        assert_eq!(admitted(&limits, Known, 30, Duration::ZERO).await, 30);
    }

    #[tokio::test]
    async fn one_host_has_less_than_all_together() {
        let limits = Limits::new();
        let mut count = 0;
        for _ in 0..40 {
            count += usize::from(limits.admit(Stranger, "a.example", Duration::ZERO).await.is_ok());
        }
        assert_eq!(count, 20);
        assert!(limits.admit(Stranger, "b.example", Duration::ZERO).await.is_ok());
        assert!(limits.admit(Known, "a.example", Duration::ZERO).await.is_ok());
        assert!(limits.admit(Stranger, "a.example", Duration::from_secs(2)).await.is_ok());
    }

    #[tokio::test]
    async fn ten_are_under_way_at_a_time_and_a_place_that_is_left_can_be_taken() {
        let limits = Limits::new();
        let mut held = Vec::new();
        for (acquaintance, places) in [(Stranger, STRANGER_PLACES), (Known, KNOWN_PLACES)] {
            for index in 0..places {
                let host = format!("{index}.example");
                held.push(limits.admit(acquaintance, &host, Duration::ZERO).await.expect("a place"));
            }
            let late = limits.admit(acquaintance, "late.example", Duration::ZERO);
            assert!(tokio::time::timeout(Duration::from_millis(50), late).await.is_err(), "{acquaintance:?}");
        }
        assert_eq!(held.len(), 10);
        drop(held);
        assert!(limits.admit(Stranger, "late.example", Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn o15_a_host_that_never_answers_holds_two_places_and_leaves_the_others_theirs() {
        let limits = Limits::new();
        let mut held = Vec::new();
        let mut waiting = Vec::new();
        for acquaintance in [Stranger, Known] {
            for _ in 0..HOST_PLACES {
                held.push(limits.admit(acquaintance, "slow.example", Duration::ZERO).await.expect("a place"));
            }
            let mut more = Box::pin(limits.admit(acquaintance, "slow.example", Duration::ZERO));
            assert!(tokio::time::timeout(Duration::from_millis(50), &mut more).await.is_err());
            waiting.push(more);
            // Its twin: another host, in the same moment.
            assert!(limits.admit(acquaintance, "other.example", Duration::ZERO).await.is_ok());
        }
        drop(held);
        for more in waiting {
            assert!(more.await.is_ok(), "its turn has come");
        }
        assert!(lock(&limits.strangers.at_hosts).is_empty() && lock(&limits.known.at_hosts).is_empty());
    }

    #[tokio::test]
    async fn the_list_of_hosts_stays_short() {
        let limits = Limits::new();
        for index in 0..MOST_HOSTS as u64 + 500 {
            let _ = limits.admit(Stranger, &format!("{index}.example"), Duration::from_secs(index)).await;
        }
        assert_eq!(lock(&limits.hosts).len(), MOST_HOSTS);
    }
}
