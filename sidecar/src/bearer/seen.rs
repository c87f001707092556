//! Tokens that were found valid a moment ago: a signature is checked once, and not at every request.
//!
//! Pure. A verdict belongs to one token, byte for byte, by its SHA-256, and to the verifier of one policy, which is made anew with
//! each edit. It holds only as long as the keys are the ones that it was found by, and never past the token's end; refusals are
//! not remembered, so that nobody without a token can fill the memory. Meets J23.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;

use super::Caller;
use super::times::LEEWAY;
use crate::clock::UnixTime;

/// A token's name: a token itself is never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name([u8; 32]);

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) caller: Arc<Caller>,
    /// Of a token of our own: the login that it belongs to, which may be ended at any time (O30).
    pub(super) family: Option<String>,
    pub(super) found: UnixTime,
}

#[derive(Debug, Clone)]
struct Kept {
    verdict: Verdict,
    /// Which keys were in force.
    keys: u64,
}

/// The verdicts of one policy.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Tables>);

/// The older half goes when the younger one is full, so that nothing has to be looked for to make room.
#[derive(Debug, Default)]
struct Tables {
    young: Table,
    old: Table,
}

#[derive(Debug, Default)]
struct Table {
    verdicts: HashMap<Name, Kept>,
    weight: usize,
}

/// Nothing is believed for longer without another look.
const LONGEST: u64 = 300;
/// Of each half, in bytes, so that all of it fits into a small pod.
const HEAVIEST: usize = 1024 * 1024;

impl Name {
    pub(super) fn of(token: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, token.as_bytes());
        let mut name = [0; 32];
        name.copy_from_slice(digest.as_ref());
        Self(name)
    }
}

impl Kept {
    /// The same edges as `times::check`: a clock that was set back is another reason to look again.
    fn holds(&self, keys: u64, now: UnixTime) -> bool {
        let Verdict { caller, found, .. } = &self.verdict;
        let ends = (caller.expires.0.saturating_add(LEEWAY)).min(found.0.saturating_add(LONGEST));
        self.keys == keys && *found <= now && now.0 < ends
    }

    fn weight(&self) -> usize {
        let Caller { issuer, subject, client, user, scopes, expires: _ } = &*self.verdict.caller;
        let optional = [issuer, client, user, &self.verdict.family].into_iter().flatten();
        let texts = optional.chain([subject]).chain(scopes);
        size_of::<(Name, Self, Caller)>() + texts.map(|text| size_of::<String>() + text.len()).sum::<usize>()
    }
}

impl Seen {
    pub(super) fn get(&self, name: &Name, keys: u64, now: UnixTime) -> Option<Verdict> {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = tables.young.verdicts.get(name) {
            return kept.holds(keys, now).then(|| kept.verdict.clone());
        }
        let kept = tables.old.verdicts.remove(name).filter(|kept| kept.holds(keys, now))?;
        let verdict = kept.verdict.clone();
        tables.put(*name, kept);
        Some(verdict)
    }

    pub(super) fn keep(&self, name: Name, keys: u64, verdict: Verdict) {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tables.put(name, Kept { verdict, keys });
    }
}

impl Tables {
    fn put(&mut self, name: Name, kept: Kept) {
        let weight = kept.weight();
        if self.young.weight + weight > HEAVIEST {
            self.old = std::mem::take(&mut self.young);
        }
        if weight <= HEAVIEST {
            let before = self.young.verdicts.insert(name, kept).map_or(0, |before| before.weight());
            self.young.weight = self.young.weight + weight - before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn verdict(subject: &str) -> Verdict {
        let caller = Caller {
            issuer: None,
            subject: subject.to_owned(),
            client: None,
            user: None,
            scopes: Vec::new(),
            expires: UnixTime(NOW + 60),
        };
        Verdict { caller: Arc::new(caller), family: None, found: UnixTime(NOW) }
    }

    fn knows(seen: &Seen, token: &str, keys: u64, now: u64) -> bool {
        seen.get(&Name::of(token), keys, UnixTime(now)).is_some()
    }

    #[test]
    fn j23_a_verdict_is_of_one_token_and_one_set_of_keys_and_ends_with_the_token() {
        let (seen, prefix) = (Seen::default(), "x".repeat(1024));
        seen.keep(Name::of(&format!("{prefix}a")), 7, verdict("alice"));
        assert!(knows(&seen, &format!("{prefix}a"), 7, NOW));
        assert!(!knows(&seen, &format!("{prefix}b"), 7, NOW), "another token");
        assert!(!knows(&seen, &format!("{prefix}a"), 8, NOW), "other keys");
        assert!(!knows(&seen, &format!("{prefix}a"), 7, NOW - 1), "a clock that was set back");
        assert!(knows(&seen, &format!("{prefix}a"), 7, NOW + 60 + LEEWAY - 1));
        assert!(!knows(&seen, &format!("{prefix}a"), 7, NOW + 60 + LEEWAY), "its end");
        let mut long = verdict("bob");
        long.caller = Arc::new(Caller { expires: UnixTime(NOW + 10_000), ..(*long.caller).clone() });
        seen.keep(Name::of("long"), 7, long);
        assert!(knows(&seen, "long", 7, NOW + LONGEST - 1) && !knows(&seen, "long", 7, NOW + LONGEST));
    }

    #[test]
    fn j23_memory_is_bounded_and_what_is_used_stays() {
        let (seen, text) = (Seen::default(), "x".repeat(200));
        seen.keep(Name::of("used"), 7, verdict("used"));
        for number in 0..50_000 {
            seen.keep(Name::of(&number.to_string()), 7, verdict(&text));
            assert!(knows(&seen, "used", 7, NOW), "{number}");
        }
        let tables = seen.0.lock().expect("nobody panicked");
        assert!(tables.young.weight <= HEAVIEST && tables.old.weight <= HEAVIEST);
        assert!(tables.young.verdicts.len() + tables.old.verdicts.len() < 8_000);
        drop(tables);
        let mut heavy = verdict("heavy");
        heavy.caller = Arc::new(Caller { scopes: vec![text; 10_000], ..(*heavy.caller).clone() });
        seen.keep(Name::of("heavy"), 7, heavy);
        assert!(!knows(&seen, "heavy", 7, NOW), "what does not fit is judged each time");
    }
}
