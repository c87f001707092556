//! What a request asks for: a closed set, parsed once, by path alone.
//!
//! Pure. Everything that is not named here needs a token (X16: default-deny): the sidecar protects the whole port, not
//! one path. Meets D1, D3, D4, D5, R1, X9, X15, X16, P04, P16.

use crds::{Policy, proxy};

use crate::oauth::Step;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// A discovery document of ours.
    Document(Document),
    /// A well-known document of OAuth that does not exist here. Never the MCP server's to answer (D4).
    UnknownDocument,
    /// An endpoint of an authorization server, which native mode does not have.
    AuthorizationServer,
    /// A step of our own authorization server.
    OAuth(Step),
    /// A path that the policy says needs no token.
    Public(PublicAccess),
    /// The MCP server: whoever asks must have a token.
    Protected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// RFC 9728.
    ProtectedResource,
    /// RFC 8414, or OpenID Connect Discovery: the provider's own, for clients of older revisions.
    AuthorizationServer,
}

/// Proof that a path is on the policy's list. Made here and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicAccess(());

/// The paths of one policy.
#[derive(Debug)]
pub struct Routes {
    protected_resource: [String; 3],
    authorization_server: Vec<String>,
    steps: Vec<(String, Step)>,
    public: Vec<String>,
}

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

impl Routes {
    /// Each document at the root, with the MCP path inserted behind it, and under the MCP path (D1, D3).
    pub fn new(policy: &Policy) -> Self {
        let mcp = policy.resource.path();
        let forms =
            |document: &str| [document.to_owned(), format!("{document}{mcp}"), format!("{mcp}{document}")];
        Self {
            protected_resource: forms(RESOURCE),
            authorization_server: [&forms(SERVER)[..], &forms(OPENID), &of_issuer(policy)].concat(),
            steps: steps(policy),
            public: policy.public_paths.iter().map(ToString::to_string).collect(),
        }
    }

    /// The path as it was sent; nothing is decoded or cleaned (P04).
    pub fn of(&self, path: &str) -> Route {
        if self.protected_resource.iter().any(|known| known == path) {
            return Route::Document(Document::ProtectedResource);
        }
        if let Some((_, step)) = self.steps.iter().find(|(known, _)| known == path) {
            return Route::OAuth(*step);
        }
        if self.authorization_server.iter().any(|known| known == path) {
            return Route::Document(Document::AuthorizationServer);
        }
        if path.contains("/.well-known/oauth-") || path.contains("/.well-known/openid-") {
            return Route::UnknownDocument;
        }
        if proxy::ENDPOINTS.contains(&path) {
            return Route::AuthorizationServer;
        }
        if self.public.iter().any(|public| public == path) {
            return Route::Public(PublicAccess(()));
        }
        Route::Protected
    }

    /// The path form of the resource's document, which the challenge names (D1).
    pub fn resource_metadata(&self) -> &str {
        &self.protected_resource[1]
    }
}

/// Where the documents of an issuer with a path are looked for: inserted before the path, and appended to it (D3, RFC 8414 §3.1).
fn of_issuer(policy: &Policy) -> Vec<String> {
    let Some(base) = base(policy) else { return Vec::new() };
    [SERVER, OPENID]
        .iter()
        .flat_map(|document| [format!("{document}{base}"), format!("{base}{document}")])
        .collect()
}

/// The steps under the issuer, and where clients look that read no metadata (D5).
fn steps(policy: &Policy) -> Vec<(String, Step)> {
    let Some(base) = base(policy) else { return Vec::new() };
    let own = Step::ALL.iter().map(|step| (format!("{base}{}", step.path()), *step));
    let aliases = Step::ALL.iter().filter_map(|step| Some((step.alias()?, *step)));
    own.chain(aliases.map(|(alias, step)| (format!("{base}{alias}"), step))).collect()
}

/// The path of our issuer, in proxy mode.
fn base(policy: &Policy) -> Option<String> {
    let issuer = proxy::issuer(&policy.resource, &policy.proxy.as_ref()?.redirects);
    issuer.strip_prefix(policy.resource.origin()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::settings::example_policy;

    fn routes(url: &str) -> Routes {
        Routes::new(&example_policy(url, &["/healthz"]))
    }

    #[test]
    fn each_document_is_found_in_every_form() {
        for (url, mcp) in [("https://h/mcp", "/mcp"), ("https://h", ""), ("https://h/a/b", "/a/b")] {
            let routes = routes(url);
            for form in [RESOURCE.to_owned(), format!("{RESOURCE}{mcp}"), format!("{mcp}{RESOURCE}")] {
                assert_eq!(routes.of(&form), Route::Document(Document::ProtectedResource), "{form}");
            }
            for document in [SERVER, OPENID] {
                for form in [document.to_owned(), format!("{document}{mcp}"), format!("{mcp}{document}")] {
                    assert_eq!(routes.of(&form), Route::Document(Document::AuthorizationServer), "{form}");
                }
            }
        }
    }

    #[test]
    fn other_documents_of_oauth_are_ours_to_deny() {
        for path in [
            "/.well-known/oauth-x",
            "/.well-known/openid-federation",
            "/.well-known/oauth-protected-resource/other",
        ] {
            assert_eq!(routes("https://h/mcp").of(path), Route::UnknownDocument, "{path}");
        }
        assert_eq!(routes("https://h/mcp").of("/.well-known/agent.json"), Route::Protected);
    }

    #[test]
    fn a_public_path_is_one_path_and_nothing_near_it() {
        let routes = routes("https://h/mcp");
        assert_eq!(routes.of("/healthz"), Route::Public(PublicAccess(())));
        for near in
            ["/healthz/", "/Healthz", "//healthz", "/healthz/x", "/healthz%20", "/health", "/healthz;x"]
        {
            assert_eq!(routes.of(near), Route::Protected, "{near}");
        }
    }

    #[test]
    fn everything_else_is_protected() {
        for path in ["/", "/mcp", "/mcp/", "/sse", "/messages/", "/metrics", "/healthz/../mcp"] {
            assert_eq!(routes("https://h/mcp").of(path), Route::Protected, "{path}");
        }
        assert_eq!(routes("https://h/mcp").of("/oauth/token"), Route::AuthorizationServer);
    }

    /// The contract says where no MCP endpoint can be, and the table of steps who answers there: one list, in two crates.
    #[test]
    fn the_endpoints_of_the_contract_are_the_steps_and_nothing_else() {
        let own = Step::ALL.iter().map(|step| step.path());
        let steps: BTreeSet<_> = own.chain(Step::ALL.iter().filter_map(|step| step.alias())).collect();
        assert_eq!(steps, BTreeSet::from(proxy::ENDPOINTS));
        for path in proxy::ENDPOINTS {
            assert_eq!(routes("https://h/mcp").of(path), Route::AuthorizationServer, "{path}");
            assert_eq!(routes("https://h/mcp").of(&format!("{path}x")), Route::Protected, "{path}");
        }
    }
}
