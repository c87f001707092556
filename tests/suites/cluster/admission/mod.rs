//! What the API server itself does to pods: the three admission policies, tried on a real one, without an operator and
//! without a node (N4–N12, N16–N18, K01, K04–K06, K09, W1, W2, W6). `bench` sets the scene, `shapes.yaml` and
//! `refusals.yaml` are the tables, `rows` reads them, `expectation` says what must come out.

mod bench;
mod blast_radius;
mod expectation;
mod others;
mod rows;
mod updates;

use bench::{Bench, Case};
use expectation::{comparable, difference};
use rows::{Refusal, Shape};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_of_pod_comes_out_as_written() {
    let shapes: Vec<Shape> = serde_yaml::from_str(include_str!("shapes.yaml")).expect("the table is YAML");
    assert!(shapes.len() >= 15);
    let cases =
        shapes.iter().map(|shape| Case { policy: &shape.policy, restricted: shape.restricted }).collect();
    let bench = Bench::with(cases).await;
    let mut wrong = Vec::new();
    for (index, shape) in shapes.iter().enumerate() {
        let sent = bench::pod(&shape.pod);
        let plain = bench.admit_without_us(&sent).await.expect("without us it is admitted");
        let expected = shape.expected(&comparable(plain));
        match bench.admit(index, &sent).await {
            Err(said) => wrong.push(format!("{}: refused: {said}", shape.name)),
            Ok(admitted) => {
                if let Some(difference) = difference("", &expected, &comparable(admitted)) {
                    wrong.push(format!("{}: {difference}", shape.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refused_pod_is_told_what_to_do_and_its_twin_is_admitted() {
    let rows: Vec<Refusal> = serde_yaml::from_str(include_str!("refusals.yaml")).expect("the table is YAML");
    let refused = rows.iter().map(|row| Case { policy: &row.policy, restricted: false });
    let twins = rows.iter().map(|row| Case { policy: row.policy_of_twin(), restricted: false });
    let bench = Bench::with(refused.chain(twins).collect()).await;
    let mut wrong = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match bench.admit(index, &row.pod()).await {
            Err(said) if said.contains(&row.says) => {}
            Err(said) => wrong.push(format!("{}: says {said}", row.name)),
            Ok(_) => wrong.push(format!("{}: admitted", row.name)),
        }
    }
    let twins: Vec<_> = (rows.len()..).zip(rows.iter().map(Refusal::twin)).collect();
    // All in one go, for most of each would be the start of a program; one by one where that fails, to say which.
    if let Err(said) = bench.admit_all(&twins).await {
        wrong.push(format!("the twins together: {said}"));
        for (row, (index, twin)) in rows.iter().zip(&twins) {
            if let Err(said) = bench.admit(*index, twin).await {
                wrong.push(format!("twin of {}: {said}", row.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// N4: another policy that changes pods after ours makes the API server ask ours again.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_turn_changes_nothing() {
    let bench = Bench::with(vec![Case { policy: &Value::Null, restricted: false }]).await;
    let labeller = json!([
        { "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": { "name": "z-labeller" },
          "spec": { "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": { "resourceRules": [{ "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"] }] },
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression":
              "[JSONPatch{op: 'add', path: '/metadata/labels/seen', value: 'yes'}]" } }] } },
        { "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding", "metadata": { "name": "z-labeller" },
          "spec": { "policyName": "z-labeller" } },
    ]);
    for object in labeller.as_array().expect("a list") {
        bench.kubectl().apply(&object.to_string()).await.expect("it is accepted");
    }
    let sent = bench::pod(&json!({ "metadata": { "labels": { "app": "trino" } } }));
    let mut seen = false;
    for _ in 0..50 {
        let admitted = bench.admit(0, &sent).await.expect("it is admitted");
        let sidecars = admitted["spec"]["initContainers"].as_array().map_or(0, Vec::len);
        assert_eq!(sidecars, 1, "{admitted}");
        seen = admitted["metadata"]["labels"]["seen"] == "yes";
        if seen {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(seen, "the second policy never ran");
}

/// N16: nothing is left by a dry run, and the same pod is admitted for real.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_leaves_nothing() {
    let bench = Bench::with(vec![Case { policy: &Value::Null, restricted: false }]).await;
    let pod = bench::pod(&json!({ "metadata": { "labels": { "app": "trino" } } }));
    bench.admit(0, &pod).await.expect("it is admitted");
    let pods = bench.kubectl().get(&["pods", "--namespace", &Bench::namespace(0)]).await.expect("a list");
    assert_eq!(pods["items"].as_array().map(Vec::len), Some(0));
    bench.create(0, &pod).await.expect("it is admitted for real");
}
