//! What a client says about itself in its metadata document, as far as we act on it. The rest, logos first of all, is not read.
//!
//! Pure. Strict JSON, and a document is taken or refused whole. What a refusal says is ours to the last word: nothing of the
//! document is in it. Meets A6, O17 (the id is the URL byte for byte; no secrets, no private keys), D6 (who lists several
//! ways to authenticate is taken for one of them that we know), D9 (redirect URIs stay as they are, portless ones too).

use std::sync::Arc;

use crate::fetch::DocumentUrl;
use crate::jose::json::Object;
use crate::jose::keyset::KeySetError;
use crate::jose::{Json, KeySet};

/// A client, by its own document.
#[derive(Debug, Clone)]
pub struct ClientDocument {
    pub client_id: DocumentUrl,
    /// As the client wrote it: shown to a person as text, and trusted by nobody.
    pub client_name: String,
    /// As the client wrote them, at least one; each is parsed when it is asked for.
    pub redirect_uris: Vec<String>,
    /// How the client may authenticate, at least one way.
    pub methods: Vec<Method>,
    /// Where the public keys of the client are. Always there where `methods` has `PrivateKeyJwt`.
    pub keys: Option<ClientKeys>,
    /// The scopes that the client means to ask for, as it wrote them.
    pub scope: Option<String>,
}

/// The ways to authenticate that need no shared secret (RFC 7591 §2, OpenID Connect Core §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    None,
    PrivateKeyJwt,
}

#[derive(Debug, Clone)]
pub enum ClientKeys {
    Here(Arc<KeySet>),
    At(DocumentUrl),
}

/// What is wrong with a document. Each ends a sentence that begins "the client's metadata document".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("is not a JSON object, or names a member twice")]
    Json,
    #[error("is about another client: its 'client_id' is not, byte for byte, the URL that it lies at")]
    Id,
    #[error("has no '{0}'")]
    Missing(&'static str),
    #[error("has a '{0}' that is not of the type that RFC 7591 gives it")]
    Type(&'static str),
    #[error("holds a '{0}', and a document that everybody can read keeps no secret")]
    Secret(&'static str),
    #[error("publishes a private or symmetric key in 'jwks'")]
    PrivateKey,
    #[error("lets the client authenticate only in ways other than 'none' and 'private_key_jwt'")]
    Methods,
    #[error("names 'private_key_jwt' without a public key: neither 'jwks' nor 'jwks_uri' is there")]
    NoKeys,
    #[error("names 'private_key_jwt', and holds no key in 'jwks' that can be used")]
    Keys,
    #[error("has both 'jwks' and 'jwks_uri'")]
    TwoKeySets,
    #[error("has a 'jwks_uri' that cannot be used: it {0}")]
    KeysUrl(String),
}

impl ClientDocument {
    /// Whether the client can prove who it is.
    pub fn has_keys(&self) -> bool {
        self.methods.contains(&Method::PrivateKeyJwt)
    }

    /// Whether the client may come without a proof.
    pub fn may_be_public(&self) -> bool {
        self.methods.contains(&Method::None)
    }

    /// Reads what lay at `url`.
    pub fn parse(url: &DocumentUrl, body: &[u8]) -> Result<Self, Fault> {
        let json = Json::parse(body).ok().and_then(Json::into_object).ok_or(Fault::Json)?;
        let document = Members(json);
        // "Client Metadata Document" of the draft: MUST match by simple string comparison (RFC 3986 §6.2.1).
        if document.text("client_id")?.ok_or(Fault::Missing("client_id"))? != url.as_str() {
            return Err(Fault::Id);
        }
        // The same section: these two MUST NOT be used.
        for name in ["client_secret", "client_secret_expires_at"] {
            if document.member(name).is_some() {
                return Err(Fault::Secret(name));
            }
        }
        let client_name = document.text("client_name")?.filter(|name| !name.trim().is_empty());
        let redirect_uris = document.texts("redirect_uris")?.filter(|uris| !uris.is_empty());
        let (methods, keys) = authentication(&document)?;
        Ok(Self {
            client_id: url.clone(),
            client_name: client_name.ok_or(Fault::Missing("client_name"))?.to_owned(),
            redirect_uris: redirect_uris.ok_or(Fault::Missing("redirect_uris"))?,
            methods,
            keys,
            scope: document.text("scope")?.map(str::to_owned),
        })
    }
}

/// The members of a document. One that is null is one that is not there.
struct Members(Object);

impl Members {
    fn member(&self, name: &str) -> Option<&Json> {
        self.0.get(name).filter(|member| **member != Json::Null)
    }

    fn text(&self, name: &'static str) -> Result<Option<&str>, Fault> {
        self.member(name).map(|member| member.as_text().ok_or(Fault::Type(name))).transpose()
    }

    fn texts(&self, name: &'static str) -> Result<Option<Vec<String>>, Fault> {
        let list = |member: &Json| match member {
            Json::List(list) => list.iter().map(|text| text.as_text().map(str::to_owned)).collect(),
            _ => None,
        };
        self.member(name).map(|member| list(member).ok_or(Fault::Type(name))).transpose()
    }
}

/// The ways that the client names and we know, and the keys for them.
fn authentication(document: &Members) -> Result<(Vec<Method>, Option<ClientKeys>), Fault> {
    let keys = keys(document)?;
    let mut methods = methods(document)?;
    if !methods.contains(&Method::PrivateKeyJwt) {
        return Ok((methods, None));
    }
    match keys {
        Named::Usable(keys) => Ok((methods, Some(keys))),
        Named::Unusable => Err(Fault::Keys),
        // Lists what its software can do; this client has no key.
        Named::Nowhere if methods.contains(&Method::None) => {
            methods.retain(|method| *method == Method::None);
            Ok((methods, None))
        }
        Named::Nowhere => Err(Fault::NoKeys),
    }
}

fn methods(document: &Members) -> Result<Vec<Method>, Fault> {
    let one = document.text("token_endpoint_auth_method")?.map(str::to_owned);
    // What a client prefers, and what it can do beside: ChatGPT's document has both.
    let more = document.texts("token_endpoint_auth_methods_supported")?.unwrap_or_default();
    let named: Vec<String> = one.into_iter().chain(more).collect();
    // RFC 7591 §2 has a secret for the default, which no client of this kind can have.
    if named.is_empty() {
        return Ok(vec![Method::None]);
    }
    let has = |name: &str| named.iter().any(|method| method == name);
    let known = [("none", Method::None), ("private_key_jwt", Method::PrivateKeyJwt)];
    let methods: Vec<Method> =
        known.into_iter().filter(|(name, _)| has(name)).map(|(_, method)| method).collect();
    if methods.is_empty() { Err(Fault::Methods) } else { Ok(methods) }
}

enum Named {
    Nowhere,
    Unusable,
    Usable(ClientKeys),
}

fn keys(document: &Members) -> Result<Named, Fault> {
    let (here, at) = (document.member("jwks"), document.text("jwks_uri")?);
    match (here, at) {
        (None, None) => Ok(Named::Nowhere),
        // RFC 7591 §2: both MUST NOT be present in the same request.
        (Some(_), Some(_)) => Err(Fault::TwoKeySets),
        (None, Some(at)) => {
            let url = DocumentUrl::parse(at).map_err(|broken| Fault::KeysUrl(broken.0))?;
            Ok(Named::Usable(ClientKeys::At(url)))
        }
        (Some(here), None) => match KeySet::parse(plain(here).to_string().as_bytes()) {
            Ok(keys) => Ok(Named::Usable(ClientKeys::Here(Arc::new(keys)))),
            Err(KeySetError::Secret) => Err(Fault::PrivateKey),
            Err(KeySetError::Json) => Err(Fault::Type("jwks")),
            Err(KeySetError::Empty(_)) => Ok(Named::Unusable),
        },
    }
}

/// Back to the form that key sets are read from. No member of a key is a fraction.
fn plain(json: &Json) -> serde_json::Value {
    match json {
        Json::Null | Json::Fractional(_) => serde_json::Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Whole(value) => (*value).into(),
        Json::Text(text) => text.as_str().into(),
        Json::List(list) => list.iter().map(plain).collect(),
        Json::Object(object) => {
            let members = object.iter().map(|(name, member)| (name.clone(), plain(member)));
            serde_json::Value::Object(members.collect())
        }
    }
}

#[cfg(test)]
mod tests;
