//! Which pods a policy selects, and how far each is.
//!
//! Pure. The same rule as in `admission/inject.yaml`: the label names the policy; without it every label of the selector
//! must be there.

mod placed;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crds::Report;
use crds::resource::McpOAuthPolicySpec;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};

use crate::names::{ADMIN, CONTAINER, DELIVERED, INJECTED, POLICY_LABEL};
use crate::render::Built;
use crate::told::{Told, word};
use placed::is_as_placed;

/// A selected pod, as far as we care.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that was seen")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    pub name: String,
    /// Our sidecar for this policy is in it.
    pub injected: bool,
    /// It says that it has what would be placed today, and its container is another one.
    pub tampered: bool,
    /// What was placed in it is not what would be placed today.
    pub outdated: bool,
    /// What its kubelet was told.
    pub told: Option<Told>,
    /// Its kubelet found our sidecar ready.
    pub ready: bool,
    /// Where our sidecar can be asked, once it runs.
    pub admin: Option<SocketAddr>,
    /// What it said when it was asked (`hear`).
    pub word: Option<Report>,
}

impl Selected {
    /// Whether it said itself that it obeys this revision, be it an open or a closed one.
    pub fn obeys(&self, revision: &str) -> bool {
        self.word.as_ref().is_some_and(|word| word.revision == revision)
    }
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

/// What a pod is to the policy that selects it, and by what would be placed in it today; `None` for pods that are ending
/// or have ended.
pub fn look(policy: &str, built: &Built, pod: &Pod) -> Option<Selected> {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    if pod.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Succeeded" | "Failed")) {
        return None;
    }
    let annotation = |name: &str| pod.metadata.annotations.as_ref().and_then(|all| all.get(name));
    // Wherever it stands: other injectors put their own in front of it, and the place secures nothing (N18).
    let mut inits = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let ours = annotation(INJECTED).filter(|text| text.starts_with(&format!("policy={policy} ")));
    let found = inits.find(|container| ours.is_some() && is_sidecar(container));
    let current = ours.and_then(|text| word(text, "placed")) == Some(built.placed.as_str());
    // What was placed before an edit or a release is not known any more: it is outdated, whatever it is.
    let sidecar = found.filter(|container| {
        !current || pod.spec.as_ref().is_some_and(|spec| is_as_placed(&built.injection, spec, container))
    });
    let statuses = status.and_then(|status| status.init_container_statuses.as_ref());
    let state = statuses.into_iter().flatten().find(|state| sidecar.is_some() && state.name == CONTAINER);
    Some(Selected {
        name: pod.metadata.name.clone().unwrap_or_default(),
        injected: sidecar.is_some(),
        tampered: found.is_some() && sidecar.is_none(),
        outdated: sidecar.is_some() && !current,
        told: annotation(DELIVERED).and_then(|text| Told::parse(text)),
        ready: state.is_some_and(|state| state.ready),
        admin: sidecar.filter(|_| state.is_some_and(runs)).and_then(|sidecar| admin(pod, sidecar)),
        word: None,
    })
}

/// Where the sidecar of a pod answers: at the pod's own address and at the port that was injected, which its arguments
/// and its list of ports both name. A pod that somebody put together by hand leads nowhere but to itself.
fn admin(pod: &Pod, sidecar: &Container) -> Option<SocketAddr> {
    let on_the_node = pod.spec.as_ref()?.host_network.unwrap_or_default();
    let address: IpAddr = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    let port = sidecar.ports.as_ref()?.iter().find(|port| port.name.as_deref() == Some(ADMIN))?;
    let port = u16::try_from(port.container_port).ok().filter(|port| *port >= 1024)?;
    let said = sidecar.args.as_ref()?.contains(&format!("--admin=0.0.0.0:{port}"));
    (said && !on_the_node && is_of_a_pod(address)).then(|| SocketAddr::new(address, port))
}

/// No network gives a pod an address of ours, or one that means several or none.
fn is_of_a_pod(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.to_ipv4_mapped().is_some(),
    };
    !address.is_loopback() && !address.is_unspecified() && !address.is_multicast() && !link_local
}

fn runs(state: &ContainerStatus) -> bool {
    state.state.as_ref().is_some_and(|state| state.running.is_some())
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

    fn built() -> Built {
        let container = serde_json::json!({
            "image": "ours", "restartPolicy": "Always", "securityContext": { "runAsUser": 65532 },
            "args": ["--policy-dir=/etc/mcp-oauth", "--listen=0.0.0.0:17080", "--admin=0.0.0.0:17081"],
            "env": [{ "name": "MCP_OAUTH_LOG", "value": "info" }],
            "volumeMounts": [{ "name": "mcp-oauth-policy", "mountPath": "/etc/mcp-oauth", "readOnly": true }],
        });
        let volume =
            serde_json::json!({ "name": "mcp-oauth-policy", "secret": { "secretName": "trino-mcp-oauth" } });
        let injection = crds::resource::Injection { annotation: String::new(), container, volume };
        Built {
            revision: "x".into(),
            placed: "now".into(),
            secret: k8s_openapi::api::core::v1::Secret::default(),
            injection,
        }
    }

    /// A pod as admission leaves it and a kubelet reports it, with a change.
    fn pod(change: impl FnOnce(&mut serde_json::Value)) -> Selected {
        let mut pod = serde_json::json!({
            "metadata": { "name": "p", "annotations": { "mcpoauth.dev/injected": "policy=trino revision=x placed=now" } },
            "spec": { "containers": [], "volumes": [built().injection.volume], "initContainers": [{
                "name": "mcp-oauth", "image": "ours", "restartPolicy": "Always",
                "securityContext": { "runAsUser": 65532 },
                "env": [{ "name": "MCP_OAUTH_LOG", "value": "info" },
                    { "name": "MCP_OAUTH_UPSTREAM", "value": "http://127.0.0.1:8080" }],
                "volumeMounts": [{ "name": "mcp-oauth-policy", "mountPath": "/etc/mcp-oauth", "readOnly": true }],
                "args": ["--policy-dir=/etc/mcp-oauth", "--listen=0.0.0.0:17080", "--admin=0.0.0.0:17081"],
                "ports": [{ "name": "http", "containerPort": 17080 }, { "name": "mcp-oauth-admin", "containerPort": 17081 }],
            }] },
            "status": { "podIP": "10.1.2.3", "initContainerStatuses": [{
                "name": "mcp-oauth", "ready": true, "image": "i", "imageID": "i", "restartCount": 0,
                "state": { "running": {} },
            }] },
        });
        change(&mut pod);
        look("trino", &built(), &serde_json::from_value(pod).expect("a pod")).expect("it lives")
    }

    #[test]
    fn a_pod_is_injected_by_annotation_and_container_and_not_by_one_of_them() {
        assert!(pod(|_| ()).injected && pod(|_| ()).ready);
        for (pointer, value) in [
            ("/metadata/annotations/mcpoauth.dev~1injected", "policy=trino2 revision=x placed=now"),
            ("/spec/initContainers/0/name", "other"),
            ("/spec/initContainers/0/restartPolicy", "Never"),
        ] {
            let other = pod(|pod| *pod.pointer_mut(pointer).expect("it is there") = value.into());
            assert_eq!((other.injected, other.ready, other.admin), (false, false, None), "{pointer}");
        }
    }

    #[test]
    fn a_pod_is_outdated_where_something_else_would_be_placed_today_and_not_for_another_revision() {
        let annotated =
            |text: &str| pod(|pod| pod["metadata"]["annotations"]["mcpoauth.dev/injected"] = text.into());
        assert!(!annotated("policy=trino revision=y image=i placed=now").outdated);
        assert!(annotated("policy=trino revision=x image=i placed=then").outdated);
        assert!(annotated("policy=trino revision=x image=i").outdated);
        assert!(!annotated("policy=other revision=x placed=then").outdated, "it has no sidecar of ours");
    }

    #[test]
    fn k17_a_pod_that_says_it_is_of_today_and_has_another_container_is_not_injected() {
        let mount = |at: &str| serde_json::json!({ "name": "mine", "mountPath": at });
        let (preload, other) = (
            serde_json::json!({ "name": "LD_PRELOAD", "value": "/opt/x" }),
            serde_json::json!({ "name": "A" }),
        );
        let container = |field: &str, value: serde_json::Value, to_list: bool| {
            pod(|pod| {
                let found = &mut pod["spec"]["initContainers"][0][field];
                match found.as_array_mut().filter(|_| to_list) {
                    Some(list) => list.push(value),
                    None => *found = value,
                }
            })
        };
        for (field, value, to_list) in [
            ("image", "evil".into(), false),
            ("args", "--policy-dir=/mine".into(), true),
            ("command", serde_json::json!(["/evil"]), false),
            ("securityContext", serde_json::json!({ "privileged": true }), false),
            ("livenessProbe", serde_json::json!({ "exec": { "command": ["/evil"] } }), false),
            ("env", preload, true),
            ("volumeMounts", mount("/mcp-oauth-sidecar"), true),
            ("volumeMounts", mount("/opt/../mcp-oauth-sidecar"), true),
        ] {
            let other = container(field, value, to_list);
            assert_eq!(
                (other.injected, other.tampered, other.ready, other.admin),
                (false, true, false, None),
                "{field}"
            );
        }
        assert!(pod(|pod| pod["spec"]["volumes"][0]["secret"]["secretName"] = "mine".into()).tampered);
        for (field, value) in [("env", other), ("volumeMounts", mount("/opt/agent"))] {
            let added = container(field, value, true);
            assert_eq!((added.injected, added.tampered), (true, false), "{field} of another injector");
        }
    }

    #[test]
    fn k17_an_honest_pod_of_an_older_release_is_outdated_and_not_tampered_with() {
        let older = pod(|pod| {
            pod["metadata"]["annotations"]["mcpoauth.dev/injected"] =
                "policy=trino revision=x placed=then".into();
            pod["spec"]["initContainers"][0]["image"] = "older".into();
        });
        assert_eq!((older.injected, older.outdated, older.tampered), (true, true, false));
    }

    #[test]
    fn a_running_sidecar_is_asked_at_its_pods_address_and_the_port_that_was_injected() {
        assert_eq!(pod(|_| ()).admin, Some(([10, 1, 2, 3], 17081).into()));
        let six = pod(|pod| pod["status"]["podIP"] = "fd00::7".into());
        assert_eq!(six.admin, "[fd00::7]:17081".parse().ok());
    }

    #[test]
    fn no_pod_leads_the_operator_to_anything_but_a_pod() {
        let elsewhere =
            ["127.0.0.1", "::1", "0.0.0.0", "169.254.169.254", "fe80::1", "224.0.0.1", "::ffff:127.0.0.1"];
        for address in elsewhere.into_iter().chain(["", "kubernetes.default.svc"]) {
            assert_eq!(pod(|pod| pod["status"]["podIP"] = address.into()).admin, None, "{address}");
        }
        assert_eq!(pod(|pod| pod["spec"]["hostNetwork"] = true.into()).admin, None);
        for port in [22, 1023, 17082, 70_000] {
            let other =
                pod(|pod| pod["spec"]["initContainers"][0]["ports"][1]["containerPort"] = port.into());
            assert_eq!(other.admin, None, "{port} is not what its arguments say, or no port for us");
        }
        let waiting = serde_json::json!({ "waiting": {} });
        assert_eq!(pod(|pod| pod["status"]["initContainerStatuses"][0]["state"] = waiting).admin, None);
    }

    #[test]
    fn n18_a_sidecar_behind_somebody_elses_is_ours_all_the_same() {
        let behind = |name: &str| {
            pod(|pod| {
                let ours = pod["spec"]["initContainers"][0].take();
                let other = serde_json::json!({ "name": name, "restartPolicy": "Always" });
                pod["spec"]["initContainers"] = serde_json::json!([other, ours]);
            })
        };
        assert!(behind("istio-proxy").injected && behind("istio-proxy").admin.is_some());
        let without = pod(|pod| pod["spec"]["initContainers"][0]["name"] = "istio-proxy".into());
        assert!(!without.injected);
    }
}
