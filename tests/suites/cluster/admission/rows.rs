//! The rows of the tables: `shapes.yaml` and `refusals.yaml`.
//!
//! Pure.

use json_patch::Patch;
use serde::Deserialize;
use serde_json::Value;

use super::bench::{self, merge};
use super::expectation;

/// A pod, and how it must come out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Shape {
    pub(super) name: String,
    #[serde(default)]
    pub(super) policy: Value,
    pub(super) pod: Value,
    #[serde(default)]
    pub(super) restricted: bool,
    #[serde(default)]
    upstream: u16,
    #[serde(default)]
    port_name: String,
    #[serde(default)]
    changes: Patch,
    #[serde(default)]
    untouched: bool,
}

/// A pod that is refused, and its twin that is admitted: written as `pod` and `twin`, or as `change` and `twinChange` of a
/// pod that comes with the sidecar already.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Refusal {
    pub(super) name: String,
    #[serde(default)]
    pub(super) policy: Value,
    #[serde(default)]
    twin_policy: Value,
    #[serde(default)]
    pod: Value,
    #[serde(default)]
    twin: Value,
    change: Option<Patch>,
    #[serde(default)]
    twin_change: Patch,
    pub(super) says: String,
}

impl Shape {
    /// How the pod must come out, if it is `plain` without us.
    pub(super) fn expected(&self, plain: &Value) -> Value {
        if self.untouched {
            return plain.clone();
        }
        let mut expected = plain.clone();
        json_patch::patch(&mut expected, &self.changes).expect("the changes fit the pod");
        expectation::with_sidecar(&expected, self.upstream, &self.port_name)
    }
}

impl Refusal {
    pub(super) fn pod(&self) -> Value {
        match &self.change {
            Some(change) => copied_with(change),
            None => bench::pod(&self.pod),
        }
    }

    pub(super) fn twin(&self) -> Value {
        if self.change.is_some() {
            return copied_with(&self.twin_change);
        }
        let mut twin = self.pod();
        merge(&mut twin, &self.twin);
        twin
    }

    /// What the policy of the twin says.
    pub(super) fn policy_of_twin(&self) -> &Value {
        if self.twin_policy.is_null() { &self.policy } else { &self.twin_policy }
    }
}

fn copied_with(change: &Patch) -> Value {
    let mut pod = expectation::copied();
    json_patch::patch(&mut pod, change).expect("the change fits the pod");
    pod
}
