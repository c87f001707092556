//! A policy in proxy mode, as the operator would deliver it.
//!
//! Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::scene::ORIGIN;
use crate::world::RESOURCE;
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET};

/// A key is named by a digit, which is also each of its bytes.
pub(super) fn policy(issuer: &str, provider: &str, seal: &[&str], sign: &[&str]) -> String {
    let preset = crds::provider::Provider::parse(provider).expect("a provider").login();
    let keys = |names: &[&str]| {
        let key = |name: &&str| {
            let bytes = [name.parse::<u8>().expect("a digit"); 32];
            format!("{{id: k{name}, key: '{}'}}", STANDARD.encode(bytes))
        };
        names.iter().map(key).collect::<Vec<_>>().join(", ")
    };
    let extra: Vec<_> = preset.extra_params.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!(
        "resource: {RESOURCE}\nmaxBodyBytes: 4194304\ntrust: {{audiences: ['{RESOURCE}']}}\n\
         claims: {{scope: [scope], user: {user}, audience: aud}}\nrequiredScopes: [mcp]\nproxy:\n  \
         login: {{provider: {provider}, issuer: '{issuer}', clientId: '{CLIENT_ID}', clientSecret: '{CLIENT_SECRET}', \
         scopes: [{scopes}], extraParams: {{{extra}}}}}\n  \
         redirects: ['{ORIGIN}/oauth/callback']\n  clients: {{dynamic: on, metadataDocuments: on}}\n  consent: always\n  \
         lifetimes: {{access: 900, refresh: 2592000}}\n  keys: {{seal: [{seal}], sign: [{sign}]}}\n",
        user = preset.user,
        scopes = preset.scopes.join(", "),
        extra = extra.join(", "),
        seal = keys(seal),
        sign = keys(sign),
    )
}
