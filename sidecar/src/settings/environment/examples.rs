//! Policies for tests.
//!
//! Pure.

use crds::Policy;
use crds::policy::Parts;

use super::policy;

/// A policy for tests: HMAC, with public paths.
pub(crate) fn example_policy(url: &str, public: &[&str]) -> Policy {
    let mut parts = Parts::from(example_policy_with_scopes(url, &[]));
    parts.public_paths =
        public.iter().map(|path| crds::names::PublicPath::parse(path).expect("a valid example")).collect();
    Policy::new(parts).expect("a valid example")
}

/// A policy for tests: HMAC, with required scopes.
pub(crate) fn example_policy_with_scopes(url: &str, scopes: &[&str]) -> Policy {
    let pairs =
        [("OAUTH_PROVIDER", "hmac"), ("JWT_SECRET", "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA"), ("MCP_URL", url)];
    let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut parts = Parts::from(policy(&environment).expect("a valid example"));
    parts.required_scopes =
        scopes.iter().map(|scope| crds::names::Scope::parse(scope).expect("a valid example")).collect();
    Policy::new(parts).expect("a valid example")
}
