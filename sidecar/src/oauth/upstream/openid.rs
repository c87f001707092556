//! A provider that speaks OpenID Connect: its document says where to ask, and its ID token who the user is.
//!
//! Talks to the provider, through `fetch` and `provider`. What it answers is believed when its ID token is verified whole. Meets A22,
//! O09, O11.

use std::sync::Arc;
use std::time::Duration;

use crds::proxy::Login;

use super::answer::{Refused, Tokens};
use super::endpoints::Endpoints;
use super::identity::{self, Expected, IdentityError};
use super::party::Party;
use super::{LoginError, NotDiscovered, RefreshError};
use crate::oauth::values::{self, Person};
use crate::provider::Provider;

/// Where such a provider gives nothing to ask again with, a login is good for a working day ("Disabled users").
const UNASKED: Duration = Duration::from_hours(8);
/// What a provider says of a user, and not of itself: without the person in front of it, it will say nothing else. The last four
/// (OpenID Connect Core §3.1.2.6) are what Entra says where a rule asks for more than a token.
const VERDICTS: [&str; 6] = [
    "invalid_grant",
    "access_denied",
    "interaction_required",
    "login_required",
    "consent_required",
    "account_selection_required",
];

#[derive(Debug)]
pub(super) struct OpenId {
    provider: Arc<Provider>,
}

impl OpenId {
    pub(super) fn new(provider: Arc<Provider>) -> Self {
        Self { provider }
    }

    /// A person who comes right after a start waits for the document that is on its way.
    pub(super) async fn endpoints(&self, login: &Login) -> Result<Endpoints, NotDiscovered> {
        let known = Endpoints::discovered(login, self.provider.document().as_deref());
        if known.is_ok() {
            return known;
        }
        self.provider.refresh_if_due().await;
        Endpoints::discovered(login, self.provider.document().as_deref())
    }

    pub(super) async fn identify(
        &self,
        party: &Party,
        tokens: Tokens,
        nonce: &str,
    ) -> Result<(Person, values::Upstream), LoginError> {
        let id_token = tokens.id_token.as_deref().ok_or(LoginError::Untrusted("it gave no ID token"))?;
        let person = self.person(party, id_token, Some(nonce)).await?;
        Ok((person, held(party, tokens.refresh_token)))
    }

    pub(super) async fn confirm(
        &self,
        party: &Party,
        endpoints: &Endpoints,
        held: &values::Upstream,
        person: &Person,
    ) -> Result<values::Upstream, RefreshError> {
        let Some(token) = &held.refresh else {
            let since = Duration::from_secs(party.clock.unix().0.saturating_sub(held.asked.0));
            return if since < UNASKED { Ok(held.clone()) } else { Err(RefreshError::Gone) };
        };
        let tokens = party.refresh(endpoints, token).await.map_err(|refused| match refused {
            Refused::Error(code) if VERDICTS.contains(&code.as_str()) => RefreshError::Gone,
            Refused::Error(why) | Refused::Unreachable(why) => RefreshError::Unreachable(why),
        })?;
        if let Some(id_token) = &tokens.id_token {
            // OpenID Connect Core §12.2: the same issuer, audience and subject; no nonce is asked for.
            match self.person(party, id_token, None).await {
                Ok(again) if again.subject == person.subject => {}
                Ok(_) | Err(LoginError::NotAllowed) => return Err(RefreshError::Gone),
                Err(error) => {
                    return Err(RefreshError::unverified(tokens.refresh_token.as_ref(), error.to_string()));
                }
            }
        }
        // RFC 6749 §6: without a new one, the old one stays.
        Ok(self::held(party, tokens.refresh_token.or_else(|| Some(token.to_owned()))))
    }

    async fn person(&self, party: &Party, id_token: &str, nonce: Option<&str>) -> Result<Person, LoginError> {
        let (issuer, now) = (party.login.issuer.as_str(), party.clock.unix());
        let expected = Expected { issuer, client_id: party.login.client_id.as_str(), nonce, now };
        let claims = identity::verify(id_token, &expected, &self.provider).await;
        let claims = claims.map_err(|error| match error {
            IdentityError::KeysUnavailable => LoginError::Unreachable(error.to_string()),
            IdentityError::Wrong(why) => LoginError::Untrusted(why),
        })?;
        // Who may log in at all is the policy's to say, here and not at each request: `hd` is checked by nobody else.
        if !identity::meets(&claims, &party.rules) {
            return Err(LoginError::NotAllowed);
        }
        identity::person(&claims, issuer, &party.rules.user, now)
            .ok_or(LoginError::Untrusted("its ID token names no usable subject"))
    }
}

fn held(party: &Party, refresh: Option<String>) -> values::Upstream {
    values::Upstream { provider: party.provider(), refresh, access: None, asked: party.clock.unix() }
}
