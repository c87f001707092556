//! Proxy mode, as users write it: how clients log in through the sidecar.
//!
//! Pure. Every field may be left out. Meets A12 and O05 (which redirect URIs there are), D17 (clients that the policy names).

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::references::{CaBundleRef, SecretRef};
use super::schema;
use crate::names::{RefreshLifetime, StoreUrl, TokenLifetime};
use crate::network::Network;
use crate::proxy::{Consent, FixedClientId, KeysText, KeysUrl, StoreUser};
use crate::redirect::RedirectUri;

/// How clients log in through the sidecar.
#[derive(KubeSchema, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.redirectURIs) || self.redirectURIs.all(a, self.redirectURIs.exists_one(b, a == b))")
        .message("redirectURIs must not name one URI twice"),
)]
pub struct ProxySettings {
    /// One: our callback at the provider, such as https://mcp.example.com/oauth/callback, which is taken from server.url where
    /// none is named; clients come back to this machine and to the addresses of known clients. Several: clients come back to
    /// exactly those.
    #[serde(default, rename = "redirectURIs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<RedirectUri>", length(min = 1, max = 32))]
    pub redirect_uris: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<ClientSettings>,
    /// How often a person is asked: always, or once for each client that can be told apart.
    #[serde(default)]
    pub consent: Consent,
    /// Networks, beside public addresses, where documents about clients may be fetched from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Network>", length(max = 32))]
    pub allow_networks: Vec<String>,
    /// How long an access token lives, from 1m to 1h. Absent: 15m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TokenLifetime>")]
    pub token_lifetime: Option<String>,
    /// How long a refresh token lives, from 1h to 365d. Absent: 30d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RefreshLifetime>")]
    pub refresh_lifetime: Option<String>,
    /// A Valkey or Redis that all replicas share, so that what must happen once happens once for all of them. Absent: each
    /// remembers for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreSettings>,
}

/// Where the store is, and who the sidecar is there.
#[derive(KubeSchema, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreSettings {
    /// Such as rediss://valkey.data.svc:6379; redis:// is without TLS.
    #[schemars(with = "StoreUrl")]
    pub url: String,
    /// Absent for the user that everybody is without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<StoreUser>")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_ref: Option<SecretRef>,
    /// Certificates that it is trusted by, beside the public roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle_ref: Option<CaBundleRef>,
}

/// Which clients may ask for a login.
#[derive(KubeSchema, Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSettings {
    /// Clients that register themselves.
    #[serde(default = "yes")]
    pub dynamic: bool,
    /// Clients whose id is the URL of a document about them.
    #[serde(default = "yes")]
    pub metadata_documents: bool,
    /// Clients that are named here.
    #[serde(default, rename = "static", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::static_clients")]
    pub fixed: Vec<StaticClient>,
}

/// A client that is registered by whoever writes the policy. Without secretRef, jwks and jwksUri it is public, and PKCE alone
/// protects it.
#[derive(KubeSchema, Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.secretRef), has(self.jwks), has(self.jwksUri)].filter(given, given).size() <= 1")
        .message(ONE_PROOF),
)]
pub struct StaticClient {
    #[schemars(with = "FixedClientId")]
    pub id: String,
    /// The secret that it shows, in a form or in a Basic header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// The public keys that it signs assertions with (private_key_jwt): a JWK Set, as JSON, of up to eight keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<KeysText>")]
    pub jwks: Option<String>,
    /// Where such a set lies. It is fetched over https from a public address, or from one in allowNetworks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<KeysUrl>")]
    pub jwks_uri: Option<String>,
    /// Where it may come back to, and nowhere else.
    #[serde(rename = "redirectURIs")]
    #[schemars(with = "Vec<RedirectUri>", length(min = 1, max = 8))]
    pub redirect_uris: Vec<String>,
}

/// D17: a client that could prove itself in two ways is as safe as the weaker one.
pub const ONE_PROOF: &str = "must have at most one of secretRef, jwks and jwksUri";

impl StaticClient {
    /// Whether it proves itself in one way, or in none.
    pub fn has_one_proof(&self) -> bool {
        let given = [self.secret_ref.is_some(), self.jwks.is_some(), self.jwks_uri.is_some()];
        given.into_iter().filter(|given| *given).count() <= 1
    }
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self { dynamic: yes(), metadata_documents: yes(), fixed: Vec::new() }
    }
}

fn yes() -> bool {
    true
}
