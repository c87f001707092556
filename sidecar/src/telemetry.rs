//! What the sidecar says of itself: exactly one record per request, and counters with few, fixed labels.
//!
//! Writes to standard error. Never a token, a query, a body or a header's value (R21, P23); labels are our own words, so
//! no caller can make them many (style habit 25).

mod line;

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::time::Duration;

use http::Request;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tracing::Level;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Forwarded {
        user: Option<String>,
    },
    Document,
    /// By a step of our own authorization server.
    Answered,
    Preflight,
    Rejected {
        code: &'static str,
    },
    /// The caller hung up before there was an answer.
    Aborted,
}

/// What a request looked like, kept for its record.
#[derive(Debug)]
pub struct Entry {
    method: String,
    path: String,
}

/// Counts requests by outcome.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    enforcing: Gauge,
    keys_at_hand: Gauge,
    document_broken: Gauge,
    store_down: Gauge,
}

/// How things stand at the moment, as 0 or 1.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a gauge of its own")]
pub struct Standing {
    pub is_enforcing: bool,
    pub has_keys: bool,
    pub is_document_broken: bool,
    /// There is a store, and it cannot be used.
    pub is_store_down: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
    reason: &'static str,
}

const LONGEST_PATH: usize = 128;

impl Outcome {
    fn labels(&self) -> Labels {
        match self {
            Self::Forwarded { .. } => Labels { outcome: "forwarded", reason: "" },
            Self::Document => Labels { outcome: "document", reason: "" },
            Self::Answered => Labels { outcome: "answered", reason: "" },
            Self::Preflight => Labels { outcome: "preflight", reason: "" },
            Self::Aborted => Labels { outcome: "aborted", reason: "" },
            Self::Rejected { code } => Labels { outcome: "rejected", reason: code },
        }
    }
}

impl Entry {
    /// Method and path, escaped and cut; the query may hold a secret and is left out.
    pub fn of<B>(request: &Request<B>) -> Self {
        let method = request.method().as_str().chars().take(16).collect();
        let mut path = String::new();
        for byte in request.uri().path().bytes().take(LONGEST_PATH) {
            let _ = write!(path, "{}", byte.escape_ascii());
        }
        Self { method, path }
    }

    /// Of a request whose head is refused: nothing in it is known for certain.
    pub fn unread() -> Self {
        Self { method: "-".into(), path: "-".into() }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mcp_oauth");
        let requests = Family::<Labels, Counter>::default();
        registry.register(
            "requests",
            "Requests on the traffic port, by what became of them",
            requests.clone(),
        );
        let [enforcing, keys_at_hand, document_broken, store_down] = [(); 4].map(|()| Gauge::default());
        registry.register("enforcing", "Whether a policy is enforced; closed otherwise", enforcing.clone());
        registry.register(
            "keys_at_hand",
            "Whether there are keys to check tokens with",
            keys_at_hand.clone(),
        );
        let broken = "Whether the newest policy document is not the one in force, because it is broken";
        registry.register("policy_document_broken", broken, document_broken.clone());
        let down = "Whether the policy's store cannot be used: logins and refreshes are refused";
        registry.register("store_down", down, store_down.clone());
        Self { registry, requests, enforcing, keys_at_hand, document_broken, store_down }
    }
}

impl Metrics {
    /// The one record of a request. The status is 0 where nobody waited for it.
    pub fn record(&self, entry: &Entry, status: u16, outcome: &Outcome, took: Duration) {
        let labels = outcome.labels();
        let user = match outcome {
            Outcome::Forwarded { user } => user.as_deref().unwrap_or("-"),
            _ => "-",
        };
        tracing::info!(
            method = entry.method,
            path = entry.path,
            status,
            outcome = labels.outcome,
            reason = labels.reason,
            user,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
        self.requests.get_or_create(&labels).inc();
    }

    /// In the text format of Prometheus.
    pub fn encode(&self, standing: Standing) -> String {
        let Standing { is_enforcing, has_keys, is_document_broken, is_store_down } = standing;
        self.enforcing.set(is_enforcing.into());
        self.keys_at_hand.set(has_keys.into());
        self.document_broken.set(is_document_broken.into());
        self.store_down.set(is_store_down.into());
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(std::fmt::Error) => String::new(),
        }
    }
}

/// Sets up the log: for people on a terminal, JSON for everything else.
pub fn start_log(level: Level) {
    let builder =
        tracing_subscriber::fmt().with_max_level(level).with_target(false).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.init();
    } else {
        builder.event_format(line::Json).init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_no_query_and_is_cut() {
        let long = format!("/mcp/{}?access_token=secret", "a".repeat(500));
        let request = Request::builder().uri(long).body(()).expect("valid");
        let entry = Entry::of(&request);
        assert!(entry.path.len() == LONGEST_PATH && !entry.path.contains("secret"));
    }

    #[test]
    fn requests_are_counted_by_what_became_of_them() {
        let metrics = Metrics::default();
        let entry = Entry::of(&Request::builder().uri("/mcp").body(()).expect("valid"));
        metrics.record(&entry, 401, &Outcome::Rejected { code: "no_credential" }, Duration::ZERO);
        let text = metrics.encode(Standing {
            is_enforcing: true,
            has_keys: true,
            is_document_broken: false,
            is_store_down: false,
        });
        assert!(
            text.contains(r#"mcp_oauth_requests_total{outcome="rejected",reason="no_credential"} 1"#),
            "{text}"
        );
    }
}
