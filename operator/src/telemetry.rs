//! What the operator says of itself: its log, /healthz, /readyz and /metrics.
//!
//! Listens on one port; three exact paths and nothing else (P16).

use std::convert::Infallible;
use std::io;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::Level;

/// Counters and the one word that probes ask for. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Family<Outcome, Counter>,
    ready: Arc<AtomicBool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// A probe has little to say: whoever takes longer is cut.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mcp_oauth_operator");
        let reconciles = Family::<Outcome, Counter>::default();
        registry.register("reconciles", "Policies that were looked at, by how it ended", reconciles.clone());
        Self { registry: Arc::new(registry), reconciles, ready: Arc::new(AtomicBool::new(false)) }
    }
}

impl Metrics {
    pub fn reconciled(&self, outcome: &'static str) {
        self.reconciles.get_or_create(&Outcome { outcome }).inc();
    }

    /// All policies are known and the admission policies are in place.
    pub fn ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    fn answer(&self, path: &str) -> (StatusCode, String) {
        match path {
            "/healthz" => (StatusCode::OK, "alive\n".into()),
            "/readyz" if self.ready.load(Ordering::Relaxed) => (StatusCode::OK, "ready\n".into()),
            "/readyz" => (StatusCode::SERVICE_UNAVAILABLE, "not all policies are known yet\n".into()),
            "/metrics" => {
                let mut text = String::new();
                match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
                    Ok(()) => (StatusCode::OK, text),
                    Err(std::fmt::Error) => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
                }
            }
            _ => (StatusCode::NOT_FOUND, "there is /healthz, /readyz and /metrics\n".into()),
        }
    }
}

/// Sets up the log: for people on a terminal, JSON for everything else.
pub fn start_log(level: Level) {
    let builder = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_writer(io::stderr);
    if io::stderr().is_terminal() {
        builder.init();
    } else {
        builder.json().flatten_event(true).with_ansi(false).init();
    }
}

/// Answers probes and scrapers for ever.
pub async fn serve(address: SocketAddr, metrics: Metrics) -> io::Result<Infallible> {
    let listener = TcpListener::bind(address).await?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let metrics = metrics.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (status, text) = metrics.answer(request.uri().path());
            let mut response = Response::new(Full::new(Bytes::from(text)));
            *response.status_mut() = status;
            async { Ok::<_, Infallible>(response) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        connections.spawn(http.serve_connection(TokioIo::new(stream), service));
        while connections.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_alive_at_once_and_ready_when_it_was_said() {
        let metrics = Metrics::default();
        assert_eq!(metrics.answer("/healthz").0, StatusCode::OK);
        assert_eq!(metrics.answer("/readyz").0, StatusCode::SERVICE_UNAVAILABLE);
        metrics.ready();
        assert_eq!(metrics.answer("/readyz").0, StatusCode::OK);
        assert_eq!(metrics.answer("/debug/pprof").0, StatusCode::NOT_FOUND);
    }

    #[test]
    fn reconciles_are_counted_by_how_they_ended() {
        let metrics = Metrics::default();
        metrics.reconciled("ok");
        assert!(
            metrics.answer("/metrics").1.contains(r#"mcp_oauth_operator_reconciles_total{outcome="ok"} 1"#)
        );
    }
}
