//! What a policy's status says: conditions after the Kubernetes API conventions, counts, and what is injected.
//!
//! Pure. `Ready` is true only where every selected pod has our sidecar, was given this revision, and says that it enforces
//! it (K14, promise 8). Times change only with the condition.

use crds::Policy;
use crds::resource::{Endpoints, PodCounts, Status};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::pods::Selected;
use crate::render::Built;
use crate::resolve::Unresolved;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    InForce,
    NotYet,
}

/// One verdict: true or false, a word, a sentence.
struct Verdict {
    holds: bool,
    reason: &'static str,
    message: String,
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

/// The status of a policy that is not acted upon at all.
pub fn turned_down(
    before: &Status,
    generation: i64,
    reason: &'static str,
    message: &str,
    now: &Time,
) -> Status {
    let verdict = || Verdict { holds: false, reason, message: message.to_owned() };
    let conditions = [ACCEPTED, READY].map(|kind| condition(before, kind, verdict(), generation, now));
    Status { observed_generation: Some(generation), conditions: conditions.to_vec(), ..Status::default() }
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

fn accepted(facts: &Facts<'_>) -> Verdict {
    if facts.admission == Admitted::NotYet {
        let message = "the API server is being told of this namespace: pods that are created now may go without the sidecar";
        return Verdict { holds: false, reason: "AdmissionPending", message: message.into() };
    }
    match facts.resolved {
        Ok(_) => Verdict { holds: true, reason: ACCEPTED, message: "the policy is in force".into() },
        Err(unresolved) => Verdict {
            holds: false,
            reason: unresolved.reason.as_str(),
            message: format!("every sidecar of this policy is closed: {unresolved}"),
        },
    }
}

fn injected(pods: &[Selected]) -> Verdict {
    let without: Vec<_> = pods.iter().filter(|pod| !pod.injected).collect();
    match (pods.len(), without.len()) {
        (0, _) => Verdict { holds: true, reason: "NoPods", message: "no pod is selected".into() },
        (all, 0) => Verdict {
            holds: true,
            reason: INJECTED,
            message: format!("{all} of {all} pods have the sidecar"),
        },
        (all, some) => Verdict {
            holds: false,
            reason: "PodsNotInjected",
            message: format!(
                "{some} of {all} selected pods were created before the policy and are open, such as {}: restart them \
                 through their owner ('kubectl rollout restart')",
                names(&without)
            ),
        },
    }
}

fn ready(facts: &Facts<'_>, accepted: &Verdict, injected: &Verdict) -> Verdict {
    if !accepted.holds {
        return Verdict { holds: false, reason: accepted.reason, message: accepted.message.clone() };
    }
    if !injected.holds || facts.pods.is_empty() {
        let message = injected.message.clone();
        return Verdict { holds: false, reason: injected.reason, message };
    }
    let waiting: Vec<_> = facts.pods.iter().filter(|pod| !pod.ready || !is_current(facts, pod)).collect();
    match (facts.pods.len(), waiting.len()) {
        (all, 0) => Verdict {
            holds: true,
            reason: READY,
            message: format!("{all} of {all} pods enforce revision {}", facts.built.revision),
        },
        (all, some) => Verdict {
            holds: false,
            reason: "PodsNotReady",
            message: format!(
                "{some} of {all} sidecars do not enforce revision {} yet, such as in {}: see 'kubectl logs POD -c mcp-oauth'",
                facts.built.revision,
                names(&waiting)
            ),
        },
    }
}

fn is_current(facts: &Facts<'_>, pod: &Selected) -> bool {
    pod.delivered.as_deref() == Some(facts.built.revision.as_str())
}

fn counts(facts: &Facts<'_>) -> PodCounts {
    let count = |holds: &dyn Fn(&Selected) -> bool| {
        i32::try_from(facts.pods.iter().filter(|pod| holds(pod)).count()).unwrap_or(i32::MAX)
    };
    PodCounts {
        selected: count(&|_| true),
        injected: count(&|pod| pod.injected),
        current: count(&|pod| pod.injected && is_current(facts, pod)),
    }
}

fn endpoints(policy: &Policy) -> Endpoints {
    Endpoints {
        resource: policy.resource.to_string(),
        issuer: policy.trust.oidc.as_ref().map(|oidc| oidc.issuer.to_string()),
    }
}

fn names(pods: &[&Selected]) -> String {
    pods.iter().take(3).map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn condition(before: &Status, kind: &str, verdict: Verdict, generation: i64, now: &Time) -> Condition {
    let status = if verdict.holds { "True" } else { "False" };
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
mod tests {
    use crds::resource::Injection;
    use k8s_openapi::api::core::v1::Secret;
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::resolve::resolve;

    fn time(second: i64) -> Time {
        Time(Timestamp::from_second(second).expect("a time"))
    }

    fn policy(audience: &str) -> Result<Policy, Unresolved> {
        let spec = format!(
            "{{server: {{url: 'https://h/mcp'}}, provider: okta, oidc: {{issuer: 'https://c.okta.com', audience: ['{audience}']}}}}"
        );
        resolve(&serde_yaml::from_str(&spec).expect("YAML"), &crate::gather::Inputs::new())
    }

    fn pod(injected: bool, delivered: &str, ready: bool) -> Selected {
        Selected { name: "p".into(), injected, delivered: Some(delivered.into()), ready }
    }

    fn built() -> Built {
        let injection = Injection { annotation: "a".into(), container: json!({}), volume: json!({}) };
        Built { revision: "r".into(), placed: "p".into(), secret: Secret::default(), injection }
    }

    fn after(
        before: &Status,
        resolved: &Result<Policy, Unresolved>,
        pods: &[Selected],
        second: i64,
    ) -> Status {
        let (generation, admission) = (1, Admitted::InForce);
        status(before, &Facts { generation, resolved, built: &built(), pods, admission }, &time(second))
    }

    fn ready(status: &Status) -> (&str, &str) {
        let condition =
            status.conditions.iter().find(|condition| condition.type_ == READY).expect("there is one");
        (&condition.status, &condition.reason)
    }

    #[test]
    fn ready_is_when_every_pod_has_the_sidecar_this_revision_and_a_word_of_its_own() {
        let of = |pods: &[Selected]| {
            let status = after(&Status::default(), &policy("x"), pods, 0);
            let (verdict, reason) = ready(&status);
            (verdict.to_owned(), reason.to_owned())
        };
        let is = |verdict: &str, reason: &str| (verdict.to_owned(), reason.to_owned());
        assert_eq!(of(&[pod(true, "r", true)]), is("True", "Ready"));
        assert_eq!(of(&[pod(true, "older", true)]), is("False", "PodsNotReady"));
        assert_eq!(of(&[pod(true, "r", false)]), is("False", "PodsNotReady"));
        assert_eq!(of(&[pod(true, "r", true), pod(false, "", false)]), is("False", "PodsNotInjected"));
        assert_eq!(of(&[]), is("False", "NoPods"));
    }

    #[test]
    fn a_policy_is_not_accepted_before_the_api_server_looks_at_its_namespace() {
        let policy = policy("x");
        let of = |admission| {
            let facts = Facts {
                generation: 1,
                resolved: &policy,
                built: &built(),
                pods: &[pod(true, "r", true)],
                admission,
            };
            let status = status(&Status::default(), &facts, &time(0));
            ready(&status).1.to_owned()
        };
        assert_eq!(of(Admitted::NotYet), "AdmissionPending");
        assert_eq!(of(Admitted::InForce), "Ready");
    }

    #[test]
    fn a_policy_that_cannot_be_enforced_is_not_ready_whatever_its_pods_say() {
        let status = after(&Status::default(), &policy("a b"), &[pod(true, "r", true)], 0);
        assert_eq!(ready(&status), ("False", "Invalid"));
    }

    #[test]
    fn a_condition_keeps_its_time_until_it_turns() {
        let first = after(&Status::default(), &policy("x"), &[pod(true, "r", true)], 1);
        let second = after(&first, &policy("x"), &[pod(true, "r", true)], 2);
        assert_eq!(second, first);
        assert!(transitions(&first, &second).is_empty());
        let third = after(&second, &policy("x"), &[pod(true, "r", false)], 3);
        let turned: Vec<_> =
            transitions(&second, &third).iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(turned, ["Ready"]);
        assert_eq!(third.conditions[2].last_transition_time, time(3));
        assert_eq!(third.conditions[0].last_transition_time, time(1));
    }

    #[test]
    fn pods_are_counted() {
        let pods = [pod(true, "r", true), pod(true, "older", true), pod(false, "r", false)];
        let counts = after(&Status::default(), &policy("x"), &pods, 0).pods;
        assert_eq!((counts.selected, counts.injected, counts.current), (3, 2, 1));
    }
}
