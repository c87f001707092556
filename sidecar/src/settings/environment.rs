//! The policy of those who have no operator: Docker Compose, a laptop, any VM. The variables are those that users of this
//! field write already.
//!
//! Pure. The same constructors as everywhere (habit 2); each mistake names its variable. A variable that asks for what
//! this version does not do is refused; one that means nothing in this mode is named at the start (`advice`).

use crds::claims::{ClaimRules, Written};
use crds::names::{Audience, Issuer, ResourceUrl};
use crds::policy::{DEFAULT_MAX_BODY_BYTES, OidcTrust, Parts, Trust};
use crds::provider::Provider;
use crds::violation::Collector;
use crds::{HmacKey, Policy, Violations};

use super::{Environment, claims, login};

/// Variables of a login that the sidecar runs itself.
pub(super) const OF_PROXY_MODE: [&str; 5] =
    ["OAUTH_CLIENT_ID", "OIDC_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OIDC_CLIENT_SECRET", "OAUTH_REDIRECT_URIS"];
/// Of tokens of a provider, or under a shared secret.
pub(super) const OF_AUDIENCE: [&str; 2] = ["OAUTH_AUDIENCE", "OIDC_AUDIENCE"];
const OF_TLS: [&str; 2] = ["HTTPS_CERT_FILE", "HTTPS_KEY_FILE"];

pub(super) fn policy(environment: &Environment) -> Result<Policy, Violations> {
    let mut found = Collector::default();
    refuse_what_is_not_done(environment, &mut found);
    let provider = provider(environment, &mut found);
    let resource = resource(environment, &mut found);
    if mode(environment, &mut found) == Mode::Proxy {
        let policy = match (provider, &resource) {
            (Some(provider), Some(resource)) => by_login(environment, provider, resource, &mut found),
            _ => None,
        };
        return found.finish(policy);
    }
    let trust = provider.and_then(|provider| match provider {
        Provider::Hmac => hmac(environment, resource.as_ref(), &mut found),
        Provider::Github => {
            found.report("OAUTH_PROVIDER", "must not be github in native mode: its tokens name no audience; set OAUTH_CLIENT_ID for proxy mode");
            None
        }
        _ => oidc(environment, provider, &mut found),
    });
    let require = claims::required(environment, &mut found);
    let (Some(provider), Some(resource), Some(trust)) = (provider, resource, trust) else {
        return found.finish(None);
    };
    let parts = Parts {
        resource,
        public_paths: Vec::new(),
        allowed_origins: Vec::new(),
        max_body_bytes: DEFAULT_MAX_BODY_BYTES,
        trust,
        claims: ClaimRules::of_access_tokens(provider, Written { require, ..Written::default() }),
        required_scopes: Vec::new(),
        proxy: None,
    };
    let policy = found.merge(Policy::new(parts));
    found.finish(policy)
}

/// Who runs the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Native,
    Proxy,
}

/// Where nobody says: the sidecar, if it has an id at the provider.
fn mode(environment: &Environment, found: &mut Collector) -> Mode {
    match first(environment, &["OAUTH_MODE"]) {
        Some((_, "native")) => Mode::Native,
        Some((_, "proxy")) => Mode::Proxy,
        Some((name, _)) => {
            found.report(name, "must be native or proxy");
            Mode::Native
        }
        None if OF_PROXY_MODE.iter().any(|name| first(environment, &[name]).is_some()) => Mode::Proxy,
        None => Mode::Native,
    }
}

/// A policy by which clients log in through the sidecar.
fn by_login(
    environment: &Environment,
    provider: Provider,
    resource: &ResourceUrl,
    found: &mut Collector,
) -> Option<Policy> {
    if provider == Provider::Hmac {
        found.report(
            "OAUTH_PROVIDER",
            "must be a provider that people can log in with: hmac is for native mode",
        );
        return None;
    }
    let require = claims::required(environment, found);
    let proxy = login::proxy(environment, provider, resource, found)?;
    let audiences = found.take("OAUTH_SERVER_URL", Audience::parse(resource.as_str())).into_iter().collect();
    let parts = Parts {
        resource: resource.clone(),
        public_paths: Vec::new(),
        allowed_origins: Vec::new(),
        max_body_bytes: DEFAULT_MAX_BODY_BYTES,
        trust: Trust { oidc: None, hmac: Vec::new(), audiences },
        claims: ClaimRules::of_logins(provider, Written { require, ..Written::default() }),
        required_scopes: Vec::new(),
        proxy: Some(Box::new(proxy)),
    };
    found.merge(Policy::new(parts))
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
    let own = || resource.and_then(|resource| Audience::parse(resource.as_str()).ok()).into_iter().collect();
    let audiences = if named.is_empty() { own() } else { named };
    Some(Trust { oidc: None, hmac: vec![key?], audiences })
}

/// The provider, by its own spelling; one that is in one place for everybody needs none.
pub(super) fn issuer(environment: &Environment, provider: Provider, found: &mut Collector) -> Option<Issuer> {
    match (first(environment, &["OAUTH_ISSUER", "OIDC_ISSUER"]), provider.issuer()) {
        (Some((name, issuer)), _) => found.take(name, Issuer::parse(issuer)),
        (None, Some(known)) => Some(known),
        (None, None) => {
            found.report(
                "OAUTH_ISSUER",
                "is missing: the provider's issuer, such as https://company.okta.com",
            );
            None
        }
    }
}

fn oidc(environment: &Environment, provider: Provider, found: &mut Collector) -> Option<Trust> {
    let issuer = issuer(environment, provider, found);
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
mod tests {
    use super::*;

    const SECRET: &str = "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA";

    fn of(pairs: &[(&str, &str)]) -> Result<Policy, String> {
        let environment =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        policy(&environment).map_err(|violations| violations.to_string())
    }

    const OKTA: [(&str, &str); 4] = [
        ("OAUTH_PROVIDER", "okta"),
        ("OAUTH_ISSUER", "https://company.okta.com"),
        ("OAUTH_AUDIENCE", "api://my-server"),
        ("OAUTH_SERVER_URL", "https://your-server.com"),
    ];

    #[test]
    fn the_variables_of_the_seed_make_a_policy() {
        let policy = of(&OKTA).expect("the seed's own example");
        assert_eq!(policy.resource.as_str(), "https://your-server.com/mcp");
        assert_eq!(policy.trust.audiences[0].as_str(), "api://my-server");
    }

    #[test]
    fn without_an_audience_a_provider_is_not_trusted_and_with_one_it_is() {
        let without: Vec<_> = OKTA.into_iter().filter(|(name, _)| *name != "OAUTH_AUDIENCE").collect();
        assert!(of(&without).expect_err("J13").contains("OAUTH_AUDIENCE: is missing"));
        assert!(of(&OKTA).is_ok());
    }

    #[test]
    fn an_hmac_policy_is_for_its_own_url_unless_told_otherwise() {
        let hmac = [("OAUTH_PROVIDER", "hmac"), ("JWT_SECRET", SECRET), ("MCP_URL", "https://h/x")];
        assert_eq!(of(&hmac).expect("valid").trust.audiences[0].as_str(), "https://h/x");
        let named = [&hmac[..], &[("OAUTH_AUDIENCE", "api://x")]].concat();
        assert_eq!(of(&named).expect("valid").trust.audiences[0].as_str(), "api://x");
    }

    #[test]
    fn what_this_version_does_not_do_is_refused_and_not_ignored() {
        for (name, value) in
            [("OAUTH_ENABLED", "false"), ("OAUTH_MODE", "both"), ("HTTPS_CERT_FILE", "/x.pem")]
        {
            let said = of(&[&OKTA[..], &[(name, value)]].concat()).expect_err(name);
            assert!(said.starts_with(name), "{said}");
        }
        let native =
            [&OKTA[..], &[("OAUTH_MODE", "native"), ("OAUTH_CLIENT_ID", "x"), ("OAUTH_ENABLED", "true")]]
                .concat();
        assert!(of(&native).is_ok());
    }

    #[test]
    fn a_provider_that_is_in_one_place_needs_no_issuer_and_others_do() {
        let google = [("OAUTH_PROVIDER", "google"), ("OAUTH_AUDIENCE", "x"), ("MCP_URL", "https://h/x")];
        let trust = of(&google).expect("its issuer is known").trust.clone();
        assert_eq!(trust.oidc.expect("a provider").issuer.as_str(), "https://accounts.google.com");
        let okta = google.map(|(name, value)| (name, if value == "google" { "okta" } else { value }));
        assert!(of(&okta).expect_err("it could be anybody's").contains("OAUTH_ISSUER: is missing"));
    }

    #[test]
    fn j13_github_is_for_proxy_mode_alone() {
        let native = [("OAUTH_PROVIDER", "github"), ("OAUTH_AUDIENCE", "x"), ("MCP_URL", "https://h/x")];
        assert!(of(&native).expect_err("its tokens are anybody's").starts_with("OAUTH_PROVIDER: "));
        let proxy = [&native[..], &[("OAUTH_CLIENT_ID", "Iv1.a"), ("OAUTH_CLIENT_SECRET", "s")]].concat();
        let login = of(&proxy).expect("its login").proxy.clone().expect("proxy mode").login;
        assert_eq!(login.issuer.as_str(), "https://github.com");
        let without = of(&proxy[..4]).expect_err("GitHub knows no public clients");
        assert!(without.contains("OAUTH_CLIENT_SECRET: "), "{without}");
    }

    #[test]
    fn every_missing_variable_is_named() {
        let said = of(&[("OAUTH_PROVIDER", "okta")]).expect_err("nothing else is set");
        for name in ["OAUTH_SERVER_URL", "OAUTH_ISSUER", "OAUTH_AUDIENCE"] {
            assert!(said.contains(name), "{said}");
        }
    }
}
