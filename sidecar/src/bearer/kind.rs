//! Is this an access token at all? The same key signs ID tokens, logout tokens and more (J14).
//!
//! Pure. `typ` of the header was read by `jose::header`; providers that mark the kind in a claim (`typ: Bearer`,
//! `token_use: access`) have that among the required claims of their preset. Meets J14 and "Decided" 1.

use super::refusal::Why;
use crate::jose::Typ;
use crate::jose::json::Object;

/// OpenID Connect Core §2, §3.3.2.11: claims that only ID tokens have.
const OF_ID_TOKENS: [&str; 3] = ["nonce", "at_hash", "c_hash"];

pub(super) fn check(typ: Typ, claims: &Object) -> Result<(), Why> {
    // RFC 8417 §2.2: every security event token has `events`, a logout token too; no access token does.
    if claims.contains_key("events") {
        return Err(Why::Kind);
    }
    if typ == Typ::Unsaid && OF_ID_TOKENS.iter().any(|name| claims.contains_key(*name)) {
        return Err(Why::Kind);
    }
    Ok(())
}
