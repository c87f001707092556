//! Whose turn it is. Many of these tests wait for something most of the time, and some for each other: so all of them begin
//! at once (`lab test` sees to that), and only as many at a time as the machine bears get to work. Whoever meets the
//! installed product has a lock of its own in `product::install`.

use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;
use std::time::Instant;

use harness::lab::api_server::ApiServer;
use harness::lab::{Error, Progress};
use tokio::sync::{Semaphore, SemaphorePermit};

static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// For a test that brings up something large of its own; over when the value is dropped.
pub(crate) async fn turn() -> SemaphorePermit<'static> {
    TURNS.acquire().await.expect("nobody closes it")
}

/// An API server of a test's own, for as long as the turn lasts.
#[derive(Debug)]
pub(crate) struct OwnServer {
    server: ApiServer,
    // Behind the server: it ends first.
    _turn: SemaphorePermit<'static>,
}

impl OwnServer {
    pub(crate) async fn start() -> Result<Self, Error> {
        let turn = turn().await;
        Ok(Self { server: ApiServer::start(Progress::since(Instant::now())).await?, _turn: turn })
    }
}

impl Deref for OwnServer {
    type Target = ApiServer;

    fn deref(&self) -> &ApiServer {
        &self.server
    }
}

impl DerefMut for OwnServer {
    fn deref_mut(&mut self) -> &mut ApiServer {
        &mut self.server
    }
}
