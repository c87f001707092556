//! The conformance suite's own verdict on our authorization server: it reads the metadata, prints the URL that a person
//! opens, takes the code and redeems it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use harness::counterparts::conformance::Conformance;
use harness::lab::command::{Group, within};
use serde_json::{Value, json};
use sidecar::clock::Clock;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::alone::free_port;
use crate::scene::{Scene, paths, progress};
use crate::world::browser::Browser;

const BOUND: Duration = Duration::from_mins(1);

/// What it found.
#[derive(Debug)]
struct Verdict {
    /// Its exit code was 0.
    good: bool,
    said: String,
    /// Each check by its id, with its status and what is wrong.
    checks: BTreeMap<String, (String, String)>,
}

impl Verdict {
    fn of(&self, check: &str) -> (&str, &str) {
        let found = self.checks.get(check).ok_or_else(|| format!("{check} in {self:?}"));
        let (status, error) = found.expect("the check was made");
        (status, error)
    }
}

/// Lets the suite judge the authorization server of a scene, at this address, for a client that authenticates like this.
async fn judge(address: impl Fn(&Scene) -> String, method: &str) -> Verdict {
    let suite = Conformance::install(&paths(), progress()).await.expect("the suite is installed");
    let (scene, port) = (Scene::set().await, free_port());
    let callback = format!("http://127.0.0.1:{port}/callback");
    let metadata = json!({ "redirect_uris": [callback], "token_endpoint_auth_method": method });
    let client = scene.sidecar.register(&metadata).await;
    let id = client["client_id"].as_str().expect("an id");
    let mut command = suite.authorization(&address(&scene), id, port);
    command.args(["--resource", &scene.sidecar.url()]);
    if let Some(secret) = client["client_secret"].as_str() {
        command.args(["--client-secret", secret]);
    }
    let results = tempfile::tempdir().expect("a temporary folder");
    command.arg("--output-dir").arg(results.path());
    let run = within("the conformance suite", BOUND, run(command)).await;
    let (good, said) = run.expect("it ends in time");
    Verdict { good, said, checks: checks(results.path()) }
}

/// To its end. A person follows what it prints.
async fn run(mut command: Command) -> (bool, String) {
    let mut group = Group::start(command.stdin(Stdio::null()).stdout(Stdio::piped())).expect("it starts");
    let stdout = group.child().stdout.take().expect("it is piped");
    let (mut lines, mut said) = (BufReader::new(stdout).lines(), String::new());
    while let Some(line) = lines.next_line().await.expect("it prints text") {
        if line.starts_with("http") && line.contains("/oauth/authorize?") {
            log_in(&line).await;
        }
        said = format!("{said}{line}\n");
    }
    (group.wait().await.expect("it ends").success(), said)
}

/// Through the consent page and the provider's form, as far as the page where the suite waits.
async fn log_in(url: &str) {
    let mut browser = Browser::new(&Clock::system());
    let page = browser.open(url).await;
    let there = browser.take(&page.form("ask").press("allow")).await;
    let there = browser.walk(there, "nowhere").await;
    let back = browser.take(&there.form("username").fill("username", "ada").press("allow")).await;
    browser.walk(back, "nowhere").await;
}

/// It writes a folder for each scenario.
fn checks(results: &Path) -> BTreeMap<String, (String, String)> {
    let folders = std::fs::read_dir(results).expect("it has written").flatten();
    let all = folders.flat_map(|folder| {
        let text = std::fs::read_to_string(folder.path().join("checks.json")).expect("each has its checks");
        serde_json::from_str::<Vec<Value>>(&text).expect("a list")
    });
    let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    all.map(|check| (text(&check, "id"), (text(&check, "status"), text(&check, "errorMessage")))).collect()
}

#[tokio::test]
async fn the_conformance_suite_finds_nothing_wrong_and_skips_nothing() {
    let verdict = judge(|scene| scene.sidecar.origin.clone(), "none").await;
    assert!(verdict.good, "{}", verdict.said);
    for scenario in ["authorization-server-metadata-endpoint", "authorization-code-grant"] {
        assert!(verdict.said.contains(&format!("Running scenario: {scenario}")), "{}", verdict.said);
    }
    let all =
        ["authorization-code-grant", "authorization-server-metadata", "authorization-server-metadata-cimd"];
    assert!(verdict.checks.keys().eq(&all), "{verdict:?}");
    for check in all {
        assert_eq!(verdict.of(check), ("SUCCESS", ""));
    }
}

/// The twin: the same server under another name of its machine, which is not its issuer.
#[tokio::test]
async fn the_conformance_suite_refuses_a_server_whose_issuer_is_not_the_address_that_it_was_given() {
    let verdict = judge(|scene| scene.sidecar.origin.replace("localhost", "127.0.0.1"), "none").await;
    assert!(!verdict.good, "{}", verdict.said);
    let (status, error) = verdict.of("authorization-server-metadata");
    assert_eq!(status, "FAILURE");
    assert!(error.starts_with("Invalid issuer: http://localhost:"), "{error}");
}

/// Where a server takes public clients, as ours does, the suite keeps a client's secret to itself. A client that has one
/// must show it: this one comes as far as its code, and no further.
#[tokio::test]
async fn the_conformance_suite_gets_no_token_for_a_client_whose_secret_it_does_not_send() {
    let verdict = judge(|scene| scene.sidecar.origin.clone(), "client_secret_post").await;
    assert!(!verdict.good, "{}", verdict.said);
    assert_eq!(verdict.of("authorization-server-metadata"), ("SUCCESS", ""));
    assert_eq!(verdict.of("authorization-code-grant"), ("FAILURE", "Invalid status code: 401"));
}
