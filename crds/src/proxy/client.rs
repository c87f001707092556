//! A client that the policy names, and the one way in which it proves that it is this client (D17, D6).
//!
//! Pure. Fields that lie side by side where they are written are one choice here: whoever reads a `Proof` cannot forget that a
//! client with a key has no secret.

mod keys;

pub use keys::{KeysText, KeysUrl, PublicKeys};

use super::FixedSecret;
use crate::macros::checked_text;
use crate::redirect::RedirectUri;
use crate::rule::{Broken, Rule};

/// A client that was registered by whoever wrote the policy (D17).
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct FixedClient {
    pub id: FixedClientId,
    pub proof: FixedProof,
    pub redirect_uris: Vec<RedirectUri>,
}

/// What a client shows, and the only thing that it may show.
#[derive(Debug, Clone, PartialEq)]
pub enum FixedProof {
    /// Nothing: PKCE alone protects it.
    Public,
    Secret(FixedSecret),
    /// A signature under one of these keys.
    Keys(PublicKeys),
    /// A signature under one of the keys that lie there.
    KeysAt(KeysUrl),
}

checked_text! {
    /// The id of a client that the policy names. No colon: it would end the id in a Basic header (RFC 6749 §2.3.1), and
    /// make it look like the URL of a document.
    FixedClientId, longest: 128, rules: [
        Rule::matches(r"^[A-Za-z0-9._~-]+$", "must be letters, digits, '.', '_', '~' and '-'"),
    ]
}

/// A client in the document.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    id: FixedClientId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<FixedSecret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks: Option<PublicKeys>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<KeysUrl>,
    #[serde(rename = "redirectURIs")]
    redirect_uris: Vec<RedirectUri>,
}

impl FixedProof {
    /// Whether the client signs assertions (`private_key_jwt`).
    pub fn signs(&self) -> bool {
        matches!(self, Self::Keys(_) | Self::KeysAt(_))
    }
}

impl TryFrom<Written> for FixedClient {
    type Error = Broken;

    fn try_from(written: Written) -> Result<Self, Broken> {
        let Written { id, secret, jwks, jwks_uri, redirect_uris } = written;
        let proof = match (secret, jwks, jwks_uri) {
            (None, None, None) => FixedProof::Public,
            (Some(secret), None, None) => FixedProof::Secret(secret),
            (None, Some(keys), None) => FixedProof::Keys(keys),
            (None, None, Some(url)) => FixedProof::KeysAt(url),
            _ => return Err(Broken("must have at most one of secret, jwks and jwksUri".into())),
        };
        Ok(Self { id, proof, redirect_uris })
    }
}

impl From<FixedClient> for Written {
    fn from(client: FixedClient) -> Self {
        let FixedClient { id, proof, redirect_uris } = client;
        let bare = Self { id, secret: None, jwks: None, jwks_uri: None, redirect_uris };
        match proof {
            FixedProof::Public => bare,
            FixedProof::Secret(secret) => Self { secret: Some(secret), ..bare },
            FixedProof::Keys(keys) => Self { jwks: Some(keys), ..bare },
            FixedProof::KeysAt(url) => Self { jwks_uri: Some(url), ..bare },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "secret: kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
    const KEYS: &str =
        "jwks: {keys: [{kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}]}";
    const URL: &str = "jwksUri: 'https://ci.example.com/keys'";

    fn of(proof: &str) -> Result<FixedClient, serde_yaml::Error> {
        serde_yaml::from_str(&format!("{{id: ci, redirectURIs: ['https://ci.example.com/cb'], {proof}}}"))
    }

    #[test]
    fn a_short_secret_of_a_static_client_comes_through_no_other_door() {
        assert!(of("secret: hunter2").is_err() && of(SECRET).is_ok());
    }

    #[test]
    fn d17_a_client_proves_itself_in_one_way_and_is_written_as_it_was_read() {
        for two in [[SECRET, KEYS], [SECRET, URL], [KEYS, URL]] {
            let said = of(&two.join(", ")).expect_err("two ways").to_string();
            assert!(said.contains("must have at most one of secret, jwks and jwksUri"), "{said}");
        }
        for (proof, signs) in [("", false), (SECRET, false), (KEYS, true), (URL, true)] {
            let client = of(proof).expect(proof);
            assert_eq!(client.proof.signs(), signs, "{proof}");
            let written = serde_yaml::to_string(&client).expect("YAML");
            assert_eq!(serde_yaml::from_str::<FixedClient>(&written).expect(&written), client);
        }
    }
}
