//! Who asks: a client that the policy names, one that registered itself, or one whose id is the URL of a document.
//!
//! Fetches documents and keys, through `document`; otherwise pure. Wherever it comes from, a client is one thing to the steps: a key, a
//! name, redirect URIs, and a way to authenticate. Meets A1, A6, A10, A11, D6, D8, D10, D17, O04, O25.

pub mod assertion;
pub mod authentication;
pub mod catalogue;
pub mod document;
pub mod dynamic;
pub mod fixed;

use std::sync::Arc;

use crds::proxy::{Proxy, Switch};
use crds::redirect::{Kind, RedirectUri, Redirects};

use super::seal::Sealer;
use super::values::ClientKey;
use crate::fetch::DocumentUrl;
use crate::jose::KeySet;
use authentication::Credentials;
use catalogue::Catalogue;
use document::{ClientKeys, DocumentError, Documents, NamedBy};
use fixed::FixedClients;

/// A client, resolved.
#[derive(Debug, Clone)]
pub struct Client {
    pub key: ClientKey,
    /// As it calls itself; empty where it does not.
    pub name: String,
    pub origin: Origin,
    /// Those that it registered and the policy allows.
    pub redirect_uris: Vec<RedirectUri>,
    pub credentials: Credentials,
}

/// Where what we know of it comes from, which is how far it can be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The policy names it.
    Policy,
    /// It said so itself when it registered: anybody may.
    Registration,
    /// The owner of this host says so.
    Document { host: String },
}

/// There is no such client here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("no client of this id is known here")]
    Id,
    #[error("the document about this client cannot be used: {0}")]
    Document(String),
    /// Nobody knows at the moment: a host that does not answer, or too many others who ask.
    #[error("the document about this client cannot be had at the moment")]
    Later,
}

/// Everything that is needed to know a client by its id.
#[derive(Debug)]
pub struct Clients {
    fixed: FixedClients,
    documents: Option<Documents>,
}

/// Which keys of a client are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Known,
    /// The one that is looked for was not among them.
    Anew,
}

/// A longer id is nobody's: ours are under 2 KiB, and a URL of that length is none that anybody publishes.
const LONGEST_ID: usize = 4 * 1024;

impl Clients {
    /// Without `documents` nothing is fetched: neither what an id that is a URL leads to, nor keys.
    pub fn new(fixed: FixedClients, documents: Option<Documents>) -> Self {
        Self { fixed, documents }
    }

    /// Resolves an id, the same way at every endpoint.
    pub async fn find(&self, id: &str, proxy: &Proxy, sealer: &Sealer) -> Result<Client, Unknown> {
        if id.len() > LONGEST_ID {
            return Err(Unknown::Id);
        }
        if let Some(client) = self.fixed.find(id) {
            return Ok(client);
        }
        if DocumentUrl::is_meant_by(id) {
            // There may be documents for the keys of the policy's own clients alone.
            let are_read = proxy.clients.metadata_documents == Switch::On;
            let documents = self.documents.as_ref().filter(|_| are_read).ok_or(Unknown::Id)?;
            return document_client(documents, id, proxy).await;
        }
        dynamic::find(id, proxy, sealer).ok_or(Unknown::Id)
    }

    /// The keys that a client signs its assertions with.
    pub async fn keys(&self, client: &Client, wanted: Wanted) -> Result<Arc<KeySet>, Unknown> {
        let Credentials::Assertion { keys, .. } = &client.credentials else { return Err(Unknown::Id) };
        let url = match keys {
            ClientKeys::Here(keys) => return Ok(keys.clone()),
            ClientKeys::At(url) => url,
        };
        let documents = self.documents.as_ref().ok_or(Unknown::Id)?;
        let named_by = match client.origin {
            Origin::Policy => NamedBy::Policy,
            Origin::Registration | Origin::Document { .. } => NamedBy::Stranger,
        };
        Ok(documents.keys(url, named_by, wanted).await?)
    }
}

impl From<DocumentError> for Unknown {
    fn from(error: DocumentError) -> Self {
        if error.is_temporary() { Self::Later } else { Self::Document(error.to_string()) }
    }
}

impl Client {
    /// The registered URI that the request means (A11: exact, but for the port of a loopback address).
    pub fn redirect(&self, presented: &str) -> Option<&RedirectUri> {
        self.redirect_uris.iter().find(|registered| registered.matches(presented))
    }
}

async fn document_client(documents: &Documents, id: &str, proxy: &Proxy) -> Result<Client, Unknown> {
    let document = documents.get(id).await?;
    let host = document.client_id.host().to_string();
    let parsed = document.redirect_uris.iter().filter_map(|text| RedirectUri::parse(text).ok());
    // The owner of the document's host says where its client receives: an https address needs no other list.
    let allowed = |uri: &RedirectUri| {
        matches!((&proxy.redirects, uri.kind()), (Redirects::Fixed(_), Kind::Web | Kind::Loopback))
            || allows(&proxy.redirects, uri)
    };
    Ok(Client {
        key: ClientKey::plain(id),
        name: document.client_name.clone(),
        redirect_uris: parsed.filter(allowed).collect(),
        credentials: Credentials::of_document(&document),
        origin: Origin::Document { host },
    })
}

/// Whether the policy lets a client that registered itself come back here ("Decided" 2).
pub fn allows(redirects: &Redirects, uri: &RedirectUri) -> bool {
    redirects.allows(uri, |uri| Catalogue::builtin().allows_redirect(uri))
}
