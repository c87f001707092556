//! `oidc-provider`, which others wrote: the same requests that the made-up provider by the book takes, it takes too, and
//! what that one refuses it refuses. So the two can stand in for each other.
//!
//! Fetches packages into the cache; a program on loopback.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use harness::counterparts::oidc_provider::{self, CLIENT_ID, CLIENT_SECRET, OidcProvider};
use harness::lab::{Environment, Paths, Progress};
use serde_json::{Value, json};
use sidecar::clock::Clock;
use tokio::sync::OnceCell;
use url::Url;

use super::{CALLBACK, VERIFIER, answered, ask, basic, changed, parts};
use crate::world::browser::{Browser, Step};
use crate::world::client::Reply;

/// The tests of this file run side by side, and the packages are fetched once.
static FOLDER: OnceCell<PathBuf> = OnceCell::const_new();

struct Scene {
    provider: OidcProvider,
    document: Value,
    browser: Browser,
}

impl Scene {
    async fn set() -> Self {
        let folder = FOLDER.get_or_init(async || {
            let progress = Progress::since(Instant::now());
            let paths = Paths::new(&Environment::of_process()).expect("there is a cache");
            oidc_provider::install(&paths, progress).await.expect("the packages are there")
        });
        let provider = OidcProvider::start(folder.await, &[CALLBACK]).await.expect("it starts");
        let well_known = format!("{}/.well-known/openid-configuration", provider.issuer());
        let document = ask("GET", &well_known, &[], "").await.json();
        Self { provider, document, browser: Browser::new(&Clock::system()) }
    }

    fn url(&self, member: &str) -> &str {
        self.document[member].as_str().expect("the document names it")
    }

    /// As far as a page, or back to us.
    async fn authorize(&mut self, changes: &[(&str, &str)]) -> Step {
        let challenge = {
            use base64::Engine;
            use sha2::{Digest, Sha256};
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
        };
        let good = [
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", CALLBACK),
            ("scope", "openid email offline_access"),
            ("state", "xyz-1"),
            ("nonce", "n-0S6"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            // OpenID Connect Core §11: without it, offline_access is ignored.
            ("prompt", "consent"),
        ];
        let mut url = Url::parse(self.url("authorization_endpoint")).expect("an address");
        url.query_pairs_mut().extend_pairs(changed(&good, changes));
        let step = self.browser.open(url.as_str()).await;
        self.browser.walk(step, CALLBACK).await
    }

    /// Through both of its forms.
    async fn log_in(&mut self, changes: &[(&str, &str)]) -> Step {
        let mut step = self.authorize(changes).await;
        if !step.reply.text().contains("id=consent") {
            let step_on = step.form("login").fill("username", "alice").press("Continue");
            step = self.browser.take(&step_on).await;
            step = self.browser.walk(step, CALLBACK).await;
        }
        if step.leads_to(CALLBACK) {
            return step;
        }
        let step_on = step.form("consent").press("Continue");
        let step = self.browser.take(&step_on).await;
        self.browser.walk(step, CALLBACK).await
    }

    async fn token(&self, parameters: &[(&str, &str)]) -> Reply {
        self.post("token_endpoint", parameters).await
    }

    async fn post(&self, place: &str, parameters: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let authorization = basic(CLIENT_ID, CLIENT_SECRET);
        let headers =
            [("authorization", &*authorization), ("content-type", "application/x-www-form-urlencoded")];
        ask("POST", self.url(place), &headers, &body).await
    }

    /// A login of its own, up to its tokens.
    async fn tokens(&mut self) -> Value {
        let step = self.log_in(&[]).await;
        let code = answered(&step, "code").expect("the login succeeds");
        self.redeem(&code).await.json()
    }

    async fn redeem(&self, code: &str) -> Reply {
        let redeem = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        self.token(&[&redeem[..], &[("code_verifier", VERIFIER)]].concat()).await
    }

    async fn refresh(&self, token: &Value) -> Reply {
        let token = token.as_str().expect("a token");
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }
}

#[tokio::test]
async fn the_provider_that_others_wrote_logs_somebody_in_and_is_strict() {
    let mut scene = Scene::set().await;
    assert_eq!(scene.document["issuer"], scene.provider.issuer());
    assert_eq!(scene.document["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(scene.document["authorization_response_iss_parameter_supported"], true);

    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(answered(&scene.authorize(&without).await, "error").as_deref(), Some("invalid_request"));
    assert_eq!(scene.authorize(&[("nonce", "")]).await.reply.status, 400);
    let foreign = scene.authorize(&[("redirect_uri", "https://attacker.example/cb")]).await;
    assert_eq!((foreign.reply.status, foreign.next().is_none()), (400, true));

    let step = scene.log_in(&[]).await;
    assert_eq!(answered(&step, "state").as_deref(), Some("xyz-1"));
    assert_eq!(answered(&step, "iss").as_deref(), Some(scene.provider.issuer()));
    let code = answered(&step, "code").expect("the login succeeds");
    let tokens = scene.redeem(&code).await.json();
    let (_, claims) = parts(&tokens["id_token"]);
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("alice"), &json!(CLIENT_ID)));
    assert_eq!((&claims["nonce"], &claims["iss"]), (&json!("n-0S6"), &scene.document["issuer"]));

    let second = scene.refresh(&tokens["refresh_token"]).await.json();
    assert_ne!(second["refresh_token"], tokens["refresh_token"]);
    assert_eq!(scene.refresh(&tokens["refresh_token"]).await.json()["error"], "invalid_grant", "reuse");
    assert_eq!(scene.refresh(&second["refresh_token"]).await.json()["error"], "invalid_grant", "the family");
}

#[tokio::test]
async fn it_can_be_declined_and_it_shuts_out_whoever_is_disabled() {
    let mut scene = Scene::set().await;
    let page = scene.authorize(&[]).await;
    let step = scene.browser.take(&page.form("login").fill("username", "alice").press("Cancel")).await;
    let step = scene.browser.walk(step, CALLBACK).await;
    assert_eq!(answered(&step, "error").as_deref(), Some("access_denied"));

    let step = scene.log_in(&[]).await;
    let code = answered(&step, "code").expect("the login succeeds");
    let tokens = scene.redeem(&code).await.json();
    let door = format!("{}/disabled/alice", scene.provider.issuer());
    assert_eq!(ask("PUT", &door, &[], "").await.status, 204);
    assert_eq!(scene.refresh(&tokens["refresh_token"]).await.json()["error"], "invalid_grant");
    assert_eq!(ask("DELETE", &door, &[], "").await.status, 204);
    assert_eq!(scene.refresh(&tokens["refresh_token"]).await.status, 200);
}

/// RFC 7009, in the form in which the sidecar asks for it.
#[tokio::test]
async fn o30_a_refresh_token_that_it_takes_back_ends_its_login_and_no_other() {
    let mut scene = Scene::set().await;
    let first = scene.tokens().await;
    scene.browser = Browser::new(&Clock::system());
    let other = scene.tokens().await;
    // It rotates, and an older token of a login ends what came of it, too.
    let second = scene.refresh(&first["refresh_token"]).await.json();
    let old = first["refresh_token"].as_str().expect("a token");
    let revoke = [("token", old), ("token_type_hint", "refresh_token")];
    assert_eq!(scene.post("revocation_endpoint", &revoke).await.status, 200);
    assert_eq!(scene.refresh(&second["refresh_token"]).await.json()["error"], "invalid_grant");
    assert_eq!(scene.refresh(&other["refresh_token"]).await.status, 200);
}

#[tokio::test]
async fn it_ends_when_nobody_holds_it_any_more() {
    let scene = Scene::set().await;
    let process = scene.provider.id().expect("it runs");
    let folder = format!("/proc/{process}");
    assert!(std::path::Path::new(&folder).exists());
    let address = Url::parse(scene.provider.issuer()).expect("an address").socket_addrs(|| None);
    let address = address.expect("an address and a port")[0];
    drop(scene);
    let begun = Instant::now();
    while std::net::TcpStream::connect(address).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "somebody still listens");
        std::thread::sleep(Duration::from_millis(20));
    }
}
