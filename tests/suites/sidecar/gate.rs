//! The gate: what comes through and what does not, each refusal beside its accepting twin, and not one byte at the server
//! for anything that was refused (R4, R5, R6, R9, R12, R13, R14, R16, X9, X10, X16, X17, P04, P05, P06, P09, P19, P24, M06).

use std::time::Duration;

use crate::world::client::{Connection, request};
use crate::world::running::Sidecar;
use crate::world::tokens::{Change, Draft};
use crate::world::upstream::{Script, Upstream};
use crate::world::{SECRET, hmac_policy};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const CHALLENGE: &str = r#"Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", scope="mcp""#;

struct Scene {
    upstream: Upstream,
    sidecar: Sidecar,
    good: String,
}

impl Scene {
    async fn set() -> Self {
        let upstream = Upstream::start().await;
        let policy = format!("{}publicPaths: [/healthz]\nrequiredScopes: [mcp]\n", hmac_policy(&[SECRET]));
        let sidecar = Sidecar::enforcing(&policy, &upstream).await;
        Self { upstream, sidecar, good: bearer(&[]) }
    }

    /// The status of a request, and how many bytes of it the server saw.
    async fn try_out(&self, text: &str) -> (u16, usize) {
        let before = self.upstream.bytes();
        let reply = crate::world::client::send(self.sidecar.traffic, text).await;
        (reply.status, self.upstream.bytes() - before)
    }

    async fn refuses(&self, status: u16, text: &str) {
        assert_eq!(self.try_out(text).await, (status, 0), "{text}");
    }

    async fn accepts(&self, text: &str) {
        let (status, bytes) = self.try_out(text).await;
        assert!(status == 200 && bytes > 0, "{status}, {bytes} bytes: {text}");
    }

    fn with_token(&self, method: &str, target: &str) -> String {
        request(method, target, &[("authorization", &self.good)], "")
    }
}

fn bearer(changes: &[Change]) -> String {
    let scoped = [&[Change::Claim("scope", "\"mcp\"")], changes].concat();
    format!("Bearer {}", Draft::hmac().with(&scoped))
}

#[tokio::test]
async fn every_method_needs_a_token_and_passes_with_one() {
    let scene = Scene::set().await;
    for method in ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "PROPFIND", "get"] {
        scene.refuses(401, &request(method, "/mcp", &[], "")).await;
        scene.accepts(&scene.with_token(method, "/mcp")).await;
    }
}

#[tokio::test]
async fn every_path_needs_a_token_and_passes_with_one() {
    let scene = Scene::set().await;
    for path in ["/mcp", "/mcp/", "/mcp?x=1", "/", "/sse", "/messages/?session_id=1", "/metrics", "/a%20b"] {
        scene.refuses(401, &request("POST", path, &[("mcp-session-id", "s1")], CALL)).await;
        scene.accepts(&scene.with_token("POST", path)).await;
        assert_eq!(
            scene.upstream.last().line(),
            format!("POST {path} HTTP/1.1"),
            "sent on as it was decided on"
        );
    }
}

#[tokio::test]
async fn a_public_path_needs_no_token_and_nothing_near_it_is_public() {
    let scene = Scene::set().await;
    scene.accepts(&request("GET", "/healthz", &[], "")).await;
    scene.accepts(&request("GET", "/healthz?verbose", &[], "")).await;
    let near = [
        "//healthz",
        "/healthz/",
        "/Healthz",
        "/healthz%20",
        "/healthz;x",
        "/x/healthz",
        "/healthz%23",
        "/healthz.",
    ];
    for path in near {
        scene.refuses(401, &request("GET", path, &[], "")).await;
    }
    let tricks = [
        "/./healthz",
        "/x/../healthz",
        "/x/%2e%2e/healthz",
        "/healthz/../mcp",
        "/healthz/%2E%2e/mcp",
        "/healthz%00",
        "/healthz\\",
        "/healthz\u{e9}",
    ];
    for path in tricks {
        scene.refuses(400, &request("GET", path, &[], "")).await;
        scene.refuses(400, &scene.with_token("GET", path)).await;
    }
}

#[tokio::test]
async fn a_request_that_can_be_read_in_two_ways_is_not_read() {
    let scene = Scene::set().await;
    let token = ("authorization", scene.good.as_str());
    let ways = [
        ("GET /mcp HTTP/1.1\r\n", 400),
        ("GET /mcp HTTP/1.1\r\nhost: a\r\nhost: a\r\n", 400),
        ("GET http://other.example/mcp HTTP/1.1\r\nhost: mcp.example.com\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nhost: a\r\n", 400),
        ("GET /mcp HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n", 400),
        ("GET /mcp HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\n", 400),
        ("TRACE /mcp HTTP/1.1\r\nhost: a\r\n", 405),
        ("CONNECT a:443 HTTP/1.1\r\nhost: a\r\n", 405),
    ];
    for (start, status) in ways {
        scene.refuses(status, &format!("{start}{}: {}\r\n\r\n", token.0, token.1)).await;
    }
    scene.accepts(&format!("GET /mcp HTTP/1.1\r\nhost: a\r\nauthorization: {}\r\n\r\n", scene.good)).await;
}

#[tokio::test]
async fn a_method_that_is_not_relayed_names_those_that_are() {
    let scene = Scene::set().await;
    let reply = scene.sidecar.send("TRACE", "/mcp", &[], "").await;
    assert_eq!((reply.status, reply.count("allow")), (405, 1), "RFC 9110 §15.5.6 MUST");
}

#[tokio::test]
async fn a_token_in_the_query_is_no_credential_and_beside_one_it_is_a_fault() {
    let scene = Scene::set().await;
    let token = scene.good.replace("Bearer ", "");
    let target = format!("/mcp?access_token={token}");
    scene.refuses(401, &request("POST", &target, &[], CALL)).await;
    scene.refuses(400, &scene.with_token("POST", &target)).await;
    scene.refuses(400, &request("GET", &format!("/healthz?access_token={token}"), &[], "")).await;
    scene.accepts(&scene.with_token("POST", "/mcp?token_kind=access")).await;
}

#[tokio::test]
async fn two_credentials_and_malformed_ones_are_bad_requests() {
    let scene = Scene::set().await;
    let good = ("authorization", scene.good.as_str());
    scene.refuses(400, &request("POST", "/mcp", &[good, good], CALL)).await;
    scene.refuses(400, &request("POST", "/mcp", &[("authorization", "Bearer")], CALL)).await;
    scene.refuses(400, &request("POST", "/mcp", &[("authorization", "Basic dTpw"), good], CALL)).await;
    scene.refuses(401, &request("POST", "/mcp", &[("proxy-authorization", &scene.good)], CALL)).await;
    scene.refuses(401, &request("POST", "/mcp", &[("cookie", &scene.good)], CALL)).await;
    scene.accepts(&request("POST", "/mcp", &[good], CALL)).await;
}

#[tokio::test]
async fn the_challenge_is_the_same_on_every_401_and_reads_as_clients_read_it() {
    let scene = Scene::set().await;
    let bare = scene.sidecar.send("POST", "/mcp", &[], CALL).await;
    assert_eq!((bare.status, bare.header("www-authenticate")), (401, Some(CHALLENGE)));
    let expired = bearer(&[Change::Claim("exp", "1700000000")]);
    let late = scene.sidecar.send("POST", "/mcp", &[("authorization", &expired)], CALL).await;
    let said =
        format!(r#"{CHALLENGE}, error="invalid_token", error_description="the access token has expired""#);
    assert_eq!((late.status, late.header("www-authenticate")), (401, Some(said.as_str())));
    for reply in [bare, late] {
        assert_eq!(reply.count("www-authenticate"), 1);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert!(reply.json()["error"].is_string() && reply.json()["error_description"].is_string());
    }
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_which_one() {
    let scene = Scene::set().await;
    let poor = bearer(&[Change::Claim("scope", "\"other\"")]);
    let reply = scene.sidecar.send("POST", "/mcp", &[("authorization", &poor)], CALL).await;
    let challenge = reply.header("www-authenticate").expect("R14").to_owned();
    assert_eq!((reply.status, scene.upstream.bytes()), (403, 0));
    assert!(
        challenge.starts_with(CHALLENGE) && challenge.contains(r#"error="insufficient_scope""#),
        "{challenge}"
    );
    assert_eq!(reply.json()["error"], "insufficient_scope");
    let rich = bearer(&[Change::Claim("scope", "\"other mcp\"")]);
    scene.accepts(&request("POST", "/mcp", &[("authorization", &rich)], CALL)).await;
}

#[tokio::test]
async fn good_and_bad_tokens_on_one_connection_are_told_apart_every_time() {
    let scene = Scene::set().await;
    let bad = bearer(&[Change::Claim("aud", "\"https://other.example.com/mcp\"")]);
    let mut connection = Connection::open(scene.sidecar.traffic).await;
    for turn in 0..200 {
        let (token, expected) = if turn % 2 == 0 { (&scene.good, 200) } else { (&bad, 401) };
        let reply = connection.exchange(request("POST", "/mcp", &[("authorization", token)], CALL)).await;
        assert_eq!(reply.status, expected, "turn {turn}");
    }
    assert_eq!(scene.upstream.seen().len(), 100);
}

#[tokio::test]
async fn nothing_is_asked_for_and_nothing_is_sent_on_before_the_decision() {
    let scene = Scene::set().await;
    let head = "POST /mcp HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 46\r\n";
    scene.refuses(401, &format!("{head}\r\n")).await;
    let mut connection = Connection::open(scene.sidecar.traffic).await;
    connection.write(format!("{head}authorization: {}\r\n\r\n", scene.good)).await;
    assert_eq!(connection.head().await.expect("an answer").0, 100);
    assert_eq!(connection.exchange(CALL).await.status, 200);
}

#[tokio::test]
async fn a_body_that_follows_a_refusal_is_never_read_as_a_request() {
    let scene = Scene::set().await;
    let smuggled = scene.with_token("GET", "/smuggled");
    let length = smuggled.len();
    let mut connection = Connection::open(scene.sidecar.traffic).await;
    let head = format!("POST /mcp HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    assert_eq!(connection.exchange(head + &smuggled).await.status, 401);
    assert_eq!(scene.upstream.bytes(), 0);
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_sends_its_body_later() {
    let scene = Scene::set().await;
    let mut connection = Connection::open(scene.sidecar.traffic).await;
    connection.write("POST /mcp HTTP/1.1\r\nhost: a\r\ncontent-length: 46\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(connection.exchange(CALL).await.status, 401);
    let again = request("POST", "/mcp", &[("authorization", &scene.good)], CALL);
    assert_eq!(connection.exchange(again).await.status, 200, "and the connection is still good");
}

#[tokio::test]
async fn a_body_up_to_the_limit_passes_and_a_longer_one_does_not() {
    let upstream = Upstream::start().await;
    let policy = hmac_policy(&[SECRET]).replace("4194304", "1000");
    let sidecar = Sidecar::enforcing(&policy, &upstream).await;
    let good = bearer(&[]);
    let token = ("authorization", good.as_str());
    assert_eq!(sidecar.send("POST", "/mcp", &[token], &"x".repeat(1000)).await.status, 200);
    let before = upstream.bytes();
    assert_eq!(sidecar.send("POST", "/mcp", &[token], &"x".repeat(1001)).await.status, 413);
    assert_eq!(upstream.bytes(), before, "an announced length is judged before anything is sent");
    let chunked = |length: usize| {
        let head = request("POST", "/mcp", &[token, ("transfer-encoding", "chunked")], "");
        format!("{head}{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length))
    };
    let send = |text| crate::world::client::send(sidecar.traffic, text);
    assert_eq!(send(chunked(1000)).await.status, 200);
    assert_eq!(send(chunked(1001)).await.status, 413);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_502_that_says_when_to_come_back() {
    let scene = Scene::set().await;
    scene.upstream.script(Script::Close);
    let broken = scene.sidecar.send("POST", "/mcp", &[("authorization", &scene.good)], CALL).await;
    assert_eq!((broken.status, broken.header("retry-after")), (502, Some("1")));
    assert_eq!(broken.json()["error"], "upstream_broken");
    let address = scene.upstream.address;
    drop(scene.upstream);
    let mut sidecar = Sidecar::without_policy(address).await;
    sidecar.enforce(&hmac_policy(&[SECRET]));
    sidecar.is_ready().await;
    let down = sidecar.send("POST", "/mcp", &[("authorization", &scene.good)], CALL).await;
    assert_eq!((down.status, down.header("retry-after")), (502, Some("1")));
    assert_eq!(
        (down.json()["error"].as_str(), down.count("www-authenticate")),
        (Some("upstream_unreachable"), 0)
    );
}

#[tokio::test]
async fn a_failure_reaches_a_client_that_sends_its_body_later() {
    let scene = Scene::set().await;
    let token = format!("host: a\r\nauthorization: {}\r\ncontent-length: 46\r\n", scene.good);
    let nobody = Upstream::start().await;
    let mut sidecar = Sidecar::without_policy(nobody.address).await;
    drop(nobody);
    sidecar.enforce(&hmac_policy(&[SECRET]));
    sidecar.is_ready().await;
    let mut connection = Connection::open(sidecar.traffic).await;
    for _ in 0..2 {
        connection.write(format!("POST /mcp HTTP/1.1\r\n{token}\r\n")).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(connection.exchange(CALL).await.status, 502, "X10, and the connection is still good");
    }
    let long = "x".repeat(5_000_000);
    let mut connection = Connection::open(scene.sidecar.traffic).await;
    connection.write(request("POST", "/mcp", &[("authorization", &scene.good)], &long)).await;
    assert!(connection.reply().await.is_none_or(|reply| reply.status == 413));
    assert!(connection.closes_within(Duration::from_secs(2)).await, "and nothing of it is read as a request");
}

#[tokio::test]
async fn a_request_that_was_written_is_never_sent_twice() {
    let scene = Scene::set().await;
    // The first one leaves a connection in the pool; the server closes it on the second.
    scene.accepts(&scene.with_token("POST", "/mcp")).await;
    scene.upstream.script(Script::Close);
    let reply = scene.sidecar.send("POST", "/mcp", &[("authorization", &scene.good)], CALL).await;
    assert_eq!((reply.status, scene.upstream.seen().len()), (502, 2), "X13");
}

#[tokio::test]
async fn a_head_beyond_the_limits_is_refused_and_one_within_them_is_not() {
    let scene = Scene::set().await;
    let filler = "x".repeat(30_000);
    let token = ("authorization", scene.good.as_str());
    scene.accepts(&request("GET", "/mcp", &[token, ("x-filler", &filler)], "")).await;
    let filler = "x".repeat(40_000);
    scene.refuses(431, &request("GET", "/mcp", &[token, ("x-filler", &filler)], "")).await;
    let many = vec![("x-many", "1"); 150];
    scene.refuses(431, &request("GET", "/mcp", &[&[token], &many[..]].concat(), "")).await;
}

#[tokio::test]
async fn http_2_without_tls_is_not_spoken() {
    let scene = Scene::set().await;
    let mut connection = Connection::open(scene.sidecar.traffic).await;
    connection.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(connection.closes_within(Duration::from_secs(2)).await);
    assert_eq!(scene.upstream.bytes(), 0);
}
