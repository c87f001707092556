//! Pods that run already: only a change that opens something is refused, and never a clean-up (trap of every admission
//! rule that judges whole pods on update; K06, K17).

use serde_json::{Value, json};

use super::bench::{self, Bench, Case};

async fn running(labels: Value) -> Bench {
    running_with(labels, json!([])).await
}

async fn running_with(labels: Value, inits: Value) -> Bench {
    let bench = Bench::with(vec![Case { policy: &Value::Null, restricted: false }]).await;
    let pod = bench::pod(&json!({ "metadata": { "labels": labels }, "spec": { "initContainers": inits } }));
    bench.create(0, &pod).await.expect("it is admitted");
    bench
}

async fn change(bench: &Bench, patch: Value) -> Result<(), String> {
    let (namespace, text) = (Bench::namespace(0), patch.to_string());
    let arguments = ["patch", "pod", "pod", "--namespace", &namespace, "--type=strategic", "--patch", &text];
    let output = bench.kubectl().run(&arguments).await.expect("kubectl runs");
    if output.success() { Ok(()) } else { Err(output.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sidecars_image_cannot_be_changed_in_a_running_pod_and_the_servers_can() {
    let bench = running(json!({ "app": "trino" })).await;
    let evil = json!({ "spec": { "initContainers": [{ "name": "mcp-oauth", "image": "evil" }] } });
    let said = change(&bench, evil).await.expect_err("K06");
    assert!(
        said.contains("the image of its container 'mcp-oauth' is the operator's alone to choose"),
        "{said}"
    );
    let newer = json!({ "spec": { "containers": [{ "name": "server", "image": "newer" }] } });
    change(&bench, newer).await.expect("the server's image is its owner's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_pod_without_a_sidecar_cannot_take_the_label_and_can_be_cleaned_up() {
    let bench = running(json!({ "app": "other" })).await;
    let label = json!({ "metadata": { "labels": { "mcpoauth.dev/policy": "trino" } } });
    let said = change(&bench, label).await.expect_err("it would only look protected");
    assert!(said.contains("put the label into the template of the pod's owner"), "{said}");
    let empty = json!({ "metadata": { "labels": { "mcpoauth.dev/policy": "" } } });
    change(&bench, empty).await.expect_err("without a value it would hide the pod from a selector");
    change(&bench, json!({ "metadata": { "labels": { "other": "label" } } }))
        .await
        .expect("any other label is fine");
    change(&bench, json!({ "metadata": { "finalizers": ["example.com/x"] } }))
        .await
        .expect("finalizers come");
    change(&bench, json!({ "metadata": { "finalizers": null } })).await.expect("and go");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_can_be_taken_from_a_running_pod_and_not_be_turned_to_another_policy() {
    let bench = running(json!({ "mcpoauth.dev/policy": "trino" })).await;
    let other = json!({ "metadata": { "labels": { "mcpoauth.dev/policy": "other" } } });
    let said = change(&bench, other).await.expect_err("its sidecar is another policy's");
    assert!(said.contains("was not injected for policy 'other'"), "{said}");
    let none = json!({ "metadata": { "labels": { "mcpoauth.dev/policy": null } } });
    change(&bench, none).await.expect("a label that is taken away is none of ours");
}

/// K06: what was changed while no policy selected the pod is judged when one does again.
#[tokio::test(flavor = "multi_thread")]
async fn k06_a_pod_whose_sidecar_was_replaced_cannot_come_back_and_an_honest_one_can() {
    for (key, value) in [("app", "trino"), ("mcpoauth.dev/policy", "trino")] {
        let bench = running(json!({ key: value })).await;
        let label = |value: Value| json!({ "metadata": { "labels": { key: value } } });
        change(&bench, label(Value::Null)).await.expect("a label may be taken away");
        let older =
            json!({ "metadata": { "annotations": { "mcpoauth.dev/injected": "policy=trino revision=1" } } });
        change(&bench, older).await.expect("as in a pod from an earlier revision");
        change(&bench, label(value.into())).await.expect("its sidecar is what is placed today");
        change(&bench, label(Value::Null)).await.expect("a label may be taken away");
        let evil = json!({ "spec": { "initContainers": [{ "name": "mcp-oauth", "image": "evil" }] } });
        change(&bench, evil).await.expect("nobody's sidecar");
        let said = change(&bench, label(value.into())).await.expect_err("K06");
        assert!(said.contains("is not what this policy places today"), "{said}");
        change(&bench, json!({ "metadata": { "finalizers": ["example.com/x"] } })).await.expect("no label");
    }
}

/// K06: a container of our name that was never ours.
#[tokio::test(flavor = "multi_thread")]
async fn k06_a_pod_with_a_hand_made_sidecar_cannot_be_selected_later_and_with_another_name_it_can() {
    for (name, is_refused) in [("mcp-oauth", true), ("my-oauth", false)] {
        let bench = running_with(
            json!({ "app": "other" }),
            json!([{ "name": name, "image": "evil", "restartPolicy": "Always" }]),
        )
        .await;
        let selected = change(&bench, json!({ "metadata": { "labels": { "app": "trino" } } })).await;
        assert_eq!(selected.is_err(), is_refused, "{name}: {selected:?}");
    }
}

/// K06: looking into a running pod is its owner's right, looking into the sidecar is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_debugger_cannot_look_into_the_sidecar_and_can_look_into_the_server() {
    let bench = running(json!({ "app": "trino" })).await;
    let debug = async |container: Value| {
        let (namespace, text) =
            (Bench::namespace(0), json!({ "spec": { "ephemeralContainers": [container] } }).to_string());
        let arguments = [
            "patch",
            "pod",
            "pod",
            "--namespace",
            &namespace,
            "--subresource=ephemeralcontainers",
            "--patch",
            &text,
        ];
        let output = bench.kubectl().run(&arguments).await.expect("kubectl runs");
        if output.success() { Ok(()) } else { Err(output.stderr) }
    };
    let said = debug(json!({ "name": "a", "image": "x", "targetContainerName": "mcp-oauth" }))
        .await
        .expect_err("K06");
    assert!(said.contains("leave out --target=mcp-oauth"), "{said}");
    let mount = json!([{ "name": "mcp-oauth-policy", "mountPath": "/x" }]);
    debug(json!({ "name": "b", "image": "x", "volumeMounts": mount }))
        .await
        .expect_err("it would read the secrets");
    let variable = |secret: &str| json!([{ "name": "A", "valueFrom": { "secretKeyRef": { "name": secret, "key": "policy.yaml" } } }]);
    let all_of = |secret: &str| json!([{ "secretRef": { "name": secret } }]);
    debug(json!({ "name": "d", "image": "x", "env": variable("trino-mcp-oauth") }))
        .await
        .expect_err("it would read the secrets");
    debug(json!({ "name": "e", "image": "x", "envFrom": all_of("trino-mcp-oauth") }))
        .await
        .expect_err("it would read the secrets");
    debug(json!({ "name": "f", "image": "x", "env": variable("mine"), "envFrom": all_of("mine") }))
        .await
        .expect("another Secret is none of ours");
    debug(json!({ "name": "c", "image": "x", "targetContainerName": "server" }))
        .await
        .expect("it is the owner's server");
}
