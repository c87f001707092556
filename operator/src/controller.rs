//! One policy, from what is written to what is true: gather, resolve, render, apply, status.
//!
//! Reads and writes the API server. A malformed policy waits for its next edit, a missing reference and a drifted object
//! for the slow clock, a failing API server for a back-off of its own per policy; one bad policy never stops another (K12,
//! style habit 19). Level-triggered: what happened does not matter, only what is.

mod backoff;
mod watches;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crds::Policy;
use crds::resource::{McpOAuthPolicy, Status};
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use k8s_openapi::jiff::Timestamp;
use kube::core::{DeserializeGuard, error_boundary::InvalidObject};
use kube::{Api, Client, Resource, ResourceExt};
use kube_runtime::controller::{Action, Config, Controller};
use kube_runtime::events::Recorder;
use kube_runtime::reflector::Store;
use kube_runtime::watcher;

use crate::admission::{Admission, AdmissionError, SETTLE};
use crate::apply::ApplyError;
use crate::render::{Owner, render};
use crate::resolve::{Reason, Unresolved, resolve};
use crate::status::{self, Admitted, Facts};
use crate::telemetry::Metrics;
use crate::{apply, gather};
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
}

/// What went wrong with the API server. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Api(#[from] kube::Error),
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

/// Whoever waits for a Secret to arrive is waiting now.
const MISSING: Duration = Duration::from_secs(5);
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
        .run(reconcile, retry, Arc::new(world))
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

async fn reconcile(guarded: Arc<Guarded>, world: Arc<World>) -> Result<Action, Error> {
    let World { context, policies, backoff } = &*world;
    let policy = match &guarded.0 {
        Ok(policy) => policy,
        Err(invalid) => return unreadable(invalid, context).await,
    };
    let owner = owner(policy);
    let before = policy.status.clone().unwrap_or_default();
    if !context.admission.covers(&owner.namespace) {
        report(policy, &owner, &before, &excluded(policy, &before, context), context).await?;
        return Ok(Action::await_change());
    }
    let client = &context.client;
    let inputs = gather::gather(client, &owner.namespace, &policy.spec).await?;
    let resolved = resolve(&policy.spec, &inputs);
    let built = render(&owner, &resolved, &policy.spec, &context.sidecar_image);
    let pods = match apply::apply(client, &owner, &policy.spec, &built).await {
        Ok(pods) => pods,
        Err(ApplyError::Api(error)) => return Err(error.into()),
        Err(foreign @ ApplyError::ForeignSecret(_)) => {
            report(policy, &owner, &before, &conflict(policy, &before, &foreign, context), context).await?;
            return Ok(Action::requeue(MISSING));
        }
    };
    let in_force = context.admission.is_in_force(&owner.namespace).await;
    let admission = if in_force { Admitted::InForce } else { Admitted::NotYet };
    let generation = generation(policy);
    let facts = Facts { generation, resolved: &resolved, built: &built, pods: &pods, admission };
    let after = status::status(&before, &facts, &Time((context.clock)()));
    report(policy, &owner, &before, &after, context).await?;
    // A pod that cannot be told stays counted as late; its kubelet looks by itself within a minute or two.
    if let Err(error) = apply::tell(client, &owner, &built.revision, &pods).await {
        tracing::warn!(policy = owner.name, namespace = owner.namespace, %error, "a pod was not told of a new revision");
    }
    // What is injected stands in the status by now: nothing is refused for want of it when the API server begins to look.
    context.admission.cover(watches::namespaces(policies)).await?;
    backoff.succeeded(&owner);
    context.metrics.reconciled("ok");
    Ok(Action::requeue(next_look(&resolved, admission, context.resync)))
}

/// When to look again without being asked.
fn next_look(resolved: &Result<Policy, Unresolved>, admission: Admitted, resync: Duration) -> Duration {
    let missing = matches!(resolved, Err(unresolved) if unresolved.reason == Reason::ReferenceNotFound);
    match admission {
        Admitted::NotYet => SETTLE + Duration::from_millis(100),
        Admitted::InForce if missing => resync.min(MISSING),
        Admitted::InForce => resync,
    }
}

/// What the API server let through and we cannot read waits for its next edit, and stops nobody else (K12).
async fn unreadable(invalid: &InvalidObject, context: &Context) -> Result<Action, Error> {
    let name = invalid.metadata.name.clone().unwrap_or_default();
    let namespace = invalid.metadata.namespace.clone().unwrap_or_default();
    tracing::warn!(policy = name, namespace, error = invalid.error, "a policy cannot be read");
    let generation = invalid.metadata.generation.unwrap_or_default();
    let message = format!("the policy cannot be read: {}", invalid.error);
    let now = Time((context.clock)());
    let status = status::turned_down(&Status::default(), generation, "Invalid", &message, &now);
    let owner = Owner { namespace, name, reference: OwnerReference::default() };
    apply::apply_status(&context.client, &owner, &status).await?;
    Ok(Action::await_change())
}

/// Conditions that turned become Events; the status is written where it differs.
async fn report(
    policy: &McpOAuthPolicy,
    owner: &Owner,
    before: &Status,
    after: &Status,
    context: &Context,
) -> Result<(), Error> {
    if before == after {
        return Ok(());
    }
    apply::apply_status(&context.client, owner, after).await?;
    for condition in status::transitions(before, after) {
        tracing::info!(policy = %owner.name, namespace = %owner.namespace, condition = %condition.type_,
            status = %condition.status, reason = %condition.reason, "{}", condition.message);
        let event = watches::event(condition);
        // An Event is a courtesy: without it the status still says everything.
        if let Err(error) = context.recorder.publish(&event, &policy.object_ref(&())).await {
            tracing::warn!(%error, "an event was not published");
        }
    }
    Ok(())
}

fn conflict(policy: &McpOAuthPolicy, before: &Status, foreign: &ApplyError, context: &Context) -> Status {
    let (generation, now) = (generation(policy), Time((context.clock)()));
    status::turned_down(before, generation, "SecretConflict", &foreign.to_string(), &now)
}

fn excluded(policy: &McpOAuthPolicy, before: &Status, context: &Context) -> Status {
    let message = "policies in this namespace are not acted upon, so that the cluster can start without us: \
                   move the MCP server and its policy to a namespace of their own";
    status::turned_down(before, generation(policy), "NamespaceExcluded", message, &Time((context.clock)()))
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

fn owner(policy: &McpOAuthPolicy) -> Owner {
    Owner {
        namespace: policy.namespace().unwrap_or_default(),
        name: policy.name_any(),
        reference: policy.controller_owner_ref(&()).unwrap_or_default(),
    }
}

fn generation(policy: &McpOAuthPolicy) -> i64 {
    policy.metadata.generation.unwrap_or_default()
}
