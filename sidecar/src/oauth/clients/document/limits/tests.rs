//! Who is admitted, who waits, and who makes room.

use tokio::task::JoinSet;

use super::Acquaintance::{Known, Stranger};
use super::*;

/// How many of so many are admitted, each from a host of its own and gone at once.
async fn admitted(limits: &Limits, acquaintance: Acquaintance, tries: usize, now: Duration) -> usize {
    let mut count = 0;
    for index in 0..tries {
        let host = format!("{index}.{}.example", now.as_secs());
        count += usize::from(limits.admit(acquaintance, &host, now).await.is_ok());
    }
    count
}

#[tokio::test]
async fn a_burst_of_fifty_is_admitted_and_five_a_second_after_it() {
    let limits = Limits::new();
    assert_eq!(admitted(&limits, Stranger, 200, Duration::ZERO).await, 50);
    assert_eq!(admitted(&limits, Stranger, 200, Duration::from_secs(1)).await, 5);
    assert_eq!(admitted(&limits, Stranger, 200, Duration::from_hours(1)).await, 50);
}

#[tokio::test]
async fn a_flood_of_strangers_does_not_hold_back_the_known() {
    let limits = Limits::new();
    assert_eq!(admitted(&limits, Stranger, 200, Duration::ZERO).await, 50);
    assert_eq!(admitted(&limits, Known, 30, Duration::ZERO).await, 30);
}

#[tokio::test]
async fn one_host_has_less_than_all_together() {
    let limits = Limits::new();
    let mut count = 0;
    for _ in 0..40 {
        count += usize::from(limits.admit(Stranger, "a.example", Duration::ZERO).await.is_ok());
    }
    assert_eq!(count, 20);
    assert!(limits.admit(Stranger, "b.example", Duration::ZERO).await.is_ok());
    assert!(limits.admit(Known, "a.example", Duration::ZERO).await.is_ok());
    assert!(limits.admit(Stranger, "a.example", Duration::from_secs(2)).await.is_ok());
}

#[tokio::test]
async fn ten_are_under_way_at_a_time_and_a_place_that_is_left_can_be_taken() {
    let limits = Limits::new();
    let mut held = Vec::new();
    for (acquaintance, places) in [(Stranger, STRANGER_PLACES), (Known, KNOWN_PLACES)] {
        for index in 0..places {
            let host = format!("{index}.example");
            held.push(limits.admit(acquaintance, &host, Duration::ZERO).await.expect("a place"));
        }
        let late = limits.admit(acquaintance, "late.example", Duration::ZERO);
        assert!(tokio::time::timeout(Duration::from_millis(50), late).await.is_err(), "{acquaintance:?}");
    }
    assert_eq!(held.len(), 10);
    drop(held);
    assert!(limits.admit(Stranger, "late.example", Duration::ZERO).await.is_ok());
}

#[tokio::test]
async fn o15_a_host_that_never_answers_holds_two_places_and_leaves_the_others_theirs() {
    let limits = Limits::new();
    let mut held = Vec::new();
    let mut waiting = Vec::new();
    for acquaintance in [Stranger, Known] {
        for _ in 0..HOST_PLACES {
            held.push(limits.admit(acquaintance, "slow.example", Duration::ZERO).await.expect("a place"));
        }
        let mut more = Box::pin(limits.admit(acquaintance, "slow.example", Duration::ZERO));
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut more).await.is_err());
        waiting.push(more);
        // Its twin: another host, in the same moment.
        assert!(limits.admit(acquaintance, "other.example", Duration::ZERO).await.is_ok());
    }
    drop(held);
    for more in waiting {
        assert!(more.await.is_ok(), "its turn has come");
    }
    assert!(lock(&limits.strangers.at_hosts).is_empty() && lock(&limits.known.at_hosts).is_empty());
}

#[tokio::test]
async fn the_list_of_hosts_stays_short() {
    let limits = Limits::new();
    for index in 0..MOST_HOSTS as u64 + 500 {
        let _ = limits.admit(Stranger, &format!("{index}.example"), Duration::from_secs(index)).await;
    }
    assert_eq!(lock(&limits.hosts).len(), MOST_HOSTS);
}

/// A fetch from a host that takes so long.
async fn fetch(limits: Arc<Limits>, host: String, takes: Duration) -> Result<(), CutShort> {
    let place = limits.admit(Stranger, &host, Duration::ZERO).await.expect("its turn comes");
    place.hold(tokio::time::sleep(takes)).await
}

/// As many as have begun when this is back, from so many hosts that are slow, two from each.
async fn slow(limits: &Arc<Limits>, hosts: usize) -> JoinSet<Result<(), CutShort>> {
    let mut all = JoinSet::new();
    for at in 0..hosts * HOST_PLACES {
        let host = format!("{}.slow.example", at / HOST_PLACES);
        all.spawn(fetch(limits.clone(), host, Duration::from_secs(5)));
        tokio::task::yield_now().await;
    }
    assert_eq!(limits.strangers.places.available_permits(), 0);
    all
}

#[tokio::test(start_paused = true)]
async fn o15_ten_slow_hosts_at_once_leave_a_quick_one_its_turn() {
    for hosts in [4, 7, 10] {
        let limits = Arc::new(Limits::new());
        let held = slow(&limits, hosts).await;
        let begun = tokio::time::Instant::now();
        let good = fetch(limits.clone(), "good.example".into(), Duration::from_millis(200)).await;
        assert_eq!(good, Ok(()), "{hosts}");
        assert!(begun.elapsed() <= PATIENCE + QUICK, "{hosts}: {:?}", begun.elapsed());
        drop(held);
    }
}

/// As fast as strangers are let in: five a second, of which four never answer, each at a host of its own.
#[tokio::test(start_paused = true)]
async fn o15_slow_hosts_without_end_are_in_no_quick_ones_way() {
    let limits = Arc::new(Limits::new());
    let (mut slow, mut good) = (JoinSet::new(), JoinSet::new());
    for second in 0..60 {
        let now = Duration::from_secs(second);
        for at in 0..5 {
            let (limits, host) = (limits.clone(), format!("{at}.{second}.example"));
            let all = if at == 4 { &mut good } else { &mut slow };
            all.spawn(async move {
                let place = limits.admit(Stranger, &host, now).await.expect("its turn comes");
                place.hold(tokio::time::sleep(Duration::from_secs(if at == 4 { 0 } else { 5 }))).await
            });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let good = good.join_all().await;
    assert_eq!(good, [Ok(()); 60]);
    // Some of the slow ones ended early, and not all.
    let slow = slow.join_all().await;
    let ended = slow.iter().filter(|one| one.is_err()).count();
    assert!((100..200).contains(&ended), "{ended}");
}

#[tokio::test(start_paused = true)]
async fn o15_a_slow_host_has_its_time_where_there_is_room_and_ends_early_where_there_is_none() {
    let limits = Arc::new(Limits::new());
    let late = |host: &str| fetch(limits.clone(), host.into(), Duration::from_secs(3));
    assert_eq!(late("late.example").await, Ok(()));
    let held = slow(&limits, 4).await;
    tokio::time::sleep(QUICK * 2).await;
    assert_eq!(limits.strangers.slow.available_permits(), 0);
    let begun = tokio::time::Instant::now();
    assert_eq!((late("late.example").await, begun.elapsed()), (Err(CutShort(QUICK)), QUICK));
    // Seven moved over, and the eighth found no room.
    let ended = held.join_all().await;
    assert_eq!(ended.iter().filter(|one| one.is_ok()).count(), STRANGER_PLACES);
    assert_eq!(late("late.example").await, Ok(()));
    assert!(lock(&limits.strangers.at_hosts).is_empty());
}

#[tokio::test(start_paused = true)]
async fn o15_who_moved_over_still_counts_at_its_host() {
    let limits = Arc::new(Limits::new());
    let held = slow(&limits, 4).await;
    tokio::time::sleep(QUICK * 2).await;
    let short = Duration::from_millis(1);
    assert_eq!(fetch(limits.clone(), "good.example".into(), short).await, Ok(()));
    let third = tokio::time::timeout(QUICK, fetch(limits.clone(), "0.slow.example".into(), short)).await;
    assert!(third.is_err(), "two are at this host");
    drop(held);
}
