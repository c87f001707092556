//! `POST /oauth/revoke` (RFC 7009): a client says that it needs a token no more, and its whole family ends.
//!
//! Whatever the token is, the answer to an authenticated client is 200 (RFC 7009 §2.2): nobody learns which tokens exist. Other
//! replicas hear of it through the store; without one, when the access token ends (`docs/proxy-mode.md`). Meets O30.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::clients::Client;
use super::error::{Code, OAuthError, json_response};
use super::mint::FAMILY;
use super::redeem::lifetime;
use super::token::authenticated;
use super::values::Grant;
use super::{Asked, AuthorizationServer};
use crate::jose::{Compact, Header, Json, base64url};

pub(super) async fn answer(
    server: &AuthorizationServer,
    asked: &Asked,
) -> Result<Response<Bytes>, OAuthError> {
    let (form, client) = authenticated(server, asked).await?;
    let token = form.get("token").ok_or(OAuthError::new(Code::InvalidRequest, "token is missing"))?;
    let family = of_refresh(server, token, &client).or_else(|| of_access(server, token, &client));
    if let Some(family) = family {
        // RFC 7009 §2.2.1: 503, and the client tries again. Here it is over already, and the others are told as soon as they can be.
        server.ledger.revoke(&family, lifetime(server)).await?;
    }
    Ok(json_response(StatusCode::OK, Bytes::from_static(b"{}")))
}

/// RFC 7009 §2.1: a token that was issued to another client is refused, which here means that nothing happens.
fn of_refresh(server: &AuthorizationServer, token: &str, client: &Client) -> Option<String> {
    let grant: Grant = server.sealer.open(token).ok()?;
    (grant.client == client.key).then_some(grant.family)
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
