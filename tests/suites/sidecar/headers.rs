//! Headers on their way to the server and back: what nobody may say of themselves, and what must arrive untouched
//! (X6, X7, X8, X11, X15, P03, P12, P14, I1, O13, §2c).

use crate::world::running::Sidecar;
use crate::world::tokens::Draft;
use crate::world::upstream::{Script, Upstream, answer};
use crate::world::{SECRET, hmac_policy};

struct Scene {
    upstream: Upstream,
    sidecar: Sidecar,
    good: String,
}

impl Scene {
    async fn set() -> Self {
        let upstream = Upstream::start().await;
        let policy = format!("{}publicPaths: [/public]\n", hmac_policy(&[SECRET]));
        let sidecar = Sidecar::enforcing(&policy, &upstream).await;
        Self { upstream, sidecar, good: format!("Bearer {}", Draft::hmac().with(&[])) }
    }

    /// What the server sees of these headers: with a token, and on a public path without one.
    async fn seen(&self, headers: &[(&str, &str)]) -> [crate::world::upstream::Seen; 2] {
        let with_token = [&[("authorization", self.good.as_str())], headers].concat();
        assert_eq!(self.sidecar.send("POST", "/mcp", &with_token, "{}").await.status, 200);
        let authed = self.upstream.last();
        assert_eq!(self.sidecar.send("POST", "/public", headers, "{}").await.status, 200);
        [authed, self.upstream.last()]
    }
}

#[tokio::test]
async fn nobody_says_who_they_are_or_where_they_come_from_in_any_spelling() {
    let scene = Scene::set().await;
    let names = [
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Groups",
        "X-Forwarded-Access-Token",
        "X-Forwarded-Preferred-Username",
        "X-Forwarded-Prefix",
        "X-Forwarded-Uri",
        "X-Forwarded-Port",
        "Forwarded",
        "X-Real-IP",
        "X-Auth-Request-User",
        "X-Auth-User",
        "X-Remote-User",
        "Remote-User",
        "X-User",
        "X-User-Id",
        "X-Mcp-OAuth-Subject",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
        "Proxy-Authorization",
    ];
    for name in names {
        let spellings = [
            name.to_owned(),
            name.to_uppercase(),
            name.to_lowercase(),
            name.replace('-', "_"),
            name.replacen('-', "_", 1),
        ];
        for spelling in &spellings {
            for seen in scene.seen(&[(spelling, "spoofed"), (spelling, "spoofed")]).await {
                assert!(!seen.head.contains("spoofed"), "{spelling} in {}", seen.head);
            }
        }
    }
    for seen in scene.seen(&[("X-Request-Id", "kept")]).await {
        assert_eq!(seen.values("x-request-id"), ["kept"]);
    }
}

#[tokio::test]
async fn the_server_is_told_the_truth_once_whatever_the_client_claims() {
    let scene = Scene::set().await;
    let claims = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
        ("X_Forwarded_For", "1.2.3.4"),
        ("connection", "x-forwarded-host, X-Forwarded-For,, host,authorization"),
        ("Connection", "close, X-FORWARDED-PROTO,"),
    ];
    for seen in scene.seen(&claims).await {
        assert_eq!(seen.values("x-forwarded-host"), ["mcp.example.com"]);
        assert_eq!(seen.values("x-forwarded-proto"), ["https"]);
        assert_eq!(seen.values("x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(seen.values("host"), [format!("localhost:{}", scene.upstream.address.port())]);
        assert!(!seen.head.to_ascii_lowercase().contains("x_forwarded"), "{}", seen.head);
    }
}

#[tokio::test]
async fn the_token_and_the_origin_stay_here() {
    let scene = Scene::set().await;
    for seen in
        scene.seen(&[("origin", "https://mcp.example.com"), ("te", "trailers"), ("keep-alive", "1")]).await
    {
        for name in ["authorization", "origin", "te", "keep-alive", "connection", "expect"] {
            assert!(seen.values(name).is_empty(), "{name} in {}", seen.head);
        }
    }
    assert!(scene.upstream.seen().iter().all(|seen| !seen.head.contains(&scene.good[7..])));
}

#[tokio::test]
async fn a_token_on_a_public_path_stays_here_too() {
    let scene = Scene::set().await;
    let reply = scene.sidecar.send("GET", "/public", &[("authorization", &scene.good)], "").await;
    assert_eq!(reply.status, 200);
    assert!(scene.upstream.last().values("authorization").is_empty());
}

#[tokio::test]
async fn what_belongs_to_mcp_arrives_untouched() {
    let scene = Scene::set().await;
    let headers = [
        ("mcp-session-id", "!~ sess"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "=?base64?ZWNobw==?="),
        ("mcp-param-anything", "x"),
        ("last-event-id", "7"),
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    for seen in scene.seen(&headers).await {
        for (name, value) in headers {
            assert_eq!(seen.values(name), [value], "{name}");
        }
        assert_eq!(seen.body, b"{}");
    }
}

#[tokio::test]
async fn the_servers_own_answers_come_back_byte_for_byte() {
    let scene = Scene::set().await;
    let token = ("authorization", scene.good.as_str());
    for (status, body) in [
        ("400 Bad Request", r#"{"error":{"code":-32022,"data":{"supported":[]}}}"#),
        ("404 Not Found", r#"{"jsonrpc":"2.0","error":{"code":-32601}}"#),
        ("405 Method Not Allowed", "no"),
        ("202 Accepted", ""),
        ("307 Temporary Redirect", "moved"),
        ("401 Unauthorized", "the server's own"),
        ("500 Internal Server Error", "\u{0}\u{1}raw"),
    ] {
        let raw = answer(status, "application/json", body).replace(
            "\r\n\r\n",
            "\r\nmcp-session-id: s\r\nlocation: /x\r\ncache-control: private, max-age=7\r\n\r\n",
        );
        scene.upstream.script(Script::Raw(raw));
        let before = scene.upstream.seen().len();
        let reply = scene.sidecar.send("POST", "/mcp", &[token], "{}").await;
        assert_eq!((reply.status.to_string().as_str(), reply.text().as_str()), (&status[..3], body));
        assert_eq!((reply.header("mcp-session-id"), reply.header("location")), (Some("s"), Some("/x")));
        // I11: whether an answer may be kept is the server's to say.
        assert_eq!(reply.header("cache-control"), Some("private, max-age=7"));
        assert_eq!(
            scene.upstream.seen().len(),
            before + 1,
            "no redirect is followed, nothing is tried again"
        );
    }
}

#[tokio::test]
async fn only_streams_are_marked_as_not_to_be_buffered() {
    let scene = Scene::set().await;
    let token = ("authorization", scene.good.as_str());
    for (content_type, expected) in [
        ("text/event-stream", Some("no")),
        ("text/event-stream; charset=utf-8", Some("no")),
        ("application/json", None),
    ] {
        scene.upstream.script(Script::Raw(answer("200 OK", content_type, ":\n\n")));
        let reply = scene.sidecar.send("POST", "/mcp", &[token], "{}").await;
        assert_eq!(reply.header("x-accel-buffering"), expected, "{content_type}");
    }
}
