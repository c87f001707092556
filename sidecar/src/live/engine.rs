//! Everything that one policy needs at request time, made once when the policy arrives.
//!
//! Pure, apart from the provider that it is handed.

use std::sync::Arc;

use bytes::Bytes;
use crds::Policy;
use crds::policy::OidcTrust;
use crds::proxy::{Login, Proxy, SealKey, issuer};

use crate::bearer::Verifier;
use crate::clock::Clock;
use crate::discovery::{self, Challenge};
use crate::fetch::guard::Guard;
use crate::fetch::resolve::SystemLookup;
use crate::fetch::{DocumentFetcher, FetchError, Fetcher};
use crate::oauth::clients::Clients;
use crate::oauth::clients::document::Documents;
use crate::oauth::clients::fixed::{FixedClients, FixedError};
use crate::oauth::errands::Errands;
use crate::oauth::ledger::{Ledger, Memory};
use crate::oauth::upstream::{Reach, Upstream, host};
use crate::oauth::{AuthorizationServer, Means, SetupError};
use crate::origin::Origins;
use crate::page::{Connect, Page, SignIn};
use crate::provider::{Provider, ProviderStatus};
use crate::random::{NoRandom, Random};
use crate::route::Routes;
use crate::store::{Names, Store};

/// A policy, ready to be enforced.
#[derive(Debug)]
pub struct Engine {
    policy: Policy,
    verifier: Verifier,
    provider: Option<Arc<Provider>>,
    store: Option<Arc<Store>>,
    authorization_server: Option<Arc<AuthorizationServer>>,
    pub(crate) routes: Routes,
    pub(crate) origins: Origins,
    pub(crate) challenge: Challenge,
    pub(crate) protected_resource: Bytes,
    pub(crate) connect: Page,
}

/// What a policy is enforced with beside itself: each lives on through edits that do not concern it.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    pub provider: Option<Arc<Provider>>,
    pub store: Option<Arc<Store>>,
    pub errands: Arc<Errands>,
}

/// Why a policy cannot be enforced.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Client(#[from] FixedError),
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl Engine {
    pub fn new(
        policy: Policy,
        outside: Outside,
        memory: &Arc<Memory>,
        clock: &Clock,
    ) -> Result<Self, EngineError> {
        let authorization_server = match &policy.proxy {
            Some(proxy) => {
                let means = means(&policy, proxy, outside.clone(), memory, clock)?;
                Some(Arc::new(AuthorizationServer::new(policy.clone(), (**proxy).clone(), means)?))
            }
            None => None,
        };
        let Outside { provider, store, .. } = outside;
        let verifier = match &authorization_server {
            Some(server) => Verifier::of_own(&policy, server.clone()),
            None => Verifier::new(&policy, provider.clone()),
        };
        Ok(Self {
            verifier,
            routes: Routes::new(&policy),
            origins: Origins::new(&policy),
            challenge: Challenge::new(&policy),
            protected_resource: discovery::protected_resource(&policy),
            connect: connect(&policy, authorization_server.as_deref()),
            authorization_server,
            provider,
            store,
            policy,
        })
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    pub(crate) fn provider(&self) -> Option<&Arc<Provider>> {
        self.provider.as_ref()
    }

    pub(super) fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    pub(crate) fn authorization_server(&self) -> Option<&Arc<AuthorizationServer>> {
        self.authorization_server.as_ref()
    }

    /// How the provider's keys are; `None` where tokens can be checked without them.
    pub fn keys(&self) -> Option<ProviderStatus> {
        // In proxy mode the keys are for logins: tokens that are out are checked with our own.
        let needed = self.provider.as_ref().filter(|_| self.authorization_server.is_none());
        needed.map(|provider| provider.status())
    }
}

fn connect(policy: &Policy, server: Option<&AuthorizationServer>) -> Page {
    let sign_in = match (server, &policy.trust.oidc) {
        (Some(server), _) => SignIn::With(server.upstream.name()),
        (None, Some(trust)) => SignIn::With(host(trust.issuer.as_str())),
        (None, None) => SignIn::ByToken,
    };
    Connect { server: &policy.resource, sign_in }.page()
}

/// The provider that a policy asks for keys, if it does: for access tokens, or for logins.
pub(super) fn trust(policy: &Policy) -> Option<OidcTrust> {
    let of_login = |login: &Login| OidcTrust {
        issuer: login.issuer.clone(),
        jwks: login.endpoints.jwks.clone(),
        ca_bundle: login.ca_bundle.clone(),
    };
    let login = policy.proxy.as_ref().map(|proxy| &proxy.login);
    let login = login.filter(|login| login.provider.has_id_tokens());
    policy.trust.oidc.clone().or_else(|| login.map(of_login))
}

pub(super) fn provider(policy: &Policy, clock: &Clock) -> Result<Option<Arc<Provider>>, FetchError> {
    let Some(trust) = trust(policy) else { return Ok(None) };
    let fetcher = Fetcher::new(trust.ca_bundle.as_deref())?;
    Ok(Some(Provider::new(&trust, fetcher, clock.clone())))
}

/// The store of a policy, and the keys that things have their names in it by.
pub(super) fn shared(policy: &Policy) -> Option<(&crds::proxy::Store, &[SealKey])> {
    let proxy = policy.proxy.as_ref()?;
    proxy.store.as_ref().map(|store| (store, &proxy.keys.seal[..]))
}

pub(super) fn store(policy: &Policy) -> Result<Option<Arc<Store>>, EngineError> {
    let Some((store, keys)) = shared(policy) else { return Ok(None) };
    let random = Random::system();
    let store = Store::new(store.clone(), Names::new(keys, random), random.id()?)?;
    Ok(Some(Arc::new(store)))
}

fn means(
    policy: &Policy,
    proxy: &Proxy,
    Outside { provider, store, errands }: Outside,
    memory: &Arc<Memory>,
    clock: &Clock,
) -> Result<Means, EngineError> {
    let login = proxy.login.clone();
    let fetcher = Fetcher::new(login.ca_bundle.as_deref())?;
    let issuer = issuer(&policy.resource, &proxy.redirects);
    let documents = if proxy.clients.are_fetched() {
        let guard = Guard::new(proxy.allow_networks.clone());
        let fetcher =
            DocumentFetcher::new(login.ca_bundle.as_deref(), guard, Arc::new(SystemLookup::default()))?;
        Some(Documents::new(fetcher, clock.clone()))
    } else {
        None
    };
    Ok(Means {
        clients: Clients::new(FixedClients::new(&proxy.clients.fixed)?, documents),
        upstream: Upstream::new(
            login,
            &issuer,
            policy.claims.clone(),
            Reach { provider, fetcher, clock: clock.clone() },
        ),
        ledger: Ledger::new(memory.clone(), store),
        errands,
        clock: clock.clone(),
        random: Random::system(),
    })
}
