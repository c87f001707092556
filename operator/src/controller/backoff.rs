//! How long a policy waits after a failure: twice as long each time, up to a bound, and apart from the others.
//!
//! Pure.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::render::Owner;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);

/// Counts the failures in a row of each policy.
#[derive(Debug, Default)]
pub(super) struct Backoff(Mutex<HashMap<(String, String), u32>>);

impl Backoff {
    pub(super) fn succeeded(&self, owner: &Owner) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(owner));
    }

    /// The wait before the next try. Policies that fail together come back spread out.
    pub(super) fn failed(&self, owner: &Owner) -> Duration {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key(owner)).or_default();
        *count += 1;
        let wait = FIRST.saturating_mul(1 << (*count - 1).min(10)).min(LONGEST);
        wait + spread(owner, *count, wait)
    }
}

/// Up to a quarter of the wait, decided by the policy's name and not by chance.
fn spread(owner: &Owner, count: u32, wait: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    (key(owner), count).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 256).unwrap_or_default();
    wait / 1024 * share
}

fn key(owner: &Owner) -> (String, String) {
    (owner.namespace.clone(), owner.name.clone())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_anew_after_a_success() {
        let owner = Owner { namespace: "a".into(), name: "b".into(), reference: OwnerReference::default() };
        let backoff = Backoff::default();
        let first = backoff.failed(&owner);
        assert!(first >= FIRST && first <= FIRST * 5 / 4);
        let last = (0..40).map(|_| backoff.failed(&owner)).last().expect("forty");
        assert!(last >= LONGEST && last <= LONGEST * 5 / 4);
        backoff.succeeded(&owner);
        assert!(backoff.failed(&owner) <= FIRST * 5 / 4);
    }
}
