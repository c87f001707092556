//! What a token allows, in either of the two ways in which providers write it.
//!
//! Pure. Meets R14; identity-provider consequence 3 (`scope` as a text, `scp` as a list, `roles`).

use crds::names::ClaimName;

use super::refusal::Why;
use crate::jose::Json;
use crate::jose::json::Object;

/// The scopes in the first of the claims that the token has; none of the claims means no scopes.
pub(super) fn granted<'a>(claims: &'a Object, names: &[ClaimName]) -> Result<Vec<&'a str>, Why> {
    match names.iter().find_map(|name| claims.get(name.as_str())) {
        None => Ok(Vec::new()),
        // RFC 6749 §3.3: separated by single spaces.
        Some(Json::Text(text)) => Ok(text.split(' ').filter(|scope| !scope.is_empty()).collect()),
        Some(list) => list.as_texts().ok_or(Why::Scopes),
    }
}
