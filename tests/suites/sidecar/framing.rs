//! Framing: where a request ends is not a matter of opinion. More than a hundred malformed requests, each with a good token
//! and with another request behind it on the same connection: what one of two readers might take for a request of its own
//! never reaches the server (P01, P02, P08, X12).

mod corpus;

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::world::client::Connection;
use crate::world::running::Sidecar;
use crate::world::tokens::Draft;
use crate::world::upstream::Upstream;
use crate::world::{SECRET, hmac_policy};

/// Longer than an answer on loopback takes, also on a busy machine.
const QUIET: Duration = Duration::from_secs(1);

struct Scene {
    upstream: Upstream,
    sidecar: Sidecar,
    token: String,
}

impl Scene {
    async fn set() -> Self {
        let upstream = Upstream::start().await;
        let sidecar = Sidecar::enforcing(&hmac_policy(&[SECRET]), &upstream).await;
        Self { upstream, sidecar, token: Draft::hmac().with(&[]) }
    }

    fn head(&self) -> String {
        format!("Host: a\r\nAuthorization: Bearer {}\r\n", self.token)
    }

    /// The statuses that come back for these bytes and a marker behind them, and the lines that the server saw.
    async fn send(&self, frame: &[u8]) -> (Vec<u16>, Vec<String>) {
        let before = self.upstream.seen().len();
        let head = self.head();
        let marker = format!("GET /marker HTTP/1.1\r\n{head}Connection: close\r\n\r\n");
        let mut connection = Connection::open(self.sidecar.traffic).await;
        connection.write(replace(frame, b"{head}", head.as_bytes())).await;
        connection.write(marker).await;
        let mut statuses = Vec::new();
        while let Ok(Some(reply)) = timeout(QUIET, connection.reply()).await {
            statuses.push(reply.status);
        }
        let seen = self.upstream.seen().split_off(before);
        for request in &seen {
            let framings = request.values("content-length").len() + request.values("transfer-encoding").len();
            assert!(framings <= 1, "one framing, and our own: {}", request.head);
        }
        (statuses, seen.iter().map(|request| request.line().to_owned()).collect())
    }

    /// Neither these nor what stands behind them reaches the server.
    async fn refuses_each(&self, frames: impl IntoIterator<Item = Vec<u8>>) {
        let mut passed = Vec::new();
        for frame in frames {
            let (statuses, seen) = self.send(&frame).await;
            if statuses != [400] || !seen.is_empty() {
                passed.push(format!("{statuses:?}, {seen:?} for {}", frame.escape_ascii()));
            }
        }
        assert!(passed.is_empty(), "{passed:#?}");
    }

    /// Both reach the server, as two.
    async fn accepts(&self, frame: &[u8]) {
        let (statuses, seen) = self.send(frame).await;
        let shown = frame.escape_ascii();
        assert_eq!((statuses.as_slice(), seen.len()), ([200, 200].as_slice(), 2), "{shown}");
        assert_eq!(seen[1], "GET /marker HTTP/1.1", "{shown}");
    }
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match text.windows(from.len()).position(|window| window == from) {
        Some(at) => [&text[..at], to, &text[at + from.len()..]].concat(),
        None => text.to_vec(),
    }
}

fn post(framing: &str, body: &str) -> Vec<u8> {
    format!("POST /mcp HTTP/1.1\r\n{{head}}{framing}\r\n{body}").into_bytes()
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

#[tokio::test]
async fn well_formed_requests_pass_one_after_the_other() {
    let scene = Scene::set().await;
    scene.accepts(b"GET /mcp HTTP/1.1\r\n{head}\r\n").await;
    scene.accepts(&post("Content-Length: 2\r\n", "{}")).await;
    scene.accepts(&post("content-length:2\r\n", "{}")).await;
    scene.accepts(&post("Content-Length: \t2 \r\n", "{}")).await;
    scene.accepts(&post("Content-Length: 0\r\n", "")).await;
    for name in ["Transfer-Encoding: chunked", "transfer-encoding:chunked", "Transfer-Encoding: CHUNKED"] {
        scene.accepts(&post(&format!("{name}\r\n"), "2\r\n{}\r\n0\r\n\r\n")).await;
    }
    scene.accepts(&post(CHUNKED, "2;name=value\r\n{}\r\n0\r\n\r\n")).await;
    scene.accepts(&post(CHUNKED, "002\r\n{}\r\n000\r\n\r\n")).await;
    scene.accepts(&post(CHUNKED, "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")).await;
    scene.accepts(&post(CHUNKED, "2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n")).await;
}

#[tokio::test]
async fn a_length_that_is_no_number_is_refused() {
    let scene = Scene::set().await;
    let frame = |length| post(&format!("Content-Length: {length}\r\n"), "{}");
    scene.refuses_each(corpus::LENGTHS.map(frame)).await;
}

#[tokio::test]
async fn a_transfer_coding_that_is_not_chunked_alone_is_refused() {
    let scene = Scene::set().await;
    let frame = |coding| post(&format!("Transfer-Encoding: {coding}\r\n"), "2\r\n{}\r\n0\r\n\r\n");
    scene.refuses_each(corpus::CODINGS.map(frame)).await;
    let old = "POST /mcp HTTP/1.0\r\n{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    scene.refuses_each([old.into()]).await;
}

#[tokio::test]
async fn p01_a_length_and_chunks_together_are_refused_and_either_alone_is_not() {
    let scene = Scene::set().await;
    let smuggled = "2\r\n{}\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let both = ["2", "4", "12", "60", "0"].into_iter().flat_map(|length| {
        [
            format!("Content-Length: {length}\r\n{CHUNKED}"),
            format!("{CHUNKED}Content-Length: {length}\r\n"),
            format!("Content-Length: {length}\r\nX-Between: 1\r\n{CHUNKED}"),
            format!("{CHUNKED}X-Between: 1\r\nCONTENT-LENGTH: {length}\r\n"),
            format!("Content-Length: {length}\r\n{CHUNKED}Content-Length: {length}\r\n"),
        ]
    });
    scene.refuses_each(both.map(|framing| post(&framing, smuggled))).await;
    scene.accepts(&post("Content-Length: 12\r\n", "2\r\n{}\r\n0\r\n\r\n")).await;
    scene.accepts(&post(CHUNKED, "2\r\n{}\r\n0\r\n\r\n")).await;
}

#[tokio::test]
async fn p01_a_line_that_ends_with_a_bare_line_feed_is_refused_wherever_it_stands() {
    let scene = Scene::set().await;
    let good = "POST /mcp HTTP/1.1\r\n{head}X-One: 1\r\nContent-Length: 2\r\nX-Two: 2\r\n\r\n{}";
    scene.accepts(good.as_bytes()).await;
    let ends: Vec<usize> = good.match_indices("\r\n").map(|(at, _)| at).collect();
    assert_eq!(ends.len(), 5);
    scene.refuses_each(ends.into_iter().map(|at| [&good[..at], &good[at + 1..]].concat().into_bytes())).await;
    scene.refuses_each([good.replace("\r\n", "\n").into_bytes()]).await;
}

#[tokio::test]
async fn chunks_that_break_their_own_rules_never_become_a_request() {
    let scene = Scene::set().await;
    for body in corpus::CHUNKS {
        let (statuses, seen) = scene.send(&post(CHUNKED, body)).await;
        // The head may have gone on by then; the request never becomes a whole one, and nothing follows it.
        assert_eq!(statuses, [400], "{body:?}");
        assert!(seen.is_empty(), "{seen:?} for {body:?}");
    }
}

#[tokio::test]
async fn a_head_that_breaks_the_grammar_is_refused() {
    let scene = Scene::set().await;
    scene
        .refuses_each(
            corpus::LINES.map(|line| format!("POST /mcp HTTP/1.1\r\n{{head}}{line}\r\n\r\n").into()),
        )
        .await;
    scene.refuses_each(corpus::STARTS.map(|start| format!("{start}\r\n{{head}}\r\n").into())).await;
}

/// Each refusal has its word, for the client, the log and the metrics.
#[tokio::test]
async fn p02_a_refused_head_is_told_what_is_wrong_with_it() {
    let scene = Scene::set().await;
    for (start, line, word) in [
        ("GET /mcp HTTP/1.1\n", "", "bare_line_feed"),
        ("GET /m\0cp HTTP/1.1\r\n", "", "control_character"),
        ("GET /m cp HTTP/1.1\r\n", "", "request_line"),
        ("REFUSED /two_framings HTTP/1.1\r\n", "", "request_line"),
        ("GET /mcp HTTP/2.0\r\n", "", "http_version"),
        ("GET /mcp HTTP/1.1\r\n", "X : 1\r\n", "header_line"),
        ("GET /mcp HTTP/1.1\r\n", "X: 1\r\n 2\r\n", "folded_header"),
        ("GET /mcp HTTP/1.1\r\n", "Content-Length: x\r\n", "content_length"),
        ("GET /mcp HTTP/1.1\r\n", "Transfer-Encoding: gzip\r\n", "transfer_coding"),
        ("GET /mcp HTTP/1.1\r\n", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "two_framings"),
    ] {
        let mut connection = Connection::open(scene.sidecar.traffic).await;
        connection.write(format!("{start}Host: a\r\n{line}\r\n")).await;
        let reply = connection.reply().await.expect("an answer");
        assert_eq!(reply.status, 400, "{word}");
        assert_eq!(reply.json()["error"], word);
        assert!(connection.closes_within(Duration::from_secs(2)).await, "{word}");
    }
}

/// What was asked before it is answered first, whole and in turn.
#[tokio::test]
async fn p01_a_refusal_comes_behind_the_answers_that_are_due() {
    let scene = Scene::set().await;
    let head = format!("Host: a\r\nAuthorization: Bearer {}\r\n\r\n", scene.token);
    let good = format!("GET /mcp HTTP/1.1\r\n{head}");
    let mut connection = Connection::open(scene.sidecar.traffic).await;
    connection.write(format!("{good}{good}GET /mcp HTTP/1.1\n{head}{good}")).await;
    let mut statuses = Vec::new();
    while let Ok(Some(reply)) = timeout(QUIET, connection.reply()).await {
        statuses.push(reply.status);
    }
    assert_eq!((statuses.as_slice(), scene.upstream.seen().len()), ([200, 200, 400].as_slice(), 2));
}

/// RFC 9110 §2.5: an intermediary sends its own version.
#[tokio::test]
async fn a_request_of_http_1_0_goes_on_in_our_own_version() {
    let scene = Scene::set().await;
    for version in ["1.0", "1.1"] {
        let frame = format!("GET /mcp HTTP/{version}\r\n{{head}}Connection: close\r\n\r\n");
        let (statuses, seen) = scene.send(frame.as_bytes()).await;
        assert_eq!((statuses, seen), (vec![200], vec!["GET /mcp HTTP/1.1".to_owned()]), "{version}");
    }
}

#[tokio::test]
async fn p08_a_body_that_stalls_is_told_so_and_one_that_only_pauses_passes() {
    let scene = Scene::set().await;
    let begin = async || {
        let mut connection = Connection::open(scene.sidecar.traffic).await;
        connection
            .write(replace(&post("Content-Length: 2\r\n", "{"), b"{head}", scene.head().as_bytes()))
            .await;
        connection
    };
    let (mut stalls, mut pauses) = (begin().await, begin().await);
    tokio::time::sleep(Duration::from_secs(24)).await;
    pauses.write("}").await;
    assert_eq!(pauses.reply().await.expect("an answer").status, 200);
    let reply = stalls.reply().await.expect("an answer");
    assert_eq!((reply.status, reply.json()["error"].clone()), (408, "body_too_slow".into()));
}

#[tokio::test]
async fn a_head_that_does_not_come_does_not_hold_a_connection() {
    let scene = Scene::set().await;
    let mut slow = Connection::open(scene.sidecar.traffic).await;
    slow.write("POST /mcp HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    slow.write("x").await;
    let reply = slow.reply().await.expect("an answer");
    assert_eq!((reply.status, reply.json()["error"].clone()), (408, "head_too_slow".into()));
    assert!(slow.closes_within(Duration::from_secs(2)).await);
    assert!(
        begun.elapsed() > Duration::from_secs(8),
        "a slow client has its ten seconds: {:?}",
        begun.elapsed()
    );
    assert_eq!(scene.upstream.bytes(), 0);
}
