//! The admission policies: as they stand in `operator/admission/`, with the namespaces that have policies filled in.
//!
//! Writes to the API server. The two that take a policy as their parameter name their namespaces, so that nobody else's
//! pods can ever be refused (W1, W2), and are removed when there is none; the third is always there. All are owned by a
//! cluster-scoped object of the chart, so that uninstalling removes them even when we are gone (W8).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch as JsonPatch, PatchOperation, ReplaceOperation};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::apply::params;

const INJECT: &str = include_str!("../admission/inject.yaml");
const SELECTED: &str = include_str!("../admission/selected.yaml");
const LABELLED: &str = include_str!("../admission/labelled.yaml");
const NAMESPACES: &str = "/spec/matchConstraints/namespaceSelector/matchExpressions/0/values";
/// Never ours, whatever lies in them: a cluster must be able to start without us.
const EXCLUDED: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// An API server reads its admission policies anew once a second; what it has not read yet, it does not enforce.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

/// Keeps the admission policies.
pub struct Admission {
    client: Client,
    owner: Option<OwnerReference>,
    own_namespace: Option<String>,
    applied: Mutex<Option<Applied>>,
}

/// The namespaces that the policies name, and since when.
type Applied = BTreeMap<String, Since>;

#[derive(Debug, Clone, Copy)]
enum Since {
    /// An earlier run has named it.
    Before,
    Named(Instant),
}

impl Since {
    fn has_settled(&self) -> bool {
        match self {
            Self::Before => true,
            Self::Named(at) => at.elapsed() >= SETTLE,
        }
    }
}

/// Why they could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    #[error(
        "this API server has no MutatingAdmissionPolicy of admissionregistration.k8s.io/v1: Kubernetes 1.36 or later is needed"
    )]
    Unsupported,
    #[error("cannot write {kind} '{name}': {source}")]
    Api { kind: String, name: String, source: Box<kube::Error> },
}

impl Admission {
    pub fn new(client: Client, owner: Option<OwnerReference>, own_namespace: Option<String>) -> Self {
        Self { client, owner, own_namespace, applied: Mutex::new(None) }
    }

    /// Whether policies in this namespace are acted upon.
    pub fn covers(&self, namespace: &str) -> bool {
        !EXCLUDED.contains(&namespace) && self.own_namespace.as_deref() != Some(namespace)
    }

    /// Whether the API server is known to look at this namespace's pods.
    pub async fn is_in_force(&self, namespace: &str) -> bool {
        let applied = self.applied.lock().await;
        applied.as_ref().and_then(|applied| applied.get(namespace)).is_some_and(Since::has_settled)
    }

    /// Makes the policies name just these namespaces, if they do not yet.
    pub async fn cover(&self, namespaces: BTreeSet<String>) -> Result<(), AdmissionError> {
        let namespaces = self.without_excluded(namespaces);
        let mut applied = self.applied.lock().await;
        if applied.as_ref().is_some_and(|applied| applied.keys().eq(namespaces.iter())) {
            return Ok(());
        }
        self.bring(&mut applied, &namespaces).await
    }

    /// The same, whatever we believe: somebody may have changed or removed them.
    pub async fn restore(&self, namespaces: BTreeSet<String>) -> Result<(), AdmissionError> {
        let namespaces = self.without_excluded(namespaces);
        let mut applied = self.applied.lock().await;
        self.bring(&mut applied, &namespaces).await
    }

    async fn bring(
        &self,
        applied: &mut Option<Applied>,
        wanted: &BTreeSet<String>,
    ) -> Result<(), AdmissionError> {
        // While they are being written nothing is certain; a failure leaves it so.
        let before = match applied.take() {
            Some(before) => before,
            None => self.found().await?,
        };
        self.write(wanted).await?;
        let since =
            |namespace: &String| before.get(namespace).copied().unwrap_or(Since::Named(Instant::now()));
        *applied = Some(wanted.iter().map(|namespace| (namespace.clone(), since(namespace))).collect());
        Ok(())
    }

    /// The namespaces that an earlier run has named: the API server knows them.
    async fn found(&self) -> Result<Applied, AdmissionError> {
        let Some(object) = objects(INJECT, &BTreeSet::new()).into_iter().next() else {
            return Ok(Applied::new());
        };
        let (api, kind, name) = self.api(&object);
        let found = api.get_opt(&name).await.map_err(|error| failed(error, kind, name))?;
        let values =
            found.and_then(|found| found.data.pointer(NAMESPACES).and_then(Value::as_array).cloned());
        let names = values.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned));
        Ok(names.map(|name| (name, Since::Before)).collect())
    }

    fn without_excluded(&self, namespaces: BTreeSet<String>) -> BTreeSet<String> {
        namespaces.into_iter().filter(|namespace| self.covers(namespace)).collect()
    }

    async fn write(&self, namespaces: &BTreeSet<String>) -> Result<(), AdmissionError> {
        for object in objects(LABELLED, namespaces) {
            self.apply(object).await?;
        }
        // The gate that refuses comes before the one that injects, so that nothing is ever placed unchecked.
        for file in [SELECTED, INJECT] {
            for object in objects(file, namespaces) {
                if namespaces.is_empty() {
                    self.remove(&object).await?;
                } else {
                    self.apply(object).await?;
                }
            }
        }
        tracing::debug!(?namespaces, "admission policies are in place");
        Ok(())
    }

    async fn apply(&self, mut object: Value) -> Result<(), AdmissionError> {
        if let Some(owner) = &self.owner {
            object["metadata"]["ownerReferences"] = json!([owner]);
        }
        let (api, kind, name) = self.api(&object);
        let exact = || async {
            api.patch(&name, &params(), &Patch::Apply(&object)).await?;
            // Applying merges: what somebody has added to a rule would stay, and could open the gate. Replacing does not.
            let operation = PatchOperation::Replace(ReplaceOperation {
                path: spec_path(),
                value: object["spec"].clone(),
            });
            api.patch(&name, &PatchParams::default(), &Patch::<Value>::Json(JsonPatch(vec![operation]))).await
        };
        let written = exact().await;
        written.map(drop).map_err(|error| failed(error, kind, name))
    }

    async fn remove(&self, object: &Value) -> Result<(), AdmissionError> {
        let (api, kind, name) = self.api(object);
        match api.delete(&name, &DeleteParams::default()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(failed(error, kind, name)),
        }
    }

    fn api(&self, object: &Value) -> (Api<DynamicObject>, String, String) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let resource = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", &kind);
        let plural = if kind.ends_with("Policy") {
            format!("{}ies", kind.to_lowercase().trim_end_matches('y'))
        } else {
            format!("{}s", kind.to_lowercase())
        };
        let resource = ApiResource::from_gvk_with_plural(&resource, &plural);
        (Api::all_with(self.client.clone(), &resource), kind, name)
    }
}

fn spec_path() -> PointerBuf {
    PointerBuf::from_tokens(["spec"])
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

/// The objects of a file, with the namespaces where the file leaves room for them.
fn objects(file: &str, namespaces: &BTreeSet<String>) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(file);
    let object = |document| {
        let mut object =
            Value::deserialize(document).expect("the files are part of the program, and a test reads them");
        if let Some(values) = object.pointer_mut(NAMESPACES) {
            *values = json!(namespaces);
        }
        object
    };
    documents.map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces() -> BTreeSet<String> {
        BTreeSet::from(["data".to_owned(), "tools".to_owned()])
    }

    #[test]
    fn each_file_is_a_policy_and_its_binding_of_one_name() {
        for (file, name) in [(INJECT, "inject"), (SELECTED, "selected"), (LABELLED, "labelled")] {
            let objects = objects(file, &namespaces());
            let names: Vec<_> =
                objects.iter().map(|object| object["metadata"]["name"].as_str().expect("named")).collect();
            assert_eq!(names, [format!("{name}.mcpoauth.dev"), format!("{name}.mcpoauth.dev")]);
            assert!(objects[1]["kind"].as_str().expect("a kind").ends_with("Binding"));
        }
    }

    #[test]
    fn a_policy_with_a_parameter_names_its_namespaces_and_the_one_without_names_none() {
        for file in [INJECT, SELECTED] {
            assert_eq!(objects(file, &namespaces())[0].pointer(NAMESPACES), Some(&json!(["data", "tools"])));
        }
        assert_eq!(objects(LABELLED, &namespaces())[0].pointer(NAMESPACES), None);
        assert_eq!(objects(LABELLED, &namespaces())[0].pointer("/spec/paramKind"), None);
    }
}
