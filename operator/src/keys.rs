//! The keys that the sidecars of a policy in proxy mode share: minted, kept and rotated here, in the rendered Secret.
//!
//! Pure, but for the bytes of new keys. Whatever ring there is goes on, also while the policy is in native mode; one that
//! cannot be read closes the policy and is left alone, for new keys log everybody out, which is a person's to decide.
//! Nothing leads: what is decided here is written as it was read or not at all (`rendered`). Meets O29, K03, promise 4.

mod line;
mod random;
mod ring;
#[cfg(test)]
mod tests;

use crds::Secret as Hidden;
use crds::proxy::Keys;
use k8s_openapi::jiff::Timestamp;

pub use line::{LEAD, MOST, PERIOD};
pub use random::{NoRandom, Random};
pub use ring::{Ring, Unreadable};

/// The entry of the rendered Secret that holds the ring.
pub const FILE: &str = "keys.yaml";

/// What a policy needs of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs<'a> {
    /// None, and what is there stays: it may come back to proxy mode.
    Nothing,
    /// The keys of proxy mode. Another wish than the last one begins a rotation.
    Keys { wish: Option<&'a str> },
}

/// What a policy gets of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It is not in proxy mode.
    NotNeeded,
    Keys(Keys),
    Unreadable(Unreadable),
}

/// What becomes of a ring.
#[derive(Debug)]
pub struct Kept {
    /// What the rendered Secret holds from now on.
    pub document: Option<Hidden<Vec<u8>>>,
    /// What the policy gets.
    pub keys: Held,
    /// What is new, for the log.
    pub news: Option<String>,
}

/// From the ring that was read to the one that is to be written.
pub fn keep(
    found: Option<&Hidden<Vec<u8>>>,
    needs: Needs<'_>,
    now: Timestamp,
    random: Random,
) -> Result<Kept, NoRandom> {
    let as_it_is = |keys| Kept { document: found.cloned(), keys, news: None };
    let Needs::Keys { wish } = needs else { return Ok(as_it_is(Held::NotNeeded)) };
    let Some(found) = found else {
        let ring = Ring::mint(wish, now, random)?;
        return Ok(anew(&ring, "minted"));
    };
    let before = match Ring::parse(found.expose()) {
        Ok(ring) => ring,
        Err(unreadable) => return Ok(as_it_is(Held::Unreadable(unreadable))),
    };
    let ring = before.clone().tend(wish, now, random)?;
    // What did not change is not written anew: a later release may write it otherwise.
    Ok(if ring == before { as_it_is(Held::Keys(ring.keys())) } else { anew(&ring, "rotated") })
}

fn anew(ring: &Ring, how: &str) -> Kept {
    let document = Hidden::new(ring.to_yaml().into_bytes());
    Kept { document: Some(document), keys: Held::Keys(ring.keys()), news: Some(format!("{how}: {ring}")) }
}
