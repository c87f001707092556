//! What is explored: who takes part, how far it goes, and what is left out of the server to see whether anybody notices.
//!
//! Pure.

use super::terms::Replica;

/// Something that the server does and, with this, does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weakness {
    /// O01, I2: the person is asked before the provider is.
    ConsentPage,
    /// I4, O20: a page is answered in the browser that it was shown to.
    ConsentCookie,
    /// I4, O20: a form comes from our own page.
    SameOrigin,
    /// O27: a form on another site carries no cookie of ours.
    SameSite,
    /// I7, O02: the provider's answer counts in the browser that consented.
    CallbackCookie,
    /// O11: the provider's answer is the answer to this login.
    ProviderBinding,
    /// I6, O04: the redirect URI is one that the client registered.
    RegisteredRedirect,
    /// O08: the redirect URI at the token endpoint is that of the code.
    SameRedirect,
    /// O08: the client at the token endpoint is that of the code.
    SameClient,
    /// O06: the verifier is that of the challenge.
    Pkce,
    /// O07: a code is redeemed once.
    SingleUse,
    /// O07: a code that comes twice ends what it gave.
    CodeEndsFamily,
    /// O30: a code of a family that was revoked is over.
    CodeOfRevoked,
    /// O12: a refresh token that was used ends its family.
    ReuseEndsFamily,
    /// D11: a refresh token that comes twice soon gets the same answer.
    Overlap,
    /// I3, O01: a consent is remembered for a client and an address.
    RememberedAddress,
    /// O01, O09: it is remembered only for a client that must prove itself.
    RememberedProof,
    /// O25: such a client does prove itself.
    ClientProof,
    /// O03: nobody is sent to a client before they decided.
    ErrorPage,
    /// O29: no key seals before every replica opens with it.
    KeyInTwoSteps,
    /// O29: a key that sealed goes on opening.
    OldKey,
    /// O29: a login that is under way is with the browser and not in the memory of a replica.
    LoginInCookie,
    /// The cookie of the first page lives as long as the newest page.
    CookieRenewal,
}

/// What the honest client shows at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// It is a public client, as whom anybody can come.
    Nothing,
    Secret,
}

/// Whether a browser says where a request comes from (Fetch Metadata, `Origin`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Everything,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attacker {
    Absent,
    /// Does what he can.
    Active,
    /// Leads nobody anywhere, and reads every code that comes to the honest client's addresses.
    Listens,
}

/// How whoever holds the honest client's tokens behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// Like a client by the book that sends a refresh token twice now and then.
    Careful,
    /// Sends whatever there ever was, to any replica, at any time.
    Careless,
}

/// Where it stands what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ledger {
    EachItsOwn,
    /// In a store that all replicas use, and that does not forget.
    Shared,
}

/// When replicas forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restarts {
    Never,
    /// Any of them, at any time.
    Any,
    /// Replica two, after every request.
    TheOther,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) lacks: &'static [Weakness],
    pub(super) replicas: &'static [Replica],
    pub(super) attacker: Attacker,
    pub(super) client: Proof,
    pub(super) browser: Says,
    pub(super) manners: Manners,
    /// So many logins the honest client begins.
    pub(super) flows: u8,
    /// So often a family is refreshed.
    pub(super) generations: u8,
    /// So often time passes, and so many seconds each time.
    pub(super) ticks: u8,
    pub(super) tick: u64,
    pub(super) restarts: Restarts,
    pub(super) rotates: bool,
    pub(super) ledger: Ledger,
    /// What holds for each replica is demanded of all of them together.
    pub(super) as_one: bool,
}

const ONE: &[Replica] = &[Replica::One];
const BOTH: &[Replica] = &[Replica::One, Replica::Two];

impl Scope {
    /// The attacker at every arrow, at two replicas.
    pub(super) const THEFT: Self = Self {
        lacks: &[],
        replicas: BOTH,
        attacker: Attacker::Active,
        client: Proof::Nothing,
        browser: Says::Everything,
        manners: Manners::Careful,
        flows: 1,
        generations: 0,
        ticks: 0,
        tick: 1,
        restarts: Restarts::Never,
        rotates: false,
        ledger: Ledger::EachItsOwn,
        as_one: false,
    };

    /// The same with a browser of before 2020: only cookies tell where a form comes from.
    pub(super) const OLD_BROWSER: Self = Self { browser: Says::Nothing, ..Self::THEFT };

    /// The same with a client that has a secret, so that its consent may be remembered.
    pub(super) const REMEMBERED: Self = Self { client: Proof::Secret, replicas: ONE, ..Self::THEFT };

    /// Codes of the honest client leak, as from the history of a browser or the log of a proxy.
    pub(super) const LEAKS: Self = Self { attacker: Attacker::Listens, ..Self::THEFT };

    /// What must happen once, with whoever holds the tokens sending anything at any time. The other replica begins again after every
    /// request, which lets happen there whatever any replica lets happen.
    pub(super) const TOKENS: Self = Self {
        attacker: Attacker::Absent,
        manners: Manners::Careless,
        generations: 2,
        restarts: Restarts::TheOther,
        ticks: 3,
        // Longer than a code lives; twice is longer than the overlap.
        tick: 61,
        ..Self::THEFT
    };

    /// Any replica, and a store between them.
    pub(super) const STORE: Self = Self { ledger: Ledger::Shared, as_one: true, ..Self::TOKENS };

    /// Nobody means harm, and every request lands on any replica, which may have begun again, while the keys are rotated.
    pub(super) const PLACES: Self = Self {
        attacker: Attacker::Absent,
        generations: 2,
        restarts: Restarts::Any,
        rotates: true,
        ..Self::THEFT
    };

    /// The same with people who take their time and begin anew: a page and a login are good for one tick and over after two.
    pub(super) const TIMES: Self =
        Self { attacker: Attacker::Absent, flows: 2, ticks: 2, tick: 301, rotates: true, ..Self::THEFT };

    pub(super) const fn without(self, lacks: &'static [Weakness]) -> Self {
        Self { lacks, ..self }
    }

    pub(super) const fn on_one_replica(self) -> Self {
        Self { replicas: ONE, ..self }
    }
}
