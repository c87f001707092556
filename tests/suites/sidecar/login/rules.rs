//! The policy of a scene in proxy mode, as the operator would deliver it, and what a test wants otherwise in it.
//!
//! Pure. Written as JSON, which is YAML as well.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::scene::ORIGIN;
use crate::world::RESOURCE;
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET};

/// A policy without its provider's address.
#[derive(Debug, Clone)]
pub(super) struct Rules(Value);

impl Rules {
    /// Everything usual, for the provider by the book.
    pub(super) fn usual() -> Self {
        Self::of("oidc")
    }

    /// With what the preset of this provider asks for.
    pub(super) fn of(provider: &str) -> Self {
        let preset = crds::provider::Provider::parse(provider).expect("a provider").login();
        let extra: serde_json::Map<String, Value> =
            preset.extra_params.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        Self(json!({
            "resource": RESOURCE,
            "maxBodyBytes": 4_194_304,
            "trust": { "audiences": [RESOURCE] },
            "claims": { "scope": ["scope"], "user": preset.user, "audience": "aud" },
            "requiredScopes": ["mcp"],
            "proxy": {
                "login": {
                    "provider": provider, "issuer": "", "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET,
                    "scopes": preset.scopes, "extraParams": extra,
                },
                "redirects": [format!("{ORIGIN}/oauth/callback")],
                "clients": { "dynamic": "on", "metadataDocuments": "on" },
                "consent": "always",
                "lifetimes": { "access": 900, "refresh": 2_592_000 },
                "keys": { "seal": keys(&["1"]), "sign": keys(&["2"]) },
            },
        }))
    }

    /// The same with this value at a place such as `/proxy/consent`.
    pub(super) fn with(mut self, place: &str, value: impl Into<Value>) -> Self {
        let (parent, name) = place.rsplit_once('/').expect("a place begins with a slash");
        let parent = self.0.pointer_mut(parent).expect("the policy has such a place");
        parent[name] = value.into();
        self
    }

    /// The same with other keys. One is named by a digit, which is also each of its bytes.
    pub(super) fn with_keys(self, seal: &[&str], sign: &[&str]) -> Self {
        self.with("/proxy/keys/seal", keys(seal)).with("/proxy/keys/sign", keys(sign))
    }

    /// The document, for a provider that is there.
    pub(super) fn text(&self, issuer: &str) -> String {
        self.clone().with("/proxy/login/issuer", issuer).0.to_string()
    }
}

fn keys(names: &[&str]) -> Value {
    let key = |name: &&str| {
        let bytes = [name.parse::<u8>().expect("a digit"); 32];
        json!({ "id": format!("k{name}"), "key": STANDARD.encode(bytes) })
    };
    names.iter().map(key).collect()
}
