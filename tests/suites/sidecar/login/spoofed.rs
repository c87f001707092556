//! O18: whatever a request says of where the server is, every document, page, redirect, challenge and token stays as it is.

use serde_json::json;
use url::Url;

use super::desk::{authorize, body, claims, cookies, redemption, target, to_return, tokens};
use super::metadata::{RESOURCE_FORMS, SERVER_FORMS};
use super::scene::{CALLBACK, ORIGIN, Scene};
use crate::world::client::Reply;
use crate::world::providers::quirks::Quirks;

type Header = (&'static str, &'static str);

/// Every header by which something in front of us, or somebody, says where the server is.
const HEADERS: [Header; 14] = [
    ("host", "evil.example"),
    ("host", "evil.example:8443"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-port", "8443"),
    ("x-forwarded-prefix", "/evil"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-server", "evil.example"),
    ("forwarded", "for=127.0.0.1;host=evil.example;proto=http"),
    ("x-original-url", "/evil"),
    ("x-rewrite-url", "/evil"),
    ("x-real-ip", "127.0.0.1"),
    ("x-url-scheme", "http"),
    ("front-end-https", "off"),
];
/// A page of another site. Documents are for everybody; forms and calls are not (R17).
const FOREIGN: Header = ("origin", "https://evil.example");
const FORM: Header = ("content-type", "application/x-www-form-urlencoded");

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Where a redirect leads, without what is new each time.
fn location(reply: &Reply, new: &[&str]) -> (String, Vec<(String, String)>) {
    assert_eq!(reply.status, 303, "{}", reply.text());
    let mut url = Url::parse(reply.header("location").expect("a redirect")).expect("an address");
    let pairs = url.query_pairs().into_owned().filter(|(name, _)| !new.contains(&&**name)).collect();
    url.set_query(None);
    (url.into(), pairs)
}

/// Sends the page's form, and this header with it.
async fn consent(scene: &Scene, client: &str, header: Header) -> Reply {
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, client).await;
    let shown = page.form("ask");
    let fields = [("ask", shown.value("ask")), ("csrf", shown.value("csrf")), ("decision", "allow")];
    let cookies = cookies(&browser);
    let headers = [FORM, ("cookie", cookies.as_str()), header];
    scene.desk().send("POST", "/oauth/consent", &headers, &form(&fields)).await
}

/// Comes back from the provider, and this header with it.
async fn comes_back(scene: &Scene, client: &str, header: Header) -> Reply {
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, client).await;
    let there = to_return(&mut browser, &page).await;
    let cookies = cookies(&browser);
    let headers = [("cookie", cookies.as_str()), header];
    scene.desk().send("GET", target(there.url().as_str()), &headers, "").await
}

#[tokio::test]
async fn o18_no_header_changes_a_document_a_page_or_a_redirect() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for path in SERVER_FORMS.iter().chain(&RESOURCE_FORMS).chain(&["/.well-known/jwks.json"]) {
        let plain = scene.desk().send("GET", path, &[], "").await;
        for header in HEADERS.into_iter().chain([FOREIGN]) {
            let reply = scene.desk().send("GET", path, &[header], "").await;
            assert_eq!((reply.status, reply.text()), (200, plain.text()), "{path} {header:?}");
        }
        // RFC 9112 §3.2.2: the target may name a host as well.
        let absolute = format!("http://evil.example{path}");
        let reply = scene.desk().send("GET", &absolute, &[("host", "evil.example")], "").await;
        assert_eq!((reply.status, reply.text()), (200, plain.text()), "{absolute}");
    }
    let ask = target(&authorize(&client, &[])).to_owned();
    for header in HEADERS.into_iter().chain([FOREIGN]) {
        let page = scene.desk().send("GET", &ask, &[header], "").await;
        assert_eq!(page.status, 200, "{header:?}");
        assert!(
            page.text().contains("action=\"/oauth/consent\"") && !page.text().contains("evil"),
            "{header:?}"
        );
        assert!(page.headers.iter().all(|(_, value)| !value.contains("evil")), "{header:?}");
    }
    // Where the provider sends the person, and where the client is told to be, is the policy's alone.
    let to_provider = ["state", "nonce", "code_challenge"];
    let ours = ("host", "mcp.example.com");
    let there = location(&consent(&scene, &client, ours).await, &to_provider);
    assert!(there.1.contains(&("redirect_uri".to_owned(), format!("{ORIGIN}/oauth/callback"))), "{there:?}");
    let back = location(&comes_back(&scene, &client, ours).await, &["code"]);
    assert!(back.0 == CALLBACK && back.1.contains(&("iss".to_owned(), ORIGIN.to_owned())), "{back:?}");
    for header in HEADERS {
        let reply = consent(&scene, &client, header).await;
        assert_eq!(location(&reply, &to_provider), there, "{header:?}");
        let reply = comes_back(&scene, &client, header).await;
        assert_eq!(location(&reply, &["code"]), back, "{header:?}");
    }
    let foreign = consent(&scene, &client, FOREIGN).await;
    assert_eq!((foreign.status, foreign.header("location")), (403, None), "O20");
    assert_eq!(location(&comes_back(&scene, &client, FOREIGN).await, &["code"]), back);
}

#[tokio::test]
async fn o18_no_header_changes_a_challenge_a_registration_or_a_token() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let challenge = async |header: Header| {
        let reply = scene.desk().send("POST", "/mcp", &[header], "{}").await;
        (reply.status, reply.header("www-authenticate").map(str::to_owned))
    };
    let register = async |header: Header| {
        let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
        let headers = [("content-type", "application/json"), header];
        let reply = scene.desk().send("POST", "/oauth/register", &headers, &metadata.to_string()).await;
        let mut said = body(&reply);
        said["client_id"].take();
        (reply.status, said)
    };
    let token = async |header: Header| {
        let code = scene.code(&client).await;
        let headers = [FORM, header];
        let reply =
            scene.desk().send("POST", "/oauth/token", &headers, &form(&redemption(&client, &code))).await;
        let said = claims(&tokens(&reply).access);
        (said["iss"].clone(), said["aud"].clone())
    };
    let ours = ("host", "mcp.example.com");
    let (challenged, registered, issued) = (challenge(ours).await, register(ours).await, token(ours).await);
    let metadata = format!("{ORIGIN}/.well-known/oauth-protected-resource/mcp");
    assert!(challenged.0 == 401 && challenged.1.as_ref().is_some_and(|text| text.contains(&metadata)));
    assert_eq!((registered.0, &issued.0), (201, &json!(ORIGIN)));
    for header in HEADERS {
        assert_eq!(challenge(header).await, challenged, "{header:?}");
    }
    assert_eq!(challenge(FOREIGN).await, (403, None), "R17");
    for header in HEADERS.into_iter().chain([FOREIGN]) {
        assert_eq!(register(header).await, registered, "{header:?}");
        assert_eq!(token(header).await, issued, "{header:?}");
    }
}
