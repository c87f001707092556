//! Public keys of a client that the policy names: a key set (RFC 7517 §5), or the address of one.
//!
//! Pure. What a key must look like is judged here; whether its numbers are a key is for whoever verifies with it. Of a set
//! that was pasted only the public members that are used are kept. Meets D6 (`private_key_jwt`), D17, J19 (no private key).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::macros::checked_text;
use crate::redirect::{host, octet, port};
use crate::rule::{Broken, Rule};

// No percent sign: a URL has one spelling here, which is the one that is fetched.
macro_rules! segment {
    () => {
        r"/\.{0,2}[A-Za-z0-9_~!$&()*+,;=:@-][A-Za-z0-9._~!$&()*+,;=:@-]*"
    };
}

const PRIVATE: &str =
    "must hold no private or symmetric key: d, p, q, dp, dq, qi, oth and k stay with the client";
const ESCAPED: &str =
    "must hold no backslash: a key set needs none, and behind one a private key is not seen";
const MEMBERS: &str =
    "must be a key set such as {\"keys\": [{\"kty\": \"EC\", …}]}, in JSON without duplicate members";

checked_text! {
    /// A key set as it is written into a policy: JSON, as a client's software prints it.
    KeysText, longest: 8192, rules: [
        Rule::matches(r"^\s*\{", MEMBERS),
        // RFC 7518 §6.2.2, §6.3.2, §6.4. What the API server stores, everybody who may read policies reads.
        Rule::differs(r#""(?:d|p|q|dp|dq|qi|oth|k)"\s*:|"kty"\s*:\s*"oct""#, PRIVATE),
        // RFC 8259 §7: "\u0064" is "d".
        Rule::differs(r"[\\]", ESCAPED),
    ]
}

checked_text! {
    /// Where the key set of a client lies. It is fetched as those are that strangers name: https, and in its normal form.
    KeysUrl, longest: 1024, rules: [
        Rule::matches(
            concat!("^https://", host!(), port!(), "(?:", segment!(), r")+/?(?:\?[A-Za-z0-9._~!$&()*+,;=:@/?%-]*)?$"),
            "must be an https URL such as https://ci.example.com/jwks.json, with a lower-case host, a path, and no user, \
             fragment or percent sign",
        ),
        Rule::differs("^https://[^/]*:443/", "must not spell out the port 443 of https"),
    ]
}

/// The keys of a client, at least one and at most eight.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Written")]
pub struct PublicKeys {
    keys: Vec<PublicKey>,
}

/// The public members of a key that are read (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct PublicKey {
    kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

/// A key set that nobody has looked at.
#[derive(serde::Deserialize)]
struct Written {
    keys: Vec<Members>,
}

/// What one key of it has, each member once.
struct Members(BTreeMap<String, Value>);

const MOST_KEYS: usize = 8;
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Those of each kind of key (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).
const OF_RSA: &[&str] = &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const OF_P256: &[&str] = &["ES256"];
const OF_P384: &[&str] = &["ES384"];
const OF_ED25519: &[&str] = &["EdDSA", "Ed25519"];

impl PublicKeys {
    pub fn parse(text: &str) -> Result<Self, Broken> {
        let text = KeysText::parse(text)?;
        let written: Written = serde_json::from_str(text.as_str()).map_err(|_| Broken(MEMBERS.into()))?;
        Self::try_from(written)
    }

    /// As the text that key sets are read from.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

impl TryFrom<Written> for PublicKeys {
    type Error = Broken;

    fn try_from(written: Written) -> Result<Self, Broken> {
        let refused = |why: &str| Err(Broken(why.to_owned()));
        // First, and of every key: whoever pasted this must hear of it, whatever else is wrong.
        if written.keys.iter().any(Members::are_private) {
            return refused(PRIVATE);
        }
        if written.keys.len() > MOST_KEYS {
            return Err(Broken(format!("must hold at most {MOST_KEYS} keys")));
        }
        // RFC 7517 §5: what is not understood is left out. Sets that are exported have keys for encryption beside.
        let keys: Vec<_> = written.keys.into_iter().filter_map(PublicKey::usable).collect();
        if keys.is_empty() {
            return refused(
                "must hold a public key for signatures: RSA of 2048 bits or more, EC on P-256 or P-384, or OKP on Ed25519",
            );
        }
        let mut kids = BTreeSet::new();
        if !keys.iter().filter_map(|key| key.kid.as_deref()).all(|kid| kids.insert(kid)) {
            return refused("must not name two keys by one kid");
        }
        Ok(Self { keys })
    }
}

impl Members {
    fn are_private(&self) -> bool {
        let Self(members) = self;
        PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name))
            || members.get("kty").and_then(Value::as_str) == Some("oct")
    }
}

impl PublicKey {
    fn usable(Members(members): Members) -> Option<Self> {
        let key: Self = serde_json::from_value(Value::Object(members.into_iter().collect())).ok()?;
        key.is_usable().then_some(key)
    }

    fn is_usable(&self) -> bool {
        let sizes = [self.x.as_ref(), self.y.as_ref()].map(length);
        let (has_shape, algorithms) = match (self.kty.as_str(), self.crv.as_deref()) {
            // RFC 7518 §3.3: 2048 bits or more. More than 8192 cost more than anybody needs.
            ("RSA", _) => {
                let n = length(self.n.as_ref()).is_some_and(|n| (256..=1024).contains(&n));
                (n && length(self.e.as_ref()).is_some(), OF_RSA)
            }
            ("EC", Some("P-256")) => (sizes == [Some(32); 2], OF_P256),
            ("EC", Some("P-384")) => (sizes == [Some(48); 2], OF_P384),
            ("OKP", Some("Ed25519")) => (sizes[0] == Some(32), OF_ED25519),
            _ => return false,
        };
        let verifies = |operations: &Vec<String>| operations.iter().any(|one| one == "verify");
        has_shape
            && self.usage.as_ref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(verifies)
            // J19: the algorithm is one of this kind of key, or nobody can verify with it.
            && self.alg.as_ref().is_none_or(|alg| algorithms.contains(&alg.as_str()))
    }
}

/// In bytes, of a number that is written as RFC 7515 §2 has it.
fn length(number: Option<&String>) -> Option<usize> {
    URL_SAFE_NO_PAD.decode(number?).ok().map(|bytes| bytes.len())
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key, which is an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                // RFC 7517 §4: names MUST be unique. A reader that took the other one would see another key.
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member of a key stands twice"));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests;
