//! The admin port: is the process alive, which revision does it enforce, and what has it counted. Three exact paths and
//! nothing else.
//!
//! Pure. Meets P16 (no other path, nothing that changes anything), N3 (alive long before there is a policy), K14.

use std::net::SocketAddr;
use std::sync::Arc;

use crds::report::{self, Report};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::live::{Active, Gate, Live};
use crate::provider::ProviderStatus;
use crate::reply::{self, Body};
use crate::serve::Answer;
use crate::telemetry::{Metrics, Standing};
use crate::wire::Fault;

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
            "/readyz" => readiness(&self.live),
            "/metrics" => reply::text(StatusCode::OK, self.metrics.encode(standing(&self.live.active()))),
            _ => reply::text(StatusCode::NOT_FOUND, "there is /healthz, /readyz and /metrics\n".into()),
        }
    }

    fn refuse(&self, fault: Fault) -> Response<Body> {
        reply::text(fault.status(), format!("{fault}\n"))
    }
}

fn standing(active: &Active) -> Standing {
    let (is_enforcing, has_keys) = match &active.gate {
        Gate::Closed(_) => (false, false),
        Gate::Open(engine) => (true, !matches!(engine.keys(), Some(ProviderStatus::NotYet { .. }))),
    };
    let is_store_down = match &active.gate {
        Gate::Closed(_) => false,
        Gate::Open(engine) => engine.authorization_server().is_some_and(|server| server.is_store_away()),
    };
    Standing { is_enforcing, has_keys, is_document_broken: active.complaint.is_some(), is_store_down }
}

/// Ready is: enforcing a policy, with keys at hand. The operator reads the same page, and takes its word (K14).
fn readiness(live: &Live) -> Response<Body> {
    let active = live.active();
    let (status, standing, says) = match &active.gate {
        Gate::Closed(closed) => {
            let says = format!("{}: {}", closed.reason, closed.message);
            (StatusCode::SERVICE_UNAVAILABLE, report::Standing::Closed, says)
        }
        Gate::Open(engine) => match engine.keys() {
            Some(keys @ ProviderStatus::NotYet { .. }) => {
                // The operator reads the words; the kubelet reads the status, and waits a moment after an edit (K14).
                let in_grace = live.is_in_grace(&active);
                let status = if in_grace { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                (status, report::Standing::NotReady, keys.to_string())
            }
            keys => {
                let says = keys.map(|keys| keys.to_string()).unwrap_or_default();
                (StatusCode::OK, report::Standing::Enforcing, says)
            }
        },
    };
    let (revision, complaint) = (active.revision.clone(), active.complaint.clone());
    reply::text(status, Report { standing, says, revision, complaint }.to_string())
}
