//! A flood of registrations against the program itself, and registrations that are too much of something: memory stays what it
//! was, whoever is in a hurry waits, and everybody else logs in.
//!
//! Starts one process; talks to it on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::desk::{agree, authorize, body, code_of, error, tokens};
use super::killed::Standalone;
use super::scene::{CALLBACK, Scene};
use crate::world::client::request;
use crate::world::providers::quirks::Quirks;

const REGISTRATIONS: usize = 100_000;
const CONNECTIONS: usize = 4;
/// So many are sent before their answers are read.
const BATCH: usize = 50;
/// As long as those who must wait are told.
const WAIT: Duration = Duration::from_secs(2);

/// Answers: made, to wait and told how long, and anything else.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    made: usize,
    to_wait: usize,
    other: usize,
}

/// Sends so many registrations on one connection.
async fn flood(to: SocketAddr, count: usize) -> Count {
    let metadata =
        json!({ "client_name": "x".repeat(100), "redirect_uris": [CALLBACK, "http://localhost/cb"] });
    let one =
        request("POST", "/oauth/register", &[("content-type", "application/json")], &metadata.to_string());
    let batch = one.repeat(BATCH);
    let mut stream = TcpStream::connect(to).await.expect("somebody listens");
    let mut found = Count::default();
    let mut bytes = Vec::with_capacity(256 * 1024);
    for _ in 0..count / BATCH {
        stream.write_all(batch.as_bytes()).await.expect("it reads");
        bytes.clear();
        let mut answered = Count::default();
        while answered.made + answered.to_wait + answered.other < BATCH {
            let read = stream.read_buf(&mut bytes).await.expect("it answers");
            assert!(read > 0, "it keeps the connection");
            answered = counted(&bytes);
        }
        found.made += answered.made;
        found.to_wait += answered.to_wait;
        found.other += answered.other;
    }
    found
}

/// Each answer ends with the one closing brace that it has.
fn counted(bytes: &[u8]) -> Count {
    let mut count = Count::default();
    for answer in bytes.split_inclusive(|byte| *byte == b'}').filter(|answer| answer.ends_with(b"}")) {
        match answer.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3)) {
            Some(b"201") => count.made += 1,
            Some(b"429") if says_when(answer) => count.to_wait += 1,
            _ => count.other += 1,
        }
    }
    count
}

fn says_when(answer: &[u8]) -> bool {
    std::str::from_utf8(answer).is_ok_and(|text| text.contains("\r\nretry-after: 2\r\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o15_a_hundred_thousand_registrations_cost_no_memory_and_nobody_their_login() {
    let world = Standalone::set().await;
    let running = world.start(&[("MCP_OAUTH_LOG", "error")]).await;
    let (desk, mut browser) = (world.desk(), world.browser());
    let client = desk.client().await;
    // Everything that is made on first use is made.
    flood(desk.0, 1000).await;
    let before = running.resident();
    let mut floods = JoinSet::new();
    for _ in 0..CONNECTIONS {
        floods.spawn(flood(desk.0, REGISTRATIONS / CONNECTIONS));
    }
    // In the middle of it.
    let page = browser.open(&authorize(&client, &[])).await;
    let code = code_of(&agree(&mut browser, &page, CALLBACK).await);
    let held = tokens(&desk.redeem(&client, &code).await);
    assert_eq!(desk.call(&held.access).await, 200);
    let counts = floods.join_all().await;
    let after = running.resident();
    let sum = |of: fn(&Count) -> usize| counts.iter().map(of).sum::<usize>();
    let (made, to_wait, other) =
        (sum(|count| count.made), sum(|count| count.to_wait), sum(|count| count.other));
    assert_eq!((made + to_wait, other), (REGISTRATIONS, 0));
    assert!(to_wait > made && made > 0, "{made} made, {to_wait} told to wait");
    assert!(after < before + 8 * 1024, "{before} KiB before, {after} KiB after");
    // Whoever waits as long as it was told to is served.
    tokio::time::sleep(WAIT).await;
    desk.client().await;
    running.end(Signal::TERM).await;
}

#[tokio::test]
async fn o15_a_registration_that_is_too_much_of_something_is_cut_or_refused() {
    let scene = Scene::set(Quirks::plain()).await;
    let post = async |text: &str| {
        let json = [("content-type", "application/json")];
        scene.desk().send("POST", "/oauth/register", &json, text).await
    };
    let many = |count: usize| {
        let uris: Vec<_> = (0..count).map(|at| format!("http://[::1]/{at}")).collect();
        json!({ "redirect_uris": uris }).to_string()
    };
    let refused = post(&many(10_000)).await;
    assert_eq!((refused.status, &*error(&refused)), (413, "invalid_request"));
    let cut = post(&many(2500)).await;
    let uris = body(&cut)["redirect_uris"].as_array().map(Vec::len);
    assert_eq!((cut.status, uris), (201, Some(10)), "more than anybody has");
    assert!(body(&cut)["client_id"].as_str().is_some_and(|id| id.len() < 2048), "it travels in addresses");
    let long = json!({ "redirect_uris": [CALLBACK], "client_name": "n".repeat(60_000) }).to_string();
    assert_eq!(body(&post(&long).await)["client_name"].as_str().map(str::len), Some(100));
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"redirect_uris":["{CALLBACK}"],"contacts":{open}{close}}}"#)
    };
    for (depth, status) in [(30_000, 400), (16, 400), (15, 201)] {
        assert_eq!(post(&nested(depth)).await.status, status, "{depth}");
    }
    let wide = (0..4000).map(|at| format!("\"m{at}\":{at}")).collect::<Vec<_>>().join(",");
    let wide = format!(r#"{{"redirect_uris":["{CALLBACK}"],{wide}}}"#);
    assert_eq!(post(&wide).await.status, 201);
    for text in
        ["", "null", "7", "\"x\"", "[]", "{", "{}}", "\u{feff}{}", "{\"redirect_uris\":[\"\\ud800\"]}"]
    {
        let reply = post(text).await;
        assert!(reply.status == 400 && !error(&reply).is_empty(), "{text}: {}", reply.status);
    }
}

/// O16: what turns, hides or breaks a text is not on the page, and what is left of the name is.
#[tokio::test]
async fn o16_a_name_that_would_change_the_page_is_shown_as_plain_text() {
    let scene = Scene::set(Quirks::plain()).await;
    for (name, shown) in [
        ("evil\u{202e}moc.elgoog", "evil"),
        ("a\u{2066}b\u{2069}c", "abc"),
        ("zero\u{200b}width\u{feff}", "zerowidth"),
        ("line\r\nbreak\u{0}\u{1b}[31m", "line"),
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("\" autofocus onfocus=alert(1) x=\"", "autofocus"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("{{7*7}} ${7*7}", "{{7*7}}"),
        ("Claude", "Claude"),
    ] {
        let metadata = json!({
            "client_name": name, "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        });
        let registered = scene.register(&metadata).await;
        assert_eq!(registered.status, 201, "{name:?}");
        let id = body(&registered)["client_id"].as_str().expect("an id").to_owned();
        let page = scene.browser().open(&authorize(&id, &[])).await;
        let text = page.reply.text();
        assert!(page.reply.status == 200 && text.contains(shown), "{name:?}: {text}");
        let odd = |c: char| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        };
        assert!(!text.contains(odd), "{name:?}: {text}");
        assert!(!text.contains("<script") && !text.contains(" onfocus=alert(1) x=\""), "{name:?}: {text}");
    }
}
