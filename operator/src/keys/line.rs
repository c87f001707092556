//! The keys of one kind: one in use, the next one from before it is used, and those from before, until nothing needs them.
//!
//! Pure, but for the bytes of a new key. Every age is that of one written time, so a clock that goes back makes a key wait
//! and takes none away; and one that ran ahead when a time was written is put right as soon as that shows (O29).

use crds::proxy::{KeyBytes, KeyId};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::random::{NoRandom, Random};

/// A key is in use for so long, and then its successor is made.
pub const PERIOD: SignedDuration = SignedDuration::from_hours(30 * 24);
/// And the successor takes its place so much later: until then every replica has it. A kubelet needs two minutes.
pub const LEAD: SignedDuration = SignedDuration::from_mins(10);
/// What a year of daily rotations makes. A Secret has room for many times that.
pub const MOST: usize = 400;
/// Whoever wrote a time further ahead than this had a wrong clock. Two operators differ by less.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    first: Entry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Entry>,
    /// The youngest first. Never left out: a ring without them would log people out.
    retired: Vec<Retired>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    id: KeyId,
    key: KeyBytes,
    born: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Retired {
    #[serde(flatten)]
    entry: Entry,
    /// Since when it is not the first any more.
    retired: Timestamp,
}

/// How long a kind of key is kept after it has retired.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) lasts: SignedDuration,
    /// So many stay, whatever the time says: a clock that runs ahead for a while must not cost anybody a login.
    pub(super) always: usize,
}

impl Line {
    pub(super) fn mint(now: Timestamp, random: Random) -> Result<Self, NoRandom> {
        Ok(Self { first: Entry::mint(now, random)?, next: None, retired: Vec::new() })
    }

    /// Does what it is time for. `asked`: whether a rotation is to begin now, if none is under way.
    pub(super) fn tend(
        &mut self,
        asked: bool,
        term: &Term,
        now: Timestamp,
        random: Random,
    ) -> Result<(), NoRandom> {
        for entry in [Some(&mut self.first), self.next.as_mut()].into_iter().flatten() {
            if entry.born.duration_since(now) > AHEAD {
                entry.born = now;
            }
        }
        if let Some(next) = self.next.take_if(|next| next.age(now) >= LEAD) {
            let last = std::mem::replace(&mut self.first, next);
            self.retired.insert(0, Retired { entry: last, retired: now });
        }
        if self.next.is_none() && self.has_room() && (asked || self.first.age(now) >= PERIOD) {
            self.next = Some(Entry::mint(now, random)?);
        }
        let mut place = 0;
        self.retired.retain(|key| {
            place += 1;
            place <= term.always || now.duration_since(key.retired) < term.lasts
        });
        Ok(())
    }

    pub(super) fn has_room(&self) -> bool {
        self.entries().count() < MOST
    }

    /// As `crds::proxy::Keys` wants them: the one in use, the next one, and those from before.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&KeyId, &KeyBytes)> {
        self.entries().map(|Entry { id, key, .. }| (id, key))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let retired = self.retired.iter().map(|retired| &retired.entry);
        std::iter::once(&self.first).chain(&self.next).chain(retired)
    }
}

impl Entry {
    fn mint(now: Timestamp, random: Random) -> Result<Self, NoRandom> {
        let (id, key) = random.key()?;
        Ok(Self { id, key, born: now })
    }

    fn age(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.born)
    }
}
