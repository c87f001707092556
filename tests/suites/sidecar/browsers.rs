//! Browsers: which pages may call, what they may read, and what is answered before anyone has a token
//! (R17, D16, §3c, P15, O21, M05).

use crate::world::client::Reply;
use crate::world::running::Sidecar;
use crate::world::tokens::Draft;
use crate::world::upstream::{Script, Upstream, answer};
use crate::world::{SECRET, hmac_policy};

const AGENT: &str = "https://agents.example.com";

struct Scene {
    upstream: Upstream,
    sidecar: Sidecar,
    good: String,
}

impl Scene {
    async fn set() -> Self {
        let upstream = Upstream::start().await;
        let policy =
            format!("{}allowedOrigins: ['{AGENT}']\npublicPaths: [/public]\n", hmac_policy(&[SECRET]));
        let sidecar = Sidecar::enforcing(&policy, &upstream).await;
        Self { upstream, sidecar, good: format!("Bearer {}", Draft::hmac().with(&[])) }
    }

    async fn post(&self, origin: &str) -> Reply {
        self.sidecar.send("POST", "/mcp", &[("authorization", &self.good), ("origin", origin)], "{}").await
    }

    async fn preflight(&self, target: &str, origin: &str, asked: &str) -> Reply {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", asked),
        ];
        self.sidecar.send("OPTIONS", target, &headers, "").await
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_before_the_token_is_looked_at_and_a_known_one_passes() {
    let scene = Scene::set().await;
    let foreign = [
        "https://evil.example",
        "null",
        "http://mcp.example.com",
        "https://mcp.example.com:8443",
        "https://mcp.example.com.evil.example",
        "https://agents.example.com/",
        "HTTPS://AGENTS.EXAMPLE.COM",
        "http://localhost:4000/#@mcp.example.com",
        "https://agents.example.com, https://agents.example.com",
    ];
    for origin in foreign {
        let reply = scene.post(origin).await;
        assert_eq!((reply.status, scene.upstream.bytes()), (403, 0), "{origin}");
        assert_eq!(reply.count("access-control-allow-origin"), 0, "{origin}");
        assert_eq!((reply.count("www-authenticate"), reply.count("vary")), (0, 1), "{origin}");
        let public = scene.sidecar.send("GET", "/public", &[("origin", origin)], "").await;
        assert_eq!((public.status, scene.upstream.bytes()), (403, 0), "{origin}");
    }
    for origin in [AGENT, "https://mcp.example.com"] {
        let reply = scene.post(origin).await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(origin)));
    }
}

#[tokio::test]
async fn a_page_can_read_refusals_and_failures_as_well_as_answers() {
    let scene = Scene::set().await;
    let exposed = "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After";
    let refused = scene.sidecar.send("POST", "/mcp", &[("origin", AGENT)], "{}").await;
    let answered = scene.post(AGENT).await;
    scene.upstream.script(Script::Close);
    let failed = scene.post(AGENT).await;
    for (reply, status) in [(refused, 401), (answered, 200), (failed, 502)] {
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (status, Some(AGENT)));
        assert_eq!(reply.header("access-control-expose-headers"), Some(exposed), "{status}");
        assert_eq!(reply.header("vary").map(str::to_ascii_lowercase).as_deref(), Some("origin"), "{status}");
        assert_eq!(reply.count("access-control-allow-credentials"), 0, "{status}");
    }
}

#[tokio::test]
async fn our_word_on_origins_replaces_the_servers() {
    let scene = Scene::set().await;
    let raw = answer("200 OK", "text/plain", "x").replace(
        "\r\n\r\n",
        "\r\naccess-control-allow-origin: *\r\naccess-control-allow-credentials: true\r\n\r\n",
    );
    scene.upstream.script(Script::Raw(raw));
    let reply = scene.post(AGENT).await;
    assert_eq!(
        (reply.count("access-control-allow-origin"), reply.header("access-control-allow-origin")),
        (1, Some(AGENT))
    );
    assert_eq!(reply.count("access-control-allow-credentials"), 0);
    let bare = scene.sidecar.send("POST", "/mcp", &[("authorization", &scene.good)], "{}").await;
    assert_eq!((bare.count("access-control-allow-origin"), bare.count("vary")), (0, 1));
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token_and_never_by_the_server() {
    let scene = Scene::set().await;
    for target in ["/mcp", "/anything", "/public"] {
        let reply = scene.preflight(target, AGENT, "authorization, mcp-param-region, x-evil").await;
        assert_eq!(
            (reply.status, reply.header("access-control-allow-origin")),
            (204, Some(AGENT)),
            "{target}"
        );
        assert_eq!(reply.header("access-control-allow-methods"), Some("GET, POST, DELETE, OPTIONS"));
        let allowed = reply.header("access-control-allow-headers").expect("§3c").to_ascii_lowercase();
        for name in [
            "authorization",
            "content-type",
            "accept",
            "mcp-protocol-version",
            "mcp-session-id",
            "mcp-method",
            "mcp-name",
            "last-event-id",
            "dpop",
            "mcp-param-region",
        ] {
            assert!(allowed.split(", ").any(|known| known == name), "{name} in {allowed}");
        }
        assert!(!allowed.contains("x-evil") && !allowed.contains('*'), "{allowed}");
        assert_eq!(scene.preflight(target, "https://evil.example", "authorization").await.status, 403);
    }
    assert_eq!(scene.upstream.bytes(), 0);
}

#[tokio::test]
async fn options_without_an_origin_is_no_preflight_and_needs_a_token() {
    let scene = Scene::set().await;
    let bare = [("access-control-request-method", "POST")];
    assert_eq!(scene.sidecar.send("OPTIONS", "/mcp", &bare, "").await.status, 401);
    let with_token = [bare[0], ("authorization", scene.good.as_str())];
    assert_eq!(scene.sidecar.send("OPTIONS", "/mcp", &with_token, "").await.status, 200);
}

#[tokio::test]
async fn documents_are_for_every_page() {
    let scene = Scene::set().await;
    for target in [
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-x",
        "/oauth/token",
    ] {
        let reply = scene.sidecar.send("GET", target, &[("origin", "https://evil.example")], "").await;
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{target}");
        let preflight = scene.preflight(target, "https://evil.example", "mcp-protocol-version").await;
        assert_eq!(
            (preflight.status, preflight.header("access-control-allow-origin")),
            (204, Some("*")),
            "{target}"
        );
    }
    assert_eq!(scene.upstream.bytes(), 0);
}

/// What common browsers send when a person opens an address.
const VISIT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test]
async fn a_person_who_opens_the_servers_address_reads_how_to_connect_and_a_program_reads_the_challenge() {
    let scene = Scene::set().await;
    let get =
        async |target: &str, headers: &[(&str, &str)]| scene.sidecar.send("GET", target, headers, "").await;
    let page = get("/mcp", &[("accept", VISIT)]).await;
    assert_eq!((page.status, page.header("content-type")), (401, Some("text/html; charset=utf-8")));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let text = page.text();
    assert!(
        text.contains("<code>https://mcp.example.com/mcp</code>") && text.contains("mcp-remote"),
        "{text}"
    );

    let plain = get("/mcp", &[]).await;
    assert_eq!(page.header("www-authenticate"), plain.header("www-authenticate"), "one challenge");
    let bad = format!("{}x", scene.good);
    for (target, headers) in [
        ("/mcp", &[("accept", "application/json, text/event-stream")][..]),
        ("/mcp", &[("accept", "text/event-stream")]),
        ("/mcp", &[("accept", "*/*")]),
        ("/mcp", &[("accept", "text/html, text/event-stream")]),
        ("/mcp", &[("accept", "application/json, text/html")]),
        ("/mcp", &[("accept", "text/htmlx")]),
        ("/mcp", &[("accept", VISIT), ("authorization", &bad)]),
        ("/mcp/", &[("accept", VISIT)]),
        ("/", &[("accept", VISIT)]),
    ] {
        let reply = get(target, headers).await;
        let told = (reply.status, reply.header("content-type"));
        assert_eq!(told, (401, Some("application/json")), "{target} {headers:?}");
    }
    let posted = scene.sidecar.send("POST", "/mcp", &[("accept", VISIT)], "{}").await;
    assert_eq!((posted.status, posted.header("content-type")), (401, Some("application/json")));
    assert_eq!(get("/mcp", &[("accept", VISIT), ("origin", "https://evil.example")]).await.status, 403);
    assert_eq!(scene.upstream.bytes(), 0);
    assert_eq!(get("/mcp", &[("accept", VISIT), ("authorization", &scene.good)]).await.status, 200);
}
