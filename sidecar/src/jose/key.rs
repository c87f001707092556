//! One key to verify with, and the algorithms it may be used with. A `Key` that exists is fit for use.
//!
//! Pure. The algorithm is the key's, never the token's: a public key is not a shared secret, whatever the token says
//! (J02, J03; RFC 8725 §3.1). Meets J19, J20 (through `HmacKey`).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, VerificationAlgorithm,
};
use crds::HmacKey;
use jsonwebtoken::DecodingKey;

use super::algorithm::{Algorithm, Family};
use super::json::{Json, Object};
use super::{base64url, signature};

/// A key that signatures can be verified with.
#[derive(Clone)]
pub struct Key {
    family: Family,
    /// The one algorithm that the key is for, where it says so.
    only: Option<Algorithm>,
    material: DecodingKey,
}

/// Why a key of a key set is not used. The rest of the set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("its members are not what a key of its type has")]
    Malformed,
    #[error("it is not for verifying signatures")]
    Use,
    #[error("its type or curve is not known here")]
    Type,
    #[error("its algorithm is not accepted here or is not one of its type")]
    Algorithm,
    #[error("it is weak or not a valid key")]
    Weak,
}

impl Key {
    pub fn hmac(secret: &HmacKey) -> Self {
        Self {
            family: Family::Hmac,
            only: Some(Algorithm::Hs256),
            material: DecodingKey::from_secret(secret.expose()),
        }
    }

    /// A public key of a key set (RFC 7517 §4).
    pub fn from_jwk(jwk: &Object) -> Result<Self, Unfit> {
        check_use(jwk)?;
        let (family, material) = match text(jwk, "kty")? {
            "RSA" => rsa(jwk)?,
            "EC" => curve(jwk)?,
            "OKP" => okp(jwk)?,
            _ => return Err(Unfit::Type),
        };
        let only = match jwk.get("alg") {
            None => None,
            Some(alg) => Some(alg.as_text().and_then(Algorithm::parse).ok_or(Unfit::Algorithm)?),
        };
        // J19: `crv` or `kty` and `alg` must speak of the same key.
        if only.is_some_and(|algorithm| algorithm.family() != family) {
            return Err(Unfit::Algorithm);
        }
        Ok(Self { family, only, material })
    }

    /// J03: with `alg`, that one alone; without, the accepted algorithms of its own type and curve.
    pub fn permits(&self, algorithm: Algorithm) -> bool {
        self.family == algorithm.family() && self.only.is_none_or(|only| only == algorithm)
    }

    /// Whether `signature`, in base64url, is this key's over `signed` by `algorithm`.
    pub fn verifies(&self, algorithm: Algorithm, signed: &str, signature: &str) -> bool {
        self.permits(algorithm) && signature::is_valid(&self.material, algorithm, signed, signature)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("family", &self.family).field("only", &self.only).finish_non_exhaustive()
    }
}

/// RFC 7517 §4.2, §4.3: what a key says it is for is binding.
fn check_use(jwk: &Object) -> Result<(), Unfit> {
    if jwk.get("use").is_some_and(|usage| usage.as_text() != Some("sig")) {
        return Err(Unfit::Use);
    }
    let verifies = |operations: &Json| match operations {
        Json::List(list) => list.iter().any(|operation| operation.as_text() == Some("verify")),
        _ => false,
    };
    if jwk.get("key_ops").is_some_and(|operations| !verifies(operations)) {
        return Err(Unfit::Use);
    }
    Ok(())
}

fn rsa(jwk: &Object) -> Result<(Family, DecodingKey), Unfit> {
    let modulus = bytes(jwk, "n")?;
    let exponent = bytes(jwk, "e")?;
    // RFC 7518 §3.3: 2048 bits or larger MUST be used. An even number is no modulus, and 1 no exponent (J19).
    let length = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    let above_one = exponent.first().is_some_and(|first| *first != 0) && exponent != [1];
    if !(2048..=8192).contains(&length)
        || !odd(&modulus)
        || !odd(&exponent)
        || !above_one
        || exponent.len() > 4
    {
        return Err(Unfit::Weak);
    }
    Ok((Family::Rsa, DecodingKey::from_rsa_raw_components(&modulus, &exponent)))
}

fn curve(jwk: &Object) -> Result<(Family, DecodingKey), Unfit> {
    let (family, width, algorithm): (_, _, &'static dyn VerificationAlgorithm) = match text(jwk, "crv")? {
        "P-256" => (Family::P256, 32, &ECDSA_P256_SHA256_FIXED),
        "P-384" => (Family::P384, 48, &ECDSA_P384_SHA384_FIXED),
        _ => return Err(Unfit::Type),
    };
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    // RFC 7518 §6.2.1.2: the full size of a coordinate, leading zeros included.
    if x.len() != width || y.len() != width {
        return Err(Unfit::Malformed);
    }
    let point = [&[4], x.as_slice(), &y].concat();
    // A point off the curve is refused here, not at the first signature (J19).
    ParsedPublicKey::new(algorithm, &point).map_err(|_| Unfit::Weak)?;
    Ok((family, DecodingKey::from_ec_der(&point)))
}

fn okp(jwk: &Object) -> Result<(Family, DecodingKey), Unfit> {
    if text(jwk, "crv")? != "Ed25519" {
        return Err(Unfit::Type);
    }
    let x = bytes(jwk, "x")?;
    if x.len() != 32 {
        return Err(Unfit::Malformed);
    }
    ParsedPublicKey::new(&ED25519, &x).map_err(|_| Unfit::Weak)?;
    Ok((Family::Ed25519, DecodingKey::from_ed_der(&x)))
}

fn text<'a>(jwk: &'a Object, name: &str) -> Result<&'a str, Unfit> {
    jwk.get(name).and_then(Json::as_text).ok_or(Unfit::Malformed)
}

fn bytes(jwk: &Object, name: &str) -> Result<Vec<u8>, Unfit> {
    base64url::decode(text(jwk, name)?).ok_or(Unfit::Malformed)
}
