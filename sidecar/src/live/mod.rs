//! The policy in force, at every moment exactly one.
//!
//! Reads the policy directory (through `watch`); requests read a pointer and never wait. A policy that changes is live
//! without a connection noticing; a document that cannot be read keeps the last good policy and says so; no document at
//! all is closed, and so is one that says it (promise 1, N3, N15, W6, K14, P17).

mod engine;
mod watch;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use crds::{Closed, Delivery, Policy, State};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::fetch::FetchError;
pub use engine::Engine;
use watch::{Reading, Watch};

/// Where the policy comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The directory that holds the operator's document.
    Directory(PathBuf),
    /// The environment: it never changes.
    Fixed(Box<Policy>),
}

/// What is in force.
#[derive(Debug)]
pub struct Active {
    pub gate: Gate,
    /// `-` where there is none.
    pub revision: String,
    /// Why the newest document is not the one in force.
    pub complaint: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Gate {
    Open(Arc<Engine>),
    Closed(Closed),
}

/// Holds what is in force, and keeps it up to date.
#[derive(Debug)]
pub struct Live {
    active: ArcSwap<Active>,
    clock: Clock,
}

/// Why there is no document to obey.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("there is no policy document: is the policy there, and is the operator running?")]
    Absent,
    #[error("policy document cannot be read: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Broken(String),
}

/// Why the process cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error("the task that keeps the provider's keys has ended")]
    ProviderEnded(#[source] Option<tokio::task::JoinError>),
}

/// A kubelet swaps a symbolic link; four looks a second see that as fast as anything would, on every file system.
const INTERVAL: Duration = Duration::from_millis(250);

/// Reads the document once, for those who only want to know.
pub fn read(directory: &Path) -> Result<Delivery, DocumentError> {
    let reading = Watch::new(directory).look();
    delivery(reading.unwrap_or(Reading::Absent))
}

impl Live {
    pub fn new(clock: Clock) -> Arc<Self> {
        let closed = Closed { reason: "Starting".into(), message: "the policy was not read yet".into() };
        let active = Active { gate: Gate::Closed(closed), revision: "-".into(), complaint: None };
        Arc::new(Self { active: ArcSwap::from_pointee(active), clock })
    }

    pub fn active(&self) -> Arc<Active> {
        self.active.load_full()
    }

    /// Follows the source for ever. The first look is done before the first wait.
    pub async fn follow(&self, source: Source) -> Result<Infallible, LiveError> {
        let mut keys = JoinSet::new();
        let mut watch = match source {
            Source::Directory(directory) => Watch::new(&directory),
            Source::Fixed(policy) => {
                let delivery = Delivery::new("environment", State::Enforce(policy));
                self.deliver(delivery, &mut keys);
                return Err(ended(keys.join_next().await, keys).await);
            }
        };
        loop {
            if let Some(reading) = watch.look() {
                self.take(reading, &mut keys);
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                Some(task) = keys.join_next() => {
                    // A provider that was replaced is cancelled; anything else is a fault of ours.
                    if !matches!(&task, Err(error) if error.is_cancelled()) {
                        return Err(LiveError::ProviderEnded(task.err()));
                    }
                }
            }
        }
    }

    fn take(&self, reading: Reading, keys: &mut JoinSet<()>) {
        match delivery(reading) {
            Ok(delivery) => self.deliver(delivery, keys),
            Err(error @ DocumentError::Absent) => {
                let closed = Closed { reason: "NoPolicy".into(), message: error.to_string() };
                self.close("-".into(), closed, keys);
            }
            Err(error) => self.complain(&error.to_string()),
        }
    }

    fn deliver(&self, delivery: Delivery, keys: &mut JoinSet<()>) {
        let Delivery { policy: name, revision, state } = delivery;
        let policy = match state {
            State::Closed(closed) => return self.close(revision, closed, keys),
            State::Enforce(policy) => policy,
        };
        match self.engine(*policy, keys) {
            Ok(engine) => {
                tracing::info!(policy = name, revision, "policy in force");
                self.active.store(Arc::new(Active {
                    gate: Gate::Open(Arc::new(engine)),
                    revision,
                    complaint: None,
                }));
            }
            Err(error) => self.complain(&format!("policy cannot be enforced: {error}")),
        }
    }

    /// Builds what enforces a policy. The provider's keys outlive an edit that does not concern them.
    fn engine(&self, policy: Policy, keys: &mut JoinSet<()>) -> Result<Engine, FetchError> {
        let before = self.active();
        let kept = match &before.gate {
            Gate::Open(engine) if engine.policy().trust.oidc == policy.trust.oidc => {
                engine.provider().cloned()
            }
            _ => None,
        };
        if kept.is_some() {
            return Ok(Engine::new(policy, kept));
        }
        let provider = engine::provider(&policy, &self.clock)?;
        keys.abort_all();
        if let Some(provider) = &provider {
            keys.spawn(provider.clone().run());
        }
        Ok(Engine::new(policy, provider))
    }

    fn close(&self, revision: String, closed: Closed, keys: &mut JoinSet<()>) {
        keys.abort_all();
        tracing::warn!(reason = closed.reason, revision, "closed: {}", closed.message);
        self.active.store(Arc::new(Active { gate: Gate::Closed(closed), revision, complaint: None }));
    }

    /// Keeps what is in force, and says what is wrong with the newest document.
    fn complain(&self, complaint: &str) {
        let before = self.active();
        let gate = match &before.gate {
            Gate::Closed(_) => {
                Gate::Closed(Closed { reason: "PolicyBroken".into(), message: complaint.into() })
            }
            open @ Gate::Open(_) => open.clone(),
        };
        let kept = matches!(gate, Gate::Open(_));
        tracing::error!(kept_revision = before.revision, kept, "{complaint}");
        let complaint = Some(complaint.to_owned());
        self.active.store(Arc::new(Active { gate, revision: before.revision.clone(), complaint }));
    }
}

/// Without a provider there is nothing to wait for, ever.
async fn ended(task: Option<Result<(), tokio::task::JoinError>>, keys: JoinSet<()>) -> LiveError {
    match task {
        Some(task) => LiveError::ProviderEnded(task.err()),
        None => {
            drop(keys);
            std::future::pending().await
        }
    }
}

fn delivery(reading: Reading) -> Result<Delivery, DocumentError> {
    match reading {
        Reading::Absent => Err(DocumentError::Absent),
        Reading::Unreadable(reason) => Err(DocumentError::Unreadable(reason)),
        Reading::Text(text) => Delivery::parse(&text).map_err(|error| {
            let reason = with_sources(&error);
            DocumentError::Broken(without_value(&reason))
        }),
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_sources(source)),
        None => error.to_string(),
    }
}

/// P23: serde repeats the value that it did not expect ("invalid type: string \"…\", expected a sequence at line 5"), and
/// in this document that may be a shared secret.
fn without_value(text: &str) -> String {
    let shown = ["invalid type: ", "invalid value: "].into_iter().find_map(|start| text.split_once(start));
    match shown.and_then(|(before, rest)| Some((before, rest.rsplit_once(", expected ")?.1))) {
        Some((before, expected)) => format!("{before}expected {expected}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_a_parser_repeats_is_left_out_and_the_rest_is_not() {
        let text = r#"trust.hmac: invalid type: string "s3cret, expected x", expected a sequence at line 2"#;
        assert_eq!(without_value(text), "trust.hmac: expected a sequence at line 2");
        assert_eq!(without_value("maxBodyBytes: must be at least 1"), "maxBodyBytes: must be at least 1");
    }
}
