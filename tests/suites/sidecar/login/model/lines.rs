//! That the model would notice: each thing that the server does is left out in turn, and the path that comes of it is then tried at
//! the real sidecar, which does not leave it out, and must stop it at the very step at which the model then does.

use super::explore::{Path, explore, otherwise};
use super::properties::Property;
use super::replay::replay;
use super::scope::{Proof, Scope, Weakness};
use super::stage::Stage;
use super::{holds, told};

/// What breaks without it, and where that shows.
type Line = (&'static [Weakness], Scope, Property);

const FIRST: [Line; 21] = [
    (&[Weakness::ConsentPage], Scope::THEFT, Property::NoTheft),
    (&[Weakness::ConsentCookie], Scope::OLD_BROWSER, Property::NoTheft),
    (&[Weakness::ConsentCookie, Weakness::SameOrigin], Scope::THEFT, Property::NoTheft),
    (&[Weakness::CallbackCookie], Scope::THEFT, Property::NoTheft),
    (&[Weakness::RegisteredRedirect], Scope::THEFT, Property::NoTheft),
    (&[Weakness::Pkce], Scope::THEFT, Property::NoPlanting),
    (&[Weakness::Pkce], Scope::LEAKS, Property::NoTheft),
    (&[Weakness::SingleUse], Scope::TOKENS, Property::CodeOnce),
    (&[Weakness::CodeEndsFamily], Scope::TOKENS, Property::CodeOnce),
    (&[Weakness::CodeOfRevoked], Scope::TOKENS, Property::Revoked),
    (&[Weakness::ReuseEndsFamily], Scope::TOKENS, Property::RefreshOnce),
    (&[Weakness::Overlap], Scope::TOKENS, Property::RefreshOnce),
    (&[Weakness::Overlap], Scope::PLACES, Property::HonestLogin),
    (&[Weakness::RememberedAddress], Scope::REMEMBERED, Property::NoPageSkipped),
    (&[Weakness::RememberedProof], Scope::THEFT, Property::NoTheft),
    (&[Weakness::ClientProof], Scope::REMEMBERED, Property::NoTheft),
    (&[Weakness::ErrorPage], Scope::THEFT, Property::NoOpenRedirect),
    (&[Weakness::LoginInCookie], Scope::PLACES, Property::HonestLogin),
    (&[Weakness::CookieRenewal], Scope::TIMES, Property::HonestLogin),
    (&[Weakness::KeyInTwoSteps], Scope::PLACES, Property::HonestLogin),
    (&[Weakness::OldKey], Scope::PLACES, Property::HonestLogin),
];

/// What stands behind something else: without all of it, the first line still holds.
const SECOND: &[Weakness] = &[
    Weakness::SameOrigin,
    Weakness::SameSite,
    Weakness::ProviderBinding,
    Weakness::SameRedirect,
    Weakness::SameClient,
];

/// The shortest path on which it shows.
fn attack((lacks, scope, property): Line) -> Path {
    let mut explored = explore(&scope.without(lacks), Some(property));
    explored.broken.remove(&property).unwrap_or_default()
}

#[test]
fn whatever_is_left_out_is_noticed() {
    for line in FIRST {
        let (lacks, _, property) = line;
        let path = attack(line);
        assert!(!path.is_empty(), "without {lacks:?}, {property:?} holds");
        eprintln!("without {lacks:?}, {property:?} is broken:\n  {}", told(&path));
    }
}

#[test]
fn o20_without_what_stands_behind_something_else_every_property_holds() {
    let (cookie, pkce): (&[_], &[_]) = (&[Weakness::ConsentCookie], &[Weakness::Pkce]);
    let proved = Scope { client: Proof::Secret, ..Scope::LEAKS };
    for (lacks, scope) in
        [(cookie, Scope::THEFT), (SECOND, Scope::OLD_BROWSER), (SECOND, Scope::LEAKS), (pkce, proved)]
    {
        let name = format!("without {lacks:?}");
        let explored = explore(&scope.on_one_replica().without(lacks), None);
        eprintln!("{name}: {}", explored.figures());
        holds(&name, &explored);
    }
}

#[tokio::test]
async fn no_path_that_needs_a_weakness_can_be_walked_at_the_sidecar() {
    let mut stage = Stage::set().await;
    // When keys change places is the operator's, not the sidecar's.
    let is_of_the_operator =
        |lacks: &[Weakness]| matches!(lacks, [Weakness::KeyInTwoSteps | Weakness::OldKey]);
    for line in FIRST.into_iter().filter(|(lacks, ..)| !is_of_the_operator(lacks)) {
        let (lacks, scope, _) = line;
        let path = attack(line);
        // Up to there the stage is the path's, so that what stops it is the thing that was left out, and nothing else.
        let expected =
            otherwise(&scope, &path).expect("whoever leaves nothing out answers otherwise somewhere");
        let walked = replay(&mut stage, &scope, &path).await;
        assert_eq!(walked, Err(expected), "{lacks:?}:\n  {}", told(&path));
        eprintln!("{lacks:?}: {expected:?}");
    }
}
