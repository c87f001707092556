//! What time it is: on the wall (`UnixTime`, for tokens) and since the start (`Clock::uptime`, for caches and limits).
//!
//! Reads the machine's clocks; the only room that does. Everything else gets a `Clock` or a `UnixTime` handed in, so
//! that the edges of a token's life can be tested to the second (J11).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Whole seconds since 1970, as in the times of a token (RFC 7519 §2, NumericDate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UnixTime(pub u64);

/// Hands out the time.
#[derive(Debug, Clone)]
pub struct Clock(Source);

/// Moves a clock that was made by hand.
#[derive(Debug, Clone)]
pub struct Hands {
    start: Arc<AtomicU64>,
    millis: Arc<AtomicU64>,
}

#[derive(Debug, Clone)]
enum Source {
    System { start: Instant },
    ByHand { start: Arc<AtomicU64>, millis: Arc<AtomicU64> },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System { start: Instant::now() })
    }

    /// A clock that stands still until its hands are moved.
    pub fn by_hand(start: UnixTime) -> (Self, Hands) {
        let (start, millis) = (Arc::new(AtomicU64::new(start.0)), Arc::default());
        let hands = Hands { start, millis };
        (Self(Source::ByHand { start: hands.start.clone(), millis: hands.millis.clone() }), hands)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the clock that everyone else is handed reads it"
    )]
    pub fn unix(&self) -> UnixTime {
        match &self.0 {
            // A clock before 1970 reads as 1970: every token is then too new, and refused.
            Source::System { .. } => {
                UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
            }
            Source::ByHand { start, .. } => {
                UnixTime(start.load(Ordering::Relaxed).saturating_add(self.uptime().as_secs()))
            }
        }
    }

    /// Time since this clock was made. It never goes back, whatever happens to the wall clock.
    pub fn uptime(&self) -> Duration {
        match &self.0 {
            Source::System { start } => start.elapsed(),
            Source::ByHand { millis, .. } => Duration::from_millis(millis.load(Ordering::Relaxed)),
        }
    }
}

impl Hands {
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.millis.fetch_add(millis, Ordering::Relaxed);
    }

    /// Sets the clock on the wall, as whoever corrects it does. What has passed since the start stays what it is.
    pub fn set(&self, wall: UnixTime) {
        let passed = self.millis.load(Ordering::Relaxed) / 1000;
        self.start.store(wall.0.saturating_sub(passed), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_by_hand_moves_only_with_its_hands() {
        let (clock, hands) = Clock::by_hand(UnixTime(1000));
        assert_eq!((clock.unix(), clock.uptime()), (UnixTime(1000), Duration::ZERO));
        hands.advance(Duration::from_millis(1500));
        assert_eq!((clock.unix(), clock.uptime()), (UnixTime(1001), Duration::from_millis(1500)));
        hands.set(UnixTime(500));
        assert_eq!((clock.unix(), clock.uptime()), (UnixTime(500), Duration::from_millis(1500)));
    }

    #[test]
    fn the_machines_clock_is_past_the_writing_of_this_line() {
        assert!(Clock::system().unix() > UnixTime(1_780_000_000));
    }
}
