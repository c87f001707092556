//! Clients whose id is the URL of a document: whole logins, as Claude Code and ChatGPT have them, and what stands in the way of
//! anybody else's.

mod refused;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::desk::{
    BY_A_PERSON, agree, body, changed, code_of, error, redemption, refreshment, target, tokens,
};
use super::rules::Rules;
use super::scene::{Scene, authorize};
use super::signed::{Assertion, TYPE};
use crate::world::authority::Authority;
use crate::world::host::{Answer, Host};
use crate::world::providers::quirks::Quirks;
use crate::world::tokens::{Signer, key_set};

pub(super) const WEB: &str = "https://client.example/callback";

/// A host on loopback with documents about clients.
pub(super) struct Published {
    pub(super) host: Host,
    authority: Authority,
}

impl Published {
    pub(super) async fn start() -> Self {
        let authority = Authority::new();
        let host = Host::start("127.0.0.1:0", authority.server("127.0.0.1")).await;
        Self { host, authority }
    }

    /// A policy that lets the sidecar ask this host, and believe its certificate.
    pub(super) fn rules(&self) -> Rules {
        self.rules_without_networks().with("/proxy/allowNetworks", json!(["127.0.0.0/8"]))
    }

    pub(super) fn rules_without_networks(&self) -> Rules {
        Rules::usual().with("/proxy/login/caBundle", self.authority.pem.as_str())
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.host.port())
    }

    /// A document with these members and its own id, which it gives.
    pub(super) fn publish(&self, path: &str, members: &Value) -> String {
        let url = self.url(path);
        let mut document = json!({ "client_id": url, "client_name": "An example" });
        document.as_object_mut().expect("an object").extend(members.as_object().expect("members").clone());
        self.host.answer(path, Answer::json(&document));
        url
    }

    /// A public client with an address of its own.
    fn public(&self) -> String {
        self.publish("/client.json", &json!({ "redirect_uris": [WEB], "token_endpoint_auth_method": "none" }))
    }
}

async fn scene(published: &Published) -> Scene {
    Scene::set_by(Quirks::plain(), &published.rules()).await
}

#[tokio::test]
async fn a6_a_client_with_a_document_logs_its_user_in_without_a_registration() {
    let published = Published::start().await;
    let scene = scene(&published).await;
    let client = published.public();
    let mut browser = scene.browser();
    let page = browser.open(&authorize(&client, &[("redirect_uri", WEB)])).await;
    for shown in [
        "“<bdi>An example</bdi>”",
        "<p class=\"host\"><bdi>client.example</bdi></p>",
        "Its name was written by <bdi>127.0.0.1</bdi>",
        "class=\"notice stop\"",
        WEB,
    ] {
        assert!(page.reply.text().contains(shown), "A9: {shown}");
    }
    let code = code_of(&agree(&mut browser, &page, WEB).await);
    let good = changed(redemption(&client, &code), "redirect_uri", WEB);
    let held = tokens(&scene.token(&good).await);
    assert_eq!(scene.call(&held.access).await, 200);
    let next = tokens(&scene.token(&refreshment(&client, &held.refresh)).await);
    assert_eq!(scene.call(&next.access).await, 200);
    assert_eq!(published.host.requests("/client.json"), 1, "kept by its own word");
    let with_secret = [&refreshment(&client, &next.refresh)[..], &[("client_secret", "guess")]].concat();
    assert_eq!(error(&scene.token(&with_secret).await), "invalid_client");
}

#[tokio::test]
async fn a6_a_document_binds_its_client_to_its_own_addresses() {
    let published = Published::start().await;
    let scene = scene(&published).await;
    let client = published.public();
    for other in ["https://client.example/callback/", "https://client.example/other", "http://127.0.0.1/cb"] {
        let page = scene.browser().open(&authorize(&client, &[("redirect_uri", other)])).await;
        assert!(page.next().is_none() && page.reply.text().contains("unusable_redirect_uri"), "{other}");
    }
    assert_eq!(scene.browser().open(&authorize(&client, &[("redirect_uri", WEB)])).await.reply.status, 200);
}

#[tokio::test]
async fn a8_without_the_policys_leave_a_document_on_loopback_is_not_asked_for() {
    let published = Published::start().await;
    let mut scene = Scene::set_by(Quirks::plain(), &published.rules_without_networks()).await;
    let client = published.public();
    let url = authorize(&client, &[("redirect_uri", WEB)]);
    let page = scene.browser().open(&url).await;
    // Alike to a host that is down: what stands behind a wall is nobody's to learn.
    assert!(page.next().is_none() && page.reply.text().contains("document_away"), "{}", page.reply.text());
    assert_eq!(error(&scene.redeem(&client, "AAAA").await), "temporarily_unavailable");
    assert_eq!(published.host.connections(), 0);
    scene.enforce(&published.rules()).await;
    assert_eq!(scene.browser().open(&url).await.reply.status, 200);
}

/// Thirty at a time, at a host that accepts and never answers: it has two of the places.
#[tokio::test]
async fn o15_a_host_that_never_answers_takes_no_turn_of_another_host_and_its_clients_read_that_they_may_try_again()
 {
    let published = Published::start().await;
    let scene = scene(&published).await;
    let silent = TcpListener::bind("127.0.0.2:0").await.expect("loopback has a free port");
    let port = silent.local_addr().expect("it is bound").port();
    let id = |at: usize| format!("https://127.0.0.2:{port}/{at}");
    let mut asking = JoinSet::new();
    for at in 0..30 {
        let (desk, url) = (scene.desk(), authorize(&id(at), &[("redirect_uri", WEB)]));
        asking.spawn(async move { desk.send("GET", target(&url), &BY_A_PERSON, "").await });
    }
    let mut held = Vec::new();
    while held.len() < 2 {
        held.push(silent.accept().await.expect("a fetch"));
    }
    let other = authorize(&published.public(), &[("redirect_uri", WEB)]);
    assert_eq!(scene.browser().open(&other).await.reply.status, 200, "another host's turn, meanwhile");
    let replies = asking.join_all().await;
    for reply in &replies {
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("30")));
        assert!(reply.text().contains("document_away") && reply.text().contains("Try again in a moment"));
    }
    let more = tokio::time::timeout(Duration::from_millis(50), silent.accept()).await;
    assert!(more.is_err(), "no third fetch");
    let put_off = scene.redeem(&id(0), "AAAA").await;
    assert_eq!((put_off.status, &*error(&put_off)), (503, "temporarily_unavailable"), "A23");
    // Its twin: a document that was fetched, and is wrong.
    let wrong = published.url("/wrong.json");
    published
        .host
        .answer("/wrong.json", Answer::json(&json!({ "client_id": other, "redirect_uris": [WEB] })));
    let page = scene.browser().open(&authorize(&wrong, &[("redirect_uri", WEB)])).await;
    assert!(page.reply.status == 400 && page.reply.text().contains("unknown_client"));
    assert_eq!(error(&scene.redeem(&wrong, "AAAA").await), "invalid_client");
}

/// Two at a time from each would fill every place of strangers for five seconds.
#[tokio::test]
async fn o15_four_hosts_that_never_answer_are_in_no_good_clients_way() {
    let published = Published::start().await;
    let scene = scene(&published).await;
    let mut asking = JoinSet::new();
    let mut silent = Vec::new();
    for host in 2..6 {
        let listener =
            TcpListener::bind(format!("127.0.0.{host}:0")).await.expect("loopback has a free port");
        let at = listener.local_addr().expect("it is bound");
        silent.push(listener);
        for name in ["a", "b"] {
            let (desk, url) =
                (scene.desk(), authorize(&format!("https://{at}/{name}"), &[("redirect_uri", WEB)]));
            asking.spawn(async move { desk.send("GET", target(&url), &BY_A_PERSON, "").await });
        }
    }
    let mut held = Vec::new();
    for listener in &silent[..3] {
        for _ in ["a", "b"] {
            held.push(listener.accept().await.expect("a fetch"));
        }
    }
    let begun = std::time::Instant::now();
    let good = authorize(&published.public(), &[("redirect_uri", WEB)]);
    assert_eq!(scene.browser().open(&good).await.reply.status, 200, "its turn comes");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    for reply in asking.join_all().await {
        assert!(reply.status == 503 && reply.text().contains("document_away"), "{}", reply.status);
    }
}

#[tokio::test]
async fn a7_documents_are_advertised_exactly_where_they_are_read() {
    let published = Published::start().await;
    let mut scene = scene(&published).await;
    let client = published.public();
    let url = authorize(&client, &[("redirect_uri", WEB)]);
    for (switch, advertised, status) in [("on", json!(true), 200), ("off", Value::Null, 400)] {
        scene.enforce(&published.rules().with("/proxy/clients/metadataDocuments", switch)).await;
        let reply = scene.desk().send("GET", "/.well-known/oauth-authorization-server", &[], "").await;
        let metadata = body(&reply);
        assert_eq!(metadata["client_id_metadata_document_supported"], advertised, "{switch}");
        let methods = metadata["token_endpoint_auth_methods_supported"].to_string();
        assert_eq!(methods.contains("private_key_jwt"), switch == "on", "{methods}");
        assert_eq!(scene.browser().open(&url).await.reply.status, status, "{switch}");
    }
}

/// Claude Code's document has no port; the program listens on one all the same (mcp-authorization §3b).
#[tokio::test]
async fn d9_a_client_whose_document_names_no_port_comes_back_to_any() {
    let published = Published::start().await;
    let scene = scene(&published).await;
    let uris = ["http://localhost/callback", "http://127.0.0.1/callback"];
    let client = published.publish(
        "/claude-code",
        &json!({ "client_name": "Claude Code", "redirect_uris": uris, "token_endpoint_auth_method": "none" }),
    );
    for back in ["http://localhost:3118/callback", "http://127.0.0.1:51234/callback"] {
        let mut browser = scene.browser();
        let page = browser.open(&authorize(&client, &[("redirect_uri", back)])).await;
        let code = code_of(&agree(&mut browser, &page, back).await);
        let good = changed(redemption(&client, &code), "redirect_uri", back);
        let elsewhere = changed(good, "redirect_uri", "http://127.0.0.1:51235/callback");
        assert_eq!(error(&scene.token(&elsewhere).await), "invalid_grant", "the port of the request counts");
        assert_eq!(scene.call(&tokens(&scene.token(&good).await).access).await, 200, "{back}");
    }
    for back in
        ["http://localhost:3118/callback/x", "http://[::1]:3118/callback", "https://localhost/callback"]
    {
        let page = scene.browser().open(&authorize(&client, &[("redirect_uri", back)])).await;
        assert!(page.next().is_none() && page.reply.status == 400, "{back}");
    }
}

/// ChatGPT's document lists both ways, its keys lie elsewhere, and it signs with RS256 (mcp-authorization §3b).
#[tokio::test]
async fn d6_a_client_that_signs_with_keys_of_its_document_logs_its_user_in() {
    const BACK: &str = "https://chatgpt.com/connector_platform_oauth_redirect";
    let published = Published::start().await;
    let scene = scene(&published).await;
    published.host.answer("/jwks.json", Answer::json(&key_set()));
    let client = published.publish(
        "/oauth/client.json",
        &json!({
            "client_name": "ChatGPT", "redirect_uris": [BACK], "jwks_uri": published.url("/jwks.json"),
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "RS256",
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        }),
    );
    let mut browser = scene.browser();
    let page = browser.open(&authorize(&client, &[("redirect_uri", BACK)])).await;
    let code = code_of(&agree(&mut browser, &page, BACK).await);
    let good = changed(redemption(&client, &code), "redirect_uri", BACK);
    let proved = |assertion: &Assertion| assertion.signed(Signer::Rsa("RS256"));
    let strangers = Assertion::of(&client).signed(Signer::Stranger);
    let refused = [&good[..], &[("client_assertion", strangers.as_str()), ("client_assertion_type", TYPE)]];
    assert_eq!(error(&scene.token(&refused.concat()).await), "invalid_client");
    let own = proved(&Assertion::of(&client));
    let taken = [&good[..], &[("client_assertion", own.as_str()), ("client_assertion_type", TYPE)]];
    let held = tokens(&scene.token(&taken.concat()).await);
    assert_eq!(scene.call(&held.access).await, 200);
    let own = proved(&Assertion::of(&client));
    let again = [
        &refreshment(&client, &held.refresh)[..],
        &[("client_assertion", &own), ("client_assertion_type", TYPE)],
    ];
    assert_eq!(scene.call(&tokens(&scene.token(&again.concat()).await).access).await, 200);
    assert_eq!(published.host.requests("/jwks.json"), 1);
    // It lists `none` as well.
    let bare = tokens(&scene.token(&refreshment(&client, &held.refresh)).await);
    assert_eq!(scene.call(&bare.access).await, 200);
}
