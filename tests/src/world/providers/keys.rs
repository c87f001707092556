//! A provider's keys: one for ID tokens and one for access tokens, as some vendors have it, each with an id.
//!
//! Pure, apart from the randomness of the keys.

use std::sync::LazyLock;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::world::tokens::{self, Signer, encode};

pub(crate) const IDENTITY: &str = "identity-2027";
pub(crate) const ACCESS: &str = "access-2027";

/// What signs a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Identity,
    Access,
    /// A key that no key set holds.
    Stranger,
    /// HS256 with this secret.
    Secret(&'static str),
    None,
}

static IDENTITY_KEY: LazyLock<RsaKeyPair> = LazyLock::new(generate);
static ACCESS_KEY: LazyLock<RsaKeyPair> = LazyLock::new(generate);

/// The key set that the provider publishes.
pub(crate) fn key_set() -> Value {
    json!({ "keys": [jwk(IDENTITY, &IDENTITY_KEY), jwk(ACCESS, &ACCESS_KEY)] })
}

/// A compact token of these two objects.
pub(crate) fn sign(key: Key, header: &Value, payload: &Value) -> String {
    let (header, payload) = (header.to_string(), payload.to_string());
    let message = format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()));
    let signature = match key {
        Key::Identity => rs256(&IDENTITY_KEY, message.as_bytes()),
        Key::Access => rs256(&ACCESS_KEY, message.as_bytes()),
        Key::Stranger => {
            return tokens::sign(Signer::Stranger, header.as_bytes(), payload.as_bytes());
        }
        Key::Secret(secret) => tokens::hmac_tag(256, secret.as_bytes(), message.as_bytes()),
        Key::None => Vec::new(),
    };
    format!("{message}.{}", encode(&signature))
}

/// Something that nobody can guess.
pub(crate) fn random() -> String {
    let mut bytes = [0; 24];
    SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
    encode(&bytes)
}

fn generate() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).expect("RSA")
}

fn jwk(kid: &str, key: &RsaKeyPair) -> Value {
    let numbers = PublicKeyComponents::<Vec<u8>>::from(key.public_key());
    let (n, e) = (encode(&numbers.n), encode(&numbers.e));
    json!({ "kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": n, "e": e })
}

fn rs256(key: &RsaKeyPair, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("signs");
    signature
}
