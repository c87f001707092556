//! Who registers, how, and what an id is worth: on another replica, after a rotation of keys, and for whoever made it up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::providers::quirks::Quirks;

use super::rules::Rules;
use super::scene::{CALLBACK, Scene, authorize, body, tokens};

const CLAUDE: &str = "https://claude.ai/api/mcp/auth_callback";

#[tokio::test]
async fn d8_what_a_client_asks_and_can_have_is_echoed_and_the_rest_is_dropped() {
    let scene = Scene::set(Quirks::plain()).await;
    // Cursor's, as it was recorded (mcp-authorization §3b): one of three cannot be used where the policy lists no scheme.
    let uris = [
        "https://www.cursor.com/agents/mcp/oauth/callback",
        "http://localhost:8787/callback",
        "javascript:alert(1)",
        "https://evil.example/cb",
    ];
    let reply = scene
        .register(&json!({
            "client_name": "Cursor", "redirect_uris": uris, "application_type": "web",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_method": "none", "scope": "everything that there is",
        }))
        .await;
    let said = body(&reply);
    assert_eq!(reply.status, 201, "{said}");
    assert_eq!(said["redirect_uris"], json!(uris[..2]));
    assert_eq!(
        (said["client_name"].as_str(), said["token_endpoint_auth_method"].as_str()),
        (Some("Cursor"), Some("none"))
    );
    assert_eq!((said["scope"].as_str(), said.get("client_secret")), (Some("mcp"), None));
    assert!(!said.to_string().contains("null") && !said.to_string().contains("\"\""), "{said}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn o05_a_client_with_no_address_that_can_be_used_is_refused_with_the_reason() {
    let scene = Scene::set(Quirks::plain()).await;
    for uris in [
        json!([]),
        json!(["javascript:alert(1)"]),
        json!(["data:text/html,x", "file:///etc/passwd"]),
        json!(["http://example.com/cb"]),
        json!(["https://evil.example/cb"]),
        json!(["http://127.0.0.1/cb?iss=https://evil.example"]),
        json!(["http://127.0.0.1/cb?a=b&code=x"]),
        json!([7, null]),
        json!("http://127.0.0.1/cb"),
        Value::Null,
    ] {
        let reply = scene.register(&json!({ "redirect_uris": uris })).await;
        assert_eq!(
            (reply.status, body(&reply)["error"].as_str()),
            (400, Some("invalid_redirect_uri")),
            "{uris}"
        );
    }
    assert_eq!(scene.register(&json!({ "redirect_uris": ["http://127.0.0.1/cb"] })).await.status, 201);
    assert_eq!(scene.register(&json!({ "redirect_uris": [CLAUDE] })).await.status, 201);
}

/// What can be used is another thing where the policy has a list, and so is the sentence.
#[tokio::test]
async fn o05_a_refused_address_is_told_of_the_list_where_there_is_one_and_of_loopback_where_that_counts() {
    let list = json!(["https://a.example/cb", "https://b.example/cb"]);
    let mut scene = Scene::set_by(Quirks::plain(), &Rules::usual()).await;
    let told = async |scene: &Scene, uri: &str| {
        let reply = scene.register(&json!({ "redirect_uris": [uri] })).await;
        (reply.status, body(&reply)["error_description"].as_str().unwrap_or_default().to_owned())
    };
    let (status, said) = told(&scene, "http://128.0.0.1/cb").await;
    assert!(status == 400 && said.contains("http on loopback (localhost, 127.0.0.0/8 or [::1])"), "{said}");
    assert_eq!(told(&scene, "http://127.0.0.2/cb").await.0, 201);
    scene.enforce(&Rules::usual().with("/proxy/redirects", list)).await;
    let (status, said) = told(&scene, "http://127.0.0.2/cb").await;
    assert!(status == 400 && said.contains("redirectURIs list each that can, loopback included"), "{said}");
    assert_eq!(told(&scene, "https://a.example/cb").await.0, 201);
}

#[tokio::test]
async fn o24_registration_takes_json_by_post_and_nothing_else() {
    let scene = Scene::set(Quirks::plain()).await;
    let good = json!({ "redirect_uris": [CALLBACK] }).to_string();
    let send = async |method: &str, media: &str, text: &str| {
        let reply = scene.sidecar.send(method, "/oauth/register", &[("content-type", media)], text).await;
        (reply.status, body(&reply)["error"].as_str().unwrap_or_default().to_owned())
    };
    let refused = |status: u16, error: &str| (status, error.to_owned());
    assert_eq!(send("GET", "application/json", "").await, refused(405, "invalid_request"));
    assert_eq!(send("POST", "text/plain", &good).await, refused(400, "invalid_client_metadata"));
    assert_eq!(send("POST", "application/json", "[1").await, refused(400, "invalid_client_metadata"));
    let twice = r#"{"redirect_uris":["http://127.0.0.1/cb"],"redirect_uris":["http://127.0.0.1/x"]}"#;
    assert_eq!(send("POST", "application/json", twice).await, refused(400, "invalid_client_metadata"));
    let long = json!({ "redirect_uris": [CALLBACK], "client_name": "x".repeat(70_000) }).to_string();
    assert_eq!(send("POST", "application/json", &long).await, refused(413, "invalid_request"));
    assert_eq!(send("POST", "application/json; charset=utf-8", &good).await.0, 201);
}

#[tokio::test]
async fn d6_a_client_with_a_secret_shows_it_in_either_way_and_no_other_secret_is_its() {
    let scene = Scene::set(Quirks::plain()).await;
    let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_post" });
    let registered = body(&scene.register(&metadata).await);
    let (id, secret) =
        (registered["client_id"].as_str().expect("an id"), registered["client_secret"].as_str());
    let secret = secret.expect("a secret");
    assert_eq!(registered["client_secret_expires_at"], 0);
    let code = scene.code(id).await;
    let good = super::scene::redemption(id, &code);
    for wrong in [None, Some("guess"), Some(&secret[1..])] {
        let fields: Vec<_> =
            good.iter().copied().chain(wrong.map(|wrong| ("client_secret", wrong))).collect();
        let refused = scene.token(&fields).await;
        assert_eq!(
            (refused.status, body(&refused)["error"].as_str()),
            (401, Some("invalid_client")),
            "{wrong:?}"
        );
    }
    let held = tokens(&scene.token(&[&good[..], &[("client_secret", secret)]].concat()).await);
    assert_eq!(scene.call(&held.access).await, 200);
    // It said that it would use the form, and is not held to it.
    let code = scene.code(id).await;
    let good = super::scene::redemption(id, &code);
    let by = async |secret: &str| {
        let header = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        scene.desk().post_by("/oauth/token", &[&good[..1], &good[2..]].concat(), &header).await
    };
    for wrong in ["guess", &secret[1..], ""] {
        let refused = by(wrong).await;
        assert_eq!(
            (refused.status, body(&refused)["error"].as_str()),
            (401, Some("invalid_client")),
            "{wrong}"
        );
    }
    let held = tokens(&by(secret).await);
    assert_eq!(scene.call(&held.access).await, 200);
}

#[tokio::test]
async fn a23_whoever_is_not_known_is_told_to_register_anew() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let code = scene.code(&client).await;
    for id in ["unknown", &client[1..], &format!("{client}A")] {
        let refused = scene.redeem(id, &code).await;
        assert_eq!((refused.status, body(&refused)["error"].as_str()), (401, Some("invalid_client")), "{id}");
        assert!(refused.header("www-authenticate").is_some());
        let page = scene.browser().open(&authorize(id, &[])).await;
        assert!(page.reply.status == 400 && page.next().is_none(), "D10: a page, and no redirect");
    }
    // Whoever cannot be asked for at the moment is not unknown: a client that registers anew for it loses what it had.
    let away = scene.redeem("https://not.fetched.invalid/client.json", &code).await;
    assert_eq!((away.status, body(&away)["error"].as_str()), (503, Some("temporarily_unavailable")));
    assert_eq!(scene.redeem(&client, &code).await.status, 200);
}

#[tokio::test]
async fn o29_every_step_of_a_login_may_land_on_another_replica_and_a_rotation_logs_nobody_out() {
    let mut one = Scene::set(Quirks::plain()).await;
    let other = one.replica().await;
    let client = one.client().await;
    let mut browser = one.browser();
    let page = one.ask(&mut browser, &client).await;
    // From here on the requests land on the other one.
    browser.way(super::scene::ORIGIN, other.traffic);
    let there = browser.take(&page.form("ask").press("allow")).await;
    let there = browser.walk(there, super::scene::ORIGIN).await;
    let filled = browser.take(&there.form("username").fill("username", "ada").press("allow")).await;
    let there = browser.walk(filled, super::scene::ORIGIN).await;
    browser.way(super::scene::ORIGIN, one.sidecar.traffic);
    let back = browser.walk(there, CALLBACK).await;
    let code = super::scene::parameter(&back, "code").expect("a code");
    let on_other = std::mem::replace(&mut one.sidecar, other);
    let held = tokens(&one.redeem(&client, &code).await);
    let before = std::mem::replace(&mut one.sidecar, on_other);
    assert_eq!(one.call(&held.access).await, 200);
    drop(before);
    // The operator rotates: new keys first, the old ones behind them.
    one.rotate(&["3", "1"], &["4", "2"]).await;
    assert_eq!(one.call(&held.access).await, 200);
    let next = tokens(&one.refresh(&client, &held.refresh).await);
    assert_eq!(one.call(&next.access).await, 200);
    let again = one.log_in(&client).await;
    assert_eq!(one.call(&again.access).await, 200);
    // And takes the old ones away: what was made with them alone is over.
    one.rotate(&["3"], &["4"]).await;
    assert_eq!(one.call(&held.access).await, 401);
    assert_eq!(one.call(&next.access).await, 200);
}

/// RFC 7591 §3.2.2: said, and not replaced by `none`, which a client that signs would not notice.
#[tokio::test]
async fn d6_a_client_that_would_sign_is_told_that_registration_takes_no_keys() {
    let scene = Scene::set(Quirks::plain()).await;
    let keyed = json!({ "jwks_uri": "https://client.example/jwks.json" });
    let registered = async |method: &str, more: &Value| {
        let mut metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": method });
        metadata.as_object_mut().expect("an object").extend(more.as_object().expect("members").clone());
        let reply = scene.register(&metadata).await;
        (reply.status, body(&reply))
    };
    let both = json!({ "jwks": {}, "token_endpoint_auth_methods_supported": ["client_secret_jwt", "private_key_jwt"] });
    for more in [&keyed, &both, &json!({})] {
        let (status, said) = registered("private_key_jwt", more).await;
        assert_eq!((status, said["error"].as_str()), (400, Some("invalid_client_metadata")), "{more}");
        assert!(
            said["error_description"].as_str().expect("a reason").contains("metadata document"),
            "{said}"
        );
    }
    // Whatever keys it has besides, and what nobody is offered.
    let lists_none = json!({ "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"] });
    for (method, more, given) in [
        ("private_key_jwt", &lists_none, "none"),
        ("none", &keyed, "none"),
        ("tls_client_auth", &keyed, "none"),
        ("client_secret_post", &keyed, "client_secret_post"),
    ] {
        let (status, said) = registered(method, more).await;
        assert_eq!((status, said["token_endpoint_auth_method"].as_str()), (201, Some(given)), "{method}");
    }
}
