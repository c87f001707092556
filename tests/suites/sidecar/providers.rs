//! The identity providers that the suites make up behave as their documents say: each quirk beside a provider that has it
//! not, each lie and each fault beside the honest answer. Asked by HTTP directly, so that the sidecar is not what is tested.
//!
//! Providers and browsers on loopback.

mod authorize;
mod grants;
mod mischief;
mod real;
mod refresh;
mod tokens;
mod users;

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sidecar::clock::Hands;
use url::Url;

use crate::world;
use crate::world::browser::{Browser, Step};
use crate::world::client::{self, Reply, request};
use crate::world::providers::mischief::Place;
use crate::world::providers::people::{Person, Visitor};
use crate::world::providers::quirks::{Quirks, Vendor};
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET, Provider};

const CALLBACK: &str = "https://mcp.example.com/oauth/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A provider that knows us and has Alice at the browser.
struct Scene {
    provider: Provider,
    vendor: Vendor,
    browser: Browser,
    hands: Hands,
}

impl Scene {
    async fn with(quirks: Quirks) -> Self {
        let (clock, hands) = world::clock();
        let vendor = quirks.vendor;
        let provider = Provider::start(quirks, &clock).await;
        provider.register(CALLBACK);
        provider.visitor(Visitor::Is(Person::new("alice")));
        Self { provider, vendor, browser: Browser::new(&clock), hands }
    }

    /// A good authorization request, with these differences; an empty value takes a parameter away.
    fn request(&self, changes: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let scope = match self.vendor {
            Vendor::GitHub => "read:user user:email",
            _ => "openid profile email",
        };
        let good = [
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", CALLBACK),
            ("scope", scope),
            ("state", "xyz-1"),
            ("nonce", "n-0S6"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let mut url = Url::parse(&self.provider.url(Place::Authorize)).expect("an address");
        url.query_pairs_mut().extend_pairs(changed(&good, changes));
        url.into()
    }

    async fn authorize(&mut self, changes: &[(&str, &str)]) -> Step {
        let url = self.request(changes);
        self.browser.open(&url).await
    }

    /// A code that an authorization request with these differences gives.
    async fn code(&mut self, changes: &[(&str, &str)]) -> String {
        let step = self.authorize(changes).await;
        answered(&step, "code").expect("the login succeeds")
    }

    /// A good redemption of a code, with these differences.
    async fn redeem(&self, code: &str, changes: &[(&str, &str)]) -> Reply {
        let good = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
        ];
        self.post(&changed(&good, changes), &[("accept", "application/json")]).await
    }

    async fn refresh(&self, token: &str, changes: &[(&str, &str)]) -> Reply {
        let good = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
        ];
        self.post(&changed(&good, changes), &[]).await
    }

    /// What a login with these differences comes to.
    async fn tokens(&mut self, changes: &[(&str, &str)]) -> Value {
        let code = self.code(changes).await;
        let reply = self.redeem(&code, &[]).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    async fn post(&self, parameters: &[(&str, &str)], headers: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let all = [&[("content-type", "application/x-www-form-urlencoded")], headers].concat();
        ask("POST", &self.provider.url(Place::Token), &all, &body).await
    }

    async fn get(&self, place: Place, headers: &[(&str, &str)]) -> Reply {
        ask("GET", &self.provider.url(place), headers, "").await
    }
}

fn changed<'a>(good: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
    let kept = good.iter().filter(|(name, _)| !is_changed(name));
    kept.chain(changes.iter().filter(|(_, value)| !value.is_empty())).copied().collect()
}

async fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let url = Url::parse(url).expect("an address");
    let to: SocketAddr = url.socket_addrs(|| None).expect("an address and a port")[0];
    // What a server says of its own addresses may hang on the name that it is asked by.
    let host = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
    let headers = [&[("host", host.as_str())], headers].concat();
    client::send(to, request(method, &url[url::Position::BeforePath..], &headers, body)).await
}

/// What stands under this name in the answer that a redirect to us carries.
fn answered(step: &Step, name: &str) -> Option<String> {
    step.next().filter(|_| step.leads_to(CALLBACK))?.parameter(name)
}

fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

/// Header and claims of a token.
fn parts(token: &Value) -> (Value, Value) {
    let token = token.as_str().expect("a token is a text");
    let decoded: Vec<Value> = token
        .split('.')
        .take(2)
        .map(|part| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
            serde_json::from_slice(&bytes).expect("JSON")
        })
        .collect();
    let [header, claims] = <[Value; 2]>::try_from(decoded).expect("a token has two parts of JSON");
    (header, claims)
}
