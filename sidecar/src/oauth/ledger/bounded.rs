//! A map whose entries end, and of which there are never too many.
//!
//! Pure. An entry ends when both clocks say so: the one on the wall, by which what was sealed ends, and the one that never goes
//! back. So no step of the wall clock brings anything back to life that was used.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, UnixTime};

/// By both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) uptime: Duration,
    unix: UnixTime,
}

/// Entries by name, those that end first to be dropped first.
#[derive(Debug)]
pub(super) struct Bounded<V> {
    entries: HashMap<Arc<str>, (V, Moment)>,
    order: BTreeSet<(Moment, Arc<str>)>,
}

impl Moment {
    pub(super) fn now(clock: &Clock) -> Self {
        Self { uptime: clock.uptime(), unix: clock.unix() }
    }

    /// When the wall will say this.
    pub(super) fn when(self, unix: UnixTime) -> Self {
        let left = Duration::from_secs(unix.0.saturating_sub(self.unix.0));
        Self { uptime: self.uptime.saturating_add(left), unix }
    }

    pub(super) fn after(self, span: Duration) -> Self {
        let unix = UnixTime(self.unix.0.saturating_add(span.as_secs()));
        Self { uptime: self.uptime.saturating_add(span), unix }
    }

    fn is_over(self, now: Self) -> bool {
        self.uptime <= now.uptime && self.unix <= now.unix
    }
}

impl<V> Default for Bounded<V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: BTreeSet::new() }
    }
}

impl<V> Bounded<V> {
    pub(super) fn get(&self, key: &str, now: Moment) -> Option<&V> {
        self.entries.get(key).filter(|(_, ends)| !ends.is_over(now)).map(|(value, _)| value)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// In place of what stood under this name, which is given back.
    pub(super) fn put(&mut self, key: &str, value: V, ends: Moment) -> Option<V> {
        let key: Arc<str> = key.into();
        let before = self.entries.insert(key.clone(), (value, ends)).map(|(value, ended)| {
            self.order.remove(&(ended, key.clone()));
            value
        });
        self.order.insert((ends, key));
        before
    }

    pub(super) fn remove(&mut self, key: &str) {
        if let Some((key, (_, ends))) = self.entries.remove_entry(key) {
            self.order.remove(&(ends, key));
        }
    }

    /// Drops what is over.
    pub(super) fn forget(&mut self, now: Moment) {
        while self.pop_over(now).is_some() {}
    }

    /// Takes out one that is over.
    pub(super) fn pop_over(&mut self, now: Moment) -> Option<V> {
        let is_over = self.order.first().is_some_and(|(ends, _)| ends.is_over(now));
        if is_over { self.pop_first() } else { None }
    }

    /// Drops what ends first, until one more has room.
    pub(super) fn make_room(&mut self, most: usize) {
        while self.entries.len() >= most && !self.order.is_empty() {
            self.pop_first();
        }
    }

    fn pop_first(&mut self) -> Option<V> {
        let (_, key) = self.order.pop_first()?;
        self.entries.remove(&key).map(|(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn clock() -> (Clock, crate::clock::Hands) {
        Clock::by_hand(NOW)
    }

    #[test]
    fn entries_that_live_shorter_go_before_those_that_live_longer() {
        let (clock, hands) = clock();
        let mut map = Bounded::default();
        map.put("long", (), Moment::now(&clock).after(Duration::from_hours(1)));
        for name in ["a", "b"] {
            map.put(name, (), Moment::now(&clock).when(UnixTime(NOW.0 + 60)));
        }
        hands.advance(Duration::from_mins(1));
        map.forget(Moment::now(&clock));
        assert_eq!((map.len(), map.get("long", Moment::now(&clock))), (1, Some(&())));
    }

    #[test]
    fn o15_an_entry_that_is_renewed_takes_no_more_room() {
        let (clock, hands) = clock();
        let mut map = Bounded::default();
        for _ in 0..1000 {
            hands.advance(Duration::from_mins(15));
            map.put("family", (), Moment::now(&clock).after(Duration::from_hours(720)));
        }
        assert_eq!((map.len(), map.order.len()), (1, 1));
        map.remove("family");
        assert_eq!((map.len(), map.order.len()), (0, 0));
    }

    #[test]
    fn o29_no_step_of_the_clock_on_the_wall_ends_an_entry_early() {
        let (clock, hands) = clock();
        let mut map = Bounded::default();
        map.put("code", (), Moment::now(&clock).when(UnixTime(NOW.0 + 60)));
        hands.set(UnixTime(NOW.0 + 3600));
        map.forget(Moment::now(&clock));
        assert_eq!(map.len(), 1, "a minute has not passed");
        hands.set(UnixTime(NOW.0 - 3600));
        hands.advance(Duration::from_mins(2));
        map.forget(Moment::now(&clock));
        assert_eq!(map.len(), 1, "what was sealed is still good by the wall");
        hands.set(UnixTime(NOW.0 + 60));
        map.forget(Moment::now(&clock));
        assert_eq!(map.len(), 0);
    }
}
