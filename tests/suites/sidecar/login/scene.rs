//! A sidecar in proxy mode between a client, a person at a browser and a provider, all in this process.
//!
//! Listens on loopback. Time stands at `NOW` until the scene's hands move it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sidecar::clock::{Clock, Hands, UnixTime};

use crate::world::browser::{Browser, Step};
use crate::world::client::Reply;
use crate::world::providers::Provider;
use crate::world::providers::people::Visitor;
use crate::world::providers::quirks::{Quirks, Vendor};
use crate::world::running::Sidecar;
use crate::world::upstream::Upstream;
use crate::world::{NOW, RESOURCE};

use super::policy::policy;

pub(super) const ORIGIN: &str = "https://mcp.example.com";
/// Where the client waits.
pub(super) const CALLBACK: &str = "http://127.0.0.1:4711/callback";
pub(super) const VERIFIER: &str = "a-verifier-of-the-client-with-enough-characters-in-it";

pub(super) struct Scene {
    pub(super) provider: Provider,
    pub(super) upstream: Upstream,
    pub(super) sidecar: Sidecar,
    pub(super) clock: Clock,
    pub(super) hands: Hands,
}

/// What a client holds after a login.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) answer: Value,
}

impl Scene {
    pub(super) async fn set(quirks: Quirks) -> Self {
        Self::set_as(quirks, "oidc").await
    }

    /// With what the preset of this provider asks for.
    pub(super) async fn set_for(quirks: Quirks) -> Self {
        let word = match quirks.vendor {
            Vendor::Entra => "azure",
            Vendor::Google => "google",
            Vendor::Cognito => "cognito",
            Vendor::Auth0 => "auth0",
            Vendor::Okta => "okta",
            Vendor::GitHub => "github",
            Vendor::Plain => "oidc",
        };
        Self::set_as(quirks, word).await
    }

    async fn set_as(quirks: Quirks, word: &str) -> Self {
        Self::set_with(quirks, word, |policy| policy).await
    }

    /// With a policy that is changed before it is delivered.
    pub(super) async fn set_with(quirks: Quirks, word: &str, change: impl Fn(String) -> String) -> Self {
        let (clock, hands) = Clock::by_hand(UnixTime(NOW));
        let provider = Provider::start(quirks, &clock).await;
        provider.register(&format!("{ORIGIN}/oauth/callback"));
        provider.visitor(Visitor::IsAsked);
        let upstream = Upstream::start().await;
        let policy = change(policy(&provider.issuer(), word, &["1"], &["2"]));
        let sidecar = Sidecar::enforcing_at(&policy, &upstream, &clock).await;
        Self { provider, upstream, sidecar, clock, hands }
    }

    /// One more sidecar with the same policy, which shares nothing else.
    pub(super) async fn replica(&self) -> Sidecar {
        self.replica_with(|policy| policy).await
    }

    /// One more sidecar with a policy that is changed before it is delivered.
    pub(super) async fn replica_with(&self, change: impl Fn(String) -> String) -> Sidecar {
        let policy = change(policy(&self.provider.issuer(), "oidc", &["1"], &["2"]));
        Sidecar::enforcing_at(&policy, &self.upstream, &self.clock).await
    }

    /// Delivers the policy with another provider in it.
    pub(super) async fn move_to(&mut self, provider: &Provider, client: &str) {
        let revision = self.sidecar.enforce(&policy(&provider.issuer(), "oidc", &["1"], &["2"]));
        self.sidecar.until("/readyz", &format!("enforcing revision {revision}")).await;
        // Its document is on its way then.
        let known = async {
            loop {
                let mut browser = self.browser();
                let page = self.ask(&mut browser, client).await;
                if browser.take(&page.form("ask").press("allow")).await.leads_to(&provider.issuer()) {
                    break;
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), known).await.expect("it is known in time");
    }

    /// Delivers the policy with a change in it.
    pub(super) fn edit(&mut self, change: impl Fn(String) -> String) -> String {
        self.sidecar.enforce(&change(policy(&self.provider.issuer(), "oidc", &["1"], &["2"])))
    }

    /// Delivers the policy with these keys.
    pub(super) async fn rotate(&mut self, seal: &[&str], sign: &[&str]) {
        let revision = self.sidecar.enforce(&policy(&self.provider.issuer(), "oidc", seal, sign));
        self.sidecar.until("/readyz", &format!("enforcing revision {revision}")).await;
    }

    /// A browser of its own, with the way to the sidecar.
    pub(super) fn browser(&self) -> Browser {
        let mut browser = Browser::new(&self.clock);
        browser.way(ORIGIN, self.sidecar.traffic);
        browser
    }

    pub(super) async fn register(&self, metadata: &Value) -> Reply {
        let json = [("content-type", "application/json")];
        self.sidecar.send("POST", "/oauth/register", &json, &metadata.to_string()).await
    }

    /// A public client on this machine.
    pub(super) async fn client(&self) -> String {
        let metadata = json!({
            "client_name": "a tool", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        });
        let reply = self.register(&metadata).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        body(&reply)["client_id"].as_str().expect("an id").to_owned()
    }

    /// The consent page.
    pub(super) async fn ask(&self, browser: &mut Browser, client: &str) -> Step {
        browser.open(&authorize(client, &[])).await
    }

    /// From the consent page to where the client waits.
    pub(super) async fn agree(&self, browser: &mut Browser, page: &Step) -> Step {
        let allow = page.form("ask").press("allow");
        let there = browser.take(&allow).await;
        let there = browser.walk(there, CALLBACK).await;
        self.sign_in(browser, there).await
    }

    /// Whatever the provider shows, filled in.
    pub(super) async fn sign_in(&self, browser: &mut Browser, mut at: Step) -> Step {
        if !at.leads_to(CALLBACK) && at.reply.status == 200 {
            let filled = at.form("username").fill("username", "ada").press("allow");
            at = browser.take(&filled).await;
            at = browser.walk(at, CALLBACK).await;
        }
        at
    }

    /// A whole login, up to the code.
    pub(super) async fn code(&self, client: &str) -> String {
        let mut browser = self.browser();
        let page = self.ask(&mut browser, client).await;
        assert_eq!(page.reply.status, 200, "{}", page.reply.text());
        let back = self.agree(&mut browser, &page).await;
        let told = || format!("{:?} {}", back.next(), back.reply.text());
        parameter(&back, "code").ok_or_else(told).expect("a code")
    }

    pub(super) async fn token(&self, fields: &[(&str, &str)]) -> Reply {
        self.post("/oauth/token", fields).await
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        post(&self.sidecar, path, fields).await
    }

    pub(super) async fn redeem(&self, client: &str, code: &str) -> Reply {
        self.token(&redemption(client, code)).await
    }

    pub(super) async fn refresh(&self, client: &str, refresh: &str) -> Reply {
        self.token(&refreshment(client, refresh)).await
    }

    /// A whole login, up to the tokens.
    pub(super) async fn log_in(&self, client: &str) -> Tokens {
        let code = self.code(client).await;
        tokens(&self.redeem(client, &code).await)
    }

    /// The status of a call to the server with this token.
    pub(super) async fn call(&self, access: &str) -> u16 {
        call(&self.sidecar, access).await
    }
}

/// Posts a form to a sidecar.
pub(super) async fn post(sidecar: &Sidecar, path: &str, fields: &[(&str, &str)]) -> Reply {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let typed = [("content-type", "application/x-www-form-urlencoded")];
    sidecar.send("POST", path, &typed, &form).await
}

pub(super) async fn call(sidecar: &Sidecar, access: &str) -> u16 {
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    sidecar.send("POST", "/mcp", &headers, "{}").await.status
}

pub(super) fn refreshment<'a>(client: &'a str, refresh: &'a str) -> [(&'a str, &'a str); 3] {
    [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", refresh)]
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
        ("state", "the client's own state"),
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

/// What stands in the address that a step leads to.
pub(super) fn parameter(step: &Step, name: &str) -> Option<String> {
    step.next()?.parameter(name)
}

pub(super) fn body(reply: &Reply) -> Value {
    serde_json::from_str(&reply.text()).map_err(|_| reply.text()).expect("JSON")
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
