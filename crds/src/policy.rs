//! `Policy`: what the sidecar obeys. The operator renders it, the sidecar loads it, from one type.
//!
//! Pure. A `Policy` that exists is valid: every field is a type that carries its rule, and the rules that span fields
//! are checked by `Policy::new`, which deserialising goes through as well (habit 2: one conversion guards every door).
//! Meets J13 (an audience is always there), P04 (the MCP endpoint is never public), promise 1.

use std::ops::Deref;

use crate::hmac_key::HmacKey;
use crate::names::{Audience, EndpointUrl, Issuer, PublicPath, ResourceUrl, Scope, WebOrigin};
use crate::network::Network;
use crate::provider::Provider;
use crate::proxy::{self, Proxy, Switch};
use crate::redirect::Redirects;
use crate::violation::{Collector, Violations};

pub use crate::claims::ClaimRules;

/// A valid policy, read-only.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Policy(Parts);

/// What a policy is made of. Each part is valid by itself; `Policy::new` makes sure that they are so together.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parts {
    /// The public URL of the MCP endpoint, which is the resource identifier.
    pub resource: ResourceUrl,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_paths: Vec<PublicPath>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<WebOrigin>,
    /// The longest request body in bytes.
    pub max_body_bytes: u64,
    pub trust: Trust,
    pub claims: ClaimRules,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_scopes: Vec<Scope>,
    /// Set where clients log in through the sidecar: then its own tokens are the ones that count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Box<Proxy>>,
}

/// Whose tokens are accepted.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trust {
    /// Set for tokens of an OpenID Connect provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcTrust>,
    /// Set for HS256 tokens under shared secrets: any of them, so that they can be rotated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hmac: Vec<HmacKey>,
    /// A token must name one of these in its audience claim. Never empty.
    pub audiences: Vec<Audience>,
}

/// A provider whose keys come from its discovery document.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcTrust {
    pub issuer: Issuer,
    /// Overrides the `jwks_uri` of the discovery document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<EndpointUrl>,
    /// PEM certificates that are trusted for the provider's endpoints, beside the public roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<String>,
}

/// A request body is at most this long where the policy does not say (X14: what the Python SDK's server takes).
pub const DEFAULT_MAX_BODY_BYTES: u64 = 4 * 1024 * 1024;

impl Policy {
    /// Checks the rules that span fields; paths are those of the parts (`publicPaths[0]`).
    pub fn new(mut parts: Parts) -> Result<Self, Violations> {
        let mut found = Collector::default();
        place(&mut parts, &mut found);
        check_public_paths(&parts, &mut found);
        check_trust(&parts, &mut found);
        check_callback(&parts, &mut found);
        check_transport(&parts, &mut found);
        check_path(&parts, &mut found);
        check_login(&parts, &mut found);
        if parts.claims.scope.is_empty() {
            found.report("claims.scope", "must name at least one claim");
        }
        if parts.max_body_bytes == 0 {
            found.report("maxBodyBytes", "must be at least 1");
        }
        found.finish(Some(Self(parts)))
    }

    /// The authorization server that clients are told of, where there is one: ourselves, or the provider.
    pub fn issuer(&self) -> Option<String> {
        let own = self.proxy.as_ref().map(|proxy| proxy::issuer(&self.resource, &proxy.redirects));
        own.or_else(|| self.trust.oidc.as_ref().map(|oidc| oidc.issuer.to_string()))
    }

    /// Whose accounts all let in, where anybody can have one and nothing is required of people. No mistake, for the provider may
    /// be told to let in fewer; and not what most people mean.
    pub fn is_open_to_all_of(&self) -> Option<&'static str> {
        let login = &self.proxy.as_ref().filter(|_| self.claims.require.is_empty())?.login;
        let is_in_one_place = login.provider.issuer().as_ref() == Some(&login.issuer);
        login.provider.everybodys_accounts().filter(|_| is_in_one_place)
    }

    /// Networks that are open to whoever names a document, and what lies in each that hardly anybody means to open. No mistake:
    /// on a laptop loopback is where the clients are.
    pub fn perilous_networks(&self) -> Vec<(Network, &'static str)> {
        let asked = self.proxy.iter().filter(|proxy| proxy.clients.metadata_documents == Switch::On);
        let networks = asked.flat_map(|proxy| &proxy.allow_networks);
        networks.filter_map(|network| Some((*network, network.peril()?))).collect()
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

/// Only here are the list and the host known at once.
fn place(parts: &mut Parts, found: &mut Collector) {
    let Some(proxy) = &mut parts.proxy else { return };
    let placed = proxy::placed(&parts.resource, proxy.redirects.clone());
    if let Some(placed) = found.take("proxy.redirectURIs", placed) {
        proxy.redirects = placed;
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

impl Deref for Policy {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl TryFrom<Parts> for Policy {
    type Error = Violations;

    fn try_from(parts: Parts) -> Result<Self, Violations> {
        Self::new(parts)
    }
}

impl From<Policy> for Parts {
    fn from(policy: Policy) -> Self {
        policy.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::names::ClaimName;

    fn parts() -> Parts {
        Parts {
            resource: ResourceUrl::parse("https://mcp.example.com/mcp").expect("valid"),
            public_paths: vec![PublicPath::parse("/healthz").expect("valid")],
            allowed_origins: vec![],
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            trust: Trust {
                oidc: None,
                hmac: vec![HmacKey::parse(b"kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA").expect("valid")],
                audiences: vec![Audience::parse("https://mcp.example.com/mcp").expect("valid")],
            },
            claims: ClaimRules {
                scope: vec![ClaimName::parse("scope").expect("valid")],
                user: ClaimName::parse("sub").expect("valid"),
                audience: ClaimName::parse("aud").expect("valid"),
                require: BTreeMap::new(),
            },
            required_scopes: vec![],
            proxy: None,
        }
    }

    fn reason(parts: Parts) -> String {
        Policy::new(parts).expect_err("broken").to_string()
    }

    fn oidc() -> OidcTrust {
        OidcTrust {
            issuer: Issuer::parse("https://idp.example.com").expect("valid"),
            jwks: None,
            ca_bundle: None,
        }
    }

    #[test]
    fn complete_parts_make_a_policy() {
        assert!(Policy::new(parts()).is_ok());
    }

    #[test]
    fn the_mcp_endpoint_and_what_lies_below_it_are_never_public() {
        for path in ["/mcp", "/mcp/", "/mcp/x", "/MCP", "/Mcp/x"] {
            let public_paths = vec![PublicPath::parse(path).expect("valid")];
            assert!(reason(Parts { public_paths, ..parts() }).starts_with("publicPaths[0]: "), "{path}");
        }
        for path in ["/mcpx", "/MCPx", "/x/mcp"] {
            let public_paths = vec![PublicPath::parse(path).expect("valid")];
            assert!(Policy::new(Parts { public_paths, ..parts() }).is_ok(), "{path}");
        }
    }

    #[test]
    fn the_case_of_the_resource_does_not_matter_either() {
        let resource = ResourceUrl::parse("https://mcp.example.com/MCP").expect("valid");
        let public_paths = vec![PublicPath::parse("/mcp").expect("valid")];
        let beside = vec![PublicPath::parse("/mcpx").expect("valid")];
        let with = |public_paths| Parts { resource: resource.clone(), public_paths, ..parts() };
        assert!(reason(with(public_paths)).starts_with("publicPaths[0]: "));
        assert!(Policy::new(with(beside)).is_ok());
    }

    #[test]
    fn a_policy_without_an_audience_does_not_exist() {
        let trust = Trust { audiences: vec![], ..parts().trust };
        assert!(reason(Parts { trust, ..parts() }).contains("trust.audiences"));
    }

    #[test]
    fn a_policy_trusts_an_issuer_or_shared_secrets_and_never_both_or_none() {
        let both = Trust { oidc: Some(oidc()), ..parts().trust };
        let none = Trust { hmac: vec![], ..parts().trust };
        let one = Trust { oidc: Some(oidc()), hmac: vec![], ..parts().trust };
        assert!(reason(Parts { trust: both, ..parts() }).contains("must not mix"));
        assert!(reason(Parts { trust: none, ..parts() }).contains("must have an issuer"));
        assert!(Policy::new(Parts { trust: one, ..parts() }).is_ok());
    }

    #[test]
    fn a_document_goes_through_the_same_door() {
        let good = serde_yaml::to_string(&Policy::new(parts()).expect("valid")).expect("serialises");
        assert!(serde_yaml::from_str::<Policy>(&good).is_ok());
        let broken = good.replace("- /healthz", "- /mcp");
        assert!(serde_yaml::from_str::<Policy>(&broken).is_err());
        let unknown = format!("{good}permissive: true\n");
        assert!(serde_yaml::from_str::<Policy>(&unknown).is_err());
    }

    /// In proxy mode, for this URL.
    fn login_at(resource: &str) -> Result<Policy, serde_yaml::Error> {
        let key = "{id: k1, key: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE='}";
        serde_yaml::from_str(&format!(
            "resource: {resource}\nmaxBodyBytes: 1\ntrust: {{audiences: ['{resource}']}}\n\
             claims: {{scope: [scope], user: sub, audience: aud}}\nproxy:\n  \
             login: {{provider: oidc, issuer: 'https://idp.example.com', clientId: a, scopes: [openid]}}\n  \
             redirects: ['https://a.example/cb', 'https://b.example/cb']\n  clients: {{dynamic: on, metadataDocuments: on}}\n  \
             consent: always\n  lifetimes: {{access: 900, refresh: 3600}}\n  \
             keys: {{seal: [{key}], sign: [{key}]}}\n"
        ))
    }

    #[test]
    fn a18_people_log_in_over_tls_or_on_their_own_machine() {
        for resource in
            ["https://trino.data.svc/mcp", "http://127.0.0.1:17080/mcp", "http://localhost:17080/mcp"]
        {
            assert!(login_at(resource).is_ok(), "{resource}");
        }
        let refused = login_at("http://trino.data.svc/mcp").expect_err("in the clear").to_string();
        assert!(refused.contains("resource: must be an https URL in proxy mode"), "{refused}");
    }

    #[test]
    fn the_mcp_endpoint_is_not_where_an_authorization_server_is_looked_for() {
        let at = |path: &str| {
            let resource = ResourceUrl::parse(&format!("https://mcp.example.com{path}")).expect(path);
            Policy::new(Parts { resource, ..parts() })
        };
        let documents = ["/.well-known/oauth-authorization-server", "/x/.well-known/openid-configuration"];
        for path in proxy::ENDPOINTS.into_iter().chain(documents) {
            let refused = at(path).expect_err(path).to_string();
            assert!(refused.starts_with("resource: must be another path"), "{refused}");
            assert!(login_at(&format!("https://mcp.example.com{path}")).is_err(), "{path}");
            let beside = format!("/mcp{}", path.replace('.', ""));
            assert!(at(&beside).is_ok(), "{beside}");
            assert!(login_at(&format!("https://mcp.example.com{beside}")).is_ok(), "{beside}");
        }
    }

    #[test]
    fn nor_is_it_below_an_issuer_that_is_further_down() {
        let document = |path: &str| {
            let policy = login_at(&format!("https://h.example{path}")).expect(path);
            let mut parts = Parts::from(policy);
            let redirects = Redirects::parse("https://h.example/trino/oauth/callback").expect("one");
            parts.proxy.as_mut().expect("proxy mode").redirects = redirects;
            Policy::new(parts)
        };
        assert!(document("/trino/token").expect_err("an alias").to_string().starts_with("resource: "));
        for path in ["/trino/mcp", "/other/token", "/trinotoken"] {
            assert!(document(path).is_ok(), "{path}");
        }
    }
}
