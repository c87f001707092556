//! The program itself: its settings, its exit codes, its signals and what it writes to its log
//! (promise 5, R21, P23, O18, the seed's variables).

use std::collections::HashMap;
use std::net::TcpListener;
use std::process::Output;
use std::time::Duration;

use rustix::process::Signal;

use crate::world::client::{Connection, request, send};
use crate::world::program::{Program, command};
use crate::world::tokens::{Draft, encode, hmac_tag};
use crate::world::upstream::Upstream;
use crate::world::{RESOURCE, SECRET};

const LONGEST_WAIT: Duration = Duration::from_secs(10);

async fn output(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let run = command().args(arguments).envs(environment.iter().copied()).output();
    tokio::time::timeout(LONGEST_WAIT, run).await.expect("it ends by itself").expect("it starts")
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const HMAC: [(&str, &str); 3] =
    [("OAUTH_PROVIDER", "hmac"), ("JWT_SECRET", SECRET), ("OAUTH_SERVER_URL", RESOURCE)];

#[tokio::test]
async fn help_teaches_and_version_tells() {
    let help = output(&["--help"], &[]).await;
    assert_eq!(help.status.code(), Some(0));
    for part in ["--policy-dir", "MCP_OAUTH_UPSTREAM", "OAUTH_PROVIDER", "Examples", "64"] {
        assert!(said(&help.stdout).contains(part), "{part}");
    }
    let version = output(&["--version"], &[]).await;
    assert!(said(&version.stdout).starts_with("mcp-oauth-sidecar 0."));
}

#[tokio::test]
async fn wrong_settings_end_it_with_64_and_all_of_them_are_named() {
    let wrong = [
        ("OAUTH_PROVIDER", "okta"),
        ("OAUTH_ISSUER", "http://company.okta.com"),
        ("OAUTH_SERVER_URL", "mcp.example.com"),
        ("MCP_OAUTH_LOG", "loud"),
        ("OAUTH_ENABLED", "false"),
    ];
    let ended = output(&["--listen=nowhere", "--upstream=https://x"], &wrong).await;
    assert_eq!(ended.status.code(), Some(64));
    let stderr = said(&ended.stderr);
    for name in [
        "OAUTH_ISSUER",
        "OAUTH_SERVER_URL",
        "OAUTH_AUDIENCE",
        "MCP_OAUTH_LOG",
        "OAUTH_ENABLED",
        "--listen",
        "--upstream",
    ] {
        assert!(stderr.contains(&format!("{name}: ")), "{name} in {stderr}");
    }
    // What depends on the mode is not judged where that is not one.
    let ended = output(&[], &[&wrong[..], &[("OAUTH_MODE", "Proxy")]].concat()).await;
    let stderr = said(&ended.stderr);
    assert!(stderr.contains("OAUTH_MODE: ") && stderr.contains("OAUTH_ISSUER: "), "{stderr}");
    assert!(!stderr.contains("OAUTH_AUDIENCE: "), "{stderr}");
}

#[tokio::test]
async fn a_bare_start_and_a_switch_to_off_are_wrong_settings_too() {
    let bare = output(&[], &[]).await;
    assert_eq!(bare.status.code(), Some(64));
    assert!(said(&bare.stderr).contains("OAUTH_PROVIDER"));
    let off = [&HMAC[..], &[("OAUTH_ENABLED", "false")]].concat();
    let off = output(&[], &off).await;
    assert_eq!(off.status.code(), Some(64), "never an open proxy");
    assert!(said(&off.stderr).contains("OAUTH_ENABLED: "));
    assert_eq!(output(&["--permissive"], &HMAC).await.status.code(), Some(64));
}

#[tokio::test]
async fn a_sidecar_that_would_be_its_own_server_does_not_start() {
    let own = [&HMAC[..], &[("MCP_PORT", "8080")]].concat();
    for arguments in [&[][..], &["--check"]] {
        let ended = output(arguments, &own).await;
        assert_eq!(ended.status.code(), Some(64));
        let expected =
            "MCP_PORT: must be another port than the one of --upstream (its default), http://127.0.0.1:8080";
        assert!(said(&ended.stderr).contains(expected), "{ended:?}");
    }
    assert_eq!(output(&["--check", "--upstream=http://127.0.0.1:8081"], &own).await.status.code(), Some(0));
}

#[tokio::test]
async fn a_secret_never_shows_in_what_is_said_about_it() {
    let weak = "hunter2hunter2hunter2hunter2hunter2hunter2";
    let ended = output(&["--check"], &[&HMAC[..], &[("JWT_SECRET", weak)]].concat()).await;
    assert!(!said(&ended.stderr).contains("hunter2") && !said(&ended.stdout).contains("hunter2"));
}

#[tokio::test]
async fn check_says_what_would_be_enforced_and_ends() {
    let good = output(&["--check"], &HMAC).await;
    assert_eq!(good.status.code(), Some(0), "{}", said(&good.stderr));
    assert!(said(&good.stdout).contains(RESOURCE) && !said(&good.stdout).contains(SECRET));
    let short = output(&["--check"], &[&HMAC[..], &[("JWT_SECRET", "short")]].concat()).await;
    assert_eq!(short.status.code(), Some(64));
    assert!(said(&short.stderr).contains("JWT_SECRET: "));
}

/// Of a sidecar on its own, in proxy mode.
const LOGIN: [(&str, &str); 6] = [
    ("OAUTH_PROVIDER", "okta"),
    ("OAUTH_ISSUER", "https://company.okta.com"),
    ("OAUTH_CLIENT_ID", "0oa1b2c3"),
    ("OAUTH_CLIENT_SECRET", "of-the-provider"),
    ("OAUTH_SERVER_URL", RESOURCE),
    ("JWT_SECRET", SECRET),
];

#[tokio::test]
async fn check_says_of_proxy_mode_what_is_to_be_registered_and_who_may_come_and_no_secret() {
    let store =
        [("MCP_OAUTH_STORE_URL", "rediss://valkey.data"), ("MCP_OAUTH_STORE_PASSWORD", "of-the-store")];
    let good = output(&["--check"], &[&LOGIN[..], &store].concat()).await;
    let (words, advice) = (said(&good.stdout), said(&good.stderr));
    assert_eq!((good.status.code(), advice.as_str()), (Some(0), ""));
    for line in [
        "mode             proxy",
        "issuer           https://mcp.example.com\n",
        "callback         https://mcp.example.com/oauth/callback (to be registered at the provider)",
        "provider         okta, https://company.okta.com",
        "client id        0oa1b2c3",
        "client secret    set",
        "store            valkey.data, over TLS",
    ] {
        assert!(words.contains(line), "{line} in {words}");
    }
    for secret in ["of-the-provider", "of-the-store", SECRET] {
        assert!(!words.contains(secret), "{secret} in {words}");
    }
    // Replicas with one secret name the same keys, and one without it names others.
    let keys = |text: &str| text.lines().find(|line| line.contains("  keys  ")).map(str::to_owned);
    let again = output(&["--check"], &LOGIN).await;
    assert!(keys(&words).is_some() && keys(&said(&again.stdout)) == keys(&words), "{words}");
    let without = output(&["--check"], &LOGIN[..5]).await;
    assert_ne!(keys(&said(&without.stdout)), keys(&words));
    assert!(said(&without.stderr).contains("JWT_SECRET is not set"));
}

#[tokio::test]
async fn o17_what_is_no_mistake_and_may_not_be_meant_is_said_by_check_and_at_the_start() {
    let of = |networks: &'static str, secret: &'static str| {
        [&LOGIN[..3], &LOGIN[4..], &[("MCP_OAUTH_ALLOW_NETWORKS", networks), ("OAUTH_CLIENT_SECRET", secret)]]
            .concat()
    };
    let (open, closed) = (of("169.254.0.0/16", ""), of("10.1.0.0/16", "of-the-provider"));
    let parts = ["has 169.254.0.0/16, which holds link-local", "OAUTH_CLIENT_SECRET is set and empty"];
    let check = output(&["--check"], &open).await;
    assert_eq!(check.status.code(), Some(0), "{}", said(&check.stderr));
    for part in parts {
        assert!(said(&check.stderr).contains(part), "{part} in {}", said(&check.stderr));
    }
    assert_eq!(said(&output(&["--check"], &closed).await.stderr), "");
    // The start fails on a taken port, after it has said so.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = format!("--listen={}", taken.local_addr().expect("bound"));
    let log = |ended: Output| said(&[ended.stdout, ended.stderr].concat());
    let open = log(output(&[&listen, "--admin=127.0.0.1:0"], &open).await);
    let closed = log(output(&[&listen, "--admin=127.0.0.1:0"], &closed).await);
    for part in parts {
        assert!(open.contains(part) && !closed.contains(part), "{part} in {open}");
    }
    assert!(open.contains("WARN") && !closed.contains("WARN"), "{open}");
}

#[tokio::test]
async fn check_reads_the_policy_directory_as_well() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let flag = format!("--policy-dir={}", directory.path().display());
    assert_eq!(output(&["--check", &flag], &[]).await.status.code(), Some(64), "there is no document");
    let document = directory.path().join("policy.yaml");
    std::fs::write(&document, "nonsense").expect("a directory of our own");
    assert_eq!(output(&["--check", &flag], &[]).await.status.code(), Some(64));
    let enforcing = crate::world::running::enforcing("x", &crate::world::hmac_policy(&[SECRET]));
    std::fs::write(&document, enforcing).expect("a directory of our own");
    let good = output(&["--check", &flag], &[]).await;
    assert_eq!(good.status.code(), Some(0), "{}", said(&good.stderr));
    assert!(said(&good.stdout).contains(RESOURCE));
}

/// The program, started with the seed's variables alone.
async fn start(upstream: &Upstream, more: &[(&str, &str)]) -> Program {
    Program::start(upstream.address, &[&HMAC[..], more].concat()).await
}

/// A token that is good on the machine's own clock.
fn token() -> String {
    let now = sidecar::clock::Clock::system().unix().0;
    let mut draft = Draft::hmac();
    let times = HashMap::from([("iat", now), ("exp", now + 600)]);
    for (name, value) in &mut draft.payload {
        if let Some(time) = times.get(name.as_str()) {
            *value = time.to_string();
        }
    }
    draft.with(&[])
}

#[tokio::test]
async fn the_seeds_variables_alone_are_enough_to_run() {
    let upstream = Upstream::start().await;
    let running = start(&upstream, &[]).await;
    let bearer = format!("Bearer {}", token());
    assert_eq!(send(running.traffic, request("POST", "/mcp", &[], "{}")).await.status, 401);
    assert_eq!(upstream.bytes(), 0);
    let good = request("POST", "/mcp", &[("authorization", &bearer)], "{}");
    assert_eq!(send(running.traffic, good).await.status, 200);
    assert_eq!(send(running.admin, request("GET", "/healthz", &[], "")).await.status, 200);
    assert_eq!(running.end(Signal::TERM).await.1, Some(0));
}

#[tokio::test]
async fn a_token_signed_with_a_guessable_secret_is_not_ours() {
    let upstream = Upstream::start().await;
    let running = start(&upstream, &[]).await;
    let good = token();
    let (signed, _) = good.rsplit_once('.').expect("three parts");
    let forged = format!("Bearer {signed}.{}", encode(&hmac_tag(256, b"secret", signed.as_bytes())));
    let reply = send(running.traffic, request("POST", "/mcp", &[("authorization", &forged)], "{}")).await;
    assert_eq!((reply.status, upstream.bytes()), (401, 0));
    assert_eq!(running.end(Signal::INT).await.1, Some(0));
}

#[tokio::test]
async fn every_request_is_one_record_and_no_record_holds_a_token_or_a_query() {
    let upstream = Upstream::start().await;
    let running = start(&upstream, &[("MCP_OAUTH_LOG", "debug")]).await;
    let good = token();
    let bearer = format!("Bearer {good}");
    let bad = format!("Bearer {good}x");
    let calls: [&[(&str, &str)]; 3] = [&[("authorization", &bearer)], &[("authorization", &bad)], &[]];
    for headers in calls {
        send(running.traffic, request("POST", "/mcp?q=hidden-in-the-query", headers, "{}")).await;
    }
    let in_query = format!("/mcp?access_token={good}");
    send(running.traffic, request("POST", &in_query, &[("cookie", "hidden-in-a-cookie")], "{}")).await;
    send(running.traffic, request("GET", "/.well-known/oauth-protected-resource", &[], "")).await;
    let (log, _) = running.end(Signal::TERM).await;
    let records: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .filter(|line: &serde_json::Value| line["message"] == "request")
        .collect();
    let statuses: Vec<_> = records.iter().map(|record| record["status"].as_u64()).collect();
    assert_eq!(statuses, [200, 401, 401, 401, 200].map(Some), "{log}");
    assert_eq!((records[0]["path"].as_str(), records[0]["user"].as_str()), (Some("/mcp"), Some("alice")));
    assert_eq!(records[2]["reason"], "no_credential");
    for hidden in [good.as_str(), &good[good.len() - 20..], "hidden-in", SECRET] {
        assert!(!log.contains(hidden), "{hidden} in {log}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_is_not_a_wrong_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let ended = output(&["--listen", &address, "--admin=127.0.0.1:0"], &HMAC).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(said(&ended.stderr).contains(&address), "{}", said(&ended.stderr));
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_it_from_ending() {
    let upstream = Upstream::start().await;
    let running = start(&upstream, &[]).await;
    let _idle = Connection::open(running.traffic).await;
    let begun = std::time::Instant::now();
    assert_eq!(running.end(Signal::TERM).await.1, Some(0));
    // A moment for whoever has just come, and one for what may still be on its way.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
