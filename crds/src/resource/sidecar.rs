//! How the sidecar of a policy runs.
//!
//! Pure.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// How the sidecar runs. Its image is the operator's alone to choose.
#[derive(KubeSchema, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SidecarSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    #[serde(default)]
    pub ports: Ports,
}

/// Requests and limits; what is not named keeps the sidecar's own, or follows what is named.
#[derive(KubeSchema, Debug, Clone, Default, Serialize, Deserialize)]
#[x_kube(
    validation = schema::no_more_than_its_limit("cpu"),
    validation = schema::no_more_than_its_limit("memory"),
    validation = schema::no_more_than_its_limit("ephemeral-storage"),
)]
pub struct Resources {
    #[serde(default)]
    #[schemars(schema_with = "schema::quantities")]
    pub requests: BTreeMap<String, String>,
    #[serde(default)]
    #[schemars(schema_with = "schema::quantities")]
    pub limits: BTreeMap<String, String>,
}

#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// The sidecar's ports.
#[derive(KubeSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("self.traffic != self.admin").message("traffic and admin must be two different ports"))]
pub struct Ports {
    #[serde(default = "default_traffic")]
    #[schemars(schema_with = "schema::unprivileged_port")]
    pub traffic: u16,
    #[serde(default = "default_admin")]
    #[schemars(schema_with = "schema::unprivileged_port")]
    pub admin: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self { traffic: default_traffic(), admin: default_admin() }
    }
}

fn default_traffic() -> u16 {
    17080
}

fn default_admin() -> u16 {
    17081
}
