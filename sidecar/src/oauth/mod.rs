//! Proxy mode: the sidecar is the authorization server of its one resource, and the provider only says who the user is.
//!
//! ```text
//! step       takes                                    gives
//! register   metadata                                 a client id: seal(client)
//! authorize  client, redirect, challenge, state       the consent page with seal(ask); a cookie for the browser
//! consent    seal(ask), that cookie                   303 to the provider; a cookie with seal(login), named after the state
//! callback   the provider's code, that cookie         303 to the client with a code: seal(code)
//! token      code and verifier, or a refresh token    an access token (JWT); a refresh token: seal(grant)
//! revoke     a token                                  –
//! ```
//!
//! Each step opens only what the step before it sealed (`seal`); what must happen once stands in `ledger`. Talks to the
//! provider through `upstream`, and fetches documents of clients through `clients`. Meets A1–A23, I1–I11, O01–O30.

pub mod authorize;
pub mod callback;
pub mod clients;
pub mod consent;
pub mod cookie;
mod end;
pub mod endings;
pub mod errands;
pub mod error;
pub mod form;
pub mod ledger;
pub mod metadata;
pub mod mint;
pub mod pace;
pub mod pkce;
pub mod redeem;
pub mod refresh;
pub mod register;
mod remember;
pub mod resource;
pub mod revoke;
pub mod scopes;
pub mod seal;
pub mod token;
pub mod upstream;
pub mod values;

use std::sync::Arc;

use bytes::Bytes;
use crds::Policy;
use crds::proxy::{Proxy, issuer};
use http::header::{ACCEPT, ALLOW};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::clock::Clock;
use crate::jose::KeySet;
use crate::page::Problem;
use crate::random::{NoRandom, Random};
use clients::Clients;
use endings::Endings;
use errands::Errands;
use error::{Code, OAuthError, json_response};
use ledger::Ledger;
use mint::{MintError, Minter};
use pace::{Pace, Paces};
use seal::{SealError, Sealer};
use upstream::Upstream;
use values::ClientKey;

/// The closed table of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Authorize,
    Consent,
    Callback,
    Token,
    Register,
    Revoke,
    Keys,
}

impl Step {
    pub const ALL: [Self; 7] = [
        Self::Authorize,
        Self::Consent,
        Self::Callback,
        Self::Token,
        Self::Register,
        Self::Revoke,
        Self::Keys,
    ];

    /// Under the issuer.
    pub fn path(self) -> &'static str {
        match self {
            Self::Authorize => "/oauth/authorize",
            Self::Consent => "/oauth/consent",
            Self::Callback => crds::proxy::CALLBACK,
            Self::Token => "/oauth/token",
            Self::Register => "/oauth/register",
            Self::Revoke => "/oauth/revoke",
            Self::Keys => "/.well-known/jwks.json",
        }
    }

    /// D5: where clients look that read no metadata.
    pub fn alias(self) -> Option<&'static str> {
        match self {
            Self::Authorize => Some("/authorize"),
            Self::Token => Some("/token"),
            Self::Register => Some("/register"),
            _ => None,
        }
    }

    /// §3c: programs in web pages may call these; a person's browser goes to the others (O21).
    pub fn is_for_programs(self) -> bool {
        !matches!(self, Self::Authorize | Self::Consent | Self::Callback)
    }

    /// OPTIONS is answered before a step is asked.
    pub fn takes(self, method: &Method) -> bool {
        *method != Method::OPTIONS && self.allow().split(", ").any(|known| known == method.as_str())
    }

    /// RFC 9110 §10.2.1. No HEAD where a look would use something up, and no OPTIONS where no page may ask (O21).
    fn allow(self) -> &'static str {
        match self {
            Self::Authorize | Self::Callback => "GET",
            Self::Keys => "GET, HEAD, OPTIONS",
            Self::Consent => "POST",
            Self::Token | Self::Register | Self::Revoke => "POST, OPTIONS",
        }
    }
}

/// A body is at most so long ("Decided" 7).
pub const LONGEST_BODY: usize = 64 * 1024;

/// The authorization server of one policy.
#[derive(Debug)]
pub struct AuthorizationServer {
    pub(crate) policy: Policy,
    pub(crate) proxy: Proxy,
    pub(crate) issuer: String,
    pub(crate) clients: Clients,
    pub(crate) sealer: Sealer,
    pub(crate) minter: Minter,
    pub(crate) ledger: Ledger,
    pub(crate) upstream: Upstream,
    pub(crate) registrations: Pace,
    /// Returns from the provider, each of which asks it for something with our secret.
    pub(crate) returns: Pace,
    /// Logins that end at the provider, which is asked with our secret as well.
    pub(crate) endings: Endings,
    /// Secrets, codes, refresh tokens and proofs that were not good, and that nobody can guess.
    pub(crate) wrong: Paces<ClientKey>,
    pub(crate) errands: Arc<Errands>,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    metadata: Bytes,
    key_document: Bytes,
    keys: KeySet,
}

/// What outlives an edit of the policy, and what the outside is reached with.
#[derive(Debug)]
pub struct Means {
    pub clients: Clients,
    pub upstream: Upstream,
    pub ledger: Ledger,
    pub errands: Arc<Errands>,
    pub clock: Clock,
    pub random: Random,
}

/// Why a policy's keys make no authorization server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Mint(#[from] MintError),
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

/// A request to a step, whole.
#[derive(Debug)]
pub struct Asked {
    pub head: Parts,
    pub body: Bytes,
}

/// What happened, for the record: `None` where all went well.
pub type Told = (Response<Bytes>, Option<&'static str>);

impl AuthorizationServer {
    pub fn new(policy: Policy, proxy: Proxy, means: Means) -> Result<Self, SetupError> {
        let issuer = issuer(&policy.resource, &proxy.redirects);
        let Means { clients, upstream, ledger, errands, clock, random } = means;
        let minter = Minter::new(&issuer, policy.resource.as_str(), &proxy.keys.sign, random)?;
        Ok(Self {
            metadata: metadata::document(&policy, &proxy, &issuer),
            keys: KeySet::parse(&minter.key_set()).map_err(|_| MintError::Key)?,
            key_document: minter.key_set(),
            sealer: Sealer::new(&issuer, &proxy.keys.seal, random)?,
            registrations: Pace::new(pace::REGISTRATIONS, clock.clone()),
            returns: Pace::new(pace::RETURNS, clock.clone()),
            endings: Endings::new(&clock),
            wrong: Paces::new(pace::WRONG, clock.clone()),
            errands,
            minter,
            policy,
            proxy,
            issuer,
            clients,
            ledger,
            upstream,
            clock,
            random,
        })
    }

    /// The document of RFC 8414.
    pub fn metadata(&self) -> Bytes {
        self.metadata.clone()
    }

    /// What our own tokens are checked with.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether a token of this family was revoked (O30).
    pub fn is_revoked(&self, family: &str) -> bool {
        self.ledger.is_revoked(family)
    }

    /// Whether logins are refused because the store cannot be used.
    pub fn is_store_away(&self) -> bool {
        self.ledger.is_away()
    }

    pub async fn answer(self: &Arc<Self>, step: Step, asked: &Asked) -> Told {
        if !step.takes(&asked.head.method) {
            return self.wrong_method(step, asked);
        }
        match step {
            Step::Authorize => self.shown(authorize::answer(self, asked).await),
            Step::Consent => self.shown(consent::answer(self, asked).await),
            Step::Callback => self.shown(callback::answer(self, asked).await),
            Step::Token => said(token::answer(self, asked).await),
            Step::Register => said(register::answer(self, asked)),
            Step::Revoke => said(revoke::answer(self, asked).await),
            Step::Keys => (json_response(StatusCode::OK, self.key_document.clone()), None),
        }
    }

    /// A person who opens a step from their list of pages reads where to begin; a program reads JSON.
    fn wrong_method(&self, step: Step, asked: &Asked) -> Told {
        let problem = Problem::NotOpened;
        let mut response = if !step.is_for_programs() && reads_pages(&asked.head.headers) {
            problem.page(&self.policy.resource).into_response()
        } else {
            OAuthError::new(Code::MethodNotAllowed, "this endpoint is not called with this method")
                .into_response()
        };
        // RFC 9110 §15.5.6 MUST.
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(step.allow()));
        (response, Some(problem.code()))
    }

    /// A person reads what went wrong on a page of ours.
    fn shown(&self, outcome: Result<Response<Bytes>, Trouble>) -> Told {
        match outcome {
            Ok(response) => (response, None),
            Err(trouble) => trouble.told(self),
        }
    }
}

/// Why a person sees a page of ours instead of what they came for.
#[derive(Debug)]
pub enum Trouble {
    UnknownClient,
    DocumentAway,
    UnusableRedirect,
    Expired,
    OtherBrowser,
    Malformed(&'static str),
    TooManyLogins,
    StoreAway,
    /// Nothing that a person could do: no randomness, a key that does not seal.
    Internal,
}

impl Trouble {
    fn told(&self, server: &AuthorizationServer) -> Told {
        let problem = match self {
            Self::UnknownClient => Problem::UnknownClient,
            Self::DocumentAway => Problem::DocumentAway,
            Self::UnusableRedirect => Problem::UnusableRedirect,
            Self::Expired => Problem::Expired,
            Self::OtherBrowser => Problem::OtherBrowser,
            Self::Malformed(parameter) => Problem::Malformed { parameter },
            Self::TooManyLogins => Problem::TooManyLogins,
            Self::StoreAway => Problem::StoreAway,
            Self::Internal => Problem::Internal,
        };
        (problem.page(&server.policy.resource).into_response(), Some(problem.code()))
    }
}

impl From<SealError> for Trouble {
    fn from(_: SealError) -> Self {
        Self::Internal
    }
}

impl From<clients::Unknown> for Trouble {
    fn from(why: clients::Unknown) -> Self {
        match why {
            clients::Unknown::Id | clients::Unknown::Document(_) => Self::UnknownClient,
            clients::Unknown::Later => Self::DocumentAway,
        }
    }
}

impl From<ledger::Away> for Trouble {
    fn from(_: ledger::Away) -> Self {
        Self::StoreAway
    }
}

impl From<NoRandom> for Trouble {
    fn from(_: NoRandom) -> Self {
        Self::Internal
    }
}

/// Every browser names HTML first when a person opens something; `*/*` alone is a program.
fn reads_pages(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(',')).filter_map(|range| range.split(';').next());
    types.any(|media| media.trim().eq_ignore_ascii_case("text/html"))
}

fn said(outcome: Result<Response<Bytes>, OAuthError>) -> Told {
    match outcome {
        Ok(response) => (response, None),
        Err(error) => (error.into_response(), Some(error.code.as_str())),
    }
}
