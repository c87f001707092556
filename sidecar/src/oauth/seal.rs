//! Sealed values: what the authorization server remembers by handing it out, so that any replica can serve any step and
//! a restart loses nothing (promise 4).
//!
//! Pure, but for the nonces. `version ‖ key id ‖ 0 ‖ nonce ‖ ciphertext`, in base64url. The kind of a value and our issuer are
//! authenticated with it, and the kind is a type: no step can open what another step sealed, and no server what another
//! one did (O06–O12, O26, O29). AES-256-GCM-SIV: a nonce that comes twice gives nothing away but equality.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crds::proxy::{KeyId, SealKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::values::Kind;
use crate::random::{NoRandom, Random};

/// What is sealed, each under a name of its own.
pub trait Sealed: Serialize + DeserializeOwned {
    const KIND: Kind;
}

/// Seals and opens for one issuer.
pub struct Sealer {
    issuer: String,
    keys: Vec<Keyed>,
    random: Random,
}

struct Keyed {
    id: KeyId,
    aead: LessSafeKey,
    /// For secrets that are derived from a value instead of being kept.
    mac: hmac::Key,
}

/// Why a value was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("there is no key to seal with")]
    NoKey,
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    #[error("the value cannot be written down")]
    Unwritable,
}

/// A value was not opened. One word for every reason: whoever tries values must learn nothing (O26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is none of ours, or of another step")]
pub struct NotOurs;

const VERSION: u8 = 1;
/// No value of ours is longer; longer ones are not even decoded.
const LONGEST: usize = 16 * 1024;

impl Sealer {
    /// The first key seals, all of them open.
    pub fn new(issuer: &str, keys: &[SealKey], random: Random) -> Result<Self, SealError> {
        let keys: Option<Vec<_>> = keys.iter().map(Keyed::of).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self { issuer: issuer.to_owned(), keys, random }),
            _ => Err(SealError::NoKey),
        }
    }

    pub fn seal<T: Sealed>(&self, value: &T) -> Result<String, SealError> {
        let key = self.keys.first().ok_or(SealError::NoKey)?;
        let nonce = self.random.bytes::<NONCE_LEN>()?;
        let mut sealed = serde_json::to_vec(value).map_err(|_| SealError::Unwritable)?;
        let aad = Aad::from(self.associated(T::KIND));
        key.aead
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| SealError::Unwritable)?;
        let head = [&[VERSION], key.id.as_str().as_bytes(), &[0], &nonce[..]].concat();
        Ok(URL_SAFE_NO_PAD.encode([head, sealed].concat()))
    }

    pub fn open<T: Sealed>(&self, text: &str) -> Result<T, NotOurs> {
        if text.len() > LONGEST {
            return Err(NotOurs);
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotOurs)?;
        let (key, nonce, start) = self.read_head(&bytes).ok_or(NotOurs)?;
        let aad = Aad::from(self.associated(T::KIND));
        let plain = key.aead.open_in_place(nonce, aad, &mut bytes[start..]).map_err(|_| NotOurs)?;
        serde_json::from_slice(plain).map_err(|_| NotOurs)
    }

    /// A secret that belongs to a sealed value, under the key that sealed it: the same on every replica, and kept nowhere.
    pub fn secret_of(&self, sealed: &str, purpose: &str) -> Result<[u8; 32], NotOurs> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| NotOurs)?;
        let (key, ..) = self.read_head(&bytes).ok_or(NotOurs)?;
        let mut context = hmac::Context::with_key(&key.mac);
        for part in [purpose, "\0", &self.issuer, "\0", sealed] {
            context.update(part.as_bytes());
        }
        context.sign().as_ref().try_into().map_err(|_| NotOurs)
    }

    /// Which key sealed a value. Says nothing of whether it opens.
    pub fn key_of(&self, sealed: &str) -> Result<&KeyId, NotOurs> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| NotOurs)?;
        self.read_head(&bytes).map(|(key, ..)| &key.id).ok_or(NotOurs)
    }

    fn read_head(&self, bytes: &[u8]) -> Option<(&Keyed, Nonce, usize)> {
        let (version, rest) = bytes.split_first()?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let key = self.keys.iter().find(|key| key.id.as_str().as_bytes() == &rest[..end])?;
        let nonce = rest.get(end + 1..end + 1 + NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        (*version == VERSION).then_some((key, nonce, 1 + end + 1 + NONCE_LEN))
    }

    fn associated(&self, kind: Kind) -> Vec<u8> {
        [kind.as_str().as_bytes(), &[0], self.issuer.as_bytes()].concat()
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Keyed {
    fn of(key: &SealKey) -> Option<Self> {
        let bytes = key.key.expose().get(..32)?;
        let aead = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, bytes).ok()?);
        // Another key than the one that seals, from the same bytes.
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"derived secrets");
        let mac = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Some(Self { id: key.id.clone(), aead, mac })
    }
}

#[cfg(test)]
mod tests {
    use crds::proxy::KeyBytes;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Ticket(u32);
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Receipt(u32);

    impl Sealed for Ticket {
        const KIND: Kind = Kind::Ask;
    }
    impl Sealed for Receipt {
        const KIND: Kind = Kind::Code;
    }

    fn key(id: &str, byte: u8) -> SealKey {
        SealKey {
            id: KeyId::parse(id).expect("valid"),
            key: KeyBytes::parse(&[byte; 32]).expect("long enough"),
        }
    }

    fn sealer(issuer: &str, keys: &[SealKey]) -> Sealer {
        Sealer::new(issuer, keys, Random::system()).expect("there is a key")
    }

    #[test]
    fn what_was_sealed_opens_and_shows_nothing() {
        let sealer = sealer("https://h", &[key("a", 1)]);
        let value = sealer.seal(&Ticket(7)).expect("sealed");
        assert_eq!(sealer.open::<Ticket>(&value), Ok(Ticket(7)));
        assert_ne!(value, sealer.seal(&Ticket(7)).expect("sealed"));
    }

    #[test]
    fn no_step_opens_another_steps_value_and_no_server_another_ones() {
        let ours = sealer("https://h", &[key("a", 1)]);
        let value = ours.seal(&Ticket(7)).expect("sealed");
        assert_eq!(ours.open::<Receipt>(&value), Err(NotOurs));
        assert_eq!(sealer("https://h/x", &[key("a", 1)]).open::<Ticket>(&value), Err(NotOurs));
        assert_eq!(sealer("https://h", &[key("a", 2)]).open::<Ticket>(&value), Err(NotOurs));
        assert_eq!(sealer("https://h", &[key("b", 1)]).open::<Ticket>(&value), Err(NotOurs));
    }

    #[test]
    fn a_value_under_a_key_that_was_rotated_still_opens_until_the_key_is_gone() {
        let before = sealer("https://h", &[key("a", 1)]).seal(&Ticket(7)).expect("sealed");
        let rotated = sealer("https://h", &[key("b", 2), key("a", 1)]);
        assert_eq!(rotated.open::<Ticket>(&before), Ok(Ticket(7)));
        let after = rotated.seal(&Ticket(8)).expect("sealed");
        assert_eq!(sealer("https://h", &[key("b", 2)]).open::<Ticket>(&after), Ok(Ticket(8)));
        assert_eq!(sealer("https://h", &[key("b", 2)]).open::<Ticket>(&before), Err(NotOurs));
    }

    #[test]
    fn o26_a_value_with_any_one_byte_changed_is_refused_in_one_word() {
        let sealer = sealer("https://h", &[key("a", 1)]);
        let value = sealer.seal(&Ticket(7)).expect("sealed");
        let bytes = URL_SAFE_NO_PAD.decode(&value).expect("base64url");
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_eq!(sealer.open::<Ticket>(&URL_SAFE_NO_PAD.encode(other)), Err(NotOurs), "byte {at}");
            assert_eq!(
                sealer.open::<Ticket>(&URL_SAFE_NO_PAD.encode(&bytes[..at])),
                Err(NotOurs),
                "cut at {at}"
            );
        }
        for text in ["", "A", "!!!!", "AAAA", &"A".repeat(20_000)] {
            assert_eq!(sealer.open::<Ticket>(text), Err(NotOurs));
        }
        assert!(sealer.open::<Ticket>(&value).is_ok());
    }

    #[test]
    fn a_derived_secret_is_the_values_own_and_outlives_a_rotation() {
        let before = sealer("https://h", &[key("a", 1)]);
        let (one, other) =
            (before.seal(&Ticket(7)).expect("sealed"), before.seal(&Ticket(7)).expect("value"));
        let secret = before.secret_of(&one, "client secret").expect("ours");
        assert_ne!(Ok(secret), before.secret_of(&other, "client secret"));
        assert_ne!(Ok(secret), before.secret_of(&one, "another purpose"));
        let rotated = sealer("https://h", &[key("b", 2), key("a", 1)]);
        assert_eq!(rotated.secret_of(&one, "client secret"), Ok(secret));
        assert_eq!(sealer("https://h", &[key("b", 2)]).secret_of(&one, "client secret"), Err(NotOurs));
    }

    #[test]
    fn without_a_key_there_is_no_sealer() {
        assert!(matches!(Sealer::new("https://h", &[], Random::system()), Err(SealError::NoKey)));
    }
}
