//! What a login is made of stands nowhere but where it belongs: not in the log, however much it says, not in the metrics, and
//! not in what reaches the server behind. And nothing of the provider's is a token here.

use rustix::process::Signal;
use serde_json::json;
use sidecar::oauth::values::ClientKey;

use super::desk::{
    agree, authorize, body, code_of, cookies, error, named, parameter, redemption, refreshment, target,
    to_return, tokens,
};
use super::killed::Standalone;
use super::scene::{CALLBACK, Scene, VERIFIER};
use crate::world::browser::Browser;
use crate::world::client::{Reply, request, send};
use crate::world::providers::mischief::{Fault, Place};
use crate::world::providers::quirks::{Quirks, Revocation};
use crate::world::providers::{CLIENT_SECRET, keys};
use crate::world::{NOW, RESOURCE, SECRET};

const STATE: &str = "the-clients-own-state-5f2c";

/// A client with a secret, its user's browser, and everything that came up and must stay where it belongs.
struct Life {
    world: Standalone,
    browser: Browser,
    client: String,
    secret: String,
    hidden: Vec<String>,
}

impl Life {
    async fn begin(world: Standalone) -> Self {
        let metadata =
            json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_post" });
        let registered = body(&world.desk().register(&metadata).await);
        let member = |name: &str| registered[name].as_str().expect(name).to_owned();
        let (client, secret) = (member("client_id"), member("client_secret"));
        let hidden = vec![client.clone(), secret.clone()];
        Self { browser: world.browser(), world, client, secret, hidden }
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let proof = [("client_secret", self.secret.as_str())];
        self.world.desk().post(path, &[fields, &proof].concat()).await
    }

    /// A login, a call and a refresh; then everything that goes wrong: a replay of each, a wrong secret, a bad token, an end.
    async fn live(&mut self) {
        let desk = self.world.desk();
        let page = self.browser.open(&authorize(&self.client, &[("state", STATE)])).await;
        let form = page.form("ask");
        self.hidden.extend(["ask", "csrf"].map(|name| form.value(name).to_owned()));
        let there = to_return(&mut self.browser, &page).await;
        self.hidden.extend(["code", "state"].map(|name| there.parameter(name).expect(name)));
        self.hidden.extend(named(&self.browser, "").into_iter().map(|(_, value)| value));
        let cookie = cookies(&self.browser);
        let code = code_of(&self.browser.take(&there).await);
        let held = tokens(&self.post("/oauth/token", &redemption(&self.client, &code)).await);
        assert_eq!(desk.call(&held.access).await, 200);
        let next = tokens(&self.post("/oauth/token", &refreshment(&self.client, &held.refresh)).await);
        self.post("/oauth/token", &redemption(&self.client, &code)).await;
        let guessed = [&refreshment(&self.client, &held.refresh)[..], &[("client_secret", "guessed-s3cret")]];
        assert_eq!(error(&desk.post("/oauth/token", &guessed.concat()).await), "invalid_client");
        desk.send("GET", target(there.url().as_str()), &[("cookie", cookie.as_str())], "").await;
        assert_eq!(desk.call(&format!("{}x", next.access)).await, 401);
        self.post("/oauth/revoke", &[("client_id", &self.client), ("token", &next.access)]).await;
        self.hidden.extend([code, held.access, held.refresh, next.access, next.refresh]);
    }

    /// One more login, at which the provider says what it should not.
    async fn fail(&mut self) {
        let told = r#"{"error":"invalid_grant","error_description":"provider-s3cret"}"#;
        self.world.provider.fail(Place::Token, Fault::Says(400, told));
        let page = self.browser.open(&authorize(&self.client, &[("state", STATE)])).await;
        let back = agree(&mut self.browser, &page, CALLBACK).await;
        assert_eq!(parameter(&back, "error").as_deref(), Some("server_error"));
        let location = back.reply.header("location").expect("a redirect");
        assert!(!location.contains("s3cret"), "O26: {location}");
        let constants = ["guessed-s3cret", "provider-s3cret", VERIFIER, STATE, SECRET, CLIENT_SECRET];
        self.hidden.extend(constants.map(str::to_owned));
        for (place, name) in [(Place::Token, "code_verifier"), (Place::Authorize, "nonce")] {
            let asked = self.world.provider.requests(place);
            let sent = asked.iter().filter_map(|request| request.parameter(name));
            self.hidden.extend(sent.map(str::to_owned));
        }
    }
}

#[tokio::test]
async fn r21_a_login_leaves_no_secret_in_the_log_the_metrics_or_the_servers_hands() {
    let world = Standalone::set().await;
    let running = world.start(&[("MCP_OAUTH_LOG", "debug")]).await;
    let mut life = Life::begin(world).await;
    life.live().await;
    life.fail().await;
    let metrics = send(running.admin, request("GET", "/metrics", &[], "")).await.text();
    let readiness = send(running.admin, request("GET", "/readyz", &[], "")).await.text();
    let server: String = life.world.upstream.seen().iter().map(|seen| seen.head.as_str()).collect();
    let (log, _) = running.end(Signal::TERM).await;
    assert!(
        log.contains("/oauth/token") && log.contains("invalid_grant"),
        "the log says what happened: {log}"
    );
    let hidden = &life.hidden;
    assert!(hidden.len() > 20 && hidden.iter().all(|text| text.len() >= 10), "{hidden:?}");
    for text in hidden {
        // Any part of it that is long enough to be of use.
        let part = &text[text.len().saturating_sub(16)..];
        for (place, there) in
            [("log", &log), ("metrics", &metrics), ("readyz", &readiness), ("server", &server)]
        {
            assert!(!there.contains(part), "{text} in the {place}: {there}");
        }
    }
    assert!(!server.to_lowercase().contains("authorization:") && !server.contains("mcp-oauth-"), "{server}");
}

/// Whoever looks for why somebody was logged out finds it, with the client that did it.
#[tokio::test]
async fn o07_a_code_that_was_used_twice_is_a_line_in_the_log_and_one_that_was_used_once_is_none() {
    let world = Standalone::set().await;
    for times in [2, 1] {
        let running = world.start(&[("MCP_OAUTH_LOG", "debug")]).await;
        let (desk, mut browser) = (world.desk(), world.browser());
        let client = desk.client().await;
        let page = browser.open(&authorize(&client, &[])).await;
        let code = code_of(&agree(&mut browser, &page, CALLBACK).await);
        let held = tokens(&desk.redeem(&client, &code).await);
        for _ in 1..times {
            assert_eq!(error(&desk.redeem(&client, &code).await), "invalid_grant");
        }
        let (log, _) = running.end(Signal::TERM).await;
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("a code was used twice")).collect();
        assert_eq!(lines.len(), times - 1, "{log}");
        let key = ClientKey::digested(&client);
        assert!(lines.iter().all(|line| line.contains(key.as_str())), "{lines:?}");
        hides(&log, &[code, held.access, held.refresh, client, VERIFIER.to_owned()]);
    }
}

/// O30: a provider that does not take its token back is said to, without the token, our secret and what it said itself.
#[tokio::test]
async fn r21_a_login_that_could_not_be_ended_at_the_provider_is_a_line_in_the_log_without_a_secret() {
    let world = Standalone::set_with(Quirks { revocation: Revocation::Login, ..Quirks::plain() }).await;
    for fails in [true, false] {
        let running = world.start(&[("MCP_OAUTH_LOG", "debug")]).await;
        let (desk, mut browser) = (world.desk(), world.browser());
        let client = desk.client().await;
        let page = browser.open(&authorize(&client, &[])).await;
        let code = code_of(&agree(&mut browser, &page, CALLBACK).await);
        let held = tokens(&desk.redeem(&client, &code).await);
        if fails {
            let told = r#"{"error":"invalid_client","error_description":"provider-s3cret"}"#;
            world.provider.fail(Place::Revoke, Fault::Says(401, told));
        }
        let revoked = desk.post("/oauth/revoke", &[("client_id", &client), ("token", &held.refresh)]).await;
        assert_eq!((revoked.status, desk.call(&held.access).await), (200, 401));
        world.provider.behave();
        let (log, _) = running.end(Signal::TERM).await;
        assert_eq!(log.contains("a login is over here, and not at the provider"), fails, "{log}");
        assert_eq!(log.contains("status 401 invalid_client"), fails, "{log}");
        let theirs = world.provider.last(Place::Revoke).parameter("token").expect("a token").to_owned();
        let constants = ["provider-s3cret", CLIENT_SECRET, SECRET].map(str::to_owned);
        hides(&log, &[&[theirs, held.access, held.refresh, client][..], &constants].concat());
    }
}

/// No part of these that is long enough to be of use stands there.
fn hides(log: &str, hidden: &[String]) {
    for text in hidden {
        let part = &text[text.len().saturating_sub(16)..];
        assert!(!log.contains(part), "{text} in {log}");
    }
}

/// I1, O13: our token stays here, and theirs is none of ours.
#[tokio::test]
async fn o13_nothing_of_the_providers_is_a_token_here_and_nothing_of_a_login_goes_on() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let own = scene.log_in(&client).await;
    let claimed = json!({
        "iss": scene.provider.issuer(), "aud": RESOURCE, "sub": "ada", "scope": "mcp", "iat": NOW,
        "exp": NOW + 600, "sid": "x",
    });
    for (key, kid) in [(keys::Key::Access, keys::ACCESS), (keys::Key::Identity, keys::IDENTITY)] {
        let marked = json!({ "alg": "RS256", "kid": kid, "typ": "at+jwt" });
        let theirs = keys::sign(key, &marked, &claimed);
        assert_eq!(scene.call(&theirs).await, 401, "signed by the provider itself, for this very resource");
    }
    assert!(scene.upstream.seen().is_empty());
    assert_eq!(scene.call(&own.access).await, 200);
    let reached = scene.upstream.last().head.to_lowercase();
    assert!(!reached.contains("authorization") && !reached.contains(&own.access.to_lowercase()), "{reached}");
    // A refresh token opens nothing at the server, and an access token refreshes nothing.
    assert_eq!(scene.call(&own.refresh).await, 401);
    assert_eq!(error(&scene.refresh(&client, &own.access).await), "invalid_grant");
}
