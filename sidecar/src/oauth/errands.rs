//! Work that goes on when whoever asked for it has hung up: what was begun at the provider there cannot be begun again.
//!
//! Pure. Whoever stays gets the outcome; for whoever comes back it is in the ledger (D11). Errands end by themselves, within the
//! bounds of a call to the provider, and a pod that ends waits for them as it does for its connections.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::task::JoinSet;

#[derive(Debug, Default)]
pub struct Errands(Mutex<JoinSet<()>>);

impl Errands {
    /// What came of it; `None` where the work broke off.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (tell, told) = oneshot::channel();
        {
            let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            while under_way.try_join_next().is_some() {}
            under_way.spawn(async move {
                let outcome = work.await;
                // Whoever asked may have hung up: that is what this is for.
                let _ = tell.send(outcome);
            });
        }
        told.await.ok()
    }

    /// Waits until all that was begun has ended.
    pub async fn finish(&self) {
        let mut under_way = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        while under_way.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_for_it_any_more() {
        let (errands, done) = (Errands::default(), Arc::new(tokio::sync::Notify::new()));
        let work = |done: Arc<tokio::sync::Notify>| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            done.notify_one();
            7
        };
        assert_eq!(errands.run(work(done.clone())).await, Some(7));
        done.notified().await;
        let hung_up = tokio::time::timeout(Duration::from_millis(1), errands.run(work(done.clone()))).await;
        assert!(hung_up.is_err());
        let went_on = tokio::time::timeout(Duration::from_secs(5), done.notified()).await;
        assert!(went_on.is_ok());
    }

    #[tokio::test]
    async fn d11_to_finish_is_to_wait_for_what_was_begun_and_for_nothing_else() {
        let errands = Errands::default();
        let (open, opened) = oneshot::channel::<()>();
        let hung_up = tokio::time::timeout(Duration::from_millis(1), errands.run(opened)).await;
        assert!(hung_up.is_err());
        let mut finish = std::pin::pin!(errands.finish());
        assert!(
            tokio::time::timeout(Duration::from_millis(20), &mut finish).await.is_err(),
            "it is under way"
        );
        open.send(()).expect("somebody waits for it");
        assert!(tokio::time::timeout(Duration::from_secs(5), finish).await.is_ok());
    }
}
