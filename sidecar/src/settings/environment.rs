//! The policy of those who have no operator: Docker Compose, a laptop, any VM. The variables are those that users of this
//! field write already.
//!
//! Pure. The same constructors as everywhere (habit 2); each mistake names its variable. A variable that asks for what
//! this version does not do is refused; one that means nothing in this mode is named at the start (`advice`).

use crds::claims::{ClaimRules, Written};
use crds::names::{Audience, Issuer, ResourceUrl, WebOrigin};
use crds::policy::{DEFAULT_MAX_BODY_BYTES, OidcTrust, Parts, Trust};
use crds::provider::Provider;
use crds::violation::Collector;
use crds::{Broken, HmacKey, Policy, Violations};

use super::{Environment, claims, login};

/// Variables of a login that the sidecar runs itself.
pub(super) const OF_PROXY_MODE: [&str; 5] =
    ["OAUTH_CLIENT_ID", "OIDC_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OIDC_CLIENT_SECRET", "OAUTH_REDIRECT_URIS"];
/// Of tokens of a provider, or under a shared secret.
pub(super) const OF_AUDIENCE: [&str; 2] = ["OAUTH_AUDIENCE", "OIDC_AUDIENCE"];
/// The first that is set counts.
const OF_RESOURCE: [&str; 2] = ["OAUTH_SERVER_URL", "MCP_URL"];
const OF_ISSUER: [&str; 2] = ["OAUTH_ISSUER", "OIDC_ISSUER"];
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
        Some((name, _)) => {
            found.report(name, "must be native or proxy");
            None
        }
        None if OF_PROXY_MODE.iter().any(|name| first(environment, &[name]).is_some()) => Some(Mode::Proxy),
        None => Some(Mode::Native),
    }
}

/// What can be judged where the provider or the mode is not known: most of them read the issuer, and the others the secret.
fn judge_what_is_set(environment: &Environment, found: &mut Collector) {
    if let Some((name, issuer)) = first(environment, &OF_ISSUER) {
        found.take(name, Issuer::parse(issuer));
    } else if let Some((name, secret)) = first(environment, &["JWT_SECRET"]) {
        found.take(name, HmacKey::parse(secret.as_bytes()));
    }
}

/// A policy by which clients log in at the provider.
fn natively(
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

fn provider(environment: &Environment, found: &mut Collector) -> Option<Provider> {
    match first(environment, &["OAUTH_PROVIDER"]) {
        Some((name, word)) => found.take(name, Provider::parse(word)),
        None => {
            found.report(
                "OAUTH_PROVIDER",
                "is missing: hmac, okta, google, azure, auth0, keycloak, cognito, github or oidc",
            );
            None
        }
    }
}

/// `MCP_URL` is the whole URL of the MCP endpoint; `OAUTH_SERVER_URL` may be the origin alone, and then means /mcp there.
fn resource(environment: &Environment, found: &mut Collector) -> Option<ResourceUrl> {
    if let Some((name, url)) = first(environment, &["OAUTH_SERVER_URL"]) {
        let parsed = found.take(name, ResourceUrl::parse(url.strip_suffix('/').unwrap_or(url)))?;
        let whole = if parsed.path().is_empty() { format!("{parsed}/mcp") } else { parsed.to_string() };
        return found.take(name, ResourceUrl::parse(&whole));
    }
    if let Some((name, url)) = first(environment, &["MCP_URL"]) {
        return found.take(name, ResourceUrl::parse(url));
    }
    found.report(
        "OAUTH_SERVER_URL",
        "is missing: the public URL of the MCP endpoint, such as https://mcp.example.com/mcp",
    );
    None
}

/// Of web pages that may call from a browser (R17), with commas or white space between them.
fn origins(environment: &Environment, found: &mut Collector) -> Vec<WebOrigin> {
    let Some((name, text)) = first(environment, &[ALLOWED_ORIGINS]) else { return Vec::new() };
    let each = text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|one| !one.is_empty());
    let parse =
        |one: &str| WebOrigin::parse(one).map_err(|Broken(why)| Broken(format!("has {one:?}, which {why}")));
    each.filter_map(|one| found.take(name, parse(one))).collect()
}

fn audiences(environment: &Environment, found: &mut Collector) -> Vec<Audience> {
    match first(environment, &OF_AUDIENCE) {
        Some((name, list)) => {
            list.split(',').filter_map(|one| found.take(name, Audience::parse(one.trim()))).collect()
        }
        None => Vec::new(),
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

/// The provider, by its own spelling; one that is in one place for everybody needs none.
pub(super) fn issuer(
    environment: &Environment,
    provider: Option<Provider>,
    found: &mut Collector,
) -> Option<Issuer> {
    if let Some((name, issuer)) = first(environment, &OF_ISSUER) {
        return found.take(name, Issuer::parse(issuer));
    }
    match provider?.issuer() {
        Some(known) => Some(known),
        None => {
            found.report(
                "OAUTH_ISSUER",
                "is missing: the provider's issuer, such as https://company.okta.com",
            );
            None
        }
    }
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

/// The first of the variables that is set to something.
pub(super) fn first<'a>(
    environment: &'a Environment,
    names: &[&'static str],
) -> Option<(&'static str, &'a str)> {
    names.iter().find_map(|name| {
        let value = environment.get(*name)?.as_str();
        (!value.is_empty()).then_some((*name, value))
    })
}

/// A policy for tests: HMAC, with public paths.
#[cfg(test)]
pub(crate) fn example_policy(url: &str, public: &[&str]) -> Policy {
    let mut parts = Parts::from(example_policy_with_scopes(url, &[]));
    parts.public_paths =
        public.iter().map(|path| crds::names::PublicPath::parse(path).expect("a valid example")).collect();
    Policy::new(parts).expect("a valid example")
}

/// A policy for tests: HMAC, with required scopes.
#[cfg(test)]
pub(crate) fn example_policy_with_scopes(url: &str, scopes: &[&str]) -> Policy {
    let pairs =
        [("OAUTH_PROVIDER", "hmac"), ("JWT_SECRET", "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA"), ("MCP_URL", url)];
    let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut parts = Parts::from(policy(&environment).expect("a valid example"));
    parts.required_scopes =
        scopes.iter().map(|scope| crds::names::Scope::parse(scope).expect("a valid example")).collect();
    Policy::new(parts).expect("a valid example")
}

#[cfg(test)]
mod tests;
