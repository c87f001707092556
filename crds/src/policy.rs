//! `Policy`: what the sidecar obeys. The operator renders it, the sidecar loads it, from one type.
//!
//! Pure. A `Policy` that exists is valid: every field is a type that carries its rule, and the rules that span fields
//! are checked by `Policy::new` (`rules`), which deserialising goes through as well (habit 2: one conversion guards every door).
//! Meets J13 (an audience is always there), P04 (the MCP endpoint is never public), promise 1.

mod rules;

use std::ops::Deref;

use crate::hmac_key::HmacKey;
use crate::names::{Audience, EndpointUrl, Issuer, PublicPath, ResourceUrl, Scope, WebOrigin};
use crate::network::Network;
use crate::proxy::{self, Proxy, Switch};
use crate::violation::{Collector, Violations};

pub use crate::claims::ClaimRules;

/// A valid policy, read-only.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Policy(Parts);

/// What a policy is made of. Each part is valid by itself; `Policy::new` makes sure that they are so together.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parts {
    /// The public URL of the MCP endpoint, which is the resource identifier.
    pub resource: ResourceUrl,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_paths: Vec<PublicPath>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<WebOrigin>,
    /// The longest request body in bytes.
    pub max_body_bytes: u64,
    pub trust: Trust,
    pub claims: ClaimRules,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_scopes: Vec<Scope>,
    /// Set where clients log in through the sidecar: then its own tokens are the ones that count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Box<Proxy>>,
}

/// Whose tokens are accepted.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trust {
    /// Set for tokens of an OpenID Connect provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcTrust>,
    /// Set for HS256 tokens under shared secrets: any of them, so that they can be rotated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hmac: Vec<HmacKey>,
    /// A token must name one of these in its audience claim. Never empty.
    pub audiences: Vec<Audience>,
}

/// A provider whose keys come from its discovery document.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcTrust {
    pub issuer: Issuer,
    /// Overrides the `jwks_uri` of the discovery document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<EndpointUrl>,
    /// PEM certificates that are trusted for the provider's endpoints, beside the public roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<String>,
}

/// A request body is at most this long where the policy does not say (X14: what the Python SDK's server takes).
pub const DEFAULT_MAX_BODY_BYTES: u64 = 4 * 1024 * 1024;

impl Policy {
    /// Checks the rules that span fields; paths are those of the parts (`publicPaths[0]`).
    pub fn new(mut parts: Parts) -> Result<Self, Violations> {
        let mut found = Collector::default();
        rules::place(&mut parts, &mut found);
        rules::check(&parts, &mut found);
        found.finish(Some(Self(parts)))
    }

    /// The authorization server that clients are told of, where there is one: ourselves, or the provider.
    pub fn issuer(&self) -> Option<String> {
        let own = self.proxy.as_ref().map(|proxy| proxy::issuer(&self.resource, &proxy.redirects));
        own.or_else(|| self.trust.oidc.as_ref().map(|oidc| oidc.issuer.to_string()))
    }

    /// Whose accounts all let in, where anybody can have one and nothing is required of people. No mistake, for the provider may
    /// be told to let in fewer; and not what most people mean.
    pub fn is_open_to_all_of(&self) -> Option<&'static str> {
        let login = &self.proxy.as_ref().filter(|_| self.claims.require.is_empty())?.login;
        let is_in_one_place = login.provider.issuer().as_ref() == Some(&login.issuer);
        login.provider.everybodys_accounts().filter(|_| is_in_one_place)
    }

    /// Networks that are open to whoever names a document, and what lies in each that hardly anybody means to open. No mistake:
    /// on a laptop loopback is where the clients are.
    pub fn perilous_networks(&self) -> Vec<(Network, &'static str)> {
        let asked = self.proxy.iter().filter(|proxy| proxy.clients.metadata_documents == Switch::On);
        let networks = asked.flat_map(|proxy| &proxy.allow_networks);
        networks.filter_map(|network| Some((*network, network.peril()?))).collect()
    }
}

impl Deref for Policy {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl TryFrom<Parts> for Policy {
    type Error = Violations;

    fn try_from(parts: Parts) -> Result<Self, Violations> {
        Self::new(parts)
    }
}

impl From<Policy> for Parts {
    fn from(policy: Policy) -> Self {
        policy.0
    }
}

#[cfg(test)]
mod tests;
