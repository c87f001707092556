//! Rules that span fields of a policy: which fields go with which provider and which mode.
//!
//! Pure. Each stands here once, with the field at fault and a sentence that says what to do: the API server gets it as CEL, and
//! whoever reads a policy after it asks `check` (K13: the second door knows every rule of the first). Meets J13 (no audience
//! closes), J02 (a shared secret is no way to log in).

use kube::core::{Reason, Rule};
use schemars::Schema;

use super::{McpOAuthPolicySpec, Mode, Oidc, OidcEndpoints, StoreSettings};
use crate::names::ResourceUrl;
use crate::provider::Provider;
use crate::proxy::IN_THE_CLEAR;
use crate::violation::Collector;

/// One rule.
struct Spanning {
    /// Below `spec`; empty for the spec itself.
    field: &'static str,
    says: &'static str,
    reason: Reason,
    cel: String,
    holds: Box<dyn Fn(&McpOAuthPolicySpec) -> bool>,
}

/// `McpOAuthPolicySpec::mode` in CEL.
const IS_PROXY: &str = "(has(self.mode) ? self.mode == 'proxy' : has(self.oidc) && has(self.oidc.clientId))";

/// Notes every rule that a policy breaks.
pub fn check(spec: &McpOAuthPolicySpec, found: &mut Collector) {
    for rule in all().filter(|rule| !(rule.holds)(spec)) {
        let dot = if rule.field.is_empty() { "" } else { "." };
        found.report(format!("spec{dot}{}", rule.field), rule.says);
    }
}

/// States them in the schema of a policy.
pub(super) fn state(schema: &mut Schema) {
    let rules = all().map(Spanning::into_cel).chain([callback()]);
    let rules: Vec<_> = rules.filter_map(|rule| serde_json::to_value(rule).ok()).collect();
    schema.insert("x-kubernetes-validations".into(), rules.into());
}

fn all() -> impl Iterator<Item = Spanning> {
    of_providers().into_iter().chain(of_native_mode()).chain(of_proxy_mode()).chain(of_stores())
}

fn of_providers() -> [Spanning; 5] {
    let shared = |spec: &McpOAuthPolicySpec| spec.provider == Provider::Hmac;
    [
        Spanning::new(
            "",
            "provider hmac needs the field hmac, every other provider needs the field oidc",
            "self.provider == 'hmac' ? has(self.hmac) : has(self.oidc)",
            move |spec| if shared(spec) { spec.hmac.is_some() } else { spec.oidc.is_some() },
        ),
        Spanning::new(
            "",
            "provider hmac takes no field oidc, and every other provider takes no field hmac",
            "self.provider == 'hmac' ? !has(self.oidc) : !has(self.hmac)",
            move |spec| if shared(spec) { spec.oidc.is_none() } else { spec.hmac.is_none() },
        ),
        Spanning::new(
            "mode",
            "must be native with provider hmac: nobody logs in with a shared secret",
            format!("self.provider != 'hmac' || !{IS_PROXY}"),
            move |spec| !shared(spec) || spec.mode() == Mode::Native,
        ),
        Spanning::new(
            "provider",
            "must not be github in native mode, for its tokens name no audience: set oidc.clientId, and mode: proxy where a \
             mode is written",
            format!("self.provider != 'github' || {IS_PROXY}"),
            |spec| spec.provider != Provider::Github || spec.mode() == Mode::Proxy,
        ),
        Spanning::new(
            "oidc.issuer",
            "must be the provider's issuer, such as https://company.okta.com: only google and github have one of their own",
            "!has(self.oidc) || has(self.oidc.issuer) || self.provider in ['google', 'github']",
            |spec| given(spec, |oidc| oidc.issuer.is_some() || spec.provider.issuer().is_some()),
        )
        .required(),
    ]
}

/// What native mode needs, and what has no meaning there.
fn of_native_mode() -> Vec<Spanning> {
    let audience = Spanning::new(
        "oidc.audience",
        "must name at least one audience in native mode, which the provider writes into tokens for this server",
        format!("{IS_PROXY} || !has(self.oidc) || has(self.oidc.audience)"),
        |spec| spec.mode() == Mode::Proxy || given(spec, |oidc| !oidc.audience.is_empty()),
    )
    .required();
    let left_out = |field, is_there: fn(&McpOAuthPolicySpec) -> bool| {
        Spanning::new(
            field,
            "must be left out in native mode: logins through the sidecar need oidc.clientId, and mode: proxy where a mode is \
             written",
            format!("{IS_PROXY} || !({})", is_given(field)),
            move |spec| spec.mode() == Mode::Proxy || !is_there(spec),
        )
        .forbidden()
    };
    vec![
        audience,
        left_out("proxy", |spec| spec.proxy.is_some()),
        left_out("oidc.clientId", |spec| has(spec, |oidc| oidc.client_id.is_some())),
        left_out("oidc.clientSecretRef", |spec| has(spec, |oidc| oidc.client_secret_ref.is_some())),
        left_out("oidc.scopes", |spec| has(spec, |oidc| !oidc.scopes.is_empty())),
        left_out("oidc.extraParams", |spec| has(spec, |oidc| !oidc.extra_params.is_empty())),
        left_out("oidc.endpoints.authorization", |spec| overrides(spec, |all| all.authorization.is_some())),
        left_out("oidc.endpoints.token", |spec| overrides(spec, |all| all.token.is_some())),
        left_out("oidc.endpoints.revocation", |spec| overrides(spec, |all| all.revocation.is_some())),
    ]
}

/// What proxy mode needs, and what has no meaning there.
fn of_proxy_mode() -> [Spanning; 7] {
    [
        in_the_clear(),
        Spanning::new(
            "oidc.clientId",
            "must be the id by which the provider knows the sidecar, in proxy mode",
            format!("!{IS_PROXY} || !has(self.oidc) || has(self.oidc.clientId)"),
            |spec| spec.mode() == Mode::Native || given(spec, |oidc| oidc.client_id.is_some()),
        )
        .required(),
        Spanning::new(
            "oidc.clientSecretRef",
            "must name a secret with provider github, which gives no token without one",
            "self.provider != 'github' || !has(self.oidc) || has(self.oidc.clientSecretRef)",
            |spec| spec.provider != Provider::Github || given(spec, |oidc| oidc.client_secret_ref.is_some()),
        )
        .required(),
        Spanning::new(
            "oidc.scopes",
            "must hold openid: without it the provider gives no ID token, which says who the user is",
            "self.provider == 'github' || !has(self.oidc) || !has(self.oidc.scopes) || 'openid' in self.oidc.scopes",
            |spec| {
                let holds = |oidc: &Oidc| oidc.scopes.is_empty() || oidc.scopes.iter().any(|one| one == "openid");
                spec.provider == Provider::Github || given(spec, holds)
            },
        ),
        Spanning::new(
            "oidc.endpoints.revocation",
            "must be left out with provider github, which has no such place",
            format!("self.provider != 'github' || !({})", is_given("oidc.endpoints.revocation")),
            |spec| spec.provider != Provider::Github || !overrides(spec, |all| all.revocation.is_some()),
        )
        .forbidden(),
        Spanning::new(
            "oidc.audience",
            "must be left out in proxy mode: tokens are the sidecar's own there, and for server.url alone",
            format!("!{IS_PROXY} || !({})", is_given("oidc.audience")),
            |spec| spec.mode() == Mode::Native || given(spec, |oidc| oidc.audience.is_empty()),
        )
        .forbidden(),
        Spanning::new(
            "claims.scope",
            "must be left out in proxy mode: tokens are the sidecar's own there, and carry their scopes in scope",
            format!("!{IS_PROXY} || !({})", is_given("claims.scope")),
            |spec| spec.mode() == Mode::Native || spec.claims.as_ref().is_none_or(|own| own.scope.is_none()),
        )
        .forbidden(),
    ]
}

/// What a store needs, and what has no meaning for it.
fn of_stores() -> [Spanning; 2] {
    let none = "!has(self.proxy) || !has(self.proxy.store)";
    [
        Spanning::new(
            "proxy.store.passwordRef",
            "must name a password where the store has a username",
            format!("{none} || !has(self.proxy.store.username) || has(self.proxy.store.passwordRef)"),
            |spec| stores(spec, |store| store.username.is_none() || store.password_ref.is_some()),
        )
        .required(),
        Spanning::new(
            "proxy.store.caBundleRef",
            "must be left out where the store's url is redis://, which has no TLS: rediss:// has",
            format!(
                "{none} || !has(self.proxy.store.caBundleRef) || self.proxy.store.url.startsWith('rediss://')"
            ),
            |spec| stores(spec, |store| store.ca_bundle_ref.is_none() || store.url.starts_with("rediss://")),
        )
        .forbidden(),
    ]
}

/// A18: nobody logs in where a browser keeps no cookies.
fn in_the_clear() -> Spanning {
    let loopback =
        r"self.server.url.matches(r'^http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?:[:/]|$)')";
    Spanning::new(
        "server.url",
        IN_THE_CLEAR,
        format!("!{IS_PROXY} || !self.server.url.startsWith('http://') || {loopback}"),
        |spec| {
            let keeps = ResourceUrl::parse(&spec.server.url).is_ok_and(|url| url.keeps_cookies());
            spec.mode() == Mode::Native || keeps || !spec.server.url.starts_with("http://")
        },
    )
}

/// One redirect URI is our own callback. The second door has this from `Policy`, which knows the callback itself.
fn callback() -> Rule {
    // Cut out of the text: what the library for URLs gives has no bound that the API server could reckon with.
    let own = "!has(self.proxy) || !has(self.proxy.redirectURIs) || size(self.proxy.redirectURIs) != 1 || \
               size(self.server.url) < 8 || self.proxy.redirectURIs.all(uri, uri.endsWith('/oauth/callback') && \
               !uri.contains('?') && uri.startsWith((self.server.url + '/').substring(0, \
               (self.server.url + '/').indexOf('/', 8) + 1)))";
    Rule::new(own)
        .message(
            "must be our own callback where it is one URI, such as https://mcp.example.com/oauth/callback on the host of \
             server.url; a list of clients' URIs has several",
        )
        .field_path(".proxy.redirectURIs")
}

impl Spanning {
    fn new(
        field: &'static str,
        says: &'static str,
        cel: impl Into<String>,
        holds: impl Fn(&McpOAuthPolicySpec) -> bool + 'static,
    ) -> Self {
        Self { field, says, reason: Reason::FieldValueInvalid, cel: cel.into(), holds: Box::new(holds) }
    }

    fn required(self) -> Self {
        Self { reason: Reason::FieldValueRequired, ..self }
    }

    fn forbidden(self) -> Self {
        Self { reason: Reason::FieldValueForbidden, ..self }
    }

    fn into_cel(self) -> Rule {
        let rule = Rule::new(self.cel).message(self.says);
        if self.field.is_empty() {
            rule
        } else {
            rule.field_path(format!(".{}", self.field)).reason(self.reason)
        }
    }
}

/// Whether something is so of the field `oidc`, where it is there at all: that it must be is another rule.
fn given(spec: &McpOAuthPolicySpec, holds: impl FnOnce(&Oidc) -> bool) -> bool {
    spec.oidc.as_ref().is_none_or(holds)
}

/// Whether the field `oidc` is there and has something.
fn has(spec: &McpOAuthPolicySpec, holds: impl FnOnce(&Oidc) -> bool) -> bool {
    spec.oidc.as_ref().is_some_and(holds)
}

fn overrides(spec: &McpOAuthPolicySpec, what: impl FnOnce(&OidcEndpoints) -> bool) -> bool {
    has(spec, |oidc| oidc.endpoints.as_ref().is_some_and(what))
}

/// Whether something is so of the store, where there is one.
fn stores(spec: &McpOAuthPolicySpec, holds: impl FnOnce(&StoreSettings) -> bool) -> bool {
    spec.proxy.as_ref().and_then(|proxy| proxy.store.as_ref()).is_none_or(holds)
}

/// In CEL, whether a field is there, and all that it stands in.
fn is_given(field: &str) -> String {
    let ends = field.match_indices('.').map(|(at, _)| at).chain([field.len()]);
    ends.map(|end| format!("has(self.{})", &field[..end])).collect::<Vec<_>>().join(" && ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_there_with_all_that_it_stands_in() {
        assert_eq!(is_given("proxy"), "has(self.proxy)");
        assert_eq!(
            is_given("oidc.endpoints.token"),
            "has(self.oidc) && has(self.oidc.endpoints) && has(self.oidc.endpoints.token)"
        );
    }

    #[test]
    fn the_mode_is_what_is_written_or_follows_from_an_id_at_the_provider() {
        let of = |rest: &str| {
            let spec = format!("{{server: {{url: 'https://h/mcp'}}, provider: okta, {rest}}}");
            serde_yaml::from_str::<McpOAuthPolicySpec>(&spec).expect("YAML").mode()
        };
        assert_eq!(of("oidc: {}"), Mode::Native);
        assert_eq!(of("oidc: {clientId: x}"), Mode::Proxy);
        assert_eq!(of("mode: native, oidc: {clientId: x}"), Mode::Native);
        assert_eq!(of("mode: proxy, oidc: {}"), Mode::Proxy);
    }
}
