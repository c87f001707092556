//! What clients read before they begin: one document in every form, under one issuer; and what a client finds that reads nothing.

use serde_json::json;

use super::desk::{agree, authorize, body, changed, claims, code_of, error, redemption, refreshment, tokens};
use super::rules::Rules;
use super::scene::{CALLBACK, ORIGIN, Scene};
use crate::world::RESOURCE;
use crate::world::client::Reply;
use crate::world::providers::quirks::Quirks;

pub(super) const RESOURCE_FORMS: [&str; 3] = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/mcp/.well-known/oauth-protected-resource",
];
pub(super) const SERVER_FORMS: [&str; 6] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/mcp",
    "/mcp/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/mcp",
    "/mcp/.well-known/openid-configuration",
];

async fn get(scene: &Scene, path: &str) -> Reply {
    scene.desk().send("GET", path, &[], "").await
}

#[tokio::test]
async fn d3_one_document_in_every_form_says_what_clients_look_for() {
    let scene = Scene::set(Quirks::plain()).await;
    let first = get(&scene, SERVER_FORMS[0]).await;
    for form in SERVER_FORMS {
        let reply = get(&scene, form).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{form}");
        assert_eq!(reply.text(), first.text(), "{form}");
        let head = scene.desk().send("POST", form, &[], "").await;
        assert_eq!(head.status, 405, "{form}");
    }
    let document = body(&first);
    for (member, value) in [
        ("issuer", json!(ORIGIN)),
        ("authorization_endpoint", json!("https://mcp.example.com/oauth/authorize")),
        ("token_endpoint", json!("https://mcp.example.com/oauth/token")),
        ("registration_endpoint", json!("https://mcp.example.com/oauth/register")),
        ("revocation_endpoint", json!("https://mcp.example.com/oauth/revoke")),
        ("jwks_uri", json!("https://mcp.example.com/.well-known/jwks.json")),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("response_types_supported", json!(["code"])),
        ("grant_types_supported", json!(["authorization_code", "refresh_token"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("client_id_metadata_document_supported", json!(true)),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["EdDSA"])),
        (
            "token_endpoint_auth_methods_supported",
            json!(["none", "client_secret_post", "client_secret_basic", "private_key_jwt"]),
        ),
        ("scopes_supported", json!(["mcp", "offline_access"])),
    ] {
        assert_eq!(document[member], value, "{member}");
    }
    let text = first.text();
    assert!(!text.contains("null") && !text.contains("\"\""), "§3a: {text}");
    assert!(!text.contains("http://"), "A18: {text}");
}

#[tokio::test]
async fn d1_the_resource_names_the_issuer_and_itself_byte_for_byte_in_every_form() {
    let scene = Scene::set(Quirks::plain()).await;
    for form in RESOURCE_FORMS {
        let document = body(&get(&scene, form).await);
        assert_eq!(document["resource"], RESOURCE, "{form}");
        assert_eq!(document["authorization_servers"], json!([ORIGIN]), "D2: {form}");
        assert_eq!(document["scopes_supported"], json!(["mcp"]), "R7, D14: {form}");
    }
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    let said = claims(&held.access);
    assert_eq!((said["iss"].as_str(), said["aud"].as_str()), (Some(ORIGIN), Some(RESOURCE)));
    for missing in [
        "/.well-known/oauth-x",
        "/.well-known/openid-federation",
        "/.well-known/oauth-authorization-server/x",
    ] {
        let reply = get(&scene, missing).await;
        assert_eq!((reply.status, reply.header("content-type")), (404, Some("application/json")), "D4");
    }
    let keys = body(&get(&scene, "/.well-known/jwks.json").await);
    assert_eq!(keys["keys"][0]["kid"], "k2");
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));
    assert!(keys["keys"][0].get("d").is_none(), "nothing private");
}

/// A22, D5: the first revision has the metadata at the root, and where there is none, default paths. This client reads none.
#[tokio::test]
async fn a22_a_client_of_the_first_revision_that_reads_no_metadata_logs_in_at_the_root() {
    let scene = Scene::set(Quirks::plain()).await;
    let json = [("content-type", "application/json")];
    // As the first SDKs wrote it: no method of authentication, and so a secret.
    let metadata = json!({ "client_name": "an old tool", "redirect_uris": [CALLBACK] }).to_string();
    let registered = body(&scene.desk().send("POST", "/register", &json, &metadata).await);
    let member = |name: &str| registered[name].as_str().expect(name).to_owned();
    let (client, secret) = (member("client_id"), member("client_secret"));
    let mut browser = scene.browser();
    // Nor does it know of `resource`.
    let url = authorize(&client, &[("resource", "")]).replace("/oauth/authorize?", "/authorize?");
    let page = browser.open(&url).await;
    let code = code_of(&agree(&mut browser, &page, CALLBACK).await);
    let good = [&redemption(&client, &code)[..], &[("client_secret", secret.as_str())]].concat();
    let held = tokens(&scene.post("/token", &good).await);
    assert_eq!(scene.call(&held.access).await, 200);
    let again = [&refreshment(&client, &held.refresh)[..], &[("client_secret", secret.as_str())]].concat();
    assert_eq!(scene.call(&tokens(&scene.post("/token", &again).await).access).await, 200);
    let without = scene.post("/token", &refreshment(&client, &held.refresh)).await;
    assert_eq!((without.status, &*error(&without)), (401, "invalid_client"));
}

/// A14: what stands in a client's own address stays there, once, and the answer's parameters come behind it.
#[tokio::test]
async fn a14_an_address_with_a_query_of_its_own_keeps_it() {
    const BACK: &str = "http://127.0.0.1:4711/callback?tenant=a%20b&x=iss";
    let scene = Scene::set(Quirks::plain()).await;
    let metadata = json!({ "redirect_uris": [BACK], "token_endpoint_auth_method": "none" });
    let client = body(&scene.register(&metadata).await)["client_id"].as_str().expect("an id").to_owned();
    let mut browser = scene.browser();
    for decision in ["allow", "deny"] {
        let page = browser.open(&authorize(&client, &[("redirect_uri", BACK)])).await;
        let step = browser.take(&page.form("ask").press(decision)).await;
        let step = browser.walk(step, CALLBACK).await;
        let back = super::desk::sign_in(&mut browser, step, CALLBACK).await;
        let location = back.reply.header("location").expect("a redirect").to_owned();
        assert!(location.starts_with(&format!("{BACK}&")), "{location}");
        let names: Vec<_> =
            back.next().expect("a redirect").url().query_pairs().map(|(name, _)| name.into_owned()).collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len(), "{names:?}");
        assert!(
            names.iter().any(|name| name == "iss") && names.iter().any(|name| name == "state"),
            "{names:?}"
        );
        if decision == "allow" {
            let code = code_of(&back);
            let good = changed(redemption(&client, &code), "redirect_uri", BACK);
            let without = changed(good, "redirect_uri", CALLBACK);
            assert_eq!(error(&scene.token(&without).await), "invalid_grant");
            tokens(&scene.token(&good).await);
        }
    }
}

/// A16, A17, D12: the spellings that clients send, at each place where they send them.
#[tokio::test]
async fn d12_a_resource_is_ours_in_its_equal_spellings_at_every_step_and_no_other_is() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let ours = [
        "https://mcp.example.com/mcp",
        "https://mcp.example.com/mcp/",
        "HTTPS://MCP.Example.COM:443/mcp",
        "",
    ];
    let others =
        ["https://mcp.example.com", "https://mcp.example.com/MCP", "https://other.example/mcp", "mcp"];
    for (resource, is_ours) in ours.map(|one| (one, true)).into_iter().chain(others.map(|one| (one, false))) {
        let page = scene.browser().open(&authorize(&client, &[("resource", resource)])).await;
        assert_eq!((page.reply.status == 200, page.next().is_none()), (is_ours, true), "{resource}");
        let code = scene.code(&client).await;
        let reply = scene.token(&[&redemption(&client, &code)[..], &[("resource", resource)]].concat()).await;
        assert_eq!(reply.status == 200, is_ours, "{resource}: {}", reply.text());
        if !is_ours {
            assert_eq!(error(&reply), "invalid_target", "{resource}");
            continue;
        }
        let held = tokens(&reply);
        assert_eq!(claims(&held.access)["aud"], RESOURCE, "O14: {resource}");
        let again = [&refreshment(&client, &held.refresh)[..], &[("resource", resource)]].concat();
        tokens(&scene.token(&again).await);
        let elsewhere = [&refreshment(&client, &held.refresh)[..], &[("resource", others[2])]].concat();
        assert_eq!(error(&scene.token(&elsewhere).await), "invalid_target");
    }
}

/// A19, A20: what is not advertised is not there either.
#[tokio::test]
async fn a19_grants_that_are_not_offered_are_refused_in_the_words_for_it() {
    let rules = Rules::usual().with(
        "/proxy/clients/static",
        json!([{ "id": "ci", "secret": "a-secret-that-nobody-ever-guesses", "redirectURIs": ["https://ci.example/cb"] }]),
    );
    let scene = Scene::set_by(Quirks::plain(), &rules).await;
    let known = [("client_id", "ci"), ("client_secret", "a-secret-that-nobody-ever-guesses")];
    for grant in [
        "client_credentials",
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:device_code",
        "Authorization_Code",
    ] {
        let reply = scene.token(&[&known[..], &[("grant_type", grant)]].concat()).await;
        assert_eq!((reply.status, &*error(&reply)), (400, "unsupported_grant_type"), "{grant}");
    }
    let without = scene.token(&known).await;
    assert_eq!((without.status, &*error(&without)), (400, "invalid_request"));
    let code = [("grant_type", "authorization_code"), ("code", "x")];
    let missing = scene.token(&[&known[..], &code].concat()).await;
    assert_eq!(
        (missing.status, &*error(&missing)),
        (400, "invalid_request"),
        "the twin is known, and lacks a part"
    );
}

/// D13: too little is 403 with what is missing; anything wrong with the token is 401.
#[tokio::test]
async fn d13_a_token_of_ours_without_the_scope_is_told_which_one() {
    let rules = Rules::usual().with("/requiredScopes", json!(["mcp", "tools"]));
    let scene = Scene::set_by(Quirks::plain(), &rules).await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    assert_eq!(held.answer["scope"], "mcp tools");
    let narrow = [&refreshment(&client, &held.refresh)[..], &[("scope", "tools")]].concat();
    let less = tokens(&scene.token(&narrow).await);
    let bearer = format!("Bearer {}", less.access);
    let refused = scene.desk().send("POST", "/mcp", &[("authorization", &bearer)], "{}").await;
    let challenge = refused.header("www-authenticate").unwrap_or_default();
    assert_eq!(refused.status, 403);
    assert!(
        challenge.contains("insufficient_scope") && challenge.contains("scope=\"mcp tools\""),
        "{challenge}"
    );
    assert_eq!(scene.call(&held.access).await, 200);
    let whole = tokens(&scene.token(&refreshment(&client, &less.refresh)).await);
    assert_eq!(scene.call(&whole.access).await, 200, "a narrow token takes nothing from the login");
}
