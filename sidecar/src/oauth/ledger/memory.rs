//! What one replica remembers of what must happen once, and of what was revoked.
//!
//! Keeps it in memory, bounded: what that means without a store stands in `docs/proxy-mode.md`. No token, code or name is kept,
//! only ids that we made, digests (O29) and what the store calls them; but what a refresh token was exchanged for, for the two minutes in
//! which it may come again, and what a provider gave in an exchange that could not be ended, until the next one. Meets A13, D11, I7,
//! O07, O12, O15, O30.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crds::Secret;
use tokio::sync::OwnedMutexGuard;

use super::bounded::{Bounded, Moment};
use super::used::{MOST, Used};
use super::{OVERLAP, Once, Turn};
use crate::clock::{Clock, UnixTime};
use crate::store::Fact;

/// Remembers for one policy; edits of the policy do not make it forget.
#[derive(Debug)]
pub struct Memory {
    clock: Clock,
    /// By kind, each with room of its own: what fills one keeps none of another.
    used: Mutex<HashMap<&'static str, Used>>,
    families: Mutex<Bounded<Family>>,
    answers: Mutex<Bounded<Arc<str>>>,
    kept: Mutex<Bounded<Secret<String>>>,
    revoked: Mutex<Bounded<()>>,
    /// The generation of which the provider was told that its family is over, or is being told.
    told: Mutex<Bounded<u32>>,
    /// What other replicas revoked, by what the store calls it.
    heard: Mutex<Bounded<()>>,
    /// Families share these by their first letters: two that meet wait for each other, and that is all.
    turns: Vec<Arc<tokio::sync::Mutex<()>>>,
}

#[derive(Debug, Clone, Copy)]
struct Family {
    /// The newest generation that was given out here.
    newest: u32,
    at: Duration,
}

/// Longer than any access token lives: after that it is over anyway.
const HEARD: Duration = Duration::from_mins(65);
/// Of answers, which are a few kilobytes each. Without its answer a token that comes twice is exchanged once more.
const MOST_ANSWERS: usize = 10_000;
const TURNS: usize = 256;
/// How long a client goes on trying.
const KEPT: Duration = Duration::from_hours(1);

impl Memory {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            used: Mutex::default(),
            families: Mutex::new(Bounded::default()),
            answers: Mutex::new(Bounded::default()),
            kept: Mutex::new(Bounded::default()),
            revoked: Mutex::new(Bounded::default()),
            told: Mutex::new(Bounded::default()),
            heard: Mutex::new(Bounded::default()),
            turns: (0..TURNS).map(|_| Arc::default()).collect(),
        }
    }

    /// How long it is until the wall says this.
    pub fn left(&self, until: UnixTime) -> Duration {
        Duration::from_secs(until.0.saturating_sub(self.clock.unix().0))
    }

    /// Whether this may happen, without taking note of it.
    pub fn look(&self, fact: Fact<'_>) -> Once {
        let now = self.now();
        lock(&self.used).entry(fact.kind).or_default().state(fact, now)
    }

    /// Notes that this happens, if it may. `until` is the first moment in which it could not anyway.
    pub fn once(&self, fact: Fact<'_>, until: UnixTime) -> Once {
        let now = self.now();
        let mut all = lock(&self.used);
        let used = all.entry(fact.kind).or_default();
        let state = used.state(fact, now);
        if state == Once::First {
            used.happened(fact, until, now);
        }
        state
    }

    /// Notes that this is under way, and whether it may be.
    pub fn begin(&self, fact: Fact<'_>) -> Once {
        let now = self.now();
        let mut all = lock(&self.used);
        let used = all.entry(fact.kind).or_default();
        let state = used.state(fact, now);
        if state == Once::First {
            used.begins(fact.id);
        }
        state
    }

    /// It is not under way any more: it happened, and could until then, or nothing came of it.
    pub fn end(&self, fact: Fact<'_>, happened: Option<UnixTime>) {
        let now = self.now();
        let mut all = lock(&self.used);
        let used = all.entry(fact.kind).or_default();
        used.is_over(fact.id);
        if let Some(until) = happened {
            used.happened(fact, until, now);
        }
    }

    /// Waits until nobody else turns this family.
    pub async fn hold(&self, family: &str) -> OwnedMutexGuard<()> {
        let sum =
            family.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        self.turns[sum % TURNS].clone().lock_owned().await
    }

    /// Judges a refresh token of this family and generation.
    pub fn turn(&self, family: &str, generation: u32) -> Turn {
        let now = self.now();
        let known = lock(&self.families).get(family, now).copied();
        match known {
            Some(known) if known.newest.checked_sub(1) == Some(generation) && known.is_young(now) => {
                self.answered(family).map_or(Turn::Exchange, Turn::Same)
            }
            Some(known) if generation < known.newest => Turn::Reused,
            _ => Turn::Exchange,
        }
    }

    /// What the newest generation of a family was given with, within the overlap.
    pub fn answered(&self, family: &str) -> Option<Arc<str>> {
        lock(&self.answers).get(family, self.now()).cloned()
    }

    /// Notes what a generation was exchanged for.
    pub fn turned(&self, family: &str, newest: u32, answer: Arc<str>, for_so_long: Duration) {
        let now = self.now();
        let mut answers = lock(&self.answers);
        answers.forget(now);
        answers.make_room(MOST_ANSWERS);
        answers.put(family, answer, now.after(OVERLAP));
        let mut families = lock(&self.families);
        families.forget(now);
        families.make_room(MOST);
        families.put(family, Family { newest, at: now.uptime }, now.after(for_so_long));
        if let Some(before) = newest.checked_sub(1) {
            lock(&self.kept).remove(&kept_as(family, before));
        }
    }

    /// Keeps the provider's newest token for a generation whose exchange could not be ended. For that one alone: the next one
    /// brings the provider's next token itself.
    pub fn keep(&self, family: &str, generation: u32, token: Secret<String>) {
        let now = self.now();
        let mut kept = lock(&self.kept);
        kept.forget(now);
        kept.make_room(MOST_ANSWERS);
        kept.put(&kept_as(family, generation), token, now.after(KEPT));
    }

    pub fn kept(&self, family: &str, generation: u32) -> Option<Secret<String>> {
        lock(&self.kept).get(&kept_as(family, generation), self.now()).cloned()
    }

    /// From now on nothing of this family is good (O07, O12, O30).
    pub fn revoke(&self, family: &str, for_so_long: Duration) {
        let now = self.now();
        let mut revoked = lock(&self.revoked);
        revoked.forget(now);
        revoked.make_room(MOST);
        revoked.put(family, (), now.after(for_so_long));
    }

    pub fn is_revoked(&self, family: &str) -> bool {
        lock(&self.revoked).get(family, self.now()).is_some()
    }

    /// Notes that the provider is told of this family's end, if it was not told as of this generation or of a newer one (O15).
    pub fn tells(&self, family: &str, generation: u32, for_so_long: Duration) -> bool {
        let now = self.now();
        let mut told = lock(&self.told);
        told.forget(now);
        let is_news = told.get(family, now).is_none_or(|known| *known < generation);
        if is_news {
            told.make_room(MOST);
            told.put(family, generation, now.after(for_so_long));
        }
        is_news
    }

    /// It was not told after all: as of this generation, and not of a newer one that was shown meanwhile.
    pub fn was_not_told(&self, family: &str, generation: u32) {
        let now = self.now();
        let mut told = lock(&self.told);
        if told.get(family, now) == Some(&generation) {
            told.remove(family);
        }
    }

    /// Another replica revoked the family that the store calls so.
    pub fn hear(&self, name: &str) {
        let now = self.now();
        let mut heard = lock(&self.heard);
        heard.forget(now);
        heard.make_room(MOST);
        heard.put(name, (), now.after(HEARD));
    }

    /// Whether one of these names was heard. They are not worked out where nothing ever was.
    pub fn has_heard<I: Iterator<Item = String>>(&self, names: impl FnOnce() -> I) -> bool {
        let heard = lock(&self.heard);
        heard.len() > 0 && names().any(|name| heard.get(&name, self.now()).is_some())
    }

    fn now(&self) -> Moment {
        Moment::now(&self.clock)
    }
}

impl Family {
    /// Whether it was turned within the overlap.
    fn is_young(self, now: Moment) -> bool {
        now.uptime.saturating_sub(self.at) < OVERLAP
    }
}

fn kept_as(family: &str, generation: u32) -> String {
    format!("{generation} {family}")
}

/// A thread that panicked while it held one of these cannot have left it half written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
