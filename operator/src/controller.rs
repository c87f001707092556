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

use crds::resource::{McpOAuthPolicy, Status};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::{Api, Client, Resource, ResourceExt};
use kube_runtime::controller::{Action, Config, Controller};
use kube_runtime::events::Recorder;
use kube_runtime::reflector::Store;
use kube_runtime::watcher;

use crate::admission::{Admission, AdmissionError};
use crate::render::{Owner, render};
use crate::resolve::{Reason, resolve};
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

/// A reconcile's view of the world: the shared context and every policy.
struct World {
    context: Arc<Context>,
    policies: Store<McpOAuthPolicy>,
    backoff: Backoff,
}

/// Whoever waits for a Secret to arrive is waiting now.
const MISSING: Duration = Duration::from_secs(5);
/// Changes that come together are looked at once.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// How often the list of namespaces is compared with the policies that are there.
const NAMESPACE_CHECK: Duration = Duration::from_secs(1);

/// Runs until `shutdown` is ready.
pub async fn run(context: Arc<Context>, shutdown: impl Future<Output = ()> + Send + Sync + 'static) {
    let client = context.client.clone();
    let controller = Controller::new(Api::<McpOAuthPolicy>::all(client.clone()), watcher::Config::default());
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
        () = keep_namespaces(&context, policies) => {}
    }
}

async fn reconcile(policy: Arc<McpOAuthPolicy>, world: Arc<World>) -> Result<Action, Error> {
    let World { context, policies, backoff } = &*world;
    let owner = owner(&policy);
    let before = policy.status.clone().unwrap_or_default();
    let after = if context.admission.covers(&owner.namespace) {
        let client = &context.client;
        let inputs = gather::gather(client, &owner.namespace, &policy.spec).await?;
        let resolved = resolve(&policy.spec, &inputs);
        let built = render(&owner, &resolved, policy.spec.sidecar.as_ref(), &context.sidecar_image);
        let pods = apply::apply(client, &owner, &policy.spec, &built).await?;
        let in_force = context.admission.is_in_force(&owner.namespace).await;
        let admission = if in_force { Admitted::InForce } else { Admitted::NotYet };
        let generation = generation(&policy);
        let facts = Facts { generation, resolved: &resolved, built: &built, pods: &pods, admission };
        status::status(&before, &facts, &Time((context.clock)()))
    } else {
        excluded(&policy, &before, context)
    };
    report(&policy, &owner, &before, &after, context).await?;
    // What is injected stands in the status by now: nothing is refused for want of it when the API server begins to look.
    let covered = context.admission.covers(&owner.namespace);
    if covered && !context.admission.is_in_force(&owner.namespace).await {
        context.admission.cover(watches::namespaces(policies)).await?;
        return Ok(Action::requeue(Duration::ZERO));
    }
    backoff.succeeded(&owner);
    context.metrics.reconciled("ok");
    let missing =
        after.conditions.iter().any(|condition| condition.reason == Reason::ReferenceNotFound.as_str());
    Ok(Action::requeue(if missing { context.resync.min(MISSING) } else { context.resync }))
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

fn excluded(policy: &McpOAuthPolicy, before: &Status, context: &Context) -> Status {
    let message = "policies in this namespace are not acted upon, so that the cluster can start without us: \
                   move the MCP server and its policy to a namespace of their own";
    status::turned_down(before, generation(policy), "NamespaceExcluded", message, &Time((context.clock)()))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is the controller's")]
fn retry(policy: Arc<McpOAuthPolicy>, error: &Error, world: Arc<World>) -> Action {
    let wait = world.backoff.failed(&owner(&policy));
    tracing::warn!(policy = %policy.name_any(), namespace = policy.namespace(), %error, ?wait, "will be tried again");
    world.context.metrics.reconciled("failed");
    Action::requeue(wait)
}

/// A policy that is deleted has no reconcile of its own: its namespace is noticed here, and so is drift.
async fn keep_namespaces(context: &Context, policies: Store<McpOAuthPolicy>) {
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
