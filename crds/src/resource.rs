//! `McpOAuthPolicy`, as users write it.
//!
//! Pure. The fields are raw text; each takes its OpenAPI and CEL from the type that will hold it (`names`), so the API
//! server refuses what the operator could not use, with the field's path and the reason. The operator turns the raw
//! into a `Policy` (`operator::resolve`) and depends on nothing here being valid.
//! Meets K13 (structural schema and CEL), K01/K02 (no field names another namespace).

#![expect(unreachable_pub, reason = "the KubeSchema derive repeats each struct in a scope of its own")]

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names;
use crate::policy::DEFAULT_MAX_BODY_BYTES;
use crate::provider::Provider;

mod oidc;
mod proxy;
mod references;
mod rules;
mod schema;
mod sidecar;
mod status;

pub use oidc::{Oidc, OidcEndpoints};
pub use proxy::{ClientSettings, ONE_PROOF, ProxySettings, StaticClient, StoreSettings};
pub use references::{CaBundleKind, CaBundleRef, SecretRef};
pub use rules::check;
pub use schema::{crd, crd_yaml};
pub use sidecar::{LogLevel, Ports, Resources, SidecarSettings};
pub use status::{Endpoints, Injection, PodCounts, Status};

/// Puts OAuth in front of the MCP servers that it selects, without touching them.
#[derive(CustomResource, KubeSchema, Debug, Clone, Serialize, Deserialize)]
#[kube(
    group = "mcpoauth.dev",
    version = "v1alpha1",
    kind = "McpOAuthPolicy",
    plural = "mcpoauthpolicies",
    singular = "mcpoauthpolicy",
    doc = "Puts OAuth in front of the MCP servers of its namespace that it selects, without touching their code",
    shortname = "mop",
    category = "mcp",
    namespaced,
    status = "Status",
    validation = Rule::new("size(self.metadata.name) <= 63")
        .message("metadata.name must be at most 63 characters long: pods name their policy in a label"),
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Provider","type":"string","jsonPath":".spec.provider"}"#,
    printcolumn = r#"{"name":"Pods","type":"integer","jsonPath":".status.pods.selected"}"#,
    printcolumn = r#"{"name":"Current","type":"integer","jsonPath":".status.pods.current"}"#,
    printcolumn = r#"{"name":"URL","type":"string","jsonPath":".spec.server.url"}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::state)]
pub struct McpOAuthPolicySpec {
    /// The pods of this namespace that the policy protects. Absent: only pods that carry the label
    /// mcpoauth.dev/policy with this policy's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    pub server: Server,
    /// Who runs the login. Absent: proxy where oidc.clientId is set, else native.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Who issues the tokens, or where people log in: fills in which claims mean what, and what it is asked for.
    pub provider: Provider,
    /// The provider, for every provider but hmac.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
    /// The shared secrets, for provider hmac.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac: Option<Hmac>,
    /// Overrides of what the provider's preset says of claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Claims>,
    /// How clients log in through the sidecar, for proxy mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxySettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<SidecarSettings>,
}

/// Pods by their labels: all of them must be there.
#[derive(KubeSchema, Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    #[schemars(schema_with = "schema::match_labels")]
    pub match_labels: BTreeMap<String, String>,
}

/// The MCP server behind the sidecar.
#[derive(KubeSchema, Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(
        "!has(self.publicPaths) || !isURL(self.url) || [url(self.url.lowerAscii()).getEscapedPath()].all(mcp, \
         !self.publicPaths.exists(p, mcp == '' ? p == '/' : \
         p.lowerAscii() == mcp || p.lowerAscii().startsWith(mcp + '/')))"
    ).message("publicPaths must not hold the path of server.url or a path below it, in whatever case: the MCP endpoint \
               would need no token"),
)]
pub struct Server {
    /// The public URL of the MCP endpoint, which is the OAuth resource identifier.
    #[schemars(with = "names::ResourceUrl")]
    pub url: String,
    /// The server's container port, by name or number.
    #[serde(default = "default_port")]
    #[schemars(schema_with = "schema::port")]
    pub port: PortRef,
    /// The server's container, where several have that port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<names::ContainerName>")]
    pub container: Option<String>,
    /// Exact paths that need no token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<names::PublicPath>", length(max = 32))]
    pub public_paths: Vec<String>,
    /// Origins of web pages that may call the server from a browser, beside its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<names::WebOrigin>", length(max = 32))]
    pub allowed_origins: Vec<String>,
    /// The longest request body in bytes.
    #[serde(default = "default_max_body_bytes")]
    #[schemars(schema_with = "schema::max_body_bytes")]
    pub max_body_bytes: u64,
    /// Environment variables that are set in the server's container on injection, so that it listens on loopback only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::env")]
    pub env: Vec<EnvVar>,
}

/// A container port: its name, or its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortRef {
    Number(u16),
    Name(String),
}

#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvVar {
    #[schemars(with = "names::EnvName")]
    pub name: String,
    #[schemars(length(max = 4096))]
    pub value: String,
}

/// Who runs the login. native: the client, with the provider; the sidecar checks the provider's tokens. proxy: the sidecar,
/// which issues tokens of its own; the provider only says who the user is.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Native,
    Proxy,
}

impl McpOAuthPolicySpec {
    /// Who runs the login: who was named, else the sidecar where it has an id at the provider. `rules` says the same in CEL.
    pub fn mode(&self) -> Mode {
        let known = self.oidc.as_ref().is_some_and(|oidc| oidc.client_id.is_some());
        self.mode.unwrap_or(if known { Mode::Proxy } else { Mode::Native })
    }
}

/// Shared secrets that sign tokens with HS256.
#[derive(KubeSchema, Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hmac {
    /// At least 32 bytes each. Several during a rotation: a token under any of them is accepted.
    #[schemars(length(min = 1, max = 4))]
    pub secret_refs: Vec<SecretRef>,
}

/// Which claims mean what: of the provider's access tokens, in proxy mode of its ID tokens.
#[derive(KubeSchema, Debug, Clone, Default, Serialize, Deserialize)]
pub struct Claims {
    /// Native mode: the claim that holds the scopes, as one string or a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<names::ClaimName>")]
    pub scope: Option<String>,
    /// The claim that a person would recognise the caller by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<names::ClaimName>")]
    pub user: Option<String>,
    /// Each of these claims must be there with one of its values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::require")]
    pub require: BTreeMap<String, Vec<String>>,
}

/// What a token must allow.
#[derive(KubeSchema, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// Scopes that every token must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<names::Scope>", length(max = 32))]
    pub required_scopes: Vec<String>,
}

fn default_port() -> PortRef {
    PortRef::Name("http".into())
}

fn default_max_body_bytes() -> u64 {
    DEFAULT_MAX_BODY_BYTES
}
