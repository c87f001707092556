//! The words of the model: who there is, what is sealed, what can be done, and how the server answers.
//!
//! Pure. A value stands for all that carry the same contents. What is fresh in it (an id, a state, a nonce) needs no name: nobody
//! guesses it, so only whoever holds the value has it.

/// A person, with a browser that is logged in at the provider as this person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Victim,
    Attacker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Client {
    Honest,
    /// Registered by the attacker, who knows all that it knows.
    Attackers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Redirect {
    Honest,
    /// Another one that the honest client registered.
    Other,
    /// Whatever comes here, the attacker reads.
    Attackers,
}

/// A verifier and its challenge (O06).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Pair {
    /// The honest client's, a new one for each login that it begins.
    Honest(u8),
    /// The honest client's as well, for a server of the attacker's that names our authorization endpoint for its own: the client
    /// takes code and verifier there. One that compares `iss` does not (O09).
    Misled,
    Attackers,
}

/// What is asked for at the authorization endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Wish {
    pub(super) client: Client,
    pub(super) redirect: Redirect,
    pub(super) pair: Pair,
}

/// When and with which key a value was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Seal {
    At {
        made: u8,
        key: u8,
    },
    /// The attacker's own. He makes it anew whenever he needs it, so that it is never over and never used.
    Anew,
}

/// Which browser a page was shown to, as the cookie of the first page says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Browser {
    Attackers,
    /// With the cookie that it got then.
    Victims(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Ask {
    pub(super) wish: Wish,
    pub(super) shown_to: Browser,
    pub(super) seal: Seal,
}

/// Also the state and the nonce that name it, and what the provider binds its answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Login {
    pub(super) wish: Wish,
    pub(super) seal: Seal,
}

/// What the provider sends a browser back with: who it is, for one login and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Said {
    pub(super) of: Login,
    pub(super) person: Who,
}

/// Also the family of all that it is exchanged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Code {
    pub(super) wish: Wish,
    pub(super) person: Who,
    pub(super) seal: Seal,
}

/// A refresh token, and the access token that is given with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Grant {
    pub(super) family: Code,
    pub(super) generation: u8,
    pub(super) key: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Remembered {
    pub(super) client: Client,
    pub(super) redirect: Redirect,
}

/// What somebody can have, and can have used. Client ids are known to all, and a remembered consent is no use outside its browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Ask(Ask),
    Login(Login),
    Code(Code),
    Grant(Grant),
}

/// One of two replicas, which share keys and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Replica {
    One,
    Two,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Decision {
    Allow,
    /// With the box ticked.
    Remember,
    Deny,
}

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Page(Ask),
    /// To the provider, with the cookie of this login.
    Provider(Login),
    /// To the client's address, with a code or with an error.
    Client(Redirect, Option<Code>),
    Tokens(Grant),
    /// The tokens that this refresh token was exchanged for before.
    Same(Grant),
    /// 200, and nothing to hold.
    Done,
    Refused(Refusal),
}

/// The word that a page or an OAuth error says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Refusal {
    Redirect,
    Malformed,
    OtherBrowser,
    Expired,
    Client,
    Grant,
    Token,
}

/// Something that somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// Time passes.
    Tick,
    /// A replica ends and begins again: what it remembered is gone.
    Restart(Replica),
    /// The next key reaches a replica, or begins to seal there.
    Rotate(Replica),
    /// The honest client opens the authorization endpoint in the victim's browser.
    Start(u8, Replica),
    /// The victim decides on a page.
    Decide(Ask, Decision, Replica),
    /// The victim's browser comes back from the provider.
    Return(Login, Replica),
    /// The honest client redeems what came to its address, with the verifier of this login.
    Redeem(Code, u8, Replica),
    Refresh(Grant, Replica),
    Revoke(Grant, Replica),
    /// A request to the server with the access token of this family.
    Call(Code, Replica),
    /// The attacker, with what is his.
    Alone(Alone),
    /// The attacker makes the victim's browser do this.
    Lead(Lure, Replica),
    /// The attacker redeems a victim's code as this client, with this redirect URI and a verifier that he knows.
    Steal(Code, Client, Redirect, Replica),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Alone {
    Ask(Wish),
    Agree(Ask),
    /// At the provider.
    LogIn(Login),
    /// With the cookie of one login and the provider's answer to this or another one.
    Return(Login, Said),
    Redeem(Code),
    Refresh(Grant),
}

/// What a link or a form on the attacker's page leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lure {
    Authorize(Wish),
    /// The same, with something wrong in it.
    Malformed(Wish),
    Post(Ask),
    /// The provider's address of a login that the attacker began.
    Provider(Login),
    Callback(Login, Said),
    /// The honest client's address, with a code of the attacker's.
    Client(Code),
    /// The victim adds the attacker's server to the honest client, which begins a login there.
    Server(Wish),
}
