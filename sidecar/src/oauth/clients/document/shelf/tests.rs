//! A fetch that is counted, on a time that is moved by hand.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::*;

const URL: &str = "https://client.example/a";

fn at(seconds: u64) -> Asked {
    Asked { now: Duration::from_secs(seconds), oldest: Duration::MAX }
}

#[derive(Debug, Default)]
struct Source {
    fetches: AtomicUsize,
    open: Notify,
}

impl Source {
    fn good(&self) -> Fresh<usize> {
        let value = self.fetches.fetch_add(1, Ordering::Relaxed);
        Fresh { value, fresh_for: Duration::from_mins(5) }
    }

    fn bad(&self) -> DocumentError {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        DocumentError::Busy
    }

    /// Waits to be let through.
    async fn slow(&self) -> Result<Fresh<usize>, DocumentError> {
        let answer = self.good();
        self.open.notified().await;
        Ok(answer)
    }

    fn count(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

async fn good(shelf: &Shelf<usize>, url: &str, asked: Asked, source: &Source) -> usize {
    *shelf.get(url, asked, async { Ok(source.good()) }).await.expect("good")
}

#[tokio::test]
async fn what_is_fresh_is_fetched_once_and_what_is_stale_again() {
    let (shelf, source) = (Shelf::new(10), Source::default());
    for (seconds, value) in [(0, 0), (299, 0), (300, 1), (599, 1), (600, 2)] {
        assert_eq!(good(&shelf, URL, at(seconds), &source).await, value, "{seconds}");
    }
    assert_eq!(good(&shelf, "https://client.example/b", at(600), &source).await, 3);
}

#[tokio::test]
async fn whoever_asks_for_something_younger_has_it_fetched() {
    let (shelf, source) = (Shelf::new(10), Source::default());
    good(&shelf, URL, at(0), &source).await;
    let young = |now| Asked { oldest: Duration::from_secs(10), ..at(now) };
    assert_eq!(good(&shelf, URL, young(10), &source).await, 0);
    assert_eq!(good(&shelf, URL, young(11), &source).await, 1);
    assert_eq!(good(&shelf, URL, at(300), &source).await, 1);
}

#[tokio::test]
async fn o17_an_error_is_not_kept_and_takes_nothing_away() {
    let (shelf, source) = (Shelf::new(10), Source::default());
    assert!(shelf.get(URL, at(0), async { Err(source.bad()) }).await.is_err());
    assert_eq!(shelf.acquaintance(URL), Acquaintance::Stranger);
    assert_eq!(good(&shelf, URL, at(0), &source).await, 1);
    assert!(shelf.get(URL, at(400), async { Err(source.bad()) }).await.is_err());
    // What is stale is not used in place of an answer, and the next one is fetched.
    assert_eq!(shelf.acquaintance(URL), Acquaintance::Known);
    assert_eq!(good(&shelf, URL, at(400), &source).await, 3);
    assert!(shelf.state().flights.is_empty());
}

#[tokio::test]
async fn many_at_once_are_one_fetch() {
    let (shelf, source) = (Arc::new(Shelf::new(10)), Arc::new(Source::default()));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (shelf, source) = (shelf.clone(), source.clone());
        asking.spawn(async move { shelf.get(URL, at(0), source.slow()).await.map(|value| *value) });
    }
    while shelf.state().flights.get(URL).is_none_or(|flight| Arc::strong_count(flight) < 51) {
        tokio::task::yield_now().await;
    }
    source.open.notify_one();
    let answers = asking.join_all().await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(0))), "{answers:?}");
    assert_eq!((source.count(), shelf.state().flights.len()), (1, 0));
}

#[tokio::test]
async fn whoever_hangs_up_leaves_the_fetch_to_the_next_and_nothing_behind() {
    let (shelf, source) = (Shelf::new(10), Source::default());
    let mut first = Box::pin(shelf.get(URL, at(0), source.slow()));
    let mut second = Box::pin(shelf.get(URL, at(0), async { Ok(source.good()) }));
    assert!(waits_for(&mut first).await && waits_for(&mut second).await);
    drop(first);
    assert_eq!(second.await.ok().as_deref(), Some(&1));
    assert_eq!(shelf.state().flights.len(), 0);
    let mut third = Box::pin(shelf.get("https://client.example/b", at(0), source.slow()));
    assert!(waits_for(&mut third).await);
    assert_eq!(shelf.state().flights.len(), 1);
    drop(third);
    assert_eq!(shelf.state().flights.len(), 0);
}

/// Whether a future that was asked once has no answer yet.
async fn waits_for(future: &mut (impl Future + Unpin)) -> bool {
    let now = tokio::time::timeout(Duration::ZERO, future);
    now.await.is_err()
}

#[tokio::test]
async fn the_oldest_makes_room() {
    let (shelf, source) = (Shelf::new(3), Source::default());
    for (seconds, name) in ["a", "b", "c", "a", "d"].into_iter().enumerate() {
        good(&shelf, name, at(seconds as u64), &source).await;
    }
    let known = ["a", "b", "c", "d"].map(|name| shelf.acquaintance(name) == Acquaintance::Known);
    assert_eq!(known, [false, true, true, true]);
}
