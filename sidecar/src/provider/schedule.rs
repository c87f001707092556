//! When to fetch again: soon and then slower while there are no keys, every five minutes once there are.
//!
//! Reads randomness for the jitter alone, so that a thousand sidecars that started together do not ask together (J17).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use super::ProviderStatus;

const FIRST_RETRY: Duration = Duration::from_millis(200);
const LONGEST_RETRY: Duration = Duration::from_secs(10);
const REFRESH: Duration = Duration::from_mins(5);

/// The back-off of one provider.
#[derive(Debug)]
pub(super) struct Schedule {
    retry: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { retry: FIRST_RETRY }
    }
}

impl Schedule {
    /// How long to wait after a fetch that ended so.
    pub(super) fn next(&mut self, status: &ProviderStatus) -> Duration {
        if *status == ProviderStatus::Ready {
            self.retry = FIRST_RETRY;
            return jittered(REFRESH);
        }
        let wait = self.retry;
        self.retry = (wait * 2).min(LONGEST_RETRY);
        jittered(wait)
    }
}

/// Up to a tenth less. No secret: std's hasher keys are random enough.
fn jittered(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 1000;
    wait.mul_f64(1.0 - f64::from(u32::try_from(random).unwrap_or(0)) / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(expected: Duration) -> impl Fn(Duration) -> bool {
        move |wait| wait <= expected && wait >= expected.mul_f64(0.9)
    }

    #[test]
    fn retries_start_fast_double_up_to_ten_seconds_and_start_over_after_success() {
        let mut schedule = Schedule::default();
        let failing = ProviderStatus::NotYet { reason: "down".into() };
        for millis in [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
            assert!(about(Duration::from_millis(millis))(schedule.next(&failing)), "{millis}");
        }
        assert!(about(REFRESH)(schedule.next(&ProviderStatus::Ready)));
        assert!(about(FIRST_RETRY)(schedule.next(&failing)));
    }
}
