//! A code becomes tokens, once.
//!
//! Opens seal(code). Every binding is checked before the code counts as used: whoever holds a copy without the verifier can
//! neither use it nor spoil it. A second redemption ends everything that the first one gave (RFC 6749 §4.1.2). Meets A5, A16, O06–O08.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crds::proxy::KeyId;
use http::Response;

use super::clients::Client;
use super::error::{Code, OAuthError};
use super::form::Form;
use super::ledger::{Fact, Once};
use super::token::{Issued, given, issue};
use super::values::{self, Grant};
use super::{AuthorizationServer, end, pkce};
use crate::clock::UnixTime;

const NOT_GOOD: OAuthError = OAuthError::new(
    Code::InvalidGrant,
    "the code is over, was used before, or is not for this client, redirect_uri or code_verifier: log in again",
);

pub(super) async fn answer(
    server: &Arc<AuthorizationServer>,
    form: &Form,
    client: &Client,
) -> Result<Response<Bytes>, OAuthError> {
    let (code, key) = code(server, form, client)?;
    // O30: its tokens would be refused here, and taken by a replica that does not know yet.
    if server.ledger.is_revoked(&code.family) {
        return Err(NOT_GOOD);
    }
    let ends = code.ends;
    let grant = grant(server, code);
    let fact = Fact { kind: "code", id: &grant.family, key: Some(key), whose: None };
    match server.ledger.once(fact, ends).await? {
        Once::First => {}
        Once::Again => {
            tracing::warn!(client = client.key.as_str(), "a code was used twice: its login is over");
            // Where the others cannot be told now, they are later: the answer is the same.
            let _ = end::here(server, &grant.family).await;
            end::at_provider(server, grant).await;
            return Err(NOT_GOOD);
        }
        Once::Full => {
            return Err(OAuthError::new(
                Code::TemporarilyUnavailable,
                "too many logins at a time; try again",
            ));
        }
    }
    let issued = Issued { client: &client.key, person: &grant.person, scopes: &grant.scopes, grant: &grant };
    Ok(given(issue(server, &issued)?))
}

/// What a code is good for.
fn grant(server: &AuthorizationServer, code: values::Code) -> Grant {
    Grant {
        client: code.wish.client,
        scopes: code.wish.scopes,
        person: code.person,
        upstream: code.upstream,
        family: code.family,
        generation: 0,
        ends: UnixTime(server.clock.unix().0 + u64::from(server.proxy.lifetimes.refresh)),
    }
}

/// The code, if all that it is bound to is there (O08), and the key that sealed it.
fn code<'a>(
    server: &'a AuthorizationServer,
    form: &Form,
    client: &Client,
) -> Result<(values::Code, &'a KeyId), OAuthError> {
    let missing = |what: &'static str| OAuthError::new(Code::InvalidRequest, what);
    let sealed = form.get("code").ok_or(missing("code is missing"))?;
    // OAuth 2.1 §4.1.3 has it no more, for the verifier binds the code; where a client sends it, as RFC 6749 asks, it counts.
    let redirect_uri = form.get("redirect_uri");
    let verifier = form.get("code_verifier").ok_or(missing("code_verifier is missing"))?;
    let code: values::Code = server.sealer.open(sealed).map_err(|_| NOT_GOOD)?;
    let key = server.sealer.key_of(sealed).map_err(|_| NOT_GOOD)?;
    // O07: also where another replica made it. Clocks that are half a minute apart leave half a minute.
    let is_good = server.clock.unix() < code.ends
        && code.wish.client == client.key
        && redirect_uri.is_none_or(|redirect_uri| code.wish.redirect_uri == redirect_uri)
        && code.upstream.provider == server.upstream.id()
        && pkce::proves(verifier, &code.wish.challenge);
    if is_good { Ok((code, key)) } else { Err(NOT_GOOD) }
}

/// How long anything of a family can be shown.
pub(super) fn lifetime(server: &AuthorizationServer) -> Duration {
    Duration::from_secs(u64::from(server.proxy.lifetimes.refresh.max(server.proxy.lifetimes.access)))
}
