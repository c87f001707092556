//! Connections and their limits, and the one function that answers a request.
//!
//! Listens on the two ports. Meets R9, R13, X1, X9, P07 (no HTTP/2), P08, P09, P19, P22, P24, M01: every request is
//! decided on by itself, whatever its method, version or connection.

mod connections;
mod handler;
mod linger;
mod room;
mod steps;
mod visit;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};

use crate::admin::Admin;
use crate::clock::Clock;
use crate::live::{Live, LiveError};
use crate::settings::Settings;
use crate::telemetry::Metrics;
pub(crate) use connections::Answer;
use connections::Connections;
use handler::Handler;

/// A pod has 30 s to end by default; five of them are left to everyone else.
const GRACE: Duration = Duration::from_secs(25);

/// A sidecar that holds its ports and serves nothing yet.
#[derive(Debug)]
pub struct Bound {
    traffic: TcpListener,
    admin: TcpListener,
    settings: Settings,
    clock: Clock,
}

/// Why the sidecar ended, other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error("a listener has ended")]
    ListenerEnded,
}

impl Bound {
    /// Takes the ports; port 0 takes a free one.
    pub async fn bind(settings: Settings, clock: Clock) -> Result<Self, ServeError> {
        let traffic = listen(settings.listen).await?;
        let admin = listen(settings.admin).await?;
        Ok(Self { traffic, admin, settings, clock })
    }

    /// The addresses of traffic and admin.
    pub fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.traffic.local_addr()?, self.admin.local_addr()?))
    }

    /// Serves until `shutdown` is ready, and then as long as streams need, within a bound.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { traffic, admin, settings, clock } = self;
        let live = Live::new(clock.clone());
        let metrics = Arc::new(Metrics::default());
        let handler = Arc::new(Handler::new(live.clone(), settings.upstream, clock, metrics.clone()));
        let admin_handler = Arc::new(Admin::new(live.clone(), metrics));
        let mut requests = Connections::new(room::connections());
        let mut inquiries = Connections::new(room::INQUIRIES);
        let ended = tokio::select! {
            () = shutdown => Ok(()),
            ended = live.follow(settings.source) => match ended {
                Err(error) => Err(error.into()),
            },
            () = requests.accept(traffic, handler) => Err(ServeError::ListenerEnded),
            () = inquiries.accept(admin, admin_handler) => Err(ServeError::ListenerEnded),
        };
        tracing::info!("shutting down");
        let end = Instant::now() + GRACE;
        requests.finish(end).await;
        // After the connections: what these begin is waited for as well (D11, O30).
        if timeout_at(end, live.errands().finish()).await.is_err() {
            tracing::warn!("what was under way at the provider has been cut");
        }
        ended
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}
