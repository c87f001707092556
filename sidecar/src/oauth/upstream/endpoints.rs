//! Where the provider is asked: what its document says, under what the policy says.
//!
//! Pure. An endpoint is https wherever the issuer is, and on any host: Cognito's and many others' are not the issuer's (§5a.4).

use crds::names::EndpointUrl;
use crds::proxy::Login;

use super::NotDiscovered;
use crate::jose::Json;
use crate::jose::json::Object;

#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) authorization: String,
    pub(super) token: String,
    /// Where a refresh token is taken back, where that ends no more than a login (RFC 7009).
    pub(super) revocation: Option<String>,
    /// What a response calls the provider, where it names one (RFC 9207).
    pub(super) issuer: String,
    /// RFC 9207 §3: it announces `iss` in its responses.
    pub(super) names_itself: bool,
    /// Whether a secret goes into a Basic header; otherwise into the form.
    pub(super) takes_basic: bool,
}

impl Endpoints {
    /// What an OpenID provider's document says, under what the policy says.
    pub(super) fn discovered(login: &Login, document: Option<&[u8]>) -> Result<Self, NotDiscovered> {
        let document = document.and_then(|document| Json::parse(document).ok()).and_then(Json::into_object);
        let document = document.unwrap_or_default();
        let is_safe = |url: &&str| {
            let as_safe = url.starts_with("https://") || login.issuer.as_str().starts_with("http://");
            as_safe && EndpointUrl::parse(url).is_ok()
        };
        let found =
            |name: &str| document.get(name).and_then(Json::as_text).filter(is_safe).map(str::to_owned);
        let chosen = |own: &Option<EndpointUrl>, name: &str| {
            own.as_ref().map(ToString::to_string).or_else(|| found(name))
        };
        let announced = || found("revocation_endpoint").filter(|_| login.provider.revokes_one_login());
        Ok(Self {
            authorization: chosen(&login.endpoints.authorization, "authorization_endpoint")
                .ok_or(NotDiscovered)?,
            token: chosen(&login.endpoints.token, "token_endpoint").ok_or(NotDiscovered)?,
            revocation: login.endpoints.revocation.as_ref().map(ToString::to_string).or_else(announced),
            issuer: login.issuer.as_str().to_owned(),
            names_itself: document.get("authorization_response_iss_parameter_supported")
                == Some(&Json::Bool(true)),
            takes_basic: takes_basic(&document),
        })
    }
}

/// RFC 8414 §2: left out, the methods are `client_secret_basic` alone.
fn takes_basic(document: &Object) -> bool {
    match document.get("token_endpoint_auth_methods_supported").and_then(Json::as_texts) {
        Some(methods) => methods.contains(&"client_secret_basic") || !methods.contains(&"client_secret_post"),
        None => true,
    }
}
