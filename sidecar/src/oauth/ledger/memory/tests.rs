//! The edges of what is remembered: how often, how long, how much.

use super::*;

const NOW: u64 = 1_800_000_000;
const SOON: UnixTime = UnixTime(NOW + 60);
const LATE: UnixTime = UnixTime(NOW + 3600);
const KIND: &str = "code";
const LONG: Duration = Duration::from_hours(1);

fn ledger() -> (Memory, crate::clock::Hands) {
    let (clock, hands) = Clock::by_hand(UnixTime(NOW));
    (Memory::new(clock), hands)
}

fn fact<'a>(kind: &'static str, id: &'a str) -> Fact<'a> {
    Fact { kind, id, key: None, whose: None }
}

#[test]
fn o30_what_was_heard_is_known_for_as_long_as_a_token_could_live() {
    let (memory, hands) = ledger();
    let heard = |name: &'static str| memory.has_heard(|| [name.to_owned()].into_iter());
    assert!(!heard("one"));
    memory.hear("one");
    assert!(heard("one") && !heard("other"));
    hands.advance(HEARD);
    assert!(!heard("one"));
}

#[test]
fn what_was_used_is_used_until_it_would_be_over_anyway() {
    let (ledger, hands) = ledger();
    assert_eq!(ledger.once(fact(KIND, "code"), SOON), Once::First);
    assert_eq!(ledger.once(fact(KIND, "code"), SOON), Once::Again);
    assert_eq!(ledger.once(fact(KIND, "another"), SOON), Once::First);
    hands.advance(Duration::from_secs(59));
    assert_eq!(ledger.once(fact(KIND, "code"), SOON), Once::Again);
    hands.advance(Duration::from_secs(1));
    assert_eq!(ledger.once(fact(KIND, "code"), LATE), Once::First);
}

#[test]
fn when_nothing_more_can_be_remembered_nothing_more_happens() {
    let (ledger, hands) = ledger();
    for id in 0..MOST {
        assert_eq!(ledger.once(fact(KIND, &id.to_string()), LATE), Once::First);
    }
    assert_eq!(ledger.once(fact(KIND, "one more"), LATE), Once::Full);
    hands.advance(LONG);
    assert_eq!(ledger.once(fact(KIND, "one more"), UnixTime(LATE.0 + 60)), Once::First);
}

#[test]
fn o15_what_fills_the_room_of_one_kind_keeps_none_of_another() {
    let (ledger, _) = ledger();
    for id in 0..MOST {
        assert_eq!(ledger.once(fact("login", &id.to_string()), LATE), Once::First);
    }
    assert_eq!(
        [ledger.once(fact("login", "one more"), LATE), ledger.begin(fact("login", "one more"))],
        [Once::Full; 2]
    );
    assert_eq!(ledger.once(fact("code", "one more"), LATE), Once::First);
    assert_eq!(ledger.once(fact("assertion", "one more"), LATE), Once::First);
}

#[test]
fn o15_what_comes_to_nothing_takes_no_room_and_is_not_begun_twice_meanwhile() {
    let (ledger, _) = ledger();
    for id in 0..=MOST {
        assert_eq!(ledger.begin(fact("login", &id.to_string())), Once::First);
        ledger.end(fact("login", &id.to_string()), None);
    }
    assert_eq!(ledger.begin(fact("login", "0")), Once::First, "nothing came of it before");
    assert_eq!(ledger.begin(fact("login", "0")), Once::Again, "it is under way");
    ledger.end(fact("login", "0"), Some(SOON));
    assert_eq!(ledger.begin(fact("login", "0")), Once::Again, "it happened");
    assert_eq!(ledger.begin(fact("login", "1")), Once::First);
}

#[test]
fn what_is_remembered_long_keeps_no_room_of_what_is_over_soon() {
    let (ledger, hands) = ledger();
    assert_eq!(ledger.once(fact(KIND, "an assertion"), LATE), Once::First);
    for id in 1..MOST {
        assert_eq!(ledger.once(fact(KIND, &id.to_string()), SOON), Once::First);
    }
    assert_eq!(ledger.once(fact(KIND, "one more"), LATE), Once::Full);
    hands.advance(Duration::from_mins(1));
    assert_eq!(ledger.once(fact(KIND, "one more"), LATE), Once::First);
    assert_eq!(ledger.once(fact(KIND, "an assertion"), LATE), Once::Again);
}

#[test]
fn d11_a_refresh_token_that_comes_twice_soon_gets_the_same_and_later_ends_the_family() {
    let (ledger, hands) = ledger();
    assert!(matches!(ledger.turn("f", 0), Turn::Exchange));
    ledger.turned("f", 1, "first".into(), LONG);
    assert!(matches!(ledger.turn("f", 0), Turn::Same(answer) if &*answer == "first"));
    assert!(matches!(ledger.turn("f", 1), Turn::Exchange));
    hands.advance(OVERLAP + Duration::from_secs(1));
    assert!(matches!(ledger.turn("f", 0), Turn::Reused));
    assert!(matches!(ledger.turn("f", 1), Turn::Exchange));
}

#[test]
fn o29_what_a_token_was_exchanged_for_is_kept_no_longer_than_it_is_given_again() {
    let (ledger, hands) = ledger();
    for family in 0..=MOST_ANSWERS {
        ledger.turned(&family.to_string(), 1, "x".into(), LONG);
    }
    assert_eq!(lock(&ledger.answers).len(), MOST_ANSWERS, "and never too many");
    assert!(matches!(ledger.turn("0", 0), Turn::Exchange), "its answer gave way");
    hands.advance(OVERLAP);
    ledger.turned("another", 1, "x".into(), LONG);
    assert_eq!(lock(&ledger.answers).len(), 1);
    assert!(matches!(ledger.turn("1", 0), Turn::Reused), "what counts is remembered");
}

#[test]
fn o12_a_generation_before_the_last_one_is_never_taken_however_soon() {
    let (ledger, _) = ledger();
    ledger.turned("f", 1, "first".into(), LONG);
    ledger.turned("f", 2, "second".into(), LONG);
    assert!(matches!(ledger.turn("f", 0), Turn::Reused));
    assert!(matches!(ledger.turn("f", 1), Turn::Same(answer) if &*answer == "second"));
}

#[test]
fn d11_what_the_provider_gave_for_one_generation_is_nothing_for_the_next_one() {
    let (ledger, hands) = ledger();
    let kept = |generation| ledger.kept("f", generation).map(|token| token.expose().clone());
    ledger.keep("f", 3, Secret::new("newer".to_owned()));
    assert_eq!([kept(2), kept(3), kept(4)], [None, Some("newer".to_owned()), None]);
    ledger.turned("f", 4, "x".into(), LONG);
    assert_eq!(kept(3), None, "its turn was taken");
    ledger.keep("f", 4, Secret::new("newest".to_owned()));
    hands.advance(KEPT);
    assert_eq!(kept(4), None);
}

#[test]
fn a_family_that_another_replica_turned_is_taken_here_and_a_revoked_one_nowhere() {
    let (ledger, hands) = ledger();
    ledger.turned("f", 1, "first".into(), LONG);
    assert!(matches!(ledger.turn("f", 5), Turn::Exchange));
    ledger.revoke("f", LONG);
    assert!(ledger.is_revoked("f") && !ledger.is_revoked("g"));
    hands.advance(LONG);
    assert!(!ledger.is_revoked("f"));
}

#[test]
fn o15_the_end_of_a_family_is_news_once_for_each_generation_and_never_for_an_older_one() {
    let (ledger, hands) = ledger();
    let tells = |generation| ledger.tells("f", generation, LONG);
    assert_eq!([1, 1, 0, 2, 1].map(tells), [true, false, false, true, false]);
    assert!(ledger.tells("g", 0, LONG), "another family");
    ledger.was_not_told("f", 1);
    assert!(!tells(1), "a newer one was told of meanwhile");
    ledger.was_not_told("f", 2);
    assert_eq!([1, 1].map(tells), [true, false]);
    for family in 0..MOST {
        ledger.tells(&family.to_string(), 0, LONG);
    }
    assert_eq!(lock(&ledger.told).len(), MOST);
    hands.advance(LONG);
    assert!(ledger.tells("1", 0, LONG), "it is over anyway");
    assert_eq!(lock(&ledger.told).len(), 1);
}

#[test]
fn o15_families_and_revocations_are_bounded_and_the_oldest_go_first() {
    let (ledger, _) = ledger();
    for family in 0..=MOST {
        ledger.turned(&family.to_string(), 1, "x".into(), LONG);
        ledger.revoke(&family.to_string(), LONG);
    }
    assert!(matches!(ledger.turn("0", 0), Turn::Exchange), "the first one is forgotten");
    assert!(matches!(ledger.turn(&MOST.to_string(), 0), Turn::Same(_)));
    assert!(!ledger.is_revoked("0") && ledger.is_revoked(&MOST.to_string()));
}
