//! What a provider is and what it knows, for its endpoints to share: its ways, its addresses, its people and what it has
//! given out.
//!
//! Pure, apart from what it remembers.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use sidecar::clock::Clock;

use super::grants::Grants;
use super::mischief::{Fault, Lie, Place};
use super::people::{Person, Visitor};
use super::quirks::{Discovery, Quirks, Revocation, Vendor};
use super::wire::{Answer, Request};
use super::{authorize, documents, keys, revoke, token, user};

const DISCOVERY: &str = "/.well-known/openid-configuration";

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) quirks: Quirks,
    pub(super) clock: Clock,
    /// Where the issuer is, and where the work is done.
    pub(super) home: String,
    pub(super) desk: String,
    pub(super) state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) redirect_uris: Vec<String>,
    pub(super) visitor: Visitor,
    pub(super) people: HashMap<String, Person>,
    pub(super) disabled: HashSet<String>,
    pub(super) lie: Option<Lie>,
    pub(super) faults: HashMap<Place, Fault>,
    pub(super) requests: Vec<Request>,
    pub(super) grants: Grants,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            redirect_uris: Vec::new(),
            visitor: Visitor::IsAsked,
            people: HashMap::new(),
            disabled: HashSet::new(),
            lie: None,
            faults: HashMap::new(),
            requests: Vec::new(),
            grants: Grants::default(),
        }
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds this")
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.unix().0
    }

    pub(super) fn lies(&self, lie: Lie) -> bool {
        self.state().lie == Some(lie)
    }

    pub(super) fn issuer(&self) -> String {
        format!("{}{}", self.home, self.quirks.issuer_path)
    }

    pub(super) fn url(&self, place: Place) -> String {
        let paths = self.quirks.paths;
        match place {
            // OpenID Connect Discovery §4: a slash at the end of the issuer is taken away first.
            Place::Discovery => format!("{}{DISCOVERY}", self.issuer().trim_end_matches('/')),
            Place::Keys => format!("{}{}", self.home, paths.keys),
            Place::Authorize => format!("{}{}", self.desk, paths.authorize),
            Place::Token => format!("{}{}", self.desk, paths.token),
            Place::Revoke => format!("{}{}", self.desk, paths.revoke),
            Place::User => format!("{}{}", self.desk, paths.user),
            Place::Emails => format!("{}{}/emails", self.desk, paths.user),
        }
    }

    /// What there is at this path of this host.
    pub(super) fn place(&self, base: &str, path: &str) -> Option<Place> {
        let all = [
            Place::Discovery,
            Place::Keys,
            Place::Authorize,
            Place::Token,
            Place::Revoke,
            Place::User,
            Place::Emails,
        ];
        let is_there = |place: &Place| match place {
            Place::Discovery | Place::Keys => self.quirks.discovery != Discovery::Absent,
            Place::Revoke => self.quirks.revocation != Revocation::Absent,
            Place::Emails => self.quirks.vendor == Vendor::GitHub,
            _ => true,
        };
        let asked = format!("{base}{path}");
        all.into_iter().filter(is_there).find(|place| self.url(*place) == asked)
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        match request.place {
            Place::Discovery => documents::discovery(self),
            Place::Keys => Answer::json(200, &keys::key_set()),
            Place::Authorize => authorize::answer(self, request),
            Place::Token => token::answer(self, request),
            Place::Revoke => revoke::answer(self, request),
            Place::User => user::answer(self, request),
            Place::Emails => user::emails(self, request),
        }
    }
}
