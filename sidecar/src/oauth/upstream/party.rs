//! The sidecar as a client of its provider, whichever that is: how it asks for a login, and how it asks for tokens.
//!
//! Talks to the provider, through `fetch`. The policy's own parameters go along; nothing of the client's does (I1, I10). Meets I8,
//! O09 (an `iss` that is named is the provider's), O11, O26.

use bytes::Bytes;
use crds::policy::ClaimRules;
use crds::proxy::{Login, ProviderScope};
use http::{HeaderValue, StatusCode};

use super::LoginError;
use super::answer::{self, Refused, Tokens};
use super::endpoints::Endpoints;
use crate::clock::Clock;
use crate::fetch::{FetchError, Fetcher};
use crate::oauth::form::Form;
use crate::oauth::values::Digest16;

#[derive(Debug)]
pub(super) struct Party {
    pub(super) login: Login,
    /// Where the provider sends people back to.
    pub(super) callback: String,
    pub(super) rules: ClaimRules,
    pub(super) fetcher: Fetcher,
    pub(super) clock: Clock,
}

impl Party {
    /// Which provider this is, and which client of it we are: what was begun with another one does not go on here (O28).
    pub(super) fn provider(&self) -> Digest16 {
        Digest16::of(&[self.login.issuer.as_str(), self.login.client_id.as_str()].join("\n"))
    }

    /// RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1.
    pub(super) fn authorization_url(
        &self,
        endpoints: &Endpoints,
        state: &str,
        nonce: Option<&str>,
        challenge: &str,
    ) -> String {
        let scopes: Vec<_> = self.login.scopes.iter().map(ProviderScope::as_str).collect();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.login.client_id.as_str())
            .append_pair("redirect_uri", &self.callback)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", state)
            // Always, also where no metadata lists it: Entra, Cognito and GitHub do it all the same.
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(nonce.map(|nonce| ("nonce", nonce)));
        for (name, value) in &self.login.extra_params {
            query.append_pair(name.as_str(), value);
        }
        let joint = if endpoints.authorization.contains('?') { '&' } else { '?' };
        format!("{}{joint}{}", endpoints.authorization, query.finish())
    }

    /// What the browser came back with, made into tokens.
    pub(super) async fn exchange(
        &self,
        endpoints: &Endpoints,
        form: &Form,
        verifier: &str,
    ) -> Result<Tokens, LoginError> {
        // O09, RFC 9207 §2.4: an issuer that is named is this one, and one that announced to name itself does.
        match form.get("iss") {
            Some(said) if said == endpoints.issuer => {}
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
        self.ask(endpoints, &exchange).await.map_err(|refused| match refused {
            Refused::Unreachable(why) => LoginError::Unreachable(why),
            Refused::Error(code) => LoginError::Provider(code),
        })
    }

    /// RFC 6749 §6.
    pub(super) async fn refresh(&self, endpoints: &Endpoints, token: &str) -> Result<Tokens, Refused> {
        self.ask(endpoints, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// RFC 7009 §2.1. An error has the form of RFC 6749 §5.2 (§2.2.1).
    pub(super) async fn revoke(&self, endpoints: &Endpoints, url: &str, token: &str) -> Result<(), String> {
        let form = [("token", token), ("token_type_hint", "refresh_token")];
        let (status, body) = self.post(endpoints, url, &form).await.map_err(|error| error.to_string())?;
        answer::revoked(status, &body)
    }

    async fn ask(&self, endpoints: &Endpoints, parameters: &[(&str, &str)]) -> Result<Tokens, Refused> {
        let answered = self.post(endpoints, &endpoints.token, parameters).await;
        let (status, body) = answered.map_err(|error| Refused::Unreachable(error.to_string()))?;
        answer::read(status, &body)
    }

    /// Posts as the client that we are there: RFC 7009 §2.1 has the same ways of authentication as the token endpoint.
    async fn post(
        &self,
        endpoints: &Endpoints,
        url: &str,
        parameters: &[(&str, &str)],
    ) -> Result<(StatusCode, Bytes), FetchError> {
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
        self.fetcher.post_form(url, &form, authorization).await
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
