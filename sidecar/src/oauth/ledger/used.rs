//! What happened of one kind, and what is about to: never too much, and of no one so much that nothing is left for others.
//!
//! Pure. Nothing that counts gives way here, for it could happen again: what finds no room does not happen. Meets A13, O15, O25.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Once;
use super::bounded::{Bounded, Moment};
use crate::clock::UnixTime;
use crate::store::Fact;

#[derive(Debug, Default)]
pub(super) struct Used {
    /// Each with whose it is.
    done: Bounded<Option<Arc<str>>>,
    /// What may yet come to nothing: no more than there are requests at a time.
    under_way: HashSet<String>,
    /// How many of `done` are whose.
    shares: HashMap<Arc<str>, usize>,
}

pub(super) const MOST: usize = 100_000;

impl Used {
    /// Whether this may happen now.
    pub(super) fn state(&mut self, fact: Fact<'_>, now: Moment) -> Once {
        self.forget(now);
        if self.under_way.contains(fact.id) || self.done.get(fact.id, now).is_some() {
            return Once::Again;
        }
        if self.has_room(fact.whose) { Once::First } else { Once::Full }
    }

    pub(super) fn begins(&mut self, id: &str) {
        self.under_way.insert(id.to_owned());
    }

    pub(super) fn is_over(&mut self, id: &str) {
        self.under_way.remove(id);
    }

    /// It happened, and could until then.
    pub(super) fn happened(&mut self, fact: Fact<'_>, until: UnixTime, now: Moment) {
        let whose = fact.whose.map(|whose| self.one_more(whose));
        if let Some(before) = self.done.put(fact.id, whose, now.when(until)) {
            self.one_less(before);
        }
    }

    /// Nobody takes more than is left. So one alone fills half of it, and a thousand leave a thousandth to whoever comes next.
    fn has_room(&self, whose: Option<&str>) -> bool {
        let left = MOST.saturating_sub(self.done.len());
        let share = whose.and_then(|whose| self.shares.get(whose));
        share.copied().unwrap_or_default() < left
    }

    fn forget(&mut self, now: Moment) {
        while let Some(whose) = self.done.pop_over(now) {
            self.one_less(whose);
        }
    }

    /// All that are one's share one name.
    fn one_more(&mut self, whose: &str) -> Arc<str> {
        let known = self.shares.get_key_value(whose).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| whose.into());
        *self.shares.entry(name.clone()).or_default() += 1;
        name
    }

    fn one_less(&mut self, whose: Option<Arc<str>>) {
        let Some(whose) = whose else { return };
        let left = self.shares.remove(&whose).unwrap_or_default().saturating_sub(1);
        if left > 0 {
            self.shares.insert(whose, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock, Hands};

    const NOW: UnixTime = UnixTime(1_800_000_000);
    const LATER: UnixTime = UnixTime(NOW.0 + 660);

    struct Room {
        used: Used,
        clock: Clock,
        hands: Hands,
        next: usize,
    }

    impl Room {
        fn new() -> Self {
            let (clock, hands) = Clock::by_hand(NOW);
            Self { used: Used::default(), clock, hands, next: 0 }
        }

        /// Something new of somebody's.
        fn takes(&mut self, whose: &str) -> Once {
            self.next += 1;
            let id = self.next.to_string();
            let fact = Fact { kind: "assertion", id: &id, key: None, whose: Some(whose) };
            let now = Moment::now(&self.clock);
            let state = self.used.state(fact, now);
            if state == Once::First {
                self.used.happened(fact, LATER, now);
            }
            state
        }

        fn fills(&mut self, whose: &str) -> usize {
            (0..=MOST).take_while(|_| self.takes(whose) == Once::First).count()
        }
    }

    #[test]
    fn o15_one_client_alone_fills_half_and_its_next_one_waits_while_others_go_on() {
        let mut room = Room::new();
        assert_eq!(room.fills("flood"), MOST / 2);
        assert_eq!(room.takes("flood"), Once::Full);
        assert_eq!(room.takes("honest"), Once::First, "the twin: another one's");
        room.hands.advance(Duration::from_mins(11));
        assert_eq!(room.takes("flood"), Once::First, "what was over left its room");
    }

    #[test]
    fn o15_a_thousand_clients_that_take_all_they_can_leave_room_for_the_next_one() {
        let mut room = Room::new();
        let mut flooded = 0;
        // In turns, as a flood that begins everywhere at once.
        for _ in 0..MOST / 1000 {
            for client in 0..1000 {
                flooded += usize::from(room.takes(&client.to_string()) == Once::First);
            }
        }
        assert!(flooded > MOST - MOST / 500, "{flooded}: they take nearly all of it");
        let left = room.fills("honest");
        assert!((MOST / 2100..=MOST / 1000).contains(&left), "{left}");
        assert_eq!(room.takes("0"), Once::Full);
    }

    #[test]
    fn o15_of_those_who_have_nothing_left_nothing_is_kept() {
        let mut room = Room::new();
        for client in 0..100 {
            assert_eq!(room.takes(&client.to_string()), Once::First);
        }
        assert_eq!(room.used.shares.len(), 100);
        room.hands.advance(Duration::from_mins(11));
        assert_eq!(room.takes("honest"), Once::First);
        assert_eq!((room.used.shares.len(), room.used.done.len()), (1, 1));
    }

    /// The sidecar may use 128 MiB in all. A name and a share are 22 letters (`clients::assertion`), whatever a client sends.
    #[test]
    fn o15_what_strangers_can_make_a_pod_remember_takes_a_fifth_of_its_memory() {
        const LIMIT: usize = 128 * 1024 * 1024;
        const TEXT: usize = 2 * size_of::<usize>() + 22;
        // A table grows to twice what it holds; the nodes of a tree are half full at worst.
        let entry = 2 * (size_of::<(Arc<str>, (Option<Arc<str>>, Moment))>() + 1);
        let order = 2 * size_of::<(Moment, Arc<str>)>();
        let bytes = MOST * (entry + order + TEXT.next_multiple_of(16));
        assert!(5 * bytes < LIMIT, "{bytes}");
    }
}
