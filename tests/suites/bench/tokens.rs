//! The tokens that requests carry, in files: one that is used again and again, and many that are used once each. Made beforehand.

use std::fs;
use std::path::{Path, PathBuf};

use harness::lab::Error;
use serde_json::json;
use sidecar::clock::UnixTime;

use crate::configs::AUDIENCE;
use crate::world::tokens::{Signer, public_key_spellings, sign};

pub(crate) const KEY_ID: &str = "rsa";

/// Where they lie.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) issuer: String,
    pub(crate) seen: PathBuf,
    /// The seen one, and behind it as many as were asked for.
    pub(crate) unseen: PathBuf,
    /// The key that they are signed with, for those who read PEM.
    pub(crate) key: PathBuf,
}

impl Tokens {
    pub(crate) fn make(folder: &Path, issuer: &str, now: UnixTime, count: usize) -> Result<Self, Error> {
        let all: Vec<String> = (0..=count).map(|number| token(issuer, now, number)).collect();
        let mut keys = public_key_spellings().into_iter();
        let pem = keys.find(|key| key.starts_with(b"-----BEGIN PUBLIC KEY")).unwrap_or_default();
        let write = |name: &str, text: &[u8]| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(Error::file("write", &path))?;
            Ok(path)
        };
        Ok(Self {
            issuer: issuer.to_owned(),
            seen: write("seen", all[0].as_bytes())?,
            unseen: write("unseen", all.join("\n").as_bytes())?,
            key: write("key.pem", &pem)?,
        })
    }
}

/// As a provider writes them for a person (RFC 9068 §2.2).
fn token(issuer: &str, UnixTime(now): UnixTime, number: usize) -> String {
    let header = json!({ "alg": "RS256", "kid": KEY_ID, "typ": "at+jwt" });
    let claims = json!({
        "iss": issuer,
        "sub": "00u1a2b3c4d5e6f7g8h9",
        "aud": AUDIENCE,
        "client_id": "0oa9z8y7x6w5v4u3t2s1",
        "email": "ada@example.com",
        "scope": "mcp:read mcp:write",
        "iat": now,
        "exp": now + 3 * 3600,
        "jti": format!("AT.{number:024}"),
    });
    sign(Signer::Rsa("RS256"), header.to_string().as_bytes(), claims.to_string().as_bytes())
}
