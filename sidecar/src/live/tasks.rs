//! What runs beside the requests: the provider's keys are kept fresh, and the store is listened to.
//!
//! Each task belongs to a policy and ends with it; one that ends by itself ends the process (style habit 11).

use std::sync::Arc;

use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::engine::Outside;
use crate::oauth::ledger::Memory;
use crate::provider::Provider;
use crate::store::Store;

#[derive(Debug, Default)]
pub(super) struct Tasks {
    running: JoinSet<()>,
    provider: Option<(Arc<Provider>, AbortHandle)>,
    store: Option<(Arc<Store>, AbortHandle)>,
}

impl Tasks {
    /// Runs what these need, and no more: what runs already goes on.
    pub(super) fn run_for(&mut self, outside: &Outside, memory: &Arc<Memory>) {
        let Self { running, provider, store } = self;
        exchange(provider, outside.provider.as_ref(), |provider| running.spawn(provider.run()));
        exchange(store, outside.store.as_ref(), |store| {
            let memory = memory.clone();
            running.spawn(store.follow(move |name| memory.hear(name)))
        });
    }

    pub(super) fn stop(&mut self) {
        (self.provider, self.store) = (None, None);
        self.running.abort_all();
    }

    /// How a task ended that nobody stopped; waits for ever where none does.
    pub(super) async fn ended(&mut self) -> Option<JoinError> {
        loop {
            match self.running.join_next().await {
                None => std::future::pending().await,
                Some(Err(error)) if error.is_cancelled() => {}
                Some(ended) => return ended.err(),
            }
        }
    }
}

fn exchange<T>(
    running: &mut Option<(Arc<T>, AbortHandle)>,
    wanted: Option<&Arc<T>>,
    run: impl FnOnce(Arc<T>) -> AbortHandle,
) {
    let is_it = |(known, _): &(Arc<T>, AbortHandle)| wanted.is_some_and(|wanted| Arc::ptr_eq(known, wanted));
    if running.as_ref().is_some_and(is_it) {
        return;
    }
    if let Some((_, task)) = running.take() {
        task.abort();
    }
    *running = wanted.map(|wanted| (wanted.clone(), run(wanted.clone())));
}
