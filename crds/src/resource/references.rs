//! What a policy names in its own namespace: no field leads to another one (K02).
//!
//! Pure.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names;

/// A key of a ConfigMap or a Secret in the policy's namespace.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaBundleRef {
    pub kind: CaBundleKind,
    #[schemars(with = "names::ObjectName")]
    pub name: String,
    #[schemars(with = "names::DataKey")]
    pub key: String,
}

#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaBundleKind {
    ConfigMap,
    Secret,
}

/// A key of a Secret in the policy's namespace.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRef {
    #[schemars(with = "names::ObjectName")]
    pub name: String,
    #[schemars(with = "names::DataKey")]
    pub key: String,
}
