//! Operators whose clocks differ, and clocks that step: no key is lost, none comes back into use, and rotation goes on (N).

use super::*;

/// A ring that has rotated for so many days.
fn after(days: i64) -> Held {
    let mut held = Held::new();
    for hour in 0..=days * 24 {
        held.look(None, hour * HOUR);
    }
    held
}

#[test]
fn two_operators_with_clocks_of_their_own_rotate_as_one_does() {
    let (mut one, mut both) = (Held::new(), Held::new());
    let mut writes = [0, 0];
    let mut seen = vec![both.keys.clone()];
    for look in 0..65 * DAY / (2 * MINUTE) {
        let now = look * 2 * MINUTE;
        writes[0] += i32::from(one.look(None, now));
        // The second one is four minutes ahead.
        let clock = if look % 2 == 0 { now } else { now + 4 * MINUTE };
        if both.look(None, clock) {
            writes[1] += 1;
            assert!(!seen.contains(&both.keys), "look {look}: it went back to what it was");
            seen.push(both.keys.clone());
        }
    }
    assert_eq!(writes[0], writes[1]);
    assert_eq!(
        seen.len(),
        1 + 2 * 3,
        "two rotations: the next keys, their turn, and the end of a signing key"
    );
}

#[test]
fn who_looks_second_takes_what_the_first_one_made_and_makes_nothing() {
    let needs = Needs::Keys { wish: None };
    let made = keep(None, needs, at(0), Random::system()).expect("there is randomness");
    assert!(made.news.is_some());
    for second in [-300, -1, 0, 1, 300] {
        let second =
            keep(made.document.as_ref(), needs, at(second), Random::none()).expect("nothing is made");
        assert_eq!(
            (second.document, second.keys, second.news),
            (made.document.clone(), made.keys.clone(), None)
        );
    }
}

#[test]
fn a_clock_that_goes_back_takes_no_key_away_and_brings_none_back_into_use() {
    for back in [1, MINUTE, HOUR, 3 * DAY, 300 * DAY, 3000 * DAY] {
        // Within a rotation, and between two.
        for rotates in [true, false] {
            let mut held = after(350);
            let now = 350 * DAY + HOUR;
            if rotates {
                assert!(held.look(Some("now"), now));
            }
            let (opens, retired) = (held.opens(), used_before(&held, rotates));
            for minute in [0, 1, 9, 10, 11, 60] {
                held.look(rotates.then_some("now"), now - back + minute * MINUTE);
                assert!(held.opens().is_superset(&opens), "{back} s back");
                assert!(!retired.contains(held.seals()), "{back} s back");
            }
            held.look(rotates.then_some("now"), now + DAY);
            held.look(rotates.then_some("now"), now + DAY + LEAD_SECONDS);
            assert!(
                held.opens().is_superset(&opens) && !retired.contains(held.seals()),
                "{back} s back and on"
            );
        }
    }
}

/// The keys that have had their time.
fn used_before(held: &Held, rotates: bool) -> BTreeSet<String> {
    held.keys.seal.iter().skip(1 + usize::from(rotates)).map(|key| key.id.to_string()).collect()
}

#[test]
fn a_clock_that_ran_ahead_for_a_while_costs_no_login_and_does_not_stop_the_rotation() {
    for ahead in [DAY, 29 * DAY, 300 * DAY, 3000 * DAY] {
        // Before the thirteenth key has had its year.
        let mut held = after(393);
        let now = 393 * DAY;
        let opens = held.opens();
        for minute in [0, 5, 10, 20] {
            held.look(None, now + ahead + minute * MINUTE);
            assert!(held.opens().is_superset(&opens), "{ahead} s ahead");
        }
        let first = held.seals().to_owned();
        for hour in 1..=32 * 24 {
            held.look(None, now + hour * HOUR);
        }
        assert_ne!(held.seals(), first, "{ahead} s ahead: a month later there is a new key");
    }
}

/// A key that a wrong clock dated a year ahead waits no year for its turn.
#[test]
fn a_next_key_from_the_future_has_its_turn_ten_minutes_after_that_shows() {
    let mut held = Held::new();
    assert!(held.look(None, 365 * DAY));
    let next = held.keys.seal[1].id.to_string();
    assert!(held.look(None, DAY));
    assert!(!held.look(None, DAY + LEAD_SECONDS - 1));
    assert!(held.look(None, DAY + LEAD_SECONDS));
    assert_eq!(held.seals(), next);
}
