//! The discovery document, with what a vendor leaves out of it left out.
//!
//! Pure.

use serde_json::json;

use super::mischief::{Lie, Place};
use super::quirks::{Authentication, Discovery, ResponseIss, Revocation, Vendor};
use super::shared::Shared;
use super::wire::Answer;

pub(super) fn discovery(shared: &Shared) -> Answer {
    let quirks = &shared.quirks;
    let issuer = if shared.lies(Lie::OtherIssuersDocument) {
        "https://attacker.example".to_owned()
    } else {
        shared.issuer()
    };
    let methods = match quirks.authentication {
        Authentication::Either => &["client_secret_basic", "client_secret_post"][..],
        Authentication::Basic => &["client_secret_basic"],
        Authentication::Post => &["client_secret_post"],
    };
    let subjects = if quirks.vendor == Vendor::Entra { "pairwise" } else { "public" };
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": shared.url(Place::Authorize),
        "token_endpoint": shared.url(Place::Token),
        "userinfo_endpoint": shared.url(Place::User),
        "jwks_uri": shared.url(Place::Keys),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": [subjects],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": quirks.scopes.known,
        "token_endpoint_auth_methods_supported": methods,
    });
    if quirks.discovery == Discovery::WithPkce {
        document["code_challenge_methods_supported"] = json!(["S256"]);
    }
    if quirks.revocation != Revocation::Absent {
        document["revocation_endpoint"] = json!(shared.url(Place::Revoke));
    }
    if quirks.response_iss == ResponseIss::Advertised {
        // RFC 9207 §3.
        document["authorization_response_iss_parameter_supported"] = json!(true);
    }
    Answer::json(200, &document)
}
