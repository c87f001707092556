//! `POST /oauth/revoke` (RFC 7009): a client says that it needs a token no more, and its whole family ends.
//!
//! Whatever the token is, the answer to an authenticated client is 200 (RFC 7009 §2.2): nobody learns which tokens exist. Other
//! replicas hear of it through the store; without one a refresh token ends at the provider, which they ask (`end`), and what is left
//! is over when the access token ends (`docs/proxy-mode.md`). Meets O30.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::clients::Client;
use super::error::{Code, OAuthError, json_response};
use super::mint::FAMILY;
use super::token::authenticated;
use super::values::Grant;
use super::{Asked, AuthorizationServer, end};
use crate::jose::{Compact, Header, Json, base64url};

pub(super) async fn answer(
    server: &Arc<AuthorizationServer>,
    asked: &Asked,
) -> Result<Response<Bytes>, OAuthError> {
    let (form, client) = authenticated(server, asked).await?;
    let token = form.get("token").ok_or(OAuthError::new(Code::InvalidRequest, "token is missing"))?;
    if let Some(grant) = of_refresh(server, token, &client) {
        let told = end::here(server, &grant.family).await;
        end::at_provider(server, grant).await;
        // RFC 7009 §2.2.1: 503, and the client tries again. Here it is over already, and the others are told as soon as they can be.
        told?;
    } else if let Some(family) = of_access(server, token, &client) {
        // An access token carries nothing of the provider's that could be taken back.
        end::here(server, &family).await?;
    }
    Ok(json_response(StatusCode::OK, Bytes::from_static(b"{}")))
}

/// RFC 7009 §2.1: a token that was issued to another client is refused, which here means that nothing happens.
fn of_refresh(server: &AuthorizationServer, token: &str, client: &Client) -> Option<Grant> {
    let grant: Grant = server.sealer.open(token).ok()?;
    (grant.client == client.key).then_some(grant)
}

fn of_access(server: &AuthorizationServer, token: &str, client: &Client) -> Option<String> {
    let compact = Compact::parse(token).ok()?;
    let header = Header::parse(compact.header).ok()?;
    let key = server.keys().key(&header).ok()?;
    if !key.verifies(header.algorithm, compact.signed, compact.signature) {
        return None;
    }
    let claims = Json::parse(&base64url::decode(compact.payload)?).ok()?.into_object()?;
    let is_its_own = claims.get("client_id").and_then(Json::as_text) == Some(client.key.as_str());
    let family = claims.get(FAMILY).and_then(Json::as_text).map(str::to_owned);
    family.filter(|_| is_its_own)
}
