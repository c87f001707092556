//! Streams: every byte when it comes, both ways, and an end that is the same kind of end on both sides
//! (X2, X4, X5, X14, P18, S1).

use std::time::{Duration, Instant};

use crate::world::client::{Connection, request};
use crate::world::running::Sidecar;
use crate::world::tokens::Draft;
use crate::world::upstream::{Script, Upstream};
use crate::world::{SECRET, hmac_policy};

struct Scene {
    upstream: Upstream,
    sidecar: Sidecar,
    good: String,
}

impl Scene {
    async fn set(script: Script) -> Self {
        let upstream = Upstream::start().await;
        upstream.script(script);
        let sidecar = Sidecar::enforcing(&hmac_policy(&[SECRET]), &upstream).await;
        Self { upstream, sidecar, good: format!("Bearer {}", Draft::hmac().with(&[])) }
    }

    async fn call(&self) -> Connection {
        let mut connection = Connection::open(self.sidecar.traffic).await;
        connection.write(request("POST", "/mcp", &[("authorization", &self.good)], "{}")).await;
        connection
    }
}

#[tokio::test]
async fn every_event_arrives_by_itself_and_at_once() {
    let pause = Duration::from_millis(200);
    let events = vec![(pause, "data: 1\n\n"), (pause, ": still here\n\n"), (pause, "data: 2\n\n")];
    let scene = Scene::set(Script::Events(events.clone())).await;
    let mut connection = scene.call().await;
    assert_eq!(connection.head().await.expect("a head").0, 200);
    let mut last = Instant::now();
    for (_, event) in &events {
        assert_eq!(connection.chunk().await.expect("an event"), event.as_bytes());
        let waited = last.elapsed();
        last = Instant::now();
        assert!(waited < pause + Duration::from_millis(50), "{waited:?}");
    }
    assert_eq!(connection.chunk().await, Some(Vec::new()), "a proper end");
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_the_servers_side_within_a_second() {
    let scene = Scene::set(Script::Hold).await;
    let mut connection = scene.call().await;
    connection.head().await.expect("a head");
    connection.chunk().await.expect("the first event");
    let begun = Instant::now();
    drop(connection);
    scene.upstream.is_hung_up_on().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

/// A parser that has bytes of the next request would not look for the end any more.
#[tokio::test]
async fn x4_a_client_that_hangs_up_after_it_has_sent_more_ends_the_servers_side_as_well() {
    for ahead in ["x", "\r\n", "POST /mcp HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let scene = Scene::set(Script::Hold).await;
        let mut connection = scene.call().await;
        connection.head().await.expect("a head");
        connection.chunk().await.expect("the first event");
        connection.write(ahead).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begun = Instant::now();
        drop(connection);
        scene.upstream.is_hung_up_on().await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{ahead:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_client_that_does_not_wait_for_the_answer_ends_the_servers_side_too() {
    let scene = Scene::set(Script::Silence).await;
    let connection = scene.call().await;
    scene.upstream.has_bytes(1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    drop(connection);
    scene.upstream.is_hung_up_on().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    scene.sidecar.until("/metrics", r#"requests_total{outcome="aborted",reason=""} 1"#).await;
}

#[tokio::test]
async fn a_switch_of_protocols_that_nobody_asked_for_is_no_answer() {
    let raw = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nGET /admin";
    let scene = Scene::set(Script::Raw(raw.into())).await;
    assert_eq!(scene.call().await.reply().await.expect("an answer").status, 502);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_not_made_to_look_complete() {
    let scene = Scene::set(Script::Cut).await;
    let mut connection = scene.call().await;
    connection.head().await.expect("a head");
    assert_eq!(connection.chunk().await.expect("the first event"), b"data: first\n\n");
    assert_eq!(connection.chunk().await, None, "no last chunk");
    let whole = Scene::set(Script::Events(vec![(Duration::ZERO, "data: first\n\n")])).await;
    let mut connection = whole.call().await;
    connection.head().await.expect("a head");
    assert_eq!(connection.chunk().await.expect("the first event"), b"data: first\n\n");
    assert_eq!(connection.chunk().await, Some(Vec::new()), "the twin has one");
}

#[tokio::test]
async fn a_request_body_reaches_the_server_while_it_is_being_sent() {
    let scene = Scene::set(Script::Silence).await;
    let mut connection = Connection::open(scene.sidecar.traffic).await;
    let headers = [("authorization", scene.good.as_str()), ("transfer-encoding", "chunked")];
    connection.write(request("POST", "/mcp", &headers, "")).await;
    let mut sent = 0;
    for _ in 0..3 {
        connection.write(format!("400\r\n{}\r\n", "x".repeat(1024))).await;
        sent += 1024;
        scene.upstream.has_bytes(sent).await;
    }
}

#[tokio::test]
async fn a_slow_reader_slows_the_server_down() {
    // 64 MiB: far more than the sockets' buffers and ours together hold.
    let event: &'static str = Box::leak("x".repeat(1024 * 1024).into_boxed_str());
    let scene = Scene::set(Script::Events(vec![(Duration::ZERO, event); 64])).await;
    let mut connection = scene.call().await;
    connection.head().await.expect("a head");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let waiting = scene.upstream.streamed();
    assert!(waiting < 24 * 1024 * 1024, "{waiting} bytes have been taken without a reader");
    let mut length = 0;
    while let Some(chunk) = connection.chunk().await.filter(|chunk| !chunk.is_empty()) {
        length += chunk.len();
    }
    assert_eq!(length, 64 * 1024 * 1024);
}

#[tokio::test]
async fn streams_go_on_while_the_sidecar_is_told_to_end() {
    let pause = Duration::from_millis(300);
    let scene = Scene::set(Script::Events(vec![(pause, "data: 1\n\n"), (pause, "data: 2\n\n")])).await;
    let mut connection = scene.call().await;
    connection.head().await.expect("a head");
    let mut idle = Connection::open(scene.sidecar.traffic).await;
    let (ended, ()) = tokio::join!(scene.sidecar.end(), async {
        assert_eq!(connection.chunk().await.expect("an event"), b"data: 1\n\n");
        assert!(idle.closes_within(Duration::from_secs(1)).await, "an idle connection is closed at once");
        assert_eq!(connection.chunk().await.expect("an event"), b"data: 2\n\n");
        assert_eq!(connection.chunk().await, Some(Vec::new()), "a proper end");
    });
    assert!(ended.is_ok());
}
