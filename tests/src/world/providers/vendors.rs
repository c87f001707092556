//! The mixtures of `quirks` that the vendors are known for. None was seen live: each line says which document it is built
//! from (read 2026-11), and what no document says stands there as such.
//!
//! Pure.

use super::quirks::{
    AccessToken, Authentication, Discovery, Failures, ForeignRedirect, Granted, Hosts, Paths, Pkce, Quirks,
    Refresh, Resource, ResponseIss, Revocation, Rotation, Scopes, State, UnknownScope, Vendor,
};

/// The tenant of the Entra that is made up here.
pub(crate) const TENANT: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";

impl Quirks {
    /// OpenID Connect by the book, and as strict as it may be: the twin of all the others.
    pub(crate) fn plain() -> Self {
        Self {
            vendor: Vendor::Plain,
            issuer_path: "",
            hosts: Hosts::One,
            paths: Paths {
                authorize: "/authorize",
                token: "/token",
                revoke: "/revoke",
                user: "/userinfo",
                keys: "/keys",
            },
            discovery: Discovery::WithPkce,
            response_iss: ResponseIss::Advertised,
            extra_answers: &[],
            resource: Resource::Ignored,
            scopes: Scopes {
                known: &["openid", "profile", "email", "groups", "offline_access"],
                unknown: UnknownScope::Redirected("invalid_scope", "unknown scope"),
            },
            state: State::Anything,
            // RFC 6749 §4.1.2.1: no redirect to a URI that does not belong to the client.
            foreign_redirect: ForeignRedirect::Page(400),
            authentication: Authentication::Either,
            pkce: Pkce::Required,
            refresh: Refresh::OfflineScope,
            // RFC 9700 §4.14.2.
            rotation: Rotation::Strict,
            // RFC 8414 §2: OPTIONAL.
            revocation: Revocation::Absent,
            failures: Failures::Standard,
            access_token: AccessToken::Jwt,
            granted: Granted::AsAsked,
        }
    }

    /// Microsoft Entra ID, one tenant, version 2.0.
    pub(crate) fn entra() -> Self {
        Self {
            vendor: Vendor::Entra,
            // learn.microsoft.com/entra/identity-platform/id-token-claims-reference, `iss`.
            issuer_path: "/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0",
            // .../v2-oauth2-auth-code-flow; keys as the tenant's openid-configuration names them.
            paths: Paths {
                authorize: "/6babcaad-604b-40ac-a9d7-9fd97c0b779f/oauth2/v2.0/authorize",
                revoke: "/none",
                token: "/6babcaad-604b-40ac-a9d7-9fd97c0b779f/oauth2/v2.0/token",
                user: "/oidc/userinfo",
                keys: "/6babcaad-604b-40ac-a9d7-9fd97c0b779f/discovery/v2.0/keys",
            },
            // github.com/anthropics/claude-ai-mcp/issues/786: S256 works, and no document says so.
            discovery: Discovery::WithoutPkce,
            response_iss: ResponseIss::Absent,
            // .../v2-oauth2-auth-code-flow names `code` and `state`; `session_state` comes with the session's iframe.
            extra_answers: &[("session_state", "b6b0f5e5-5d3c-4a6e-8a0a-6f1c6a2f9f11")],
            // AADSTS9010010: github.com/anthropics/claude-code/issues/73460, microsoft/powerbi-modeling-mcp/issues/68.
            resource: Resource::Refused,
            scopes: Scopes {
                known: &["openid", "profile", "email", "offline_access", "User.Read"],
                // AADSTS650053 (claude-code/issues/73460): a scope without a prefix is taken for one of Graph's.
                unknown: UnknownScope::Redirected(
                    "invalid_client",
                    "AADSTS650053: The application asked for a scope that doesn't exist on the resource \
                     '00000003-0000-0000-c000-000000000000'.",
                ),
            },
            // .../v2-oauth2-auth-code-flow, "code_challenge": recommended.
            pkce: Pkce::Optional,
            // .../refresh-tokens: replaced on use, and the old one is not revoked.
            rotation: Rotation::Lenient,
            granted: Granted::WithoutPrefix,
            ..Self::plain()
        }
    }

    /// Google, for accounts of a Workspace.
    pub(crate) fn google() -> Self {
        Self {
            vendor: Vendor::Google,
            // accounts.google.com, oauth2.googleapis.com, openidconnect.googleapis.com, www.googleapis.com:
            // developers.google.com/identity/openid-connect/reference, "Discovery Document".
            hosts: Hosts::Two,
            paths: Paths {
                authorize: "/o/oauth2/v2/auth",
                token: "/token",
                revoke: "/revoke",
                user: "/v1/userinfo",
                keys: "/oauth2/v3/certs",
            },
            // The same page, `authorization_response_iss_parameter_supported`.
            response_iss: ResponseIss::Advertised,
            // .../identity/openid-connect/openid-connect, the example of step 3 of the server flow.
            extra_answers: &[("scope", "openid email profile"), ("authuser", "0"), ("prompt", "consent")],
            scopes: Scopes {
                known: &["openid", "profile", "email"],
                // "Error 400: invalid_scope", also for offline_access: github.com/lukaszraczylo/traefikoidc/issues/44.
                unknown: UnknownScope::Page("Error 400: invalid_scope. Some requested scopes were invalid."),
            },
            pkce: Pkce::Optional,
            // .../identity/protocols/oauth2/web-server, `access_type`: the first time, and again with prompt=consent.
            // Here everybody has agreed once before.
            refresh: Refresh::OfflineAccessType,
            // The same page, "Refreshing an access token": the answer holds no refresh token.
            rotation: Rotation::Off,
            // The same page, "Token revocation": all that the user granted to the client is taken back.
            revocation: Revocation::Everything,
            access_token: AccessToken::Opaque("ya29."),
            // .../openid-connect/reference, token response: scopes come back as they are known to the API.
            granted: Granted::AsAddresses,
            ..Self::plain()
        }
    }

    /// A GitHub OAuth app: OAuth 2.0 of a kind, and no OpenID Connect.
    pub(crate) fn github() -> Self {
        Self {
            vendor: Vendor::GitHub,
            // github.com and api.github.com: docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps.
            hosts: Hosts::Two,
            paths: Paths {
                authorize: "/login/oauth/authorize",
                token: "/login/oauth/access_token",
                revoke: "/none",
                user: "/user",
                keys: "/none",
            },
            discovery: Discovery::Absent,
            response_iss: ResponseIss::Absent,
            scopes: Scopes {
                known: &["read:user", "user:email", "read:org"],
                unknown: UnknownScope::Ignored,
            },
            // .../troubleshooting-authorization-request-errors, "Redirect URI mismatch". That folders below the
            // registered one are good as well is left out here.
            foreign_redirect: ForeignRedirect::ToTheRegisteredOne,
            // .../authorizing-oauth-apps, step 2: `client_id` and `client_secret` are parameters.
            authentication: Authentication::Post,
            // github.blog/changelog/2025-07-14-pkce-support-for-oauth-and-github-app-authentication: S256, not required.
            pkce: Pkce::Optional,
            refresh: Refresh::Never,
            rotation: Rotation::Off,
            // .../troubleshooting-oauth-app-access-token-request-errors; that the status is 200 is in no document,
            // and in every client (identity providers' reference of this project, §5).
            failures: Failures::Success,
            access_token: AccessToken::Opaque("gho_"),
            // .../authorizing-oauth-apps, step 2: "scope":"repo,gist".
            granted: Granted::WithCommas,
            ..Self::plain()
        }
    }

    /// A GitHub of one's own: everything on one host, and the API below a path.
    pub(crate) fn github_enterprise() -> Self {
        // docs.github.com/enterprise-server@3.14/rest/enterprise-admin, "Endpoint URLs": http(s)://HOSTNAME/api/v3.
        Self {
            hosts: Hosts::One,
            paths: Paths { user: "/api/v3/user", ..Self::github().paths },
            ..Self::github()
        }
    }

    /// A GitHub App there whose user tokens expire.
    pub(crate) fn github_app() -> Self {
        Self {
            // docs.github.com/apps/creating-github-apps/.../refreshing-user-access-tokens: `ghu_`, and a refresh token that is
            // used once.
            access_token: AccessToken::Opaque("ghu_"),
            refresh: Refresh::Always,
            rotation: Rotation::Strict,
            ..Self::github_enterprise()
        }
    }

    /// A user pool of Amazon Cognito with a domain.
    pub(crate) fn cognito() -> Self {
        Self {
            vendor: Vendor::Cognito,
            issuer_path: "/eu-central-1_EXAMPLE",
            // cognito-idp.<region>.amazonaws.com and <domain>.auth.<region>.amazoncognito.com:
            // docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html.
            hosts: Hosts::Two,
            paths: Paths {
                authorize: "/oauth2/authorize",
                token: "/oauth2/token",
                revoke: "/oauth2/revoke",
                user: "/oauth2/userInfo",
                keys: "/eu-central-1_EXAMPLE/.well-known/jwks.json",
            },
            // github.com/anthropics/claude-ai-mcp/issues/946.
            discovery: Discovery::WithoutPkce,
            response_iss: ResponseIss::Absent,
            scopes: Scopes {
                known: &["openid", "profile", "email", "phone", "aws.cognito.signin.user.admin"],
                // .../authorization-endpoint.html, "Examples of negative responses".
                unknown: UnknownScope::Redirected("invalid_scope", ""),
            },
            pkce: Pkce::Optional,
            // .../token-endpoint.html: with every code, and not with a refresh.
            refresh: Refresh::Always,
            rotation: Rotation::Off,
            // .../revocation-endpoint.html: the refresh token, and the access tokens that came of it.
            revocation: Revocation::Login,
            // The token endpoint's page: "HTTP/1.1 400 Bad Request" for all, invalid_client among them.
            failures: Failures::BadRequest,
            ..Self::plain()
        }
    }

    /// Auth0, without an API.
    pub(crate) fn auth0() -> Self {
        Self {
            vendor: Vendor::Auth0,
            // auth0.com/docs/secure/tokens/id-tokens/validate-id-tokens: the issuer ends with a slash.
            issuer_path: "/",
            paths: Paths {
                authorize: "/authorize",
                token: "/oauth/token",
                revoke: "/oauth/revoke",
                user: "/userinfo",
                keys: "/.well-known/jwks.json",
            },
            response_iss: ResponseIss::Absent,
            scopes: Scopes {
                known: &["openid", "profile", "email", "offline_access"],
                unknown: UnknownScope::Ignored,
            },
            // auth0.com/docs/troubleshoot, "Callback URL mismatch".
            foreign_redirect: ForeignRedirect::Page(403),
            pkce: Pkce::Optional,
            // auth0.com/docs/secure/tokens/refresh-tokens/revoke-refresh-tokens: as tenants since 2021-01-13 are set up.
            revocation: Revocation::Login,
            // community.auth0.com/t/120406: 403 with invalid_grant; /t/73029: the same for a code.
            failures: Failures::Forbidden,
            // auth0.com/docs/secure/tokens/access-tokens: opaque unless an audience is named.
            access_token: AccessToken::JwtForAudience,
            ..Self::plain()
        }
    }

    /// A custom authorization server of Okta.
    pub(crate) fn okta() -> Self {
        Self {
            vendor: Vendor::Okta,
            // developer.okta.com/docs/concepts/auth-servers: /oauth2/<id>, `default` among them.
            issuer_path: "/oauth2/default",
            paths: Paths {
                authorize: "/oauth2/default/v1/authorize",
                token: "/oauth2/default/v1/token",
                revoke: "/oauth2/default/v1/revoke",
                user: "/oauth2/default/v1/userinfo",
                keys: "/oauth2/default/v1/keys",
            },
            response_iss: ResponseIss::Absent,
            scopes: Scopes {
                known: &["openid", "profile", "email", "groups", "offline_access"],
                // support.okta.com/help/s/article/error-one-or-more-scopes-are-not-configured-for-the-authorization-server-resource
                unknown: UnknownScope::Redirected(
                    "invalid_scope",
                    "One or more scopes are not configured for the authorization server resource.",
                ),
            },
            // support.okta.com/help/s/article/the-authentication-request-has-an-invalid-state-parameter
            state: State::Plain,
            pkce: Pkce::Optional,
            // developer.okta.com/docs/guides/revoke-tokens: the token, and the access tokens that came of it.
            revocation: Revocation::Login,
            // developer.okta.com/docs/guides/refresh-tokens: rotation with reuse detection; the grace period set to 0.
            rotation: Rotation::Strict,
            ..Self::plain()
        }
    }
}
