//! What a provider has given out and not forgotten: codes, refresh tokens in families, access tokens.
//!
//! Pure, apart from the randomness of what it gives out.

use std::collections::{HashMap, HashSet};

use super::keys::random;
use super::people::Person;
use super::quirks::Revocation;

/// Codes live as long as RFC 6749 §4.1.2 allows at most.
const CODE_LIFETIME: u64 = 600;

/// What somebody has agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) person: Person,
    pub(super) scopes: Vec<String>,
    pub(super) nonce: Option<String>,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<String>,
    pub(super) audience: Option<String>,
    /// Whether there is to be a refresh token, by the provider's own rule.
    pub(super) offline: Offline,
    pub(super) since: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offline {
    Yes,
    No,
}

/// Why something that was given out is no longer good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoiled {
    Unknown,
    Expired,
    UsedBefore,
    Revoked,
}

/// A login, and all that came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Family(u64);

#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: HashMap<String, Held>,
    refresh_tokens: HashMap<String, Held>,
    access_tokens: HashMap<String, Grant>,
    revoked: HashSet<Family>,
    families: u64,
}

#[derive(Debug)]
struct Held {
    grant: Grant,
    family: Family,
    used: Used,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Used {
    Yes,
    No,
}

impl Grants {
    pub(super) fn code(&mut self, grant: Grant) -> String {
        self.families += 1;
        let (code, family) = (random(), Family(self.families));
        self.codes.insert(code.clone(), Held { grant, family, used: Used::No });
        code
    }

    /// Takes a code, once. RFC 6749 §4.1.2: the second time all that came of it SHOULD be revoked.
    pub(super) fn redeem(&mut self, code: &str, now: u64) -> Result<(Grant, Family), Spoiled> {
        let held = self.codes.get_mut(code).ok_or(Spoiled::Unknown)?;
        if held.used == Used::Yes {
            self.revoked.insert(held.family);
            return Err(Spoiled::UsedBefore);
        }
        held.used = Used::Yes;
        if now > held.grant.since + CODE_LIFETIME {
            return Err(Spoiled::Expired);
        }
        Ok((held.grant.clone(), held.family))
    }

    pub(super) fn refresh_token(&mut self, grant: Grant, family: Family) -> String {
        let token = random();
        self.refresh_tokens.insert(token.clone(), Held { grant, family, used: Used::No });
        token
    }

    /// What a refresh token is good for.
    pub(super) fn refreshable(&self, token: &str) -> Result<(Grant, Family), Spoiled> {
        let held = self.refresh_tokens.get(token).ok_or(Spoiled::Unknown)?;
        if self.revoked.contains(&held.family) {
            return Err(Spoiled::Revoked);
        }
        Ok((held.grant.clone(), held.family))
    }

    /// Notes that a refresh token was used, which may happen once: the second time its family ends.
    pub(super) fn use_up(&mut self, token: &str) -> Result<(), Spoiled> {
        let held = self.refresh_tokens.get_mut(token).ok_or(Spoiled::Unknown)?;
        if held.used == Used::Yes {
            self.revoked.insert(held.family);
            return Err(Spoiled::UsedBefore);
        }
        held.used = Used::Yes;
        Ok(())
    }

    /// Takes back a refresh token, used or not, and its family; or all families of its user.
    pub(super) fn revoke(&mut self, token: &str, meant: Revocation) {
        let Some(held) = self.refresh_tokens.get(token) else { return };
        let is_meant = |other: &&Held| match meant {
            Revocation::Everything => other.grant.person == held.grant.person,
            Revocation::Login | Revocation::Absent => other.family == held.family,
        };
        self.revoked.extend(self.refresh_tokens.values().filter(is_meant).map(|other| other.family));
    }

    pub(super) fn remember(&mut self, access_token: &str, grant: Grant) {
        self.access_tokens.insert(access_token.to_owned(), grant);
    }

    pub(super) fn of_access_token(&self, access_token: &str) -> Option<&Grant> {
        self.access_tokens.get(access_token)
    }
}
