//! The token endpoint: who the client is, what its grant is worth, and an answer in the vendor's form.
//!
//! Pure, apart from what the provider remembers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::authorize::RESOURCE;
use super::claims::{self, Occasion};
use super::grants::{Family, Grant, Offline};
use super::quirks::{AccessToken, Authentication, Failures, Granted, Refresh, Resource, Rotation, Vendor};
use super::shared::Shared;
use super::wire::{Answer, Request};
use super::{CLIENT_ID, CLIENT_SECRET, keys};

/// An error of RFC 6749 §5.2 and what is said with it.
pub(super) struct Failure(&'static str, &'static str);

pub(super) fn answer(shared: &Shared, request: &Request) -> Answer {
    let answer = authenticate(shared, request).and_then(|()| match request.parameter("grant_type") {
        // docs.github.com/.../authorizing-oauth-apps, step 2, knows no such parameter.
        None if shared.quirks.vendor == Vendor::GitHub => redeem(shared, request),
        Some("authorization_code") => redeem(shared, request),
        Some("refresh_token") if shared.quirks.refresh != Refresh::Never => refresh(shared, request),
        _ => Err(Failure("unsupported_grant_type", "this grant type is not supported")),
    });
    match answer {
        Ok(tokens) => written(shared, request, 200, &tokens),
        Err(failure) => failed(shared, request, &failure),
    }
}

pub(super) fn authenticate(shared: &Shared, request: &Request) -> Result<(), Failure> {
    const WRONG: Failure = Failure("invalid_client", "the client is not who it says");
    if request.method != "POST" {
        return Err(Failure("invalid_request", "only POST is supported"));
    }
    if shared.quirks.resource == Resource::Refused && request.parameter("resource").is_some() {
        return Err(Failure("invalid_target", RESOURCE));
    }
    let basic = request.header("authorization").map(|text| basic(text).ok_or(WRONG)).transpose()?;
    let posted = request.parameter("client_id").zip(request.parameter("client_secret"));
    let posted = posted.map(|(id, secret)| (id.to_owned(), secret.to_owned()));
    let (id, secret) = match (basic, posted, shared.quirks.authentication) {
        // RFC 6749 §2.3: MUST NOT use more than one method.
        (Some(_), Some(_), _) => {
            return Err(Failure("invalid_request", "two ways of authentication at once"));
        }
        (Some(found), None, Authentication::Either | Authentication::Basic)
        | (None, Some(found), Authentication::Either | Authentication::Post) => found,
        _ => return Err(WRONG),
    };
    if id == CLIENT_ID && secret == CLIENT_SECRET { Ok(()) } else { Err(WRONG) }
}

/// RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
fn basic(header: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    let pair = format!("x={text}");
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn redeem(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    const BAD: Failure = Failure("invalid_grant", "the code is incorrect or expired");
    let code = request.parameter("code").ok_or(Failure("invalid_request", "there is no code"))?;
    let (grant, family) = shared.state().grants.redeem(code, shared.now()).map_err(|_| BAD)?;
    // RFC 6749 §4.1.3: identical to the one in the authorization request.
    let same = request
        .parameter("redirect_uri")
        .map_or(shared.quirks.vendor == Vendor::GitHub, |sent| sent == grant.redirect_uri);
    if !same {
        return Err(Failure("invalid_grant", "the redirect URI is another one"));
    }
    let proof = request.parameter("code_verifier").map(challenge_of);
    // RFC 9700 §2.1.1: a verifier without a challenge is refused as well.
    if proof != grant.challenge {
        return Err(Failure("invalid_grant", "the code verifier does not fit the code challenge"));
    }
    if is_disabled(shared, &grant) {
        return Err(disabled(shared));
    }
    let mut tokens = tokens(shared, &grant, Occasion::Login);
    if grant.offline == Offline::Yes {
        tokens["refresh_token"] = json!(shared.state().grants.refresh_token(grant, family));
    }
    Ok(tokens)
}

fn refresh(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    const BAD: Failure = Failure("invalid_grant", "unknown or invalid refresh token");
    let token =
        request.parameter("refresh_token").ok_or(Failure("invalid_request", "there is no refresh token"))?;
    let (grant, family) = shared.state().grants.refreshable(token).map_err(|_| BAD)?;
    if is_disabled(shared, &grant) {
        return Err(disabled(shared));
    }
    // RFC 6749 §6: MUST NOT include any scope not originally granted.
    if request.words("scope").iter().any(|scope| !grant.has(scope)) {
        return Err(Failure("invalid_scope", "more than was granted"));
    }
    let mut tokens = tokens(shared, &grant, Occasion::Refresh);
    if let Some(next) = rotated(shared, token, grant, family)? {
        tokens["refresh_token"] = json!(next);
    }
    Ok(tokens)
}

fn rotated(shared: &Shared, token: &str, grant: Grant, family: Family) -> Result<Option<String>, Failure> {
    const REUSED: Failure = Failure("invalid_grant", "unknown or invalid refresh token");
    let mut state = shared.state();
    match shared.quirks.rotation {
        Rotation::Off => return Ok(None),
        Rotation::Lenient => {}
        Rotation::Strict => state.grants.use_up(token).map_err(|_| REUSED)?,
    }
    Ok(Some(state.grants.refresh_token(grant, family)))
}

fn tokens(shared: &Shared, grant: &Grant, on: Occasion) -> Value {
    let opaque = |prefix: &str| format!("{prefix}{}", keys::random());
    let access_token = match shared.quirks.access_token {
        AccessToken::Opaque(prefix) => opaque(prefix),
        AccessToken::JwtForAudience if grant.audience.is_none() => opaque(""),
        AccessToken::Jwt | AccessToken::JwtForAudience => claims::access_token(shared, grant),
    };
    shared.state().grants.remember(&access_token, grant.clone());
    let mut tokens = json!({ "access_token": access_token, "scope": granted(shared, grant) });
    if shared.quirks.vendor == Vendor::GitHub {
        // docs.github.com/.../authorizing-oauth-apps, step 2: in lower case, and no end, but a GitHub App's eight hours.
        tokens["token_type"] = json!("bearer");
        if grant.offline == Offline::Yes {
            tokens["expires_in"] = json!(28800);
        }
    } else {
        tokens["token_type"] = json!("Bearer");
        tokens["expires_in"] = json!(3600);
    }
    if let Some(id_token) = claims::id_token(shared, grant, on, &access_token) {
        tokens["id_token"] = json!(id_token);
    }
    tokens
}

fn granted(shared: &Shared, grant: &Grant) -> String {
    let prefix = format!("api://{CLIENT_ID}/");
    let scopes = grant.scopes.iter().map(String::as_str);
    match shared.quirks.granted {
        Granted::AsAsked => grant.scopes.join(" "),
        Granted::WithCommas => grant.scopes.join(","),
        Granted::AsAddresses => scopes.map(address).collect::<Vec<_>>().join(" "),
        // Graph's scopes come back bare. Of an API's own no document says it: here too, so that nobody relies on it.
        Granted::WithoutPrefix => {
            let kept = scopes.filter(|scope| *scope != "offline_access");
            kept.map(|scope| scope.strip_prefix(&prefix).unwrap_or(scope)).collect::<Vec<_>>().join(" ")
        }
    }
}

fn address(scope: &str) -> String {
    match scope {
        "email" | "profile" => format!("https://www.googleapis.com/auth/userinfo.{scope}"),
        other => other.to_owned(),
    }
}

fn is_disabled(shared: &Shared, grant: &Grant) -> bool {
    shared.state().disabled.contains(&grant.person.name)
}

fn disabled(shared: &Shared) -> Failure {
    Failure(
        "invalid_grant",
        match shared.quirks.vendor {
            // learn.microsoft.com/entra/identity-platform/reference-error-codes
            Vendor::Entra => "AADSTS50057: The user account is disabled.",
            // developers.google.com/identity/protocols/oauth2/web-server, "invalid_grant".
            Vendor::Google => "Token has been expired or revoked.",
            _ => "unknown or invalid refresh token",
        },
    )
}

fn challenge_of(verifier: &str) -> String {
    crate::world::tokens::encode(&Sha256::digest(verifier))
}

pub(super) fn failed(shared: &Shared, request: &Request, Failure(error, said): &Failure) -> Answer {
    let (status, error) = match (shared.quirks.failures, *error) {
        // docs.github.com/.../troubleshooting-oauth-app-access-token-request-errors
        (Failures::Success, "invalid_client") => (200, "incorrect_client_credentials"),
        (Failures::Success, "invalid_grant") if said.contains("redirect") => (200, "redirect_uri_mismatch"),
        (Failures::Success, "invalid_grant") if said.contains("refresh token") => (200, "bad_refresh_token"),
        (Failures::Success, "invalid_grant") => (200, "bad_verification_code"),
        (Failures::Success, other) => (200, other),
        (Failures::Forbidden, "invalid_grant") => (403, "invalid_grant"),
        (Failures::Standard | Failures::Forbidden, "invalid_client") => (401, "invalid_client"),
        (_, other) => (400, other),
    };
    let answer = written(shared, request, status, &json!({ "error": error, "error_description": said }));
    // RFC 6749 §5.2: to a client that came with the header, the matching challenge MUST be sent.
    if status == 401 { answer.with_header("www-authenticate", "Basic realm=\"provider\"") } else { answer }
}

fn written(shared: &Shared, request: &Request, status: u16, body: &Value) -> Answer {
    let wants_json = request.header("accept").is_some_and(|accept| accept.contains("application/json"));
    if shared.quirks.failures != Failures::Success || wants_json {
        return Answer::json(status, body);
    }
    let members: Vec<_> = body.as_object().into_iter().flatten().collect();
    let pairs = members.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
    Answer::form(status, &pairs.collect::<Vec<_>>())
}
