//! Where the bytes of a key come from: the generator of the operating system, handed in like the clock.
//!
//! Meets O10 and O29: a key that anybody could guess is worse than none, so without randomness nothing is made.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crds::proxy::{KeyBytes, KeyId};

/// A source of bytes that nobody can guess.
#[derive(Debug, Clone, Copy)]
pub struct Random(fn(&mut [u8]) -> Result<(), NoRandom>);

/// The generator of the operating system gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no key can be made: the system gives no random bytes")]
pub struct NoRandom;

/// Of an AES-256 key, and of a seed of an Ed25519 key (RFC 8032 §5.1.5).
pub(super) const KEY_LENGTH: usize = 32;
/// It travels in every value that is sealed, so it is short; long enough that no two keys of a ring get the same one.
const ID_LENGTH: usize = 6;

impl Random {
    pub fn system() -> Self {
        Self(|bytes| getrandom::fill(bytes).map_err(|_| NoRandom))
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self(|_| Err(NoRandom))
    }

    /// A key and its name.
    pub(super) fn key(self) -> Result<(KeyId, KeyBytes), NoRandom> {
        let (id, key) = (self.bytes::<ID_LENGTH>()?, self.bytes::<KEY_LENGTH>()?);
        let id = KeyId::parse(&URL_SAFE_NO_PAD.encode(id)).expect("eight characters of base64url are an id");
        Ok((id, KeyBytes::parse(&key).expect("it is as long as a key must be")))
    }

    fn bytes<const N: usize>(self) -> Result<[u8; N], NoRandom> {
        let mut bytes = [0; N];
        (self.0)(&mut bytes)?;
        Ok(bytes)
    }
}
