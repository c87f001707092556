//! Who a valid token speaks of.
//!
//! Pure. The texts end up in headers and log lines, so none is long or has a control character in it (J15, P02).

use crds::policy::ClaimRules;

use super::refusal::Why;
use super::{scope, times};
use crate::clock::UnixTime;
use crate::jose::Json;
use crate::jose::json::Object;

/// The caller of a request, from the claims of its token. A subject alone is nobody: it belongs to its issuer (J15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Absent only in tokens under a shared secret that name none.
    pub issuer: Option<String>,
    pub subject: String,
    /// The OAuth client, where the token says so.
    pub client: Option<String>,
    /// What a person would recognise the caller by: the policy's `claims.user`.
    pub user: Option<String>,
    pub scopes: Vec<String>,
    pub expires: UnixTime,
}

const LONGEST: usize = 255;
/// Where providers name the client: RFC 9068 §2.2, OpenID Connect, Okta, Entra v1.
const CLIENT: [&str; 4] = ["client_id", "azp", "cid", "appid"];

pub(super) fn from_claims(claims: &Object, rules: &ClaimRules) -> Result<Caller, Why> {
    let scopes = scope::granted(claims, &rules.scope)?;
    Ok(Caller {
        issuer: issuer(claims)?,
        subject: clean(claims, "sub").ok_or(Why::Subject)?,
        client: CLIENT.iter().find_map(|name| clean(claims, name)),
        user: clean(claims, rules.user.as_str()),
        scopes: scopes.into_iter().filter(|scope| is_clean(scope)).map(str::to_owned).collect(),
        expires: times::expires(claims)?,
    })
}

/// Already the configured one where there is a provider; under a shared secret it may be absent, not odd.
fn issuer(claims: &Object) -> Result<Option<String>, Why> {
    match claims.get("iss") {
        None => Ok(None),
        Some(Json::Text(issuer))
            if issuer.chars().count() <= 512 && !issuer.chars().any(char::is_control) =>
        {
            Ok(Some(issuer.clone()))
        }
        Some(_) => Err(Why::Issuer),
    }
}

fn clean(claims: &Object, name: &str) -> Option<String> {
    claims.get(name).and_then(Json::as_text).filter(|text| is_clean(text)).map(str::to_owned)
}

/// OpenID Connect Core §2: a subject MUST NOT exceed 255 characters.
fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control)
}
