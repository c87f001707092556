//! The world of the model, for real: two sidecars, a provider, the victim's browser and the attacker's, and what each of them holds.
//!
//! Listens on loopback. What is the attacker's own is made anew whenever a path uses it, as the model has it.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};
use sidecar::clock::{Clock, Hands, UnixTime};

use super::super::scene::{ORIGIN, Tokens, body};
use super::scope::Proof;
use super::terms::{Answer, Ask, Client, Code, Grant, Login, Pair, Redirect, Replica, Who, Wish};
use crate::world::browser::{Browser, Navigation, Step};
use crate::world::client::{Reply, request, send};
use crate::world::providers::mischief::Place;
use crate::world::providers::people::Visitor;
use crate::world::providers::quirks::Quirks;
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::world::running::Sidecar;
use crate::world::upstream::Upstream;
use crate::world::{NOW, RESOURCE};

const SECRET: &str = "the-secret-of-the-honest-client-that-has-one";
/// In the catalogue, so that the attacker can register it as well.
const HONEST: &str = "https://claude.ai/api/mcp/auth_callback";
const OTHER: &str = "https://honest.example/other";
const ATTACKERS: &str = "http://127.0.0.1:6666/attacker";

pub(super) struct Stage {
    pub(super) provider: Provider,
    upstream: Upstream,
    clock: Clock,
    pub(super) hands: Hands,
    replicas: Vec<Sidecar>,
    phases: [u8; 2],
    pub(super) victim: Browser,
    attacker: Browser,
    attackers_client: String,
    /// Which of the two honest clients it is this time.
    client: Proof,
    pub(super) pages: HashMap<Ask, Step>,
    /// Where the victim's browser goes on from our answer.
    pub(super) tabs: HashMap<Login, Navigation>,
    pub(super) codes: HashMap<Code, String>,
    pub(super) grants: HashMap<Grant, Tokens>,
}

impl Stage {
    pub(super) async fn set() -> Self {
        let (clock, hands) = Clock::by_hand(UnixTime(NOW));
        let provider = Provider::start(Quirks::plain(), &clock).await;
        provider.register(&format!("{ORIGIN}/oauth/callback"));
        provider.visitor(Visitor::IsAsked);
        let upstream = Upstream::start().await;
        let mut replicas = Vec::new();
        for _ in 0..2 {
            let policy = policy(&provider.issuer(), 0);
            replicas.push(Sidecar::enforcing_at(&policy, &upstream, &clock).await);
        }
        let mut stage = Self {
            victim: Browser::new(&clock),
            attacker: Browser::new(&clock),
            provider,
            upstream,
            clock,
            hands,
            replicas,
            phases: [0, 0],
            attackers_client: String::new(),
            client: Proof::Nothing,
            pages: HashMap::new(),
            tabs: HashMap::new(),
            codes: HashMap::new(),
            grants: HashMap::new(),
        };
        let metadata = json!({ "redirect_uris": [HONEST, ATTACKERS], "token_endpoint_auth_method": "none" });
        let typed = [("content-type", "application/json")];
        let reply = stage.send(Replica::One, "POST /oauth/register", &typed, &metadata.to_string()).await;
        body(&reply)["client_id"].as_str().expect("an id").clone_into(&mut stage.attackers_client);
        stage
    }

    /// Nobody has done anything yet, but that both are logged in at the provider.
    pub(super) async fn begin(&mut self, client: Proof) {
        self.client = client;
        for at in [Replica::One, Replica::Two] {
            if self.phases[at as usize] > 0 {
                self.enforce(at, 0).await;
            }
        }
        self.pages.clear();
        self.tabs.clear();
        self.codes.clear();
        self.grants.clear();
        self.victim = Browser::new(&self.clock);
        self.attacker = Browser::new(&self.clock);
        self.attacker.way(ORIGIN, self.replicas[0].traffic);
        let address = format!(
            "{}?response_type=code&client_id={CLIENT_ID}&redirect_uri={ORIGIN}/oauth/callback&state=x&scope=openid\
             &code_challenge={}&code_challenge_method=S256",
            self.provider.url(Place::Authorize),
            challenge(Pair::Attackers)
        );
        for (browser, name) in [(&mut self.victim, "victim"), (&mut self.attacker, "attacker")] {
            let form = browser.open(&address).await;
            let filled = form.form("username").fill("username", name).press("allow");
            assert!(browser.take(&filled).await.leads_to(ORIGIN), "{name} is logged in");
        }
    }

    pub(super) async fn restart(&mut self, at: Replica) {
        let policy = policy(&self.provider.issuer(), self.phases[at as usize]);
        self.replicas[at as usize] = Sidecar::enforcing_at(&policy, &self.upstream, &self.clock).await;
        self.attacker.way(ORIGIN, self.replicas[0].traffic);
    }

    pub(super) async fn rotate(&mut self, at: Replica) {
        self.enforce(at, self.phases[at as usize] + 1).await;
    }

    async fn enforce(&mut self, at: Replica, phase: u8) {
        self.phases[at as usize] = phase;
        let policy = policy(&self.provider.issuer(), phase);
        let revision = self.replicas[at as usize].enforce(&policy);
        self.replicas[at as usize].until("/readyz", &format!("enforcing revision {revision}")).await;
    }

    pub(super) async fn send(&self, at: Replica, line: &str, headers: &[(&str, &str)], text: &str) -> Reply {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        send(self.replicas[at as usize].traffic, request(method, path, headers, text)).await
    }

    pub(super) async fn post(&self, at: Replica, path: &str, fields: &[(&str, &str)]) -> Reply {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let typed = [("content-type", "application/x-www-form-urlencoded")];
        self.send(at, &format!("POST {path}"), &typed, &form).await
    }

    /// The victim's browser, on the way to this replica.
    pub(super) fn victim_at(&mut self, at: Replica) -> &mut Browser {
        self.victim.way(ORIGIN, self.replicas[at as usize].traffic);
        &mut self.victim
    }

    pub(super) fn id(&self, client: Client) -> &str {
        match client {
            Client::Honest if self.client == Proof::Nothing => "public",
            Client::Honest => "confidential",
            Client::Attackers => &self.attackers_client,
        }
    }

    /// What a client shows that is this one, or that somebody says is.
    pub(super) fn credentials(&self, by: Who, client: Client) -> Vec<(&'static str, &str)> {
        let has_secret = client == Client::Honest && self.client == Proof::Secret;
        let secret = (has_secret && by == Who::Victim).then_some(("client_secret", SECRET));
        [("client_id", self.id(client))].into_iter().chain(secret).collect()
    }

    /// The authorization request for this, with another `response_type` where it is to be wrong.
    pub(super) fn url(&self, wish: Wish, response_type: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("response_type", response_type),
            ("client_id", self.id(wish.client)),
            ("redirect_uri", address(wish.redirect)),
            ("code_challenge", &challenge(wish.pair)),
            ("code_challenge_method", "S256"),
            ("resource", RESOURCE),
        ]);
        format!("{ORIGIN}/oauth/authorize?{}", query.finish())
    }

    /// Keeps what an answer gave, under the model's name for it.
    pub(super) fn keep(&mut self, answer: Answer, step: Step) {
        match answer {
            Answer::Page(ask) => drop(self.pages.insert(ask, step)),
            Answer::Provider(login) => drop(self.tabs.insert(login, step.next().expect("a redirect"))),
            Answer::Client(_, Some(code)) => {
                let text = step.next().and_then(|next| next.parameter("code")).expect("a code");
                self.codes.insert(code, text);
            }
            _ => {}
        }
    }

    // The attacker, in his own browser.

    pub(super) async fn attackers_page(&mut self, wish: Wish) -> Step {
        let url = self.url(wish, "code");
        self.attacker.open(&url).await
    }

    pub(super) async fn attackers_login(&mut self, wish: Wish) -> Step {
        let page = self.attackers_page(wish).await;
        self.attacker.take(&page.form("ask").press("allow")).await
    }

    /// The provider sends him back, and he stops there.
    pub(super) async fn attackers_answer(&mut self, wish: Wish) -> Step {
        let there = self.attackers_login(wish).await;
        self.attacker.take(&there.next().expect("to the provider")).await
    }

    pub(super) async fn attackers_return(&mut self, wish: Wish) -> Step {
        let back = self.attackers_answer(wish).await;
        self.attacker.take(&back.next().expect("back to us")).await
    }

    pub(super) async fn attackers_code(&mut self, wish: Wish) -> String {
        let step = self.attackers_return(wish).await;
        step.next().and_then(|next| next.parameter("code")).expect("a code")
    }
}

pub(super) fn address(redirect: Redirect) -> &'static str {
    match redirect {
        Redirect::Honest => HONEST,
        Redirect::Other => OTHER,
        Redirect::Attackers => ATTACKERS,
    }
}

pub(super) fn verifier(pair: Pair) -> String {
    match pair {
        Pair::Honest(flow) => format!("a-verifier-that-the-honest-client-made-for-its-login-{flow}"),
        Pair::Misled => "a-verifier-that-the-honest-client-made-for-another-server".to_owned(),
        Pair::Attackers => "a-verifier-that-the-attacker-made-up-for-all-that-he-does".to_owned(),
    }
}

fn challenge(pair: Pair) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier(pair)))
}

/// The keys of a phase: one; the next one behind it; the next one before it.
fn policy(issuer: &str, phase: u8) -> String {
    let keys: &[u8] = [&[1][..], &[1, 2], &[2, 1]][usize::from(phase)];
    let key = |byte: &u8| format!("{{id: k{byte}, key: '{}'}}", STANDARD.encode([*byte; 32]));
    let keys = keys.iter().map(key).collect::<Vec<_>>().join(", ");
    let addresses = format!("['{HONEST}', '{OTHER}']");
    format!(
        "resource: {RESOURCE}\nmaxBodyBytes: 4194304\ntrust: {{audiences: ['{RESOURCE}']}}\n\
         claims: {{scope: [scope], user: email, audience: aud}}\nrequiredScopes: [mcp]\nproxy:\n  \
         login: {{provider: oidc, issuer: '{issuer}', clientId: '{CLIENT_ID}', clientSecret: '{CLIENT_SECRET}', \
         scopes: [openid, offline_access]}}\n  \
         redirects: ['{ORIGIN}/oauth/callback']\n  consent: remember\n  \
         clients: {{dynamic: on, metadataDocuments: off, static: [\
         {{id: public, redirectURIs: {addresses}}}, \
         {{id: confidential, secret: '{SECRET}', redirectURIs: {addresses}}}]}}\n  \
         lifetimes: {{access: 900, refresh: 2592000}}\n  keys: {{seal: [{keys}], sign: [{keys}]}}\n"
    )
}
