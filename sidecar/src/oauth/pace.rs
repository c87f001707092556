//! How often something may happen: a bucket that fills steadily and is emptied by each.
//!
//! Pure. One per replica and policy, or one for each client or person; nothing is keyed on an address that an ingress hides ("Decided" 7). Meets
//! O15, O25.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// So many a second, and so many at once.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

/// Clients that register themselves.
pub const REGISTRATIONS: Rate = Rate { per_second: 50.0, burst: 500.0 };
/// Logins that come back from the provider: anybody can begin one, and bring a code that is none.
pub const RETURNS: Rate = Rate { per_second: 50.0, burst: 500.0 };
/// Logins that are ended at the provider.
pub const ENDINGS: Rate = Rate { per_second: 50.0, burst: 500.0 };
/// Those of one person, who may have as many as they begin: some on each device, and now and then one more.
pub const OWN_ENDINGS: Rate = Rate { per_second: 0.5, burst: 10.0 };
/// Lines in the log that anybody could bring about.
pub const LINES: Rate = Rate { per_second: 1.0 / 60.0, burst: 1.0 };
/// What a client may get wrong: nobody honest is wrong so often, and nobody guesses anything at this pace.
pub const WRONG: Rate = Rate { per_second: 5.0, burst: 50.0 };

/// One for everybody.
#[derive(Debug)]
pub struct Pace {
    clock: Clock,
    rate: Rate,
    bucket: Mutex<Bucket>,
}

/// One for each client, or for each person.
#[derive(Debug)]
pub struct Paces<K> {
    clock: Clock,
    rate: Rate,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Duration,
}

/// Of more nothing is remembered: those of whom it is longest ago are forgotten.
const MOST: usize = 10_000;

impl Pace {
    pub fn new(rate: Rate, clock: Clock) -> Self {
        let bucket = Bucket { left: rate.burst, at: clock.uptime() };
        Self { clock, rate, bucket: Mutex::new(bucket) }
    }

    /// Whether one more may happen now.
    pub fn allows(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        *bucket = bucket.filled(self.rate, self.clock.uptime());
        bucket.take()
    }
}

impl<K: Clone + Eq + Hash> Paces<K> {
    pub fn new(rate: Rate, clock: Clock) -> Self {
        Self { clock, rate, buckets: Mutex::new(HashMap::new()) }
    }

    /// One more happened. Says whether it was one of those that may.
    pub fn note(&self, whose: &K) -> bool {
        let now = self.clock.uptime();
        let mut buckets = self.lock();
        let known = buckets.get(whose).copied();
        if known.is_none() && buckets.len() >= MOST {
            make_room(&mut buckets, self.rate, now);
        }
        let mut bucket = known.unwrap_or(Bucket { left: self.rate.burst, at: now }).filled(self.rate, now);
        let allowed = bucket.take();
        buckets.insert(whose.clone(), bucket);
        allowed
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn filled(self, rate: Rate, now: Duration) -> Self {
        let filled = self.left + now.saturating_sub(self.at).as_secs_f64() * rate.per_second;
        Self { left: filled.min(rate.burst), at: now }
    }

    fn take(&mut self) -> bool {
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

fn make_room<K: Clone + Eq + Hash>(buckets: &mut HashMap<K, Bucket>, rate: Rate, now: Duration) {
    buckets.retain(|_, bucket| bucket.filled(rate, now).left < rate.burst);
    if buckets.len() >= MOST
        && let Some(oldest) =
            buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(whose, _)| whose.clone())
    {
        buckets.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::ClientKey;
    use super::*;
    use crate::clock::{Hands, UnixTime};

    fn clock() -> (Clock, Hands) {
        Clock::by_hand(UnixTime(1_800_000_000))
    }

    #[test]
    fn o15_a_burst_passes_and_then_so_many_a_second() {
        let (clock, hands) = clock();
        let pace = Pace::new(REGISTRATIONS, clock);
        assert_eq!((0..1000).filter(|_| pace.allows()).count(), 500);
        hands.advance(Duration::from_secs(1));
        assert_eq!((0..1000).filter(|_| pace.allows()).count(), 50);
        hands.advance(Duration::from_hours(1));
        assert_eq!((0..1000).filter(|_| pace.allows()).count(), 500);
    }

    #[test]
    fn o15_a_line_that_anybody_could_bring_about_is_said_once_a_minute() {
        let (clock, hands) = clock();
        let pace = Pace::new(LINES, clock);
        for (later, lines) in [(0, 1), (59, 0), (1, 1), (3600, 1)] {
            hands.advance(Duration::from_secs(later));
            assert_eq!((0..1000).filter(|_| pace.allows()).count(), lines, "{later}");
        }
    }

    #[test]
    fn o25_what_one_client_gets_wrong_costs_no_other_one() {
        let (clock, hands) = clock();
        let paces = Paces::new(WRONG, clock);
        let (one, other) = (ClientKey::plain("one"), ClientKey::plain("other"));
        assert_eq!((0..1000).filter(|_| paces.note(&one)).count(), 50);
        assert!(!paces.note(&one) && paces.note(&other));
        hands.advance(Duration::from_secs(1));
        assert_eq!((0..1000).filter(|_| paces.note(&one)).count(), 5);
    }

    #[test]
    fn o15_clients_that_are_remembered_are_bounded_and_the_newest_stay() {
        let (clock, hands) = clock();
        let paces = Paces::new(WRONG, clock);
        let client = |at: usize| ClientKey::plain(&at.to_string());
        for at in 0..=MOST {
            (0..50).for_each(|_| {
                paces.note(&client(at));
            });
            hands.advance(Duration::from_micros(1));
        }
        assert_eq!(paces.lock().len(), MOST);
        assert!(!paces.note(&client(MOST)));
        // Those that may do everything again are not worth a place.
        hands.advance(Duration::from_hours(1));
        paces.note(&client(MOST + 1));
        assert_eq!(paces.lock().len(), 1);
    }
}
