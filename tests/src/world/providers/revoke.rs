//! The revocation endpoint (RFC 7009): what ends with a refresh token that is taken back.
//!
//! Pure, apart from what the provider forgets.

use serde_json::json;

use super::shared::Shared;
use super::token::{authenticate, failed};
use super::wire::{Answer, Request};

pub(super) fn answer(shared: &Shared, request: &Request) -> Answer {
    if let Err(failure) = authenticate(shared, request) {
        return failed(shared, request, &failure);
    }
    let mut state = shared.state();
    // RFC 7009 §2.2: 200 for a token that is none, too.
    if let Some(token) = request.parameter("token") {
        state.grants.revoke(token, shared.quirks.revocation);
    }
    Answer::json(200, &json!({}))
}
