//! The admin port: is the process alive, is it enforcing, and what has it counted. Three exact paths and nothing else.
//!
//! Pure. Meets P16 (no other path, nothing that changes anything), N3 (alive long before there is a policy), K14.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::live::{Active, Gate, Live};
use crate::provider::ProviderStatus;
use crate::reply::{self, Body};
use crate::serve::Answer;
use crate::telemetry::{Metrics, Standing};

/// Answers the admin port.
#[derive(Debug)]
pub(crate) struct Admin {
    live: Arc<Live>,
    metrics: Arc<Metrics>,
}

impl Admin {
    pub(crate) fn new(live: Arc<Live>, metrics: Arc<Metrics>) -> Self {
        Self { live, metrics }
    }
}

impl Answer for Admin {
    async fn answer(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Body> {
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            return reply::text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n".into());
        }
        match request.uri().path() {
            "/healthz" => reply::text(StatusCode::OK, "alive\n".into()),
            "/readyz" => readiness(&self.live.active()),
            "/metrics" => reply::text(StatusCode::OK, self.metrics.encode(standing(&self.live.active()))),
            _ => reply::text(StatusCode::NOT_FOUND, "there is /healthz, /readyz and /metrics\n".into()),
        }
    }
}

fn standing(active: &Active) -> Standing {
    let (is_enforcing, has_keys) = match &active.gate {
        Gate::Closed(_) => (false, false),
        Gate::Open(engine) => (true, !matches!(engine.keys(), Some(ProviderStatus::NotYet { .. }))),
    };
    Standing { is_enforcing, has_keys, is_document_broken: active.complaint.is_some() }
}

/// Ready is: enforcing a policy, with keys at hand.
fn readiness(active: &Active) -> Response<Body> {
    let (status, mut text) = match &active.gate {
        Gate::Closed(closed) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("closed: {}: {}\n", closed.reason, closed.message))
        }
        Gate::Open(engine) => match engine.keys() {
            Some(keys @ ProviderStatus::NotYet { .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {keys}\n"))
            }
            Some(keys) => (StatusCode::OK, format!("enforcing revision {}: {keys}\n", active.revision)),
            None => (StatusCode::OK, format!("enforcing revision {}\n", active.revision)),
        },
    };
    if let Some(complaint) = &active.complaint {
        let _ = writeln!(text, "the newest document is not in force: {complaint}");
    }
    reply::text(status, text)
}
