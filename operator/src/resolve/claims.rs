//! What a policy says of claims, over what is known of its provider.
//!
//! Pure.

use crds::claims::{ClaimRules, Written};
use crds::names::ClaimName;
use crds::resource::{McpOAuthPolicySpec, Mode};
use crds::violation::Collector;

pub(super) fn claims(spec: &McpOAuthPolicySpec, fields: &mut Collector) -> ClaimRules {
    let raw = spec.claims.clone().unwrap_or_default();
    let mut own =
        |path: &str, name: Option<&String>| name.and_then(|name| fields.take(path, ClaimName::parse(name)));
    let mut written = Written {
        scope: own("spec.claims.scope", raw.scope.as_ref()),
        user: own("spec.claims.user", raw.user.as_ref()),
        ..Written::default()
    };
    for (name, values) in raw.require {
        if let Some(claim) = own(&format!("spec.claims.require.{name}"), Some(&name)) {
            written.require.insert(claim, values);
        }
    }
    match spec.mode() {
        Mode::Native => ClaimRules::of_access_tokens(spec.provider, written),
        Mode::Proxy => ClaimRules::of_logins(spec.provider, written),
    }
}
