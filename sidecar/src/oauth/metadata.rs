//! What clients are told of the authorization server: one document for both well-known names, rendered once per policy.
//!
//! Pure. Everything comes from the policy, nothing from a request (O18). Meets A2–A5, A7, A14, A15, A21, D2, D3, D6, D7, D14,
//! and the parsers of §3a: no `null`, no empty text, and what OpenID Connect documents must have.

use bytes::Bytes;
use crds::Policy;
use crds::names::OFFLINE;
use crds::proxy::{Proxy, Switch};
use serde_json::{Value, json};

/// Signature algorithms of `private_key_jwt` (RFC 7523): asymmetric ones alone.
const CLIENT_ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519"];

/// RFC 8414 §2, with the members that OpenID Connect Discovery §3 requires (D3).
pub fn document(policy: &Policy, proxy: &Proxy, issuer: &str) -> Bytes {
    let endpoint = |name: &str| format!("{issuer}/oauth/{name}");
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": endpoint("authorize"),
        "token_endpoint": endpoint("token"),
        "revocation_endpoint": endpoint("revoke"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods(proxy),
        "revocation_endpoint_auth_methods_supported": methods(proxy),
        // A14 MUST be advertised where `iss` is sent.
        "authorization_response_iss_parameter_supported": true,
        "scopes_supported": scopes(policy),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    });
    if proxy.clients.dynamic == Switch::On {
        document["registration_endpoint"] = endpoint("register").into();
    }
    if proxy.clients.metadata_documents == Switch::On {
        // A7, D7: clients that see this try nothing else. It is the policy's word that documents can be fetched from here: nobody
        // knows beforehand, and the log names the switch where they cannot.
        document["client_id_metadata_document_supported"] = true.into();
    }
    if proxy.clients.may_sign() {
        // RFC 8414 §2: MUST be there where `private_key_jwt` is.
        for endpoint in ["token", "revocation"] {
            document[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")] =
                json!(CLIENT_ALGORITHMS);
        }
    }
    document.to_string().into()
}

/// D6. `private_key_jwt` belongs to clients with keys: those with documents, and those that the policy gives some.
fn methods(proxy: &Proxy) -> Value {
    let mut methods = vec!["none", "client_secret_post", "client_secret_basic"];
    if proxy.clients.may_sign() {
        methods.push("private_key_jwt");
    }
    json!(methods)
}

/// A21: `offline_access` stands here, since refresh tokens are given out, and nowhere else (R7).
fn scopes(policy: &Policy) -> Vec<&str> {
    let required = policy.required_scopes.iter().map(crds::names::Scope::as_str);
    required.chain([OFFLINE]).collect()
}
