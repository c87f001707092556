//! A sidecar in proxy mode between a client, a person at a browser and a provider, all in this process.
//!
//! Listens on loopback. Time stands at `NOW` until the scene's hands move it.

use serde_json::Value;
use sidecar::clock::{Clock, Hands, UnixTime};

use super::desk::{self, Desk};
pub(super) use super::desk::{
    Tokens, authorize, body, challenge, claims, parameter, redemption, refreshment, tokens,
};
use super::policy::policy;
use super::rules::Rules;
use crate::world::NOW;
use crate::world::browser::{Browser, Step};
use crate::world::client::Reply;
use crate::world::providers::Provider;
use crate::world::providers::people::Visitor;
use crate::world::providers::quirks::{Quirks, Vendor};
use crate::world::running::Sidecar;
use crate::world::upstream::Upstream;

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
        Self::set_to(quirks, |issuer| change(policy(issuer, word, &["1"], &["2"]))).await
    }

    /// With a policy of its own.
    pub(super) async fn set_by(quirks: Quirks, rules: &Rules) -> Self {
        Self::set_to(quirks, |issuer| rules.text(issuer)).await
    }

    async fn set_to(quirks: Quirks, policy: impl Fn(&str) -> String) -> Self {
        let (clock, hands) = Clock::by_hand(UnixTime(NOW));
        let provider = Provider::start(quirks, &clock).await;
        provider.register(&format!("{ORIGIN}/oauth/callback"));
        provider.visitor(Visitor::IsAsked);
        let upstream = Upstream::start().await;
        let sidecar = Sidecar::enforcing_at(&policy(&provider.issuer()), &upstream, &clock).await;
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

    /// One more sidecar with the usual policy, by a clock of its own.
    pub(super) async fn replica_at(&self, clock: &Clock) -> Sidecar {
        let policy = policy(&self.provider.issuer(), "oidc", &["1"], &["2"]);
        Sidecar::enforcing_at(&policy, &self.upstream, clock).await
    }

    /// Delivers another policy, and waits until it is enforced.
    pub(super) async fn enforce(&mut self, rules: &Rules) {
        let revision = self.sidecar.enforce(&rules.text(&self.provider.issuer()));
        self.sidecar.until("/readyz", &format!("enforcing revision {revision}")).await;
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

    pub(super) fn desk(&self) -> Desk {
        Desk(self.sidecar.traffic)
    }

    /// A browser of its own, with the way to the sidecar.
    pub(super) fn browser(&self) -> Browser {
        let mut browser = Browser::new(&self.clock);
        browser.way(ORIGIN, self.sidecar.traffic);
        browser
    }

    pub(super) async fn register(&self, metadata: &Value) -> Reply {
        self.desk().register(metadata).await
    }

    /// A public client on this machine.
    pub(super) async fn client(&self) -> String {
        self.desk().client().await
    }

    /// The consent page.
    pub(super) async fn ask(&self, browser: &mut Browser, client: &str) -> Step {
        browser.open(&authorize(client, &[])).await
    }

    /// From the consent page to where the client waits.
    pub(super) async fn agree(&self, browser: &mut Browser, page: &Step) -> Step {
        desk::agree(browser, page, CALLBACK).await
    }

    /// Whatever the provider shows, filled in.
    pub(super) async fn sign_in(&self, browser: &mut Browser, at: Step) -> Step {
        desk::sign_in(browser, at, CALLBACK).await
    }

    /// A whole login, up to the code.
    pub(super) async fn code(&self, client: &str) -> String {
        let mut browser = self.browser();
        let page = self.ask(&mut browser, client).await;
        desk::code_of(&self.agree(&mut browser, &page).await)
    }

    /// What the client is told of a login; nothing where it gets a code.
    pub(super) async fn told(&self, client: &str) -> Option<String> {
        let mut browser = self.browser();
        let page = self.ask(&mut browser, client).await;
        desk::told(&self.agree(&mut browser, &page).await)
    }

    pub(super) async fn token(&self, fields: &[(&str, &str)]) -> Reply {
        self.post("/oauth/token", fields).await
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.desk().post(path, fields).await
    }

    pub(super) async fn redeem(&self, client: &str, code: &str) -> Reply {
        self.desk().redeem(client, code).await
    }

    pub(super) async fn refresh(&self, client: &str, refresh: &str) -> Reply {
        self.desk().refresh(client, refresh).await
    }

    /// A whole login, up to the tokens.
    pub(super) async fn log_in(&self, client: &str) -> Tokens {
        let code = self.code(client).await;
        tokens(&self.redeem(client, &code).await)
    }

    /// The status of a call to the server with this token.
    pub(super) async fn call(&self, access: &str) -> u16 {
        self.desk().call(access).await
    }
}

/// Posts a form to a sidecar.
pub(super) async fn post(sidecar: &Sidecar, path: &str, fields: &[(&str, &str)]) -> Reply {
    Desk(sidecar.traffic).post(path, fields).await
}

pub(super) async fn call(sidecar: &Sidecar, access: &str) -> u16 {
    Desk(sidecar.traffic).call(access).await
}
