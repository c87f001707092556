//! Which pods a policy selects, and how far each is.
//!
//! Pure. `selection` says which, `placed` whether a container is what was placed, and `address` where it can be asked.

mod address;
mod placed;
mod selection;

use std::net::SocketAddr;

use crds::Report;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};

use crate::names::{CONTAINER, DELIVERED, INJECTED};
use crate::render::Built;
use crate::told::{Told, word};
use address::admin;
use placed::is_as_placed;

pub use selection::{list_selectors, selects};

/// A selected pod, as far as we care.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that was seen")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    pub name: String,
    /// Our sidecar for this policy is in it.
    pub injected: bool,
    /// It says that it has what would be placed today, and its container is another one.
    pub tampered: bool,
    /// What was placed in it is not what would be placed today.
    pub outdated: bool,
    /// What its kubelet was told.
    pub told: Option<Told>,
    /// Its kubelet found our sidecar ready.
    pub ready: bool,
    /// Where our sidecar can be asked, once it runs.
    pub admin: Option<SocketAddr>,
    /// What it said when it was asked (`hear`).
    pub word: Option<Report>,
}

impl Selected {
    /// Whether it said itself that it obeys this revision, be it an open or a closed one.
    pub fn obeys(&self, revision: &str) -> bool {
        self.word.as_ref().is_some_and(|word| word.revision == revision)
    }
}

/// What a pod is to the policy that selects it, and by what would be placed in it today; `None` for pods that are ending
/// or have ended.
pub fn look(policy: &str, built: &Built, pod: &Pod) -> Option<Selected> {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    if pod.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Succeeded" | "Failed")) {
        return None;
    }
    let annotation = |name: &str| pod.metadata.annotations.as_ref().and_then(|all| all.get(name));
    // Wherever it stands: other injectors put their own in front of it, and the place secures nothing (N18).
    let mut inits = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let ours = annotation(INJECTED).filter(|text| text.starts_with(&format!("policy={policy} ")));
    let found = inits.find(|container| ours.is_some() && is_sidecar(container));
    let current = ours.and_then(|text| word(text, "placed")) == Some(built.placed.as_str());
    // What was placed before an edit or a release is not known any more: it is outdated, whatever it is.
    let sidecar = found.filter(|container| {
        !current || pod.spec.as_ref().is_some_and(|spec| is_as_placed(&built.injection, spec, container))
    });
    let statuses = status.and_then(|status| status.init_container_statuses.as_ref());
    let state = statuses.into_iter().flatten().find(|state| sidecar.is_some() && state.name == CONTAINER);
    Some(Selected {
        name: pod.metadata.name.clone().unwrap_or_default(),
        injected: sidecar.is_some(),
        tampered: found.is_some() && sidecar.is_none(),
        outdated: sidecar.is_some() && !current,
        told: annotation(DELIVERED).and_then(|text| Told::parse(text)),
        ready: state.is_some_and(|state| state.ready),
        admin: sidecar.filter(|_| state.is_some_and(runs)).and_then(|sidecar| admin(pod, sidecar)),
        word: None,
    })
}

fn runs(state: &ContainerStatus) -> bool {
    state.state.as_ref().is_some_and(|state| state.running.is_some())
}

fn is_sidecar(container: &Container) -> bool {
    container.name == CONTAINER && container.restart_policy.as_deref() == Some("Always")
}

#[cfg(test)]
mod tests;
