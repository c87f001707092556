//! What single variables say.
//!
//! Pure. Each mistake names its variable, and the first name that is set to something counts.

use crds::Broken;
use crds::names::{Audience, Issuer, ResourceUrl, WebOrigin};
use crds::provider::Provider;
use crds::violation::Collector;

use super::{ALLOWED_ORIGINS, Environment, OF_AUDIENCE, OF_ISSUER};

pub(super) fn provider(environment: &Environment, found: &mut Collector) -> Option<Provider> {
    match first(environment, &["OAUTH_PROVIDER"]) {
        Some((name, word)) => found.take(name, quoted(word, Provider::parse(word))),
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
pub(super) fn resource(environment: &Environment, found: &mut Collector) -> Option<ResourceUrl> {
    if let Some((name, url)) = first(environment, &["OAUTH_SERVER_URL"]) {
        let read = |url: &str| quoted(url, ResourceUrl::parse(url));
        let parsed = found.take(name, read(url.strip_suffix('/').unwrap_or(url)))?;
        let whole = if parsed.path().is_empty() { format!("{parsed}/mcp") } else { parsed.to_string() };
        return found.take(name, read(&whole));
    }
    if let Some((name, url)) = first(environment, &["MCP_URL"]) {
        return found.take(name, quoted(url, ResourceUrl::parse(url)));
    }
    found.report(
        "OAUTH_SERVER_URL",
        "is missing: the public URL of the MCP endpoint, such as https://mcp.example.com/mcp",
    );
    None
}

/// Of web pages that may call from a browser (R17), with commas or white space between them.
pub(super) fn origins(environment: &Environment, found: &mut Collector) -> Vec<WebOrigin> {
    let Some((name, text)) = first(environment, &[ALLOWED_ORIGINS]) else { return Vec::new() };
    let each = text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|one| !one.is_empty());
    let parse =
        |one: &str| WebOrigin::parse(one).map_err(|Broken(why)| Broken(format!("has {one:?}, which {why}")));
    each.filter_map(|one| found.take(name, parse(one))).collect()
}

pub(super) fn audiences(environment: &Environment, found: &mut Collector) -> Vec<Audience> {
    let Some((name, list)) = first(environment, &OF_AUDIENCE) else { return Vec::new() };
    list.split(',').filter_map(|one| found.take(name, Audience::parse(one.trim()))).collect()
}

/// The provider, by its own spelling; one that is in one place for everybody needs none.
pub(in crate::settings) fn issuer(
    environment: &Environment,
    provider: Option<Provider>,
    found: &mut Collector,
) -> Option<Issuer> {
    if let Some((name, issuer)) = first(environment, &OF_ISSUER) {
        return found.take(name, quoted(issuer, Issuer::parse(issuer)));
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

/// With the value that was written. Not for secrets.
pub(in crate::settings) fn quoted<T>(text: &str, parsed: Result<T, Broken>) -> Result<T, Broken> {
    parsed.map_err(|Broken(why)| Broken(format!("{why}, not '{}'", text.escape_debug())))
}

/// The first of the variables that is set to something.
pub(in crate::settings) fn first<'a>(
    environment: &'a Environment,
    names: &[&'static str],
) -> Option<(&'static str, &'a str)> {
    names.iter().find_map(|name| {
        let value = environment.get(*name)?.as_str();
        (!value.is_empty()).then_some((*name, value))
    })
}
