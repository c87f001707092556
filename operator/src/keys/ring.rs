//! The keys of one policy in proxy mode, as they stand in its rendered Secret under `keys.yaml`.
//!
//! Pure, but for the bytes of new keys. What a document cannot say is not made up: one that cannot be read is no ring, and
//! nobody's to overwrite. Meets O29 (rotation with overlap), K03 (what is wrong with a document is told without its
//! content).

use std::collections::BTreeSet;
use std::fmt;

use crds::delivery::digest;
use crds::proxy::{KeyBytes, KeyId, Keys, SealKey, SigningKey};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::line::{Line, Term};
use super::random::{KEY_LENGTH, NoRandom, Random};

/// Registrations have no end of their own: they are good for as long as their key is, which is a year and a day at least,
/// and a refresh token lives a year at most. In that time thirteen keys retire, and one that a wrong clock was early with.
const SEAL: Term = Term { lasts: SignedDuration::from_hours(366 * 24), always: 14 };
/// An access token lives an hour at most. Its replica may have heard of the new key ten minutes later, and whoever checks
/// it have another clock.
const SIGN: Term = Term { lasts: SignedDuration::from_hours(2), always: 0 };

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    seal: Line,
    sign: Line,
    /// Names the last wish for a rotation that was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<String>,
}

/// Why a document is no ring. Says nothing of what stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("is not text")]
    NotText,
    #[error("is not as the operator wrote it, in line {0}")]
    Document(usize),
    #[error("has a key '{0}' of another length than {KEY_LENGTH} bytes")]
    Length(KeyId),
    #[error("has two keys that are named '{0}'")]
    Twice(KeyId),
}

impl Ring {
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotText)?;
        // The reader's own words may quote the document.
        let line = |error: serde_yaml::Error| error.location().map_or(1, |place| place.line());
        let ring: Self = serde_yaml::from_str(text).map_err(|error| Unreadable::Document(line(error)))?;
        for kind in [&ring.seal, &ring.sign] {
            let mut seen = BTreeSet::new();
            for (id, key) in kind.keys() {
                if key.expose().len() != KEY_LENGTH {
                    return Err(Unreadable::Length(id.clone()));
                }
                if !seen.insert(id) {
                    return Err(Unreadable::Twice(id.clone()));
                }
            }
        }
        Ok(ring)
    }

    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("texts, times and lists are YAML")
    }

    /// Where there was none: its first keys are in use at once, for nobody could have any before.
    pub fn mint(wish: Option<&str>, now: Timestamp, random: Random) -> Result<Self, NoRandom> {
        let now = whole(now);
        let (seal, sign) = (Line::mint(now, random)?, Line::mint(now, random)?);
        Ok(Self { seal, sign, asked: wish.map(digest) })
    }

    /// Does what it is time for, and begins a rotation where the wish for one is new. The same ring, where there is nothing
    /// to do.
    pub fn tend(mut self, wish: Option<&str>, now: Timestamp, random: Random) -> Result<Self, NoRandom> {
        let now = whole(now);
        let wish = wish.map(digest).filter(|wish| self.asked.as_ref() != Some(wish));
        // Both kinds, or it waits until there is room: what was granted is not granted again.
        let asked = wish.filter(|_| self.seal.has_room() && self.sign.has_room());
        self.seal.tend(asked.is_some(), &SEAL, now, random)?;
        self.sign.tend(asked.is_some(), &SIGN, now, random)?;
        self.asked = asked.or(self.asked);
        Ok(self)
    }

    /// What the sidecars get.
    pub fn keys(&self) -> Keys {
        let copy = |(id, key): (&KeyId, &KeyBytes)| (id.clone(), key.clone());
        let seal = self.seal.keys().map(copy).map(|(id, key)| SealKey { id, key });
        let sign = self.sign.keys().map(copy).map(|(id, key)| SigningKey { id, key });
        Keys { seal: seal.collect(), sign: sign.collect() }
    }
}

/// For the log: which keys there are, by the names that everybody may read in what was made with them.
impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |kind: &Line| kind.keys().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(" ");
        write!(f, "seal with {}; sign with {}", names(&self.seal), names(&self.sign))
    }
}

/// A time as it can be written down and read back.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
