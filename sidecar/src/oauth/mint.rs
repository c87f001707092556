//! Our own access tokens: short-lived JWTs (RFC 9068), signed with EdDSA, for this resource and no other.
//!
//! Pure, but for the random part of an id. The keys are the policy's; the first one signs, and all are
//! published. Meets A16, J14 (`typ: at+jwt`), O13, O14, D2 (`iss` is byte for byte the metadata's).

use std::collections::BTreeMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use crds::names::ClaimName;
use crds::policy::ClaimRules;
use crds::proxy::{KeyId, SigningKey};
use serde_json::{Value, json};

use super::values::{ClientKey, Person};
use crate::clock::UnixTime;
use crate::random::{NoRandom, Random};

/// Signs for one issuer and one resource.
pub struct Minter {
    issuer: String,
    resource: String,
    keys: Vec<(KeyId, Ed25519KeyPair)>,
    random: Random,
}

/// What a token says, beside what is always the same.
#[derive(Debug)]
pub struct Claims<'a> {
    pub person: &'a Person,
    pub client: &'a ClientKey,
    pub scopes: &'a [String],
    /// By which it can be revoked together with the rest of its family.
    pub family: &'a str,
    pub now: UnixTime,
    pub lifetime: u32,
}

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    #[error("there is no key to sign with, or one of the keys is not a seed of 32 bytes")]
    Key,
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

/// The claim by which the members of a family know one another (OpenID Connect calls a login's id `sid`).
pub const FAMILY: &str = "sid";
/// The claim with the name that a person would be recognised by (RFC 7662 §2.2).
pub const USER: &str = "username";

/// How our own tokens are read.
pub fn rules() -> ClaimRules {
    let name =
        |text| ClaimName::parse(text).expect("the names of our own claims are names, which a test holds");
    ClaimRules {
        scope: vec![name("scope")],
        user: name(USER),
        audience: name("aud"),
        require: BTreeMap::new(),
    }
}

impl Minter {
    pub fn new(issuer: &str, resource: &str, keys: &[SigningKey], random: Random) -> Result<Self, MintError> {
        let read = |key: &SigningKey| {
            let pair = Ed25519KeyPair::from_seed_unchecked(key.key.expose());
            pair.map(|pair| (key.id.clone(), pair)).map_err(|_| MintError::Key)
        };
        let keys = keys.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(MintError::Key);
        }
        Ok(Self { issuer: issuer.to_owned(), resource: resource.to_owned(), keys, random })
    }

    pub fn mint(&self, claims: &Claims<'_>) -> Result<String, MintError> {
        let (kid, key) = self.keys.first().ok_or(MintError::Key)?;
        let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid.as_str() });
        let signed = format!("{}.{}", part(&header), part(&self.payload(claims)?));
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()))))
    }

    /// The key set that is served, and that our own tokens are checked with (RFC 7517 §5).
    pub fn key_set(&self) -> Bytes {
        let keys: Vec<_> = self.keys.iter().map(|(kid, key)| jwk(kid, key)).collect();
        json!({ "keys": keys }).to_string().into()
    }

    /// RFC 9068 §2.2.
    fn payload(&self, claims: &Claims<'_>) -> Result<Value, MintError> {
        let Claims { person, client, scopes, family, now, lifetime } = claims;
        let mut payload = json!({
            "iss": self.issuer,
            "aud": self.resource,
            "sub": person.subject,
            "client_id": client.as_str(),
            "iat": now.0,
            "exp": now.0 + u64::from(*lifetime),
            "auth_time": person.authenticated.0,
            "jti": self.random.id()?,
            FAMILY: family,
        });
        if !scopes.is_empty() {
            payload["scope"] = scopes.join(" ").into();
        }
        if let Some(user) = &person.user {
            payload[USER] = user.as_str().into();
        }
        Ok(payload)
    }
}

impl std::fmt::Debug for Minter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minter").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// RFC 8037 §2.
fn jwk(kid: &KeyId, key: &Ed25519KeyPair) -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid.as_str(),
        "x": URL_SAFE_NO_PAD.encode(key.public_key()),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use crds::proxy::KeyBytes;

    use super::*;
    use crate::jose::{Compact, Header, KeySet};

    /// A new signing key.
    pub(crate) fn signing_key(id: &str) -> SigningKey {
        let seed = Random::system().bytes::<32>().expect("random");
        let key = KeyBytes::parse(&seed).expect("long enough");
        SigningKey { id: KeyId::parse(id).expect("valid"), key }
    }

    fn minter(keys: &[SigningKey]) -> Minter {
        Minter::new("https://h", "https://h/mcp", keys, Random::system()).expect("keys")
    }

    fn token(minter: &Minter) -> String {
        let person = Person { subject: "idp|1".into(), user: Some("a@b".into()), authenticated: UnixTime(1) };
        let (client, scopes) = (ClientKey::plain("ci"), ["mcp".to_owned()]);
        let claims = Claims {
            person: &person,
            client: &client,
            scopes: &scopes,
            family: "f",
            now: UnixTime(10),
            lifetime: 900,
        };
        minter.mint(&claims).expect("a token")
    }

    fn is_by(token: &str, keys: &Bytes) -> bool {
        let compact = Compact::parse(token).expect("three parts");
        let header = Header::parse(compact.header).expect("a header of ours");
        let set = KeySet::parse(keys).expect("a key set of ours");
        set.key(&header).is_ok_and(|key| key.verifies(header.algorithm, compact.signed, compact.signature))
    }

    #[test]
    fn a_token_of_ours_is_one_that_our_own_strict_reader_takes() {
        let minter = minter(&[signing_key("a")]);
        assert!(is_by(&token(&minter), &minter.key_set()));
        let other = self::minter(&[signing_key("a")]);
        assert!(!is_by(&token(&minter), &other.key_set()));
    }

    #[test]
    fn the_next_key_is_published_before_it_signs_and_the_last_one_after() {
        let (old, new) = (signing_key("old"), signing_key("new"));
        let before = minter(&[old.clone(), new.clone()]);
        let after = minter(&[new, old]);
        assert!(is_by(&token(&before), &after.key_set()));
        assert!(is_by(&token(&after), &before.key_set()));
    }

    #[test]
    fn a_token_says_for_whom_it_is_and_what_kind() {
        let minter = minter(&[signing_key("a")]);
        let token = token(&minter);
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url"));
        let header: Value = serde_json::from_slice(&parts.next().expect("a header")).expect("JSON");
        let payload: Value = serde_json::from_slice(&parts.next().expect("a payload")).expect("JSON");
        assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("at+jwt"), Some("EdDSA")));
        assert_eq!(payload["aud"], "https://h/mcp");
        assert_eq!((payload["exp"].as_u64(), payload["scope"].as_str()), (Some(910), Some("mcp")));
        assert_eq!((payload["sid"].as_str(), payload["username"].as_str()), (Some("f"), Some("a@b")));
    }

    #[test]
    fn our_own_claims_are_found_under_names_that_are_names() {
        assert_eq!(rules().user.as_str(), USER);
    }

    #[test]
    fn without_a_key_there_is_no_minter() {
        assert!(matches!(Minter::new("i", "r", &[], Random::system()), Err(MintError::Key)));
        let broken = SigningKey { key: KeyBytes::parse(&[1; 64]).expect("long enough"), ..signing_key("a") };
        assert!(matches!(Minter::new("i", "r", &[broken], Random::system()), Err(MintError::Key)));
    }
}
