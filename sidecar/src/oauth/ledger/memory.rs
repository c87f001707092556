//! What one replica remembers of what must happen once, and of what was revoked.
//!
//! Keeps it in memory, bounded: what that means without a store stands in `docs/proxy-mode.md`. No token, code or name is kept,
//! only ids that we made (O29) and what the store calls them. Meets A13, D11, I7, O07, O12, O30.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{OVERLAP, Once, Turn};
use crate::clock::Clock;

/// Remembers for one policy; edits of the policy do not make it forget.
#[derive(Debug)]
pub struct Memory {
    clock: Clock,
    used: Mutex<Bounded<String, ()>>,
    families: Mutex<Bounded<String, Family>>,
    revoked: Mutex<Bounded<String, ()>>,
    /// What other replicas revoked, by what the store calls it.
    heard: Mutex<Bounded<String, ()>>,
    /// Families share these by their first letters: two that meet wait for each other, and that is all.
    turns: Vec<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Clone)]
struct Family {
    /// The newest generation that was given out here.
    newest: u32,
    at: Duration,
    answer: Arc<str>,
}

/// Longer than any access token lives: after that it is over anyway.
const HEARD: Duration = Duration::from_mins(65);
const MOST: usize = 100_000;
const TURNS: usize = 256;

impl Memory {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            used: Mutex::new(Bounded::default()),
            families: Mutex::new(Bounded::default()),
            revoked: Mutex::new(Bounded::default()),
            heard: Mutex::new(Bounded::default()),
            turns: (0..TURNS).map(|_| tokio::sync::Mutex::new(())).collect(),
        }
    }

    /// Notes that this id is used, for as long as it could be used again.
    pub fn once(&self, id: &str, for_so_long: Duration) -> Once {
        let now = self.clock.uptime();
        let mut used = lock(&self.used);
        used.forget(now);
        if used.get(id, now).is_some() {
            return Once::Again;
        }
        if used.len() >= MOST {
            return Once::Full;
        }
        used.put(id.to_owned(), (), now + for_so_long);
        Once::First
    }

    /// Waits until nobody else turns this family.
    pub async fn hold(&self, family: &str) -> tokio::sync::MutexGuard<'_, ()> {
        let sum =
            family.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        self.turns[sum % TURNS].lock().await
    }

    /// Judges a refresh token of this family and generation.
    pub fn turn(&self, family: &str, generation: u32) -> Turn {
        let now = self.clock.uptime();
        let families = lock(&self.families);
        match families.get(family, now) {
            Some(known) if generation + 1 == known.newest && now.saturating_sub(known.at) <= OVERLAP => {
                Turn::Same(known.answer.clone())
            }
            Some(known) if generation < known.newest => Turn::Reused,
            _ => Turn::Exchange,
        }
    }

    /// Notes what a generation was exchanged for.
    pub fn turned(&self, family: &str, newest: u32, answer: Arc<str>, for_so_long: Duration) {
        let now = self.clock.uptime();
        let mut families = lock(&self.families);
        families.forget(now);
        families.make_room(MOST);
        families.put(family.to_owned(), Family { newest, at: now, answer }, now + for_so_long);
    }

    /// From now on nothing of this family is good (O07, O12, O30).
    pub fn revoke(&self, family: &str, for_so_long: Duration) {
        let now = self.clock.uptime();
        let mut revoked = lock(&self.revoked);
        revoked.forget(now);
        revoked.make_room(MOST);
        revoked.put(family.to_owned(), (), now + for_so_long);
    }

    pub fn is_revoked(&self, family: &str) -> bool {
        lock(&self.revoked).get(family, self.clock.uptime()).is_some()
    }

    /// Another replica revoked the family that the store calls so.
    pub fn hear(&self, name: &str) {
        let now = self.clock.uptime();
        let mut heard = lock(&self.heard);
        heard.forget(now);
        heard.make_room(MOST);
        heard.put(name.to_owned(), (), now + HEARD);
    }

    /// Whether one of these names was heard. They are not worked out where nothing ever was.
    pub fn has_heard<I: Iterator<Item = String>>(&self, names: impl FnOnce() -> I) -> bool {
        let heard = lock(&self.heard);
        heard.len() > 0 && names().any(|name| heard.get(&name, self.clock.uptime()).is_some())
    }
}

/// A map whose entries end, oldest first.
#[derive(Debug)]
struct Bounded<K, V> {
    entries: HashMap<K, (V, Duration)>,
    order: VecDeque<(K, Duration)>,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new() }
    }
}

impl<V> Bounded<String, V> {
    fn get(&self, key: &str, now: Duration) -> Option<&V> {
        self.entries.get(key).filter(|(_, ends)| *ends > now).map(|(value, _)| value)
    }
}

impl<K: Hash + Eq + Clone, V> Bounded<K, V> {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn put(&mut self, key: K, value: V, ends: Duration) {
        self.order.push_back((key.clone(), ends));
        self.entries.insert(key, (value, ends));
    }

    /// Entries of one map live equally long, so the oldest end first; one that was renewed stands in the order twice.
    fn forget(&mut self, now: Duration) {
        while self.order.front().is_some_and(|(_, ends)| *ends <= now) {
            self.drop_oldest();
        }
    }

    fn make_room(&mut self, most: usize) {
        while self.entries.len() >= most && !self.order.is_empty() {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((key, ends)) = self.order.pop_front() else { return };
        if self.entries.get(&key).is_some_and(|(_, current)| *current == ends) {
            self.entries.remove(&key);
        }
    }
}

/// A thread that panicked while it held one of these cannot have left it half written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixTime;

    const LONG: Duration = Duration::from_hours(1);

    fn ledger() -> (Memory, crate::clock::Hands) {
        let (clock, hands) = Clock::by_hand(UnixTime(1_800_000_000));
        (Memory::new(clock), hands)
    }

    #[test]
    fn o30_what_was_heard_is_known_for_as_long_as_a_token_could_live() {
        let (memory, hands) = ledger();
        let heard = |name: &'static str| memory.has_heard(|| [name.to_owned()].into_iter());
        assert!(!heard("one"));
        memory.hear("one");
        assert!(heard("one") && !heard("other"));
        hands.advance(HEARD);
        assert!(!heard("one"));
    }

    #[test]
    fn what_was_used_is_used_until_it_would_be_over_anyway() {
        let (ledger, hands) = ledger();
        assert_eq!(ledger.once("code", Duration::from_mins(1)), Once::First);
        assert_eq!(ledger.once("code", Duration::from_mins(1)), Once::Again);
        assert_eq!(ledger.once("another", Duration::from_mins(1)), Once::First);
        hands.advance(Duration::from_mins(1));
        assert_eq!(ledger.once("code", Duration::from_mins(1)), Once::First);
    }

    #[test]
    fn when_nothing_more_can_be_remembered_nothing_more_happens() {
        let (ledger, hands) = ledger();
        for id in 0..MOST {
            assert_eq!(ledger.once(&id.to_string(), LONG), Once::First);
        }
        assert_eq!(ledger.once("one more", LONG), Once::Full);
        hands.advance(LONG);
        assert_eq!(ledger.once("one more", LONG), Once::First);
    }

    #[test]
    fn d11_a_refresh_token_that_comes_twice_soon_gets_the_same_and_later_ends_the_family() {
        let (ledger, hands) = ledger();
        assert!(matches!(ledger.turn("f", 0), Turn::Exchange));
        ledger.turned("f", 1, "first".into(), LONG);
        assert!(matches!(ledger.turn("f", 0), Turn::Same(answer) if &*answer == "first"));
        assert!(matches!(ledger.turn("f", 1), Turn::Exchange));
        hands.advance(OVERLAP + Duration::from_secs(1));
        assert!(matches!(ledger.turn("f", 0), Turn::Reused));
        assert!(matches!(ledger.turn("f", 1), Turn::Exchange));
    }

    #[test]
    fn o12_a_generation_before_the_last_one_is_never_taken_however_soon() {
        let (ledger, _) = ledger();
        ledger.turned("f", 1, "first".into(), LONG);
        ledger.turned("f", 2, "second".into(), LONG);
        assert!(matches!(ledger.turn("f", 0), Turn::Reused));
        assert!(matches!(ledger.turn("f", 1), Turn::Same(answer) if &*answer == "second"));
    }

    #[test]
    fn a_family_that_another_replica_turned_is_taken_here_and_a_revoked_one_nowhere() {
        let (ledger, hands) = ledger();
        ledger.turned("f", 1, "first".into(), LONG);
        assert!(matches!(ledger.turn("f", 5), Turn::Exchange));
        ledger.revoke("f", LONG);
        assert!(ledger.is_revoked("f") && !ledger.is_revoked("g"));
        hands.advance(LONG);
        assert!(!ledger.is_revoked("f"));
    }

    #[test]
    fn o15_families_and_revocations_are_bounded_and_the_oldest_go_first() {
        let (ledger, _) = ledger();
        for family in 0..=MOST {
            ledger.turned(&family.to_string(), 1, "x".into(), LONG);
            ledger.revoke(&family.to_string(), LONG);
        }
        assert!(matches!(ledger.turn("0", 0), Turn::Exchange), "the first one is forgotten");
        assert!(matches!(ledger.turn(&MOST.to_string(), 0), Turn::Same(_)));
        assert!(!ledger.is_revoked("0") && ledger.is_revoked(&MOST.to_string()));
    }
}
