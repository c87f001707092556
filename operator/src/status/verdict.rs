//! The three conditions of a policy, each a verdict on the facts with a word and a sentence that says what to do.
//!
//! Pure. A pod that cannot be asked makes `Ready` unknown: it was given the revision, and nobody can say that it enforces
//! it (promise 8). Nothing that a pod says of itself is quoted; it stands in that pod's log (K14).

use crds::Policy;
use crds::report::Standing;

use super::{Admitted, Facts};
use crate::pods::Selected;

/// A word whether it holds, a word why, and a sentence.
pub(super) struct Verdict {
    pub(super) holds: Holds,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Yes,
    No,
    Unknown,
}

pub(super) const NOT_READY: &str = "PodsNotReady";
pub(super) const NOT_HEARD: &str = "PodsNotHeard";

impl Holds {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "True",
            Self::No => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl Verdict {
    fn yes(reason: &'static str, message: String) -> Self {
        Self { holds: Holds::Yes, reason, message }
    }

    pub(super) fn no(reason: &'static str, message: String) -> Self {
        Self { holds: Holds::No, reason, message }
    }
}

pub(super) fn accepted(facts: &Facts<'_>) -> Verdict {
    if let Admitted::NotYet(trouble) = &facts.admission {
        let trouble = trouble.as_ref().map(|trouble| format!("; so far it cannot be told: {trouble}"));
        let message = "the API server is being told of this namespace: pods that are created now may go without the sidecar";
        let message = format!("{message}{}", trouble.unwrap_or_default());
        return Verdict { holds: Holds::No, reason: "AdmissionPending", message };
    }
    match facts.resolved {
        Ok(policy) => {
            let advice = [open(policy), perils(policy), affinity(policy, facts.pods.len())];
            let advice: String = advice.into_iter().flatten().collect();
            Verdict::yes(super::ACCEPTED, format!("the policy is in force{advice}"))
        }
        Err(unresolved) => {
            let message = format!("every sidecar of this policy is closed: {unresolved}");
            Verdict::no(unresolved.reason.as_str(), message)
        }
    }
}

/// What is no mistake, and lets in more people than most mean to.
fn open(policy: &Policy) -> Option<String> {
    let accounts = policy.is_open_to_all_of()?;
    Some(format!(
        "; everybody with a {accounts} account may log in, unless the provider lets in fewer: set claims.require"
    ))
}

/// What is no mistake, and lets whoever names a document have more asked than most mean to (A8, O17).
fn perils(policy: &Policy) -> Option<String> {
    let perils = policy.perilous_networks();
    let each = perils.iter().map(|(network, what)| format!("{network}, which holds {what}"));
    (!perils.is_empty()).then(|| {
        format!(
            "; proxy.allowNetworks has {}, and whoever names a document can have them asked: write the networks of \
             your clients alone",
            each.collect::<Vec<_>>().join("; and ")
        )
    })
}

/// What is no mistake, and logs people out now and then: replicas do not know which refresh token is the newest, and a provider
/// that takes each once ends the login of whoever brings an old one.
fn affinity(policy: &Policy, pods: usize) -> Option<String> {
    let proxy = policy.proxy.as_ref().filter(|proxy| pods > 1 && proxy.store.is_none())?;
    let provider = proxy.login.provider;
    provider.rotates_refresh_tokens().then(|| {
        format!(
            "; its {pods} pods share logins, and refresh tokens of provider {} may work only once: set 'sessionAffinity: \
             ClientIP' on the Service, or proxy.store",
            provider.as_str()
        )
    })
}

pub(super) fn injected(pods: &[Selected]) -> Verdict {
    let tampered: Vec<_> = pods.iter().filter(|pod| pod.tampered).collect();
    if !tampered.is_empty() {
        let message = format!(
            "{} of {} selected pods say that they have the sidecar, and their container 'mcp-oauth' is not what was \
             placed, such as {}: delete them, and see who changed or made them",
            tampered.len(),
            pods.len(),
            names(&tampered)
        );
        return Verdict { holds: Holds::No, reason: "PodsTampered", message };
    }
    let without: Vec<_> = pods.iter().filter(|pod| !pod.injected).collect();
    match (pods.len(), without.len()) {
        (0, _) => Verdict { holds: Holds::Yes, reason: "NoPods", message: "no pod is selected".into() },
        (all, 0) => Verdict::yes(super::INJECTED, format!("{all} of {all} pods have the sidecar")),
        (all, some) => {
            let message = format!(
                "{some} of {all} selected pods were created before the policy and are open, such as {}: restart them \
                 through their owner ('kubectl rollout restart')",
                names(&without)
            );
            Verdict { holds: Holds::No, reason: "PodsNotInjected", message }
        }
    }
}

/// What is certainly wrong comes before what is not known, and what mends itself before what somebody has to do.
pub(super) fn ready(facts: &Facts<'_>, accepted: &Verdict, injected: &Verdict) -> Verdict {
    if accepted.holds != Holds::Yes {
        return Verdict::no(accepted.reason, accepted.message.clone());
    }
    if injected.holds != Holds::Yes || facts.pods.is_empty() {
        return Verdict::no(injected.reason, injected.message.clone());
    }
    let (all, revision) = (facts.pods.len(), facts.built.revision.as_str());
    let behind: Vec<_> = facts.pods.iter().filter(|pod| is_behind(pod, revision)).collect();
    if !behind.is_empty() {
        return not_ready(&behind, all, revision);
    }
    let outdated: Vec<_> = facts.pods.iter().filter(|pod| pod.outdated).collect();
    if !outdated.is_empty() {
        let message = format!(
            "{} of {all} pods have what was placed before an edit of the policy or a new release, such as {}: restart \
             them through their owner ('kubectl rollout restart')",
            outdated.len(),
            names(&outdated)
        );
        return Verdict { holds: Holds::No, reason: "PodsOutdated", message };
    }
    let unheard: Vec<_> = facts.pods.iter().filter(|pod| pod.word.is_none()).collect();
    if !unheard.is_empty() {
        let message = format!(
            "{} of {all} pods were given revision {revision} and cannot be asked whether they enforce it, such as {}: let \
             the operator reach the sidecar's admin port (NetworkPolicy, service mesh)",
            unheard.len(),
            names(&unheard)
        );
        return Verdict { holds: Holds::Unknown, reason: NOT_HEARD, message };
    }
    Verdict::yes(super::READY, format!("{all} of {all} pods enforce revision {revision}"))
}

fn not_ready(behind: &[&Selected], all: usize, revision: &str) -> Verdict {
    let some = behind.len();
    let refusing = behind.iter().find(|pod| pod.word.as_ref().is_some_and(|word| word.complaint.is_some()));
    let message = match refusing {
        Some(pod) => format!(
            "{some} of {all} sidecars do not enforce revision {revision}, and the one in {name} refuses it and keeps \
             what it had: see 'kubectl logs {name} -c mcp-oauth'",
            name = pod.name
        ),
        None => format!(
            "{some} of {all} sidecars do not enforce revision {revision} yet, such as in {}: see 'kubectl logs POD -c \
             mcp-oauth'",
            names(behind)
        ),
    };
    Verdict::no(NOT_READY, message)
}

/// Whether it is known that a pod does not enforce this revision. Where it cannot be asked, that it was told of it and is
/// ready is all that there is.
fn is_behind(pod: &Selected, revision: &str) -> bool {
    let follows = match &pod.word {
        Some(word) => word.standing == Standing::Enforcing && word.revision == revision,
        None => pod.told.as_ref().is_some_and(|told| told.revision == revision),
    };
    !pod.ready || !follows
}

fn names(pods: &[&Selected]) -> String {
    pods.iter().take(3).map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(", ")
}
