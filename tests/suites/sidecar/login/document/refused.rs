//! Documents that make nobody known: a person reads a page and is sent nowhere, a program is told that it is unknown, and what may not be
//! asked is like what does not answer.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Published, WEB, scene};
use crate::login::desk::{authorize, error};
use crate::login::scene::Scene;
use crate::world::host::Answer;
use crate::world::providers::quirks::Quirks;

/// What lies at a URL.
type Make<'a> = &'a dyn Fn(&str) -> Answer;

/// The most that a document may have.
const LONGEST: usize = 5 * 1024;

fn good(url: &str) -> Value {
    json!({
        "client_id": url, "client_name": "An example", "redirect_uris": [WEB], "token_endpoint_auth_method": "none",
    })
}

/// A good document of so many bytes.
fn as_long_as(url: &str, bytes: usize) -> Answer {
    let mut document = good(url);
    document["x"] = json!("");
    document["x"] = json!("x".repeat(bytes - document.to_string().len()));
    Answer::json(&document)
}

#[tokio::test]
async fn a6_a_document_that_is_refused_makes_nobody_known_at_any_step() {
    let published = Published::start().await;
    let scene = scene(&published).await;
    let elsewhere = published.publish("/good", &json!({ "redirect_uris": [WEB] }));
    let nameless = |url: &str| {
        let mut document = good(url);
        document.as_object_mut().expect("an object").remove("client_name");
        Answer::json(&document)
    };
    let moved = format!("302 Found\r\ncontent-type: application/json\r\nlocation: {elsewhere}");
    let rows: [(&str, Make<'_>, Make<'_>); 4] = [
        ("/page", &|url| Answer::of("text/html", good(url).to_string()), &|url| Answer::json(&good(url))),
        ("/long", &|url| as_long_as(url, LONGEST + 1), &|url| as_long_as(url, LONGEST)),
        ("/moved", &|url| Answer::with(&moved, good(url).to_string()), &|url| Answer::json(&good(url))),
        ("/nameless", &nameless, &|url| Answer::json(&good(url))),
    ];
    for (path, refused, taken) in rows {
        let client = published.url(path);
        let url = authorize(&client, &[("redirect_uri", WEB)]);
        published.host.answer(path, refused(&client));
        let page = scene.browser().open(&url).await;
        assert_eq!((page.reply.status, page.reply.header("location")), (400, None), "{path}");
        assert!(page.reply.text().contains("unknown_client"), "{path}: {}", page.reply.text());
        let reply = scene.redeem(&client, "AAAA").await;
        assert_eq!((reply.status, &*error(&reply)), (401, "invalid_client"), "{path}");
        published.host.answer(path, taken(&client));
        scene.hands.advance(Duration::from_mins(1));
        assert_eq!(scene.browser().open(&url).await.reply.status, 200, "{path}, the twin");
        assert_eq!(error(&scene.redeem(&client, "AAAA").await), "invalid_grant", "{path}, the twin");
    }
    assert_eq!(published.host.requests("/good"), 0, "nobody follows");
}

#[tokio::test]
async fn a8_an_id_that_names_an_address_inside_is_like_one_that_does_not_answer() {
    let published = Published::start().await;
    let scene = Scene::set_by(Quirks::plain(), &published.rules_without_networks()).await;
    let port = published.host.port();
    for id in [
        "https://169.254.169.254/client.json".to_owned(),
        // As a URL has it: the other spelling is none of an id.
        format!("https://[::ffff:7f00:1]:{port}/client.json"),
        format!("https://127.0.0.1:{port}/client.json"),
    ] {
        let page = scene.browser().open(&authorize(&id, &[("redirect_uri", WEB)])).await;
        assert_eq!((page.reply.status, page.reply.header("location")), (503, None), "{id}");
        assert!(page.reply.text().contains("document_away"), "{id}: {}", page.reply.text());
        let reply = scene.redeem(&id, "AAAA").await;
        assert_eq!((reply.status, &*error(&reply)), (503, "temporarily_unavailable"), "{id}");
    }
    assert_eq!(published.host.connections(), 0);
}
