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

/// Why nothing could be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// Whoever made it would decide what our sidecars obey.
    #[error(
        "there is a Secret '{0}' already that is not this policy's: delete it, or give the policy another name"
    )]
    ForeignSecret(String),
}

/// Applies the Secret, and finds the pods that the policy selects.
pub async fn apply(
    client: &Client,
    owner: &Owner,
    spec: &McpOAuthPolicySpec,
    built: &Built,
) -> Result<Vec<Selected>, ApplyError> {
    apply_secret(client, owner, &built.secret).await?;
    Ok(selected(client, owner, spec).await?)
}

/// Makes the kubelets of pods with an older revision look at once. A pod that cannot be told does not stop the others.
pub async fn tell(
    client: &Client,
    owner: &Owner,
    revision: &str,
    pods: &[Selected],
) -> Result<(), kube::Error> {
    let is_late = |pod: &Selected| pod.injected && pod.delivered.as_deref() != Some(revision);
    let late: Vec<String> = pods.iter().filter(|pod| is_late(pod)).map(|pod| pod.name.clone()).collect();
    let told = futures::stream::iter(late.into_iter().map(|pod| touch(client, owner, revision, pod)));
    told.buffer_unordered(TOUCHES).collect::<Vec<_>>().await.into_iter().collect()
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

/// A Secret that somebody else has made is never taken over: it would get our content, and go with our policy.
async fn apply_secret(client: &Client, owner: &Owner, secret: &Secret) -> Result<(), ApplyError> {
    let api = Api::<Secret>::namespaced(client.clone(), &owner.namespace);
    let name = secret.metadata.name.clone().unwrap_or_default();
    let mut secret = secret.clone();
    if let Some(found) = api.get_metadata_opt(&name).await? {
        let ours =
            found.metadata.owner_references.iter().flatten().any(|found| found.uid == owner.reference.uid);
        if !ours {
            return Err(ApplyError::ForeignSecret(name));
        }
        // This very object and not one that takes its place meanwhile.
        secret.metadata.uid = found.metadata.uid;
    }
    api.patch(&name, &params(), &Patch::Apply(secret)).await?;
    Ok(())
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
async fn touch(client: &Client, owner: &Owner, revision: &str, pod: String) -> Result<(), kube::Error> {
    let api = Api::<Pod>::namespaced(client.clone(), &owner.namespace);
    let patch = json!({ "metadata": { "annotations": { DELIVERED: revision } } });
    match api.patch(&pod, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        // It went away meanwhile: the next look will not find it.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error),
    }
}
