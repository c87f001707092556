//! A login ends before its time: here and wherever a store tells it, and at the provider, which then confirms its user to no replica.
//!
//! Talks to the store and to the provider, which is told by an errand: whoever asked waits for it within bounds, and is answered the
//! same whatever it says (RFC 7009 §2.2). It is told of each login once (`ledger`), and within bounds (`endings`). Meets O07, O12, O15,
//! O30.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::AuthorizationServer;
use super::endings::WAIT;
use super::ledger::Away;
use super::redeem::lifetime;
use super::refresh::held;
use super::token::refresh_token_of;
use super::values::Grant;

/// How long somebody waits for the provider. It is told all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// An error says that other replicas may not know of it yet: here it is over already.
pub(super) async fn here(server: &AuthorizationServer, family: &str) -> Result<(), Away> {
    server.ledger.revoke(family, lifetime(server)).await
}

/// Takes back what the provider gave for this login.
pub(super) async fn at_provider(server: &Arc<AuthorizationServer>, grant: Grant) {
    // A client may end one login any number of times, and each time the provider would be asked with our secret.
    if grant.upstream.refresh.is_some() && is_news(server, &grant) {
        let _ = timeout(PATIENCE, server.errands.run(tell(server.clone(), grant))).await;
    }
}

async fn tell(server: Arc<AuthorizationServer>, grant: Grant) {
    // What nobody is told of is nothing of anybody's share.
    if !server.upstream.takes_back(&grant.upstream).await {
        return;
    }
    if !server.endings.allows(&grant) {
        server.ledger.was_not_told(&grant.family, grant.generation);
        return;
    }
    let ready = async {
        // An exchange that is under way brings the provider's next token: that one is to end. No other begins, for it is over here.
        let turn = server.ledger.hold(&grant.family).await;
        let successor = successor(&server, &grant);
        drop(turn);
        Some((successor, server.endings.place().await?))
    };
    let Ok(Some((successor, _place))) = timeout(WAIT, ready).await else {
        server.ledger.was_not_told(&grant.family, grant.generation);
        server.endings.left_out(&grant.client, "the provider is slow, and others wait for it");
        return;
    };
    // Whoever showed the successor meanwhile has told of it.
    if successor.as_ref().is_some_and(|successor| !is_news(&server, successor)) {
        return;
    }
    let held = held(&server, successor.as_ref().unwrap_or(&grant));
    if let Err(error) = server.upstream.revoke(&held).await {
        // The client may try again.
        server.ledger.was_not_told(&grant.family, grant.generation);
        tracing::warn!(reason = %error, "a login is over here, and not at the provider");
    }
}

/// Whether the provider was not told of this login, and is not being told. A newer token than the one before is told of: where
/// another replica exchanged that one, the provider may not have known it any more.
fn is_news(server: &AuthorizationServer, grant: &Grant) -> bool {
    server.ledger.tells(&grant.family, grant.generation, lifetime(server))
}

/// The newest grant that this replica knows, if it is not the one that was shown: a provider that rotates may not know the tokens
/// before its newest any more.
fn successor(server: &AuthorizationServer, shown: &Grant) -> Option<Grant> {
    let token = refresh_token_of(&server.ledger.answered(&shown.family)?)?;
    let newest: Grant = server.sealer.open(&token).ok()?;
    (newest.generation > shown.generation).then_some(newest)
}
