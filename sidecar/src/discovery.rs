//! What clients are told of this resource: the protected-resource metadata and the challenge, rendered once per policy.
//!
//! Pure. Everything comes from the policy, nothing from a request (D1, D2, O18, M07). Meets R1–R3, R6–R8, R20, D1–D3, D14.

use std::fmt::Write as _;

use bytes::Bytes;
use crds::Policy;
use http::HeaderValue;
use serde_json::json;

use crate::route::Routes;

/// The start of every `WWW-Authenticate` of this policy.
///
/// Client parsers look at the first scheme only, compare `Bearer` in this spelling, and search the rest for
/// `resource_metadata=`, `scope=` and `error=` (mcp-authorization §3a): one header, quoted values, and the same scope on
/// every answer (R6).
#[derive(Debug)]
pub struct Challenge(String);

impl Challenge {
    pub fn new(policy: &Policy) -> Self {
        let metadata = format!("{}{}", policy.resource.origin(), Routes::new(policy).resource_metadata());
        let mut text = format!("Bearer resource_metadata=\"{metadata}\"");
        if !policy.required_scopes.is_empty() {
            let _ = write!(text, ", scope=\"{}\"", scopes(policy).join(" "));
        }
        Self(text)
    }

    pub fn bare(&self) -> HeaderValue {
        value(&self.0)
    }

    /// With an error of RFC 6750 §3.1. The sentence is one of ours, without quotes, `scope=` or `error=`.
    pub fn with_error(&self, error: &str, sentence: &str) -> HeaderValue {
        let sentence = sentence.replace(['"', '\\'], "'");
        value(&format!("{}, error=\"{error}\", error_description=\"{sentence}\"", self.0))
    }
}

/// RFC 9728 §2.
pub fn protected_resource(policy: &Policy) -> Bytes {
    let mut document = json!({
        "resource": policy.resource.as_str(),
        "bearer_methods_supported": ["header"],
        "resource_name": format!("MCP server at {}", policy.resource.authority()),
    });
    if !policy.required_scopes.is_empty() {
        document["scopes_supported"] = scopes(policy).into();
    }
    // Shared secrets have no authorization server to name: RFC 9728 §2 makes the member optional, and one made up would
    // send every client to a place that does not exist.
    if let Some(issuer) = policy.issuer() {
        document["authorization_servers"] = json!([issuer]);
    }
    document.to_string().into()
}

fn scopes(policy: &Policy) -> Vec<&str> {
    policy.required_scopes.iter().map(crds::names::Scope::as_str).collect()
}

fn value(text: &str) -> HeaderValue {
    // The parts are URLs, scope tokens and sentences of ours, all visible ASCII by their types.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("Bearer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{example_policy, example_policy_with_scopes};

    #[test]
    fn the_document_names_the_resource_byte_for_byte() {
        let document: serde_json::Value =
            serde_json::from_slice(&protected_resource(&example_policy("https://h/mcp", &[]))).expect("JSON");
        assert_eq!(document["resource"], "https://h/mcp");
        assert!(document.get("authorization_servers").is_none());
    }

    #[test]
    fn the_challenge_points_at_the_path_form_and_carries_the_scopes() {
        let policy = example_policy_with_scopes("https://h/mcp", &["mcp", "tools"]);
        let challenge = Challenge::new(&policy).bare();
        assert_eq!(
            challenge,
            "Bearer resource_metadata=\"https://h/.well-known/oauth-protected-resource/mcp\", scope=\"mcp tools\""
        );
    }

    #[test]
    fn a_sentence_cannot_end_its_own_quotes() {
        let challenge =
            Challenge::new(&example_policy("https://h/mcp", &[])).with_error("invalid_token", "a \" b");
        assert!(challenge.to_str().expect("ASCII").ends_with("error_description=\"a ' b\""));
    }
}
