//! A login that can stop after any of its steps, and go on at whichever replica it is handed.
//!
//! Connects to pods and to Keycloak from inside the cluster's network.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::counterparts::keycloak::PERSON;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::scene::{self, ORIGIN, RESOURCE, Scene};
use crate::world::browser::{Browser, Navigation, Step};

/// Where the client waits.
const CALLBACK: &str = "http://127.0.0.1:4711/callback";
const VERIFIER: &str = "a-verifier-of-the-client-with-enough-characters-in-it";

/// What was done last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Registered,
    Asked,
    Consented,
    SignedIn,
    Tokens,
    Code,
}

/// A login under way, with all that the client and the browser hold.
pub(super) struct At {
    browser: Browser,
    client: String,
    reached: Reached,
}

enum Reached {
    Nothing,
    Registered,
    /// The consent page is open.
    Asked(Box<Step>),
    /// The provider's login form is open.
    Consented(Box<Step>),
    /// On the way back from the provider.
    SignedIn(Box<Navigation>),
    Code(String),
    Tokens {
        access: String,
        refresh: String,
    },
}

impl Stage {
    /// The shortest-lived last.
    pub(super) const ALL: [Self; 6] =
        [Self::Registered, Self::Asked, Self::Consented, Self::SignedIn, Self::Tokens, Self::Code];
}

impl At {
    pub(super) fn start(scene: &Scene<'_>) -> Self {
        Self { browser: scene.browser(), client: String::new(), reached: Reached::Nothing }
    }

    /// A whole login.
    pub(super) async fn all_the_way(scene: &Scene<'_>, replicas: &[SocketAddr]) -> Self {
        let mut at = Self::start(scene);
        for step in 0..Stage::ALL.len() {
            at = at.step(replicas[step % replicas.len()]).await;
        }
        at
    }

    pub(super) fn stage(&self) -> Option<Stage> {
        match self.reached {
            Reached::Nothing => None,
            Reached::Registered => Some(Stage::Registered),
            Reached::Asked(_) => Some(Stage::Asked),
            Reached::Consented(_) => Some(Stage::Consented),
            Reached::SignedIn(_) => Some(Stage::SignedIn),
            Reached::Code(_) => Some(Stage::Code),
            Reached::Tokens { .. } => Some(Stage::Tokens),
        }
    }

    /// The next step, at this replica; once there are tokens, a refresh.
    pub(super) async fn step(mut self, replica: SocketAddr) -> Self {
        self.browser.way(ORIGIN, replica);
        self.reached = match std::mem::replace(&mut self.reached, Reached::Nothing) {
            Reached::Nothing => {
                self.client = register(replica).await;
                Reached::Registered
            }
            Reached::Registered => {
                let page = self.browser.open(&authorize(&self.client)).await;
                assert_eq!(page.reply.status, 200, "{}", page.reply.text());
                Reached::Asked(Box::new(page))
            }
            Reached::Asked(page) => {
                let there = self.browser.take(&page.form("ask").press("allow")).await;
                Reached::Consented(Box::new(self.browser.walk(there, ORIGIN).await))
            }
            Reached::Consented(page) => Reached::SignedIn(Box::new(self.sign_in(&page).await)),
            Reached::SignedIn(back) => {
                let step = self.browser.take(&back).await;
                let code = step.next().and_then(|next| next.parameter("code"));
                Reached::Code(code.ok_or_else(|| step.reply.text()).expect("a code"))
            }
            Reached::Code(code) => {
                self.redeem(
                    replica,
                    &[
                        ("grant_type", "authorization_code"),
                        ("code", &code),
                        ("redirect_uri", CALLBACK),
                        ("code_verifier", VERIFIER),
                    ],
                )
                .await
            }
            Reached::Tokens { refresh, .. } => {
                self.redeem(replica, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await
            }
        };
        self
    }

    /// The status of a call to the server with what it holds.
    pub(super) async fn call(&self, replica: SocketAddr) -> u16 {
        scene::call(replica, self.access()).await
    }

    /// The id of the key that signed its access token.
    pub(super) fn signed_by(&self) -> String {
        let header = self.access().split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let header: Value = serde_json::from_slice(&header.unwrap_or_default()).expect("a JWT");
        header["kid"].as_str().expect("a key id").to_owned()
    }

    fn access(&self) -> &str {
        match &self.reached {
            Reached::Tokens { access, .. } => access,
            _ => "none",
        }
    }

    async fn sign_in(&mut self, page: &Step) -> Navigation {
        let (name, password) = PERSON.split_once(':').expect("a name and a password");
        let filled =
            page.form("kc-form-login").fill("username", name).fill("password", password).press("login");
        let step = self.browser.take(&filled).await;
        let step = self.browser.walk(step, ORIGIN).await;
        step.next().ok_or_else(|| step.reply.text()).expect("Keycloak sends the browser back")
    }

    async fn redeem(&self, replica: SocketAddr, fields: &[(&str, &str)]) -> Reached {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields).append_pair("client_id", &self.client);
        let form = form.finish();
        let reply = scene::post(replica, "/oauth/token", "application/x-www-form-urlencoded", &form).await;
        assert_eq!(reply.status, 200, "{:?}: {}", fields[0], reply.text());
        let answer = reply.json();
        let text = |name: &str| answer[name].as_str().expect("a token").to_owned();
        Reached::Tokens { access: text("access_token"), refresh: text("refresh_token") }
    }
}

async fn register(replica: SocketAddr) -> String {
    let metadata = json!({
        "client_name": "a tool", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
    });
    let reply = scene::post(replica, "/oauth/register", "application/json", &metadata.to_string()).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["client_id"].as_str().expect("an id").to_owned()
}

fn authorize(client: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut url = url::Url::parse(&format!("{ORIGIN}/oauth/authorize")).expect("an address");
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client)
        .append_pair("redirect_uri", CALLBACK)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .append_pair("state", "the client's own")
        .append_pair("resource", RESOURCE);
    url.into()
}
