//! The policy in force, at every moment exactly one.
//!
//! Reads the policy directory (through `watch`); requests read a pointer and never wait. A policy that changes is live
//! without a connection noticing; a document that cannot be read keeps the last good policy and says so; no document at
//! all is closed, and so is one that says it (promise 1, N3, N15, W6, K14, P17).

mod engine;
mod watch;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use crds::{Closed, Delivery, Policy, State};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::document;
use crate::oauth::ledger::Ledger;
use crate::provider::ProviderStatus;
pub use engine::{Engine, EngineError};
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
    /// Until when the keys of a provider that came with an edit may be missing without the pod leaving its Services.
    grace: Option<Duration>,
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
    /// What happened once has happened, also after an edit.
    ledger: Arc<Ledger>,
    clock: Clock,
}

/// Why the process cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error("the task that keeps the provider's keys has ended")]
    ProviderEnded(#[source] Option<tokio::task::JoinError>),
}

/// A kubelet swaps a symbolic link; four looks a second see that as fast as anything would, on every file system.
const INTERVAL: Duration = Duration::from_millis(250);
/// Keys come within a moment, and a kubelet that looks in just that moment would cut the server off for two seconds and more.
const GRACE: Duration = Duration::from_secs(5);

impl Active {
    /// Enforcing, with keys at hand.
    fn is_ready(&self) -> bool {
        match &self.gate {
            Gate::Open(engine) => !matches!(engine.keys(), Some(ProviderStatus::NotYet { .. })),
            Gate::Closed(_) => false,
        }
    }
}

impl Live {
    pub fn new(clock: Clock) -> Arc<Self> {
        let closed = Closed { reason: "Starting".into(), message: "the policy was not read yet".into() };
        let active =
            Active { gate: Gate::Closed(closed), revision: "-".into(), complaint: None, grace: None };
        Arc::new(Self {
            active: ArcSwap::from_pointee(active),
            ledger: Arc::new(Ledger::new(clock.clone())),
            clock,
        })
    }

    pub fn active(&self) -> Arc<Active> {
        self.active.load_full()
    }

    /// Whether keys that are not there yet are on their way, after an edit of a policy that was enforced.
    pub fn is_in_grace(&self, active: &Active) -> bool {
        active.grace.is_some_and(|until| self.clock.uptime() < until)
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
        match reading {
            Reading::Absent => {
                let message =
                    "there is no policy document: is the policy there, and is the operator running?";
                self.close("-".into(), Closed { reason: "NoPolicy".into(), message: message.into() }, keys);
            }
            Reading::Unreadable(reason) => {
                self.complain(&format!("policy document cannot be read: {reason}"));
            }
            Reading::Text(text) => match document::parse(&text) {
                Ok(delivery) => self.deliver(delivery, keys),
                Err(reason) => self.complain(&reason),
            },
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
                let grace = self.active().is_ready().then(|| self.clock.uptime() + GRACE);
                let gate = Gate::Open(Arc::new(engine));
                self.active.store(Arc::new(Active { gate, revision, complaint: None, grace }));
            }
            Err(error) => self.complain(&format!("policy cannot be enforced: {error}")),
        }
    }

    /// Builds what enforces a policy. The provider's keys outlive an edit that does not concern them.
    fn engine(&self, policy: Policy, keys: &mut JoinSet<()>) -> Result<Engine, EngineError> {
        let before = self.active();
        let kept = match &before.gate {
            Gate::Open(engine) if engine::trust(engine.policy()) == engine::trust(&policy) => {
                engine.provider().cloned()
            }
            _ => None,
        };
        if kept.is_some() {
            return Engine::new(policy, kept, &self.ledger, &self.clock);
        }
        let provider = engine::provider(&policy, &self.clock)?;
        keys.abort_all();
        if let Some(provider) = &provider {
            keys.spawn(provider.clone().run());
        }
        Engine::new(policy, provider, &self.ledger, &self.clock)
    }

    fn close(&self, revision: String, closed: Closed, keys: &mut JoinSet<()>) {
        keys.abort_all();
        tracing::warn!(reason = closed.reason, revision, "closed: {}", closed.message);
        self.active.store(Arc::new(Active {
            gate: Gate::Closed(closed),
            revision,
            complaint: None,
            grace: None,
        }));
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
        self.active.store(Arc::new(Active {
            gate,
            revision: before.revision.clone(),
            complaint,
            grace: before.grace,
        }));
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
