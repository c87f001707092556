//! What a host answers with: each refused answer beside the good one that it was made from, and nothing of any is repeated.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Scene, good, path_of};
use crate::world::host::Answer;

/// Stands in every body here, and in no refusal.
const CANARY: &str = "canary-7f3a";
const CLIENT: usize = 5 * 1024;

/// A good document of exactly so many bytes.
fn as_long_as(url: &str, bytes: usize) -> String {
    let mut document = good(url);
    document["padding"] = json!("");
    let missing = bytes - document.to_string().len();
    document["padding"] = json!("x".repeat(missing));
    document.to_string()
}

async fn refusal_of(answer: Answer) -> String {
    let scene = Scene::new().await;
    let url = scene.url("/client.json");
    scene.host.answer(path_of(&url), answer);
    let said = scene.refusal(&url).await;
    assert!(!said.contains(CANARY), "{said}");
    assert_eq!(scene.host.requests("/client.json"), 1, "{said}");
    // The twin: the same scene with the good answer.
    scene.publish(&url);
    assert!(scene.get(&url).await.is_ok());
    said
}

#[tokio::test]
async fn a6_only_status_200_is_an_answer() {
    let statuses = [
        "201 Created",
        "203 Non-Authoritative",
        "204 No Content",
        "206 Partial",
        "300 Choices",
        "304 Not Modified",
        "400 Bad",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "410 Gone",
        "429 Many",
        "500 Error",
        "503 Unavailable",
    ];
    for status in statuses {
        let head = format!("{status}\r\ncontent-type: application/json");
        let said = refusal_of(Answer::with(&head, format!(r#"{{"x":"{CANARY}"}}"#))).await;
        let code = status.split(' ').next().unwrap_or_default();
        assert!(said.ends_with(&format!("its server answered with status {code} instead of 200")), "{said}");
    }
}

#[tokio::test]
async fn o17_redirects_are_not_followed_wherever_they_lead() {
    let scene = Scene::new().await;
    let (url, target) = (scene.url("/client.json"), scene.url("/target.json"));
    scene.publish(&target);
    for status in [301, 302, 303, 307, 308] {
        for location in [&*target, "/target.json", "http://169.254.169.254/", "https://10.0.0.1/x"] {
            let head = format!("{status} Moved\r\ncontent-type: application/json\r\nlocation: {location}");
            scene.host.answer("/client.json", Answer::with(&head, good(&url).to_string()));
            let said = scene.refusal(&url).await;
            assert!(said.contains(&format!("status {status}")), "{said}");
            scene.hands.advance(Duration::from_mins(1));
        }
    }
    assert_eq!(scene.host.requests("/target.json"), 0);
    assert!(scene.get(&target).await.is_ok());
}

#[tokio::test]
async fn a6_only_json_by_its_content_type_is_a_document() {
    let scene = Scene::new().await;
    let url = scene.url("/client.json");
    let body = good(&url).to_string();
    for content_type in ["text/html", "text/plain", "application/octet-stream", "application/javascript", ""]
    {
        scene.host.answer(path_of(&url), Answer::of(content_type, body.clone()));
        let said = scene.refusal(&url).await;
        assert!(said.contains("content type"), "{content_type}: {said}");
    }
    scene.host.answer(path_of(&url), Answer::with("200 OK", body.clone()));
    assert!(scene.refusal(&url).await.contains("content type"));
    for content_type in ["application/json; charset=utf-8", "application/client-metadata+json"] {
        let scene = Scene::new().await;
        let url = scene.url("/client.json");
        scene.host.answer(path_of(&url), Answer::of(content_type, good(&url).to_string()));
        assert!(scene.get(&url).await.is_ok(), "{content_type}");
    }
}

#[tokio::test]
async fn p10_an_encoded_body_is_refused_and_never_unpacked() {
    for encoding in ["gzip", "br", "zstd", "deflate", "identity, gzip"] {
        let head = format!("200 OK\r\ncontent-type: application/json\r\ncontent-encoding: {encoding}");
        let said = refusal_of(Answer::with(&head, [0x1f, 0x8b, 8, 0])).await;
        assert!(said.contains("content encoding"), "{said}");
    }
}

#[tokio::test]
async fn o17_five_kibibytes_are_a_document_and_a_byte_more_is_not() {
    let scene = Scene::new().await;
    let url = scene.url("/client.json");
    scene.host.answer(path_of(&url), Answer::of("application/json", as_long_as(&url, CLIENT + 1)));
    assert!(scene.refusal(&url).await.contains("more than 5 KiB"));
    scene.host.answer(path_of(&url), Answer::of("application/json", as_long_as(&url, CLIENT)));
    assert!(scene.get(&url).await.is_ok());
}

#[tokio::test]
async fn o17_a_body_of_unknown_length_is_read_up_to_the_cap_and_no_further() {
    let said = refusal_of(Answer::Endless(1 << 30)).await;
    assert!(said.contains("more than 5 KiB"), "{said}");
}

#[tokio::test]
async fn o17_a_host_that_keeps_us_waiting_is_given_up_after_five_seconds() {
    let slow = async |answer: Answer| {
        let before = Instant::now();
        let said = refusal_of(answer).await;
        assert!(said.contains("could not be fetched"), "{said}");
        before.elapsed()
    };
    let (drip, silence) = tokio::join!(slow(Answer::Drip), slow(Answer::Silence));
    for waited in [drip, silence] {
        assert!(waited >= Duration::from_secs(5) && waited < Duration::from_secs(20), "{waited:?}");
    }
    assert!(refusal_of(Answer::Close).await.contains("could not be fetched"));
}

#[tokio::test]
async fn a6_a_document_that_is_not_about_its_url_or_not_whole_is_refused() {
    let scene = Scene::new().await;
    let url = scene.url("/client.json");
    let with = |name: &str, value: Value| {
        let mut document = good(&url);
        document[name] = value;
        document.to_string()
    };
    let twice = good(&url).to_string().replacen('{', &format!(r#"{{"client_name":"{CANARY}","#), 1);
    let private = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": CANARY }] });
    let rows = [
        (with("client_id", json!(format!("{url}/"))), "another client"),
        (with("client_id", json!(scene.url("/other.json"))), "another client"),
        (with("client_id", Value::Null), "has no 'client_id'"),
        (with("client_name", Value::Null), "has no 'client_name'"),
        (with("redirect_uris", json!([])), "has no 'redirect_uris'"),
        (with("redirect_uris", json!([CANARY, 7])), "not of the type"),
        (with("client_secret", json!(CANARY)), "keeps no secret"),
        (with("jwks", private), "private or symmetric key"),
        (with("jwks", json!({ "keys": [{ "kty": "oct", "k": CANARY }] })), "private or symmetric key"),
        (with("token_endpoint_auth_method", json!("client_secret_post")), "other than 'none'"),
        (with("token_endpoint_auth_method", json!("private_key_jwt")), "without a public key"),
        (with("jwks_uri", json!(format!("http://{CANARY}.example/"))), "'jwks_uri'"),
        (twice, "names a member twice"),
        (format!("<!doctype html>{CANARY}"), "not a JSON object"),
        (format!(r#"["{CANARY}"]"#), "not a JSON object"),
        (String::new(), "not a JSON object"),
    ];
    for (body, words) in rows {
        scene.host.answer(path_of(&url), Answer::of("application/json", body.clone()));
        let said = scene.refusal(&url).await;
        assert!(
            said.starts_with("the client's metadata document ") && said.contains(words),
            "{body}: {said}"
        );
        assert!(!said.contains(CANARY) && !said.contains(&url), "{said}");
        scene.hands.advance(Duration::from_mins(1));
    }
    scene.publish(&url);
    assert!(scene.get(&url).await.is_ok());
}
