//! Who can do what in a state. The attacker's moves are written down by the closed lists of steps and of kinds of values: a new one
//! does not compile before it is said what he can do with it.
//!
//! Pure. What the attacker does alone only adds to what he has, and nothing of it is ever used up: so he does all of it first, in
//! one order, and the exploration branches where somebody else is touched.

use sidecar::oauth::Step;
use sidecar::oauth::values::Kind;

use super::grants::is_within_overlap;
use super::scope::{Attacker, Manners, Restarts, Weakness};
use super::server::{is_registered, may_remember};
use super::terms::{
    Action, Alone, Ask, Client, Code, Decision, Grant, Login, Lure, Pair, Redirect, Replica, Said, Value,
    Who, Wish,
};
use super::world::{Fact, World};

pub(super) const HONEST: Wish =
    Wish { client: Client::Honest, redirect: Redirect::Honest, pair: Pair::Honest(0) };

/// What can happen next, once the attacker is prepared.
pub(super) fn moves(world: &World<'_>) -> Vec<Action> {
    let mut found = Vec::new();
    if world.now() < world.scope.ticks {
        found.push(Action::Tick);
    }
    let has = Has::of(world);
    for at in world.scope.replicas.iter().copied() {
        if world.scope.restarts == Restarts::Any {
            found.push(Action::Restart(at));
        }
        if world.scope.rotates && may_rotate(world, at) {
            found.push(Action::Rotate(at));
        }
        found.extend(honest(world, at));
        found.extend(stolen(&has, at));
    }
    let steps = Step::ALL.into_iter().filter(|_| world.scope.attacker == Attacker::Active);
    found
        .extend(steps.flat_map(|step| lures(world, &has, step)).map(|lure| Action::Lead(lure, Replica::One)));
    found
}

/// Whether this can happen next, in whatever order the attacker prepares himself.
pub(super) fn is_possible(world: &World<'_>, action: Action) -> bool {
    match action {
        Action::Alone(action) => alone(world).contains(&action),
        _ => moves(world).contains(&action),
    }
}

/// Every replica opens with a key before one seals with it.
fn may_rotate(world: &World<'_>, at: Replica) -> bool {
    let everywhere = world.scope.replicas.iter().all(|at| world.phase(*at) > 0);
    match world.phase(at) {
        0 => true,
        1 => everywhere,
        _ => false,
    }
}

/// The victim, and the client that the victim uses.
fn honest(world: &World<'_>, at: Replica) -> Vec<Action> {
    let mut found = Vec::new();
    let flows = (0..world.scope.flows).filter(|flow| *flow == 0 || world.has(Fact::Flow(flow - 1)));
    found.extend(flows.filter(|flow| !world.has(Fact::Flow(*flow))).map(|flow| Action::Start(flow, at)));
    for fact in world.facts() {
        match fact {
            Fact::Page(ask) => {
                let decisions = decisions(world, ask).into_iter();
                found.extend(decisions.map(|decision| Action::Decide(ask, decision, at)));
            }
            Fact::Jar(login) => found.push(Action::Return(login, at)),
            Fact::Inbox(code) => {
                found.extend(redeemed(world, code).map(|flow| Action::Redeem(code, flow, at)));
            }
            Fact::Held(grant) => found.extend(used(world, grant, at)),
            _ => {}
        }
    }
    found
}

/// The victim agrees to what the page says is the honest client at our server, and to nothing else.
fn decisions(world: &World<'_>, ask: Ask) -> Vec<Decision> {
    if ask.wish.client != Client::Honest || ask.wish.pair == Pair::Misled {
        return vec![Decision::Deny];
    }
    let remember = may_remember(world, ask.wish).then_some(Decision::Remember);
    [Decision::Allow, Decision::Deny].into_iter().chain(remember).collect()
}

/// A client that does not compare its `state`, as there are some: it redeems whatever comes, with the verifier of its own login.
fn redeemed(world: &World<'_>, code: Code) -> impl Iterator<Item = u8> {
    let is_held =
        world.find(|fact| matches!(fact, Fact::Held(grant) if grant.family == code).then_some(())).is_some();
    let flow = match code.wish.pair {
        Pair::Honest(flow) => flow,
        Pair::Misled | Pair::Attackers => 0,
    };
    let tries = world.has(Fact::Flow(flow)) && (!is_held || world.scope.manners == Manners::Careless);
    tries.then_some(flow).into_iter()
}

/// What is done with a refresh token, and with the access token beside it.
fn used(world: &World<'_>, grant: Grant, at: Replica) -> Vec<Action> {
    let mut found = vec![Action::Call(grant.family, at)];
    let newest = world.all(|fact| match fact {
        Fact::Held(other) if other.family == grant.family => Some(other.generation),
        _ => None,
    });
    let newest = newest.into_iter().max().unwrap_or(0);
    let is_sent_twice = world.facts().into_iter().any(|fact| {
        matches!(fact, Fact::Exchanged { at: replica, family, generation, when }
            if (replica, family, generation) == (at, grant.family, grant.generation)
                && generation + 1 == newest && is_within_overlap(world, when))
    });
    let careless = world.scope.manners == Manners::Careless;
    if grant.generation < world.scope.generations && (careless || grant.generation == newest || is_sent_twice)
    {
        found.push(Action::Refresh(grant, at));
    }
    if careless {
        found.push(Action::Revoke(grant, at));
    }
    found
}

/// What the attacker asks for: any client, any address, and a pair of his own; nobody tells him another.
fn wishes() -> impl Iterator<Item = Wish> {
    let addresses = [Redirect::Honest, Redirect::Other, Redirect::Attackers];
    let of = move |client| addresses.map(|redirect| Wish { client, redirect, pair: Pair::Attackers });
    [Client::Honest, Client::Attackers].into_iter().flat_map(of)
}

/// What the attacker has.
#[derive(Debug, Default)]
struct Has {
    asks: Vec<Ask>,
    logins: Vec<Login>,
    said: Vec<Said>,
    codes: Vec<Code>,
    grants: Vec<Grant>,
    /// Codes that are not his own.
    stolen: Vec<Code>,
}

impl Has {
    fn of(world: &World<'_>) -> Self {
        let mut has = Self::default();
        for fact in world.facts() {
            match fact {
                Fact::Said(said) => has.said.push(said),
                Fact::Known(Value::Ask(ask)) => has.asks.push(ask),
                Fact::Known(Value::Login(login)) => has.logins.push(login),
                Fact::Known(Value::Code(code)) if code.person == Who::Victim => has.stolen.push(code),
                Fact::Known(Value::Code(code)) => has.codes.push(code),
                Fact::Known(Value::Grant(grant)) => has.grants.push(grant),
                _ => {}
            }
        }
        has
    }
}

/// What the attacker can do by himself and has not done yet.
pub(super) fn alone(world: &World<'_>) -> Vec<Alone> {
    let has = Has::of(world);
    let kinds = Kind::ALL.into_iter().filter(|_| world.scope.attacker != Attacker::Absent);
    kinds.flat_map(|kind| alone_with(world, &has, kind)).collect()
}

/// What he does with the values that he has, kind by kind, at the step that opens them. That no other step does is tried with real
/// values (`login::swaps`).
fn alone_with(world: &World<'_>, has: &Has, kind: Kind) -> Vec<Alone> {
    match kind {
        // Their ids are known to all.
        Kind::Client => {
            let can = |wish: &Wish| is_registered(*wish) || world.lacks(Weakness::RegisteredRedirect);
            let news = wishes().filter(|wish| can(wish) && !has.asks.iter().any(|ask| ask.wish == *wish));
            news.map(Alone::Ask).collect()
        }
        Kind::Ask => {
            let is_new = |ask: &&Ask| !has.logins.iter().any(|login| login.wish == ask.wish);
            has.asks.iter().filter(is_new).map(|ask| Alone::Agree(*ask)).collect()
        }
        Kind::Login => {
            let said = |login: &Login| Said { of: *login, person: Who::Attacker };
            let is_new = |login: &&Login| !has.codes.iter().any(|code| code.wish == login.wish);
            let by = |login: &Login| {
                let is_back = has.said.contains(&said(login));
                if is_back { Alone::Return(*login, said(login)) } else { Alone::LogIn(*login) }
            };
            has.logins.iter().filter(is_new).map(by).collect()
        }
        Kind::Code => {
            let is_new = |code: &&Code| !has.grants.iter().any(|grant| grant.family == **code);
            has.codes.iter().filter(is_new).map(|code| Alone::Redeem(*code)).collect()
        }
        Kind::Grant => {
            let next = |grant: &Grant| Grant { generation: grant.generation + 1, ..*grant };
            let is_new = |grant: &&Grant| {
                grant.generation < world.scope.generations && !has.grants.contains(&next(grant))
            };
            has.grants.iter().filter(is_new).map(|grant| Alone::Refresh(*grant)).collect()
        }
        // It would spare him a page of his own.
        Kind::Remembered => Vec::new(),
    }
}

/// What he can do with the victim's browser. Any replica will do: what he sends there is his own, and none has used it up.
///
/// One who listens waits instead: whoever begins a login with a pair of his own, and reads where it ends, has its code, and no
/// authorization server can help that.
fn lures(world: &World<'_>, has: &Has, step: Step) -> Vec<Lure> {
    let is_new = |wish: Wish| !world.has(Fact::Opened(wish));
    match step {
        Step::Authorize => {
            let whole = wishes().filter(|wish| is_new(*wish)).map(Lure::Authorize);
            let misled = Wish { pair: Pair::Misled, ..HONEST };
            let server = is_new(misled).then_some(Lure::Server(misled));
            whole.chain(wishes().map(Lure::Malformed)).chain(server).collect()
        }
        Step::Consent => has.asks.iter().filter(|ask| is_new(ask.wish)).map(|ask| Lure::Post(*ask)).collect(),
        Step::Callback => {
            let mixed = |login: &Login| {
                let login = *login;
                has.said.iter().map(move |said| Lure::Callback(login, *said))
            };
            let provider = has.logins.iter().map(|login| Lure::Provider(*login));
            provider.chain(has.logins.iter().flat_map(mixed)).collect()
        }
        Step::Token if world.has(Fact::Flow(0)) => has.codes.iter().map(|code| Lure::Client(*code)).collect(),
        // These look at no cookie: what a browser is made to send there, the attacker can send himself.
        Step::Token | Step::Register | Step::Revoke | Step::Keys => Vec::new(),
    }
}

/// What he does with codes that are not his.
fn stolen(has: &Has, at: Replica) -> Vec<Action> {
    let with = |code: &Code| {
        let code = *code;
        wishes().map(move |wish| Action::Steal(code, wish.client, wish.redirect, at))
    };
    has.stolen.iter().flat_map(with).collect()
}
