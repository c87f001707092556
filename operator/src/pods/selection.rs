//! Which pods a policy selects.
//!
//! Pure. The same rule as in `admission/inject.yaml`: the label names the policy; without it every label of the selector
//! must be there.

use std::collections::BTreeMap;

use crds::resource::McpOAuthPolicySpec;

use crate::names::POLICY_LABEL;

/// The labels by which a policy's pods are listed: those that name it, and those that its selector means.
pub fn list_selectors(policy: &str, spec: &McpOAuthPolicySpec) -> Vec<String> {
    let named = format!("{POLICY_LABEL}={policy}");
    let selector = spec.selector.as_ref().map(|selector| {
        let labels = selector.match_labels.iter().map(|(key, value)| format!("{key}={value},"));
        format!("{}!{POLICY_LABEL}", labels.collect::<String>())
    });
    std::iter::once(named).chain(selector).collect()
}

/// Whether a policy selects pods with these labels.
pub fn selects(policy: &str, spec: &McpOAuthPolicySpec, labels: &BTreeMap<String, String>) -> bool {
    match labels.get(POLICY_LABEL) {
        Some(named) => named == policy,
        None => spec.selector.as_ref().is_some_and(|selector| {
            !selector.match_labels.is_empty()
                && selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(selector: &str) -> McpOAuthPolicySpec {
        serde_yaml::from_str(&format!(
            "{{selector: {selector}, server: {{url: 'https://h/mcp'}}, provider: hmac, hmac: {{secretRefs: []}}}}"
        ))
        .expect("YAML")
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_label_that_names_another_policy_wins_over_the_selector() {
        let spec = spec("{matchLabels: {app: trino}}");
        assert!(selects("trino", &spec, &labels(&[("app", "trino")])));
        assert!(!selects("trino", &spec, &labels(&[("app", "trino"), (POLICY_LABEL, "other")])));
        assert!(selects("trino", &spec, &labels(&[(POLICY_LABEL, "trino")])));
    }

    #[test]
    fn every_label_of_the_selector_is_needed_and_no_selector_selects_nothing() {
        let two = spec("{matchLabels: {app: trino, tier: a}}");
        assert!(!selects("trino", &two, &labels(&[("app", "trino")])));
        assert!(selects("trino", &two, &labels(&[("app", "trino"), ("tier", "a"), ("x", "y")])));
        assert!(!selects("trino", &spec("null"), &labels(&[("app", "trino")])));
    }

    #[test]
    fn the_lists_do_not_overlap() {
        assert_eq!(
            list_selectors("trino", &spec("{matchLabels: {app: trino}}")),
            ["mcpoauth.dev/policy=trino", "app=trino,!mcpoauth.dev/policy"]
        );
    }
}
