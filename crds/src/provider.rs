//! What is known of each identity provider: where its access tokens carry scopes, users and the audience, and what it is asked
//! for where people log in with it.
//!
//! Pure. Meets identity-provider consequence 7 (presets): the policy's own `claims` win over every line here.

use std::collections::BTreeMap;

use crate::names::Issuer;
use crate::proxy::{ParameterName, ProviderScope};

/// Who issues the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Hmac,
    Okta,
    Google,
    Azure,
    Auth0,
    Keycloak,
    Cognito,
    // Proxy mode only: its access tokens are opaque and name no audience, so nobody else may take them (J13).
    Github,
    Oidc,
}

/// The claims that a provider is known to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The first of these that a token has is its scopes, as a string or a list.
    pub scope: &'static [&'static str],
    /// What a person would recognise the caller by, in logs.
    pub user: &'static str,
    /// Where the audience stands.
    pub audience: &'static str,
    /// Claims that a token of this provider must carry to be an access token.
    pub require: &'static [(&'static str, &'static str)],
}

/// How people are logged in with a provider, where the policy does not say otherwise (proxy mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginPreset {
    /// Asked of it: who the user is, and to be asked again later.
    pub scopes: &'static [&'static str],
    /// Parameters of its own.
    pub extra_params: &'static [(&'static str, &'static str)],
    /// What a person would recognise the user by, in its ID tokens.
    pub user: &'static str,
}

const STANDARD_LOGIN: LoginPreset = LoginPreset {
    scopes: &["openid", "profile", "email", "offline_access"],
    extra_params: &[],
    user: "email",
};

const STANDARD: Preset = Preset { scope: &["scope", "scp"], user: "sub", audience: "aud", require: &[] };

/// Why a preset's words are taken as they stand.
const KNOWN: &str = "presets hold valid words, which a test of theirs holds";

impl LoginPreset {
    pub fn scopes(&self) -> Vec<ProviderScope> {
        self.scopes.iter().map(|scope| ProviderScope::parse(scope).expect(KNOWN)).collect()
    }

    pub fn extra_params(&self) -> BTreeMap<ParameterName, String> {
        let each = self.extra_params.iter();
        each.map(|(name, value)| (ParameterName::parse(name).expect(KNOWN), (*value).to_owned())).collect()
    }
}

impl Provider {
    pub const ALL: &'static [Self] = &[
        Self::Hmac,
        Self::Okta,
        Self::Google,
        Self::Azure,
        Self::Auth0,
        Self::Keycloak,
        Self::Cognito,
        Self::Github,
        Self::Oidc,
    ];

    pub fn preset(self) -> Preset {
        match self {
            // GitHub's tokens are no JWTs and are not checked by these; who the user is says its API.
            Self::Hmac | Self::Oidc | Self::Auth0 | Self::Github => STANDARD,
            // Okta writes its scopes as a list in `scp`; a custom authorization server's `sub` is the login name.
            Self::Okta => Preset { scope: &["scp", "scope"], ..STANDARD },
            Self::Google => Preset { user: "email", ..STANDARD },
            // Entra: delegated permissions in `scp`, application permissions in `roles`; its `sub` is pairwise.
            Self::Azure => Preset { scope: &["scp", "roles"], user: "preferred_username", ..STANDARD },
            // Keycloak marks the kind of a token in the payload: `Bearer`, `ID` or `Refresh` (J14).
            Self::Keycloak => {
                Preset { user: "preferred_username", require: &[("typ", "Bearer")], ..STANDARD }
            }
            // Cognito's access tokens have no `aud`: the app client's id stands in `client_id` (identity-providers §5).
            Self::Cognito => Preset {
                user: "username",
                audience: "client_id",
                require: &[("token_use", "access")],
                ..STANDARD
            },
        }
    }

    pub fn login(self) -> LoginPreset {
        match self {
            // Google ignores `offline_access`: a refresh token comes with these, and again only when it is asked again.
            Self::Google => LoginPreset {
                scopes: &["openid", "profile", "email"],
                extra_params: &[("access_type", "offline"), ("prompt", "consent")],
                ..STANDARD_LOGIN
            },
            // Entra: the login name; `email` is whatever the user's directory holds, and often nothing.
            Self::Azure => LoginPreset { user: "preferred_username", ..STANDARD_LOGIN },
            Self::Keycloak => LoginPreset {
                // Its `offline_access` makes a session that outlives every logout; an ordinary refresh token does.
                scopes: &["openid", "profile", "email"],
                user: "preferred_username",
                ..STANDARD_LOGIN
            },
            // Cognito knows no `offline_access`, and always gives a refresh token.
            Self::Cognito => LoginPreset { scopes: &["openid", "profile", "email"], ..STANDARD_LOGIN },
            // GitHub knows no OpenID Connect: its API says who the user is, and everybody has a login name there.
            Self::Github => {
                LoginPreset { scopes: &["read:user", "user:email"], extra_params: &[], user: "login" }
            }
            // OpenID Connect Core §11: offline access MUST be asked for with this; a provider that nothing is known of may ignore
            // the scope otherwise, and then nobody could be asked for again (oidc-provider does).
            Self::Oidc => LoginPreset { extra_params: &[("prompt", "consent")], ..STANDARD_LOGIN },
            Self::Hmac | Self::Okta | Self::Auth0 => STANDARD_LOGIN,
        }
    }

    /// What its accounts are called, where anybody can make one for himself.
    pub fn everybodys_accounts(self) -> Option<&'static str> {
        match self {
            Self::Google => Some("Google"),
            Self::Github => Some("GitHub"),
            _ => None,
        }
    }

    /// Whether people log in with it by OpenID Connect: it has a discovery document, keys and ID tokens.
    pub fn has_id_tokens(self) -> bool {
        !matches!(self, Self::Hmac | Self::Github)
    }

    /// The issuer of a provider that is in one place for everybody, or mostly.
    pub fn issuer(self) -> Option<Issuer> {
        let known = |issuer| Some(Issuer::parse(issuer).expect(KNOWN));
        match self {
            Self::Google => known("https://accounts.google.com"),
            // GitHub has no issuer of its own making; this names it in the subjects of our tokens.
            Self::Github => known("https://github.com"),
            Self::Hmac
            | Self::Okta
            | Self::Azure
            | Self::Auth0
            | Self::Keycloak
            | Self::Cognito
            | Self::Oidc => None,
        }
    }

    /// Whether each refresh token is known to work once, or can be set up so: an old one then ends the user's login there.
    pub fn rotates_refresh_tokens(self) -> bool {
        match self {
            Self::Okta | Self::Auth0 | Self::Keycloak | Self::Oidc => true,
            Self::Hmac | Self::Google | Self::Azure | Self::Cognito | Self::Github => false,
        }
    }

    /// Whether the end of one of its refresh tokens ends one login, or is not known to end more. The others are asked only where the
    /// policy names the endpoint (`oidc.endpoints.revocation`).
    pub fn revokes_one_login(self) -> bool {
        match self {
            // Google takes back all that the user granted to a client, on every device; Keycloak ends all logins of a client in one
            // browser, and before 26.1 all of its user (github.com/keycloak/keycloak/issues/35486).
            // Entra announces no such endpoint, and GitHub has none.
            Self::Google | Self::Keycloak | Self::Hmac | Self::Azure | Self::Github => false,
            // RFC 7009 §2.1: whether more ends with a token is the provider's to say.
            Self::Okta | Self::Auth0 | Self::Cognito | Self::Oidc => true,
        }
    }

    /// As people know it, on the page where they are asked; `None` where its host says it better.
    pub fn title(self) -> Option<&'static str> {
        match self {
            Self::Okta => Some("Okta"),
            Self::Google => Some("Google"),
            Self::Azure => Some("Microsoft Entra ID"),
            Self::Auth0 => Some("Auth0"),
            Self::Cognito => Some("Amazon Cognito"),
            Self::Github => Some("GitHub"),
            Self::Hmac | Self::Keycloak | Self::Oidc => None,
        }
    }

    /// The word of the policy and of `OAUTH_PROVIDER`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hmac => "hmac",
            Self::Okta => "okta",
            Self::Google => "google",
            Self::Azure => "azure",
            Self::Auth0 => "auth0",
            Self::Keycloak => "keycloak",
            Self::Cognito => "cognito",
            Self::Github => "github",
            Self::Oidc => "oidc",
        }
    }

    pub fn parse(word: &str) -> Result<Self, crate::rule::Broken> {
        Self::ALL.iter().copied().find(|provider| provider.as_str() == word).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|provider| provider.as_str()).collect();
            crate::rule::Broken(format!("must be one of {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ClaimName;

    #[test]
    fn every_provider_is_known_by_its_word_and_no_other_word_is() {
        for provider in Provider::ALL {
            assert_eq!(Provider::parse(provider.as_str()), Ok(*provider));
        }
        assert!(Provider::parse("Okta").is_err());
        assert!(Provider::parse("gitlab").is_err());
    }

    #[test]
    fn every_preset_names_valid_claims() {
        for provider in Provider::ALL {
            let (preset, login) = (provider.preset(), provider.login());
            let required = preset.require.iter().map(|(name, _)| *name);
            let users = [preset.user, preset.audience, login.user];
            for name in preset.scope.iter().copied().chain(users).chain(required) {
                assert!(ClaimName::parse(name).is_ok(), "{name}");
            }
        }
    }

    #[test]
    fn every_preset_of_a_login_holds_valid_words() {
        for provider in Provider::ALL {
            let login = provider.login();
            assert_eq!(login.scopes().len(), login.scopes.len(), "{provider:?}");
            assert_eq!(login.extra_params().len(), login.extra_params.len(), "{provider:?}");
            let one_place = matches!(provider, Provider::Google | Provider::Github);
            assert_eq!(provider.issuer().is_some(), one_place, "{provider:?}");
        }
    }

    #[test]
    fn github_is_asked_for_no_id_token_and_the_others_are() {
        for provider in Provider::ALL {
            let asks = provider.login().scopes.contains(&"openid");
            assert_eq!(asks, *provider != Provider::Github, "{provider:?}");
        }
    }
}
