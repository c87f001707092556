//! From what changes to whom it concerns.
//!
//! Pure, over the policies that are known.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource, ResourceExt};
use kube_runtime::events::{Event, EventType};
use kube_runtime::reflector::{ObjectRef, Store};

use super::Guarded;
use crate::pods;

/// The policies that select a pod.
pub(super) fn policies_of(policies: Store<Guarded>) -> impl Fn(Pod) -> Vec<ObjectRef<Guarded>> {
    move |pod| {
        let (namespace, labels) = (pod.namespace(), pod.labels());
        let mut concerned = Vec::new();
        for guarded in policies.state() {
            let Ok(policy) = &guarded.0 else { continue };
            if policy.namespace() == namespace && pods::selects(&policy.name_any(), &policy.spec, labels) {
                concerned.push(ObjectRef::from_obj(&*guarded));
            }
        }
        concerned
    }
}

/// The namespaces that have policies.
pub(super) fn namespaces(policies: &Store<Guarded>) -> BTreeSet<String> {
    let alive = policies.state().into_iter().filter(|policy| policy.meta().deletion_timestamp.is_none());
    alive.filter_map(|policy| policy.namespace()).collect()
}

/// A condition that turned, as an Event. Notes are cut at the API's limit.
pub(super) fn event(condition: &Condition) -> Event {
    const LONGEST_NOTE: usize = 1000;
    let good = condition.status == "True";
    Event {
        type_: if good { EventType::Normal } else { EventType::Warning },
        reason: condition.reason.clone(),
        note: Some(condition.message.chars().take(LONGEST_NOTE).collect()),
        action: condition.type_.clone(),
        secondary: None,
    }
}
