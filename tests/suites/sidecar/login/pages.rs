//! What pages of others may do with our answers: call what programs call, and neither read, keep, frame nor be told of what
//! people open (§3c, O19–O21).

use serde_json::json;

use super::consent::{CI, rules};
use super::desk::{RETURN, authorize, body, sign_in, tokens};
use super::scene::{CALLBACK, ORIGIN, Scene};
use crate::world::browser::Step;
use crate::world::client::{Connection, Reply, request};
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

/// O19, O20: what any cache, frame or next page may have of what a person opens.
#[tokio::test]
async fn o19_no_answer_on_the_way_of_a_login_is_kept_or_told_on() {
    let scene = Scene::set_by(Quirks::plain(), &rules()).await;
    let mut browser = scene.browser();
    let url = authorize("ci", &[("redirect_uri", CI)]);
    let page = browser.open(&url).await;
    let there = browser.take(&page.form("ask").tick("remember").press("allow")).await;
    redirected(&there, &scene.provider.issuer());
    let at_provider = browser.walk(there, RETURN).await;
    let back = sign_in(&mut browser, at_provider, RETURN).await.next().expect("back");
    let back = browser.take(&back).await;
    redirected(&back, CI);
    redirected(&browser.open(&url).await, &scene.provider.issuer());
    let mut other = scene.browser();
    let asked = other.open(&url).await;
    redirected(&other.take(&asked.form("ask").press("deny")).await, CI);
    let unknown = browser.open(&authorize("unknown", &[])).await;
    let nobodys = browser.open(&format!("{ORIGIN}/oauth/callback?error=x")).await;
    for (step, status) in [(&page, 200), (&unknown, 400), (&nobodys, 403)] {
        assert_eq!(step.reply.status, status);
        not_kept_or_told_on(&step.reply);
        let policy = step.reply.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"),
            "{policy}"
        );
        assert_eq!(step.reply.header("x-frame-options"), Some("DENY"));
        assert_eq!(step.reply.header("x-content-type-options"), Some("nosniff"));
    }
}

fn redirected(step: &Step, prefix: &str) {
    assert_eq!((step.reply.status, step.leads_to(prefix)), (303, true), "{prefix}");
    not_kept_or_told_on(&step.reply);
}

fn not_kept_or_told_on(reply: &Reply) {
    let said = [reply.header("cache-control"), reply.header("referrer-policy")];
    assert_eq!(said, [Some("no-store"), Some("no-referrer")], "{} {:?}", reply.status, reply.headers);
}

/// What programs are told, well or ill.
#[tokio::test]
async fn o19_no_answer_to_a_program_is_kept() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let code = scene.code(&client).await;
    let call = async |token: &str, more: &[(&str, &str)]| {
        let bearer = format!("Bearer {token}");
        let headers = [&[("authorization", bearer.as_str())], more].concat();
        scene.desk().send("POST", "/mcp", &headers, "{}").await
    };
    let given = scene.redeem(&client, &code).await;
    let held = tokens(&given);
    let revoke = [("client_id", client.as_str()), ("token", held.refresh.as_str())];
    for (reply, status, what) in [
        (given, 200, "tokens"),
        (scene.refresh(&client, &held.refresh).await, 200, "the next tokens"),
        (scene.redeem(&client, "none of ours").await, 400, "a code that is none"),
        (scene.redeem("unknown", &code).await, 401, "an unknown client"),
        (scene.register(&json!({ "redirect_uris": [CALLBACK] })).await, 201, "a registration"),
        (scene.register(&json!({ "redirect_uris": [] })).await, 400, "a registration that is refused"),
        (call("x", &[]).await, 401, "a call without a good token"),
        (call(&held.access, &[("origin", "https://evil.example")]).await, 403, "a foreign page's call"),
        (scene.post("/oauth/revoke", &revoke).await, 200, "a revocation"),
        (scene.post("/oauth/revoke", &revoke[..1]).await, 400, "a revocation of nothing"),
        (too_many_registrations(&scene).await, 429, "one registration too many"),
    ] {
        assert_eq!((reply.status, reply.header("cache-control")), (status, Some("no-store")), "{what}");
    }
}

/// What the first one is told that has to wait.
async fn too_many_registrations(scene: &Scene) -> Reply {
    let text = json!({ "redirect_uris": [CALLBACK] }).to_string();
    let text = request("POST", "/oauth/register", &[("content-type", "application/json")], &text);
    let mut connection = Connection::open(scene.desk().0).await;
    // A burst of five hundred, of which this test made some: the clock stands still.
    for _ in 0..500 {
        let reply = connection.exchange(&text).await;
        if reply.status != 201 {
            return reply;
        }
    }
    connection.exchange(&text).await
}

/// A9, I4: the name is worth what the address is.
#[tokio::test]
async fn a9_a_name_that_anybody_can_register_is_doubted_where_anybody_can_receive() {
    const CLAUDE: &str = "https://claude.ai/api/mcp/auth_callback";
    let scene = Scene::set(Quirks::plain()).await;
    let metadata = json!({ "client_name": "Claude", "redirect_uris": [CALLBACK, CLAUDE] });
    let client = body(&scene.register(&metadata).await)["client_id"].as_str().expect("an id").to_owned();
    let shown = async |back: &str| {
        let step = scene.browser().open(&authorize(&client, &[("redirect_uri", back)])).await;
        assert_eq!(step.reply.status, 200);
        step.reply.text()
    };
    let (local, known) = (shown(CALLBACK).await, shown(CLAUDE).await);
    for said in [
        "Connect “<bdi>Claude</bdi>”?",
        "<p class=\"host\"><bdi>127.0.0.1:4711</bdi></p>",
        "class=\"notice warn\"",
    ] {
        assert!(local.contains(said) && !known.contains(said), "{said}: {local}");
    }
    for said in ["Connect <bdi>Claude</bdi>?", "<p class=\"host\"><bdi>claude.ai</bdi></p>"] {
        assert!(known.contains(said) && !local.contains(said), "{said}: {known}");
    }
    assert!(!known.contains("class=\"notice"), "{known}");
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
