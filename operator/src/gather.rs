//! What a policy refers to, read from its own namespace, one object at a time.
//!
//! Reads the API server: `get` of just the Secrets and ConfigMaps that are named (K10), and no reference leaves the
//! policy's namespace, for there is no field to name another (K02).

use std::collections::{BTreeMap, BTreeSet};

use crds::Secret as Hidden;
use crds::resource::{CaBundleKind, CaBundleRef, McpOAuthPolicySpec, SecretRef};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};

use crate::names::{MANAGED_BY, MANAGER};

/// One value that a policy refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub kind: Kind,
    pub name: String,
    pub key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Secret,
    ConfigMap,
}

/// Why a value is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    Object,
    Key,
    /// It is one of ours, and holds what a policy was rendered to: not a secret that two parties share.
    Rendered,
}

/// What the references of a policy led to.
pub type Inputs = BTreeMap<Reference, Result<Hidden<Vec<u8>>, Absent>>;

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }
}

impl From<CaBundleKind> for Kind {
    fn from(kind: CaBundleKind) -> Self {
        match kind {
            CaBundleKind::Secret => Self::Secret,
            CaBundleKind::ConfigMap => Self::ConfigMap,
        }
    }
}

impl From<&SecretRef> for Reference {
    fn from(SecretRef { name, key }: &SecretRef) -> Self {
        Self { kind: Kind::Secret, name: name.clone(), key: key.clone() }
    }
}

impl From<&CaBundleRef> for Reference {
    fn from(CaBundleRef { kind, name, key }: &CaBundleRef) -> Self {
        Self { kind: (*kind).into(), name: name.clone(), key: key.clone() }
    }
}

/// Every reference of a policy.
pub fn references(spec: &McpOAuthPolicySpec) -> Vec<Reference> {
    let shared = spec.hmac.iter().flat_map(|hmac| &hmac.secret_refs);
    let ours = spec.oidc.iter().filter_map(|oidc| oidc.client_secret_ref.as_ref());
    let clients = spec.proxy.iter().filter_map(|proxy| proxy.clients.as_ref());
    let theirs = clients.flat_map(|clients| &clients.fixed).filter_map(|client| client.secret_ref.as_ref());
    let store = spec.proxy.as_ref().and_then(|proxy| proxy.store.as_ref());
    let passwords = store.iter().filter_map(|store| store.password_ref.as_ref());
    let of_store = store.iter().filter_map(|store| store.ca_bundle_ref.as_ref());
    let bundles = spec.oidc.iter().filter_map(|oidc| oidc.ca_bundle_ref.as_ref()).chain(of_store);
    let secrets = shared.chain(ours).chain(theirs).chain(passwords).map(Reference::from);
    secrets.chain(bundles.map(Reference::from)).collect()
}

/// Reads them. An object that does not exist is an answer; anything else that goes wrong is tried again later.
pub async fn gather(
    client: &Client,
    namespace: &str,
    spec: &McpOAuthPolicySpec,
) -> Result<Inputs, kube::Error> {
    let mut inputs = Inputs::new();
    let each: BTreeSet<_> = references(spec).into_iter().collect();
    for reference in each {
        let value = read(client, namespace, &reference).await?;
        inputs.insert(reference, value);
    }
    Ok(inputs)
}

async fn read(
    client: &Client,
    namespace: &str,
    reference: &Reference,
) -> Result<Result<Hidden<Vec<u8>>, Absent>, kube::Error> {
    let Reference { kind, name, key } = reference;
    let value = match kind {
        Kind::Secret => {
            let object = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await?;
            if object.as_ref().is_some_and(is_rendered) {
                return Ok(Err(Absent::Rendered));
            }
            object.map(|secret| secret.data.and_then(|mut data| data.remove(key)).map(|bytes| bytes.0))
        }
        Kind::ConfigMap => {
            let object = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(name).await?;
            object.map(|config| config.data.and_then(|mut data| data.remove(key)).map(String::into_bytes))
        }
    };
    Ok(match value {
        Some(Some(bytes)) => Ok(Hidden::new(bytes)),
        Some(None) => Err(Absent::Key),
        None => Err(Absent::Object),
    })
}

fn is_rendered(secret: &Secret) -> bool {
    let labels = secret.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(MANAGED_BY)).is_some_and(|by| by == MANAGER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_that_a_policy_names_is_read_and_no_other() {
        let names = |rest: &str| {
            let spec = format!("{{server: {{url: 'https://h/mcp'}}, provider: okta, {rest}}}");
            let spec = serde_yaml::from_str(&spec).expect("YAML");
            references(&spec).into_iter().map(|one| format!("{}/{}", one.name, one.key)).collect::<Vec<_>>()
        };
        assert_eq!(names("oidc: {}"), [""; 0]);
        assert_eq!(names("hmac: {secretRefs: [{name: a, key: k}, {name: b, key: l}]}"), ["a/k", "b/l"]);
        let proxy = "oidc: {clientSecretRef: {name: a, key: k}, caBundleRef: {kind: ConfigMap, name: b, key: l}}, \
                     proxy: {clients: {static: [{id: c, secretRef: {name: c, key: m}, redirectURIs: []}, \
                     {id: d, redirectURIs: []}]}}";
        assert_eq!(names(proxy), ["a/k", "c/m", "b/l"]);
        let store = "oidc: {}, proxy: {store: {url: 'rediss://valkey', passwordRef: {name: a, key: k}, \
                     caBundleRef: {kind: Secret, name: b, key: l}}}";
        assert_eq!(names(store), ["a/k", "b/l"]);
        assert_eq!(names("oidc: {}, proxy: {store: {url: 'redis://valkey'}}"), [""; 0]);
    }

    #[test]
    fn a_secret_is_ours_by_its_label_and_not_where_somebody_else_manages_it() {
        let managed = |by: &str| Secret {
            metadata: kube::core::ObjectMeta {
                labels: Some(BTreeMap::from([(MANAGED_BY.to_owned(), by.to_owned())])),
                ..kube::core::ObjectMeta::default()
            },
            ..Secret::default()
        };
        assert!(is_rendered(&managed(MANAGER)));
        assert!(!is_rendered(&managed("Helm")) && !is_rendered(&Secret::default()));
    }
}
