//! Who somebody is, for whoever has an access token of theirs: user info by the book, and GitHub's own.
//!
//! Pure.

use serde_json::{Value, json};

use super::grants::Grant;
use super::mischief::Lie;
use super::people::{Email, Person};
use super::quirks::Vendor;
use super::shared::Shared;
use super::wire::{Answer, Request};
use super::{CLIENT_ID, claims};

pub(super) fn answer(shared: &Shared, request: &Request) -> Answer {
    if shared.quirks.vendor == Vendor::GitHub {
        return github(shared, request, |grant| profile(shared, grant));
    }
    let Some(grant) = grant(shared, request) else {
        // RFC 6750 §3.1.
        return Answer::json(401, &json!({ "error": "invalid_token" }))
            .with_header("www-authenticate", "Bearer error=\"invalid_token\"");
    };
    let vendor = shared.quirks.vendor;
    let mut said = claims::about(vendor, &grant);
    said["sub"] = json!(person(shared, &grant).subject(vendor, CLIENT_ID));
    match vendor {
        // docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html: texts, "true" among them.
        Vendor::Cognito => {
            said["username"] = json!(grant.person.name);
            if let Some(verified) = said["email_verified"].as_bool() {
                said["email_verified"] = json!(verified.to_string());
            }
        }
        Vendor::Google => {
            if let Some(domain) = &grant.person.organization {
                said["hd"] = json!(domain);
            }
        }
        _ => {}
    }
    Answer::json(200, &said)
}

/// docs.github.com/rest/users/emails: needs `user:email`, and is 404 without it.
pub(super) fn emails(shared: &Shared, request: &Request) -> Answer {
    github(shared, request, |grant| {
        if !grant.has("user:email") {
            return Answer::json(404, &json!({ "message": "Not Found" }));
        }
        let person = person(shared, grant);
        let verified = person.email != Email::Unverified;
        let visibility = if person.email == Email::Private { "private" } else { "public" };
        let second = format!("{}@users.noreply.github.com", person.name);
        Answer::json(
            200,
            &json!([
                { "email": second, "primary": false, "verified": true, "visibility": Value::Null },
                { "email": person.address(), "primary": true, "verified": verified, "visibility": visibility },
            ]),
        )
    })
}

/// docs.github.com/rest/users/users, "Get the authenticated user".
fn profile(shared: &Shared, grant: &Grant) -> Answer {
    let person = person(shared, grant);
    let email = if person.email == Email::Private { Value::Null } else { json!(person.address()) };
    let body = json!({
        "login": person.name, "id": person.number(), "type": "User", "name": Value::Null, "email": email,
    });
    // .../scopes-for-oauth-apps: `X-OAuth-Scopes` lists the scopes your token has authorized.
    Answer::json(200, &body).with_header("x-oauth-scopes", &grant.scopes.join(", "))
}

fn github(shared: &Shared, request: &Request, answer: impl FnOnce(&Grant) -> Answer) -> Answer {
    // docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api, "User agent required".
    if request.header("user-agent").is_none_or(str::is_empty) {
        return Answer::json(403, &json!({ "message": "Request forbidden by administrative rules." }));
    }
    match grant(shared, request) {
        None => Answer::json(401, &json!({ "message": "Bad credentials" })),
        Some(grant) => answer(&grant),
    }
}

fn grant(shared: &Shared, request: &Request) -> Option<Grant> {
    let token = request.header("authorization")?.strip_prefix("Bearer ")?;
    let state = shared.state();
    let grant = state.grants.of_access_token(token)?;
    Some(grant.clone()).filter(|grant| !state.disabled.contains(&grant.person.name))
}

fn person(shared: &Shared, grant: &Grant) -> Person {
    let somebody_else = shared.lies(Lie::SomebodyElsesUserInfo);
    if somebody_else { Person::new("somebody-else") } else { grant.person.clone() }
}
