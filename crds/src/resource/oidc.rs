//! The provider, as users write it: in native mode the issuer of the tokens, in proxy mode where people log in.
//!
//! Pure. Which fields go with which mode is said once, in `rules`.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::references::{CaBundleRef, SecretRef};
use super::schema;
use crate::names;
use crate::proxy::{ProviderClientId, ProviderScope};

/// An OpenID Connect provider, or GitHub.
#[derive(KubeSchema, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Oidc {
    /// The issuer, byte for byte as its tokens and its discovery document name it. Only google and github have one of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<names::Issuer>")]
    pub issuer: Option<String>,
    /// Native mode: a token must name one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<names::Audience>", length(min = 1, max = 16))]
    pub audience: Vec<String>,
    /// Proxy mode: the id by which the provider knows the sidecar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ProviderClientId>")]
    pub client_id: Option<String>,
    /// Proxy mode: the secret that goes with the id. Absent for a public client, which PKCE alone protects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_ref: Option<SecretRef>,
    /// Proxy mode: what the provider is asked for, instead of its preset. Never told to clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<ProviderScope>", length(min = 1, max = 32))]
    pub scopes: Vec<String>,
    /// Proxy mode: parameters of the provider's login, beside its preset and before it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::extra_params")]
    pub extra_params: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<OidcEndpoints>,
    /// Certificates that the provider's endpoints are trusted by, beside the public roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle_ref: Option<CaBundleRef>,
}

/// Overrides of what discovery says.
#[derive(KubeSchema, Debug, Clone, Default, Serialize, Deserialize)]
pub struct OidcEndpoints {
    /// Proxy mode: where people log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<names::EndpointUrl>")]
    pub authorization: Option<String>,
    /// Proxy mode: where the sidecar redeems what they come back with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<names::EndpointUrl>")]
    pub token: Option<String>,
    /// Proxy mode: where a login that a client takes back, or that was copied, ends at the provider as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<names::EndpointUrl>")]
    pub revocation: Option<String>,
    /// Where the provider's keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<names::EndpointUrl>")]
    pub jwks: Option<String>,
}
