//! What stands in a request twice, in the wrong place or of the wrong kind: refused at every endpoint, and nothing is spent by
//! it. And which methods each endpoint takes.

use super::desk::{Desk, authorize, cookies, error, redemption, refreshment, target, to_return, tokens};
use super::scene::Scene;
use crate::world::client::{Connection, Reply, request};
use crate::world::providers::quirks::Quirks;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

async fn post(desk: Desk, path: &str, fields: &[(&str, &str)]) -> Reply {
    desk.send("POST", path, &[FORM], &encoded(fields)).await
}

#[tokio::test]
async fn o23_a_parameter_that_stands_twice_is_refused_where_people_come() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let good = authorize(&client, &[]);
    for (name, value) in url::Url::parse(&good).expect("an address").query_pairs() {
        for second in [&*value, "x", ""] {
            let twice = format!("{good}&{}", encoded(&[(&name, second)]));
            let step = scene.browser().open(&twice).await;
            assert!(step.next().is_none() && step.reply.status == 400, "{name} and {second:?}");
            assert!(step.reply.text().contains("malformed_request"), "{name}");
        }
    }
    let mut browser = scene.browser();
    let page = browser.open(&good).await;
    let form = page.form("ask");
    let fields = [("ask", form.value("ask")), ("csrf", form.value("csrf")), ("decision", "allow")];
    let held = cookies(&browser);
    let consent = async |fields: &[(&str, &str)]| {
        let headers = [FORM, ("cookie", held.as_str())];
        scene.desk().send("POST", "/oauth/consent", &headers, &encoded(fields)).await
    };
    for (name, value) in fields {
        for second in [value, "deny", ""] {
            let reply = consent(&[&fields[..], &[(name, second)]].concat()).await;
            assert_eq!((reply.status, reply.header("location")), (400, None), "{name} and {second:?}");
        }
    }
    let there = to_return(&mut browser, &page).await;
    let held = cookies(&browser);
    let back =
        async |url: &str| scene.desk().send("GET", target(url), &[("cookie", held.as_str())], "").await;
    for (name, value) in there.url().query_pairs() {
        let reply = back(&format!("{}&{}", there.url(), encoded(&[(&name, &value)]))).await;
        assert_eq!((reply.status, reply.header("location")), (400, None), "{name}");
    }
    assert_eq!(back(there.url().as_str()).await.status, 303, "none of these spent it");
}

#[tokio::test]
async fn o23_a_parameter_that_stands_twice_is_refused_where_programs_come() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let code = scene.code(&client).await;
    let redeem = redemption(&client, &code);
    let refused = |reply: &Reply| (reply.status, error(reply)) == (400, "invalid_request".to_owned());
    for (name, value) in redeem {
        for second in [value, "x", ""] {
            let twice = [&redeem[..], &[(name, second)]].concat();
            assert!(refused(&post(scene.desk(), "/oauth/token", &twice).await), "{name} and {second:?}");
        }
    }
    // RFC 8707 §2 lets a client name several; here there is one.
    let resource = ("resource", crate::world::RESOURCE);
    assert!(refused(
        &post(scene.desk(), "/oauth/token", &[&redeem[..], &[resource, resource]].concat()).await
    ));
    let held = tokens(&post(scene.desk(), "/oauth/token", &[&redeem[..], &[resource]].concat()).await);
    let refresh = refreshment(&client, &held.refresh);
    for (name, value) in refresh {
        let twice = [&refresh[..], &[(name, value)]].concat();
        assert!(refused(&post(scene.desk(), "/oauth/token", &twice).await), "{name}");
    }
    let held = tokens(&post(scene.desk(), "/oauth/token", &refresh).await);
    let revoke = [("client_id", client.as_str()), ("token", &held.refresh)];
    for (name, value) in revoke {
        let twice = [&revoke[..], &[(name, value)]].concat();
        assert!(refused(&post(scene.desk(), "/oauth/revoke", &twice).await), "{name}");
    }
    assert_eq!(scene.call(&held.access).await, 200);
    assert_eq!(post(scene.desk(), "/oauth/revoke", &revoke).await.status, 200);
    assert_eq!(scene.call(&held.access).await, 401);
    for twice in [
        r#"{"redirect_uris":["http://127.0.0.1/cb"],"client_name":"a","client_name":"b"}"#,
        r#"{"redirect_uris":["http://127.0.0.1/cb"],"client_name":"a","client\u005fname":"b"}"#,
        r#"{"redirect_uris":["http://127.0.0.1/cb"],"jwks":{"keys":[],"keys":[]}}"#,
    ] {
        let json = [("content-type", "application/json")];
        let reply = scene.desk().send("POST", "/oauth/register", &json, twice).await;
        assert_eq!((reply.status, &*error(&reply)), (400, "invalid_client_metadata"), "{twice}");
    }
    scene.client().await;
}

#[tokio::test]
async fn o24_what_belongs_into_the_body_is_not_taken_from_the_query() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let code = scene.code(&client).await;
    let good = redemption(&client, &code);
    let send = async |path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]| {
        scene.desk().send("POST", path, headers, &encoded(fields)).await
    };
    for moved in good {
        let rest: Vec<_> = good.into_iter().filter(|field| *field != moved).collect();
        let path = format!("/oauth/token?{}", encoded(&[moved]));
        for fields in [&rest[..], &good[..]] {
            let reply = send(&path, &[FORM], fields).await;
            assert_eq!((reply.status, &*error(&reply)), (400, "invalid_request"), "{moved:?}");
        }
    }
    for headers in [
        &[][..],
        &[("content-type", "application/json")],
        &[("content-type", "text/plain")],
        &[("content-type", "multipart/form-data; boundary=x")],
        &[FORM, FORM],
        &[("content-type", "application/x-www-form-urlencoded, text/plain")],
    ] {
        for path in ["/oauth/token", "/token", "/oauth/revoke"] {
            let reply = send(path, headers, &good).await;
            assert_eq!((reply.status, &*error(&reply)), (400, "invalid_request"), "{path} {headers:?}");
        }
    }
    let long = "x".repeat(64 * 1024);
    let reply = send("/oauth/token", &[FORM], &[&good[..], &[("padding", &long)]].concat()).await;
    assert_eq!((reply.status, &*error(&reply)), (413, "invalid_request"));
    let typed = [("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")];
    let padded = [&good[..], &[("padding", &long[..60 * 1024])]].concat();
    tokens(&send("/oauth/token", &typed, &padded).await);
}

/// The list of pages that were visited leads there.
#[tokio::test]
async fn a_person_who_opens_a_step_reads_where_to_begin_and_a_program_reads_json() {
    let scene = Scene::set(Quirks::plain()).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let send = async |method: &str, path: &str, accept: &str| {
        let reply = scene.desk().send(method, path, &[("accept", accept)], "").await;
        let kind = reply.header("content-type").unwrap_or_default().to_owned();
        assert_eq!(reply.status, 405, "{method} {path}");
        (kind, reply.header("allow").unwrap_or_default().to_owned(), reply.text())
    };
    for accept in [browser, "TEXT/HTML", "application/json, text/html;q=0.1"] {
        let (kind, allow, text) = send("GET", "/oauth/consent", accept).await;
        assert_eq!((&*kind, &*allow), ("text/html; charset=utf-8", "POST"), "{accept}");
        assert!(
            text.contains("Go back to your application and connect again.") && text.contains("oauth_method"),
            "{text}"
        );
    }
    for accept in ["*/*", "application/json", "text/htmlx", ""] {
        let (kind, allow, text) = send("GET", "/oauth/consent", accept).await;
        assert_eq!((&*kind, &*allow), ("application/json", "POST"), "{accept}");
        assert!(text.contains("invalid_request"), "{text}");
    }
    // What programs call answers programs.
    assert_eq!(send("GET", "/oauth/token", browser).await.0, "application/json");
}

#[tokio::test]
async fn o24_each_endpoint_takes_its_own_methods_and_says_which() {
    let scene = Scene::set(Quirks::plain()).await;
    for (path, allowed) in [
        ("/oauth/authorize", "GET"),
        ("/authorize", "GET"),
        ("/oauth/callback", "GET"),
        ("/oauth/consent", "POST"),
        ("/oauth/token", "POST, OPTIONS"),
        ("/token", "POST, OPTIONS"),
        ("/oauth/register", "POST, OPTIONS"),
        ("/register", "POST, OPTIONS"),
        ("/oauth/revoke", "POST, OPTIONS"),
        ("/.well-known/jwks.json", "GET, HEAD, OPTIONS"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
            let mut connection = Connection::open(scene.desk().0).await;
            connection.write(request(method, path, &[], "")).await;
            let (status, headers) = connection.head().await.expect("an answer");
            let find =
                |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
            // A plain OPTIONS is no question of a page.
            let takes = allowed.split(", ").any(|known| known == method && known != "OPTIONS");
            assert_eq!(status == 405, !takes, "{method} {path}: {status}");
            assert_eq!(find("allow"), Some(allowed).filter(|_| !takes), "{method} {path}");
        }
    }
    assert!(scene.upstream.seen().is_empty(), "none of these is the server's to answer");
}
