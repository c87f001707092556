//! The operator against an API server alone, with no more than the rights that its chart gives it (K02, K05, K10, K12,
//! K14, W8): what it makes, what it repairs, and what it never touches.

mod bench;
mod keys;
mod pods;
mod troubles;

use bench::Bench;
use harness::lab::Error;
use serde_json::{Value, json};

const SECRET: &str = "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA";

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_rendered_closed_and_opens_when_its_secret_comes_and_closes_when_it_goes()
-> Result<(), Error> {
    let bench = Bench::start().await?;
    bench.policy("data", &json!({})).await?;
    bench
        .until("closed", async || Ok(bench.delivered("data").await?.contains("reason: ReferenceNotFound")))
        .await?;
    bench.hmac("data", SECRET).await?;
    bench.until("in force", async || Ok(bench.reason("data", "Accepted").await? == "Accepted")).await?;
    assert!(bench.delivered("data").await?.contains("enforce:"));
    bench.kubectl().check(&["delete", "secret", "hmac", "--namespace", "data"]).await?;
    bench.until("closed again", async || Ok(bench.delivered("data").await?.contains("closed:"))).await?;
    // K03: the secret stands in the rendered Secret and nowhere else.
    let everything = bench.kubectl().check(&["get", "mop,events,pods", "-A", "--output=yaml"]).await?;
    assert!(!everything.contains(SECRET) && !bench.log().contains(SECRET));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_the_rendered_name_that_somebody_else_made_is_never_taken_over() -> Result<(), Error> {
    let bench = Bench::start().await?;
    bench.kubectl().check(&["create", "namespace", "data"]).await?;
    let foreign =
        ["create", "secret", "generic", "trino-mcp-oauth", "--from-literal=mine=1", "--namespace", "data"];
    bench.kubectl().check(&foreign).await?;
    bench.hmac("data", SECRET).await?;
    bench.policy("data", &json!({})).await?;
    bench.until("said", async || Ok(bench.reason("data", "Accepted").await? == "SecretConflict")).await?;
    let secret = bench.kubectl().get(&["secret", "trino-mcp-oauth", "--namespace", "data"]).await?;
    assert_eq!(secret["metadata"]["ownerReferences"], Value::Null);
    assert_eq!(secret["data"].as_object().map(serde_json::Map::len), Some(1));
    bench.kubectl().check(&["delete", "secret", "trino-mcp-oauth", "--namespace", "data"]).await?;
    bench.until("taken", async || Ok(bench.reason("data", "Accepted").await? == "Accepted")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_in_the_admission_policies_is_undone() -> Result<(), Error> {
    let bench = Bench::start().await?;
    bench.hmac("data", SECRET).await?;
    bench.policy("data", &json!({})).await?;
    bench.until("in force", async || Ok(bench.reason("data", "Accepted").await? == "Accepted")).await?;
    let open = json!([{ "op": "add", "path": "/spec/matchConditions/-", "value": { "name": "never", "expression": "false" } }]);
    let patch = [
        "patch",
        "validatingadmissionpolicy",
        "selected.mcpoauth.dev",
        "--type=json",
        "--patch",
        &open.to_string(),
    ];
    bench.kubectl().check(&patch).await?;
    bench.kubectl().check(&["delete", "mutatingadmissionpolicybinding", "inject.mcpoauth.dev"]).await?;
    bench
        .until("undone", async || {
            let policy = bench.kubectl().get(&["validatingadmissionpolicy", "selected.mcpoauth.dev"]).await?;
            let binding = bench
                .kubectl()
                .run(&["get", "mutatingadmissionpolicybinding", "inject.mcpoauth.dev"])
                .await?;
            Ok(!policy["spec"]["matchConditions"].to_string().contains("never") && binding.success())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admission_policies_follow_the_namespaces_that_have_policies() -> Result<(), Error> {
    let bench = Bench::start().await?;
    let named = async || {
        let found = bench
            .kubectl()
            .run(&["get", "mutatingadmissionpolicy", "inject.mcpoauth.dev", "--output=json"])
            .await?;
        let object: Value = serde_json::from_str(&found.stdout).unwrap_or_default();
        Ok::<_, Error>(
            object.pointer("/spec/matchConstraints/namespaceSelector/matchExpressions/0/values").cloned(),
        )
    };
    bench
        .until("the third alone", async || {
            Ok(bench
                .kubectl()
                .run(&["get", "validatingadmissionpolicy", "labelled.mcpoauth.dev"])
                .await?
                .success())
        })
        .await?;
    assert_eq!(named().await?, None);
    bench.policy("data", &json!({})).await?;
    bench.policy("tools", &json!({})).await?;
    bench.until("both", async || Ok(named().await? == Some(json!(["data", "tools"])))).await?;
    bench.policy("kube-system", &json!({})).await?;
    bench
        .until("excluded", async || Ok(bench.reason("kube-system", "Accepted").await? == "NamespaceExcluded"))
        .await?;
    assert_eq!(named().await?, Some(json!(["data", "tools"])));
    for namespace in ["data", "tools"] {
        bench.kubectl().check(&["delete", "mop", "trino", "--namespace", namespace]).await?;
    }
    bench.until("none", async || Ok(named().await?.is_none())).await
}

/// K12: one that the API server lets through and we cannot read does not hide the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_be_read_stops_no_other() -> Result<(), Error> {
    let bench = Bench::start().await?;
    bench.loosen_definition().await?;
    let oidc = json!({ "issuer": "https://mars.example.com", "audience": ["x"] });
    bench.policy("odd", &json!({ "provider": "martian", "hmac": null, "oidc": oidc })).await?;
    bench.hmac("data", SECRET).await?;
    bench.policy("data", &json!({})).await?;
    bench.until("the good one", async || Ok(bench.reason("data", "Accepted").await? == "Accepted")).await?;
    bench.until("the odd one", async || Ok(bench.reason("odd", "Accepted").await? == "Invalid")).await
}

/// K10: what the chart gives is enough for all of the above, and not enough to read a cluster's Secrets.
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_cannot_list_secrets() -> Result<(), Error> {
    let bench = Bench::start().await?;
    for (verb, allowed) in
        [("list", "no"), ("watch", "no"), ("update", "no"), ("delete", "no"), ("get", "yes")]
    {
        let ask = ["auth", "can-i", verb, "secrets", "--all-namespaces", "--as", bench::ACCOUNT];
        assert_eq!(bench.kubectl().run(&ask).await?.stdout.trim(), allowed, "{verb}");
    }
    Ok(())
}
