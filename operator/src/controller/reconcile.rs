//! One policy, from what is written to what is true: keys, gather, resolve, render, apply, ask, status.
//!
//! Reads and writes the API server, and asks sidecars how they are. What the API server refuses us stands in the status,
//! for it is the author of the policy who can mend it; what merely fails is tried again (K12, promise 5).

use std::sync::Arc;
use std::time::Duration;

use crds::Policy;
use crds::resource::{McpOAuthPolicy, Mode};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube_runtime::controller::Action;

use super::case::{Case, unreadable};
use super::{Error, Guarded, World, watches};
use crate::admission::SETTLE;
use crate::apply::{self, ApplyError};
use crate::gather::gather;
use crate::hear;
use crate::keys::{self, Needs};
use crate::names::ROTATE_KEYS;
use crate::pods::Selected;
use crate::render::{Built, render};
use crate::rendered::{self, Found};
use crate::resolve::{Reason, Unresolved, resolve};
use crate::status::{self, Admitted, Facts, Refusal};
use crate::told;

/// Whoever waits for a Secret to arrive is waiting now.
const MISSING: Duration = Duration::from_secs(5);
const READ_FAILED: &str = "ReadFailed";
const APPLY_FAILED: &str = "ApplyFailed";
/// Pods that were told just now are asked so often; the longer it lasts, the more seldom.
const SOONEST: Duration = Duration::from_millis(500);

pub(super) async fn reconcile(guarded: Arc<Guarded>, world: Arc<World>) -> Result<Action, Error> {
    let context = &world.context;
    let policy = match &guarded.0 {
        Ok(policy) => policy,
        Err(invalid) => return unreadable(invalid, context).await.map(|()| Action::await_change()),
    };
    let case = Case::new(policy, context);
    if !context.admission.covers(&case.owner.namespace) {
        return case.turn_down(&excluded()).await.map(|()| Action::await_change());
    }
    match bring_about(&case, &world).await {
        Ok(next) => {
            world.backoff.succeeded(&case.owner);
            context.metrics.reconciled("ok");
            Ok(Action::requeue(next))
        }
        Err(Error::Apply(foreign @ ApplyError::ForeignSecret(_))) => {
            let refusal = Refusal { reason: "SecretConflict", message: foreign.to_string() };
            case.turn_down(&refusal).await.map(|()| Action::requeue(MISSING))
        }
        // Another operator was faster, which is no trouble: what it wrote is looked at now.
        Err(Error::Apply(ApplyError::Raced(_))) => {
            context.metrics.reconciled("raced");
            Ok(Action::requeue(world.backoff.failed(&case.owner)))
        }
        Err(error) => {
            if let Some(refusal) = refusal(&error) {
                case.hold_up(&refusal).await?;
            }
            Err(error)
        }
    }
}

/// Makes it so, and says when to look again without being asked.
async fn bring_about(case: &Case<'_>, world: &World) -> Result<Duration, Error> {
    let Case { policy, context, owner, before } = case;
    let (client, spec) = (&context.client, &policy.spec);
    let (resolved, built) = deliver(case).await?;
    let mut pods = apply::selected(client, owner, spec, &built).await.map_err(Error::Pods)?;
    let untold = apply::untold(&mut pods, &built.revision, (context.clock)());
    tokio::join!(apply::tell(client, owner, untold), hear::ask(&mut pods));
    let admission = context.admission.of(&owner.namespace).await;
    let generation = case.generation();
    let facts = Facts { generation, resolved: &resolved, built: &built, pods: &pods, admission };
    let after = status::status(before, &facts, &case.now());
    case.report(&after).await?;
    apply::tell(client, owner, apply::deaf(&pods, &built.revision, (context.clock)())).await;
    // What is injected stands in the status by now: nothing is refused for want of it when the API server begins to look.
    context.admission.cover(watches::namespaces(&world.policies)).await?;
    let next = next_look(&resolved, &facts.admission, context.resync);
    let question = next_question(status::waits_since(&after), &pods, &built.revision, (context.clock)());
    Ok(question.map_or(next, |question| question.min(next)))
}

/// From what is written to what the sidecars read. The keys come first: what they are is in what is delivered, and both are
/// written at once or not at all.
async fn deliver(case: &Case<'_>) -> Result<(Result<Policy, Unresolved>, Built), Error> {
    let Case { policy, context, owner, .. } = case;
    let (client, spec) = (&context.client, &policy.spec);
    let found = rendered::find(client, owner).await?;
    let ring = found.as_ref().and_then(Found::ring);
    let kept = keys::keep(ring, needs(policy), (context.clock)(), context.random)?;
    let inputs = gather(client, &owner.namespace, spec).await.map_err(Error::Read)?;
    let resolved = resolve(spec, &inputs, &kept.keys);
    let built = render(owner, &resolved, spec, &context.sidecar_image);
    rendered::write(client, owner, &built.secret, found.as_ref(), kept.document.as_ref()).await?;
    if let Some(news) = kept.news {
        tracing::info!(policy = %owner.name, namespace = %owner.namespace, "its keys were {news}");
    }
    Ok((resolved, built))
}

/// Whoever wants other keys says so with a new value of the annotation.
fn needs(policy: &McpOAuthPolicy) -> Needs<'_> {
    match policy.spec.mode() {
        Mode::Native => Needs::Nothing,
        Mode::Proxy => Needs::Keys { wish: policy.annotations().get(ROTATE_KEYS).map(String::as_str) },
    }
}

/// When to look again without being asked.
fn next_look(resolved: &Result<Policy, Unresolved>, admission: &Admitted, resync: Duration) -> Duration {
    let missing = matches!(resolved, Err(unresolved) if unresolved.reason == Reason::ReferenceNotFound);
    match admission {
        Admitted::NotYet(_) => SETTLE + Duration::from_millis(100),
        Admitted::InForce if missing => resync.min(MISSING),
        Admitted::InForce => resync,
    }
}

/// When to ask the pods again, where one obeys an older revision or the policy waits for them otherwise.
fn next_question(
    waits: Option<&Time>,
    pods: &[Selected],
    revision: &str,
    now: Timestamp,
) -> Option<Duration> {
    let stale = pods.iter().filter(|pod| pod.word.is_some() && !pod.obeys(revision));
    let told = stale.filter_map(|pod| pod.told.as_ref()).map(|told| told.age(now));
    let since = told.chain(waits.map(|time| told::since(time.0, now))).min()?;
    Some((since / 2).max(SOONEST))
}

/// What the API server has understood and refused, and will refuse again: a quota, an object that must not change, a right
/// that we lack.
fn refusal(error: &Error) -> Option<Refusal> {
    let (reason, cause) = match error {
        Error::Read(cause) | Error::Pods(cause) => (READ_FAILED, cause),
        Error::Apply(ApplyError::Api(cause)) => (APPLY_FAILED, cause),
        Error::Apply(ApplyError::ForeignSecret(_) | ApplyError::Raced(_))
        | Error::Keys(_)
        | Error::Status(_)
        | Error::Admission(_) => return None,
    };
    let kube::Error::Api(answer) = cause else { return None };
    // 409: somebody was faster. 429: later.
    let is_final = (400..500).contains(&answer.code) && !matches!(answer.code, 409 | 429);
    is_final.then(|| Refusal { reason, message: error.to_string() })
}

fn excluded() -> Refusal {
    let message = "policies in this namespace are not acted upon, so that the cluster can start without us: \
                   move the MCP server and its policy to a namespace of their own";
    Refusal { reason: "NamespaceExcluded", message: message.into() }
}

#[cfg(test)]
mod tests {
    use crds::Report;
    use kube::core::Status as Answer;

    use super::*;
    use crate::told::Told;

    fn answer(code: u16) -> kube::Error {
        kube::Error::Api(Answer::failure("exceeded quota", "Forbidden").with_code(code).boxed())
    }

    #[test]
    fn what_the_api_server_refuses_is_told_and_what_merely_fails_is_tried_again() {
        let told = |error: Error| refusal(&error).map(|Refusal { reason, message }| (reason, message));
        let apply = |code| Error::Apply(ApplyError::Api(answer(code)));
        let says = "what was rendered cannot be applied: exceeded quota".to_owned();
        for code in [400, 403, 404, 422] {
            assert_eq!(told(apply(code)), Some((APPLY_FAILED, says.clone())), "{code}");
        }
        for code in [409, 429, 500, 503] {
            assert_eq!(told(apply(code)), None, "{code}");
        }
        assert_eq!(told(Error::Read(answer(403))).map(|told| told.0), Some(READ_FAILED));
        assert_eq!(told(Error::Status(answer(403))), None, "there is nowhere to say it");
    }

    #[test]
    fn pods_are_asked_again_soon_after_they_were_told_and_more_and_more_seldom() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let pod = |told, says| {
            let word = Report::parse(&format!("enforcing revision {says}"));
            Selected { told: Some(Told::first("new", at(told))), word, ..Selected::default() }
        };
        let of = |waits, pods: &[Selected]| next_question(waits, pods, "new", at(12));
        assert_eq!(of(None, &[pod(2, "old"), pod(8, "old")]), Some(Duration::from_secs(2)));
        assert_eq!(of(None, &[pod(2, "old"), pod(12, "old")]), Some(SOONEST));
        assert_eq!(of(None, &[pod(12, "new")]), None, "nobody is waited for");
        let waits = Time(at(2));
        assert_eq!(of(Some(&waits), &[pod(12, "new")]), Some(Duration::from_secs(5)));
        assert_eq!(of(Some(&waits), &[pod(12, "old")]), Some(SOONEST));
    }
}
