//! The documents that clients find their way by, for three shapes of MCP URL, and what is not there
//! (R1, R2, R3, R7, R20, D1–D4, D14, "Decided" 7).

use serde_json::json;

use crate::world::idp::{Answer, DISCOVERY, Idp};
use crate::world::running::Sidecar;
use crate::world::tokens::{Draft, key_set};
use crate::world::upstream::Upstream;
use crate::world::{RESOURCE, SECRET, hmac_policy, oidc_policy};

const RESOURCE_DOCUMENT: &str = "/.well-known/oauth-protected-resource";
const SERVER_DOCUMENTS: [&str; 2] = ["/.well-known/oauth-authorization-server", DISCOVERY];

/// URLs of an MCP endpoint, each with its path.
const SHAPES: [(&str, &str); 3] = [("https://h/mcp", "/mcp"), ("https://h", ""), ("https://h/a/b", "/a/b")];

/// At the root, with the MCP path inserted, and under the MCP path.
fn forms(document: &str, mcp: &str) -> [String; 3] {
    [document.to_owned(), format!("{document}{mcp}"), format!("{mcp}{document}")]
}

#[tokio::test]
async fn the_resource_is_described_at_every_place_that_clients_look() {
    let idp = Idp::start(&key_set()).await;
    let upstream = Upstream::start().await;
    for (url, mcp) in SHAPES {
        let policy = format!("{}requiredScopes: [mcp]\n", oidc_policy(&idp.issuer())).replace(RESOURCE, url);
        let sidecar = Sidecar::enforcing(&policy, &upstream).await;
        for path in forms(RESOURCE_DOCUMENT, mcp) {
            let reply = sidecar.send("GET", &path, &[], "").await;
            assert_eq!(
                (reply.status, reply.header("content-type")),
                (200, Some("application/json")),
                "{path}"
            );
            let document = reply.json();
            assert_eq!(document["resource"], url, "{path}");
            assert_eq!(document["authorization_servers"], json!([idp.issuer()]), "{path}");
            assert_eq!(document["scopes_supported"], json!(["mcp"]), "{path}");
            assert_eq!(document["bearer_methods_supported"], json!(["header"]), "{path}");
            assert!(document["resource_name"].is_string(), "{path}");
        }
        let refused = sidecar.send("POST", if mcp.is_empty() { "/" } else { mcp }, &[], "{}").await;
        let named = format!("resource_metadata=\"https://h{RESOURCE_DOCUMENT}{mcp}\"");
        assert!(refused.header("www-authenticate").expect("R5").contains(&named), "{named}");
    }
    assert_eq!(upstream.bytes(), 0);
}

#[tokio::test]
async fn the_providers_own_document_is_served_in_every_form() {
    let idp = Idp::start(&key_set()).await;
    let upstream = Upstream::start().await;
    for (url, mcp) in SHAPES {
        let sidecar = Sidecar::enforcing(&oidc_policy(&idp.issuer()).replace(RESOURCE, url), &upstream).await;
        for path in SERVER_DOCUMENTS.iter().flat_map(|document| forms(document, mcp)) {
            let reply = sidecar.send("GET", &path, &[], "").await;
            assert_eq!((reply.status, reply.text()), (200, idp.discovery_document()), "{path}");
        }
    }
    assert_eq!(upstream.bytes(), 0);
}

#[tokio::test]
async fn a_provider_out_of_reach_is_a_503_and_not_a_lie() {
    let idp = Idp::start(&key_set()).await;
    idp.answer(DISCOVERY, Answer::Status(500, String::new()));
    let upstream = Upstream::start().await;
    let mut sidecar = Sidecar::without_policy(upstream.address).await;
    sidecar.enforce(&oidc_policy(&idp.issuer()));
    sidecar.until("/readyz", "not ready: no keys").await;
    assert_eq!(sidecar.ask("/readyz").await.status, 503);
    for path in SERVER_DOCUMENTS {
        let reply = sidecar.send("GET", path, &[], "").await;
        assert_eq!((reply.status, reply.count("retry-after")), (503, 1), "{path}");
        assert_eq!(reply.json()["error"], "temporarily_unavailable", "{path}");
    }
    let token = format!("Bearer {}", Draft::oidc(&idp.issuer()).with(&[]));
    let call = sidecar.send("POST", "/mcp", &[("authorization", &token)], "{}").await;
    assert_eq!((call.status, call.count("retry-after"), upstream.bytes()), (503, 1, 0));
    assert_eq!(
        sidecar.send("GET", RESOURCE_DOCUMENT, &[], "").await.status,
        200,
        "what we know ourselves is served"
    );
}

#[tokio::test]
async fn a_token_of_the_provider_comes_through() {
    let idp = Idp::start(&key_set()).await;
    let upstream = Upstream::start().await;
    let sidecar = Sidecar::enforcing(&oidc_policy(&idp.issuer()), &upstream).await;
    let token = format!("Bearer {}", Draft::oidc(&idp.issuer()).with(&[]));
    assert_eq!(sidecar.send("POST", "/mcp", &[("authorization", &token)], "{}").await.status, 200);
}

#[tokio::test]
async fn shared_secrets_have_no_authorization_server_and_say_so() {
    let upstream = Upstream::start().await;
    let sidecar = Sidecar::enforcing(&hmac_policy(&[SECRET]), &upstream).await;
    let described = sidecar.send("GET", RESOURCE_DOCUMENT, &[], "").await.json();
    assert!(described.get("authorization_servers").is_none() && described.get("scopes_supported").is_none());
    for path in SERVER_DOCUMENTS.iter().flat_map(|document| forms(document, "/mcp")) {
        let reply = sidecar.send("GET", &path, &[], "").await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (404, Some("no_provider")), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_json_404_and_never_the_servers_to_answer() {
    let idp = Idp::start(&key_set()).await;
    let upstream = Upstream::start().await;
    let sidecar = Sidecar::enforcing(&oidc_policy(&idp.issuer()), &upstream).await;
    let token = format!("Bearer {}", Draft::oidc(&idp.issuer()).with(&[]));
    let paths = [
        "/.well-known/oauth-x",
        "/.well-known/openid-federation",
        "/.well-known/oauth-protected-resource/other",
        "/.well-known/oauth-protected-resource/mcp/",
        "/.well-known/oauth-authorization-server/other",
        "/other/.well-known/openid-configuration",
        "/oauth/authorize",
        "/oauth/consent",
        "/oauth/callback",
        "/oauth/token",
        "/oauth/register",
        "/oauth/revoke",
        "/.well-known/jwks.json",
        "/authorize",
        "/token",
        "/register",
    ];
    for path in paths {
        for headers in [&[][..], &[("authorization", token.as_str())]] {
            for method in ["GET", "POST"] {
                let reply = sidecar.send(method, path, headers, "").await;
                assert_eq!(
                    (reply.status, reply.header("content-type")),
                    (404, Some("application/json")),
                    "{path}"
                );
                assert!(reply.json()["error_description"].is_string(), "{path}");
            }
        }
    }
    assert_eq!(upstream.bytes(), 0);
    assert_eq!(
        sidecar.send("GET", "/.well-known/agent.json", &[], "").await.status,
        401,
        "the server's, with a token"
    );
}

#[tokio::test]
async fn documents_are_read_and_not_written() {
    let upstream = Upstream::start().await;
    let sidecar = Sidecar::enforcing(&hmac_policy(&[SECRET]), &upstream).await;
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let reply = sidecar.send(method, RESOURCE_DOCUMENT, &[], "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(
        sidecar
            .send(
                "GET",
                RESOURCE_DOCUMENT,
                &[("host", "evil.example"), ("x-forwarded-host", "evil.example")],
                ""
            )
            .await
            .json()["resource"],
        RESOURCE
    );
}
