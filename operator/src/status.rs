//! What a policy's status says: conditions after the Kubernetes API conventions, counts, and what is injected.
//!
//! Pure. `Ready` is true only where every selected pod has our sidecar, made as it would be made today, and said itself
//! that it enforces this revision (K14, promise 8). Times change only with the condition.

mod verdict;

use crds::Policy;
use crds::resource::{Endpoints, PodCounts, Status};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::pods::Selected;
use crate::render::Built;
use crate::resolve::Unresolved;
use verdict::{Verdict, accepted, injected, ready};

/// The parts that a status is made of.
#[derive(Debug)]
pub struct Facts<'a> {
    pub generation: i64,
    pub resolved: &'a Result<Policy, Unresolved>,
    pub built: &'a Built,
    pub pods: &'a [Selected],
    pub admission: Admitted,
}

/// Whether the API server is known to inject and refuse in the policy's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    InForce,
    /// And what stood in the way of telling it, if anything did.
    NotYet(Option<String>),
}

/// Why a policy is not acted upon, in one word and in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub reason: &'static str,
    pub message: String,
}

const ACCEPTED: &str = "Accepted";
const INJECTED: &str = "Injected";
const READY: &str = "Ready";

/// The status of a policy that is rendered.
pub fn status(before: &Status, facts: &Facts<'_>, now: &Time) -> Status {
    let accepted = accepted(facts);
    let injected = injected(facts.pods);
    let ready = ready(facts, &accepted, &injected);
    let conditions = [(ACCEPTED, accepted), (INJECTED, injected), (READY, ready)];
    Status {
        observed_generation: Some(facts.generation),
        conditions: conditions
            .map(|(kind, verdict)| condition(before, kind, verdict, facts.generation, now))
            .to_vec(),
        pods: counts(facts),
        endpoints: facts.resolved.as_ref().ok().map(endpoints),
        injection: Some(facts.built.injection.clone()),
    }
}

/// The status of a policy that is not acted upon at all: nothing is injected for it.
pub fn turned_down(before: &Status, generation: i64, refusal: &Refusal, now: &Time) -> Status {
    let conditions = [ACCEPTED, READY].map(|kind| refused(before, kind, generation, refusal, now));
    Status { observed_generation: Some(generation), conditions: conditions.to_vec(), ..Status::default() }
}

/// The status of a policy that cannot be brought about now: what was brought about before goes on.
pub fn held_up(before: &Status, generation: i64, refusal: &Refusal, now: &Time) -> Status {
    let refused = |kind| refused(before, kind, generation, refusal, now);
    let injected = before.conditions.iter().find(|condition| condition.type_ == INJECTED).cloned();
    let conditions = [Some(refused(ACCEPTED)), injected, Some(refused(READY))];
    Status {
        observed_generation: Some(generation),
        conditions: conditions.into_iter().flatten().collect(),
        ..before.clone()
    }
}

/// The conditions that are not what they were: each is an Event.
pub fn transitions<'a>(before: &Status, after: &'a Status) -> Vec<&'a Condition> {
    let same = |condition: &Condition| {
        let earlier = before.conditions.iter().find(|earlier| earlier.type_ == condition.type_);
        earlier
            .is_some_and(|earlier| earlier.status == condition.status && earlier.reason == condition.reason)
    };
    after.conditions.iter().filter(|condition| !same(condition)).collect()
}

/// Since when the policy waits for words of its pods, if it does.
pub fn waits_since(status: &Status) -> Option<&Time> {
    let ready = status.conditions.iter().find(|condition| condition.type_ == READY)?;
    let waits = matches!(ready.reason.as_str(), verdict::NOT_READY | verdict::NOT_HEARD);
    waits.then_some(&ready.last_transition_time)
}

fn counts(facts: &Facts<'_>) -> PodCounts {
    let count = |holds: &dyn Fn(&Selected) -> bool| {
        i32::try_from(facts.pods.iter().filter(|pod| holds(pod)).count()).unwrap_or(i32::MAX)
    };
    PodCounts {
        selected: count(&|_| true),
        injected: count(&|pod| pod.injected),
        current: count(&|pod| pod.injected && !pod.outdated && pod.obeys(&facts.built.revision)),
    }
}

fn endpoints(policy: &Policy) -> Endpoints {
    Endpoints { resource: policy.resource.to_string(), issuer: policy.issuer() }
}

fn refused(before: &Status, kind: &str, generation: i64, refusal: &Refusal, now: &Time) -> Condition {
    let Refusal { reason, message } = refusal;
    condition(before, kind, Verdict::no(reason, message.clone()), generation, now)
}

fn condition(before: &Status, kind: &str, verdict: Verdict, generation: i64, now: &Time) -> Condition {
    let status = verdict.holds.as_str();
    let earlier = before.conditions.iter().find(|earlier| earlier.type_ == kind && earlier.status == status);
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: verdict.reason.to_owned(),
        message: verdict.message,
        observed_generation: Some(generation),
        last_transition_time: earlier
            .map_or_else(|| now.clone(), |earlier| earlier.last_transition_time.clone()),
    }
}

#[cfg(test)]
mod tests;
