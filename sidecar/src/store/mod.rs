//! What happened once, for all replicas: a Valkey or Redis that they share, where the policy names one.
//!
//! ```text
//! a login's return, a code, an assertion   SET NX: whoever was first
//! a refresh token                          SET NX by whoever exchanges it; then how far its family is, and for two minutes
//!                                          the answer, sealed for whoever has that refresh token
//! a family that ended                      a name for as long as it could be shown, and a line for those who listen (`follow`)
//! ```
//!
//! Talks to the store. Keyed hashes, numbers and random texts are all that can be read there (`names`). A second in all, and what
//! does not answer, answers nonsense or refuses is not there: nothing happens then (promise 1). Whoever takes a name writes a
//! random text into it that is the replica's own, so that whatever broke on the way, it finds out whether it was the first.
//! Meets promise 4, A13, D11, O07, O12, O29, O30.

mod error;
mod follow;
mod health;
mod link;
mod names;
mod resp;
mod turns;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crds::proxy::{self, KeyId};

pub use error::StoreError;
use health::{Health, Use};
use link::{Address, Command, Link};
use names::Name;
pub use names::Names;
use resp::Reply;
pub use turns::{Claim, Shown};

use crate::fetch::FetchError;

/// A store, under the keys of one policy.
#[derive(Debug)]
pub struct Store {
    address: Address,
    names: Names,
    /// What tells this replica from the others.
    own: String,
    link: tokio::sync::Mutex<Option<Link>>,
    health: Health,
    /// Families whose end could not be written yet.
    unsaid: Mutex<Unsaid>,
}

/// The oldest first.
type Unsaid = VecDeque<(String, Duration)>;

/// Something that happens once: its kind, its id, and the key that sealed it, if it was sealed. Kinds have room of their own.
#[derive(Debug, Clone, Copy)]
pub struct Fact<'a> {
    pub kind: &'static str,
    pub id: &'a str,
    pub key: Option<&'a KeyId>,
    /// Who takes the room that it takes, where one must leave some to others (O15).
    pub whose: Option<&'a str>,
}

/// From the first byte of a name lookup to the last one of the answer.
const BOUND: Duration = Duration::from_secs(1);
/// More families than these end while the store is away: the oldest end with their tokens.
const MOST_UNSAID: usize = 10_000;
/// Of the line of ended families, for those who listen.
const MOST_SAID: &[u8] = b"100000";
/// Longer than any access token lives.
const SAID_MILLIS: &[u8] = b"7200000";

impl Store {
    pub fn new(config: proxy::Store, names: Names, own: String) -> Result<Self, FetchError> {
        let health = Health::new(config.url.as_str().to_owned());
        let address = Address::new(config)?;
        Ok(Self { address, names, own, link: None.into(), health, unsaid: Mutex::default() })
    }

    /// What it was made from, beside the keys.
    pub fn config(&self) -> &proxy::Store {
        self.address.config()
    }

    /// Whether it cannot be used, for all that is known.
    pub fn is_down(&self) -> bool {
        self.health.is_down(Use::Calls) || self.health.is_down(Use::Revocations)
    }

    /// Whether no other replica was before us, and takes note of it.
    pub async fn once(&self, fact: Fact<'_>, for_so_long: Duration) -> Result<bool, StoreError> {
        let name = self.fact(fact)?;
        let millis = millis(for_so_long);
        let replies = self.call(&[self.take(&name, &millis), vec![b"GET", name.as_bytes()]]).await?;
        match &replies[..] {
            [taken, whose] => self.is_ours(taken, whose),
            _ => Err(self.nonsense()),
        }
    }

    /// What this replica took is taken for so long from now on.
    pub async fn keep(&self, fact: Fact<'_>, for_so_long: Duration) -> Result<(), StoreError> {
        let name = self.fact(fact)?;
        let millis = millis(for_so_long);
        let set = vec![b"SET", name.as_bytes(), self.own.as_bytes(), b"PX", millis.as_bytes()];
        self.call(&[set]).await.map(drop)
    }

    /// What this replica took is anybody's again.
    pub async fn give_back(&self, fact: Fact<'_>) -> Result<(), StoreError> {
        let name = self.fact(fact)?;
        self.call(&[vec![b"DEL", name.as_bytes()]]).await.map(drop)
    }

    fn fact(&self, fact: Fact<'_>) -> Result<Name, StoreError> {
        self.names.of(fact.key, &[fact.kind, fact.id]).ok_or(StoreError::Seal)
    }

    /// Ends a family everywhere. What cannot be said now is said when the store is there again (`follow`).
    pub async fn end(&self, family: &str, for_so_long: Duration) -> Result<(), StoreError> {
        let said = self.say_ended(family, for_so_long).await;
        if said.is_err() {
            put_off(&mut self.unsaid(), family, for_so_long);
        }
        said
    }

    /// Whether it takes what we write.
    async fn probe(&self) -> Result<(), StoreError> {
        let name = self.names.of(None, &["probe", &self.own]).ok_or(StoreError::Seal)?;
        self.call(&[vec![b"SET", name.as_bytes(), b"1", b"PX", b"1000"]]).await.map(drop)
    }

    async fn say_ended(&self, family: &str, for_so_long: Duration) -> Result<(), StoreError> {
        let (ended, kept) = (self.names.all(&["ended", family]), millis(for_so_long));
        let lines = self.lines();
        let mut commands: Vec<Command<'_>> = Vec::new();
        for (name, line) in ended.iter().zip(&lines) {
            commands.push(vec![b"SET", name.as_bytes(), b"1", b"PX", kept.as_bytes()]);
            let entry = name.hash().as_bytes();
            commands.push(vec![b"XADD", line.as_bytes(), b"MAXLEN", b"~", MOST_SAID, b"*", b"f", entry]);
            commands.push(vec![b"PEXPIRE", line.as_bytes(), SAID_MILLIS]);
        }
        self.call(&commands).await.map(drop)
    }

    fn unsaid(&self) -> MutexGuard<'_, Unsaid> {
        self.unsaid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the ends of families are told, under each key.
    fn lines(&self) -> Vec<Name> {
        self.names.all(&["ends of families"])
    }

    /// What an ended family is called in these lines.
    pub fn told_as(&self, family: &str) -> impl Iterator<Item = String> {
        self.names.all(&["ended", family]).into_iter().map(|name| name.hash().to_owned())
    }

    /// One exchange, within its bound, on a connection that is kept for the next.
    async fn call(&self, commands: &[Command<'_>]) -> Result<Vec<Reply>, StoreError> {
        let called = tokio::time::timeout(BOUND, self.call_unbounded(commands)).await;
        let called = called.unwrap_or(Err(StoreError::TimedOut));
        self.health.note(Use::Calls, called.as_ref().err());
        called
    }

    async fn call_unbounded(&self, commands: &[Command<'_>]) -> Result<Vec<Reply>, StoreError> {
        let mut kept = self.link.lock().await;
        // Taken out while it is used: whoever is dropped in the middle takes it along.
        if let Some(mut link) = kept.take() {
            match link.ask(commands).await {
                Err(error) if error.is_of_the_connection() => {}
                done => return keep(&mut kept, link, done),
            }
        }
        let mut link = Link::open(&self.address).await?;
        let done = link.ask(commands).await;
        keep(&mut kept, link, done)
    }

    fn take<'a>(&'a self, name: &'a Name, millis: &'a str) -> Command<'a> {
        vec![b"SET", name.as_bytes(), self.own.as_bytes(), b"NX", b"PX", millis.as_bytes()]
    }

    /// What came of `take`, and of reading what stands there now: where it was ours to write, it is ours to read.
    fn is_ours(&self, taken: &Reply, whose: &Reply) -> Result<bool, StoreError> {
        match (taken, whose) {
            (Reply::Done | Reply::Nothing, Reply::Bytes(whose)) if whose == self.own.as_bytes() => Ok(true),
            (Reply::Nothing, Reply::Bytes(_)) => Ok(false),
            _ => Err(self.nonsense()),
        }
    }

    fn nonsense(&self) -> StoreError {
        self.health.note(Use::Calls, Some(&StoreError::Nonsense));
        StoreError::Nonsense
    }
}

/// Notes what is to be said later. Whoever ends one family again and again takes no other's place.
fn put_off(unsaid: &mut Unsaid, family: &str, for_so_long: Duration) {
    unsaid.retain(|(other, _)| other != family);
    if unsaid.len() >= MOST_UNSAID {
        unsaid.pop_front();
    }
    unsaid.push_back((family.to_owned(), for_so_long));
}

/// A connection stays where it was not to blame.
fn keep(
    kept: &mut Option<Link>,
    link: Link,
    done: Result<Vec<Reply>, StoreError>,
) -> Result<Vec<Reply>, StoreError> {
    if matches!(done, Ok(_) | Err(StoreError::Refused(_))) {
        *kept = Some(link);
    }
    done
}

fn millis(duration: Duration) -> String {
    duration.as_millis().max(1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o15_of_too_many_ends_that_could_not_be_told_the_oldest_gives_way_and_one_told_twice_takes_one_place() {
        let mut unsaid = Unsaid::new();
        for _ in 0..3 {
            put_off(&mut unsaid, "first", BOUND);
        }
        for family in 1..MOST_UNSAID {
            put_off(&mut unsaid, &family.to_string(), BOUND);
        }
        let first = |unsaid: &Unsaid| unsaid.front().map(|(family, _)| family.clone());
        assert_eq!((unsaid.len(), first(&unsaid).as_deref()), (MOST_UNSAID, Some("first")));
        put_off(&mut unsaid, "newest", BOUND);
        assert_eq!((unsaid.len(), first(&unsaid).as_deref()), (MOST_UNSAID, Some("1")));
        assert_eq!(unsaid.back().map(|(family, _)| family.as_str()), Some("newest"));
    }
}
