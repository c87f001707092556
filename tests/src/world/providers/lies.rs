//! ID tokens that are not what they should be, each in one way that a test asks for.
//!
//! Pure.

use serde_json::{Value, json};

use super::keys::{self, Key};
use super::mischief::Lie;
use super::quirks::Vendor;
use super::{CLIENT_ID, CLIENT_SECRET};

/// Makes the claims say what is not so.
pub(super) fn bend(claims: &mut Value, lie: Lie, now: u64) {
    const STRANGER: &str = "somebody-else";
    let (name, value) = match lie {
        Lie::WrongAudience => ("aud", json!(STRANGER)),
        Lie::ManyAudiences | Lie::ManyAudiencesWithoutAzp => ("aud", json!([STRANGER, CLIENT_ID])),
        Lie::WrongAzp => ("azp", json!(STRANGER)),
        Lie::WrongIssuer => ("iss", json!("https://attacker.example")),
        Lie::WrongNonce => ("nonce", json!("another")),
        Lie::NoNonce => ("nonce", Value::Null),
        Lie::NoSubject => ("sub", Value::Null),
        Lie::OtherSubject => ("sub", json!(STRANGER)),
        Lie::Expired => ("exp", json!(now - 3600)),
        Lie::FromTheFuture => ("iat", json!(now + 3600)),
        Lie::NoExpiry => ("exp", Value::Null),
        Lie::WrongAccessTokenHash => ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        _ => return,
    };
    claims[name] = value;
    match lie {
        Lie::ManyAudiences => claims["azp"] = json!(STRANGER),
        Lie::ManyAudiencesWithoutAzp => claims["azp"] = Value::Null,
        _ => {}
    }
    // What is null is not there.
    if let Some(members) = claims.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
}

/// What signs an ID token, and its header.
pub(super) fn signing(vendor: Vendor, lie: Option<Lie>) -> (Key, Value) {
    let mut header = json!({ "alg": "RS256", "kid": keys::IDENTITY });
    // Okta's and Cognito's tokens say no more than these two.
    if !matches!(vendor, Vendor::Okta | Vendor::Cognito) {
        header["typ"] = json!("JWT");
    }
    let key = match lie {
        Some(Lie::AlgorithmNone) => {
            header["alg"] = json!("none");
            Key::None
        }
        Some(Lie::ClientSecretAsKey) => {
            header["alg"] = json!("HS256");
            Key::Secret(CLIENT_SECRET)
        }
        Some(Lie::StrangersKey) => Key::Stranger,
        Some(Lie::SwappedKey) => Key::Access,
        Some(Lie::NoKeyId) => {
            header = json!({ "alg": "RS256" });
            Key::Identity
        }
        Some(Lie::UnknownKeyId) => {
            header["kid"] = json!("unknown");
            Key::Identity
        }
        _ => Key::Identity,
    };
    (key, header)
}
