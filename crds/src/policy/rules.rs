//! The rules that span the fields of a policy.
//!
//! Pure. Each reports under the path of the part that is to be changed. Meets J02, J13, O14, A18, P04, promise 1.

use super::Parts;
use crate::names::Audience;
use crate::provider::Provider;
use crate::proxy;
use crate::redirect::Redirects;
use crate::violation::Collector;

/// Only here are the list and the host known at once.
pub(super) fn place(parts: &mut Parts, found: &mut Collector) {
    let Some(proxy) = &mut parts.proxy else { return };
    let placed = proxy::placed(&parts.resource, proxy.redirects.clone());
    if let Some(placed) = found.take("proxy.redirectURIs", placed) {
        proxy.redirects = placed;
    }
}

pub(super) fn check(parts: &Parts, found: &mut Collector) {
    check_public_paths(parts, found);
    check_trust(parts, found);
    check_callback(parts, found);
    check_transport(parts, found);
    check_path(parts, found);
    check_login(parts, found);
    if parts.claims.scope.is_empty() {
        found.report("claims.scope", "must name at least one claim");
    }
    if parts.max_body_bytes == 0 {
        found.report("maxBodyBytes", "must be at least 1");
    }
}

fn check_public_paths(parts: &Parts, found: &mut Collector) {
    // Lower case on both sides: routers that do not mind it serve the MCP endpoint at `/MCP` too. What else some of them
    // read as the same path (dot segments, `;`) cannot stand in either text.
    let mcp = match parts.resource.path() {
        "" => "/".to_owned(),
        path => path.to_ascii_lowercase(),
    };
    for (index, public) in parts.public_paths.iter().enumerate() {
        let public = public.as_str().to_ascii_lowercase();
        let below = public.strip_prefix(&mcp).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if below {
            found.report(
                format!("publicPaths[{index}]"),
                format!(
                    "must not be the MCP endpoint {mcp:?} or below it, in whatever case: \
                     that would need no token"
                ),
            );
        }
    }
}

fn check_trust(parts: &Parts, found: &mut Collector) {
    let trust = &parts.trust;
    let kinds = [trust.oidc.is_some(), !trust.hmac.is_empty(), parts.proxy.is_some()];
    match kinds.into_iter().filter(|kind| *kind).count() {
        0 => found.report("trust", "must have an issuer or a shared secret, or be in proxy mode"),
        1 => {}
        // J02: a verifier that knows two kinds of key is one confusion away from taking one for the other.
        _ => found.report("trust", "must not mix an issuer, shared secrets and proxy mode"),
    }
    // O14: our own tokens are for this resource, and for no other.
    let is_own = |audience: &Audience| audience.as_str() == parts.resource.as_str();
    if parts.proxy.is_some() && !(trust.audiences.len() == 1 && trust.audiences.iter().all(is_own)) {
        found.report("trust.audiences", "must be the resource alone in proxy mode");
    }
    // J13: no audience configured closes, it never opens.
    if trust.audiences.is_empty() {
        found.report("trust.audiences", "must name at least one audience");
    }
}

/// One redirect URI is our own callback: taken for a client's, it would let in what nobody meant to let in.
fn check_callback(parts: &Parts, found: &mut Collector) {
    let Some(proxy) = &parts.proxy else { return };
    let own = proxy::callback(&parts.resource, &proxy.redirects);
    if let Redirects::Fixed(one) = &proxy.redirects
        && one.as_str() != own
    {
        found.report(
            "proxy.redirectURIs",
            format!("must be our own callback where it is one URI, such as {own:?}; a list of clients' URIs has several"),
        );
    }
}

/// A18: in the clear, a browser drops the cookies that bind a login to it, and every login would end on a page that says so.
fn check_transport(parts: &Parts, found: &mut Collector) {
    if parts.proxy.is_some() && !parts.resource.keeps_cookies() {
        found.report("resource", proxy::IN_THE_CLEAR);
    }
}

/// What the sidecar answers itself never reaches the server behind it: with the resource there, nobody could call it.
fn check_path(parts: &Parts, found: &mut Collector) {
    let resource = &parts.resource;
    let issuer = parts.proxy.as_ref().map(|proxy| proxy::issuer(resource, &proxy.redirects));
    let base =
        issuer.as_deref().and_then(|issuer| issuer.strip_prefix(resource.origin())).unwrap_or_default();
    let path = resource.path();
    let is_endpoint = |path: &str| proxy::ENDPOINTS.contains(&path);
    let is_document =
        ["/.well-known/oauth-", "/.well-known/openid-"].iter().any(|start| path.contains(start));
    if is_document || is_endpoint(path) || path.strip_prefix(base).is_some_and(is_endpoint) {
        found.report(
            "resource",
            format!(
                "must be another path than {path:?}, where clients look for an authorization server: \
                 the MCP endpoint could not be reached there"
            ),
        );
    }
}

/// docs.github.com, "Authorizing OAuth apps", step 2: the secret is required there, also with PKCE.
fn check_login(parts: &Parts, found: &mut Collector) {
    let login = parts.proxy.as_ref().map(|proxy| &proxy.login);
    if login.is_some_and(|login| login.provider == Provider::Github && login.client_secret.is_none()) {
        found.report("proxy.login.clientSecret", "must be there: GitHub knows no clients without a secret");
    }
    if login.is_some_and(|login| login.provider == Provider::Hmac) {
        found.report(
            "proxy.login.provider",
            "must be a provider that people can log in with, which hmac is not",
        );
    }
}
