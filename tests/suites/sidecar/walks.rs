//! The browser of the suites does what real ones do: it sends and withholds cookies, says where it comes from, follows
//! redirects one step at a time, and what one browser was given another has not.
//!
//! In front of a server that writes down every request; also the addresses that are not loopback lead there.

use crate::world;
use crate::world::browser::{Blocked, Browser, Navigation, SameSite};
use crate::world::upstream::{Script, Upstream};

const HOME: &str = "https://mcp.example.com";
const EVIL: &str = "https://evil.example/page";

/// A server behind three names, and a browser that finds it there.
struct Scene {
    server: Upstream,
    browser: Browser,
}

impl Scene {
    async fn set() -> Self {
        let server = Upstream::start().await;
        let browser = browser(&server);
        Self { server, browser }
    }

    /// From now on the server answers with this status, these headers and this page.
    fn says(&self, status: &str, headers: &[&str], page: &str) {
        let headers: String = headers.iter().flat_map(|header| [*header, "\r\n"]).collect();
        let length = page.len();
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{page}");
        self.server.script(Script::Raw(text));
    }

    /// The header of the newest request.
    fn heard(&self, name: &str) -> Option<String> {
        self.server.last().values(name).pop()
    }
}

fn browser(server: &Upstream) -> Browser {
    let mut browser = Browser::new(&world::clock().0);
    for origin in [HOME, "https://evil.example", "https://idp.example.org", "http://mcp.example.com"] {
        browser.way(origin, server.address);
    }
    browser
}

#[tokio::test]
async fn a_cookie_goes_back_to_its_host_from_its_own_browser_and_from_no_other() {
    let mut scene = Scene::set().await;
    let cookie = "set-cookie: __Host-login=1; Secure; HttpOnly; Path=/; SameSite=Lax; Max-Age=600";
    scene.says("200 OK", &[cookie, "set-cookie: __Host-bad=1; Path=/"], "");
    let step = scene.browser.open(&format!("{HOME}/oauth/authorize?a=1")).await;
    assert_eq!(scene.server.last().line(), "GET /oauth/authorize?a=1 HTTP/1.1");
    assert_eq!((scene.heard("host").as_deref(), scene.heard("cookie")), (Some("mcp.example.com"), None));
    let cookies = scene.browser.cookies();
    let [kept] = &cookies[..] else { unreachable!("one of the two is taken: {cookies:?}") };
    assert!(kept.secure && kept.http_only && kept.same_site == SameSite::Lax, "{kept:?}");
    assert_eq!(scene.browser.refused().len(), 1);
    scene.browser.open(&format!("{HOME}/oauth/callback")).await;
    assert_eq!(scene.heard("cookie").as_deref(), Some("__Host-login=1"));
    scene.browser.open("https://idp.example.org/").await;
    assert_eq!(scene.heard("cookie"), None, "another host");
    let mut other = browser(&scene.server);
    other.take(&step.navigation).await;
    assert_eq!(scene.heard("cookie"), None, "the same request in another browser");
}

#[tokio::test]
async fn a_cookie_that_is_lax_goes_with_a_link_from_elsewhere_and_not_with_a_form() {
    let mut scene = Scene::set().await;
    scene.says("200 OK", &["set-cookie: lax=1; SameSite=Lax", "set-cookie: strict=1; SameSite=Strict"], "");
    scene.browser.open(HOME).await;
    scene.says("200 OK", &[], "");
    let target = format!("{HOME}/oauth/consent");
    scene.browser.take(&Navigation::linked(EVIL, &target)).await;
    assert_eq!(scene.heard("cookie").as_deref(), Some("lax=1"));
    assert_eq!(scene.heard("sec-fetch-site").as_deref(), Some("cross-site"));
    assert_eq!(scene.heard("sec-fetch-user").as_deref(), Some("?1"));
    assert_eq!(
        (scene.heard("origin"), scene.heard("referer").as_deref()),
        (None, Some("https://evil.example/"))
    );
    scene.browser.take(&Navigation::posted(EVIL, &target, &[("answer", "allow")])).await;
    assert_eq!((scene.heard("cookie"), scene.heard("sec-fetch-user")), (None, None));
    assert_eq!(scene.heard("origin").as_deref(), Some("https://evil.example"));
    assert_eq!(scene.server.last().body, b"answer=allow");
    scene.browser.take(&Navigation::typed(&target)).await;
    assert_eq!(scene.heard("cookie").as_deref(), Some("lax=1; strict=1"));
    assert_eq!(scene.heard("sec-fetch-site").as_deref(), Some("none"));
}

#[tokio::test]
async fn a_form_of_our_own_page_is_sent_with_our_origin_unless_the_page_gives_no_referrer() {
    const PAGE: &str = "<form method=post action=/go?x=1><input type=hidden name=ask value=sealed>\
        <input type=checkbox name=remember value=yes><button name=answer value=allow>Allow</button></form>\
        <form action=/search?old=1><input name=q><button>Find</button></form>";
    let mut scene = Scene::set().await;
    scene.says("200 OK", &["set-cookie: a=1; SameSite=Strict; Path=/"], PAGE);
    let page = scene.browser.open(&format!("{HOME}/oauth/consent")).await;
    scene.browser.take(&page.form("ask").press("Allow")).await;
    let seen = scene.server.last();
    assert_eq!(seen.line(), "POST /go?x=1 HTTP/1.1");
    assert_eq!(seen.body, b"ask=sealed&answer=allow");
    assert_eq!(scene.heard("origin").as_deref(), Some(HOME));
    assert_eq!(scene.heard("sec-fetch-site").as_deref(), Some("same-origin"));
    assert_eq!(scene.heard("cookie").as_deref(), Some("a=1"));
    let ticked = page.form("answer").tick("remember").press("allow").with_field("ask", "another");
    scene.browser.take(&ticked).await;
    assert_eq!(scene.server.last().body, b"remember=yes&answer=allow&ask=another");
    scene.browser.take(&page.form("q").fill("q", "a b").press("Find")).await;
    assert_eq!(scene.server.last().line(), "GET /search?q=a+b HTTP/1.1");
    scene.browser.take(&page.click("help#x")).await;
    assert_eq!(scene.server.last().line(), "GET /oauth/help HTTP/1.1");
    assert_eq!(scene.heard("referer").as_deref(), Some("https://mcp.example.com/oauth/consent"));

    scene.says("200 OK", &["referrer-policy: no-referrer"], PAGE);
    let page = scene.browser.open(&format!("{HOME}/oauth/consent")).await;
    scene.browser.take(&page.form("ask").press("Allow")).await;
    assert_eq!((scene.heard("origin").as_deref(), scene.heard("referer")), (Some("null"), None));
    assert_eq!(scene.heard("sec-fetch-site").as_deref(), Some("same-origin"), "which still tells");
}

#[tokio::test]
async fn a_redirect_is_a_step_of_its_own_and_keeps_a_post_only_where_its_status_says_so() {
    let mut scene = Scene::set().await;
    for (status, stays) in
        [("301 X", false), ("302 X", false), ("303 X", false), ("307 X", true), ("308 X", true)]
    {
        scene.says(status, &["location: ../next?state=s"], "");
        let post = Navigation::posted(HOME, &format!("{HOME}/a/b"), &[("code", "1")]);
        let step = scene.browser.take(&post).await;
        let next = step.next().expect("it is a redirect");
        assert_eq!(next.url().as_str(), "https://mcp.example.com/next?state=s");
        assert_eq!(next.parameter("state").as_deref(), Some("s"));
        scene.browser.take(&next).await;
        let seen = scene.server.last();
        assert_eq!(seen.line().starts_with("POST"), stays, "{status}");
        assert_eq!(seen.body == b"code=1", stays, "{status}");
    }
    scene.says("200 OK", &["location: /next"], "");
    assert!(scene.browser.open(HOME).await.next().is_none(), "only a redirect leads on");
}

#[tokio::test]
async fn a_walk_ends_at_a_page_or_before_the_address_that_it_is_to_stop_at() {
    let mut scene = Scene::set().await;
    scene.says("302 Found", &["location: http://127.0.0.1:33418/callback?code=1"], "");
    let step = scene.browser.open(HOME).await;
    let end = scene.browser.walk(step, "http://127.0.0.1:33418/").await;
    assert!(end.leads_to("http://127.0.0.1:33418/callback") && !end.leads_to("http://127.0.0.1:33418/other"));
    assert_eq!(scene.server.seen().len(), 1, "nobody listens there, and nobody was asked");
    scene.says("200 OK", &[], "<p>Done");
    let step = scene.browser.open(HOME).await;
    let end = scene.browser.walk(step, "http://127.0.0.1:33418/").await;
    assert_eq!(end.reply.text(), "<p>Done");
}

#[tokio::test]
#[should_panic(expected = "redirected for ever")]
async fn a_walk_in_circles_ends() {
    let mut scene = Scene::set().await;
    scene.says("302 Found", &["location: /"], "");
    let step = scene.browser.open(HOME).await;
    scene.browser.walk(step, "http://127.0.0.1:33418/").await;
}

#[tokio::test]
async fn what_a_server_hears_of_the_way_is_the_most_distant_part_of_it() {
    let mut scene = Scene::set().await;
    scene.says("303 See Other", &["location: https://idp.example.org/authorize"], "");
    let page = Navigation::posted(&format!("{HOME}/consent"), &format!("{HOME}/go"), &[]);
    let step = scene.browser.take(&page).await;
    assert_eq!(scene.heard("sec-fetch-site").as_deref(), Some("same-origin"));
    scene.says("302 Found", &["location: https://mcp.example.com/oauth/callback"], "");
    let step = scene.browser.take(&step.next().expect("to the provider")).await;
    assert_eq!(scene.heard("sec-fetch-site").as_deref(), Some("cross-site"));
    scene.browser.take(&step.next().expect("and back")).await;
    assert_eq!(scene.heard("sec-fetch-site").as_deref(), Some("cross-site"), "it has been elsewhere");
    assert_eq!(
        scene.heard("referer").as_deref(),
        Some("https://mcp.example.com/"),
        "and tells no more again"
    );
    scene.browser.open("http://mcp.example.com/").await;
    assert_eq!(scene.heard("sec-fetch-site"), None, "what is not trusted is told nothing");
}

#[tokio::test]
async fn a_policy_for_forms_binds_the_redirects_behind_them_as_well() {
    const PAGE: &str = "<form method=post action=/go><button>Go</button></form>";
    let mut scene = Scene::set().await;
    for (policy, leads) in [
        ("default-src 'none'", true),
        ("form-action 'self' https://idp.example.org", true),
        ("form-action 'self'", false),
    ] {
        scene.says(
            "200 OK",
            &[&format!("content-security-policy: {policy}")],
            &PAGE.replace("<form", "<form id=f"),
        );
        let page = scene.browser.open(HOME).await;
        scene.says("303 See Other", &["location: https://idp.example.org/authorize?x=1"], "");
        let step = scene.browser.take(&page.form("f").press("Go")).await;
        let next = scene.browser.try_to_take(&step.next().expect("to the provider")).await;
        let blocked = Blocked { url: "https://idp.example.org/authorize?x=1".to_owned() };
        assert_eq!(next.err(), Some(blocked).filter(|_| !leads), "{policy}");
    }
}

#[tokio::test]
async fn the_login_form_of_keycloak_is_filled_in_like_any_other() {
    const PAGE: &str = r#"<form id="kc-form-login" onsubmit="login.disabled = true; return true;"
        action="https://idp.example.org/realms/mcp/login-actions/authenticate?session_code=a&amp;tab_id=b" method="post">
        <input id="username" name="username" value="" type="text" autofocus autocomplete="username"/>
        <input id="password" name="password" value="" type="password" autocomplete="current-password"/>
        <input type="hidden" id="id-hidden-input" name="credentialId" />
        <button class="pf-v5-c-button" name="login" id="kc-login" type="submit">Sign In</button></form>"#;
    let mut scene = Scene::set().await;
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{PAGE}\r\n0\r\n\r\n",
        PAGE.len()
    );
    scene.server.script(Script::Raw(chunked));
    let page = scene.browser.open("https://idp.example.org/realms/mcp").await;
    let form = page.form("kc-form-login").fill("username", "alice").fill("password", "wonderland");
    scene.browser.take(&form.press("Sign In")).await;
    let seen = scene.server.last();
    assert_eq!(seen.line(), "POST /realms/mcp/login-actions/authenticate?session_code=a&tab_id=b HTTP/1.1");
    assert_eq!(seen.body, b"username=alice&password=wonderland&credentialId=&login=");
}
