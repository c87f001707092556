//! What rotates by itself or on somebody's wish: nobody notices, and it stays small (O29).

use std::collections::BTreeMap;

use super::*;
use crate::keys::Held as Got;

#[test]
fn in_two_years_whatever_was_sealed_within_one_opens_and_whatever_was_signed_within_an_hour_verifies() {
    let mut held = Held::new();
    let (mut sealed, mut signed) = (BTreeMap::new(), BTreeMap::new());
    for hour in 0..2 * 365 * 24 {
        let now = hour * HOUR;
        if held.look(None, now) {
            assert_eq!(Ring::parse(held.document().expose()).as_ref(), Ok(&held.ring));
        }
        sealed.insert(held.seals().to_owned(), now);
        signed.insert(held.signs().to_owned(), now);
        let (opens, publishes) = (held.opens(), held.publishes());
        assert!(sealed.iter().all(|(id, last)| now - last > 365 * DAY || opens.contains(id)), "hour {hour}");
        assert!(signed.iter().all(|(id, last)| now - last > HOUR || publishes.contains(id)), "hour {hour}");
        assert!(opens.len() <= 16 && publishes.len() <= 3, "{} and {}", opens.len(), publishes.len());
        assert!(opens.len() == held.keys.seal.len() && publishes.len() == held.keys.sign.len());
    }
    // A key every 30 days, and an hour more until the next look.
    assert_eq!((sealed.len(), signed.len()), (25, 25));
    assert!(!held.opens().contains(first(&sealed)), "a key is not kept for ever");
    assert_eq!(held.publishes().len(), 1);
}

fn first(sealed: &BTreeMap<String, i64>) -> &str {
    sealed.iter().min_by_key(|(_, last)| **last).map(|(id, _)| id.as_str()).expect("there was one")
}

#[test]
fn a_key_is_known_everywhere_before_it_is_used_anywhere() {
    let mut held = Held::new();
    let mut told: Vec<Keys> = Vec::new();
    for look in 0..65 * DAY / (5 * MINUTE) {
        held.look(None, look * 5 * MINUTE);
        told.push(held.keys.clone());
        // Replicas that were told just now, five minutes and ten minutes ago.
        let late: Vec<_> = told.iter().rev().take(3).collect();
        for one in &late {
            for other in &late {
                assert!(
                    other.seal.contains(&one.seal[0]),
                    "look {look}: one seals what another does not open"
                );
                assert!(
                    other.sign.contains(&one.sign[0]),
                    "look {look}: one signs what another does not know"
                );
            }
        }
    }
    let firsts: BTreeSet<_> = told.iter().map(|keys| keys.seal[0].id.as_str()).collect();
    assert_eq!(firsts.len(), 3);
}

#[test]
fn a_wish_begins_a_rotation_once_and_another_wish_another_one() {
    let mut held = Held::new();
    let before = (held.seals().to_owned(), held.signs().to_owned());
    let is_used = |held: &Held, (seal, sign): &(String, String)| held.seals() == seal && held.signs() == sign;
    assert!(held.look(Some("2026-12-01"), 0));
    let next = (held.keys.seal[1].id.to_string(), held.keys.sign[1].id.to_string());
    assert!(!held.look(Some("2026-12-01"), LEAD_SECONDS - 1) && is_used(&held, &before));
    assert!(held.look(Some("2026-12-01"), LEAD_SECONDS) && is_used(&held, &next));
    assert!(!held.look(Some("2026-12-01"), HOUR), "it was granted");
    assert!(!held.look(None, HOUR) && !held.look(Some("2026-12-01"), HOUR), "taking it back is no wish");
    assert!(held.look(Some("2026-12-02"), HOUR) && is_used(&held, &next));
    assert!(held.look(Some("2026-12-02"), HOUR + LEAD_SECONDS) && !is_used(&held, &next));
    assert!(held.opens().contains(&before.0) && held.opens().contains(&next.0));
}

#[test]
fn a_wish_that_was_there_before_the_ring_is_granted_with_it_and_one_during_a_rotation_by_that_rotation() {
    let ring = Ring::mint(Some("a"), at(0), Random::system());
    let mut held = Held::of(ring.expect("there is randomness"));
    assert!(!held.look(Some("a"), 0) && held.keys.seal.len() == 1);
    assert!(held.look(Some("b"), 0) && held.keys.seal.len() == 2);
    assert!(held.look(Some("c"), MINUTE) && held.keys.seal.len() == 2);
    assert!(held.look(Some("c"), LEAD_SECONDS) && held.keys.seal.len() == 2);
    held.look(Some("c"), DAY);
    assert_eq!(held.keys.seal.len(), 2, "all three were granted");
}

#[test]
fn however_often_somebody_wishes_a_ring_has_a_bound_and_the_wish_waits_for_room() {
    let mut held = Held::new();
    let mut now = 0;
    for wish in 0..MOST + 5 {
        held.look(Some(&wish.to_string()), now);
        now += LEAD_SECONDS;
        held.look(Some(&wish.to_string()), now);
        assert!(held.keys.seal.len() <= MOST);
    }
    assert_eq!(held.keys.seal.len(), MOST);
    let full = held.seals().to_owned();
    held.look(Some("last"), now + DAY);
    held.look(Some("last"), now + DAY + LEAD_SECONDS);
    assert_eq!(held.seals(), full);
    // The first look of that day makes room, the second one grants.
    let later = now + 367 * DAY;
    held.look(Some("last"), later);
    assert!(held.keys.seal.len() < 20);
    held.look(Some("last"), later + MINUTE);
    held.look(Some("last"), later + MINUTE + LEAD_SECONDS);
    assert_ne!(held.seals(), full);
}

#[test]
fn without_randomness_nothing_is_made_and_what_is_there_is_used() {
    let needs = Needs::Keys { wish: None };
    assert_eq!(keep(None, needs, at(0), Random::none()).err(), Some(NoRandom));
    let held = Held::new();
    let look = |second| keep(Some(&held.document()), needs, at(second), Random::none());
    assert_eq!(look(31 * DAY).err(), Some(NoRandom));
    let young = look(29 * DAY).expect("nothing is to be made");
    assert_eq!(young.keys, Got::Keys(held.keys.clone()));
}
