//! Each list of accepted texts stands beside refused ones that differ from them in one thing.

use super::*;

fn accepted<T>(parse: impl Fn(&str) -> Result<T, crate::rule::Broken>, texts: &[&str]) {
    for text in texts {
        assert!(parse(text).is_ok(), "{text:?} should be accepted");
    }
}

fn refused<T>(parse: impl Fn(&str) -> Result<T, crate::rule::Broken>, texts: &[&str]) {
    for text in texts {
        assert!(parse(text).is_err(), "{text:?} should be refused");
    }
}

#[test]
fn a_resource_is_one_canonical_url() {
    accepted(
        ResourceUrl::parse,
        &[
            "https://mcp.example.com/mcp",
            "https://mcp.example.com",
            "https://mcp.example.com:8443/a/b",
            "https://[2001:db8::1]/mcp",
            "http://localhost:8080/mcp",
            "http://127.0.0.1/mcp",
            "http://trino.data.svc/mcp",
            "http://trino.data.svc.cluster.local:8080/mcp",
        ],
    );
    refused(
        ResourceUrl::parse,
        &[
            "http://mcp.example.com/mcp",
            "https://mcp.example.com/",
            "https://mcp.example.com:443/a/b",
            "https://MCP.example.com/mcp",
            "https://mcp.example.com/mcp?x=1",
            "https://mcp.example.com/mcp#x",
            "https://user@mcp.example.com/mcp",
            "https://mcp.example.com/../mcp",
            "https://mcp.example.com/%2e%2e/mcp",
            "https://mcp.example.com//mcp",
            "https://mcp.example.com/mcp;x",
            "http://localhost.example.com/mcp",
            "http://127.0.0.1.example.com/mcp",
            "http://trino.data.svc.evil.com@x/mcp",
            "ftp://mcp.example.com/mcp",
            "mcp.example.com/mcp",
            "https://mcp.example.com/mcp\n",
            "",
        ],
    );
}

#[test]
fn a_resource_knows_its_parts() {
    let url = ResourceUrl::parse("https://mcp.example.com:8443/a/b").expect("valid");
    assert_eq!(
        (url.scheme(), url.authority(), url.origin(), url.path()),
        ("https", "mcp.example.com:8443", "https://mcp.example.com:8443", "/a/b")
    );
    assert_eq!(ResourceUrl::parse("https://mcp.example.com").expect("valid").path(), "");
}

#[test]
fn an_issuer_keeps_its_slash_and_has_no_query() {
    accepted(
        Issuer::parse,
        &[
            "https://company.okta.com",
            "https://tenant.auth0.com/",
            "https://h/realms/mcp",
            "http://127.0.0.1:9000",
            "https://h/.well-known/openid-configurations",
        ],
    );
    refused(
        Issuer::parse,
        &[
            "http://company.okta.com",
            "https://company.okta.com/.well-known/openid-configuration",
            "https://h/realms/mcp/.well-known/openid-configuration/",
            "https://tenant.auth0.com/?",
            "https://h/realms/mcp#f",
            "http://127.0.0.2.com",
        ],
    );
}

#[test]
fn an_endpoint_may_have_a_query() {
    accepted(
        EndpointUrl::parse,
        &["https://login.microsoftonline.com/t/discovery/keys?appid=1", "https://h/keys"],
    );
    refused(EndpointUrl::parse, &["https://h/keys#x", "http://h/keys", "https://h/ke ys"]);
}

#[test]
fn a_required_scope_is_one_token_and_never_offline_access() {
    accepted(Scope::parse, &["mcp", "offline_access2", "api://x/Read.All"]);
    refused(Scope::parse, &["mcp tools", "offline_access", "a\"b", "a\\b", ""]);
}

#[test]
fn a_public_path_is_exact_bytes_and_never_one_of_ours() {
    accepted(
        PublicPath::parse,
        &["/healthz", "/", "/a/b/", "/a,b", "/..,/a", "/.well-known/agent.json", "/oauthish"],
    );
    refused(
        PublicPath::parse,
        &[
            "healthz",
            "/healthz?x",
            "/a/../b",
            "/a/%2e%2e/b",
            "/a//b",
            "/.well-known/oauth-protected-resource",
            "/mcp/.well-known/openid-configuration",
            "/oauth/token",
            "/token",
            "/a\\b",
            "/a,b#c",
            "/a;b",
            "/..;/a",
        ],
    );
}

#[test]
fn an_origin_is_nothing_but_an_origin() {
    accepted(
        WebOrigin::parse,
        &["https://agents.example.com", "https://a.example:8443", "http://localhost:6274"],
    );
    refused(
        WebOrigin::parse,
        &["https://agents.example.com/", "http://agents.example.com", "null", "*", "https://a.example:443"],
    );
}

#[test]
fn kubernetes_names_follow_kubernetes_rules() {
    accepted(ContainerName::parse, &["trino", "a-1"]);
    refused(ContainerName::parse, &["Trino", "a-", "mcp-oauth", "a.b"]);
    accepted(ObjectName::parse, &["trino-hmac", "a.b"]);
    refused(ObjectName::parse, &["../x", "a/b", "-a"]);
    accepted(PortName::parse, &["http", "mcp-1"]);
    refused(PortName::parse, &["8080", "HTTP", "a-very-long-port-name", "a--b"]);
    accepted(EnvName::parse, &["HOST", "_x1"]);
    refused(EnvName::parse, &["1X", "A-B", "A=B"]);
    accepted(Quantity::parse, &["10m", "0.1", "32Mi"]);
    refused(Quantity::parse, &["-1", "32MiB", "many"]);
    accepted(LabelKey::parse, &["app", "app.kubernetes.io/name"]);
    refused(LabelKey::parse, &["-app", "a/b/c", "app/"]);
    accepted(LabelValue::parse, &["trino", "v1.2_a-b"]);
    refused(LabelValue::parse, &["zzz,tier=b", "-a", "a b", "a."]);
    accepted(DataKey::parse, &["jwtSecret", "ca.crt"]);
    refused(DataKey::parse, &["a/b", "a b"]);
}

#[test]
fn no_text_longer_than_its_limit_is_taken() {
    let longest = format!("https://mcp.example.com/{}", "a".repeat(512 - 24));
    assert!(ResourceUrl::parse(&longest).is_ok());
    assert!(ResourceUrl::parse(&format!("{longest}a")).is_err());
}

#[test]
fn cookies_are_kept_over_tls_and_on_this_machine_and_not_in_the_clear() {
    let keeps = |text| ResourceUrl::parse(text).expect("valid").keeps_cookies();
    for text in
        ["https://mcp.example.com/mcp", "http://localhost:1/mcp", "http://127.0.0.1/mcp", "http://[::1]:1"]
    {
        assert!(keeps(text), "{text}");
    }
    for text in [
        "http://trino.data.svc/mcp",
        "http://trino.data.svc.cluster.local:8080/mcp",
        "http://localhost.data.svc/mcp",
    ] {
        assert!(!keeps(text), "{text}");
    }
}

#[test]
fn a_store_is_a_host_with_or_without_tls_and_nothing_secret_stands_in_its_address() {
    for (url, tls, host, port, database) in [
        ("redis://valkey", false, "valkey", 6379, 0),
        ("rediss://valkey.data.svc:6380/", true, "valkey.data.svc", 6380, 0),
        ("rediss://10.0.0.7:65535/15", true, "10.0.0.7", 65535, 15),
        ("redis://[::1]:7000/3", false, "::1", 7000, 3),
        ("redis://[::1]", false, "::1", 6379, 0),
    ] {
        let parsed = StoreUrl::parse(url).expect(url);
        let found = (parsed.has_tls(), parsed.host(), parsed.port(), parsed.database());
        assert_eq!(found, (tls, host, port, database), "{url}");
    }
    for url in [
        "valkey:6379",
        "http://valkey",
        "redis://",
        "redis://user:secret@valkey",
        "redis://:secret@valkey",
        "redis://Valkey",
        "redis://valkey:0",
        "redis://valkey:65536",
        "redis://valkey:70000/1",
        "redis://valkey/x",
        "redis://valkey/0/1",
        "redis://valkey?db=1",
        "redis://valkey#x",
        "redis://a,b",
        "unix:///run/valkey.sock",
    ] {
        assert!(StoreUrl::parse(url).is_err(), "{url}");
    }
}
