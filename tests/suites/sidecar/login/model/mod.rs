//! The table of steps as a small model, explored exhaustively with an attacker in it. Whatever he starts, replays, mixes, or makes
//! the victim's browser do: no path gives him a code or a token of the victim's, or the victim's client a token of his, and
//! every honest login comes through. Meets O01–O03, O06–O08, O10, O12, O20, I2, I3, I6, I7, A13, O29, O30.
//!
//! **Who**: the victim, whose browser is logged in at the provider, which asks nothing; an honest client, which compares no state
//! and redeems whatever comes to its address; two replicas with memories of their own, which end and begin again while keys are
//! rotated and time passes; and the attacker, with a browser and an account of his own and a client that he registered with
//! the honest client's address beside his. He calls every step with everything that he has, as any public client; he leads the
//! victim's browser to any address and makes it post any form; he reads what comes to his browser and to his address.
//! He opens and forges no sealed value, reads nothing out of the victim's jar, and the victim agrees to the honest client alone.
//!
//! **How far**: `server` decides as the code does, in its order and with its lifetimes, and `properties` judges by what was asked and
//! answered. `explore` visits every state of a `Scope`, and what breaks comes out as a shortest path. Each decision of the
//! server can be left out (`Weakness`), and is noticed then.
//!
//! **Why it stays true**: what the attacker does is said for each `Step`, and what he mixes for each `Kind`, so that a new one does not
//! compile without it; and `replay` walks a path of every kind, with real browsers, at real sidecars, which must answer alike.
//!
//! Not in it: whoever shares a site with us (cookies are `__Host-`), frames, guessing, the ninth login at a time, and an attacker
//! who reads the honest client's own address: who begins a login and reads where it ends has it.

mod acts;
mod explore;
mod grants;
mod lines;
mod moves;
mod properties;
mod replay;
mod scope;
mod seen;
mod server;
mod stage;
mod terms;
mod world;

use std::sync::LazyLock;

use explore::{Explored, Path, explore};
use properties::Property;
use replay::replay;
use scope::{Restarts, Scope};
use stage::Stage;
use terms::{Action, Answer};

/// Explored once, for all tests.
static WHOLE: LazyLock<[(&str, Scope, Explored); 7]> = LazyLock::new(|| {
    let of = |name, scope: Scope| (name, scope, explore(&scope, None));
    [
        of("theft", Scope::THEFT),
        of("remembered", Scope::REMEMBERED),
        of("leaks", Scope::LEAKS),
        of("tokens", Scope::TOKENS),
        of("store", Scope::STORE),
        of("places", Scope::PLACES),
        of("times", Scope::TIMES),
    ]
});

fn told(path: &Path) -> String {
    let lines = path.iter().map(|(action, answer)| format!("{action:?}\n    {answer:?}"));
    lines.collect::<Vec<_>>().join("\n  ")
}

fn holds(name: &str, explored: &Explored) {
    let told = |(property, path)| format!("{name}: {property:?} is broken:\n  {}", told(path));
    let broken: Vec<_> = explored.broken.iter().map(told).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn o01_no_path_of_any_length_breaks_a_property() {
    for (name, _, explored) in &*WHOLE {
        eprintln!("{name}: {}", explored.figures());
        holds(name, explored);
        // Nor does it hold because nothing happens.
        let is_honest = |path: &Path| matches!(path.last(), Some((Action::Redeem(..), Answer::Tokens(_))));
        assert!(explored.seen.iter().any(is_honest), "{name}: no honest login comes through");
    }
}

#[test]
fn a13_across_replicas_a_code_and_a_refresh_token_are_good_once_only_with_a_store() {
    for property in [Property::CodeOnce, Property::RefreshOnce] {
        let scope = Scope { as_one: true, ..Scope::TOKENS };
        let explored = explore(&scope, Some(property));
        let path = explored.broken.get(&property);
        let path = path.expect("docs/proxy-mode.md says what is open without a store");
        eprintln!("{property:?} is broken:\n  {}", told(path));
        // Its twin, with a store, is among those that hold.
        assert_eq!(Scope { ledger: scope::Ledger::Shared, ..scope }, Scope::STORE);
    }
}

/// Walks the paths of these scopes, and of every so many of the sample.
async fn walk(every: usize, scopes: impl Iterator<Item = (&str, &Scope, &Explored)>) -> String {
    let (mut stage, mut count) = (Stage::set().await, 0);
    for (name, scope, explored) in scopes {
        for path in explored.seen.iter().chain(explored.sample.iter().step_by(every)) {
            let walked = replay(&mut stage, scope, path).await;
            assert_eq!(walked, Ok(()), "{name}:\n  {}", told(path));
            count += 1;
        }
    }
    format!("{count} paths walked")
}

#[tokio::test]
async fn the_sidecar_answers_as_the_model_does_on_paths_of_every_kind() {
    let tokens = Scope { restarts: Restarts::Never, ..Scope::TOKENS.on_one_replica() };
    let explored = explore(&tokens, None);
    let scopes = WHOLE.iter().map(|(name, scope, explored)| (*name, scope, explored));
    // Those of the others rotate keys, restart a replica after each request, or have a store.
    let scopes = scopes.filter(|(_, scope, _)| scope.ticks == 0 && !scope.rotates);
    eprintln!("{}", walk(1, scopes.chain([("tokens on one replica", &tokens, &explored)])).await);
}

#[tokio::test]
async fn the_sidecar_answers_as_the_model_does_while_replicas_restart_and_keys_rotate() {
    let scopes = WHOLE.iter().map(|(name, scope, explored)| (*name, scope, explored));
    // A restart or a rotation takes half a second to arrive.
    eprintln!("{}", walk(4, scopes.filter(|(_, scope, _)| scope.rotates)).await);
}
