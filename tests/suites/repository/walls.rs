//! The directions of dependency: operator → crds ← sidecar. What each crate may not know is written down here and, for
//! `cargo deny`, in `deny.toml`. Asks cargo, which reads the lock file and nothing else.

use std::collections::BTreeSet;
use std::process::Command;

use serde::Deserialize;

use crate::checkout::run;

const KUBERNETES: [&str; 3] = ["kube", "kube-runtime", "k8s-openapi"];

/// What this project is built from.
const FIXED: [&str; 10] = [
    "kube",
    "k8s-openapi",
    "kube-runtime",
    "schemars",
    "tokio",
    "hyper",
    "jsonwebtoken",
    "reqwest",
    "serde_yaml",
    "tracing",
];

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    rename: Option<String>,
    optional: bool,
}

#[test]
fn only_the_operator_the_contract_and_the_tests_name_kubernetes() {
    for package in packages() {
        let named: Vec<&Dependency> = package
            .dependencies
            .iter()
            .filter(|dependency| KUBERNETES.contains(&&*dependency.name))
            .collect();
        match package.name.as_str() {
            "mcp-oauth-operator" | "mcp-oauth-tests" => {}
            "mcp-oauth-crds" => assert!(named.iter().all(|dependency| dependency.optional), "{named:?}"),
            other => assert!(named.is_empty(), "{other} depends on {named:?}"),
        }
    }
}

#[test]
fn the_sidecar_does_not_know_that_kubernetes_exists() {
    let found = tree("mcp-oauth-sidecar", &[]);
    assert!(found.contains("hyper") && found.contains("jsonwebtoken"), "{found:?}");
    without(
        "mcp-oauth-sidecar",
        &found,
        &[&KUBERNETES[..], &["kube-core", "kube-client", "schemars"]].concat(),
    );
}

#[test]
fn the_contract_talks_to_nobody() {
    let found = tree("mcp-oauth-crds", &[]);
    assert!(found.contains("serde"), "{found:?}");
    let network = ["tokio", "hyper", "reqwest", "kube", "k8s-openapi", "schemars"];
    without("mcp-oauth-crds", &found, &network);
    let with = tree("mcp-oauth-crds", &["--features", "kube"]);
    assert!(with.contains("k8s-openapi"), "{with:?}");
}

// It opens no connection to an address that the author of a policy wrote, and judges no token.
#[test]
fn the_operator_calls_no_provider_and_judges_no_token() {
    let found = tree("mcp-oauth-operator", &[]);
    assert!(found.contains("kube"), "{found:?}");
    without("mcp-oauth-operator", &found, &["reqwest", "jsonwebtoken", "mcp-oauth-sidecar"]);
}

#[test]
fn everything_is_built_from_the_packages_that_were_chosen() {
    let packages = packages();
    let direct: BTreeSet<&str> = packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .map(|dependency| dependency.rename.as_deref().unwrap_or(&dependency.name))
        .collect();
    let missing: Vec<_> = FIXED.iter().filter(|name| !direct.contains(*name)).collect();
    assert!(missing.is_empty(), "nobody depends on {missing:?}");
}

fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.env("CARGO_TERM_COLOR", "never");
    cargo
}

fn packages() -> Vec<Package> {
    let said = run(cargo().args(["metadata", "--offline", "--locked", "--no-deps", "--format-version", "1"]));
    let metadata: Metadata = serde_json::from_str(&said).expect("cargo speaks JSON");
    metadata.packages
}

/// Everything that one package is made of, with its own choice of features, without tests and build scripts.
fn tree(package: &str, more: &[&str]) -> BTreeSet<String> {
    let arguments =
        ["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--package", package];
    let said = run(cargo().args(arguments).args(more));
    said.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn without(package: &str, found: &BTreeSet<String>, forbidden: &[&str]) {
    let there: Vec<_> = forbidden.iter().filter(|name| found.contains(**name)).collect();
    assert!(there.is_empty(), "{package} is built with {there:?}");
}
