//! In which order memory and store are asked.

use crds::names::StoreUrl;
use crds::proxy::{KeyBytes, SealKey};

use super::used::MOST;
use super::*;
use crate::clock::Clock;
use crate::random::Random;
use crate::store::Names;

const NOW: UnixTime = UnixTime(1_800_000_000);
const LATER: UnixTime = UnixTime(NOW.0 + 600);

fn fact<'a>(id: &'a str, whose: &'a str) -> Fact<'a> {
    Fact { kind: "assertion", id, key: None, whose: Some(whose) }
}

/// With a store at which nobody listens: whoever asks it is sent away.
fn beside_a_store_that_is_away() -> Ledger {
    let memory = Arc::new(Memory::new(Clock::by_hand(NOW).0));
    let config = crds::proxy::Store {
        url: StoreUrl::parse("redis://127.0.0.1:1").expect("valid"),
        username: None,
        password: None,
        ca_bundle: None,
    };
    let key = SealKey {
        id: crds::proxy::KeyId::parse("k1").expect("valid"),
        key: KeyBytes::parse(&[7; 32]).expect("long enough"),
    };
    let names = Names::new(&[key], Random::system());
    let store = Store::new(config, names, "own".to_owned()).expect("made without asking it");
    Ledger::new(memory, Some(Arc::new(store)))
}

#[tokio::test]
async fn o15_what_finds_no_room_here_is_not_written_into_the_store() {
    let ledger = beside_a_store_that_is_away();
    let mut next = (0..MOST).map(|id| id.to_string());
    let flood = next.by_ref().take_while(|id| ledger.memory.once(fact(id, "flood"), LATER) == Once::First);
    assert_eq!(flood.count(), MOST / 2);
    assert_eq!(ledger.once(fact("one more", "flood"), LATER).await, Ok(Once::Full));
    assert_eq!(ledger.once(fact("0", "flood"), LATER).await, Ok(Once::Again));
    assert_eq!(ledger.once(fact("one more", "honest"), LATER).await, Err(Away), "the twin: it is asked");
    // Nobody could say whether it was used, so it was not.
    assert_eq!(ledger.memory.once(fact("one more", "honest"), LATER), Once::First);
}
