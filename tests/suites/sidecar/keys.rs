//! Where keys come from (J17–J19): floods of unknown keys, a provider that fails in every way, key sets that nobody should use.
//!
//! In process, against identity providers on loopback that count what they are asked.

mod faults;
mod floods;
mod seen;
mod sets;
mod trust;

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use sidecar::bearer::Verifier;
use sidecar::clock::{Hands, UnixTime};
use sidecar::provider::Provider;

use crate::world::idp::Idp;
use crate::world::tokens::Draft;
use crate::world::{self, NOW};

/// A provider on loopback, and a verifier that trusts it on a clock that is moved by hand.
struct Scene {
    idp: Idp,
    verifier: Verifier,
    provider: Arc<Provider>,
    hands: Hands,
}

impl Scene {
    async fn with_keys(keys: &serde_json::Value) -> Self {
        let idp = Idp::start(keys).await;
        let (clock, hands) = world::clock();
        let (verifier, provider) = world::verifier(&world::oidc_policy(&idp.issuer()), &clock);
        let provider = provider.expect("the policy trusts an issuer");
        Self { idp, verifier, provider, hands }
    }

    fn draft(&self) -> Draft {
        Draft::oidc(&self.idp.issuer())
    }

    /// "accepted", or the code of the refusal. Tokens do not age here: only the keys do.
    async fn word(&self, token: &str) -> &'static str {
        self.word_at(token, NOW).await
    }

    async fn word_at(&self, token: &str, now: u64) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().expect("a token is a header value"));
        let permit = self.verifier.permit(&headers, None, UnixTime(now)).await;
        permit.map_or_else(|refusal| refusal.code(), |_| "accepted")
    }
}
