//! Making it so: server-side apply of what was rendered, and the touch that makes kubelets look at once.
//!
//! Writes to the API server. Order matters: the Secret is there before anything leads to it.

use crds::resource::{McpOAuthPolicy, McpOAuthPolicySpec, Status};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use crate::names::{DELIVERED, MANAGER};
use crate::pods::{self, Selected};
use crate::render::{Built, Owner};

/// So many pods are touched at a time.
const TOUCHES: usize = 8;

/// The pods of a policy after its Secret was applied and they were told.
pub async fn apply(
    client: &Client,
    owner: &Owner,
    spec: &McpOAuthPolicySpec,
    built: &Built,
) -> Result<Vec<Selected>, kube::Error> {
    apply_secret(client, owner, &built.secret).await?;
    let selected = selected(client, owner, spec).await?;
    let touched =
        futures::stream::iter(selected.into_iter().map(|pod| touch(client, owner, &built.revision, pod)));
    touched.buffer_unordered(TOUCHES).collect::<Vec<_>>().await.into_iter().collect()
}

/// Writes the status; what did not change is not written (server-side apply).
pub async fn apply_status(client: &Client, owner: &Owner, status: &Status) -> Result<(), kube::Error> {
    let api = Api::<McpOAuthPolicy>::namespaced(client.clone(), &owner.namespace);
    let object = json!({
        "apiVersion": "mcpoauth.dev/v1alpha1", "kind": "McpOAuthPolicy",
        "metadata": { "name": owner.name }, "status": status,
    });
    api.patch_status(&owner.name, &params(), &Patch::Apply(object)).await.map(drop)
}

/// Ours to say, whoever said otherwise before.
pub(crate) fn params() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}

async fn apply_secret(client: &Client, owner: &Owner, secret: &Secret) -> Result<(), kube::Error> {
    let api = Api::<Secret>::namespaced(client.clone(), &owner.namespace);
    let name = secret.metadata.name.as_deref().unwrap_or_default();
    api.patch(name, &params(), &Patch::Apply(secret)).await.map(drop)
}

async fn selected(
    client: &Client,
    owner: &Owner,
    spec: &McpOAuthPolicySpec,
) -> Result<Vec<Selected>, kube::Error> {
    let api = Api::<Pod>::namespaced(client.clone(), &owner.namespace);
    let mut found = Vec::new();
    for selector in pods::list_selectors(&owner.name, spec) {
        let list = api.list(&ListParams::default().labels(&selector)).await?;
        found.extend(list.items.iter().filter_map(|pod| pods::look(&owner.name, pod)));
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// A changed annotation makes the pod's kubelet sync its volumes at once, instead of within a minute.
async fn touch(
    client: &Client,
    owner: &Owner,
    revision: &str,
    pod: Selected,
) -> Result<Selected, kube::Error> {
    if !pod.injected || pod.delivered.as_deref() == Some(revision) {
        return Ok(pod);
    }
    let api = Api::<Pod>::namespaced(client.clone(), &owner.namespace);
    let patch = json!({ "metadata": { "annotations": { DELIVERED: revision } } });
    match api.patch(&pod.name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(Selected { delivered: Some(revision.to_owned()), ..pod }),
        // It went away meanwhile: the next look will not find it.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(pod),
        Err(error) => Err(error),
    }
}
