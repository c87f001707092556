//! What is read is what was written, and what cannot be read is left as it is (K03, promise 1).

use super::*;
use crate::keys::Held as Got;
use serde_json::{Value, json};

const NEEDS: Needs<'_> = Needs::Keys { wish: None };

/// A ring with a key of every state.
fn held() -> Held {
    let mut held = Held::new();
    for second in [31 * DAY, 31 * DAY + LEAD_SECONDS, 62 * DAY] {
        held.look(None, second);
    }
    assert_eq!((held.keys.seal.len(), held.keys.sign.len()), (3, 2));
    held
}

fn text(document: &Hidden<Vec<u8>>) -> &str {
    std::str::from_utf8(document.expose()).expect("text")
}

/// The document of that ring with a change, and what is made of it.
fn changed(change: impl FnOnce(&mut Value)) -> (Hidden<Vec<u8>>, Kept) {
    let mut document: Value = serde_yaml::from_str(&held().ring.to_yaml()).expect("YAML");
    change(&mut document);
    let document = Hidden::new(serde_yaml::to_string(&document).expect("YAML").into_bytes());
    let kept = keep(Some(&document), NEEDS, at(62 * DAY), Random::system()).expect("there is randomness");
    (document, kept)
}

/// It closes, and nobody writes over it.
fn is_left_alone((document, kept): (Hidden<Vec<u8>>, Kept)) -> Unreadable {
    assert_eq!((kept.document, kept.news), (Some(document), None));
    match kept.keys {
        Got::Unreadable(why) => why,
        other => panic!("it was read: {other:?}"),
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let held = held();
    let ring = Ring::parse(held.document().expose()).expect("it reads back");
    assert_eq!((&ring, ring.keys()), (&held.ring, held.keys));
    let (document, kept) = changed(|_| ());
    assert!(kept.document == Some(document) && matches!(kept.keys, Got::Keys(_)) && kept.news.is_none());
}

#[test]
fn a_document_that_a_later_release_wrote_is_read_and_left_as_it_is() {
    let (document, kept) = changed(|ring| ring["more"] = json!({ "of": "it" }));
    assert!(kept.document == Some(document) && matches!(kept.keys, Got::Keys(_)));
}

#[test]
fn a_document_that_cannot_be_read_closes_and_is_left_as_it_is() {
    for part in ["seal", "sign"] {
        for field in ["first", "retired"] {
            let broken = changed(|ring| drop(ring[part].as_object_mut().expect("a map").remove(field)));
            assert!(matches!(is_left_alone(broken), Unreadable::Document(_)), "{part}.{field}");
        }
        for field in ["id", "key", "born"] {
            let broken = changed(|ring| ring[part]["next"][field] = "?".into());
            assert!(matches!(is_left_alone(broken), Unreadable::Document(_)), "{part}.next.{field}");
        }
        let without = changed(|ring| drop(ring[part].as_object_mut().expect("a map").remove("next")));
        assert!(matches!(without.1.keys, Got::Keys(_)), "a next key need not be");
    }
    for bytes in [&b""[..], b"{}", b"[]", b"\xff\xfe", b"seal: {first: \t}"] {
        let document = Hidden::new(bytes.to_vec());
        let kept = keep(Some(&document), NEEDS, at(0), Random::system()).expect("there is randomness");
        is_left_alone((document, kept));
    }
}

#[test]
fn a_key_has_just_the_length_that_it_must_have() {
    let key = |length: usize| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        changed(|ring| ring["sign"]["first"]["key"] = STANDARD.encode(vec![7; length]).into())
    };
    assert!(matches!(key(32).1.keys, Got::Keys(_)));
    assert!(matches!(is_left_alone(key(33)), Unreadable::Length(_)));
    assert!(matches!(is_left_alone(key(31)), Unreadable::Document(_)));
}

#[test]
fn two_keys_of_a_kind_have_two_names() {
    let same =
        |other: &'static str| changed(|ring| ring["seal"]["next"]["id"] = ring[other]["first"]["id"].clone());
    assert!(matches!(is_left_alone(same("seal")), Unreadable::Twice(_)));
    assert!(matches!(same("sign").1.keys, Got::Keys(_)), "a sealing and a signing key may share one");
}

#[test]
fn in_native_mode_a_ring_is_carried_along_as_it_is_and_none_is_made() {
    let look = |found: Option<&Hidden<Vec<u8>>>| {
        keep(found, Needs::Nothing, at(900 * DAY), Random::none()).expect("nothing is to be made")
    };
    let broken = Hidden::new(b"?".to_vec());
    for document in [held().document(), broken] {
        let kept = look(Some(&document));
        assert_eq!((kept.document, kept.keys, kept.news), (Some(document), Got::NotNeeded, None));
    }
    assert!(look(None).document.is_none());
}

#[test]
fn k03_nothing_but_the_document_shows_a_key() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let kept = keep(None, NEEDS, at(0), Random::system()).expect("there is randomness");
    let Got::Keys(keys) = &kept.keys else { panic!("no keys: {:?}", kept.keys) };
    let secret = STANDARD.encode(keys.seal[0].key.expose());
    assert!(text(kept.document.as_ref().expect("a ring")).contains(&secret));
    let news = kept.news.as_deref().expect("it is new");
    assert!(news.contains(keys.seal[0].id.as_str()) && !news.contains(&secret));
    assert!(!format!("{kept:?}").contains(&secret));
    // A reader that quotes what it does not understand.
    let planted = "c2VjcmV0";
    for field in ["id", "key", "born"] {
        let said = is_left_alone(changed(|ring| ring["seal"]["first"][field] = format!("{planted}!").into()));
        assert!(!format!("{said} {said:?}").contains(planted), "{said:?}");
    }
}
