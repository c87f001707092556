//! The steps that browsers take, as far as the model knows them: what `sidecar::oauth` decides, on symbols. One function for each
//! step, which asks its questions in the code's order; each thing that can be left out of it is a `Weakness`.
//!
//! Pure. Lifetimes are the code's own.

use sidecar::oauth::authorize::ASK_SECONDS;
use sidecar::oauth::consent::LOGIN_SECONDS;

use super::scope::{Proof, Says, Weakness};
use super::terms::{
    Answer, Ask, Browser, Client, Code, Decision, Login, Redirect, Refusal, Remembered, Replica, Said, Seal,
    Value, Who, Wish,
};
use super::world::{Fact, World};

/// A request to one replica, from a person's browser or a program of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) who: Who,
    pub(super) at: Replica,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    Ours,
    Another,
}

pub(super) fn is_registered(wish: Wish) -> bool {
    match wish.client {
        Client::Honest => matches!(wish.redirect, Redirect::Honest | Redirect::Other),
        // Registration is open: the attacker names the honest address beside his own.
        Client::Attackers => matches!(wish.redirect, Redirect::Honest | Redirect::Attackers),
    }
}

/// `authorize`, for a navigation that a person began.
pub(super) fn authorize(world: &mut World<'_>, from: Sender, wish: Wish) -> Answer {
    if !is_registered(wish) && !world.lacks(Weakness::RegisteredRedirect) {
        return Answer::Refused(Refusal::Redirect);
    }
    if world.lacks(Weakness::ConsentPage) || (may_remember(world, wish) && is_remembered(world, from, wish)) {
        return begin(world, from, wish);
    }
    let shown_to = recognise(world, from);
    Answer::Page(Ask { wish, shown_to, seal: seal(world, from) })
}

/// `authorize`, with something wrong in the request.
pub(super) fn authorize_malformed(world: &World<'_>, wish: Wish) -> Answer {
    if !is_registered(wish) {
        Answer::Refused(Refusal::Redirect)
    } else if world.lacks(Weakness::ErrorPage) {
        Answer::Client(wish.redirect, None)
    } else {
        Answer::Refused(Refusal::Malformed)
    }
}

/// `remember::offered`: never for a client that registered itself, nor for a public one.
pub(super) fn may_remember(world: &World<'_>, wish: Wish) -> bool {
    let must_prove = world.scope.client == Proof::Secret || world.lacks(Weakness::RememberedProof);
    wish.client == Client::Honest && must_prove
}

fn is_remembered(world: &World<'_>, from: Sender, wish: Wish) -> bool {
    // The attacker need not skip a page of his own.
    if from.who == Who::Attacker || world.scope.browser == Says::Nothing {
        return false;
    }
    let has = |redirect| world.has(Fact::Remembers(Remembered { client: wish.client, redirect }));
    has(wish.redirect)
        || (world.lacks(Weakness::RememberedAddress)
            && [Redirect::Honest, Redirect::Other].into_iter().any(has))
}

/// The cookie of the first page: the one that the browser has, or a new one.
fn recognise(world: &mut World<'_>, from: Sender) -> Browser {
    if from.who == Who::Attacker {
        return Browser::Attackers;
    }
    let now = world.now();
    let old =
        world.find(|fact| if let Fact::Cookie { since, set } = fact { Some((since, set)) } else { None });
    let since = match old {
        Some((since, set)) if world.lives(set, ASK_SECONDS) => since,
        _ => now,
    };
    if let Some((since, set)) = old {
        if world.lives(set, ASK_SECONDS) && world.lacks(Weakness::CookieRenewal) {
            return Browser::Victims(since);
        }
        world.drop(Fact::Cookie { since, set });
    }
    world.put(Fact::Cookie { since, set: now });
    Browser::Victims(since)
}

/// `consent`.
pub(super) fn consent(
    world: &mut World<'_>,
    from: Sender,
    ask: Ask,
    (decision, site): (Decision, Site),
) -> Answer {
    let says = world.scope.browser == Says::Everything;
    if site == Site::Another && says && !world.lacks(Weakness::SameOrigin) {
        return Answer::Refused(Refusal::OtherBrowser);
    }
    if !opens(world, from.at, ask.seal) || !is_alive(world, ask.seal, ASK_SECONDS) {
        return Answer::Refused(Refusal::Expired);
    }
    if browser(world, from, site) != Some(ask.shown_to) && !world.lacks(Weakness::ConsentCookie) {
        return Answer::Refused(Refusal::OtherBrowser);
    }
    match decision {
        Decision::Deny => Answer::Client(ask.wish.redirect, None),
        Decision::Allow => begin(world, from, ask.wish),
        Decision::Remember => {
            if may_remember(world, ask.wish) && from.who == Who::Victim {
                let Wish { client, redirect, .. } = ask.wish;
                world.put(Fact::Remembers(Remembered { client, redirect }));
            }
            begin(world, from, ask.wish)
        }
    }
}

/// Which browser a form comes from, as its cookie says.
fn browser(world: &World<'_>, from: Sender, site: Site) -> Option<Browser> {
    if from.who == Who::Attacker {
        return Some(Browser::Attackers);
    }
    if site == Site::Another && !world.lacks(Weakness::SameSite) {
        return None;
    }
    world.find(|fact| match fact {
        Fact::Cookie { since, set } if world.lives(set, ASK_SECONDS) => Some(Browser::Victims(since)),
        _ => None,
    })
}

fn begin(world: &mut World<'_>, from: Sender, wish: Wish) -> Answer {
    let login = Login { wish, seal: seal(world, from) };
    if world.lacks(Weakness::LoginInCookie) {
        world.put(Fact::Begun(from.at, login));
    }
    Answer::Provider(login)
}

/// `callback`, with the state of this login and what the provider said.
pub(super) fn callback(world: &mut World<'_>, from: Sender, login: Login, said: Said) -> Answer {
    let sent = match from.who {
        Who::Attacker => world.has(Fact::Known(Value::Login(login))),
        Who::Victim => world.has(Fact::Jar(login)) && is_alive(world, login.seal, LOGIN_SECONDS),
    };
    let remembers = !world.lacks(Weakness::LoginInCookie) || world.has(Fact::Begun(from.at, login));
    if !(sent || world.lacks(Weakness::CallbackCookie)) || !remembers || !opens(world, from.at, login.seal) {
        return Answer::Refused(Refusal::OtherBrowser);
    }
    if !is_alive(world, login.seal, LOGIN_SECONDS) || is_used(world, from.at, Value::Login(login)) {
        return Answer::Refused(Refusal::Expired);
    }
    world.drop(Fact::Jar(login));
    if said.of != login && !world.lacks(Weakness::ProviderBinding) {
        return Answer::Client(login.wish.redirect, None);
    }
    // It brought somebody in.
    use_up(world, from.at, Value::Login(login));
    let code = Code { wish: login.wish, person: said.person, seal: seal(world, from) };
    Answer::Client(login.wish.redirect, Some(code))
}

/// What happens once, as its replica remembers it. The attacker's own values are as good as new each time.
pub(super) fn is_used(world: &World<'_>, at: Replica, value: Value) -> bool {
    !world.lacks(Weakness::SingleUse) && world.has(Fact::Used(world.ledger(at), value))
}

pub(super) fn use_up(world: &mut World<'_>, at: Replica, value: Value) {
    let is_renewed = match value {
        Value::Login(Login { seal, .. }) | Value::Code(Code { seal, .. }) => seal == Seal::Anew,
        Value::Ask(_) | Value::Grant(_) => false,
    };
    if !is_renewed {
        world.put(Fact::Used(world.ledger(at), value));
    }
}

pub(super) fn is_alive(world: &World<'_>, seal: Seal, seconds: u64) -> bool {
    match seal {
        Seal::At { made, .. } => world.lives(made, seconds),
        Seal::Anew => true,
    }
}

fn seal(world: &World<'_>, from: Sender) -> Seal {
    match from.who {
        Who::Attacker => Seal::Anew,
        Who::Victim => Seal::At { made: world.now(), key: key(world, from.at) },
    }
}

/// The key that this replica seals with.
pub(super) fn key(world: &World<'_>, at: Replica) -> u8 {
    u8::from(world.phase(at) == 2)
}

/// Keys as the operator hands them out: the old one alone, the next one behind it, the next one before it.
pub(super) fn opens(world: &World<'_>, at: Replica, seal: Seal) -> bool {
    match seal {
        Seal::Anew => true,
        Seal::At { key: 0, .. } => world.phase(at) < 2 || !world.lacks(Weakness::OldKey),
        Seal::At { .. } => world.phase(at) > 0,
    }
}
