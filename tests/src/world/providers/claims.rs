//! What stands in a provider's tokens: the claims that each vendor documents.
//!
//! Pure, apart from signing.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::grants::Grant;
use super::keys::{self, Key};
use super::mischief::Lie;
use super::people::{Email, Person};
use super::quirks::Vendor;
use super::shared::Shared;
use super::vendors::TENANT;
use super::{CLIENT_ID, lies};

/// Of JWTs: the number of groups above which Entra only says where to ask
/// (learn.microsoft.com/entra/identity-platform/id-token-claims-reference, "Groups overage claim").
const MOST_GROUPS: usize = 200;
const LIFETIME: u64 = 3600;

/// What an ID token is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    Login,
    Refresh,
}

/// The ID token, unless `openid` was not asked for, or the vendor has none.
pub(super) fn id_token(shared: &Shared, grant: &Grant, on: Occasion, access_token: &str) -> Option<String> {
    let vendor = shared.quirks.vendor;
    if vendor == Vendor::GitHub || !grant.has("openid") || shared.lies(Lie::NoIdToken) {
        return None;
    }
    let now = shared.now();
    let mut claims = json!({
        "iss": shared.issuer(),
        "aud": CLIENT_ID,
        "sub": grant.person.subject(vendor, CLIENT_ID),
        "iat": now,
        "exp": now + LIFETIME,
    });
    // OpenID Connect Core §12.2: SHOULD NOT have a nonce claim in the answer to a refresh.
    if let (Occasion::Login, Some(nonce)) = (on, &grant.nonce) {
        claims["nonce"] = json!(nonce);
    }
    merge(&mut claims, of_vendor(shared, grant, access_token));
    merge(&mut claims, about(vendor, grant));
    let lie = shared.state().lie;
    if let Some(lie) = lie {
        lies::bend(&mut claims, lie, now);
    }
    let (key, header) = lies::signing(vendor, lie);
    Some(keys::sign(key, &header, &claims))
}

/// An access token in the form of a JWT.
pub(super) fn access_token(shared: &Shared, grant: &Grant) -> String {
    let vendor = shared.quirks.vendor;
    let now = shared.now();
    let (scopes, subject) = (grant.scopes.join(" "), grant.person.subject(vendor, CLIENT_ID));
    let mut header = json!({ "alg": "RS256", "kid": keys::ACCESS, "typ": "JWT" });
    let mut claims = json!({
        "iss": shared.issuer(), "sub": subject, "iat": now, "exp": now + LIFETIME, "jti": keys::random(),
    });
    let more = match vendor {
        // RFC 9068 §2.
        Vendor::Plain => {
            header["typ"] = json!("at+jwt");
            json!({ "aud": "https://api.example.com", "client_id": CLIENT_ID, "scope": scopes })
        }
        Vendor::Entra => entra_access(grant, &mut header),
        // docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html: no `aud`.
        Vendor::Cognito => json!({
            "client_id": CLIENT_ID, "token_use": "access", "scope": scopes, "version": 2,
            "username": grant.person.name, "cognito:groups": grant.person.groups,
        }),
        // auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
        Vendor::Auth0 => json!({ "aud": [grant.audience], "azp": CLIENT_ID, "scope": scopes }),
        // developer.okta.com/docs/api/openapi/okta-oauth/guides/overview, "Access token payload": `scp` is a list.
        Vendor::Okta => json!({
            "aud": "api://default", "cid": CLIENT_ID, "uid": subject, "scp": grant.scopes, "ver": 1,
            "sub": grant.person.address(),
        }),
        Vendor::Google | Vendor::GitHub => json!({}),
    };
    merge(&mut claims, more);
    keys::sign(Key::Access, &header, &claims)
}

/// What the vendor says of a person where it says who it is: in ID tokens, and to whoever asks with an access token.
pub(super) fn about(vendor: Vendor, grant: &Grant) -> Value {
    let person = &grant.person;
    let mut claims = json!({});
    if grant.has("email") {
        claims["email"] = json!(person.address());
        // .../id-token-claims-reference has none: an address of Entra's proves nothing.
        if vendor != Vendor::Entra {
            claims["email_verified"] = json!(person.email != Email::Unverified);
        }
    }
    if grant.has("profile") {
        claims["name"] = json!(format!("{} Example", person.name));
        if matches!(vendor, Vendor::Plain | Vendor::Entra | Vendor::Okta) {
            claims["preferred_username"] = json!(person.address());
        }
    }
    if grant.has("groups") {
        claims["groups"] = json!(person.groups);
    }
    claims
}

/// What only this vendor's ID tokens have.
fn of_vendor(shared: &Shared, grant: &Grant, access_token: &str) -> Value {
    let (person, hash) = (&grant.person, access_token_hash(access_token));
    let (now, id) = (shared.now(), keys::random());
    match shared.quirks.vendor {
        Vendor::Plain => json!({ "auth_time": grant.since, "at_hash": hash }),
        // .../id-token-claims-reference: no `at_hash` in tokens from the token endpoint.
        Vendor::Entra => {
            let mut claims =
                json!({ "ver": "2.0", "tid": TENANT, "nbf": now, "uti": id, "rh": "0.A", "aio": "A" });
            if grant.has("profile") {
                claims["oid"] = json!(person.object_id());
            }
            merge(&mut claims, entra_groups(person));
            claims
        }
        // developers.google.com/identity/openid-connect/reference, "ID Token (Claims)".
        Vendor::Google => {
            let mut claims = json!({ "azp": CLIENT_ID, "at_hash": hash });
            if let Some(domain) = &person.organization {
                claims["hd"] = json!(domain);
            }
            claims
        }
        // docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
        Vendor::Cognito => json!({
            "token_use": "id", "auth_time": grant.since, "at_hash": hash, "jti": id, "event_id": "e1",
            "cognito:username": person.name, "cognito:groups": person.groups,
        }),
        // auth0.com/docs/secure/tokens/id-tokens/id-token-structure
        Vendor::Auth0 => json!({ "sid": id, "updated_at": "2027-01-15T08:00:00.000Z" }),
        // developer.okta.com/docs/api/openapi/okta-oauth/guides/overview, "ID token payload".
        Vendor::Okta => json!({
            "ver": 1, "jti": id, "amr": ["pwd"], "idp": "00oexample", "auth_time": grant.since, "at_hash": hash,
        }),
        Vendor::GitHub => json!({}),
    }
}

fn entra_groups(person: &Person) -> Value {
    if person.groups.len() <= MOST_GROUPS {
        return json!({ "groups": person.groups });
    }
    let place = format!("https://graph.microsoft.com/v1.0/users/{}/getMemberObjects", person.object_id());
    json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": { "src1": { "endpoint": place } } })
}

/// Of an API of ours with its short scopes, or of Graph, which nobody but Graph can verify.
fn entra_access(grant: &Grant, header: &mut Value) -> Value {
    let prefix = format!("api://{CLIENT_ID}/");
    let own: Vec<_> = grant.scopes.iter().filter_map(|scope| scope.strip_prefix(&prefix)).collect();
    let person = json!({ "tid": TENANT, "oid": grant.person.object_id(), "azp": CLIENT_ID, "ver": "2.0" });
    let mut claims = if own.is_empty() {
        header["nonce"] = json!(keys::random());
        json!({ "aud": "00000003-0000-0000-c000-000000000000", "scp": "User.Read email openid profile" })
    } else {
        // learn.microsoft.com/entra/identity-platform/access-token-claims-reference, `scp`: a text, short names.
        json!({ "aud": CLIENT_ID, "scp": own.join(" ") })
    };
    merge(&mut claims, person);
    claims
}

/// OpenID Connect Core §3.1.3.6: the left half of the hash.
fn access_token_hash(token: &str) -> String {
    crate::world::tokens::encode(&Sha256::digest(token)[..16])
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

impl Grant {
    pub(super) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|known| known == scope)
    }
}
