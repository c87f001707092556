//! The status of a policy: what the operator says of it, and what the API server injects.
//!
//! Pure. Only the operator has rights on this subresource, so nobody else decides what is injected (K05).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// What the operator found and did.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    #[serde(default)]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    #[serde(default)]
    pub pods: PodCounts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injection: Option<Injection>,
}

/// The pods that the policy selects, those with our sidecar, and those whose sidecar is up to date and says that it obeys
/// the current revision.
#[derive(JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodCounts {
    pub selected: i32,
    pub injected: i32,
    pub current: i32,
}

/// What clients are told.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    pub resource: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// What admission places into a selected pod.
#[derive(JsonSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Injection {
    /// The value of the pod's annotation `mcpoauth.dev/injected`.
    pub annotation: String,
    /// The whole container, but for what only the pod knows: the server's port and that port's name.
    #[schemars(schema_with = "schema::anything")]
    pub container: serde_json::Value,
    #[schemars(schema_with = "schema::anything")]
    pub volume: serde_json::Value,
}
