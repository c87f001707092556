//! What is sealed at each step, and how long it may be opened. The table of `docs/architecture.md`, as types.
//!
//! Pure. Each value carries its own end of life, so that a key may outlive it; and each carries what the next step must
//! compare: client, redirect URI, challenge, resource (O08). Names are short: some of these travel in cookies and URLs.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::seal::Sealed;
use crate::clock::UnixTime;
use crds::redirect::RedirectUri;

/// A client that registered itself: its id is this value, sealed (D10: no replica needs to remember it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(rename = "r")]
    pub redirect_uris: Vec<RedirectUri>,
    #[serde(rename = "m")]
    pub method: Method,
    #[serde(rename = "t")]
    pub issued: UnixTime,
}

/// How a client that registered itself authenticates (RFC 7591 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    #[serde(rename = "n")]
    None,
    #[serde(rename = "p")]
    SecretPost,
    #[serde(rename = "b")]
    SecretBasic,
}

/// What a client asked for, from the first request to the last answer of a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    #[serde(rename = "c")]
    pub client: ClientKey,
    #[serde(rename = "r")]
    pub redirect_uri: String,
    /// The client's own, echoed byte for byte (O10).
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// RFC 7636 §4.2, always S256 (O06).
    #[serde(rename = "p")]
    pub challenge: String,
    #[serde(rename = "o")]
    pub scopes: Vec<String>,
}

/// What the consent page carries. Bound to the browser that was shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    #[serde(rename = "w")]
    pub wish: Wish,
    #[serde(rename = "b")]
    pub browser: Digest16,
    /// Whether the page offered to remember: whoever adds the field to the form must not be believed.
    #[serde(rename = "m")]
    pub may_remember: bool,
    #[serde(rename = "i")]
    pub id: String,
    #[serde(rename = "e")]
    pub ends: UnixTime,
}

/// What the browser keeps while the person is with the provider: a cookie, named after the state that the provider echoes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    #[serde(rename = "w")]
    pub wish: Wish,
    #[serde(rename = "i")]
    pub state: String,
    #[serde(rename = "n")]
    pub nonce: String,
    /// Our own towards the provider (O11); the client's challenge is another matter.
    #[serde(rename = "v")]
    pub verifier: String,
    /// Where the person was sent, and as whose client (O28).
    #[serde(rename = "p")]
    pub provider: Digest16,
    #[serde(rename = "e")]
    pub ends: UnixTime,
}

/// Who logged in, as the provider says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The provider's issuer and its subject in one: stable, and nobody else's at any other provider (J15).
    #[serde(rename = "s")]
    pub subject: String,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(rename = "t")]
    pub authenticated: UnixTime,
}

/// What we hold of the provider's to ask again for the person (A22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Whose these are: no other provider is ever shown them (O28).
    #[serde(rename = "p")]
    pub provider: Digest16,
    /// Its refresh token; absent where it gives none.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// Its access token, where that is what it is asked with (GitHub's OAuth apps).
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// When it last said that the person may come in.
    #[serde(rename = "a")]
    pub asked: UnixTime,
}

/// An authorization code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    #[serde(rename = "w")]
    pub wish: Wish,
    #[serde(rename = "p")]
    pub person: Person,
    #[serde(rename = "u")]
    pub upstream: Upstream,
    /// The family of everything that it will be exchanged for.
    #[serde(rename = "i")]
    pub family: String,
    #[serde(rename = "e")]
    pub ends: UnixTime,
}

/// A refresh token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    #[serde(rename = "c")]
    pub client: ClientKey,
    #[serde(rename = "o")]
    pub scopes: Vec<String>,
    #[serde(rename = "p")]
    pub person: Person,
    #[serde(rename = "u")]
    pub upstream: Upstream,
    #[serde(rename = "f")]
    pub family: String,
    #[serde(rename = "g")]
    pub generation: u32,
    #[serde(rename = "e")]
    pub ends: UnixTime,
}

/// A consent that a browser remembers (I3, I5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    #[serde(rename = "c")]
    pub client: ClientKey,
    #[serde(rename = "r")]
    pub redirect_uri: String,
    #[serde(rename = "o")]
    pub scopes: Vec<String>,
    #[serde(rename = "e")]
    pub ends: UnixTime,
}

/// The closed list of what is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Client,
    Ask,
    Login,
    Code,
    Grant,
    Remembered,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Client, Self::Ask, Self::Login, Self::Code, Self::Grant, Self::Remembered];

    /// What is authenticated with a value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Ask => "ask",
            Self::Login => "login",
            Self::Code => "code",
            Self::Grant => "grant",
            Self::Remembered => "remembered",
        }
    }
}

impl Sealed for Client {
    const KIND: Kind = Kind::Client;
}
impl Sealed for Ask {
    const KIND: Kind = Kind::Ask;
}
impl Sealed for Login {
    const KIND: Kind = Kind::Login;
}
impl Sealed for Code {
    const KIND: Kind = Kind::Code;
}
impl Sealed for Grant {
    const KIND: Kind = Kind::Grant;
}
impl Sealed for Remembered {
    const KIND: Kind = Kind::Remembered;
}

/// Which client, in few bytes: what tokens name it by, and what later steps compare. An id that is short stays what it is; the
/// long one of a client that registered itself becomes its digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClientKey(String);

/// Half of a SHA-256: enough that nobody finds another text for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest16(String);

impl ClientKey {
    /// For an id that anybody may read: a fixed client's, or the URL of a document.
    pub fn plain(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// For an id that is a sealed value. `:` is in no plain id but a URL's, and no URL begins so.
    pub fn digested(id: &str) -> Self {
        Self(format!("dcr:{}", Digest16::of(id).0))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Digest16 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Digest16 {
    pub fn of(text: &str) -> Self {
        let digest = digest(&SHA256, text.as_bytes());
        Self(URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_registered_itself_is_named_by_a_digest_that_no_other_client_can_have() {
        let one = ClientKey::digested("AQ-a-long-sealed-value");
        assert_eq!(one, ClientKey::digested("AQ-a-long-sealed-value"));
        assert_ne!(one, ClientKey::digested("AQ-another-sealed-value"));
        assert_eq!(one.as_str().len(), 4 + 22);
        assert_ne!(one, ClientKey::plain("AQ-a-long-sealed-value"));
    }
}
