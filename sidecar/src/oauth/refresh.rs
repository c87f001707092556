//! A refresh token becomes the next one, and the person is asked for again at the provider.
//!
//! Opens seal(grant). Each one is good once; clients do send one twice, so the one just before the newest gets the same answer
//! again for two minutes, and any older one ends its family (A13, D11, O12). A user whom the provider does not know any more is
//! out with the next refresh (A22). Meets A13, A22, D11, O08, O12, O30.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crds::proxy::KeyId;
use http::Response;

use super::clients::Client;
use super::error::{Code, OAuthError};
use super::form::Form;
use super::ledger::{EXCHANGE, OVERLAP, Shown, Turn};
use super::redeem::lifetime;
use super::scopes::narrowed;
use super::token::{Issued, again_for, given, issue};
use super::upstream::RefreshError;
use super::values::{ClientKey, Grant, Upstream};
use super::{AuthorizationServer, end};

const NOT_GOOD: OAuthError = OAuthError::new(
    Code::InvalidGrant,
    "the refresh token is over, was used before, or is another client's: log in again",
);
const GONE: OAuthError = OAuthError::new(
    Code::InvalidGrant,
    "the identity provider does not let this user in any more: log in again",
);
const LATER: OAuthError = OAuthError::new(
    Code::TemporarilyUnavailable,
    "the identity provider cannot be reached at the moment; try again",
);

pub(super) async fn answer(
    server: &Arc<AuthorizationServer>,
    form: &Form,
    client: &Client,
) -> Result<Response<Bytes>, OAuthError> {
    let token = form.get("refresh_token");
    let token = token.ok_or(OAuthError::new(Code::InvalidRequest, "refresh_token is missing"))?;
    let grant = grant(server, token, client)?;
    let key = server.sealer.key_of(token).map_err(|_| NOT_GOOD)?;
    let scopes = narrowed(form.get("scope"), &grant.scopes, &server.policy.required_scopes)
        .ok_or(OAuthError::new(Code::InvalidScope, "a refresh cannot widen the scope: log in again"))?;
    let family = grant.family.clone();
    let shown = Shown { family: &family, generation: grant.generation, token, key };
    // One at a time per family: the second of two at once finds what the first one got.
    let turn = server.ledger.hold(&family).await;
    match server.ledger.turn(&shown).await? {
        Turn::Same(answer) => {
            let issued =
                Issued { client: &client.key, person: &grant.person, scopes: &scopes, grant: &grant };
            Ok(given(again_for(server, &issued, &answer)?))
        }
        Turn::Over => Err(NOT_GOOD),
        Turn::Reused => {
            tracing::warn!(client = client.key.as_str(), "a refresh token was used twice: its login is over");
            over(server, &family).await;
            drop(turn);
            end::at_provider(server, grant).await;
            Err(NOT_GOOD)
        }
        Turn::Exchange => {
            let errand = Errand {
                server: server.clone(),
                client: client.key.clone(),
                token: token.to_owned(),
                key: key.clone(),
                grant,
                scopes,
            };
            // A provider may have taken its token by the time that the client hangs up: the next one must not be lost (D11).
            let exchanged = server.errands.run(async move {
                let answer = errand.run().await;
                drop(turn);
                answer
            });
            exchanged.await.unwrap_or(Err(LATER)).map(|answer| given(answer.to_string()))
        }
    }
}

/// An exchange, with all that it needs when nobody waits for it any more.
struct Errand {
    server: Arc<AuthorizationServer>,
    client: ClientKey,
    token: String,
    key: KeyId,
    grant: Grant,
    scopes: Vec<String>,
}

impl Errand {
    async fn run(self) -> Result<Arc<str>, OAuthError> {
        let Self { server, client, token, key, grant, scopes } = self;
        let family = grant.family.clone();
        let shown = Shown { family: &family, generation: grant.generation, token: &token, key: &key };
        let exchanged = exchange(&server, &client, grant, &scopes).await;
        match &exchanged {
            Ok(answer) => server.ledger.turned(&shown, answer.clone(), lifetime(&server)).await,
            Err(error) if *error == GONE => over(&server, &family).await,
            Err(_) => server.ledger.not_turned(&shown).await,
        }
        exchanged
    }
}

fn grant(server: &AuthorizationServer, token: &str, client: &Client) -> Result<Grant, OAuthError> {
    let grant: Grant = server.sealer.open(token).map_err(|_| NOT_GOOD)?;
    let is_good = server.clock.unix() < grant.ends && grant.client == client.key;
    if is_good { Ok(grant) } else { Err(NOT_GOOD) }
}

async fn exchange(
    server: &AuthorizationServer,
    client: &ClientKey,
    grant: Grant,
    scopes: &[String],
) -> Result<Arc<str>, OAuthError> {
    let asked = tokio::time::timeout(EXCHANGE, again(server, &grant)).await;
    let upstream = match asked {
        Ok(Ok(upstream)) => upstream,
        Ok(Err(RefreshError::Gone)) => return Err(GONE),
        Ok(Err(RefreshError::Unreachable(why))) => {
            tracing::warn!(reason = why, "the provider cannot be asked about a user");
            return Err(LATER);
        }
        Ok(Err(RefreshError::Unverified { token, why })) => {
            tracing::warn!(reason = why, "the provider's answer about a user cannot be used");
            // A provider that rotates its tokens takes the old one, sent again, for theft.
            server.ledger.keep(&grant.family, grant.generation, token);
            return Err(LATER);
        }
        Err(_) => {
            tracing::warn!("the provider does not answer about a user");
            return Err(LATER);
        }
    };
    let next = Grant { generation: grant.generation.saturating_add(1), upstream, ..grant };
    let issued = Issued { client, person: &next.person, scopes, grant: &next };
    Ok(issue(server, &issued)?.into())
}

/// Where the others cannot be told now, they are later: the answer is the same.
async fn over(server: &AuthorizationServer, family: &str) {
    let _ = end::here(server, family).await;
}

/// What we hold of the provider's for a grant: its newest token, where an exchange could not be ended.
pub(super) fn held(server: &AuthorizationServer, grant: &Grant) -> Upstream {
    let kept = server.ledger.kept(&grant.family, grant.generation);
    let newer = kept.map(|token| token.expose().clone());
    Upstream { refresh: newer.or(grant.upstream.refresh.clone()), ..grant.upstream.clone() }
}

/// Asks the provider whether the person may still come in. Not within the overlap: a provider that rotates its tokens would
/// take an honest client's second refresh, on another replica, for theft.
async fn again(server: &AuthorizationServer, grant: &Grant) -> Result<Upstream, RefreshError> {
    // A clock that was wrong when it asked does not put off the next time.
    let since = Duration::from_secs(server.clock.unix().0.abs_diff(grant.upstream.asked.0));
    let held = held(server, grant);
    if since < OVERLAP && held.provider == server.upstream.id() {
        return Ok(held);
    }
    server.upstream.confirm(&held, &grant.person).await
}
