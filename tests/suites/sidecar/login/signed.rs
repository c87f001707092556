//! What a client says to prove who it is (RFC 7523 §3), right in everything until a test changes it.
//!
//! Pure, apart from signing.

use serde_json::{Map, Value, json};

use crate::world::NOW;
use crate::world::tokens::{Signer, encode, sign};

pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
pub(super) const TOKEN: &str = "https://mcp.example.com/oauth/token";

/// What a client says to prove itself, not signed yet.
#[derive(Debug, Clone)]
pub(super) struct Assertion {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Assertion {
    /// Right in everything, and used by nobody before.
    pub(super) fn of(client: &str) -> Self {
        let claims = json!({
            "iss": client, "sub": client, "aud": TOKEN, "iat": NOW, "exp": NOW + 300,
            "jti": crate::world::providers::keys::random(),
        });
        let header = json!({ "alg": "RS256", "kid": "rsa", "typ": "JWT" });
        Self { header: members(&header), claims: members(&claims) }
    }

    /// With this claim, or without it where the value is null.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        set(&mut self.claims, name, value);
        self
    }

    pub(super) fn with_header(mut self, name: &str, value: Value) -> Self {
        set(&mut self.header, name, value);
        self
    }

    pub(super) fn signed(&self, signer: Signer) -> String {
        let text = |members: &Map<String, Value>| Value::Object(members.clone()).to_string();
        sign(signer, text(&self.header).as_bytes(), text(&self.claims).as_bytes())
    }

    pub(super) fn by_its_key(&self) -> String {
        self.signed(Signer::Rsa("RS256"))
    }
}

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn set(members: &mut Map<String, Value>, name: &str, value: Value) {
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
}

impl Assertion {
    /// With HMAC under any bytes.
    pub(super) fn by_hand(&self, key: &[u8]) -> String {
        let message = cut(&self.by_its_key());
        format!("{message}.{}", encode(&crate::world::tokens::hmac_tag(256, key, message.as_bytes())))
    }
}

/// Without its signature.
pub(super) fn cut(token: &str) -> String {
    token.rsplit_once('.').expect("three parts").0.to_owned()
}
