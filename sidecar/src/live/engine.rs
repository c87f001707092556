//! Everything that one policy needs at request time, made once when the policy arrives.
//!
//! Pure, apart from the provider that it is handed.

use std::sync::Arc;

use bytes::Bytes;
use crds::Policy;

use crate::bearer::Verifier;
use crate::clock::Clock;
use crate::discovery::{self, Challenge};
use crate::fetch::{FetchError, Fetcher};
use crate::origin::Origins;
use crate::provider::{Provider, ProviderStatus};
use crate::route::Routes;

/// A policy, ready to be enforced.
#[derive(Debug)]
pub struct Engine {
    policy: Policy,
    verifier: Verifier,
    provider: Option<Arc<Provider>>,
    pub(crate) routes: Routes,
    pub(crate) origins: Origins,
    pub(crate) challenge: Challenge,
    pub(crate) protected_resource: Bytes,
}

impl Engine {
    pub fn new(policy: Policy, provider: Option<Arc<Provider>>) -> Self {
        Self {
            verifier: Verifier::new(&policy, provider.clone()),
            routes: Routes::new(&policy),
            origins: Origins::new(&policy),
            challenge: Challenge::new(&policy),
            protected_resource: discovery::protected_resource(&policy),
            provider,
            policy,
        }
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

    /// How the provider's keys are; `None` where shared secrets are all that is needed.
    pub fn keys(&self) -> Option<ProviderStatus> {
        self.provider.as_ref().map(|provider| provider.status())
    }
}

/// The provider of a policy that trusts one.
pub(super) fn provider(policy: &Policy, clock: &Clock) -> Result<Option<Arc<Provider>>, FetchError> {
    let Some(oidc) = &policy.trust.oidc else { return Ok(None) };
    let fetcher = Fetcher::new(oidc.ca_bundle.as_deref())?;
    Ok(Some(Provider::new(oidc, fetcher, clock.clone())))
}
