//! Parts that make a policy, and each rule with its twin.

use std::collections::BTreeMap;

use super::*;
use crate::names::ClaimName;
use crate::redirect::Redirects;

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
    for resource in ["https://trino.data.svc/mcp", "http://127.0.0.1:17080/mcp", "http://localhost:17080/mcp"]
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
