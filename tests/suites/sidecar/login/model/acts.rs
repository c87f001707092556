//! What an action does to the world: the request goes to the table of steps, and its answer to whoever asked.
//!
//! Pure.

use super::grants::{self, Redemption};
use super::moves::HONEST;
use super::scope::{Attacker, Weakness};
use super::server::{self, Sender, Site};
use super::terms::{
    Action, Alone, Answer, Client, Code, Decision, Grant, Lure, Pair, Redirect, Replica, Said, Value, Who,
    Wish,
};
use super::world::{Fact, World};

/// Does it.
pub(super) fn act(world: &mut World<'_>, action: Action) -> Answer {
    match action {
        Action::Tick => {
            world.wait();
            Answer::Done
        }
        Action::Restart(at) => {
            world.forget(at);
            Answer::Done
        }
        Action::Rotate(at) => {
            rotate(world, at);
            Answer::Done
        }
        Action::Start(flow, at) => {
            world.put(Fact::Flow(flow));
            open(world, at, Wish { pair: Pair::Honest(flow), ..HONEST })
        }
        Action::Decide(ask, decision, at) => {
            // Whoever said no can go back to the page; whoever said yes is not there any more.
            if decision != Decision::Deny {
                world.drop(Fact::Page(ask));
            }
            let answer = server::consent(world, victim(at), ask, (decision, Site::Ours));
            at_victims_browser(world, answer)
        }
        Action::Return(login, at) => {
            let said = Said { of: login, person: Who::Victim };
            let answer = server::callback(world, victim(at), login, said);
            at_victims_browser(world, answer)
        }
        Action::Redeem(code, flow, at) => redeem(world, at, code, flow),
        Action::Refresh(grant, at) => {
            let answer = grants::refresh(world, at, grant);
            hold(world, answer)
        }
        Action::Revoke(grant, at) => grants::revoke(world, at, grant),
        Action::Call(family, at) => grants::call(world, at, family),
        Action::Alone(action) => alone(world, action),
        Action::Lead(lure, at) => lead(world, lure, at),
        Action::Steal(code, client, redirect, at) => {
            let request = Redemption { by: Who::Attacker, code, client, redirect, pair: known_pair(code) };
            let answer = grants::redeem(world, at, request);
            know(world, answer)
        }
    }
}

fn rotate(world: &mut World<'_>, at: Replica) {
    let next = if world.lacks(Weakness::KeyInTwoSteps) { 2 } else { world.phase(at) + 1 };
    world.advance(at, next);
}

fn victim(at: Replica) -> Sender {
    Sender { who: Who::Victim, at }
}

/// The victim's browser opens the authorization endpoint.
fn open(world: &mut World<'_>, at: Replica, wish: Wish) -> Answer {
    world.put(Fact::Opened(wish));
    let answer = server::authorize(world, victim(at), wish);
    at_victims_browser(world, answer)
}

/// The honest client redeems at its own address.
fn redeem(world: &mut World<'_>, at: Replica, code: Code, flow: u8) -> Answer {
    let Wish { client, redirect, .. } = HONEST;
    let request = Redemption { by: Who::Victim, code, client, redirect, pair: Pair::Honest(flow) };
    let answer = grants::redeem(world, at, request);
    hold(world, answer)
}

fn hold(world: &mut World<'_>, answer: Answer) -> Answer {
    if let Answer::Tokens(grant) | Answer::Same(grant) = answer {
        world.put(Fact::Held(grant));
    }
    answer
}

/// Where an answer takes the victim's browser, and who reads it there.
fn at_victims_browser(world: &mut World<'_>, answer: Answer) -> Answer {
    match answer {
        Answer::Page(ask) => world.put(Fact::Page(ask)),
        Answer::Provider(login) => world.put(Fact::Jar(login)),
        Answer::Client(Redirect::Attackers, Some(code)) => world.put(Fact::Known(Value::Code(code))),
        Answer::Client(Redirect::Honest | Redirect::Other, Some(code)) => {
            world.put(Fact::Inbox(code));
            if code.wish.pair == Pair::Misled || world.scope.attacker == Attacker::Listens {
                world.put(Fact::Known(Value::Code(code)));
            }
        }
        _ => {}
    }
    answer
}

/// In his own browser, the attacker reads whatever comes.
fn know(world: &mut World<'_>, answer: Answer) -> Answer {
    let value = match answer {
        Answer::Page(ask) => Some(Value::Ask(ask)),
        Answer::Provider(login) => Some(Value::Login(login)),
        Answer::Client(_, code) => code.map(Value::Code),
        Answer::Tokens(grant) | Answer::Same(grant) => Some(Value::Grant(grant)),
        Answer::Done | Answer::Refused(_) => None,
    };
    if let Some(value) = value {
        world.put(Fact::Known(value));
    }
    answer
}

/// His own values open everywhere, so that one replica stands for both.
fn alone(world: &mut World<'_>, action: Alone) -> Answer {
    let (at, from) = (Replica::One, Sender { who: Who::Attacker, at: Replica::One });
    let answer = match action {
        Alone::Ask(wish) => server::authorize(world, from, wish),
        Alone::Agree(ask) => server::consent(world, from, ask, (Decision::Allow, Site::Ours)),
        Alone::LogIn(of) => {
            world.put(Fact::Said(Said { of, person: Who::Attacker }));
            Answer::Done
        }
        Alone::Return(login, said) => server::callback(world, from, login, said),
        Alone::Redeem(code) => {
            let Wish { client, redirect, pair } = code.wish;
            grants::redeem(world, at, Redemption { by: Who::Attacker, code, client, redirect, pair })
        }
        Alone::Refresh(grant) => grants::refresh(world, at, grant),
    };
    know(world, answer)
}

fn lead(world: &mut World<'_>, lure: Lure, at: Replica) -> Answer {
    let answer = match lure {
        Lure::Authorize(wish) | Lure::Server(wish) => return open(world, at, wish),
        Lure::Malformed(wish) => server::authorize_malformed(world, wish),
        Lure::Post(ask) => server::consent(world, victim(at), ask, (Decision::Allow, Site::Another)),
        Lure::Provider(login) => {
            server::callback(world, victim(at), login, Said { of: login, person: Who::Victim })
        }
        Lure::Callback(login, said) => server::callback(world, victim(at), login, said),
        Lure::Client(code) => return redeem(world, at, code, 0),
    };
    if let Answer::Provider(login) = answer {
        world.put(Fact::Opened(login.wish));
    }
    at_victims_browser(world, answer)
}

/// Beside his own, the attacker has the verifier that came with a code to his server.
pub(super) fn known_pair(code: Code) -> Pair {
    if code.wish.pair == Pair::Misled { Pair::Misled } else { Pair::Attackers }
}

/// What the requests of an action are about.
pub(super) fn wish(action: Action) -> Option<(Client, Redirect)> {
    let wish = match action {
        Action::Decide(ask, ..) | Action::Lead(Lure::Post(ask), _) => ask.wish,
        Action::Return(login, _) | Action::Lead(Lure::Provider(login) | Lure::Callback(login, _), _) => {
            login.wish
        }
        Action::Start(..) => HONEST,
        Action::Lead(Lure::Authorize(wish) | Lure::Malformed(wish) | Lure::Server(wish), _) => wish,
        _ => return None,
    };
    Some((wish.client, wish.redirect))
}

/// The family that an action is about.
pub(super) fn family(action: Action) -> Option<(Code, Replica)> {
    match action {
        Action::Redeem(code, _, at) | Action::Call(code, at) => Some((code, at)),
        Action::Refresh(Grant { family, .. }, at) | Action::Revoke(Grant { family, .. }, at) => {
            Some((family, at))
        }
        _ => None,
    }
}
