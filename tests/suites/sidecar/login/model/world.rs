//! The state of the model's world: a set of facts, one bit each. Facts get their bits as they first become true, so a state is
//! small, and equal states are equal bits.
//!
//! Pure.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::properties::Property;
use super::scope::{Ledger, Restarts, Scope, Weakness};
use super::terms::{Ask, Client, Code, Grant, Login, Redirect, Remembered, Replica, Said, Value, Wish};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fact {
    // The victim's browser.
    /// The cookie of the first page: when it came, and when it was last set.
    Cookie {
        since: u8,
        set: u8,
    },
    Opened(Wish),
    Page(Ask),
    Jar(Login),
    Remembers(Remembered),

    // The honest client.
    Flow(u8),
    Inbox(Code),
    Held(Grant),

    // The attacker.
    Known(Value),
    Said(Said),

    // What a replica remembers.
    Used(Replica, Value),
    Revoked(Replica, Code),
    Newest {
        at: Replica,
        successor: Grant,
        since: u8,
    },
    /// Only with a weakness: a login that is with the replica and not in a cookie.
    Begun(Replica, Login),

    // What happened, for the properties.
    /// The victim decided on a page for this client and address.
    Decided(Client, Redirect),
    /// And ticked the box.
    Agreed(Client, Redirect),
    Redeemed(Replica, Code),
    Exchanged {
        at: Replica,
        family: Code,
        generation: u8,
        when: u8,
    },
    /// From now on nothing of this family may be given there, and by what.
    Dead(Replica, Code, Property),
}

const WORDS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct State {
    bits: [u64; WORDS],
    /// So many ticks have passed.
    now: u8,
    /// How far each replica is with the next key: it opens with it, then it seals with it.
    phases: [u8; 2],
}

/// Which fact has which bit.
#[derive(Debug, Default)]
pub(super) struct Table {
    bits: RefCell<HashMap<Fact, usize, BuildHasherDefault<Quick>>>,
    facts: RefCell<Vec<Fact>>,
}

/// A state, and what is needed to read it.
#[derive(Debug, Clone, Copy)]
pub(super) struct World<'a> {
    pub(super) state: State,
    pub(super) table: &'a Table,
    pub(super) scope: &'a Scope,
}

/// Facts are few and nobody chooses them to collide: a hash in a few additions does (FNV-1a, by words).
#[derive(Debug, Default)]
pub(super) struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x0100_0000_01b3_0001);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word.unsigned_abs() as u64);
    }
}

impl Table {
    fn bit(&self, fact: Fact) -> usize {
        if let Some(bit) = self.bits.borrow().get(&fact) {
            return *bit;
        }
        let bit = self.facts.borrow().len();
        assert!(bit < WORDS * 64, "the scope is too large: {fact:?} has no bit any more");
        self.facts.borrow_mut().push(fact);
        self.bits.borrow_mut().insert(fact, bit);
        bit
    }
}

impl<'a> World<'a> {
    pub(super) fn begin(table: &'a Table, scope: &'a Scope) -> Self {
        Self { state: State::default(), table, scope }
    }

    pub(super) fn has(&self, fact: Fact) -> bool {
        let bit = self.table.bits.borrow().get(&fact).copied();
        bit.is_some_and(|bit| self.state.bits[bit / 64] & (1 << (bit % 64)) != 0)
    }

    pub(super) fn put(&mut self, fact: Fact) {
        let bit = self.table.bit(fact);
        self.state.bits[bit / 64] |= 1 << (bit % 64);
    }

    pub(super) fn drop(&mut self, fact: Fact) {
        let bit = self.table.bit(fact);
        self.state.bits[bit / 64] &= !(1 << (bit % 64));
    }

    /// Everything that is true.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let facts = self.table.facts.borrow();
        let mut found = Vec::new();
        for (at, word) in self.state.bits.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                found.push(facts[at * 64 + usize::try_from(rest.trailing_zeros()).unwrap_or_default()]);
                rest &= rest - 1;
            }
        }
        found
    }

    /// What a question about each fact finds.
    pub(super) fn all<T>(&self, question: impl Fn(Fact) -> Option<T>) -> Vec<T> {
        self.facts().into_iter().filter_map(question).collect()
    }

    pub(super) fn find<T>(&self, question: impl Fn(Fact) -> Option<T>) -> Option<T> {
        self.facts().into_iter().find_map(question)
    }

    pub(super) fn lacks(&self, weakness: Weakness) -> bool {
        self.scope.lacks.contains(&weakness)
    }

    pub(super) fn now(&self) -> u8 {
        self.state.now
    }

    pub(super) fn wait(&mut self) {
        self.state.now += 1;
    }

    pub(super) fn phase(&self, at: Replica) -> u8 {
        self.state.phases[at as usize]
    }

    pub(super) fn advance(&mut self, at: Replica, phase: u8) {
        self.state.phases[at as usize] = phase;
    }

    /// Whether something that was made then, and lives so long, still lives.
    pub(super) fn lives(&self, made: u8, seconds: u64) -> bool {
        u64::from(self.now() - made) * self.scope.tick < seconds
    }

    /// Who remembers what happens at a replica.
    pub(super) fn ledger(&self, at: Replica) -> Replica {
        match self.scope.ledger {
            Ledger::EachItsOwn => at,
            Ledger::Shared => Replica::One,
        }
    }

    /// A replica ends, and another process takes its place.
    pub(super) fn forget(&mut self, at: Replica) {
        for fact in self.facts() {
            let is_its = match fact {
                _ if self.scope.ledger == Ledger::Shared => false,
                Fact::Used(replica, _)
                | Fact::Revoked(replica, _)
                | Fact::Begun(replica, _)
                | Fact::Newest { at: replica, .. } => replica == at,
                Fact::Redeemed(replica, _)
                | Fact::Exchanged { at: replica, .. }
                | Fact::Dead(replica, ..) => replica == at && !self.scope.as_one,
                _ => false,
            };
            if is_its {
                self.drop(fact);
            }
        }
    }
    /// A login that no browser has any more is never shown again, so it does not matter where it was used.
    pub(super) fn tidy(&mut self) {
        for fact in self.facts() {
            if let Fact::Used(_, Value::Login(login)) | Fact::Begun(_, login) = fact
                && !self.has(Fact::Jar(login))
                && !self.has(Fact::Known(Value::Login(login)))
            {
                self.drop(fact);
            }
        }
        if self.scope.restarts == Restarts::TheOther {
            self.forget(Replica::Two);
        }
    }
}
