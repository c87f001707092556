//! The keys of proxy mode against a real API server: minted once however many operators there are, kept through whatever
//! happens to policy and operator, rotated on a wish, and never written over (O29, K03, promise 4).

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::lab::Error;
use harness::lab::command::Group;
use serde_json::{Value, json};

use super::SECRET;
use super::bench::Bench;

const SECRET_NAME: [&str; 4] = ["secret", "trino-mcp-oauth", "--namespace", "data"];
/// A look of the slow clock, and one more.
const TWO_LOOKS: Duration = Duration::from_secs(5);

fn proxy() -> Value {
    json!({ "provider": "okta", "hmac": null, "oidc": { "issuer": "https://company.okta.com", "clientId": "0oa1b2c3" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_that_see_a_policy_at_once_mint_one_ring_and_rotate_it_once() -> Result<(), Error> {
    let namespaces: Vec<String> = (0..8).map(|number| format!("data-{number}")).collect();
    let mut bench = Bench::start().await?;
    bench.add_operator()?;
    let log = bench.folder().join("secrets.json");
    let watch = ["get", "secrets", "--all-namespaces", "--watch", "--output=json"];
    let _watch = Group::daemon(&mut bench.kubectl().command(&watch), &log)?;
    // Each policy is a chance to write at the same time, and so is each wish.
    for namespace in &namespaces {
        bench.policy(namespace, &proxy()).await?;
    }
    for namespace in &namespaces {
        bench.until("in force", async || accepted(&bench, namespace).await).await?;
    }
    let wish = ["annotate", "mop", "--all", "--all-namespaces", "mcpoauth.dev/rotate-keys=now"];
    bench.kubectl().check(&wish).await?;
    for namespace in &namespaces {
        let rotates = async || Ok(delivered(&bench, namespace).await?.len() == 2);
        bench.until("the next key", rotates).await?;
    }
    tokio::time::sleep(TWO_LOOKS).await;
    for namespace in &namespaces {
        let ring = ring(&bench, namespace).await?;
        let of = |state: &str| ring["seal"][state]["id"].as_str().unwrap_or_default().to_owned();
        let (first, next) = (of("first"), of("next"));
        assert_eq!(delivered(&bench, namespace).await?, [&*first, &*next]);
        let watched = std::fs::read_to_string(&log).unwrap_or_default();
        let only = |id: String| BTreeSet::from([id]);
        assert_eq!(ever(&watched, namespace, "first"), only(first), "{namespace}: one was written over");
        assert_eq!(ever(&watched, namespace, "next"), only(next), "{namespace}: one was written over");
    }
    Ok(())
}

/// The sealing keys of a policy that were ever in that state, in what a watch of Secrets printed.
fn ever(watched: &str, namespace: &str, state: &str) -> BTreeSet<String> {
    let mut ever = BTreeSet::new();
    // The last object may be on its way.
    let secrets = serde_json::Deserializer::from_str(watched).into_iter::<Value>().map_while(Result::ok);
    for secret in secrets.filter(|secret| secret["metadata"]["namespace"] == namespace) {
        let Some(ring) = secret["data"]["keys.yaml"].as_str() else { continue };
        let ring = STANDARD.decode(ring).expect("the API server gives base64");
        let ring: Value = serde_yaml::from_slice(&ring).expect("YAML");
        ever.extend(ring["seal"][state]["id"].as_str().map(str::to_owned));
    }
    ever
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_outlive_the_operator_and_native_mode_and_go_with_their_secret() -> Result<(), Error> {
    let mut bench = Bench::start().await?;
    bench.hmac("data", SECRET).await?;
    bench.policy("data", &proxy()).await?;
    bench.until("in force", async || accepted(&bench, "data").await).await?;
    let made = bench.rendered("data", "keys.yaml").await?;
    let first = delivered(&bench, "data").await?;
    bench.end_operators();
    bench.add_operator()?;
    let mut edited = proxy();
    edited["authorization"] = json!({ "requiredScopes": ["mcp"] });
    bench.policy("data", &edited).await?;
    let edit = async || Ok(bench.delivered("data").await?.contains("requiredScopes"));
    bench.until("of the second operator", edit).await?;
    assert_eq!(
        (bench.rendered("data", "keys.yaml").await?, delivered(&bench, "data").await?),
        (made.clone(), first.clone())
    );

    bench.policy("data", &json!({})).await?;
    bench.until("native", async || Ok(bench.delivered("data").await?.contains("hmac:"))).await?;
    assert_eq!(bench.rendered("data", "keys.yaml").await?, made);
    assert_eq!(delivered(&bench, "data").await?, [""; 0], "nobody needs them meanwhile");
    bench.policy("data", &proxy()).await?;
    let same = async || Ok(delivered(&bench, "data").await? == first);
    bench.until("proxy mode again", same).await?;
    assert_eq!(bench.rendered("data", "keys.yaml").await?, made);

    bench.kubectl().check(&[&["delete"], &SECRET_NAME[..]].concat()).await?;
    let anew = async || Ok(!bench.rendered("data", "keys.yaml").await?.is_empty());
    bench.until("new keys", anew).await?;
    assert_ne!(delivered(&bench, "data").await?, first);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotation_begins_one_rotation_and_the_next_key_has_its_turn_when_it_is_due() -> Result<(), Error>
{
    let bench = Bench::start().await?;
    bench.policy("data", &proxy()).await?;
    bench.until("in force", async || accepted(&bench, "data").await).await?;
    let first = delivered(&bench, "data").await?;
    let wish =
        ["annotate", "mop", "trino", "--namespace", "data", "mcpoauth.dev/rotate-keys=after the audit"];
    bench.kubectl().check(&wish).await?;
    bench.until("the next key", async || Ok(delivered(&bench, "data").await?.len() == 2)).await?;
    let both = delivered(&bench, "data").await?;
    assert_eq!(both[..1], first);
    tokio::time::sleep(TWO_LOOKS).await;
    assert_eq!(delivered(&bench, "data").await?, both, "once, and not before it is due");
    // So old that it has its turn, and gives way to another one at once.
    let mut ring = ring(&bench, "data").await?;
    for kind in ["seal", "sign"] {
        ring[kind]["next"]["born"] = "2026-01-01T00:00:00Z".into();
    }
    put(&bench, &serde_yaml::to_string(&ring).expect("YAML")).await?;
    bench.until("its turn", async || Ok(delivered(&bench, "data").await?.len() == 3)).await?;
    let after = delivered(&bench, "data").await?;
    assert_eq!((&after[0], &after[2]), (&both[1], &both[0]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_cannot_be_read_closes_with_the_reason_and_is_not_written_over() -> Result<(), Error> {
    let bench = Bench::start().await?;
    bench.policy("data", &proxy()).await?;
    bench.until("in force", async || accepted(&bench, "data").await).await?;
    let (made, first) = (bench.rendered("data", "keys.yaml").await?, delivered(&bench, "data").await?);
    let broken = made.replace("retired", "retierd");
    let unreadable = async || Ok(bench.reason("data", "Accepted").await? == "KeysUnreadable");
    put(&bench, &broken).await?;
    bench.until("closed", unreadable).await?;
    let said = bench.condition("data", "Accepted").await?;
    let says = "the entry keys.yaml of the Secret '<policy>-mcp-oauth' is not as the operator wrote it";
    assert!(said["message"].as_str().is_some_and(|text| text.contains(says)), "{said}");
    assert!(bench.delivered("data").await?.contains("closed:"));
    tokio::time::sleep(TWO_LOOKS).await;
    assert_eq!(bench.rendered("data", "keys.yaml").await?, broken);
    put(&bench, &made).await?;
    bench.until("in force again", async || Ok(delivered(&bench, "data").await? == first)).await?;
    put(&bench, &broken).await?;
    bench.until("closed again", unreadable).await?;
    let remove = json!([{ "op": "remove", "path": "/data/keys.yaml" }]).to_string();
    bench
        .kubectl()
        .check(&[&["patch"], &SECRET_NAME[..], &["--type=json", "--patch", &remove]].concat())
        .await?;
    bench.until("new keys", async || accepted(&bench, "data").await).await?;
    assert_ne!(delivered(&bench, "data").await?, first);
    // K03: keys stand in the rendered Secret and nowhere else, also while somebody complains about them.
    let everything = bench.kubectl().check(&["get", "mop,events,pods", "-A", "--output=yaml"]).await?;
    for text in [made, bench.rendered("data", "keys.yaml").await?] {
        let ring: Value = serde_yaml::from_str(&text).expect("YAML");
        let key = ring["seal"]["first"]["key"].as_str().expect("a key");
        assert!(!everything.contains(key) && !bench.log().contains(key));
    }
    Ok(())
}

async fn accepted(bench: &Bench, namespace: &str) -> Result<bool, Error> {
    Ok(bench.reason(namespace, "Accepted").await? == "Accepted")
}

async fn ring(bench: &Bench, namespace: &str) -> Result<Value, Error> {
    let ring = bench.rendered(namespace, "keys.yaml").await?;
    Ok(serde_yaml::from_str(&ring).expect("YAML"))
}

/// Somebody edits the ring by hand.
async fn put(bench: &Bench, ring: &str) -> Result<(), Error> {
    let patch = json!({ "stringData": { "keys.yaml": ring } }).to_string();
    let put = [&["patch"], &SECRET_NAME[..], &["--type=merge", "--patch", &patch]].concat();
    bench.kubectl().check(&put).await.map(drop)
}

/// The sealing keys that the sidecars are given, in their order.
async fn delivered(bench: &Bench, namespace: &str) -> Result<Vec<String>, Error> {
    let document: Value = serde_yaml::from_str(&bench.delivered(namespace).await?).unwrap_or_default();
    let keys = document["enforce"]["proxy"]["keys"]["seal"].as_array().cloned().unwrap_or_default();
    Ok(keys.iter().filter_map(|key| key["id"].as_str()).map(str::to_owned).collect())
}
