//! Every value that the sidecar hands out, taken to every step but its own; and to its own, under keys that were rotated: kept
//! ones open, and none opens when its key is gone.

use serde_json::json;

use super::consent::{remember, rules};
use super::desk::{BY_A_PERSON, code_of, named, redemption, refreshment, target, to_return};
use super::rules::Rules;
use super::scene::{Scene, authorize};
use crate::world::client::Reply;
use crate::world::providers::quirks::Quirks;

const CI: &str = "https://ci.example/cb";

/// The kinds of values, each with a step that takes it.
const KINDS: [&str; 7] = ["client", "ask", "login", "code", "refresh", "access", "remembered"];

/// One value of each kind, none of them used, and what its step needs beside it.
struct Values {
    client: String,
    each: [String; 7],
    /// The browser's cookies, without those two that are values themselves.
    browser: String,
    csrf: String,
    /// The provider's answer, and the name of the cookie that it needs.
    back: String,
    login_name: String,
    remembered_name: String,
}

impl Values {
    async fn gather(scene: &Scene) -> Self {
        let client = scene.client().await;
        let mut browser = scene.browser();
        let page = browser.open(&remembered_url()).await;
        code_of(&remember(&mut browser, &page, CI).await);
        let (remembered_name, remembered) = named(&browser, "consent-").pop().expect("it is remembered");
        let page = scene.ask(&mut browser, &client).await;
        let ask = page.form("ask");
        let (ask, csrf) = (ask.value("ask").to_owned(), ask.value("csrf").to_owned());
        let there = to_return(&mut browser, &page).await;
        let (login_name, login) = named(&browser, "login-").pop().expect("a login is under way");
        let browser_cookie = named(&browser, "browser").pop().expect("it is known");
        let code = scene.code(&client).await;
        let held = scene.log_in(&client).await;
        Self {
            each: [client.clone(), ask, login, code, held.refresh, held.access, remembered],
            browser: format!("{}={}", browser_cookie.0, browser_cookie.1),
            back: there.url().to_string(),
            client,
            csrf,
            login_name,
            remembered_name,
        }
    }

    /// Whether the step of this kind takes this value.
    async fn takes(&self, scene: &Scene, kind: &str, value: &str) -> bool {
        let desk = scene.desk();
        let get = async |url: &str, cookie: &str| {
            let headers = [&BY_A_PERSON[..], &[("cookie", cookie)]].concat();
            desk.send("GET", target(url), &headers, "").await
        };
        let is_back = |reply: &Reply| reply.header("location").is_some_and(|to| to.contains("code="));
        match kind {
            "client" => get(&authorize(value, &[]), "").await.status == 200,
            "ask" => self.consents(scene, value).await.status == 303,
            "login" => {
                let reply = get(&self.back, &format!("{}={value}", self.login_name)).await;
                let ends = |cookie: &str| cookie.starts_with(&format!("{}=;", self.login_name));
                let is_over = reply.header("set-cookie").is_some_and(ends);
                assert_eq!(
                    is_back(&reply),
                    is_over,
                    "a login leaves the browser when it is taken, and only then"
                );
                is_back(&reply)
            }
            "code" => desk.post("/oauth/token", &redemption(&self.client, value)).await.status == 200,
            "refresh" => desk.post("/oauth/token", &refreshment(&self.client, value)).await.status == 200,
            "access" => desk.call(value).await == 200,
            _ => get(&remembered_url(), &format!("{}={value}", self.remembered_name)).await.status == 303,
        }
    }

    async fn consents(&self, scene: &Scene, ask: &str) -> Reply {
        let fields = [("ask", ask), ("csrf", &self.csrf), ("decision", "allow")];
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("cookie", self.browser.as_str())];
        scene.desk().send("POST", "/oauth/consent", &headers, &form).await
    }
}

fn remembered_url() -> String {
    authorize("ci", &[("redirect_uri", CI)])
}

/// With these keys.
fn rules_with(seal: &[&str], sign: &[&str]) -> Rules {
    rules().with("/requiredScopes", json!(["mcp"])).with_keys(seal, sign)
}

async fn scene() -> Scene {
    Scene::set_by(Quirks::plain(), &rules_with(&["1"], &["2"])).await
}

#[tokio::test]
async fn o08_no_value_is_taken_by_any_step_but_its_own() {
    let scene = scene().await;
    let held = Values::gather(&scene).await;
    for (at, kind) in KINDS.iter().enumerate() {
        for (other, value) in held.each.iter().enumerate().filter(|(other, _)| *other != at) {
            assert!(!held.takes(&scene, kind, value).await, "{} taken for {kind}", KINDS[other]);
        }
        assert!(held.takes(&scene, kind, &held.each[at]).await, "{kind} itself, after all of those");
    }
}

#[tokio::test]
async fn o29_a_value_opens_as_long_as_its_key_is_kept_and_no_longer() {
    let mut scene = scene().await;
    let (kept, lost) = (Values::gather(&scene).await, Values::gather(&scene).await);
    scene.enforce(&rules_with(&["3", "1"], &["4", "2"])).await;
    for (at, kind) in KINDS.iter().enumerate() {
        assert!(kept.takes(&scene, kind, &kept.each[at]).await, "{kind} under a key that is kept");
    }
    let fresh = Values::gather(&scene).await;
    scene.enforce(&rules_with(&["3"], &["4"])).await;
    for (at, kind) in KINDS.iter().enumerate() {
        assert!(!lost.takes(&scene, kind, &lost.each[at]).await, "{kind} under a key that is gone");
        assert!(fresh.takes(&scene, kind, &fresh.each[at]).await, "{kind} under the new one");
    }
}
