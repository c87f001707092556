//! The provider, to which we are one client among others: it says who the user is, and nothing more.
//!
//! Talks to the provider, through `fetch`. Our own PKCE, state and nonce; none of the client's scopes, and never its `resource` (I1,
//! identity-providers §5a.2). What it answers is believed when its ID token is verified whole. Meets A22, I8, O09, O11, O26, D18.

mod answer;
mod endpoints;
pub mod identity;

use std::sync::Arc;

use crds::names::ClaimName;
use crds::policy::ClaimRules;
use crds::proxy::{CALLBACK, Login};
use http::HeaderValue;

use super::form::Form;
use super::values::{self, Person};
use crate::clock::Clock;
use crate::fetch::Fetcher;
use crate::provider::Provider;
use answer::{Refused, Tokens};
use endpoints::Endpoints;
use identity::{Expected, IdentityError};

/// One provider, and who we are there.
#[derive(Debug)]
pub struct Upstream {
    login: Login,
    callback: String,
    rules: ClaimRules,
    provider: Arc<Provider>,
    fetcher: Fetcher,
    clock: Clock,
}

/// What the provider is reached with.
#[derive(Debug)]
pub struct Reach {
    /// Kept fresh by whoever made it.
    pub provider: Arc<Provider>,
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
}

/// The provider's endpoints are not known: its document was never fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its discovery document is not at hand")]
pub struct NotDiscovered;

impl Upstream {
    /// `provider` is kept fresh by whoever made it.
    /// `login` says where and as whom; people come back under `issuer`, which is ours.
    pub fn new(login: Login, issuer: &str, rules: ClaimRules, reach: Reach) -> Self {
        let Reach { provider, fetcher, clock } = reach;
        Self { login, callback: format!("{issuer}{CALLBACK}"), rules, provider, fetcher, clock }
    }

    /// As people know it.
    pub fn name(&self) -> &str {
        self.login.provider.title().unwrap_or_else(|| host(self.login.issuer.as_str()))
    }

    /// Where the browser is sent (OpenID Connect Core §3.1.2.1).
    pub fn login_url(&self, state: &str, nonce: &str, challenge: &str) -> Result<String, NotDiscovered> {
        let endpoints = self.endpoints()?;
        let scopes: Vec<_> = self.login.scopes.iter().map(crds::proxy::ProviderScope::as_str).collect();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.login.client_id.as_str())
            .append_pair("redirect_uri", &self.callback)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", state)
            .append_pair("nonce", nonce)
            // Always, also where its metadata does not list it: Entra and Cognito do it all the same.
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        for (name, value) in &self.login.extra_params {
            query.append_pair(name.as_str(), value);
        }
        let joint = if endpoints.authorization.contains('?') { '&' } else { '?' };
        Ok(format!("{}{joint}{}", endpoints.authorization, query.finish()))
    }

    /// What the provider sent the browser back with, up to who it is.
    pub async fn complete(
        &self,
        form: &Form,
        nonce: &str,
        verifier: &str,
    ) -> Result<(Person, values::Upstream), LoginError> {
        let unreachable = |error: NotDiscovered| LoginError::Unreachable(error.to_string());
        let endpoints = self.endpoints().map_err(unreachable)?;
        // O09, RFC 9207 §2.4: an issuer that is named is ours, and one that announced to name itself does.
        match form.get("iss") {
            Some(said) if said == self.login.issuer.as_str() => {}
            None if !endpoints.names_itself => {}
            _ => return Err(LoginError::Untrusted("the response names another issuer, or none")),
        }
        if let Some(error) = form.get("error") {
            return Err(refused_in_browser(error));
        }
        let code =
            form.get("code").ok_or(LoginError::Untrusted("the response has neither a code nor an error"))?;
        let exchange = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback),
            ("code_verifier", verifier),
        ];
        let tokens = self.ask(&endpoints, &exchange).await.map_err(|refused| match refused {
            Refused::Unreachable(why) => LoginError::Unreachable(why),
            Refused::Error(code) => LoginError::Provider(code),
        })?;
        let id_token = tokens.id_token.as_deref().ok_or(LoginError::Untrusted("it gave no ID token"))?;
        let person = self.identify(id_token, Some(nonce)).await?;
        Ok((person, values::Upstream { refresh: tokens.refresh_token, asked: self.clock.unix() }))
    }

    /// Is this user still let in? Our own refresh succeeds only after this one (A22).
    pub async fn refresh(&self, token: &str, person: &Person) -> Result<values::Upstream, RefreshError> {
        let endpoints = self.endpoints().map_err(|error| RefreshError::Unreachable(error.to_string()))?;
        let exchange = [("grant_type", "refresh_token"), ("refresh_token", token)];
        let tokens = self.ask(&endpoints, &exchange).await.map_err(|refused| match refused {
            Refused::Error(code) if code == "invalid_grant" || code == "access_denied" => RefreshError::Gone,
            Refused::Error(why) | Refused::Unreachable(why) => RefreshError::Unreachable(why),
        })?;
        if let Some(id_token) = &tokens.id_token {
            // OpenID Connect Core §12.2: the same issuer, audience and subject; no nonce is asked for.
            match self.identify(id_token, None).await {
                Ok(again) if again.subject == person.subject => {}
                Ok(_) | Err(LoginError::NotAllowed) => return Err(RefreshError::Gone),
                Err(error) => return Err(RefreshError::Unreachable(error.to_string())),
            }
        }
        // RFC 6749 §6: without a new one, the old one stays.
        let refresh = tokens.refresh_token.or_else(|| Some(token.to_owned()));
        Ok(values::Upstream { refresh, asked: self.clock.unix() })
    }

    async fn identify(&self, id_token: &str, nonce: Option<&str>) -> Result<Person, LoginError> {
        let expected = Expected {
            issuer: self.login.issuer.as_str(),
            client_id: self.login.client_id.as_str(),
            nonce,
            now: self.clock.unix(),
        };
        let claims = identity::verify(id_token, &expected, &self.provider).await;
        let claims = claims.map_err(|error| match error {
            IdentityError::KeysUnavailable => LoginError::Unreachable(error.to_string()),
            IdentityError::Wrong(why) => LoginError::Untrusted(why),
        })?;
        // Who may log in at all is the policy's to say, here and not at each request: `hd` is checked by nobody else.
        if !identity::meets(&claims, &self.rules) {
            return Err(LoginError::NotAllowed);
        }
        identity::person(&claims, self.login.issuer.as_str(), self.user_claim(), self.clock.unix())
            .ok_or(LoginError::Untrusted("its ID token names no usable subject"))
    }

    async fn ask(&self, endpoints: &Endpoints, parameters: &[(&str, &str)]) -> Result<Tokens, Refused> {
        let mut form = parameters.to_vec();
        let mut authorization = None;
        match &self.login.client_secret {
            Some(secret) if endpoints.takes_basic => {
                authorization = Some(basic(self.login.client_id.as_str(), secret.expose()));
            }
            Some(secret) => {
                form.push(("client_id", self.login.client_id.as_str()));
                form.push(("client_secret", secret.expose()));
            }
            None => form.push(("client_id", self.login.client_id.as_str())),
        }
        let answered = self.fetcher.post_form(&endpoints.token, &form, authorization).await;
        let (status, body) = answered.map_err(|error| Refused::Unreachable(error.to_string()))?;
        answer::read(status, &body)
    }

    fn endpoints(&self) -> Result<Endpoints, NotDiscovered> {
        Endpoints::new(&self.login, self.provider.document().as_deref())
    }

    fn user_claim(&self) -> &ClaimName {
        &self.rules.user
    }
}

/// RFC 6749 §4.1.2.1. Its description is not read: it is the provider's, or whoever wrote the link (O26).
fn refused_in_browser(error: &str) -> LoginError {
    match error {
        "access_denied"
        | "login_required"
        | "interaction_required"
        | "consent_required"
        | "account_selection_required" => LoginError::Denied,
        "temporarily_unavailable" | "server_error" => LoginError::Unreachable("it says so itself".into()),
        other => LoginError::Provider(answer::word(other)),
    }
}

/// RFC 6749 §2.3.1: both halves form-encoded first. Secret, so it is marked as such.
fn basic(id: &str, secret: &str) -> HeaderValue {
    use base64::Engine;
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair =
        base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
    let mut value =
        HeaderValue::from_str(&format!("Basic {pair}")).unwrap_or(HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}
