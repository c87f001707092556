//! The provider, to which we are one client among others: it says who the user is, and nothing more.
//!
//! Talks to the provider, through `fetch`. Our own PKCE, state and nonce; none of the client's scopes, and never its `resource` (I1,
//! identity-providers §5a.2). In what providers differ is one choice, made once (`Way`): OpenID Connect, with a document, keys and ID
//! tokens (`openid`), or GitHub, which has none of these (`github`). Meets A22, I8, O09, O11, O26, O28, D18.

mod answer;
mod endpoints;
mod github;
pub mod identity;
mod openid;
mod party;

use std::sync::Arc;

use crds::Secret;
use crds::policy::ClaimRules;
use crds::proxy::{CALLBACK, Login};

use super::form::Form;
use super::values::{self, Digest16, Person};
use crate::clock::Clock;
use crate::fetch::Fetcher;
use crate::provider::Provider;
use endpoints::Endpoints;
use github::GitHub;
use openid::OpenId;
use party::Party;

/// One provider, and who we are there.
#[derive(Debug)]
pub struct Upstream {
    party: Party,
    way: Way,
}

/// How a provider says who somebody is.
#[derive(Debug)]
enum Way {
    OpenId(OpenId),
    GitHub(GitHub),
}

/// What the provider is reached with.
#[derive(Debug)]
pub struct Reach {
    /// Kept fresh by whoever made it. Absent for a provider without a document and keys (`Provider::has_id_tokens`).
    pub provider: Option<Arc<Provider>>,
    pub fetcher: Fetcher,
    pub clock: Clock,
}

/// Why nobody came in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error("the provider refused the user, or the user refused")]
    Denied,
    #[error("the user lacks a claim that the policy requires")]
    NotAllowed,
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    #[error("the provider answered with an error: {0}")]
    Provider(String),
    #[error("the provider's answer cannot be believed: {0}")]
    Untrusted(&'static str),
}

/// Why a user was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    #[error("the provider does not let the user in any more")]
    Gone,
    #[error("the provider cannot be asked: {0}")]
    Unreachable(String),
    /// It has given new tokens, and what it says of the user cannot be verified now. It may have taken its old token back.
    #[error("the provider's answer cannot be used: {why}")]
    Unverified { token: Secret<String>, why: String },
}

impl RefreshError {
    /// The user was not confirmed, and there may be a token that must not be lost.
    fn unverified(token: Option<&String>, why: String) -> Self {
        match token {
            Some(token) => Self::Unverified { token: Secret::new(token.clone()), why },
            None => Self::Unreachable(why),
        }
    }
}

/// The provider did not take a token back.
#[derive(Debug, thiserror::Error)]
#[error("the provider did not take its token back: {0}")]
pub struct NotRevoked(String);

/// The provider's endpoints are not known: its document was never fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its discovery document is not at hand")]
pub struct NotDiscovered;

impl Upstream {
    /// `login` says where and as whom; people come back under `issuer`, which is ours.
    pub fn new(login: Login, issuer: &str, rules: ClaimRules, reach: Reach) -> Self {
        let Reach { provider, fetcher, clock } = reach;
        let way = match provider {
            Some(provider) => Way::OpenId(OpenId::new(provider)),
            None => Way::GitHub(GitHub::at(&login.issuer)),
        };
        Self { party: Party { login, callback: format!("{issuer}{CALLBACK}"), rules, fetcher, clock }, way }
    }

    /// As people know it.
    pub fn name(&self) -> &str {
        let login = &self.party.login;
        login.provider.title().unwrap_or_else(|| host(login.issuer.as_str()))
    }

    /// Which one it is, as logins and grants remember it (O28).
    pub fn id(&self) -> Digest16 {
        self.party.provider()
    }

    /// Where the browser is sent (OpenID Connect Core §3.1.2.1).
    pub async fn login_url(
        &self,
        state: &str,
        nonce: &str,
        challenge: &str,
    ) -> Result<String, NotDiscovered> {
        let nonce = match &self.way {
            Way::OpenId(_) => Some(nonce),
            Way::GitHub(_) => None,
        };
        Ok(self.party.authorization_url(&self.endpoints().await?, state, nonce, challenge))
    }

    /// What the provider sent the browser back with, up to who it is.
    pub async fn complete(
        &self,
        form: &Form,
        nonce: &str,
        verifier: &str,
    ) -> Result<(Person, values::Upstream), LoginError> {
        let endpoints = self.endpoints().await.map_err(|error| LoginError::Unreachable(error.to_string()))?;
        let tokens = self.party.exchange(&endpoints, form, verifier).await?;
        match &self.way {
            Way::OpenId(openid) => openid.identify(&self.party, tokens, nonce).await,
            Way::GitHub(github) => github.identify(&self.party, tokens).await,
        }
    }

    /// Is this user still let in? Our own refresh succeeds only after this one (A22).
    pub async fn confirm(
        &self,
        held: &values::Upstream,
        person: &Person,
    ) -> Result<values::Upstream, RefreshError> {
        if held.provider != self.id() {
            return Err(RefreshError::Gone);
        }
        let endpoints =
            self.endpoints().await.map_err(|error| RefreshError::Unreachable(error.to_string()))?;
        match &self.way {
            Way::OpenId(openid) => openid.confirm(&self.party, &endpoints, held, person).await,
            Way::GitHub(github) => github.confirm(&self.party, &endpoints, held, person).await,
        }
    }

    /// Whether it has a place for that. Where nobody knows, `revoke` says why.
    pub async fn takes_back(&self, held: &values::Upstream) -> bool {
        held.refresh.is_some()
            && held.provider == self.id()
            && !self.endpoints().await.is_ok_and(|endpoints| endpoints.revocation.is_none())
    }

    /// Ends a login at the provider, where it has a place for that (RFC 7009).
    pub async fn revoke(&self, held: &values::Upstream) -> Result<(), NotRevoked> {
        let Some(token) = held.refresh.as_deref().filter(|_| held.provider == self.id()) else {
            return Ok(());
        };
        let endpoints = self.endpoints().await.map_err(|error| NotRevoked(error.to_string()))?;
        match &endpoints.revocation {
            Some(url) => self.party.revoke(&endpoints, url, token).await.map_err(NotRevoked),
            None => Ok(()),
        }
    }

    async fn endpoints(&self) -> Result<Endpoints, NotDiscovered> {
        match &self.way {
            Way::OpenId(openid) => openid.endpoints(&self.party.login).await,
            Way::GitHub(github) => Ok(github.endpoints(&self.party.login)),
        }
    }
}

pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}
