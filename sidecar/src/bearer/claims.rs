//! Whose token it is and for whom: issuer, audience, and the claims that the policy requires.
//!
//! Pure. Types are exact and texts are compared byte for byte: no substring, no prefix, no case folding. Meets R10, J12,
//! J13, J16, D2.

use std::collections::BTreeMap;

use crds::names::{Audience, ClaimName};

use super::refusal::Why;
use crate::jose::Json;
use crate::jose::json::Object;

/// RFC 9068 §4 MUST: exactly the issuer identifier.
pub(crate) fn check_issuer(claims: &Object, issuer: &str) -> Result<(), Why> {
    match claims.get("iss").and_then(Json::as_text) {
        Some(found) if found == issuer => Ok(()),
        _ => Err(Why::Issuer),
    }
}

/// RFC 7519 §4.1.3: a text, or a list of texts and of nothing else; one of them is one of ours.
pub(super) fn check_audience(claims: &Object, claim: &str, ours: &[Audience]) -> Result<(), Why> {
    let named = claims.get(claim).and_then(Json::as_texts).ok_or(Why::Audience)?;
    if named.iter().any(|name| ours.iter().any(|audience| audience.as_str() == *name)) {
        Ok(())
    } else {
        Err(Why::Audience)
    }
}

/// Each of the policy's claims is there, with one of its values.
pub(crate) fn check_required(claims: &Object, rules: &BTreeMap<ClaimName, Vec<String>>) -> Result<(), Why> {
    let met = |name: &ClaimName, values: &[String]| {
        let found = claims.get(name.as_str()).and_then(Json::as_texts).unwrap_or_default();
        found.iter().any(|value| values.iter().any(|wanted| wanted == value))
    };
    if rules.iter().all(|(name, values)| met(name, values)) { Ok(()) } else { Err(Why::Required) }
}
