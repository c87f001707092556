//! What must happen once: a login's return, a code's redemption, a generation of a refresh token; and what was revoked.
//!
//! Talks to the store, where the policy names one (`store`): it decides then, for all replicas, and without its word nothing
//! happens. Otherwise each replica decides by what it remembers (`memory`). What a replica remembers counts beside a store, too:
//! a store can lose its data. Requests with an access token ask nobody: what others revoked is heard (O30). Meets A13, D11, I7,
//! O07, O12, O29, O30.

mod bounded;
mod memory;
#[cfg(test)]
mod tests;
mod used;

use std::sync::Arc;
use std::time::Duration;

use crds::Secret;
use tokio::sync::OwnedMutexGuard;

pub use crate::store::{Fact, Shown};
pub use memory::Memory;

use crate::clock::UnixTime;
use crate::store::{Claim, Store, StoreError};

/// Decides for one policy.
#[derive(Debug)]
pub struct Ledger {
    memory: Arc<Memory>,
    store: Option<Arc<Store>>,
}

/// Whether something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    First,
    /// It happened before.
    Again,
    /// So much happens that what happened can no longer be remembered: closed (promise 1).
    Full,
}

/// Whether something may begin that may come to nothing.
#[derive(Debug)]
pub enum Begun<'a> {
    First(UnderWay<'a>),
    Again,
    Full,
}

/// Something that happens once, and has not happened yet. Nobody else begins it; dropped, nothing came of it.
#[derive(Debug)]
pub struct UnderWay<'a> {
    ledger: &'a Ledger,
    fact: Fact<'a>,
    happened: Option<UnixTime>,
}

/// What to do with a refresh token of a generation.
#[derive(Debug, Clone)]
pub enum Turn {
    /// It is the newest that is known: exchange it, and say so with `Ledger::turned`.
    Exchange,
    /// It was exchanged just now: this is what came of it (D11: clients do send it twice).
    Same(Arc<str>),
    /// It was exchanged before, and not just now: somebody else has it (O12).
    Reused,
    /// Its family has ended.
    Over,
}

/// The store cannot be asked, so that nobody can say whether it happened before: try again. Its reason is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store cannot be used")]
pub struct Away;

/// D11: bursts lie up to 76 s apart.
pub const OVERLAP: Duration = Duration::from_mins(2);
/// An exchange is over after this, or given up: in time for the claim to it (`store::turns`).
pub const EXCHANGE: Duration = Duration::from_secs(20);
/// A login is with the provider for so long, or given up: its code, its keys and its user take less.
const UNDER_WAY: Duration = Duration::from_mins(1);
/// By another replica's clock something may end later.
const APART: Duration = Duration::from_mins(2);
/// Another replica is at it: how often its answer is looked for, and how many times.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: usize = 120;

impl Ledger {
    pub fn new(memory: Arc<Memory>, store: Option<Arc<Store>>) -> Self {
        Self { memory, store }
    }

    /// Notes that this happens. `until` is the first moment in which it could not happen anyway, by our own clock.
    pub async fn once(&self, fact: Fact<'_>, until: UnixTime) -> Result<Once, Away> {
        // First, so that nothing is written into a store without a bound.
        match self.memory.look(fact) {
            Once::First => {}
            known => return Ok(known),
        }
        if let Some(store) = &self.store
            && !store.once(fact, self.memory.left(until) + APART).await?
        {
            return Ok(Once::Again);
        }
        // All requests of this replica are one caller to the store; which of them is the first is decided here.
        Ok(self.memory.once(fact, until))
    }

    /// Begins what costs whoever asks nothing, so that nothing may be remembered of it until something came of it (O15). Until
    /// then nobody else begins it, here or at another replica.
    pub async fn begin<'a>(&'a self, fact: Fact<'a>) -> Result<Begun<'a>, Away> {
        match self.memory.begin(fact) {
            Once::First => {}
            Once::Again => return Ok(Begun::Again),
            Once::Full => return Ok(Begun::Full),
        }
        let under_way = UnderWay { ledger: self, fact, happened: None };
        match &self.store {
            Some(store) if !store.once(fact, UNDER_WAY).await? => Ok(Begun::Again),
            _ => Ok(Begun::First(under_way)),
        }
    }

    /// Waits until nobody else here turns this family.
    pub async fn hold(&self, family: &str) -> OwnedMutexGuard<()> {
        self.memory.hold(family).await
    }

    /// Judges a refresh token.
    pub async fn turn(&self, shown: &Shown<'_>) -> Result<Turn, Away> {
        if self.is_revoked(shown.family) {
            return Ok(Turn::Over);
        }
        let here = self.memory.turn(shown.family, shown.generation);
        let Some(store) = &self.store else { return Ok(here) };
        Ok(match claim(store, shown).await? {
            // Where the store knows of nothing and we do, it has lost its data.
            Claim::Ours => here,
            Claim::Answered(answer) => Turn::Same(answer.into()),
            Claim::Reused => Turn::Reused,
            Claim::Ended => Turn::Over,
            Claim::Underway => return Err(Away),
        })
    }

    /// Notes what a refresh token was exchanged for.
    pub async fn turned(&self, shown: &Shown<'_>, answer: Arc<str>, for_so_long: Duration) {
        let newest = shown.generation.saturating_add(1);
        self.memory.turned(shown.family, newest, answer.clone(), for_so_long);
        if let Some(store) = &self.store {
            // The provider may have given its next token already: to keep the answer back would end an honest login. Until the
            // claim ends, nobody else exchanges it; afterwards two successors would be told apart at the next turn.
            let _ = store.conclude(shown, &answer, OVERLAP, for_so_long).await;
        }
    }

    /// What a family's newest refresh token was given with, where this replica gave it just now.
    pub fn answered(&self, family: &str) -> Option<Arc<str>> {
        self.memory.answered(family)
    }

    /// Keeps the provider's newest token for a generation whose exchange could not be ended. Here alone: whoever is sent back
    /// with "try again" does so on the connection that it has.
    pub fn keep(&self, family: &str, generation: u32, token: Secret<String>) {
        self.memory.keep(family, generation, token);
    }

    pub fn kept(&self, family: &str, generation: u32) -> Option<Secret<String>> {
        self.memory.kept(family, generation)
    }

    /// Nothing came of the exchange: it may be tried again.
    pub async fn not_turned(&self, shown: &Shown<'_>) {
        if let Some(store) = &self.store {
            // Where this does not get through, the claim ends by itself.
            let _ = store.release(shown).await;
        }
    }

    /// From now on nothing of this family is good (O07, O12, O30). An error says that others may not know of it yet.
    pub async fn revoke(&self, family: &str, for_so_long: Duration) -> Result<(), Away> {
        self.memory.revoke(family, for_so_long);
        match &self.store {
            Some(store) => Ok(store.end(family, for_so_long).await?),
            None => Ok(()),
        }
    }

    pub fn is_revoked(&self, family: &str) -> bool {
        let has_heard = |store: &Arc<Store>| self.memory.has_heard(|| store.told_as(family));
        self.memory.is_revoked(family) || self.store.as_ref().is_some_and(has_heard)
    }

    /// Notes that the provider is told of the end of this family, as of a generation, and whether that is news. Each replica tells it
    /// by itself.
    pub fn tells(&self, family: &str, generation: u32, for_so_long: Duration) -> bool {
        self.memory.tells(family, generation, for_so_long)
    }

    /// Nothing came of it.
    pub fn was_not_told(&self, family: &str, generation: u32) {
        self.memory.was_not_told(family, generation);
    }

    /// Whether there is a store, and it cannot be used.
    pub fn is_away(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.is_down())
    }
}

impl UnderWay<'_> {
    /// It happened, and could until then.
    pub async fn happened(mut self, until: UnixTime) {
        self.happened = Some(until);
        if let Some(store) = &self.ledger.store {
            // Where this does not get through, others refuse it until the claim ends; the provider knows its own code afterwards.
            let _ = store.keep(self.fact, self.ledger.memory.left(until) + APART).await;
        }
    }

    /// Nothing came of it: it may be begun again, by anybody.
    pub async fn came_to_nothing(self) {
        if let Some(store) = &self.ledger.store {
            // Where this does not get through, the claim ends by itself.
            let _ = store.give_back(self.fact).await;
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.ledger.memory.end(self.fact, self.happened);
    }
}

async fn claim(store: &Store, shown: &Shown<'_>) -> Result<Claim, Away> {
    for _ in 0..LOOKS {
        match store.claim(shown).await? {
            Claim::Underway => tokio::time::sleep(LOOK).await,
            claim => return Ok(claim),
        }
    }
    Ok(Claim::Underway)
}

impl From<StoreError> for Away {
    fn from(_: StoreError) -> Self {
        Self
    }
}
