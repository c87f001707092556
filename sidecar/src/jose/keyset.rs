//! The key set of a provider (RFC 7517 §5): which of its keys are used, and which one a token asks for.
//!
//! Pure. Meets J04 (a `kid` is looked up and nothing else), J19 and "Decided" 4: secrets in a published set mean that
//! somebody else may sign, so the set is refused whole; an unusable key is skipped, a `kid` that stands twice is not used.

use std::collections::BTreeMap;

use aws_lc_rs::digest;

use super::json::{Json, Object};
use super::key::{Key, Unfit};
use super::{Header, shown};

/// The keys that are used. Never empty.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<(Option<String>, Key)>,
    skipped: Vec<String>,
    /// SHA-256 of the document.
    print: Vec<u8>,
}

/// Why a document is not a key set that is used.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    #[error("the key set is not a JSON object with a list of keys, without duplicate members")]
    Json,
    #[error("the key set holds a private or symmetric key, so none of it can be trusted")]
    Secret,
    #[error("the key set holds no key that can be used ({0})")]
    Empty(String),
}

/// Why no key fits a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// A newer key set may have it.
    #[error("no key of this id")]
    Unknown,
    #[error("the key of this id is not for this algorithm")]
    Algorithm,
    #[error("the token names no key, and several would fit")]
    Ambiguous,
}

/// RFC 7518 §6.2.2, §6.3.2, §6.4: the members that only a private or symmetric key has.
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl KeySet {
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        let keys = members(document).ok_or(KeySetError::Json)?;
        if keys.iter().any(is_secret) {
            return Err(KeySetError::Secret);
        }
        let print = digest::digest(&digest::SHA256, document).as_ref().to_vec();
        let mut set = Self { keys: Vec::new(), skipped: Vec::new(), print };
        let twice = kids_that_stand_twice(&keys);
        for jwk in &keys {
            set.add(jwk, &twice);
        }
        if set.keys.is_empty() {
            let why = if set.skipped.is_empty() { "it is empty".into() } else { set.skipped.join("; ") };
            return Err(KeySetError::Empty(shown_whole(&why)));
        }
        Ok(set)
    }

    /// Whether it was made from the same document.
    pub fn is_same(&self, other: &Self) -> bool {
        self.print == other.print
    }

    /// The key that a token's header asks for.
    pub fn key(&self, header: &Header) -> Result<&Key, LookupError> {
        let Some(kid) = &header.kid else { return self.only_one_for(header) };
        let named = self.keys.iter().find(|(name, _)| name.as_ref() == Some(kid));
        let (_, key) = named.ok_or(LookupError::Unknown)?;
        if key.permits(header.algorithm) { Ok(key) } else { Err(LookupError::Algorithm) }
    }

    /// Keys that the document has and that are not used, each with the reason.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Never: a set without a usable key does not exist.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn add(&mut self, jwk: &Object, twice: &[String]) {
        let kid = match jwk.get("kid") {
            None => None,
            Some(Json::Text(kid)) if twice.contains(kid) => return self.skip(kid, "its id stands twice"),
            Some(Json::Text(kid)) => Some(kid.clone()),
            Some(_) => return self.skip("?", "its id is not a text"),
        };
        match Key::from_jwk(jwk) {
            Ok(key) => self.keys.push((kid, key)),
            Err(unfit) => self.skip(kid.as_deref().unwrap_or("?"), &Unfit::to_string(&unfit)),
        }
    }

    fn skip(&mut self, kid: &str, why: &str) {
        self.skipped.push(format!("key {}: {why}", shown(kid)));
    }

    /// Without a `kid`, a key is taken only where there is nothing to choose.
    fn only_one_for(&self, header: &Header) -> Result<&Key, LookupError> {
        let mut fitting = self.keys.iter().filter(|(_, key)| key.permits(header.algorithm));
        match (fitting.next(), fitting.next()) {
            (Some((_, key)), None) => Ok(key),
            (Some(_), Some(_)) => Err(LookupError::Ambiguous),
            (None, _) => Err(LookupError::Algorithm),
        }
    }
}

fn members(document: &[u8]) -> Option<Vec<Object>> {
    let mut set = Json::parse(document).ok()?.into_object()?;
    match set.remove("keys")? {
        Json::List(keys) => keys.into_iter().map(Json::into_object).collect(),
        _ => None,
    }
}

fn is_secret(jwk: &Object) -> bool {
    jwk.get("kty").and_then(Json::as_text) == Some("oct")
        || SECRET_MEMBERS.iter().any(|name| jwk.contains_key(*name))
}

fn kids_that_stand_twice(keys: &[Object]) -> Vec<String> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for kid in keys.iter().filter_map(|jwk| jwk.get("kid")?.as_text()) {
        *times.entry(kid).or_default() += 1;
    }
    times.into_iter().filter(|(_, times)| *times > 1).map(|(kid, _)| kid.to_owned()).collect()
}

/// A list of reasons is as long as its author likes.
fn shown_whole(reasons: &str) -> String {
    reasons.chars().take(512).collect()
}

#[cfg(test)]
mod tests;
