//! How the proxies of others are set up: one thread each, connections kept and shared, nothing logged, and of a token all that
//! each can judge by itself: algorithm, signature, issuer, audience, end.
//!
//! Pure.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

pub(crate) const AUDIENCE: &str = "https://mcp.example.com/mcp";

/// HAProxy 2.6, with these rules for requests. It does not start with room for more connections than there can be.
pub(crate) fn haproxy(listen: SocketAddr, origin: SocketAddr, most: u32, rules: &str) -> String {
    format!(
        "global\n  nbthread 1\n  maxconn {most}\n\
         defaults\n  mode http\n  timeout connect 2s\n  timeout client 1h\n  timeout server 1h\n  http-reuse always\n\
         frontend mcp\n  bind {listen}\n{rules}  default_backend server\n\
         backend server\n  server only {origin}\n"
    )
}

/// All that 2.6 can judge of a token: it keeps no verdicts, and checks each signature anew.
pub(crate) fn haproxy_rules(issuer: &str, key: &Path) -> String {
    let key = key.display();
    [
        "set-var(txn.token) http_auth_bearer".to_owned(),
        "deny deny_status 401 unless { var(txn.token),jwt_header_query('$.alg') -m str RS256 }".to_owned(),
        format!(
            "deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.iss') -m str {issuer} }}"
        ),
        format!(
            "deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.aud') -m str {AUDIENCE} }}"
        ),
        "set-var(txn.now) date()".to_owned(),
        "set-var(txn.end) var(txn.token),jwt_payload_query('$.exp','int')".to_owned(),
        "deny deny_status 401 if { var(txn.end),sub(txn.now) -m int lt 1 }".to_owned(),
        format!("deny deny_status 401 unless {{ var(txn.token),jwt_verify(\"RS256\",\"{key}\") -m int 1 }}"),
        "del-header authorization".to_owned(),
    ]
    .map(|rule| format!("  http-request {rule}\n"))
    .concat()
}

/// Envoy, with its cache of verdicts as large as what it is asked.
pub(crate) fn envoy(listen: SocketAddr, origin: SocketAddr, issuer: &str, keys: &Value) -> String {
    let address = |of: SocketAddr| json!({ "socket_address": { "address": of.ip().to_string(), "port_value": of.port() } });
    let typed = |name: &str, mut config: Value| {
        config["@type"] = json!(format!("type.googleapis.com/envoy.extensions.filters.{name}"));
        config
    };
    let judge = json!({
        "providers": { "provider": {
            "issuer": issuer,
            "audiences": [AUDIENCE],
            "local_jwks": { "inline_string": keys.to_string() },
            "jwt_cache_config": { "jwt_cache_size": 20_000 },
        } },
        "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "provider" } }],
    });
    let filters = json!([
        { "name": "jwt", "typed_config": typed("http.jwt_authn.v3.JwtAuthentication", judge) },
        { "name": "router", "typed_config": typed("http.router.v3.Router", json!({})) },
    ]);
    let route = json!({ "match": { "prefix": "/" }, "route": { "cluster": "server", "timeout": "0s" } });
    let manager = json!({
        "stat_prefix": "mcp",
        "route_config": { "virtual_hosts": [{ "name": "mcp", "domains": ["*"], "routes": [route] }] },
        "http_filters": filters,
    });
    let manager = typed("network.http_connection_manager.v3.HttpConnectionManager", manager);
    let most = json!({ "max_connections": 50_000, "max_pending_requests": 50_000, "max_requests": 50_000 });
    let endpoint = json!({ "endpoint": { "address": address(origin) } });
    json!({ "static_resources": {
        "listeners": [{
            "name": "mcp",
            "address": address(listen),
            "filter_chains": [{ "filters": [{ "name": "http", "typed_config": manager }] }],
        }],
        "clusters": [{
            "name": "server",
            "type": "STATIC",
            "connect_timeout": "2s",
            "circuit_breakers": { "thresholds": [most] },
            "load_assignment": { "cluster_name": "server", "endpoints": [{ "lb_endpoints": [endpoint] }] },
        }],
    } })
    .to_string()
}
