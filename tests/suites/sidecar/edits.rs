//! The policy while the sidecar runs: an edit is live in under a second on the same connection, a broken document changes
//! nothing and is spoken of, and no document at all is closed (promise 1, K14, N3, N15, P17, W6).

use std::time::{Duration, Instant};

use crate::world::client::{Connection, request};
use crate::world::idp::{Answer, DISCOVERY, Idp};
use crate::world::running::Sidecar;
use crate::world::tokens::{Change, Draft, key_set};
use crate::world::upstream::{Script, Upstream};
use crate::world::{SECRET, hmac_policy, oidc_policy};

const OTHER: &str = "another-fine-secret-0123456789abcdef";
const CALL: &str = "{}";

fn call(token: &str) -> String {
    request("POST", "/mcp", &[("authorization", &format!("Bearer {token}"))], CALL)
}

/// Calls on this connection until it is answered so; how long that took.
async fn until_status(connection: &mut Connection, text: &str, status: u16) -> Duration {
    let begun = Instant::now();
    while connection.exchange(text).await.status != status {
        assert!(begun.elapsed() < Duration::from_secs(5), "never {status}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn an_edit_is_live_within_a_second_on_the_same_connection() {
    let upstream = Upstream::start().await;
    let policy = hmac_policy(&[SECRET]);
    let mut sidecar = Sidecar::enforcing(&policy, &upstream).await;
    let mut connection = Connection::open(sidecar.traffic).await;
    let token = Draft::hmac().with(&[]);
    assert_eq!(connection.exchange(call(&token)).await.status, 200);
    sidecar.enforce(&format!("{policy}requiredScopes: [mcp]\n"));
    let took = until_status(&mut connection, &call(&token), 403).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    sidecar.enforce(&policy);
    let took = until_status(&mut connection, &call(&token), 200).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn an_open_stream_outlives_an_edit() {
    let upstream = Upstream::start().await;
    let pause = Duration::from_millis(800);
    upstream.script(Script::Events(vec![(Duration::ZERO, "data: 1\n\n"), (pause, "data: 2\n\n")]));
    let mut sidecar = Sidecar::enforcing(&hmac_policy(&[SECRET]), &upstream).await;
    let mut connection = Connection::open(sidecar.traffic).await;
    connection.write(call(&Draft::hmac().with(&[]))).await;
    connection.head().await.expect("a head");
    assert_eq!(connection.chunk().await.expect("an event"), b"data: 1\n\n");
    sidecar.enforce(&hmac_policy(&[OTHER]));
    sidecar.until("/readyz", "revision r1").await;
    assert_eq!(connection.chunk().await.expect("an event"), b"data: 2\n\n");
    assert_eq!(connection.chunk().await, Some(Vec::new()));
    assert_eq!(
        connection.exchange(call(&Draft::hmac().with(&[]))).await.status,
        401,
        "the next request is judged anew"
    );
}

#[tokio::test]
async fn a_secret_is_rotated_by_having_two_for_a_while() {
    let upstream = Upstream::start().await;
    let mut sidecar = Sidecar::enforcing(&hmac_policy(&[OTHER]), &upstream).await;
    let mut connection = Connection::open(sidecar.traffic).await;
    let new = call(&Draft::hmac().with(&[]));
    assert_eq!(connection.exchange(&new).await.status, 401);
    sidecar.enforce(&hmac_policy(&[OTHER, SECRET]));
    until_status(&mut connection, &new, 200).await;
    sidecar.enforce(&hmac_policy(&[OTHER]));
    until_status(&mut connection, &new, 401).await;
}

#[tokio::test]
async fn a_broken_document_keeps_the_last_good_policy_and_says_so() {
    let upstream = Upstream::start().await;
    let policy = hmac_policy(&[SECRET]);
    let mut sidecar = Sidecar::enforcing(&policy, &upstream).await;
    let token = format!("Bearer {}", Draft::hmac().with(&[]));
    let broken = [
        "{".to_owned(),
        String::new(),
        "\u{0}".to_owned(),
        "policy: a/b\nrevision: x\n".to_owned(),
        format!("policy: a/b\nrevision: x\nenforce: {{{}}}\n", "unknown: 1"),
        " ".repeat(2 * 1024 * 1024),
    ];
    for text in broken {
        sidecar.deliver(&text);
        sidecar.until("/readyz", "not in force").await;
        let ready = sidecar.ask("/readyz").await;
        assert_eq!(ready.status, 200, "still enforcing: {}", ready.text());
        assert_eq!(sidecar.send("POST", "/mcp", &[], CALL).await.status, 401);
        assert_eq!(sidecar.send("POST", "/mcp", &[("authorization", &token)], CALL).await.status, 200);
        assert!(sidecar.ask("/metrics").await.text().contains("mcp_oauth_policy_document_broken 1"));
        sidecar.enforce(&policy);
        sidecar.until("/metrics", "mcp_oauth_policy_document_broken 0").await;
        assert!(!sidecar.ask("/readyz").await.text().contains("not in force"));
    }
}

#[tokio::test]
async fn a_broken_document_does_not_spill_a_secret() {
    let upstream = Upstream::start().await;
    let mut sidecar = Sidecar::enforcing(&hmac_policy(&[SECRET]), &upstream).await;
    sidecar.enforce("resource: https://h/mcp\ntrust: {hmac: 'VGhpcyBpcyBzZWNyZXQ=', audiences: [a]}\n");
    sidecar.until("/readyz", "not in force").await;
    assert!(!sidecar.ask("/readyz").await.text().contains("VGhpcyBpcyBzZWNyZXQ"));
}

#[tokio::test]
async fn without_a_document_it_lives_but_is_closed_and_opens_by_itself() {
    let upstream = Upstream::start().await;
    let mut sidecar = Sidecar::without_policy(upstream.address).await;
    let token = format!("Bearer {}", Draft::hmac().with(&[]));
    assert_eq!(sidecar.ask("/healthz").await.status, 200, "N3");
    sidecar.until("/readyz", "NoPolicy").await;
    for (method, path) in [
        ("POST", "/mcp"),
        ("GET", "/healthz"),
        ("GET", "/.well-known/oauth-protected-resource"),
        ("OPTIONS", "/mcp"),
    ] {
        let reply = sidecar.send(method, path, &[("authorization", &token)], "").await;
        assert_eq!(
            (reply.status, reply.count("retry-after"), reply.count("www-authenticate")),
            (503, 1, 0),
            "{path}"
        );
        assert_eq!(reply.json()["error"], "temporarily_unavailable");
    }
    assert_eq!((sidecar.ask("/readyz").await.status, upstream.bytes()), (503, 0));
    sidecar.enforce(&hmac_policy(&[SECRET]));
    sidecar.is_ready().await;
    assert_eq!(sidecar.send("POST", "/mcp", &[("authorization", &token)], CALL).await.status, 200);
}

#[tokio::test]
async fn a_document_that_is_taken_away_closes_and_one_that_is_broken_from_the_start_never_opens() {
    let upstream = Upstream::start().await;
    let sidecar = Sidecar::enforcing(&hmac_policy(&[SECRET]), &upstream).await;
    let token = format!("Bearer {}", Draft::hmac().with(&[]));
    sidecar.remove();
    sidecar.until("/readyz", "NoPolicy").await;
    assert_eq!(sidecar.send("POST", "/mcp", &[("authorization", &token)], CALL).await.status, 503);
    let mut broken = Sidecar::without_policy(upstream.address).await;
    broken.deliver("not a document");
    broken.until("/readyz", "PolicyBroken").await;
    assert_eq!(broken.send("POST", "/mcp", &[("authorization", &token)], CALL).await.status, 503);
    assert_eq!(upstream.bytes(), 0);
}

#[tokio::test]
async fn a_document_that_says_closed_closes_with_its_reason() {
    let upstream = Upstream::start().await;
    let mut sidecar = Sidecar::enforcing(&hmac_policy(&[SECRET]), &upstream).await;
    sidecar.deliver(
        "policy: a/b\nrevision: x\nclosed: {reason: SecretNotFound, message: 'create secret trino-hmac'}\n",
    );
    sidecar.until("/readyz", "closed: SecretNotFound: create secret trino-hmac\nrevision x\n").await;
    let reply = sidecar.send("POST", "/mcp", &[], CALL).await;
    assert_eq!(reply.status, 503);
    assert!(
        reply.text().contains("SecretNotFound"),
        "the caller can tell the operator why: {}",
        reply.text()
    );
    assert!(!reply.text().contains("trino-hmac"), "and learns no name of a secret: {}", reply.text());
    sidecar.enforce(&hmac_policy(&[SECRET]));
    sidecar.is_ready().await;
}

#[tokio::test]
async fn an_edit_that_does_not_touch_the_provider_keeps_its_keys() {
    let idp = Idp::start(&key_set()).await;
    let upstream = Upstream::start().await;
    let policy = oidc_policy(&idp.issuer());
    let mut sidecar = Sidecar::enforcing(&policy, &upstream).await;
    let mut connection = Connection::open(sidecar.traffic).await;
    let token = call(&Draft::oidc(&idp.issuer()).with(&[Change::Claim("scope", "\"mcp\"")]));
    let plain = call(&Draft::oidc(&idp.issuer()).with(&[]));
    sidecar.enforce(&format!("{policy}requiredScopes: [mcp]\n"));
    until_status(&mut connection, &plain, 403).await;
    assert_eq!(connection.exchange(&token).await.status, 200);
    assert_eq!(idp.requests(DISCOVERY), 1, "nothing was fetched again");
}

#[tokio::test]
async fn a_new_providers_keys_may_take_a_moment_after_an_edit_and_not_at_the_start() {
    let idp = Idp::start(&key_set()).await;
    idp.answer(DISCOVERY, Answer::Silence);
    let upstream = Upstream::start().await;
    let (clock, hands) = crate::world::clock();
    let mut sidecar = Sidecar::enforcing_at(&hmac_policy(&[SECRET]), &upstream, &clock).await;
    sidecar.enforce(&oidc_policy(&idp.issuer()));
    sidecar.until("/readyz", "not ready").await;
    assert_eq!(sidecar.ask("/readyz").await.status, 200, "its kubelet leaves the pod in its Services");
    hands.advance(Duration::from_secs(5));
    assert_eq!(sidecar.ask("/readyz").await.status, 503);
    let mut fresh = Sidecar::without_policy(upstream.address).await;
    fresh.enforce(&oidc_policy(&idp.issuer()));
    fresh.until("/readyz", "not ready").await;
    assert_eq!(fresh.ask("/readyz").await.status, 503);
}

#[tokio::test]
async fn requests_are_counted_by_what_became_of_them() {
    let upstream = Upstream::start().await;
    let sidecar = Sidecar::enforcing(&hmac_policy(&[SECRET]), &upstream).await;
    let token = format!("Bearer {}", Draft::hmac().with(&[]));
    sidecar.send("POST", "/mcp", &[("authorization", &token)], CALL).await;
    sidecar.send("POST", "/mcp", &[], CALL).await;
    sidecar.send("POST", "/mcp?no_label_of_mine", &[], CALL).await;
    let metrics = sidecar.ask("/metrics").await.text();
    for line in [
        r#"mcp_oauth_requests_total{outcome="forwarded",reason=""} 1"#,
        r#"mcp_oauth_requests_total{outcome="rejected",reason="no_credential"} 2"#,
        "mcp_oauth_enforcing 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn the_admin_port_has_three_pages_and_nothing_that_changes_anything() {
    let upstream = Upstream::start().await;
    let sidecar = Sidecar::enforcing(&hmac_policy(&[SECRET]), &upstream).await;
    for path in ["/", "/debug/pprof", "/config", "/healthz/", "/shutdown", "/env", "/metrics/x", "/mcp"] {
        assert_eq!(sidecar.ask(path).await.status, 404, "{path}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(sidecar.ask(path).await.status, 200, "{path}");
        let post = crate::world::client::send(sidecar.admin, request("POST", path, &[], "")).await;
        assert_eq!(post.status, 405, "{path}");
    }
}
