//! Runs one reconcile per policy, whenever the policy or a pod that it selects changes, and keeps the list of namespaces.
//!
//! Reads and writes the API server. A malformed policy waits for its next edit, a missing reference and a drifted object
//! for the slow clock, a failing API server for a back-off of its own per policy; one bad policy never stops another (K12,
//! style habit 19). Level-triggered: what happened does not matter, only what is.

mod backoff;
mod case;
mod reconcile;
mod watches;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crds::resource::McpOAuthPolicy;
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::{Api, Client, ResourceExt};
use kube_runtime::controller::{Action, Config, Controller};
use kube_runtime::events::Recorder;
use kube_runtime::reflector::Store;
use kube_runtime::watcher;

use crate::admission::{Admission, AdmissionError};
use crate::apply::{ApplyError, plain};
use crate::keys::{NoRandom, Random};
use crate::render::Owner;
use crate::telemetry::Metrics;
use backoff::Backoff;

/// What every reconcile works with.
pub struct Context {
    pub client: Client,
    pub recorder: Recorder,
    pub admission: Admission,
    pub metrics: Metrics,
    pub sidecar_image: String,
    /// The slow clock: a named Secret that is changed or deleted must be in force within half a minute.
    pub resync: Duration,
    pub clock: fn() -> Timestamp,
    pub random: Random,
}

/// What went wrong with the API server. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("what the policy names cannot be read: {}", plain(.0))]
    Read(#[source] kube::Error),
    #[error("what was rendered cannot be applied: {0}")]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Keys(#[from] NoRandom),
    #[error("the selected pods cannot be listed: {}", plain(.0))]
    Pods(#[source] kube::Error),
    #[error("the status cannot be written: {}", plain(.0))]
    Status(#[source] kube::Error),
    #[error(transparent)]
    Admission(#[from] AdmissionError),
}

/// A policy as it comes: one that cannot be read does not hide the others.
pub(crate) type Guarded = DeserializeGuard<McpOAuthPolicy>;

/// A reconcile's view of the world: the shared context and every policy.
struct World {
    context: Arc<Context>,
    policies: Store<Guarded>,
    backoff: Backoff,
}

/// Changes that come together are looked at once.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// So long reconciles may take to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the list of namespaces is compared with the policies that are there.
const NAMESPACE_CHECK: Duration = Duration::from_secs(1);

/// Runs until `shutdown` is ready.
pub async fn run(context: Arc<Context>, shutdown: impl Future<Output = ()> + Send + Sync + 'static) {
    // The controller ends in good order, but not while it cannot reach the API server.
    let shutdown = shutdown.shared();
    let patience = shutdown.clone().then(|()| tokio::time::sleep(PATIENCE));
    let client = context.client.clone();
    let controller = Controller::new(Api::<Guarded>::all(client.clone()), watcher::Config::default());
    let policies = controller.store();
    let world = World { context: context.clone(), policies: policies.clone(), backoff: Backoff::default() };
    let of_pod = watches::policies_of(policies.clone());
    let reconciled = controller
        .watches(Api::<Pod>::all(client), watcher::Config::default(), of_pod)
        .with_config(Config::default().debounce(DEBOUNCE).concurrency(8))
        .graceful_shutdown_on(shutdown)
        .run(reconcile::reconcile, retry, Arc::new(world))
        .for_each(|result| async {
            if let Err(error) = result {
                tracing::debug!(%error, "a reconcile did not end well");
            }
        });
    tokio::select! {
        () = reconciled => {}
        () = patience => {}
        () = keep_namespaces(&context, policies) => {}
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is the controller's")]
fn retry(policy: Arc<Guarded>, error: &Error, world: Arc<World>) -> Action {
    let namespace = policy.namespace().unwrap_or_default();
    let owner = Owner { namespace, name: policy.name_any(), reference: OwnerReference::default() };
    let wait = world.backoff.failed(&owner);
    tracing::warn!(policy = %policy.name_any(), namespace = policy.namespace(), %error, ?wait, "will be tried again");
    world.context.metrics.reconciled("failed");
    Action::requeue(wait)
}

/// A policy that is deleted has no reconcile of its own: its namespace is noticed here, and so is drift.
async fn keep_namespaces(context: &Context, policies: Store<Guarded>) {
    if policies.wait_until_ready().await.is_err() {
        return;
    }
    let mut since_restore = context.resync;
    loop {
        let namespaces: BTreeSet<String> = watches::namespaces(&policies);
        let kept = if since_restore >= context.resync {
            context.admission.restore(namespaces).await.map(|()| since_restore = Duration::ZERO)
        } else {
            context.admission.cover(namespaces).await
        };
        match kept {
            Ok(()) => context.metrics.ready(),
            Err(error) => tracing::error!(%error, "the admission policies are not in place"),
        }
        tokio::time::sleep(NAMESPACE_CHECK).await;
        since_restore += NAMESPACE_CHECK;
    }
}
