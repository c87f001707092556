//! A small world for the sidecar's suites: an identity provider on loopback that can misbehave (`idp`), keys that sign
//! anything, hostile tokens included (`tokens`), a whole sidecar (`running`) in front of a server that writes down every byte
//! (`upstream`), and a client that sends any (`client`); the same sidecar as a process of its own (`program`), and several behind
//! one host (`ingress`). For logins: the providers of the field as their documents describe them (`providers`), a host where clients
//! publish documents about themselves (`host`), and a browser with a cookie jar (`browser`). For replicas: what they share (`store`). Part of the suites, not of the lab: it needs the sidecar's cryptography.
//!
//! Listens on loopback only.

pub(crate) mod authority;
pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod host;
pub(crate) mod idp;
pub(crate) mod ingress;
pub(crate) mod program;
pub(crate) mod providers;
pub(crate) mod running;
pub(crate) mod store;
pub(crate) mod tokens;
pub(crate) mod upstream;

use std::sync::Arc;

use sidecar::bearer::Verifier;
use sidecar::clock::{Clock, UnixTime};
use sidecar::fetch::Fetcher;
use sidecar::provider::Provider;

/// The moment in which every token of the suites lives.
pub(crate) const NOW: u64 = 1_800_000_000;
/// The MCP server that everything is about.
pub(crate) const RESOURCE: &str = "https://mcp.example.com/mcp";
/// A shared secret that is fit for use.
pub(crate) const SECRET: &str = "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA";

/// A policy document that trusts `issuer`, as the operator would deliver it.
pub(crate) fn oidc_policy(issuer: &str) -> String {
    format!(
        "resource: {RESOURCE}\nmaxBodyBytes: 4194304\ntrust: {{oidc: {{issuer: '{issuer}'}}, audiences: ['{RESOURCE}']}}\n\
         claims: {{scope: [scope, scp], user: sub, audience: aud}}\n"
    )
}

/// A policy document that trusts shared secrets.
pub(crate) fn hmac_policy(secrets: &[&str]) -> String {
    use base64::Engine;
    let encoded = secrets.iter().map(|secret| base64::engine::general_purpose::STANDARD.encode(secret));
    let list = encoded.collect::<Vec<_>>().join("', '");
    format!(
        "resource: {RESOURCE}\nmaxBodyBytes: 4194304\ntrust: {{hmac: ['{list}'], audiences: ['{RESOURCE}']}}\n\
         claims: {{scope: [scope, scp], user: sub, audience: aud}}\n"
    )
}

/// A verifier for a policy document; where it trusts an issuer, with that provider on `clock`.
pub(crate) fn verifier(document: &str, clock: &Clock) -> (Verifier, Option<Arc<Provider>>) {
    let policy: crds::Policy = serde_yaml::from_str(document).expect("the suites write valid policies");
    let provider = policy.trust.oidc.as_ref().map(|oidc| {
        let fetcher = Fetcher::new(oidc.ca_bundle.as_deref()).expect("the suites write valid bundles");
        Provider::new(oidc, fetcher, clock.clone())
    });
    (Verifier::new(&policy, provider.clone()), provider)
}

/// A clock that stands at `NOW`.
pub(crate) fn clock() -> (Clock, sidecar::clock::Hands) {
    Clock::by_hand(UnixTime(NOW))
}
