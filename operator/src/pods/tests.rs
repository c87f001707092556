//! Pods as admission leaves them and kubelets report them, and as somebody would like them to be taken.

use super::*;

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
    let (preload, other) =
        (serde_json::json!({ "name": "LD_PRELOAD", "value": "/opt/x" }), serde_json::json!({ "name": "A" }));
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
        let other = pod(|pod| pod["spec"]["initContainers"][0]["ports"][1]["containerPort"] = port.into());
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
