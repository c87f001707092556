//! Several servers on one public host, told apart by path: each its own issuer, with its own documents; what one gave is nothing
//! to the other, though they have the same keys; and one browser logs in at both at once.

use serde_json::json;
use sidecar::clock::{Clock, UnixTime};

use super::consent::remember;
use super::desk::{
    agree, authorize, body, changed, claims, code_of, error, named, redemption, refreshment, sign_in, tokens,
};
use super::rules::Rules;
use super::scene::{CALLBACK, ORIGIN};
use crate::world::NOW;
use crate::world::browser::{Browser, Step};
use crate::world::client::{self, Reply, request};
use crate::world::ingress::Ingress;
use crate::world::providers::Provider;
use crate::world::providers::people::Visitor;
use crate::world::providers::quirks::Quirks;
use crate::world::running::Sidecar;
use crate::world::upstream::Upstream;

const CI: &str = "https://ci.example/cb";
const SECRET: &str = "the-secret-of-ci-that-nobody-guesses";

/// Two servers below one host.
struct Host {
    provider: Provider,
    clock: Clock,
    ingress: Ingress,
    _sidecars: [Sidecar; 2],
    _upstream: Upstream,
}

impl Host {
    async fn set() -> Self {
        let (clock, _) = Clock::by_hand(UnixTime(NOW));
        let provider = Provider::start(Quirks::plain(), &clock).await;
        provider.visitor(Visitor::IsAsked);
        let upstream = Upstream::start().await;
        let mut sidecars = Vec::new();
        for path in ["/a", "/b"] {
            provider.register(&format!("{ORIGIN}{path}/oauth/callback"));
            let policy = rules(path).text(&provider.issuer());
            sidecars.push(Sidecar::enforcing_at(&policy, &upstream, &clock).await);
        }
        let routes = vec![("/a", sidecars[0].traffic), ("/b", sidecars[1].traffic)];
        let sidecars = sidecars.try_into().expect("there are two");
        Self {
            provider,
            clock,
            ingress: Ingress::start(routes).await,
            _sidecars: sidecars,
            _upstream: upstream,
        }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], text: &str) -> Reply {
        let headers = [headers, &[("connection", "close")]].concat();
        client::send(self.ingress.address, request(method, path, &headers, text)).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, &[("content-type", "application/x-www-form-urlencoded")], &form).await
    }

    async fn client(&self, server: &str) -> String {
        let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
        let json = [("content-type", "application/json")];
        let path = format!("{server}/oauth/register");
        body(&self.send("POST", &path, &json, &metadata.to_string()).await)["client_id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    async fn call(&self, server: &str, access: &str) -> u16 {
        let bearer = format!("Bearer {access}");
        self.send("POST", &format!("{server}/mcp"), &[("authorization", &bearer)], "{}").await.status
    }

    fn browser(&self) -> Browser {
        let mut browser = Browser::new(&self.clock);
        browser.way(ORIGIN, self.ingress.address);
        browser
    }
}

/// The same keys for both, as with one `JWT_SECRET` in one file.
fn rules(path: &str) -> Rules {
    let resource = format!("{ORIGIN}{path}/mcp");
    let fixed = json!([{ "id": "ci", "secret": SECRET, "redirectURIs": [CI] }]);
    Rules::usual()
        .with("/resource", resource.as_str())
        .with("/trust/audiences", json!([resource]))
        .with("/proxy/redirects", json!([format!("{ORIGIN}{path}/oauth/callback")]))
        .with("/proxy/consent", "remember")
        .with("/proxy/clients/static", fixed)
}

/// What a client opens for the server below this path.
fn ask(server: &str, client: &str, back: &str) -> String {
    let resource = format!("{ORIGIN}{server}/mcp");
    let change = [("resource", resource.as_str()), ("redirect_uri", back), ("state", server)];
    authorize(client, &change).replace("/oauth/authorize?", &format!("{server}/oauth/authorize?"))
}

async fn code_at(host: &Host, browser: &mut Browser, server: &str, client: &str) -> String {
    let page = browser.open(&ask(server, client, CALLBACK)).await;
    assert!(page.reply.text().contains(&format!("action=\"{server}/oauth/consent\"")));
    let back = agree(browser, &page, CALLBACK).await;
    assert_eq!(super::desk::parameter(&back, "iss"), Some(format!("{ORIGIN}{server}")), "A15");
    assert!(host.provider.requests(crate::world::providers::mischief::Place::Token).len() < 100);
    code_of(&back)
}

#[tokio::test]
async fn d3_each_server_on_a_host_has_its_own_documents_in_every_form_that_clients_try() {
    let host = Host::set().await;
    for (server, other) in [("/a", "/b"), ("/b", "/a")] {
        let issuer = format!("{ORIGIN}{server}");
        let resource = format!("{issuer}/mcp");
        // mcp-authorization §3a: inserted and appended, for the issuer's path and for the endpoint's.
        for form in [
            format!("/.well-known/oauth-authorization-server{server}"),
            format!("/.well-known/openid-configuration{server}"),
            format!("{server}/.well-known/oauth-authorization-server"),
            format!("{server}/.well-known/openid-configuration"),
            format!("/.well-known/oauth-authorization-server{server}/mcp"),
            format!("{server}/mcp/.well-known/openid-configuration"),
        ] {
            let document = body(&host.get(&form).await);
            assert_eq!(document["issuer"], json!(issuer), "A4: {form}");
            assert_eq!(document["token_endpoint"], json!(format!("{issuer}/oauth/token")), "{form}");
            assert_eq!(document["jwks_uri"], json!(format!("{issuer}/.well-known/jwks.json")), "{form}");
            assert!(!document.to_string().contains(&format!("{ORIGIN}{other}")), "{form}");
        }
        for form in [
            format!("/.well-known/oauth-protected-resource{server}/mcp"),
            format!("{server}/mcp/.well-known/oauth-protected-resource"),
        ] {
            let document = body(&host.get(&form).await);
            assert_eq!(document["resource"], json!(resource), "{form}");
            assert_eq!(document["authorization_servers"], json!([issuer]), "{form}");
        }
        let refused = host.send("POST", &format!("{server}/mcp"), &[], "{}").await;
        let named =
            format!("resource_metadata=\"{ORIGIN}/.well-known/oauth-protected-resource{server}/mcp\"");
        assert!(
            refused.status == 401 && refused.header("www-authenticate").unwrap_or_default().contains(&named)
        );
        let keys = host.get(&format!("{server}/.well-known/jwks.json")).await;
        assert!(body(&keys)["keys"][0].is_object(), "{}", keys.text());
        let missing = host.get(&format!("/.well-known/oauth-authorization-server{server}/other")).await;
        assert_eq!((missing.status, body(&missing)["error"].is_string()), (404, true), "D4");
    }
}

#[tokio::test]
async fn o14_what_one_server_on_a_host_gave_is_nothing_to_the_other() {
    let host = Host::set().await;
    for (here, there) in [("/a", "/b"), ("/b", "/a")] {
        let mut browser = host.browser();
        let client = host.client(here).await;
        let strangers = browser.open(&ask(there, &client, CALLBACK)).await;
        assert!(strangers.next().is_none() && strangers.reply.text().contains("unknown_client"), "D10");
        let code = code_at(&host, &mut browser, here, &client).await;
        let own = host.client(there).await;
        let token = |server: &str| format!("{server}/oauth/token");
        let elsewhere = host.post(&token(there), &redemption(&client, &code)).await;
        assert_eq!((elsewhere.status, &*error(&elsewhere)), (401, "invalid_client"));
        let elsewhere = host.post(&token(there), &redemption(&own, &code)).await;
        assert_eq!((elsewhere.status, &*error(&elsewhere)), (400, "invalid_grant"));
        let held = tokens(&host.post(&token(here), &redemption(&client, &code)).await);
        assert_eq!((host.call(there, &held.access).await, host.call(here, &held.access).await), (401, 200));
        let elsewhere = host.post(&token(there), &refreshment(&own, &held.refresh)).await;
        assert_eq!((elsewhere.status, &*error(&elsewhere)), (400, "invalid_grant"));
        let revoke = |client| [("client_id", client), ("token", held.access.as_str())];
        assert_eq!(host.post(&format!("{there}/oauth/revoke"), &revoke(&own)).await.status, 200);
        assert_eq!(host.call(here, &held.access).await, 200, "it was not the other's to revoke");
        tokens(&host.post(&token(here), &refreshment(&client, &held.refresh)).await);
    }
}

#[tokio::test]
async fn o28_an_answer_for_one_server_on_a_host_brings_no_code_at_the_other() {
    let host = Host::set().await;
    let mut browser = host.browser();
    let client = host.client("/a").await;
    let page = browser.open(&ask("/a", &client, CALLBACK)).await;
    let back = format!("{ORIGIN}/a/oauth/callback");
    let there = agree(&mut browser, &page, &back).await.next().expect("back to the sidecar");
    // The browser sends its cookies to all of the host.
    let crossed = there.url().as_str().replace("/a/oauth/callback", "/b/oauth/callback");
    let step = browser.open(&crossed).await;
    assert_eq!((step.reply.status, step.next().is_none()), (403, true), "{}", step.reply.text());
    // The consent page as well.
    let form = page.form("ask");
    let fields = [("ask", form.value("ask")), ("csrf", form.value("csrf")), ("decision", "allow")];
    let cookie =
        named(&browser, "").iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let cookie = cookie.join("; ");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", cookie.as_str())];
    assert_eq!(host.send("POST", "/b/oauth/consent", &headers, &text).await.status, 400);
    assert_eq!(host.send("POST", "/a/oauth/consent", &headers, &text).await.status, 303);
    code_of(&browser.take(&there).await);
}

#[tokio::test]
async fn i3_one_browser_logs_in_at_both_at_once_and_remembers_each_for_itself() {
    let host = Host::set().await;
    let mut browser = host.browser();
    let mut under_way = Vec::new();
    let mut pages: Vec<(&str, String, Step)> = Vec::new();
    for server in ["/a", "/b", "/a", "/b"] {
        let client = host.client(server).await;
        pages.push((server, client.clone(), browser.open(&ask(server, &client, CALLBACK)).await));
    }
    for (server, client, page) in pages {
        let back = format!("{ORIGIN}{server}/oauth/callback");
        under_way.push((server, client, agree(&mut browser, &page, &back).await.next().expect("back")));
    }
    assert_eq!(named(&browser, "login-").len(), 4);
    under_way.reverse();
    for (server, client, there) in under_way {
        let back = browser.take(&there).await;
        assert_eq!(super::desk::parameter(&back, "state").as_deref(), Some(server));
        let held =
            tokens(&host.post(&format!("{server}/oauth/token"), &redemption(&client, &code_of(&back))).await);
        assert_eq!(host.call(server, &held.access).await, 200);
    }
    // A consent that is remembered at the one has the person asked at the other, and neither forgets its own.
    let remembered = |step: &Step| step.leads_to(&host.provider.issuer());
    let page = browser.open(&ask("/a", "ci", CI)).await;
    code_of(&remember(&mut browser, &page, CI).await);
    let page = browser.open(&ask("/b", "ci", CI)).await;
    assert!(!remembered(&page) && page.reply.status == 200);
    let there = browser.take(&page.form("ask").tick("remember").press("allow")).await;
    let there = browser.walk(there, CI).await;
    code_of(&sign_in(&mut browser, there, CI).await);
    for server in ["/a", "/b"] {
        assert!(remembered(&browser.open(&ask(server, "ci", CI)).await), "{server}");
    }
}

#[tokio::test]
async fn a4_the_subject_and_the_audience_of_each_server_are_its_own() {
    let host = Host::set().await;
    for server in ["/a", "/b"] {
        let client = host.client(server).await;
        let code = code_at(&host, &mut host.browser(), server, &client).await;
        let good = changed(redemption(&client, &code), "x", "x");
        let resource = format!("{ORIGIN}{server}/mcp");
        let wrong = [&good[..], &[("resource", "https://mcp.example.com/mcp")]].concat();
        let path = format!("{server}/oauth/token");
        assert_eq!(error(&host.post(&path, &wrong).await), "invalid_target");
        let right = [&good[..], &[("resource", resource.as_str())]].concat();
        let held = tokens(&host.post(&path, &right).await);
        let said = claims(&held.access);
        assert_eq!(
            (said["iss"].as_str(), said["aud"].as_str()),
            (Some(&*format!("{ORIGIN}{server}")), Some(&*resource))
        );
    }
}
