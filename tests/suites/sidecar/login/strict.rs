//! A provider that others wrote and that is as strict as OpenID Connect allows: `oidc-provider` gives a refresh token only to
//! those who ask for offline access with `prompt=consent` (Core §11), and it rotates them.
//!
//! Fetches packages into the cache; a program on loopback. The sidecar's clock starts at the machine's, for the provider has no other.

use std::time::{Duration, Instant};

use harness::counterparts::oidc_provider::{self, CLIENT_ID, CLIENT_SECRET, OidcProvider};
use harness::lab::{Environment, Paths, Progress};
use sidecar::clock::Clock;
use url::Url;

use super::policy::policy;
use super::scene::{CALLBACK, ORIGIN, authorize, body, parameter, redemption, tokens};
use crate::world::browser::{Browser, Step};
use crate::world::client::{Reply, request, send};
use crate::world::providers;
use crate::world::running::Sidecar;
use crate::world::upstream::Upstream;

struct Strict {
    provider: OidcProvider,
    sidecar: Sidecar,
    clock: Clock,
    hands: sidecar::clock::Hands,
    _upstream: Upstream,
}

impl Strict {
    async fn set() -> Self {
        let paths = Paths::new(&Environment::of_process()).expect("there is a cache");
        let progress = Progress::since(Instant::now());
        let folder = oidc_provider::install(&paths, progress).await.expect("the packages are there");
        let callback = format!("{ORIGIN}/oauth/callback");
        let provider = OidcProvider::start(&folder, &[&callback]).await.expect("it starts");
        let upstream = Upstream::start().await;
        let (clock, hands) = Clock::by_hand(Clock::system().unix());
        let policy = policy(provider.issuer(), "oidc", &["1"], &["2"]);
        let policy = policy.replace(providers::CLIENT_ID, CLIENT_ID);
        let policy = policy.replace(providers::CLIENT_SECRET, CLIENT_SECRET);
        let sidecar = Sidecar::enforcing_at(&policy, &upstream, &clock).await;
        let strict = Self { provider, sidecar, clock, hands, _upstream: upstream };
        // A sidecar is ready before its provider has answered: logins wait for that.
        let known = async {
            while !strict.agreed().await.2.leads_to(strict.provider.issuer()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), known).await.expect("the provider is known in time");
        strict
    }

    /// A client, a browser whose user has agreed to it, and what came of that.
    async fn agreed(&self) -> (String, Browser, Step) {
        let json = [("content-type", "application/json")];
        let metadata = format!(r#"{{"redirect_uris":["{CALLBACK}"],"token_endpoint_auth_method":"none"}}"#);
        let registered = body(&self.sidecar.send("POST", "/oauth/register", &json, &metadata).await);
        let client = registered["client_id"].as_str().expect("an id").to_owned();
        let mut browser = Browser::new(&self.clock);
        browser.way(ORIGIN, self.sidecar.traffic);
        let page = browser.open(&authorize(&client, &[])).await;
        let step = browser.take(&page.form("ask").press("allow")).await;
        (client, browser, step)
    }

    /// The id of a client, and what it holds after a login of Alice's.
    async fn log_in(&self) -> (String, super::scene::Tokens) {
        let (client, mut browser, step) = self.agreed().await;
        let mut step = browser.walk(step, CALLBACK).await;
        // The provider's pages: a login, then a consent.
        for _ in 0..2 {
            let pressed = match step.find_form("login") {
                Some(login) => login.fill("username", "alice").press("allow"),
                None => step.form("consent").press("allow"),
            };
            step = browser.take(&pressed).await;
            step = browser.walk(step, CALLBACK).await;
            if step.leads_to(CALLBACK) {
                break;
            }
        }
        let code = parameter(&step, "code")
            .ok_or_else(|| format!("{:?} {}", step.next(), step.reply.text()))
            .expect("a code");
        let held = tokens(&self.token(&redemption(&client, &code)).await);
        (client, held)
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Reply {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let typed = [("content-type", "application/x-www-form-urlencoded")];
        self.sidecar.send("POST", "/oauth/token", &typed, &form).await
    }

    async fn refresh(&self, client: &str, refresh: &str) -> Reply {
        let fields = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", refresh)];
        self.token(&fields).await
    }

    /// Shuts Alice out, or lets her in again.
    async fn door(&self, method: &str) {
        let issuer = Url::parse(self.provider.issuer()).expect("an address");
        let to = issuer.socket_addrs(|| None).expect("an address and a port")[0];
        assert_eq!(send(to, request(method, "/disabled/alice", &[], "")).await.status, 204);
    }
}

#[tokio::test]
async fn a22_a_strict_provider_gives_what_it_is_asked_again_with_and_shuts_out_whom_it_disables() {
    let strict = Strict::set().await;
    let (client, first) = strict.log_in().await;
    strict.hands.advance(Duration::from_mins(10));
    let second = tokens(&strict.refresh(&client, &first.refresh).await);
    // Its refresh tokens are good once: the one that came with the last answer is the one that is used now.
    strict.hands.advance(Duration::from_mins(10));
    let third = tokens(&strict.refresh(&client, &second.refresh).await);
    strict.hands.advance(Duration::from_mins(10));
    strict.door("PUT").await;
    assert_eq!(body(&strict.refresh(&client, &third.refresh).await)["error"], "invalid_grant");
    strict.door("DELETE").await;
    let (client, again) = strict.log_in().await;
    tokens(&strict.refresh(&client, &again.refresh).await);
}
