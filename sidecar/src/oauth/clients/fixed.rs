//! Clients that the policy names (D17).
//!
//! Pure. What the policy says of a client needs no other list: its redirect URIs are allowed because they stand there.

use crds::proxy::FixedClient;

use super::authentication::Credentials;
use super::{Client, Origin};
use crate::oauth::values::ClientKey;

pub(super) fn find(id: &str, fixed: &[FixedClient]) -> Option<Client> {
    let client = fixed.iter().find(|client| client.id.as_str() == id)?;
    Some(Client {
        key: ClientKey::plain(id),
        name: id.to_owned(),
        origin: Origin::Policy,
        redirect_uris: client.redirect_uris.clone(),
        credentials: match &client.secret {
            Some(secret) => Credentials::Secret(secret.expose().to_owned().into()),
            None => Credentials::Public,
        },
        document: None,
    })
}
