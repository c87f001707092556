//! The policy in force, at every moment exactly one.
//!
//! Reads the policy directory (through `watch`); requests read a pointer and never wait. A policy that changes is live
//! without a connection noticing; a document that cannot be read keeps the last good policy and says so; no document at
//! all is closed, and so is one that says it (promise 1, N3, N15, W6, K14, P17).

mod engine;
mod tasks;
mod watch;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use crds::{Closed, Delivery, Policy, State};

use crate::clock::Clock;
use crate::document;
use crate::oauth::errands::Errands;
use crate::oauth::ledger::Memory;
use crate::provider::ProviderStatus;
pub use engine::{Engine, EngineError, Outside};
use tasks::Tasks;
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
    memory: Arc<Memory>,
    /// What was begun is ended, also after an edit.
    errands: Arc<Errands>,
    clock: Clock,
}

/// Why the process cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error("a task that keeps the provider's keys or listens to the store has ended")]
    TaskEnded(#[source] Option<tokio::task::JoinError>),
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
            memory: Arc::new(Memory::new(clock.clone())),
            errands: Arc::default(),
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

    /// What goes on when whoever asked for it has hung up.
    pub fn errands(&self) -> &Errands {
        &self.errands
    }

    /// Follows the source for ever. The first look is done before the first wait.
    pub async fn follow(&self, source: Source) -> Result<Infallible, LiveError> {
        let mut tasks = Tasks::default();
        let mut watch = match source {
            Source::Directory(directory) => Watch::new(&directory),
            Source::Fixed(policy) => {
                let delivery = Delivery::new("environment", State::Enforce(policy));
                self.deliver(delivery, &mut tasks);
                return Err(LiveError::TaskEnded(tasks.ended().await));
            }
        };
        loop {
            if let Some(reading) = watch.look() {
                self.take(reading, &mut tasks);
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                // What was replaced is stopped; anything else is a fault of ours.
                ended = tasks.ended() => return Err(LiveError::TaskEnded(ended)),
            }
        }
    }

    fn take(&self, reading: Reading, tasks: &mut Tasks) {
        match reading {
            Reading::Absent => {
                let message =
                    "there is no policy document: is the policy there, and is the operator running?";
                self.close("-".into(), Closed { reason: "NoPolicy".into(), message: message.into() }, tasks);
            }
            Reading::Unreadable(reason) => {
                self.complain(&format!("policy document cannot be read: {reason}"));
            }
            Reading::Text(text) => match document::parse(&text) {
                Ok(delivery) => self.deliver(delivery, tasks),
                Err(reason) => self.complain(&reason),
            },
        }
    }

    fn deliver(&self, delivery: Delivery, tasks: &mut Tasks) {
        let Delivery { policy: name, revision, state } = delivery;
        let policy = match state {
            State::Closed(closed) => return self.close(revision, closed, tasks),
            State::Enforce(policy) => policy,
        };
        match self.engine(*policy, tasks) {
            Ok(engine) => {
                tracing::info!(policy = name, revision, "policy in force");
                let grace = self.active().is_ready().then(|| self.clock.uptime() + GRACE);
                let gate = Gate::Open(Arc::new(engine));
                self.active.store(Arc::new(Active { gate, revision, complaint: None, grace }));
            }
            Err(error) => self.complain(&format!("policy cannot be enforced: {error}")),
        }
    }

    /// Builds what enforces a policy. Provider and store outlive an edit that does not concern them.
    fn engine(&self, policy: Policy, tasks: &mut Tasks) -> Result<Engine, EngineError> {
        let before = self.active();
        let before = match &before.gate {
            Gate::Open(engine) => Some(engine),
            Gate::Closed(_) => None,
        };
        let same_trust = |engine: &&Arc<Engine>| engine::trust(engine.policy()) == engine::trust(&policy);
        let provider = match before.filter(same_trust).and_then(|engine| engine.provider()) {
            Some(kept) => Some(kept.clone()),
            None => engine::provider(&policy, &self.clock)?,
        };
        let same_store = |engine: &&Arc<Engine>| engine::shared(engine.policy()) == engine::shared(&policy);
        let store = match before.filter(same_store).and_then(|engine| engine.store()) {
            Some(kept) => Some(kept.clone()),
            None => engine::store(&policy)?,
        };
        let outside = Outside { provider, store, errands: self.errands.clone() };
        let engine = Engine::new(policy, outside.clone(), &self.memory, &self.clock)?;
        tasks.run_for(&outside, &self.memory);
        Ok(engine)
    }

    fn close(&self, revision: String, closed: Closed, tasks: &mut Tasks) {
        tasks.stop();
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
