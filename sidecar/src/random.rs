//! Randomness, handed in like the clock, so that no test depends on luck and no room invents its own.
//!
//! Reads the operating system's generator, through the one crypto backend. Meets O10 (at least 128 bits wherever a value must
//! not be guessed).

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A source of bytes that nobody can guess.
#[derive(Debug, Clone, Copy, Default)]
pub struct Random(());

/// The generator of the operating system gave nothing: whatever needed it must not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes can be had")]
pub struct NoRandom;

impl Random {
    pub fn system() -> Self {
        Self(())
    }

    pub fn bytes<const N: usize>(self) -> Result<[u8; N], NoRandom> {
        let mut bytes = [0; N];
        rand::fill(&mut bytes).map_err(|_| NoRandom)?;
        Ok(bytes)
    }

    /// 128 bits as base64url, 22 characters.
    pub fn id(self) -> Result<String, NoRandom> {
        Ok(URL_SAFE_NO_PAD.encode(self.bytes::<16>()?))
    }

    /// 256 bits as base64url, 43 characters: what RFC 7636 §4.1 recommends for a verifier.
    pub fn long_id(self) -> Result<String, NoRandom> {
        Ok(URL_SAFE_NO_PAD.encode(self.bytes::<32>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ids_are_two_and_as_long_as_promised() {
        let random = Random::system();
        let (one, other) = (random.id().expect("random"), random.id().expect("random"));
        assert_ne!(one, other);
        assert_eq!((one.len(), random.long_id().expect("random").len()), (22, 43));
    }
}
