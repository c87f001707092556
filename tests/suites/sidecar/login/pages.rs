//! What pages of others may do with our answers: call what programs call, and neither read, keep, frame nor be told of what
//! people open (§3c, O19–O21).

use serde_json::json;

use super::desk::{RETURN, body};
use super::scene::{CALLBACK, ORIGIN, Scene};
use crate::world::client::Reply;
use crate::world::providers::quirks::Quirks;

const ORIGINS: [&str; 7] = [
    "https://inspector.example",
    "http://localhost:6274",
    "https://mcp.example.com",
    "https://evil.example",
    "null",
    "file://",
    "https://mcp.example.com.evil.example",
];

async fn preflight(scene: &Scene, path: &str, origin: &str, method: &str) -> Reply {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", "content-type, mcp-protocol-version, mcp-param-x"),
    ];
    scene.desk().send("OPTIONS", path, &headers, "").await
}

#[tokio::test]
async fn o21_programs_in_web_pages_may_call_what_programs_call() {
    let scene = Scene::set(Quirks::plain()).await;
    for (path, method) in [
        ("/oauth/token", "POST"),
        ("/token", "POST"),
        ("/oauth/register", "POST"),
        ("/register", "POST"),
        ("/oauth/revoke", "POST"),
        ("/.well-known/jwks.json", "GET"),
        ("/.well-known/oauth-authorization-server", "GET"),
        ("/.well-known/openid-configuration/mcp", "GET"),
        ("/.well-known/oauth-protected-resource/mcp", "GET"),
    ] {
        for origin in ORIGINS {
            let asked = preflight(&scene, path, origin, method).await;
            assert_eq!(
                (asked.status, asked.header("access-control-allow-origin")),
                (204, Some("*")),
                "{path}"
            );
            let headers = asked.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
            assert!(headers.contains("content-type") && headers.contains("mcp-param-x"), "{headers}");
            assert!(asked.header("access-control-allow-methods").is_some_and(|all| all.contains(method)));
            // Refusals too, or the page would not learn why.
            let reply = scene.desk().send(method, path, &[("origin", origin)], "").await;
            assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{path} {}", reply.status);
            assert_eq!(reply.count("access-control-allow-credentials"), 0, "{path}");
        }
    }
}

#[tokio::test]
async fn o21_no_web_page_reads_what_people_open() {
    let scene = Scene::set(Quirks::plain()).await;
    for (path, method) in [
        ("/oauth/authorize", "GET"),
        ("/authorize", "GET"),
        ("/oauth/consent", "POST"),
        ("/oauth/callback", "GET"),
    ] {
        for origin in ORIGINS {
            for reply in [
                preflight(&scene, path, origin, method).await,
                scene.desk().send(method, path, &[("origin", origin)], "").await,
            ] {
                assert!((400..=405).contains(&reply.status), "{path}: {}", reply.status);
                let speaks = reply.headers.iter().any(|(name, _)| name.starts_with("access-control-"));
                assert!(!speaks, "{path} {origin}: {:?}", reply.headers);
            }
        }
    }
}

/// O19, O20: what any cache, frame or next page may have of an answer.
#[tokio::test]
async fn o19_no_answer_on_the_way_of_a_login_is_kept_or_told_on() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let there = browser.take(&page.form("ask").press("allow")).await;
    let at_provider = browser.walk(there, RETURN).await;
    let back = super::desk::sign_in(&mut browser, at_provider, RETURN).await.next().expect("back");
    let back = browser.take(&back).await;
    assert!(back.leads_to(CALLBACK));
    let refused = browser.open(&format!("{ORIGIN}/oauth/callback?error=x")).await;
    for (reply, what) in [(&page.reply, "page"), (&back.reply, "redirect"), (&refused.reply, "problem")] {
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{what}");
    }
    for reply in [&page.reply, &refused.reply] {
        let policy = reply.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"),
            "{policy}"
        );
        assert_eq!(reply.header("x-frame-options"), Some("DENY"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
    let code = super::desk::code_of(&back);
    let given = scene.redeem(&client, &code).await;
    let registered = scene.register(&json!({ "redirect_uris": [CALLBACK] })).await;
    let refused = scene.redeem(&client, &code).await;
    let unknown = scene.redeem("unknown", &code).await;
    let call = scene.desk().send("POST", "/mcp", &[("authorization", "Bearer x")], "{}").await;
    for (reply, status) in [(given, 200), (registered, 201), (refused, 400), (unknown, 401), (call, 401)] {
        assert_eq!((reply.status, reply.header("cache-control")), (status, Some("no-store")));
    }
    assert!(body(&scene.register(&json!({ "redirect_uris": [CALLBACK] })).await).is_object());
}

#[tokio::test]
async fn a_login_that_is_over_and_is_loaded_again_is_not_said_to_have_come_to_nothing() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let there = super::desk::to_return(&mut browser, &page).await;
    assert!(browser.take(&there).await.leads_to(CALLBACK));
    let again = browser.take(&there).await;
    assert_eq!((again.reply.status, again.next().is_none()), (403, true));
    let text = again.reply.text();
    for said in ["This login is over, or did not begin in this browser", "If your application is connected"] {
        assert!(text.contains(said), "{text}");
    }
    assert!(!text.contains("Nothing was connected") && text.contains("other_browser"), "{text}");
}
