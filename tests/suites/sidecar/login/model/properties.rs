//! What must hold on every path. Judged by what was asked and how it was answered, and by what was seen before; never by what the
//! server remembers.
//!
//! Pure.

use sidecar::oauth::authorize::ASK_SECONDS;
use sidecar::oauth::callback::CODE_SECONDS;
use sidecar::oauth::consent::LOGIN_SECONDS;

use super::acts::{family, wish};
use super::grants::is_within_overlap;
use super::scope::{Attacker, Manners};
use super::terms::{Action, Answer, Code, Decision, Grant, Lure, Pair, Replica, Seal, Value, Who, Wish};
use super::world::{Fact, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Property {
    /// No code and no token for the victim is ever held by the attacker; where codes leak, no token.
    NoTheft,
    /// The honest client never gets tokens of the attacker's.
    NoPlanting,
    /// A code that comes twice gives one token, and then nothing.
    CodeOnce,
    /// A refresh token that comes twice gets the same answer soon, and ends its family later.
    RefreshOnce,
    /// A revoked family is over.
    Revoked,
    /// An honest login comes through.
    HonestLogin,
    /// No page is left out but where this browser agreed to this client and address.
    NoPageSkipped,
    /// Nobody is sent to a client before they decided on its page.
    NoOpenRedirect,
}

/// Writes down what happened, and says what it breaks.
pub(super) fn judge(
    before: &World<'_>,
    action: Action,
    answer: Answer,
    after: &mut World<'_>,
) -> Vec<Property> {
    let mut broken = if after.state == before.state { Vec::new() } else { secrets(after) };
    broken.extend(pages(before, action, answer, after));
    broken.extend(once(before, action, answer, after));
    if is_right(before, action) && matches!(answer, Answer::Refused(_)) {
        broken.push(Property::HonestLogin);
    }
    broken
}

fn secrets(after: &World<'_>) -> Vec<Property> {
    after.all(|fact| match fact {
        // What a misled client takes to the attacker is worth nothing without the client's secret.
        Fact::Known(Value::Code(Code { wish: Wish { pair: Pair::Misled, .. }, .. })) => None,
        Fact::Known(Value::Code(code))
            if code.person == Who::Victim && after.scope.attacker != Attacker::Listens =>
        {
            Some(Property::NoTheft)
        }
        Fact::Known(Value::Grant(grant)) if grant.family.person == Who::Victim => Some(Property::NoTheft),
        Fact::Held(grant) if grant.family.person == Who::Attacker => Some(Property::NoPlanting),
        _ => None,
    })
}

/// What the victim's browser was shown, and where it was sent.
fn pages(before: &World<'_>, action: Action, answer: Answer, after: &mut World<'_>) -> Option<Property> {
    let (client, redirect) = wish(action)?;
    match (action, answer) {
        (_, Answer::Refused(_)) => {}
        (Action::Decide(_, decision, _), _) => {
            after.put(Fact::Decided(client, redirect));
            if decision == Decision::Remember {
                after.put(Fact::Agreed(client, redirect));
            }
        }
        (Action::Start(..) | Action::Lead(Lure::Authorize(_) | Lure::Server(_), _), Answer::Provider(_))
            if !before.has(Fact::Agreed(client, redirect)) =>
        {
            return Some(Property::NoPageSkipped);
        }
        (_, Answer::Client(to, _)) if !before.has(Fact::Decided(client, to)) => {
            return Some(Property::NoOpenRedirect);
        }
        _ => {}
    }
    None
}

/// What happens once, at each replica since it began.
fn once(before: &World<'_>, action: Action, answer: Answer, after: &mut World<'_>) -> Option<Property> {
    let (family, at) = family(action)?;
    let at = if before.scope.as_one { Replica::One } else { at };
    let is_given = matches!(answer, Answer::Tokens(_) | Answer::Same(_))
        || matches!((action, answer), (Action::Call(..), Answer::Done));
    let ends = [Property::CodeOnce, Property::RefreshOnce, Property::Revoked];
    if let Some(by) = ends.into_iter().find(|by| before.has(Fact::Dead(at, family, *by))) {
        return is_given.then_some(by);
    }
    match action {
        Action::Revoke(..) => after.put(Fact::Dead(at, family, Property::Revoked)),
        Action::Redeem(_, flow, _) if is_good(before, family, flow) => {
            if before.has(Fact::Redeemed(at, family)) {
                after.put(Fact::Dead(at, family, Property::CodeOnce));
                return is_given.then_some(Property::CodeOnce);
            }
            after.put(Fact::Redeemed(at, family));
        }
        Action::Refresh(grant, _) => return turned(before, (grant, at), answer, after),
        _ => {}
    }
    None
}

/// Whether a code is shown by its owner, in time.
fn is_good(before: &World<'_>, code: Code, flow: u8) -> bool {
    code.wish.pair == Pair::Honest(flow) && before.lives(made(code.seal), CODE_SECONDS)
}

/// The first time it is exchanged; after that it is the same for a while, or the end.
fn turned(
    before: &World<'_>,
    (grant, at): (Grant, Replica),
    answer: Answer,
    after: &mut World<'_>,
) -> Option<Property> {
    let family = grant.family;
    let known = before.all(|fact| match fact {
        Fact::Exchanged { at: replica, family: of, generation, when } if (replica, of) == (at, family) => {
            Some((generation, when))
        }
        _ => None,
    });
    let newest = known.into_iter().max();
    let broken = match newest {
        Some((generation, when)) if generation == grant.generation && is_within_overlap(before, when) => {
            !matches!(answer, Answer::Same(successor) if before.has(Fact::Held(successor)))
        }
        Some((generation, _)) if generation >= grant.generation => {
            after.put(Fact::Dead(at, family, Property::RefreshOnce));
            !matches!(answer, Answer::Refused(_))
        }
        _ => {
            if matches!(answer, Answer::Tokens(_)) {
                after.put(Fact::Exchanged { at, family, generation: grant.generation, when: before.now() });
            }
            false
        }
    };
    broken.then_some(Property::RefreshOnce)
}

/// Whether an honest person or client does this, in time and for the first time.
fn is_right(before: &World<'_>, action: Action) -> bool {
    let lives = |seal, seconds| before.lives(made(seal), seconds);
    match action {
        _ if before.scope.manners == Manners::Careless => false,
        Action::Start(..) | Action::Refresh(..) | Action::Call(..) => true,
        Action::Decide(ask, ..) => lives(ask.seal, ASK_SECONDS),
        Action::Return(login, _) => lives(login.seal, LOGIN_SECONDS),
        Action::Redeem(code, flow, _) => is_good(before, code, flow),
        _ => false,
    }
}

fn made(seal: Seal) -> u8 {
    match seal {
        Seal::At { made, .. } => made,
        Seal::Anew => 0,
    }
}
