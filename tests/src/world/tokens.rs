//! Tokens as an attacker would write them: header and payload are lists of raw members, so that duplicates, odd types and
//! broken JSON can be signed as well as anything, with real keys that are made when first needed.
//!
//! Pure, apart from the randomness of the keys.

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{NOW, RESOURCE, SECRET};

/// What signs a token.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signer {
    /// The provider's RSA key, in one of its six ways (`RS256`, `PS384`, …).
    Rsa(&'static str),
    Es256,
    Es384,
    EdDsa,
    /// An RSA key that no key set holds.
    Stranger,
    /// HMAC with these bytes: 256, 384 or 512.
    Hmac(u16, &'static [u8]),
}

/// A token that is not signed yet.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) header: Vec<(String, String)>,
    pub(crate) payload: Vec<(String, String)>,
    pub(crate) signer: Signer,
}

/// One difference to a draft. Values are raw JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// Sets the member of the header, or adds it.
    Header(&'static str, &'static str),
    NoHeader(&'static str),
    Claim(&'static str, &'static str),
    NoClaim(&'static str),
    /// Adds a member behind or before the others, also one that is there already.
    HeaderLast(&'static str, &'static str),
    HeaderFirst(&'static str, &'static str),
    ClaimLast(&'static str, &'static str),
    ClaimFirst(&'static str, &'static str),
    SignedBy(Signer),
    /// The payload as a whole.
    Payload(&'static str),
    /// Works on the finished token.
    Text(fn(String) -> String),
}

static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("RSA"));
static STRANGER: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("RSA"));
static P256: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("P-256"));
static P384: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("P-384"));
static ED: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().expect("Ed25519"));

impl Draft {
    /// An access token of the provider that every policy of the suites accepts.
    pub(crate) fn oidc(issuer: &str) -> Self {
        let mut draft = Self::new(&[("alg", "RS256"), ("kid", "rsa"), ("typ", "JWT")], Signer::Rsa("RS256"));
        draft.payload.insert(0, ("iss".into(), json!(issuer).to_string()));
        draft
    }

    /// A token under the shared secret.
    pub(crate) fn hmac() -> Self {
        Self::new(&[("alg", "HS256"), ("typ", "JWT")], Signer::Hmac(256, SECRET.as_bytes()))
    }

    fn new(header: &[(&str, &str)], signer: Signer) -> Self {
        let texts = [
            ("sub", json!("alice")),
            ("aud", json!(RESOURCE)),
            ("exp", json!(NOW + 600)),
            ("iat", json!(NOW - 10)),
        ];
        let header =
            header.iter().map(|(name, text)| ((*name).to_owned(), json!(text).to_string())).collect();
        let payload = texts.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
        Self { header, payload, signer }
    }

    /// The token with these changes, signed.
    pub(crate) fn with(mut self, changes: &[Change]) -> String {
        let mut whole = None;
        let mut edits: Vec<fn(String) -> String> = Vec::new();
        for change in changes {
            match *change {
                Change::Header(name, value) => set(&mut self.header, name, value),
                Change::NoHeader(name) => self.header.retain(|(known, _)| known != name),
                Change::Claim(name, value) => set(&mut self.payload, name, value),
                Change::NoClaim(name) => self.payload.retain(|(known, _)| known != name),
                Change::HeaderLast(name, value) => self.header.push((name.into(), value.into())),
                Change::HeaderFirst(name, value) => self.header.insert(0, (name.into(), value.into())),
                Change::ClaimLast(name, value) => self.payload.push((name.into(), value.into())),
                Change::ClaimFirst(name, value) => self.payload.insert(0, (name.into(), value.into())),
                Change::SignedBy(signer) => self.signer = signer,
                Change::Payload(text) => whole = Some(text.to_owned()),
                Change::Text(on_text) => edits.push(on_text),
            }
        }
        let payload = whole.unwrap_or_else(|| object(&self.payload));
        let token = sign(self.signer, object(&self.header).as_bytes(), payload.as_bytes());
        edits.into_iter().fold(token, |token, edit| edit(token))
    }
}

/// Signs any two byte strings as a compact token.
pub(crate) fn sign(signer: Signer, header: &[u8], payload: &[u8]) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = encode(&raw_signature(signer, message.as_bytes()));
    format!("{message}.{signature}")
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The provider's key set: one key per kind, each under its own id. The RSA key stands there twice: as `rsa`, for
/// RS256 alone, and as `rsa-any`, without a word on its algorithm.
pub(crate) fn key_set() -> Value {
    let rsa = [rsa_jwk("rsa", Some("RS256")), rsa_jwk("rsa-any", None)];
    json!({ "keys": [rsa[0], rsa[1], p256_jwk("p256"), p384_jwk("p384"), ed_jwk("ed")] })
}

pub(crate) fn rsa_jwk(kid: &str, alg: Option<&str>) -> Value {
    let (n, e) = rsa_numbers();
    let mut jwk = json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": encode(&n), "e": encode(&e) });
    if let Some(alg) = alg {
        jwk["alg"] = alg.into();
    }
    jwk
}

pub(crate) fn p256_jwk(kid: &str) -> Value {
    let point = P256.public_key().as_ref();
    json!({ "kty": "EC", "kid": kid, "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
}

pub(crate) fn p384_jwk(kid: &str) -> Value {
    let point = P384.public_key().as_ref();
    json!({ "kty": "EC", "kid": kid, "crv": "P-384", "x": encode(&point[1..49]), "y": encode(&point[49..]) })
}

pub(crate) fn ed_jwk(kid: &str) -> Value {
    json!({ "kty": "OKP", "kid": kid, "crv": "Ed25519", "x": encode(ED.public_key().as_ref()) })
}

/// A key that signs `Signer::Stranger`'s tokens.
pub(crate) fn stranger_jwk(kid: &str) -> Value {
    let numbers = PublicKeyComponents::<Vec<u8>>::from(STRANGER.public_key());
    json!({ "kty": "RSA", "kid": kid, "n": encode(&numbers.n), "e": encode(&numbers.e) })
}

/// Every text and byte string that a confused verifier might take for a shared secret (J02).
pub(crate) fn public_key_spellings() -> Vec<Vec<u8>> {
    let spki = AsDer::as_der(RSA.public_key()).expect("a public key has DER").as_ref().to_vec();
    let pkcs1 = RSA.public_key().as_ref().to_vec();
    let mut spellings =
        vec![spki.clone(), pkcs1.clone(), rsa_numbers().0, rsa_jwk("rsa", Some("RS256")).to_string().into()];
    for (label, der) in [("PUBLIC KEY", &spki), ("RSA PUBLIC KEY", &pkcs1), ("CERTIFICATE", &spki)] {
        let lines: Vec<_> = STANDARD
            .encode(der)
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
        spellings.extend(
            [pem.clone(), pem.replace('\n', "\r\n"), pem.trim_end().to_owned(), format!(" {pem}")]
                .map(Into::into),
        );
    }
    spellings
}

/// HMAC over `signed` with any key.
pub(crate) fn hmac_tag(bits: u16, key: &[u8], signed: &[u8]) -> Vec<u8> {
    let algorithm = match bits {
        256 => hmac::HMAC_SHA256,
        384 => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA512,
    };
    hmac::sign(&hmac::Key::new(algorithm, key), signed).as_ref().to_vec()
}

fn raw_signature(signer: Signer, message: &[u8]) -> Vec<u8> {
    match signer {
        Signer::Rsa(algorithm) => rsa_signature(&RSA, rsa_encoding(algorithm), message),
        Signer::Stranger => rsa_signature(&STRANGER, rsa_encoding("RS256"), message),
        Signer::Es256 => P256.sign(&SystemRandom::new(), message).expect("signs").as_ref().to_vec(),
        Signer::Es384 => P384.sign(&SystemRandom::new(), message).expect("signs").as_ref().to_vec(),
        Signer::EdDsa => ED.sign(message).as_ref().to_vec(),
        Signer::Hmac(bits, key) => hmac_tag(bits, key, message),
    }
}

fn rsa_encoding(algorithm: &str) -> &'static dyn RsaEncoding {
    let ways: [(&str, &'static dyn RsaEncoding); 6] = [
        ("RS256", &signature::RSA_PKCS1_SHA256),
        ("RS384", &signature::RSA_PKCS1_SHA384),
        ("RS512", &signature::RSA_PKCS1_SHA512),
        ("PS256", &signature::RSA_PSS_SHA256),
        ("PS384", &signature::RSA_PSS_SHA384),
        ("PS512", &signature::RSA_PSS_SHA512),
    ];
    ways.into_iter().find(|(name, _)| *name == algorithm).expect("the suites name RSA's six ways").1
}

fn rsa_signature(key: &RsaKeyPair, encoding: &'static dyn RsaEncoding, signed: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(encoding, &SystemRandom::new(), signed, &mut signature).expect("signs");
    signature
}

fn rsa_numbers() -> (Vec<u8>, Vec<u8>) {
    let numbers = PublicKeyComponents::<Vec<u8>>::from(RSA.public_key());
    (numbers.n, numbers.e)
}

fn set(members: &mut Vec<(String, String)>, name: &str, value: &str) {
    match members.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => value.clone_into(known),
        None => members.push((name.into(), value.into())),
    }
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}
