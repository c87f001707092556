//! The sidecar's resources: what the policy says, and defaults that give way to it.
//!
//! Pure. Meets N13: requests always, so that autoscalers keep working.

use std::collections::BTreeMap;

use crds::names::Quantity;
use crds::resource::Resources;
use serde_json::{Value, json};

const REQUESTS: [(&str, &str); 2] = [("cpu", "10m"), ("memory", "16Mi")];
const LIMITS: [(&str, &str); 1] = [("memory", "128Mi")];

/// Requests and limits that no pod is refused for: a default is never at odds with what was written.
pub(super) fn resources(written: Option<&Resources>) -> Value {
    let mut requests = merged(&REQUESTS, written.map(|written| &written.requests));
    let mut limits = merged(&LIMITS, written.map(|written| &written.limits));
    for (name, request) in &mut requests {
        let Some(limit) = limits.get_mut(name) else { continue };
        if amount(request) <= amount(limit) {
            continue;
        }
        // The one that was written stays. Where both were, resolve has closed the policy, and its pods start all the same.
        if written.is_some_and(|written| written.limits.contains_key(name)) {
            request.clone_from(limit);
        } else {
            limit.clone_from(request);
        }
    }
    json!({ "requests": requests, "limits": limits })
}

/// What cannot be read is left to the default; resolve has said so.
fn merged(defaults: &[(&str, &str)], written: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let defaults = defaults.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let readable = written.into_iter().flatten().filter(|(_, value)| Quantity::parse(value).is_ok());
    defaults.chain(readable.map(|(name, value)| (name.clone(), value.clone()))).collect()
}

fn amount(text: &str) -> u128 {
    Quantity::parse(text).map_or(0, |quantity| quantity.billionths())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(written: &str) -> Value {
        let written: Resources = serde_yaml::from_str(written).expect("YAML");
        resources(Some(&written))
    }

    #[test]
    fn what_is_written_wins_key_by_key() {
        assert_eq!(
            resources(None),
            json!({ "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "128Mi" } })
        );
        assert_eq!(
            of("{requests: {memory: 32Mi}, limits: {cpu: '1'}}"),
            json!({ "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "cpu": "1", "memory": "128Mi" } })
        );
    }

    #[test]
    fn a_default_limit_is_lifted_to_a_written_request_and_only_where_it_is_less() {
        assert_eq!(of("{requests: {memory: 256Mi}}")["limits"]["memory"], "256Mi");
        assert_eq!(of("{requests: {memory: 1Gi}}")["limits"]["memory"], "1Gi");
        assert_eq!(of("{requests: {memory: 128Mi}}")["limits"]["memory"], "128Mi");
        assert_eq!(of("{requests: {memory: 100M}}")["limits"]["memory"], "128Mi");
    }

    #[test]
    fn a_default_request_is_lowered_to_a_written_limit_and_only_where_it_is_more() {
        assert_eq!(of("{limits: {memory: 8Mi}}")["requests"]["memory"], "8Mi");
        assert_eq!(of("{limits: {cpu: 5m}}")["requests"]["cpu"], "5m");
        assert_eq!(of("{limits: {memory: 16Mi}}")["requests"]["memory"], "16Mi");
        assert_eq!(of("{limits: {cpu: '1'}}")["requests"]["cpu"], "10m");
    }

    #[test]
    fn whatever_passes_the_api_server_no_pod_is_refused_for_it() {
        let amounts = ["5m", "1", "8Mi", "16Mi", "128Mi", "256Mi", "1Gi", "much"];
        for (request, limit) in amounts.iter().flat_map(|one| amounts.map(|other| (one, other))) {
            for name in ["cpu", "memory", "ephemeral-storage"] {
                let merged = of(&format!("{{requests: {{{name}: {request}}}, limits: {{{name}: {limit}}}}}"));
                let amount_of = |kind: &str, none: u128| merged[kind][name].as_str().map_or(none, amount);
                assert!(amount_of("requests", 0) <= amount_of("limits", u128::MAX), "{merged}");
            }
        }
    }
}
