//! helm: where it lies, and what it makes of a chart and values. Fetched where it is missing; talks to no cluster.

use std::path::PathBuf;
use std::process::Command;

use harness::lab::{Environment, Paths, Progress, tools};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::checkout::try_run;

pub(crate) const OPERATOR: &str = "charts/mcp-oauth-operator";
pub(crate) const SERVER: &str = "charts/mcp-server";
/// The oldest Kubernetes that the charts are for.
pub(crate) const CURRENT: &str = "1.36.0";

/// One test fetches it, and the others wait: from an empty cache they all come here at once.
static FETCHING: Mutex<()> = Mutex::const_new(());

pub(crate) async fn helm() -> PathBuf {
    let _alone = FETCHING.lock().await;
    let paths = Paths::new(&Environment::of_process()).expect("there is a place for a cache");
    let folder =
        tools::ensure_kubectl(&paths, Progress::unseen()).await.expect("helm is there or can be had");
    folder.join("helm")
}

/// What helm renders, or why it does not.
pub(crate) async fn template(chart: &str, values: &[&str], kubernetes: &str) -> Result<String, String> {
    let mut template = Command::new(helm().await);
    template.args(["template", "sample", chart, "--namespace", "sample", "--include-crds"]);
    template.args(["--kube-version", kubernetes]).args(sets(values));
    let (success, said) = try_run(&mut template);
    if success { Ok(said) } else { Err(said) }
}

/// The same, as objects.
pub(crate) async fn objects(chart: &str, values: &[&str]) -> Vec<Value> {
    read(&template(chart, values, CURRENT).await.expect("the values are good"))
}

/// What helm makes of a file of values with this text.
pub(crate) async fn objects_of(chart: &str, text: &str) -> Result<Vec<Value>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, text).expect("it is ours");
    let mut template = Command::new(helm().await);
    template.args(["template", "sample", chart, "--namespace", "sample", "--kube-version", CURRENT]);
    template.arg("--values").arg(&file);
    let (success, said) = try_run(&mut template);
    if success { Ok(read(&said)) } else { Err(said) }
}

fn read(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    documents.map(|document| Deserialize::deserialize(document).expect("helm writes YAML")).collect()
}

/// What helm says to whoever installs a chart with these values.
pub(crate) async fn notes(chart: &str, values: &[&str]) -> String {
    let mut install = Command::new(helm().await);
    install.args(["install", "sample", chart, "--namespace", "sample", "--dry-run=client"]);
    install.args(["--kubeconfig", "/dev/null"]).args(sets(values));
    let (success, said) = try_run(&mut install);
    assert!(success, "{said}");
    said.split_once("NOTES:\n").map_or_else(String::new, |(_, notes)| notes.to_owned())
}

pub(crate) fn sets<'a>(values: &[&'a str]) -> Vec<&'a str> {
    values.iter().flat_map(|value| ["--set", value]).collect()
}

pub(crate) fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

pub(crate) fn words(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
