//! `POST /oauth/token`: who asks, and what for. Codes are exchanged in `redeem`, refresh tokens in `refresh`.
//!
//! Authenticates the client before anything is looked at (O25), and answers in JSON, whatever happens (D15). Meets A1, A23, D6,
//! D15, O23–O25.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::clients::Client;
use super::clients::assertion::Judge;
use super::clients::authentication::{Proof, presented};
use super::error::{Code, OAuthError, json_response};
use super::form::Form;
use super::mint::Claims;
use super::values::{ClientKey, Grant, Person};
use super::{Asked, AuthorizationServer, Step, redeem, refresh, resource};

pub(super) async fn answer(
    server: &Arc<AuthorizationServer>,
    asked: &Asked,
) -> Result<Response<Bytes>, OAuthError> {
    let (form, client) = authenticated(server, asked).await?;
    if !resource::is_ours(form.get("resource"), server.policy.resource.as_str()) {
        return Err(OAuthError::new(Code::InvalidTarget, "the resource is not this server"));
    }
    let answered = match form.get("grant_type") {
        Some("authorization_code") => redeem::answer(server, &form, &client).await,
        Some("refresh_token") => refresh::answer(server, &form, &client).await,
        Some(_) => Err(OAuthError::new(
            Code::UnsupportedGrantType,
            "grant_type must be authorization_code or refresh_token",
        )),
        None => Err(OAuthError::new(Code::InvalidRequest, "grant_type is missing")),
    };
    let is_wrong = answered.as_ref().is_err_and(|error| error.code == Code::InvalidGrant);
    if is_wrong {
        put_off(server, &client.key).await;
    }
    answered
}

/// O25: what is wrong too often is answered late. What is right is not: many people share the id of one client, and whoever
/// knows it must not be able to shut them out.
async fn put_off(server: &AuthorizationServer, client: &ClientKey) {
    if !server.wrong.note(client) {
        tokio::time::sleep(LATE).await;
    }
}

const LATE: Duration = Duration::from_secs(1);
const NOT_MADE: OAuthError = OAuthError::new(Code::ServerError, "the token could not be made; try again");

/// The parameters of a request whose client is who it says.
pub(super) async fn authenticated(
    server: &AuthorizationServer,
    asked: &Asked,
) -> Result<(Form, Client), OAuthError> {
    let head = &asked.head;
    let form = Form::of_body(&head.method, &head.headers, head.uri.query(), &asked.body)?;
    let presented = presented(&head.headers, &form)?;
    let client = server.clients.find(&presented.id, &server.proxy, &server.sealer).await?;
    let is_proved = match &presented.proof {
        Proof::Assertion(assertion) => prove(server, assertion, &client).await?,
        _ => false,
    };
    if !is_proved && let Err(error) = client.credentials.check(&presented.proof) {
        // To bring nothing is no guess. What else is wrong is answered late: nobody hits upon a signature, nor upon a secret, which
        // is long; and whoever brings the right one is never refused for what others got wrong.
        if !matches!(presented.proof, Proof::None) {
            put_off(server, &client.key).await;
        }
        return Err(error);
    }
    drop(presented);
    Ok((form, client))
}

async fn prove(server: &AuthorizationServer, assertion: &str, client: &Client) -> Result<bool, OAuthError> {
    let token = format!("{}{}", server.issuer, Step::Token.path());
    let audiences = [server.issuer.clone(), token];
    let (clients, ledger) = (&server.clients, &server.ledger);
    let judge = Judge { clients, ledger, audiences: &audiences, now: server.clock.unix() };
    judge.believes(assertion, client).await
}

/// What is given out together.
#[derive(Debug)]
pub(super) struct Issued<'a> {
    pub(super) client: &'a ClientKey,
    pub(super) person: &'a Person,
    pub(super) scopes: &'a [String],
    pub(super) grant: &'a Grant,
}

/// RFC 6749 §5.1.
pub(super) fn issue(server: &AuthorizationServer, issued: &Issued<'_>) -> Result<String, OAuthError> {
    let refresh = server.sealer.seal(issued.grant)?;
    with_refresh(server, issued, &refresh)
}

/// An answer once more, for the scopes that are asked for now (RFC 6749 §6). Its refresh token is the same: there is one
/// successor, whatever may be done meanwhile (O12).
pub(super) fn again_for(
    server: &AuthorizationServer,
    issued: &Issued<'_>,
    answer: &str,
) -> Result<String, OAuthError> {
    let before: Value = serde_json::from_str(answer).map_err(|_| NOT_MADE)?;
    if before["scope"].as_str().unwrap_or_default() == issued.scopes.join(" ") {
        return Ok(answer.to_owned());
    }
    with_refresh(server, issued, &refresh_token_of(answer).ok_or(NOT_MADE)?)
}

/// What an answer of ours gives to refresh with.
pub(super) fn refresh_token_of(answer: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    answer["refresh_token"].as_str().map(str::to_owned)
}

fn with_refresh(
    server: &AuthorizationServer,
    issued: &Issued<'_>,
    refresh: &str,
) -> Result<String, OAuthError> {
    let claims = Claims {
        person: issued.person,
        client: issued.client,
        scopes: issued.scopes,
        family: &issued.grant.family,
        now: server.clock.unix(),
        lifetime: server.proxy.lifetimes.access,
    };
    let access = server.minter.mint(&claims).map_err(|_| NOT_MADE)?;
    let mut answer = json!({
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": server.proxy.lifetimes.access,
        "refresh_token": refresh,
    });
    // RFC 6749 §5.1: REQUIRED where it is not what was asked for, so it is always there; but never as an empty text, which is no
    // scope (§3.3) and which clients' parsers refuse (D15).
    if !issued.scopes.is_empty() {
        answer["scope"] = issued.scopes.join(" ").into();
    }
    Ok(answer.to_string())
}

pub(super) fn given(answer: String) -> Response<Bytes> {
    json_response(StatusCode::OK, answer.into())
}
