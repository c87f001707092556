//! The policy of those who have no operator: Docker Compose, a laptop, any VM. The variables are those that users of this
//! field write already.
//!
//! Pure. The same constructors as everywhere (habit 2); each mistake names its variable. A variable that asks for what
//! this version does not do is refused; one that means nothing in this mode is named at the start (`advice`).

#[cfg(test)]
mod examples;
mod native;
mod values;

use crds::claims::{ClaimRules, Written};
use crds::names::{Audience, ResourceUrl};
use crds::policy::{DEFAULT_MAX_BODY_BYTES, Parts, Trust};
use crds::provider::Provider;
use crds::violation::Collector;
use crds::{Policy, Violations};

use super::{Environment, claims, login};
#[cfg(test)]
pub(crate) use examples::{example_policy, example_policy_with_scopes};
use native::{judge_what_is_set, natively};
pub(super) use values::{first, issuer, quoted};
use values::{origins, provider, resource};

/// Variables of a login that the sidecar runs itself.
pub(super) const OF_PROXY_MODE: [&str; 5] =
    ["OAUTH_CLIENT_ID", "OIDC_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OIDC_CLIENT_SECRET", "OAUTH_REDIRECT_URIS"];
/// Of tokens of a provider, or under a shared secret.
pub(super) const OF_AUDIENCE: [&str; 2] = ["OAUTH_AUDIENCE", "OIDC_AUDIENCE"];
/// The first that is set counts.
const OF_RESOURCE: [&str; 2] = ["OAUTH_SERVER_URL", "MCP_URL"];
pub(super) const OF_ISSUER: [&str; 2] = ["OAUTH_ISSUER", "OIDC_ISSUER"];
const ALLOWED_ORIGINS: &str = "MCP_OAUTH_ALLOWED_ORIGINS";
const OF_TLS: [&str; 2] = ["HTTPS_CERT_FILE", "HTTPS_KEY_FILE"];

pub(super) fn policy(environment: &Environment) -> Result<Policy, Violations> {
    let mut found = Collector::default();
    refuse_what_is_not_done(environment, &mut found);
    let provider = provider(environment, &mut found);
    let resource = resource(environment, &mut found);
    let policy = match mode(environment, &mut found) {
        Some(Mode::Native) => natively(environment, provider, resource, &mut found),
        Some(Mode::Proxy) => by_login(environment, provider, resource.as_ref(), &mut found),
        None => {
            judge_what_is_set(environment, &mut found);
            None
        }
    };
    found.finish(policy)
}

/// Who runs the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Native,
    Proxy,
}

/// Where nobody says: the sidecar, if it has an id at the provider.
fn mode(environment: &Environment, found: &mut Collector) -> Option<Mode> {
    match first(environment, &["OAUTH_MODE"]) {
        Some((_, "native")) => Some(Mode::Native),
        Some((_, "proxy")) => Some(Mode::Proxy),
        Some((name, mode)) => {
            found.report(name, format!("must be native or proxy, not '{}'", mode.escape_debug()));
            None
        }
        None if OF_PROXY_MODE.iter().any(|name| first(environment, &[name]).is_some()) => Some(Mode::Proxy),
        None => Some(Mode::Native),
    }
}

/// A policy by which clients log in through the sidecar.
fn by_login(
    environment: &Environment,
    provider: Option<Provider>,
    resource: Option<&ResourceUrl>,
    found: &mut Collector,
) -> Option<Policy> {
    let provider = match provider {
        Some(Provider::Hmac) => {
            found.report(
                "OAUTH_PROVIDER",
                "must be a provider that people can log in with: hmac is for native mode",
            );
            None
        }
        other => other,
    };
    let require = claims::required(environment, found);
    let origins = origins(environment, found);
    let proxy = login::proxy(environment, provider, resource, found);
    let (provider, resource, proxy) = (provider?, resource?, proxy?);
    let audiences = found.take("OAUTH_SERVER_URL", Audience::parse(resource.as_str())).into_iter().collect();
    let parts = Parts {
        resource: resource.clone(),
        public_paths: Vec::new(),
        allowed_origins: origins,
        max_body_bytes: DEFAULT_MAX_BODY_BYTES,
        trust: Trust { oidc: None, hmac: Vec::new(), audiences },
        claims: ClaimRules::of_logins(provider, Written { require, ..Written::default() }),
        required_scopes: Vec::new(),
        proxy: Some(Box::new(proxy)),
    };
    made(environment, parts, found)
}

/// The rules that span fields, each under the variable that its field is written in.
fn made(environment: &Environment, parts: Parts, found: &mut Collector) -> Option<Policy> {
    let report = |violations: Violations| {
        for violation in violations.as_slice() {
            let name = match violation.path.as_str() {
                "resource" => first(environment, &OF_RESOURCE).map_or(OF_RESOURCE[0], |(name, _)| name),
                "proxy.redirectURIs" => "OAUTH_REDIRECT_URIS",
                // That none is there, or that it is wrong, was said when it was read.
                "trust.audiences" => continue,
                other => other,
            };
            found.report(name, violation.reason.as_str());
        }
    };
    Policy::new(parts).map_err(report).ok()
}

fn refuse_what_is_not_done(environment: &Environment, found: &mut Collector) {
    let set = |name: &'static str| first(environment, &[name]).is_some();
    if first(environment, &["OAUTH_ENABLED"]).is_some_and(|(_, value)| !matches!(value, "true" | "1")) {
        found.report("OAUTH_ENABLED", "must be true: a sidecar that lets everyone through is not run at all");
    }
    for name in OF_TLS.into_iter().filter(|name| set(name)) {
        found.report(
            name,
            "is not used: this version does not end TLS, which an ingress or a proxy in front does",
        );
    }
}

#[cfg(test)]
mod tests;
