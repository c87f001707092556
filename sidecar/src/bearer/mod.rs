//! Who is calling. The only maker of `Permit`, which `forward` asks for: no permit, no request to the MCP server.
//!
//! Asks the provider for keys, through `provider`; otherwise pure. The steps, in this order: one credential, three parts,
//! the header, a key of ours, the signature; only then the claims, so that nobody learns from an answer what a token must
//! say. Meets R4, R9–R13, R16, J01–J16, J20, J22, promise 1.

mod caller;
pub(crate) mod claims;
mod credential;
mod kind;
mod refusal;
mod scope;
mod seen;
pub(crate) mod times;

use std::sync::Arc;

use crds::Policy;
use crds::names::{Audience, Scope};
use crds::policy::ClaimRules;
use http::HeaderMap;

use crate::clock::UnixTime;
use crate::jose::json::Object;
use crate::jose::keyset::LookupError;
use crate::jose::{Compact, Header, Json, Key, Typ, base64url, shown};
use crate::oauth::{AuthorizationServer, mint};
use crate::provider::{KeyError, Provider};

pub use caller::Caller;
pub use refusal::{Malformed, Refusal, Why};
use seen::{Name, Seen, Verdict};

/// Proof that a request carries a valid token for this server. Made here and nowhere else.
#[derive(Debug)]
pub struct Permit {
    caller: Arc<Caller>,
}

/// Checks tokens by one policy.
#[derive(Debug)]
pub struct Verifier {
    signers: Signers,
    audiences: Vec<Audience>,
    rules: ClaimRules,
    required_scopes: Vec<Scope>,
    seen: Seen,
}

/// Whose signatures count. Never both kinds: J02.
#[derive(Debug)]
enum Signers {
    Secrets(Vec<Key>),
    Provider {
        issuer: String,
        provider: Option<Arc<Provider>>,
    },
    /// Our own authorization server, in this process.
    Own(Arc<AuthorizationServer>),
}

impl Permit {
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl Verifier {
    /// A policy in proxy mode: tokens that this sidecar, or another replica of it, has made (O13: no token of the provider's).
    pub fn of_own(policy: &Policy, server: Arc<AuthorizationServer>) -> Self {
        // What the policy says of claims is about the provider's tokens, which were judged at the login.
        Self { signers: Signers::Own(server), rules: mint::rules(), ..Self::new(policy, None) }
    }

    /// A policy that trusts an issuer needs its provider; without one every token is refused with `KeysUnavailable`.
    pub fn new(policy: &Policy, provider: Option<Arc<Provider>>) -> Self {
        let signers = match &policy.trust.oidc {
            Some(oidc) => Signers::Provider { issuer: oidc.issuer.as_str().to_owned(), provider },
            None => Signers::Secrets(policy.trust.hmac.iter().map(Key::hmac).collect()),
        };
        Self {
            signers,
            audiences: policy.trust.audiences.clone(),
            rules: policy.claims.clone(),
            required_scopes: policy.required_scopes.clone(),
            seen: Seen::default(),
        }
    }

    /// `query` is the raw query of the request's target: a token there is no credential (R12).
    pub async fn permit(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        now: UnixTime,
    ) -> Result<Permit, Refusal> {
        let token = credential::from_request(headers, query)?;
        // Asked for before the keys are used: a verdict by keys that change meanwhile does not hold.
        let keys = self.signers.generation();
        let name = Name::of(token);
        let known = keys.and_then(|keys| self.seen.get(&name, keys, now));
        if let Some(known) = known.filter(|verdict| !self.signers.have_ended(verdict)) {
            return Ok(Permit { caller: known.caller });
        }
        let verdict = self.judge(token, now).await?;
        let permit = Permit { caller: verdict.caller.clone() };
        if let Some(keys) = keys {
            self.seen.keep(name, keys, verdict);
        }
        Ok(permit)
    }

    async fn judge(&self, token: &str, now: UnixTime) -> Result<Verdict, Refusal> {
        let compact = Compact::parse(token).map_err(Why::from)?;
        let header = Header::parse(compact.header).map_err(Why::from)?;
        self.check_signature(&compact, &header).await?;
        let claims = payload(&compact)?;
        self.check_claims(&header, &claims, now)?;
        self.check_scopes(&claims)?;
        let caller = Arc::new(caller::from_claims(&claims, &self.rules)?);
        let family = claims.get(mint::FAMILY).and_then(Json::as_text).map(str::to_owned);
        Ok(Verdict { caller, family, found: now })
    }

    async fn check_signature(&self, compact: &Compact<'_>, header: &Header) -> Result<(), Refusal> {
        let verifies = |key: &Key| key.verifies(header.algorithm, compact.signed, compact.signature);
        let valid = match &self.signers {
            Signers::Secrets(keys) if !keys.iter().any(|key| key.permits(header.algorithm)) => {
                return Err(Why::Algorithm.into());
            }
            Signers::Secrets(keys) => keys.iter().any(verifies),
            Signers::Provider { provider: Some(provider), .. } => verifies(&key_of(provider, header).await?),
            Signers::Provider { provider: None, .. } => return Err(Refusal::KeysUnavailable),
            Signers::Own(server) => verifies(server.keys().key(header).map_err(unusable)?),
        };
        if valid { Ok(()) } else { Err(Why::Signature.into()) }
    }

    fn check_claims(&self, header: &Header, claims: &Object, now: UnixTime) -> Result<(), Why> {
        match &self.signers {
            Signers::Provider { issuer, .. } => {
                claims::check_issuer(claims, issuer)?;
                times::check(claims, now)?;
            }
            Signers::Own(server) => {
                claims::check_issuer(claims, server.issuer())?;
                times::check_own(claims, now)?;
                // Ours always say what they are (RFC 9068 §2.1).
                if header.typ != Typ::AccessToken {
                    return Err(Why::Kind);
                }
                check_family(claims, server)?;
            }
            Signers::Secrets(_) => {
                times::require_issued_at(claims)?;
                times::check(claims, now)?;
            }
        }
        claims::check_audience(claims, self.rules.audience.as_str(), &self.audiences)?;
        kind::check(header.typ, claims)?;
        claims::check_required(claims, &self.rules.require)
    }

    fn check_scopes(&self, claims: &Object) -> Result<(), Refusal> {
        let granted = scope::granted(claims, &self.rules.scope)?;
        let missing = self.required_scopes.iter().filter(|scope| !granted.contains(&scope.as_str()));
        let missing: Vec<_> = missing.cloned().collect();
        if missing.is_empty() { Ok(()) } else { Err(Refusal::InsufficientScope { missing }) }
    }
}

impl Signers {
    /// Changes with the keys. Without any, nothing that was found before holds.
    fn generation(&self) -> Option<u64> {
        match self {
            Self::Provider { provider, .. } => provider.as_ref()?.generation(),
            // These keys are the policy's, and another policy has another verifier.
            Self::Secrets(_) | Self::Own(_) => Some(0),
        }
    }

    /// O30: of a verdict that was found before.
    fn have_ended(&self, verdict: &Verdict) -> bool {
        match (self, &verdict.family) {
            (Self::Own(server), Some(family)) => server.is_revoked(family),
            _ => false,
        }
    }
}

async fn key_of(provider: &Provider, header: &Header) -> Result<Key, Refusal> {
    let refused = match provider.key(header).await {
        Ok(key) => return Ok(key),
        Err(refused) => refused,
    };
    if let (KeyError::NoMatch(why), Some(kid)) = (refused, &header.kid) {
        tracing::debug!(kid = shown(kid), %why, "a token names a key that cannot be used");
    }
    Err(match refused {
        KeyError::Unavailable => Refusal::KeysUnavailable,
        KeyError::NoMatch(why) => unusable(why).into(),
    })
}

fn unusable(why: LookupError) -> Why {
    match why {
        LookupError::Algorithm => Why::Algorithm,
        LookupError::Unknown | LookupError::Ambiguous => Why::UnknownKey,
    }
}

/// O30: a token whose login was ended is over, whatever it says of its own end.
fn check_family(claims: &Object, server: &AuthorizationServer) -> Result<(), Why> {
    let family = claims.get(mint::FAMILY).and_then(Json::as_text).ok_or(Why::Kind)?;
    if server.is_revoked(family) { Err(Why::Revoked) } else { Ok(()) }
}

/// The claims. Read only after the signature was found valid.
fn payload(compact: &Compact<'_>) -> Result<Object, Why> {
    let bytes = base64url::decode(compact.payload).ok_or(Why::Payload)?;
    Json::parse(&bytes).ok().and_then(Json::into_object).ok_or(Why::Payload)
}
