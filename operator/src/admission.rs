//! The admission policies: as they stand in `operator/admission/`, with the namespaces that have policies filled in.
//!
//! Writes to the API server. The two that take a policy as their parameter name their namespaces, so that nobody else's
//! pods can ever be refused (W1, W2), and are removed when there is none; the third is always there. All are owned by a
//! cluster-scoped object of the chart, so that uninstalling removes them even when we are gone (W8).

mod files;
mod named;

use std::collections::BTreeSet;
use std::time::Instant;

use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch as JsonPatch, PatchOperation, ReplaceOperation};
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::apply::{params, plain};
use crate::status::Admitted;
use files::{INJECT, LABELLED, NAMESPACES, SELECTED, api, objects};
use named::Named;
pub(crate) use named::SETTLE;

/// Never ours, whatever lies in them: a cluster must be able to start without us.
const EXCLUDED: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// Keeps the admission policies.
pub struct Admission {
    client: Client,
    /// The ClusterRole that owns them.
    owner: Option<String>,
    own_namespace: Option<String>,
    now: fn() -> Instant,
    kept: Mutex<Kept>,
}

/// How far they are kept.
#[derive(Debug, Default)]
struct Kept {
    /// `None` where nothing is certain.
    named: Option<Named>,
    /// What stood in the way the last time.
    trouble: Option<String>,
}

/// Why they could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    #[error(
        "this API server has no MutatingAdmissionPolicy of admissionregistration.k8s.io/v1: Kubernetes 1.36 or later is needed"
    )]
    Unsupported,
    #[error("cannot read ClusterRole '{name}', which is to own the admission policies: {}", plain(.source))]
    Owner { name: String, source: Box<kube::Error> },
    #[error("cannot write {kind} '{name}': {}", plain(.source))]
    Api { kind: String, name: String, source: Box<kube::Error> },
}

impl Admission {
    pub fn new(
        client: Client,
        owner: Option<String>,
        own_namespace: Option<String>,
        now: fn() -> Instant,
    ) -> Self {
        Self { client, owner, own_namespace, now, kept: Mutex::default() }
    }

    /// Whether policies in this namespace are acted upon.
    pub fn covers(&self, namespace: &str) -> bool {
        !EXCLUDED.contains(&namespace) && self.own_namespace.as_deref() != Some(namespace)
    }

    /// Whether the API server is known to look at this namespace's pods.
    pub async fn of(&self, namespace: &str) -> Admitted {
        let kept = self.kept.lock().await;
        match &kept.named {
            Some(named) if named.has_settled(namespace, (self.now)()) => Admitted::InForce,
            _ => Admitted::NotYet(kept.trouble.clone()),
        }
    }

    /// Makes the policies name just these namespaces, if they do not yet.
    pub async fn cover(&self, namespaces: BTreeSet<String>) -> Result<(), AdmissionError> {
        let namespaces = self.without_excluded(namespaces);
        let mut kept = self.kept.lock().await;
        if kept.named.as_ref().is_some_and(|named| named.are_just(&namespaces)) {
            return Ok(());
        }
        self.bring(&mut kept, &namespaces).await
    }

    /// The same, whatever we believe: somebody may have changed or removed them.
    pub async fn restore(&self, namespaces: BTreeSet<String>) -> Result<(), AdmissionError> {
        let namespaces = self.without_excluded(namespaces);
        let mut kept = self.kept.lock().await;
        self.bring(&mut kept, &namespaces).await
    }

    async fn bring(&self, kept: &mut Kept, wanted: &BTreeSet<String>) -> Result<(), AdmissionError> {
        // While they are being written nothing is certain; a failure leaves it so.
        let before = kept.named.take();
        let brought = self.bring_from(before, wanted).await;
        kept.trouble = brought.as_ref().err().map(ToString::to_string);
        kept.named = Some(brought?);
        Ok(())
    }

    async fn bring_from(
        &self,
        before: Option<Named>,
        wanted: &BTreeSet<String>,
    ) -> Result<Named, AdmissionError> {
        let before = match before {
            Some(before) => before,
            None => self.found().await?,
        };
        self.write(wanted).await?;
        Ok(before.renewed(wanted, (self.now)()))
    }

    /// The namespaces that an earlier run has named: the API server knows them.
    async fn found(&self) -> Result<Named, AdmissionError> {
        let Some(object) = objects(INJECT, &BTreeSet::new()).into_iter().next() else {
            return Ok(Named::default());
        };
        let (api, kind, name) = api(&self.client, &object);
        let found = api.get_opt(&name).await.map_err(|error| failed(error, kind, name))?;
        let values =
            found.and_then(|found| found.data.pointer(NAMESPACES).and_then(Value::as_array).cloned());
        let names = values.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned));
        Ok(Named::by_an_earlier_run(names))
    }

    fn without_excluded(&self, namespaces: BTreeSet<String>) -> BTreeSet<String> {
        namespaces.into_iter().filter(|namespace| self.covers(namespace)).collect()
    }

    async fn write(&self, namespaces: &BTreeSet<String>) -> Result<(), AdmissionError> {
        let owner = self.owner().await?;
        for object in objects(LABELLED, namespaces) {
            self.apply(object, owner.as_ref()).await?;
        }
        // The gate that refuses comes before the one that injects, so that nothing is ever placed unchecked.
        for file in [SELECTED, INJECT] {
            for object in objects(file, namespaces) {
                if namespaces.is_empty() {
                    self.remove(&object).await?;
                } else {
                    self.apply(object, owner.as_ref()).await?;
                }
            }
        }
        tracing::debug!(?namespaces, "admission policies are in place");
        Ok(())
    }

    /// Looked up each time: one that was made anew under its name is another object, and what the old one owns is collected.
    async fn owner(&self) -> Result<Option<OwnerReference>, AdmissionError> {
        let Some(name) = self.owner.clone() else { return Ok(None) };
        let role = Api::<ClusterRole>::all(self.client.clone()).get(&name).await;
        let role =
            role.map_err(|error| AdmissionError::Owner { name: name.clone(), source: error.into() })?;
        Ok(Some(OwnerReference {
            api_version: "rbac.authorization.k8s.io/v1".into(),
            kind: "ClusterRole".into(),
            name,
            uid: role.metadata.uid.unwrap_or_default(),
            ..OwnerReference::default()
        }))
    }

    async fn apply(&self, mut object: Value, owner: Option<&OwnerReference>) -> Result<(), AdmissionError> {
        if let Some(owner) = owner {
            object["metadata"]["ownerReferences"] = json!([owner]);
        }
        let (api, kind, name) = api(&self.client, &object);
        let exact = || async {
            api.patch(&name, &params(), &Patch::Apply(&object)).await?;
            // Applying merges: what somebody has added to a rule would stay, and could open the gate. Replacing does not.
            let operation = PatchOperation::Replace(ReplaceOperation {
                path: PointerBuf::from_tokens(["spec"]),
                value: object["spec"].clone(),
            });
            api.patch(&name, &PatchParams::default(), &Patch::<Value>::Json(JsonPatch(vec![operation]))).await
        };
        let written = exact().await;
        written.map(drop).map_err(|error| failed(error, kind, name))
    }

    async fn remove(&self, object: &Value) -> Result<(), AdmissionError> {
        let (api, kind, name) = api(&self.client, object);
        match api.delete(&name, &DeleteParams::default()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(failed(error, kind, name)),
        }
    }
}

fn failed(error: kube::Error, kind: String, name: String) -> AdmissionError {
    match &error {
        // The path itself is not there: an API server that does not know the kind.
        kube::Error::Api(status) if status.code == 404 && kind.starts_with("Mutating") => {
            AdmissionError::Unsupported
        }
        _ => AdmissionError::Api { kind, name, source: Box::new(error) },
    }
}
