//! Which pods a policy selects, and how far each is.
//!
//! Pure. The same rule as in `admission/inject.yaml`: the label names the policy; without it every label of the selector
//! must be there.

use std::collections::BTreeMap;

use crds::resource::McpOAuthPolicySpec;
use k8s_openapi::api::core::v1::{Container, Pod};

use crate::names::{CONTAINER, DELIVERED, INJECTED, POLICY_LABEL};

/// A selected pod, as far as we care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    pub name: String,
    /// Our sidecar for this policy is in it.
    pub injected: bool,
    /// The revision that its kubelet was told of.
    pub delivered: Option<String>,
    /// Our sidecar says that it enforces a policy.
    pub ready: bool,
}

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

/// What a pod is to the policy that selects it; `None` for pods that are ending or have ended.
pub fn look(policy: &str, pod: &Pod) -> Option<Selected> {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    if pod.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Succeeded" | "Failed")) {
        return None;
    }
    let annotation = |name: &str| pod.metadata.annotations.as_ref().and_then(|all| all.get(name));
    // Wherever it stands: other injectors put their own in front of it, and the place secures nothing (N18).
    let mut inits = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let ours = annotation(INJECTED).is_some_and(|text| text.starts_with(&format!("policy={policy} ")));
    let statuses = status.and_then(|status| status.init_container_statuses.as_ref());
    let ready =
        statuses.into_iter().flatten().any(|container| container.name == CONTAINER && container.ready);
    let injected = ours && inits.any(is_sidecar);
    Some(Selected {
        name: pod.metadata.name.clone().unwrap_or_default(),
        injected,
        delivered: annotation(DELIVERED).cloned(),
        ready: injected && ready,
    })
}

fn is_sidecar(container: &Container) -> bool {
    container.name == CONTAINER && container.restart_policy.as_deref() == Some("Always")
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

    #[test]
    fn a_pod_is_injected_by_annotation_and_container_and_not_by_one_of_them() {
        let injected = |annotation, container| injected(annotation, &[container]);
        assert!(injected("policy=trino revision=x", "mcp-oauth"));
        assert!(!injected("policy=trino2 revision=x", "mcp-oauth"));
        assert!(!injected("policy=trino revision=x", "other"));
    }

    #[test]
    fn n18_a_sidecar_behind_somebody_elses_is_ours_all_the_same() {
        assert!(injected("policy=trino revision=x", &["istio-proxy", "mcp-oauth"]));
        assert!(!injected("policy=trino revision=x", &["istio-proxy", "other"]));
    }

    fn injected(annotation: &str, containers: &[&str]) -> bool {
        let containers: Vec<_> =
            containers.iter().map(|name| format!("{{name: {name}, restartPolicy: Always}}")).collect();
        let pod: Pod = serde_yaml::from_str(&format!(
            "{{metadata: {{name: p, annotations: {{mcpoauth.dev/injected: '{annotation}'}}}},
              spec: {{containers: [], initContainers: [{}]}}}}",
            containers.join(", ")
        ))
        .expect("YAML");
        look("trino", &pod).expect("it lives").injected
    }
}
