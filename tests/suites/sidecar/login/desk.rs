//! What a client asks of an authorization server at some address, one request each; and a person's way to it.
//!
//! Connects to loopback.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::scene::{CALLBACK, ORIGIN, VERIFIER};
use crate::world::RESOURCE;
use crate::world::browser::{Browser, Navigation, Step};
use crate::world::client::{self, Reply, request};

/// Where the provider sends people back to.
pub(super) const RETURN: &str = "https://mcp.example.com/oauth/callback";
/// What the client tells its logins apart by.
pub(super) const STATE: &str = "the client's own state";
/// What a browser says of a window that a person opens.
pub(super) const BY_A_PERSON: [(&str, &str); 3] =
    [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-fetch-user", "?1")];

/// A sidecar, in this process or in one of its own, as clients see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Desk(pub(super) SocketAddr);

/// What a client holds after a login.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) answer: Value,
}

impl Desk {
    pub(super) async fn send(self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        client::send(self.0, request(method, path, headers, body)).await
    }

    pub(super) async fn register(self, metadata: &Value) -> Reply {
        let json = [("content-type", "application/json")];
        self.send("POST", "/oauth/register", &json, &metadata.to_string()).await
    }

    /// A public client on this machine.
    pub(super) async fn client(self) -> String {
        let metadata = json!({
            "client_name": "a tool", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        });
        let reply = self.register(&metadata).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        body(&reply)["client_id"].as_str().expect("an id").to_owned()
    }

    pub(super) async fn post(self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let typed = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", path, &typed, &form).await
    }

    /// With an `Authorization` header, as a client has it that authenticates there.
    pub(super) async fn post_by(self, path: &str, fields: &[(&str, &str)], header: &str) -> Reply {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", header)];
        self.send("POST", path, &headers, &form).await
    }

    pub(super) async fn redeem(self, client: &str, code: &str) -> Reply {
        self.post("/oauth/token", &redemption(client, code)).await
    }

    pub(super) async fn refresh(self, client: &str, refresh: &str) -> Reply {
        self.post("/oauth/token", &refreshment(client, refresh)).await
    }

    /// The status of a call to the server with this token.
    pub(super) async fn call(self, access: &str) -> u16 {
        let bearer = format!("Bearer {access}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        self.send("POST", "/mcp", &headers, "{}").await.status
    }
}

pub(super) fn redemption<'a>(client: &'a str, code: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

pub(super) fn refreshment<'a>(client: &'a str, refresh: &'a str) -> [(&'a str, &'a str); 3] {
    [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", refresh)]
}

/// The same parameters with another value of one.
pub(super) fn changed<'a, const N: usize>(
    fields: [(&'a str, &'a str); N],
    name: &str,
    value: &'a str,
) -> [(&'a str, &'a str); N] {
    fields.map(|(known, was)| if known == name { (known, value) } else { (known, was) })
}

pub(super) fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// The URL that a client opens, with these parameters in place of, or beside, the usual ones; an empty one is left out.
pub(super) fn authorize(client: &str, change: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let usual = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("state", STATE),
        ("resource", RESOURCE),
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in usual {
        if !change.iter().any(|(changed, _)| *changed == name) {
            query.append_pair(name, value);
        }
    }
    query.extend_pairs(change.iter().filter(|(_, value)| !value.is_empty()));
    format!("{ORIGIN}/oauth/authorize?{}", query.finish())
}

/// From the consent page to the address that begins like this, where the client waits.
pub(super) async fn agree(browser: &mut Browser, page: &Step, back: &str) -> Step {
    assert_eq!(page.reply.status, 200, "{}", page.reply.text());
    let there = browser.take(&page.form("ask").press("allow")).await;
    let there = browser.walk(there, back).await;
    sign_in(browser, there, back).await
}

/// Whatever the provider shows, filled in.
pub(super) async fn sign_in(browser: &mut Browser, mut at: Step, back: &str) -> Step {
    if !at.leads_to(back) && at.reply.status == 200 {
        let filled = at.form("username").fill("username", "ada").press("allow");
        at = browser.take(&filled).await;
        at = browser.walk(at, back).await;
    }
    at
}

/// From the consent page to the provider's answer, which is not delivered yet.
pub(super) async fn to_return(browser: &mut Browser, page: &Step) -> Navigation {
    agree(browser, page, RETURN).await.next().expect("back to the sidecar")
}

/// What stands in the address that a step leads to.
pub(super) fn parameter(step: &Step, name: &str) -> Option<String> {
    step.next()?.parameter(name)
}

/// The code that a step brings the client.
pub(super) fn code_of(step: &Step) -> String {
    let told = || format!("{:?} {}", step.next(), step.reply.text());
    parameter(step, "code").ok_or_else(told).expect("a code")
}

/// What the client is told of a login; nothing where it gets a code. Either way it learns whose answer it is, once, and which
/// login's (A14), and nothing that the provider wrote (O26).
pub(super) fn told(back: &Step) -> Option<String> {
    let next = back.next().ok_or_else(|| back.reply.text()).expect("a redirect");
    let pairs: Vec<_> = next.url().query_pairs().collect();
    let values = |name: &str| -> Vec<&str> {
        pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value).collect()
    };
    assert_eq!((values("iss"), values("state")), (vec![ORIGIN], vec![STATE]), "{}", next.url());
    assert_eq!(values("code").len() + values("error").len(), 1, "{}", next.url());
    assert!(!next.url().as_str().contains("s3cret"), "{}", next.url());
    parameter(back, "error")
}

pub(super) fn body(reply: &Reply) -> Value {
    serde_json::from_str(&reply.text()).map_err(|_| reply.text()).expect("JSON")
}

/// The error of an answer in JSON; empty where it is none.
pub(super) fn error(reply: &Reply) -> String {
    body(reply)["error"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn tokens(reply: &Reply) -> Tokens {
    let answer = body(reply);
    assert_eq!(reply.status, 200, "{answer}");
    let text = |name: &str| answer[name].as_str().expect("a token").to_owned();
    Tokens { access: text("access_token"), refresh: text("refresh_token"), answer: answer.clone() }
}

/// The claims of a token of ours.
pub(super) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// The `Cookie` header with all that a browser holds for the sidecar.
pub(super) fn cookies(browser: &Browser) -> String {
    let pairs = named(browser, "");
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}

/// The cookies of the sidecar whose names begin like this behind what all of them begin with.
pub(super) fn named(browser: &Browser, start: &str) -> Vec<(String, String)> {
    let start = format!("__Host-mcp-oauth-{start}");
    let all = browser.cookies().into_iter().filter(|cookie| cookie.name.starts_with(&start));
    all.map(|cookie| (cookie.name, cookie.value)).collect()
}

/// Path and query of an address.
pub(super) fn target(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    &url[url[host..].find('/').map_or(url.len(), |at| host + at)..]
}
