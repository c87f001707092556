//! How often something may happen: a bucket that fills steadily and is emptied by each.
//!
//! Pure. One per replica and policy; nothing is keyed on an address that an ingress hides ("Decided" 7). Meets O15, O25.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// 50 a second, 500 at once.
#[derive(Debug)]
pub struct Pace {
    clock: Clock,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Duration,
}

const PER_SECOND: f64 = 50.0;
const BURST: f64 = 500.0;

impl Pace {
    pub fn new(clock: Clock) -> Self {
        let at = clock.uptime();
        Self { clock, bucket: Mutex::new(Bucket { left: BURST, at }) }
    }

    /// Whether one more may happen now.
    pub fn allows(&self) -> bool {
        let now = self.clock.uptime();
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = bucket.left + now.saturating_sub(bucket.at).as_secs_f64() * PER_SECOND;
        *bucket = Bucket { left: filled.min(BURST), at: now };
        let allowed = bucket.left >= 1.0;
        if allowed {
            bucket.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixTime;

    #[test]
    fn o15_a_burst_passes_and_then_so_many_a_second() {
        let (clock, hands) = Clock::by_hand(UnixTime(1_800_000_000));
        let pace = Pace::new(clock);
        assert_eq!((0..1000).filter(|_| pace.allows()).count(), 500);
        hands.advance(Duration::from_secs(1));
        assert_eq!((0..1000).filter(|_| pace.allows()).count(), 50);
        hands.advance(Duration::from_hours(1));
        assert_eq!((0..1000).filter(|_| pace.allows()).count(), 500);
    }
}
