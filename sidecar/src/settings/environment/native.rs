//! The policy of native mode: clients log in at the provider, or hold a shared secret's tokens.
//!
//! Pure. Meets J13 (no audience closes).

use crds::claims::{ClaimRules, Written};
use crds::names::{Audience, Issuer, ResourceUrl};
use crds::policy::{DEFAULT_MAX_BODY_BYTES, OidcTrust, Parts, Trust};
use crds::provider::Provider;
use crds::violation::Collector;
use crds::{HmacKey, Policy};

use super::values::{audiences, first, issuer, origins};
use super::{Environment, OF_AUDIENCE, OF_ISSUER, OF_RESOURCE, claims, made};

/// A policy by which clients log in at the provider.
pub(super) fn natively(
    environment: &Environment,
    provider: Option<Provider>,
    resource: Option<ResourceUrl>,
    found: &mut Collector,
) -> Option<Policy> {
    let trust = match provider {
        Some(Provider::Hmac) => hmac(environment, resource.as_ref(), found),
        Some(Provider::Github) => {
            found.report("OAUTH_PROVIDER", "must not be github in native mode: its tokens name no audience; set OAUTH_CLIENT_ID for proxy mode");
            audiences(environment, found);
            None
        }
        Some(provider) => oidc(environment, provider, found),
        None => {
            judge_what_is_set(environment, found);
            audiences(environment, found);
            None
        }
    };
    let require = claims::required(environment, found);
    let origins = origins(environment, found);
    let parts = Parts {
        resource: resource?,
        public_paths: Vec::new(),
        allowed_origins: origins,
        max_body_bytes: DEFAULT_MAX_BODY_BYTES,
        trust: trust?,
        claims: ClaimRules::of_access_tokens(provider?, Written { require, ..Written::default() }),
        required_scopes: Vec::new(),
        proxy: None,
    };
    made(environment, parts, found)
}

/// What can be judged where the provider or the mode is not known: most of them read the issuer, and the others the secret.
pub(super) fn judge_what_is_set(environment: &Environment, found: &mut Collector) {
    if let Some((name, issuer)) = first(environment, &OF_ISSUER) {
        found.take(name, Issuer::parse(issuer));
    } else if let Some((name, secret)) = first(environment, &["JWT_SECRET"]) {
        found.take(name, HmacKey::parse(secret.as_bytes()));
    }
}

fn hmac(environment: &Environment, resource: Option<&ResourceUrl>, found: &mut Collector) -> Option<Trust> {
    let key = match first(environment, &["JWT_SECRET"]) {
        Some((name, secret)) => found.take(name, HmacKey::parse(secret.as_bytes())),
        None => {
            found.report(
                "JWT_SECRET",
                "is missing: a shared secret, such as the output of 'openssl rand -base64 48'",
            );
            None
        }
    };
    let named = audiences(environment, found);
    // Without one the tokens are for this resource: the URL is an audience like any other.
    let audiences = match resource {
        Some(resource) if named.is_empty() => {
            found.take(OF_RESOURCE[0], Audience::parse(resource.as_str())).into_iter().collect()
        }
        _ => named,
    };
    Some(Trust { oidc: None, hmac: vec![key?], audiences })
}

fn oidc(environment: &Environment, provider: Provider, found: &mut Collector) -> Option<Trust> {
    let issuer = issuer(environment, Some(provider), found);
    let audiences = audiences(environment, found);
    // J13: no audience configured closes, it never opens.
    if first(environment, &OF_AUDIENCE).is_none() {
        found.report(
            "OAUTH_AUDIENCE",
            "is missing: the audience that the provider writes into tokens for this server",
        );
    }
    Some(Trust {
        oidc: Some(OidcTrust { issuer: issuer?, jwks: None, ca_bundle: None }),
        hmac: Vec::new(),
        audiences,
    })
}
