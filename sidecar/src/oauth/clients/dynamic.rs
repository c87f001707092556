//! Clients that registered themselves: the id is what they said, sealed (D10). Nothing is stored, so nothing is lost by a
//! restart, and no number of registrations costs memory (O15).
//!
//! Pure. A secret is derived from the id under the key that sealed it, and is as good as that key lives.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crds::proxy::{Proxy, Switch};

use super::authentication::Credentials;
use super::{Client, Origin, allows};
use crate::oauth::seal::{NotOurs, Sealer};
use crate::oauth::values::{self, ClientKey, Method};

const PURPOSE: &str = "client secret";

pub(super) fn find(id: &str, proxy: &Proxy, sealer: &Sealer) -> Option<Client> {
    if proxy.clients.dynamic == Switch::Off {
        return None;
    }
    let registered: values::Client = sealer.open(id).ok()?;
    let credentials = match registered.method {
        Method::None => Credentials::Public,
        Method::SecretPost | Method::SecretBasic => Credentials::Secret(secret(id, sealer).ok()?.into()),
    };
    Some(Client {
        key: ClientKey::digested(id),
        name: registered.name,
        origin: Origin::Registration,
        // The policy may have been edited since it registered.
        redirect_uris: registered
            .redirect_uris
            .into_iter()
            .filter(|uri| allows(&proxy.redirects, uri))
            .collect(),
        credentials,
    })
}

/// The secret of a client that asked for one.
pub fn secret(id: &str, sealer: &Sealer) -> Result<String, NotOurs> {
    sealer.secret_of(id, PURPOSE).map(|secret| URL_SAFE_NO_PAD.encode(secret))
}
