//! Rings over simulated years, under clocks that step, and documents that are none; each refusal beside the twin that
//! differs in one thing.

mod clocks;
mod documents;
mod years;

use std::collections::BTreeSet;

use super::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 10 minutes, as a kubelet and a replica see it.
const LEAD_SECONDS: i64 = 10 * MINUTE;

fn at(second: i64) -> Timestamp {
    // Some day in 2026.
    Timestamp::from_second(1_790_000_000 + second).expect("a time")
}

/// A ring and what its sidecars have, from its first look on.
struct Held {
    ring: Ring,
    keys: Keys,
}

impl Held {
    fn new() -> Self {
        Self::of(Ring::mint(None, at(0), Random::system()).expect("there is randomness"))
    }

    fn of(ring: Ring) -> Self {
        Self { keys: ring.keys(), ring }
    }

    /// An operator looks, and says whether it had something to write.
    fn look(&mut self, wish: Option<&str>, second: i64) -> bool {
        let ring = self.ring.clone().tend(wish, at(second), Random::system()).expect("there is randomness");
        let wrote = ring != self.ring;
        *self = Self::of(ring);
        wrote
    }

    fn document(&self) -> Hidden<Vec<u8>> {
        Hidden::new(self.ring.to_yaml().into_bytes())
    }

    fn seals(&self) -> &str {
        self.keys.seal[0].id.as_str()
    }

    fn signs(&self) -> &str {
        self.keys.sign[0].id.as_str()
    }

    fn opens(&self) -> BTreeSet<String> {
        self.keys.seal.iter().map(|key| key.id.to_string()).collect()
    }

    fn publishes(&self) -> BTreeSet<String> {
        self.keys.sign.iter().map(|key| key.id.to_string()).collect()
    }
}
