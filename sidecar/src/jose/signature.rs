//! The one place where a signature is verified, by `jsonwebtoken` on aws-lc.
//!
//! Pure. HMAC tags are compared in constant time by aws-lc (J24). Strict base64url comes first, so that one signature
//! has one spelling (J09).

use jsonwebtoken::DecodingKey;

use super::{Algorithm, base64url};

/// Whether `signature`, in base64url, signs the bytes of `signed`.
pub(super) fn is_valid(key: &DecodingKey, algorithm: Algorithm, signed: &str, signature: &str) -> bool {
    if signature.is_empty() || base64url::decode(signature).is_none() {
        return false;
    }
    // An error here is a key or a signature that the library cannot read: not a valid signature.
    jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, algorithm.in_library()).unwrap_or(false)
}
