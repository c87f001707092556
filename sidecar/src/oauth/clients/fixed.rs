//! Clients that the policy names (D17).
//!
//! Pure. Read once, when the policy arrives: a key that is none is found then, and not when its client comes. What the policy says
//! of a client needs no other list: its redirect URIs are allowed because they stand there.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::Broken;
use crds::proxy::{FixedClient, FixedProof};

use super::authentication::{Credentials, MayBePublic};
use super::document::ClientKeys;
use super::{Client, Origin};
use crate::fetch::DocumentUrl;
use crate::jose::KeySet;
use crate::jose::keyset::KeySetError;
use crate::oauth::values::ClientKey;

/// Why a client of the policy cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FixedError {
    #[error("the keys of client {0:?} cannot be used: {1}")]
    Keys(String, #[source] KeySetError),
    #[error("the keys of client {0:?} cannot be fetched: their URL {1}")]
    Url(String, Broken),
}

/// Those of a policy, by id.
#[derive(Debug, Default)]
pub struct FixedClients(BTreeMap<String, Client>);

impl FixedClients {
    pub fn new(named: &[FixedClient]) -> Result<Self, FixedError> {
        let each = named.iter().map(|client| Ok((client.id.to_string(), known(client)?)));
        each.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn find(&self, id: &str) -> Option<Client> {
        self.0.get(id).cloned()
    }
}

fn known(client: &FixedClient) -> Result<Client, FixedError> {
    let id = client.id.as_str();
    Ok(Client {
        key: ClientKey::plain(id),
        name: id.to_owned(),
        origin: Origin::Policy,
        redirect_uris: client.redirect_uris.clone(),
        credentials: credentials(id, &client.proof)?,
    })
}

fn credentials(id: &str, proof: &FixedProof) -> Result<Credentials, FixedError> {
    let keys = match proof {
        FixedProof::Public => return Ok(Credentials::Public),
        FixedProof::Secret(secret) => return Ok(Credentials::Secret(secret.expose().to_owned().into())),
        FixedProof::Keys(keys) => {
            let keys = KeySet::parse(keys.to_json().as_bytes());
            ClientKeys::Here(Arc::new(keys.map_err(|why| FixedError::Keys(id.to_owned(), why))?))
        }
        FixedProof::KeysAt(url) => {
            let url = DocumentUrl::parse(url.as_str());
            ClientKeys::At(url.map_err(|why| FixedError::Url(id.to_owned(), why))?)
        }
    };
    Ok(Credentials::Assertion { keys, may_be_public: MayBePublic::No })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(proof: &str) -> Result<FixedClients, FixedError> {
        let client = format!("{{id: ci, redirectURIs: ['https://ci.example.com/cb'], {proof}}}");
        FixedClients::new(&[serde_yaml::from_str(&client).expect("a client by the look of it")])
    }

    /// RFC 7517 appendix A.1, and with a number of it changed.
    #[test]
    fn j19_a_key_of_the_policy_that_is_off_its_curve_is_found_before_its_client_comes() {
        let at = |y: &str| {
            let x = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
            clients(&format!("jwks: {{keys: [{{kty: EC, crv: P-256, x: {x}, y: {y}}}]}}"))
        };
        assert!(at("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM").is_ok());
        let said = at("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyE").expect_err("no point").to_string();
        assert!(said.starts_with("the keys of client \"ci\" cannot be used: "), "{said}");
    }

    #[test]
    fn a_url_of_keys_is_one_that_can_be_fetched() {
        assert!(clients("jwksUri: 'https://ci.example.com/jwks.json'").is_ok());
        // It has the look of one, and no library of names knows it.
        let said = clients("jwksUri: 'https://xn--a.example/jwks.json'").expect_err("no name").to_string();
        assert!(said.starts_with("the keys of client \"ci\" cannot be fetched: their URL must be"), "{said}");
    }
}
