//! A login ends before its time: here and wherever a store tells it, and at the provider, which then confirms its user to no replica.
//!
//! Talks to the store and to the provider, which is told by an errand: whoever asked waits for it within bounds, and is answered the
//! same whatever it says (RFC 7009 §2.2). Meets O07, O12, O30.

use std::sync::Arc;
use std::time::Duration;

use super::AuthorizationServer;
use super::ledger::Away;
use super::redeem::lifetime;
use super::refresh::held;
use super::token::refresh_token_of;
use super::values::{self, Grant};

/// How long somebody waits for the provider. It is told all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// An error says that other replicas may not know of it yet: here it is over already.
pub(super) async fn here(server: &AuthorizationServer, family: &str) -> Result<(), Away> {
    server.ledger.revoke(family, lifetime(server)).await
}

/// Takes back what the provider gave for this login.
pub(super) async fn at_provider(server: &Arc<AuthorizationServer>, grant: Grant) {
    if grant.upstream.refresh.is_none() {
        return;
    }
    // A client may end one login any number of times, and each time the provider is asked with our secret.
    if !server.endings.allows() {
        tracing::warn!("too many logins are ended at a time: the provider is not told of one");
        return;
    }
    let errand = tell(server.clone(), grant);
    let _ = tokio::time::timeout(PATIENCE, server.errands.run(errand)).await;
}

async fn tell(server: Arc<AuthorizationServer>, grant: Grant) {
    // An exchange that is under way brings the provider's next token: that one is to end. No other begins, for it is over here.
    let turn = server.ledger.hold(&grant.family).await;
    let held = newest(&server, grant);
    drop(turn);
    if let Err(error) = server.upstream.revoke(&held).await {
        tracing::warn!(reason = %error, "a login is over here, and not at the provider");
    }
}

/// The newest of the provider's tokens that this replica knows: one that rotates may not know those before it any more.
fn newest(server: &AuthorizationServer, shown: Grant) -> values::Upstream {
    let answer = server.ledger.answered(&shown.family);
    let successor = answer.and_then(|answer| {
        let token = refresh_token_of(&answer)?;
        server.sealer.open::<Grant>(&token).ok()
    });
    let newest = successor.filter(|successor| successor.generation > shown.generation);
    held(server, &newest.unwrap_or(shown))
}
