//! What stands in the operator's way is said where the author of the policy looks, and ends by itself (K12, K14, W8,
//! promise 5).

use harness::lab::Error;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::SECRET;
use super::bench::Bench;

const BROKEN: &str = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";

/// K14: a sidecar that was given this would refuse it, and keep the policy from before.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_bundle_of_certificates_closes_with_the_reason_and_a_good_one_opens() -> Result<(), Error> {
    let bench = Bench::start().await?;
    bench.kubectl().check(&["create", "namespace", "data"]).await?;
    bundle(&bench, BROKEN).await?;
    let oidc = json!({
        "issuer": "https://sso.example.com", "audience": ["x"],
        "caBundleRef": { "kind": "ConfigMap", "name": "ca", "key": "ca.crt" },
    });
    bench.policy("data", &json!({ "provider": "oidc", "hmac": null, "oidc": oidc })).await?;
    bench
        .until("refused", async || Ok(bench.reason("data", "Accepted").await? == "ReferenceInvalid"))
        .await?;
    let said = bench.condition("data", "Accepted").await?;
    let names = "spec.oidc.caBundleRef: ConfigMap 'ca' has a certificate that cannot be read under 'ca.crt'";
    assert!(said["message"].as_str().is_some_and(|text| text.contains(names)), "{said}");
    assert!(bench.delivered("data").await?.contains("closed:"));
    bundle(&bench, &certificate()).await?;
    bench.until("accepted", async || Ok(bench.reason("data", "Accepted").await? == "Accepted")).await?;
    assert!(bench.delivered("data").await?.contains("enforce:"));
    Ok(())
}

/// K12: an API server that says no is no news for the log alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_server_refuses_is_told_in_the_status_until_it_is_mended() -> Result<(), Error> {
    let bench = Bench::start().await?;
    bench.hmac("data", SECRET).await?;
    bench.policy("data", &json!({})).await?;
    let accepted = async || Ok(bench.reason("data", "Accepted").await? == "Accepted");
    bench.until("in force", accepted).await?;
    let secret = ["secret", "trino-mcp-oauth", "--namespace", "data"];
    let fix = [&["patch"], &secret[..], &["--type=merge", "--patch", "{\"immutable\":true}"]].concat();
    bench.kubectl().check(&fix).await?;
    bench.policy("data", &json!({ "authorization": { "requiredScopes": ["mcp"] } })).await?;
    bench.until("told", async || Ok(bench.reason("data", "Ready").await? == "ApplyFailed")).await?;
    let said = bench.condition("data", "Accepted").await?;
    assert_eq!((&said["status"], &said["reason"]), (&json!("False"), &json!("ApplyFailed")));
    assert!(said["message"].as_str().is_some_and(|text| text.contains("field is immutable")), "{said}");
    let policy = bench.kubectl().get(&["mop", "trino", "--namespace", "data"]).await?;
    assert!(policy["status"]["injection"].is_object(), "new pods are still injected: {policy}");
    bench.kubectl().check(&[&["delete"], &secret[..]].concat()).await?;
    bench.until("mended", accepted).await?;
    assert!(bench.delivered("data").await?.contains("requiredScopes"));
    Ok(())
}

/// W8: what a dead object owns is collected. One that was made anew under its name is another object.
#[tokio::test(flavor = "multi_thread")]
async fn the_admission_policies_follow_an_owner_that_was_made_anew() -> Result<(), Error> {
    let bench = Bench::start().await?;
    let role = ["clusterrole", "mcp-oauth-operator"];
    let old = bench.kubectl().get(&role).await?;
    let owned = async |by: &Value| {
        let policy = ["get", "validatingadmissionpolicy", "labelled.mcpoauth.dev", "--output=json"];
        let found: Value =
            serde_json::from_str(&bench.kubectl().run(&policy).await?.stdout).unwrap_or_default();
        let owners = found["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
        Ok::<_, Error>(owners.len() == 1 && owners[0]["uid"] == by["metadata"]["uid"])
    };
    bench.until("owned", async || owned(&old).await).await?;
    bench.kubectl().check(&[&["delete"], &role[..]].concat()).await?;
    let mut anew = old.clone();
    anew["metadata"] = json!({ "name": "mcp-oauth-operator", "labels": old["metadata"]["labels"] });
    bench.kubectl().apply(&anew.to_string()).await?;
    let anew = bench.kubectl().get(&role).await?;
    assert_ne!(anew["metadata"]["uid"], old["metadata"]["uid"]);
    bench.until("owned anew", async || owned(&anew).await).await
}

async fn bundle(bench: &Bench, pem: &str) -> Result<(), Error> {
    let metadata = json!({ "name": "ca", "namespace": "data" });
    let map =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "ca.crt": pem } });
    bench.kubectl().apply(&map.to_string()).await
}

fn certificate() -> String {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["sso.example.com".to_owned()]).expect("a name");
    params.self_signed(&key).expect("it signs itself").pem()
}
