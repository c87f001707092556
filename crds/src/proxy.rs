//! Proxy mode: the part of a policy by which the sidecar is the authorization server that clients log in through, while
//! the provider only says who the user is.
//!
//! Pure. Every part is a type that carries its rule; what spans parts is checked by `Policy::new`. Meets A11, D17, O04
//! (redirect URIs are exact), O29 (keys are the operator's to mint and to rotate), R21 (secrets do not print themselves).

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};

mod client;
mod place;

pub use client::{FixedClient, FixedClientId, FixedProof, KeysText, KeysUrl, PublicKeys};
pub use place::{CALLBACK, ENDPOINTS, IN_THE_CLEAR, callback, issuer, own_callback, placed};

use crate::macros::checked_text;
use crate::names::{EndpointUrl, Issuer, StoreUrl};
use crate::network::Network;
use crate::provider::Provider;
use crate::redirect::Redirects;
use crate::rule::{Broken, Rule};
use crate::secret::Secret;

/// How clients log in through the sidecar.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proxy {
    pub login: Login,
    pub redirects: Redirects,
    pub clients: Clients,
    pub consent: Consent,
    /// Beside public addresses, where documents of clients may be fetched from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_networks: Vec<Network>,
    pub lifetimes: Lifetimes,
    pub keys: Keys,
    /// Where replicas tell one another what happened; absent: each remembers for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,
}

/// A Valkey or Redis that all replicas share (promise 4: an option, never a requirement).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Store {
    pub url: StoreUrl,
    /// Absent for the user that everybody is without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<StoreUser>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<ClientSecret>,
    /// PEM certificates that are trusted for it, beside the public roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<String>,
}

/// The sidecar as a client of the provider.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    pub provider: Provider,
    pub issuer: Issuer,
    pub client_id: ProviderClientId,
    /// Absent for a public client, which PKCE alone protects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<ClientSecret>,
    /// Asked of the provider, never told to clients (I10: never the client's own scopes).
    pub scopes: Vec<ProviderScope>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_params: BTreeMap<ParameterName, String>,
    #[serde(default)]
    pub endpoints: LoginEndpoints,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<String>,
}

/// Overrides of what the provider's discovery document says.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginEndpoints {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<EndpointUrl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<EndpointUrl>,
    /// Named, it is used whatever is known of the provider (`Provider::revokes_one_login`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<EndpointUrl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<EndpointUrl>,
}

/// Which clients may ask for a login.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clients {
    /// Clients that register themselves (RFC 7591).
    pub dynamic: Switch,
    /// Clients whose id is the URL of a document about them.
    pub metadata_documents: Switch,
    /// Clients that the policy names.
    #[serde(default, rename = "static", skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<FixedClient>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    On,
    Off,
}

impl Clients {
    /// Whether any client may sign assertions (`private_key_jwt`): one with a document, or one that the policy gives keys.
    pub fn may_sign(&self) -> bool {
        self.metadata_documents == Switch::On || self.fixed.iter().any(|client| client.proof.signs())
    }

    /// Whether something about a client is to be fetched: its document, or its keys.
    pub fn are_fetched(&self) -> bool {
        let lie_elsewhere = |client: &FixedClient| matches!(client.proof, FixedProof::KeysAt(_));
        self.metadata_documents == Switch::On || self.fixed.iter().any(lie_elsewhere)
    }
}

/// How often a person is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    #[default]
    Always,
    Remember,
}

/// How long what we issue lives, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifetimes {
    pub access: u32,
    pub refresh: u32,
}

impl Default for Lifetimes {
    /// A quarter of an hour, and thirty days (A13).
    fn default() -> Self {
        Self { access: 15 * 60, refresh: 30 * 24 * 3600 }
    }
}

/// Keys that the operator mints and rotates.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The first one seals, all of them open.
    pub seal: Vec<SealKey>,
    /// The first one signs, all of them are published: the next one before it signs, the last one until its tokens are over.
    pub sign: Vec<SigningKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealKey {
    pub id: KeyId,
    pub key: KeyBytes,
}

/// The seed of an Ed25519 key (RFC 8032 §5.1.5): 32 random bytes, so that making one takes no cryptography.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKey {
    pub id: KeyId,
    pub key: KeyBytes,
}

/// Bytes of a key, in base64 where they are written down.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyBytes(Secret<Vec<u8>>);

/// A secret that a client authenticates with.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientSecret(Secret<String>);

/// The secret of a client that the policy names. Anybody may guess at it, and from anywhere, so it is long: a provider's own is
/// the provider's to make, this one is not (RFC 6749 §10.10: 128 bits at least).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FixedSecret(ClientSecret);

checked_text! {
    /// The id by which the provider knows the sidecar (RFC 6749 appendix A.1: visible ASCII).
    ProviderClientId, longest: 256, rules: [
        Rule::matches(r"^[\x21-\x7E]+$", "must be visible ASCII without spaces"),
    ]
}

checked_text! {
    /// A scope that is asked of the provider (RFC 6749 §3.3). `offline_access` is one: it brings a refresh token.
    ProviderScope, longest: 256, rules: [
        Rule::matches(r"^[\x21\x23-\x5B\x5D-\x7E]+$", "must be one scope of visible ASCII without spaces, quotes or backslashes"),
    ]
}

checked_text! {
    /// The name of a parameter of the provider's authorization request that is not one of ours (I2, O11: nobody changes those).
    ParameterName, longest: 64, rules: [
        Rule::matches(r"^[A-Za-z0-9_.-]+$", "must be the name of a parameter: letters, digits, '_', '.' and '-'"),
        Rule::differs(
            r"^(?:client_id|client_secret|redirect_uri|response_type|response_mode|scope|state|nonce|code_challenge|code_challenge_method|request|request_uri|resource)$",
            "must not be a parameter that the sidecar sets or leaves out itself",
        ),
    ]
}

checked_text! {
    /// The name of a user of the store.
    StoreUser, longest: 128, rules: [
        Rule::matches(r"^[\x21-\x7E]+$", "must be visible ASCII without spaces"),
    ]
}

checked_text! {
    /// The name of a key in what was made with it.
    KeyId, longest: 16, rules: [
        Rule::matches(r"^[A-Za-z0-9_-]+$", "must be letters, digits, '_' and '-'"),
    ]
}

/// RFC 7518 §3.4 and the AEAD's own: shorter is no key at all.
const SHORTEST_KEY: usize = 32;

impl KeyBytes {
    pub fn parse(bytes: &[u8]) -> Result<Self, Broken> {
        if bytes.len() < SHORTEST_KEY {
            return Err(Broken(format!("must be at least {SHORTEST_KEY} bytes long, not {}", bytes.len())));
        }
        Ok(Self(Secret::new(bytes.to_vec())))
    }

    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl TryFrom<String> for KeyBytes {
    type Error = Broken;

    fn try_from(text: String) -> Result<Self, Broken> {
        Self::parse(&STANDARD.decode(text).map_err(|_| Broken("must be base64".into()))?)
    }
}

impl From<KeyBytes> for String {
    fn from(key: KeyBytes) -> Self {
        STANDARD.encode(key.expose())
    }
}

impl ClientSecret {
    /// One line end at the end is not part of it, as with every secret that an editor has touched.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        // RFC 6749 appendix A.2.
        if text.is_empty() || text.len() > 1024 || !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(Broken("must be 1 to 1024 characters of visible ASCII".into()));
        }
        Ok(Self(Secret::new(text.to_owned())))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TryFrom<String> for ClientSecret {
    type Error = Broken;

    fn try_from(text: String) -> Result<Self, Broken> {
        Self::parse(&text)
    }
}

impl From<ClientSecret> for String {
    fn from(secret: ClientSecret) -> Self {
        secret.expose().to_owned()
    }
}

/// As many as random bytes of that many bits have in hexadecimal, which is the least that a character can hold.
const SHORTEST_SECRET: usize = 32;

impl FixedSecret {
    pub fn parse(text: &str) -> Result<Self, Broken> {
        let secret = ClientSecret::parse(text)?;
        if secret.expose().len() < SHORTEST_SECRET {
            return Err(Broken(format!(
                "must be at least {SHORTEST_SECRET} characters: make one with: openssl rand -base64 32"
            )));
        }
        Ok(Self(secret))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TryFrom<String> for FixedSecret {
    type Error = Broken;

    fn try_from(text: String) -> Result<Self, Broken> {
        Self::parse(&text)
    }
}

impl From<FixedSecret> for String {
    fn from(secret: FixedSecret) -> Self {
        secret.expose().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_client_has_a_secret_that_nobody_guesses_and_a_provider_gives_what_it_gives() {
        let (short, long) = ("k".repeat(SHORTEST_SECRET - 1), "k".repeat(SHORTEST_SECRET));
        let Broken(why) = FixedSecret::parse(&short).expect_err("it is short");
        assert_eq!(why, "must be at least 32 characters: make one with: openssl rand -base64 32");
        assert!(FixedSecret::parse(&long).is_ok() && ClientSecret::parse(&short).is_ok());
        // The line end of an editor is no character of it.
        assert!(FixedSecret::parse(&format!("{short}\n")).is_err());
        assert_eq!(FixedSecret::parse(&format!("{long}\r\n")).expect("long enough").expose(), long);
        assert!(FixedSecret::parse(&format!("{long}\u{7}")).is_err());
    }
}
