//! The steps that programs take, as far as the model knows them: what `redeem`, `refresh`, `revoke` and the check of an access
//! token decide, on symbols.
//!
//! Pure. Lifetimes are the code's own.

use sidecar::oauth::callback::CODE_SECONDS;
use sidecar::oauth::ledger::OVERLAP;

use super::scope::{Proof, Weakness};
use super::server::{is_alive, is_used, key, opens, use_up};
use super::terms::{Answer, Client, Code, Grant, Pair, Redirect, Refusal, Replica, Seal, Value, Who};
use super::world::{Fact, World};

/// What stands in a request to the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Redemption {
    /// Who sends it, and knows the secrets of no others.
    pub(super) by: Who,
    pub(super) code: Code,
    pub(super) client: Client,
    pub(super) redirect: Redirect,
    pub(super) pair: Pair,
}

/// `redeem`.
pub(super) fn redeem(world: &mut World<'_>, at: Replica, request: Redemption) -> Answer {
    let Redemption { by, code, client, redirect, pair } = request;
    let must_prove = client == Client::Honest && world.scope.client == Proof::Secret;
    if must_prove && by == Who::Attacker && !world.lacks(Weakness::ClientProof) {
        return Answer::Refused(Refusal::Client);
    }
    let is_good = opens(world, at, code.seal)
        && is_alive(world, code.seal, CODE_SECONDS)
        && (code.wish.client == client || world.lacks(Weakness::SameClient))
        && (code.wish.redirect == redirect || world.lacks(Weakness::SameRedirect))
        && (code.wish.pair == pair || world.lacks(Weakness::Pkce));
    if !is_good {
        return Answer::Refused(Refusal::Grant);
    }
    if is_revoked(world, at, code) && !world.lacks(Weakness::CodeOfRevoked) {
        return Answer::Refused(Refusal::Grant);
    }
    if is_used(world, at, Value::Code(code)) {
        if !world.lacks(Weakness::CodeEndsFamily) {
            end(world, at, code);
        }
        return Answer::Refused(Refusal::Grant);
    }
    use_up(world, at, Value::Code(code));
    Answer::Tokens(Grant { family: code, generation: 0, key: key(world, at) })
}

/// `refresh`, by the client that the grant was given to: another one is refused before anything else.
pub(super) fn refresh(world: &mut World<'_>, at: Replica, grant: Grant) -> Answer {
    let family = grant.family;
    if !opens(world, at, sealed(grant)) || is_revoked(world, at, family) {
        return Answer::Refused(Refusal::Grant);
    }
    match newest(world, at, family) {
        Some((successor, since))
            if grant.generation + 1 == successor.generation
                && is_within_overlap(world, since)
                && !world.lacks(Weakness::Overlap) =>
        {
            Answer::Same(successor)
        }
        Some((successor, _)) if grant.generation < successor.generation => {
            if !world.lacks(Weakness::ReuseEndsFamily) {
                end(world, at, family);
            }
            Answer::Refused(Refusal::Grant)
        }
        known => {
            let successor = Grant { generation: grant.generation + 1, key: key(world, at), ..grant };
            let (ledger, now) = (world.ledger(at), world.now());
            if let Some((successor, since)) = known {
                world.drop(Fact::Newest { at: ledger, successor, since });
            }
            if family.seal != Seal::Anew {
                world.put(Fact::Newest { at: ledger, successor, since: now });
            }
            Answer::Tokens(successor)
        }
    }
}

/// What the newest refresh token that is known of was given as, and when.
fn newest(world: &World<'_>, at: Replica, family: Code) -> Option<(Grant, u8)> {
    let ledger = world.ledger(at);
    world.find(|fact| match fact {
        Fact::Newest { at, successor, since } if at == ledger && successor.family == family => {
            Some((successor, since))
        }
        _ => None,
    })
}

/// `revoke`.
pub(super) fn revoke(world: &mut World<'_>, at: Replica, grant: Grant) -> Answer {
    if opens(world, at, sealed(grant)) {
        end(world, at, grant.family);
    }
    Answer::Done
}

/// A call with an access token, which is good everywhere until it is over or its family was revoked.
pub(super) fn call(world: &World<'_>, at: Replica, family: Code) -> Answer {
    if is_revoked(world, at, family) { Answer::Refused(Refusal::Token) } else { Answer::Done }
}

/// `Ledger::revoke`.
fn end(world: &mut World<'_>, at: Replica, family: Code) {
    world.put(Fact::Revoked(world.ledger(at), family));
}

fn is_revoked(world: &World<'_>, at: Replica, family: Code) -> bool {
    world.has(Fact::Revoked(world.ledger(at), family))
}

/// It outlives every scope, so that only its key matters.
fn sealed(grant: Grant) -> Seal {
    Seal::At { made: 0, key: grant.key }
}

/// `Ledger::turn`: the window is closed at its end.
pub(super) fn is_within_overlap(world: &World<'_>, since: u8) -> bool {
    world.lives(since, OVERLAP.as_secs() + 1)
}
