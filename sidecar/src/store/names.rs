//! What things are called in the store, and what an answer looks like there: nothing that anybody could read.
//!
//! Pure, but for nonces. A name is a product, a version and a keyed hash, so that whoever reads the store learns neither a client
//! nor a person nor a token, and cannot look one up (O29). The keys are derived from those that seal (RFC 5869): whoever opens a
//! value calls it by the same name, whatever the order of the keys is there, also in the middle of a rotation.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crds::proxy::{KeyId, SealKey};

use super::error::StoreError;
use crate::random::Random;

/// Names under every key that seals or opens.
pub struct Names {
    keys: Vec<Named>,
    random: Random,
}

struct Named {
    id: KeyId,
    names: hmac::Key,
    answers: hmac::Key,
}

/// A name in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name(String);

const PREFIX: &str = "mcp-oauth:1:";

impl Name {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Without what all names begin with.
    pub(super) fn hash(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or_default()
    }
}

impl Names {
    pub fn new(keys: &[SealKey], random: Random) -> Self {
        Self { keys: keys.iter().filter_map(Named::of).collect(), random }
    }

    /// The name of what is known under one key: the one that sealed it, or ours where nothing was sealed.
    pub(super) fn of(&self, key: Option<&KeyId>, parts: &[&str]) -> Option<Name> {
        self.key(key).map(|key| key.name(parts))
    }

    /// Its names under every key.
    pub(super) fn all(&self, parts: &[&str]) -> Vec<Name> {
        self.keys.iter().map(|key| key.name(parts)).collect()
    }

    /// Its names under the key that sealed what was shown, and under the one that seals what is given.
    pub(super) fn both(&self, key: &KeyId, parts: &[&str]) -> Vec<Name> {
        let mut names: Vec<Name> = [Some(key), None].iter().filter_map(|key| self.of(*key, parts)).collect();
        names.dedup();
        names
    }

    /// An answer as it lies in the store: only who has the token that was exchanged, and our keys, can read it.
    pub(super) fn seal(&self, key: &KeyId, token: &str, answer: &str) -> Result<Vec<u8>, StoreError> {
        let cipher = self.answer_key(key, token).ok_or(StoreError::Seal)?;
        let nonce = self.random.bytes::<NONCE_LEN>().map_err(|_| StoreError::Seal)?;
        let mut sealed = answer.as_bytes().to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        let done = cipher.seal_in_place_append_tag(unique, Aad::from(PREFIX), &mut sealed);
        done.map_err(|_| StoreError::Seal)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// The answer, if it was given for this token.
    pub(super) fn open(&self, key: &KeyId, token: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.answer_key(key, token)?.open_in_place(nonce, Aad::from(PREFIX), &mut bytes).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    }

    fn answer_key(&self, key: &KeyId, token: &str) -> Option<LessSafeKey> {
        let bytes = hmac::sign(&self.key(Some(key))?.answers, token.as_bytes());
        Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, bytes.as_ref()).ok()?))
    }

    fn key(&self, id: Option<&KeyId>) -> Option<&Named> {
        match id {
            Some(id) => self.keys.iter().find(|key| key.id == *id),
            None => self.keys.first(),
        }
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Named {
    fn of(key: &SealKey) -> Option<Self> {
        let secret = Salt::new(HKDF_SHA256, b"mcp-oauth store 1").extract(key.key.expose());
        let derived = |purpose: &[u8]| {
            let mut bytes = [0; 32];
            secret.expand(&[purpose], Length32).ok()?.fill(&mut bytes).ok()?;
            Some(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
        };
        Some(Self { id: key.id.clone(), names: derived(b"names")?, answers: derived(b"answers")? })
    }

    fn name(&self, parts: &[&str]) -> Name {
        let mut context = hmac::Context::with_key(&self.names);
        for part in parts {
            // Each with its length: two lists of parts are never one text.
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        let tag = context.sign();
        Name(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&tag.as_ref()[..16])))
    }
}

/// How much of it is wanted.
struct Length32;

impl KeyType for Length32 {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crds::proxy::KeyBytes;

    fn id(text: &str) -> KeyId {
        KeyId::parse(text).expect("valid")
    }

    fn names(keys: &[(&str, u8)]) -> Names {
        let key = |(name, byte): &(&str, u8)| SealKey {
            id: id(name),
            key: KeyBytes::parse(&[*byte; 32]).expect("long enough"),
        };
        Names::new(&keys.iter().map(key).collect::<Vec<_>>(), Random::system())
    }

    #[test]
    fn o29_replicas_call_a_thing_by_one_name_in_the_middle_of_a_rotation() {
        let (before, after) = (names(&[("a", 1)]), names(&[("b", 2), ("a", 1)]));
        let parts = ["family", "f"];
        assert_eq!(before.of(Some(&id("a")), &parts), after.of(Some(&id("a")), &parts));
        assert!(before.all(&parts).iter().any(|name| after.all(&parts).contains(name)));
        assert!(before.of(Some(&id("b")), &parts).is_none());
        assert_eq!(after.both(&id("a"), &parts).len(), 2);
        assert_eq!(after.both(&id("b"), &parts).len(), 1);
    }

    #[test]
    fn a_name_is_one_things_and_says_nothing() {
        let names = names(&[("a", 1)]);
        let name = |parts: &[&str]| names.of(None, parts).expect("a key");
        assert_ne!(name(&["code", "x"]), name(&["login", "x"]));
        assert_ne!(name(&["code", "ab", "c"]), name(&["code", "a", "bc"]));
        assert_ne!(Some(name(&["code", "x"])), self::names(&[("a", 2)]).of(None, &["code", "x"]));
        let text = String::from_utf8(name(&["code", "x"]).as_bytes().to_vec()).expect("text");
        assert!(text.starts_with("mcp-oauth:1:") && text.len() == 12 + 22, "{text}");
    }

    #[test]
    fn an_answer_opens_for_the_token_that_it_was_given_for_and_for_no_other() {
        let names = names(&[("a", 1), ("b", 2)]);
        let sealed = names.seal(&id("a"), "the token", "the answer").expect("sealed");
        assert_eq!(names.open(&id("a"), "the token", &sealed).as_deref(), Some("the answer"));
        assert_eq!(names.open(&id("a"), "another", &sealed), None);
        assert_eq!(names.open(&id("b"), "the token", &sealed), None);
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert_eq!(names.open(&id("a"), "the token", &other), None, "byte {at}");
            assert_eq!(names.open(&id("a"), "the token", &sealed[..at]), None, "cut at {at}");
        }
    }
}
