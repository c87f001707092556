//! The program itself, killed without a word between every two steps: the next one finds a process that remembers nothing, and
//! nothing that was given out is lost. And told to end in the middle of something, which it ends first.
//!
//! Starts processes, and a sidecar in this one; kills only those, by their ids.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sidecar::clock::Clock;

use super::desk::{Desk, RETURN, agree, authorize, code_of, error, sign_in, tokens};
use super::faults::refresh_text;
use super::rules::Rules;
use super::scene::{CALLBACK, ORIGIN, Scene};
use crate::world::browser::Browser;
use crate::world::client::Connection;
use crate::world::program::{Program, free_addresses};
use crate::world::providers::mischief::{Fault, Place};
use crate::world::providers::people::Visitor;
use crate::world::providers::quirks::{Quirks, Revocation};
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::world::upstream::Upstream;
use crate::world::{RESOURCE, SECRET};

/// A provider, a server, and the place where the sidecar runs between them.
pub(super) struct Standalone {
    pub(super) provider: Provider,
    pub(super) upstream: Upstream,
    pub(super) clock: Clock,
    addresses: [SocketAddr; 2],
}

impl Standalone {
    pub(super) async fn set() -> Self {
        Self::set_with(Quirks::plain()).await
    }

    /// With a provider of these ways.
    pub(super) async fn set_with(quirks: Quirks) -> Self {
        let clock = Clock::system();
        let provider = Provider::start(quirks, &clock).await;
        provider.register(RETURN);
        provider.visitor(Visitor::IsAsked);
        Self { provider, upstream: Upstream::start().await, clock, addresses: free_addresses() }
    }

    /// The sidecar, with the variables that its users write.
    pub(super) async fn start(&self, more: &[(&str, &str)]) -> Program {
        let issuer = self.provider.issuer();
        let usual = [
            ("OAUTH_PROVIDER", "oidc"),
            ("OAUTH_ISSUER", &issuer),
            ("OAUTH_CLIENT_ID", CLIENT_ID),
            ("OAUTH_CLIENT_SECRET", CLIENT_SECRET),
            ("OAUTH_SERVER_URL", RESOURCE),
            ("JWT_SECRET", SECRET),
        ];
        let environment = [&usual[..], more].concat();
        Program::start_on(self.addresses, self.upstream.address, &environment).await
    }

    pub(super) fn desk(&self) -> Desk {
        Desk(self.addresses[0])
    }

    pub(super) fn browser(&self) -> Browser {
        let mut browser = Browser::new(&self.clock);
        browser.way(ORIGIN, self.addresses[0]);
        browser
    }
}

#[tokio::test]
async fn o29_a_process_that_is_killed_between_any_two_steps_loses_nothing() {
    let world = Standalone::set().await;
    let (desk, mut browser) = (world.desk(), world.browser());
    let mut running = world.start(&[]).await;
    let client = desk.client().await;
    running = anew(&world, running).await;
    let page = browser.open(&authorize(&client, &[])).await;
    running = anew(&world, running).await;
    let there = browser.take(&page.form("ask").press("allow")).await;
    assert!(there.leads_to(&world.provider.issuer()), "{:?} {}", there.next(), there.reply.text());
    running = anew(&world, running).await;
    let there = browser.walk(there, RETURN).await;
    let there = sign_in(&mut browser, there, RETURN).await.next().expect("back to the sidecar");
    running = anew(&world, running).await;
    let code = code_of(&browser.take(&there).await);
    running = anew(&world, running).await;
    let held = tokens(&desk.redeem(&client, &code).await);
    running = anew(&world, running).await;
    assert_eq!(desk.call(&held.access).await, 200);
    let next = tokens(&desk.refresh(&client, &held.refresh).await);
    running = anew(&world, running).await;
    assert_eq!(desk.call(&next.access).await, 200);
    let last = tokens(&desk.refresh(&client, &next.refresh).await);
    running = anew(&world, running).await;
    let revoked = desk.post("/oauth/revoke", &[("client_id", &client), ("token", &last.refresh)]).await;
    assert_eq!((revoked.status, desk.call(&last.access).await), (200, 401));
    assert_eq!(error(&desk.refresh(&client, &last.refresh).await), "invalid_grant");
    running.end(Signal::KILL).await;
}

/// Kills it, and starts another in its place.
async fn anew(world: &Standalone, running: Program) -> Program {
    let (_, code) = running.end(Signal::KILL).await;
    assert_eq!(code, None, "killed, and not ended by itself");
    world.start(&[]).await
}

/// A client signs out, and its pod ends before the provider has answered. The client waits for two seconds, a call for ten.
#[tokio::test]
async fn o30_a_process_that_is_told_to_end_first_ends_what_it_began_at_the_provider() {
    let world = Standalone::set_with(Quirks { revocation: Revocation::Login, ..Quirks::plain() }).await;
    let (desk, mut browser) = (world.desk(), world.browser());
    for (fault, from, to, is_ended) in [
        (Some(Fault::Late(Duration::from_secs(4))), 4, 9, true),
        (Some(Fault::Silence), 9, 19, false),
        (None, 0, 2, true),
    ] {
        let running = world.start(&[]).await;
        let client = desk.client().await;
        let page = browser.open(&authorize(&client, &[])).await;
        let code = code_of(&agree(&mut browser, &page, CALLBACK).await);
        let held = tokens(&desk.redeem(&client, &code).await);
        let shown = format!("{fault:?}");
        if let Some(fault) = fault {
            world.provider.fail(Place::Revoke, fault);
        }
        let begun = Instant::now();
        let revoked = desk.post("/oauth/revoke", &[("client_id", &client), ("token", &held.refresh)]).await;
        assert_eq!(revoked.status, 200, "{shown}");
        let (log, code) = running.end(Signal::TERM).await;
        assert_eq!(code, Some(0), "{shown}");
        let took = begun.elapsed();
        assert!((Duration::from_secs(from)..Duration::from_secs(to)).contains(&took), "{shown}: {took:?}");
        assert_eq!(!log.contains("and not at the provider"), is_ended, "{shown}: {log}");
        world.provider.behave();
    }
}

/// A client hangs up in the middle of a refresh, another program of its signs out, the policy is edited, and the pod ends.
#[tokio::test]
async fn o30_what_was_begun_under_an_earlier_policy_is_ended_before_the_sidecar_is() {
    let quirks = Quirks { revocation: Revocation::Login, ..Quirks::plain() };
    let mut scene = Scene::set_by(quirks, &Rules::usual()).await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    scene.hands.advance(Duration::from_mins(10));
    let asked = scene.provider.requests(Place::Token).len();
    scene.provider.fail(Place::Token, Fault::Late(Duration::from_secs(4)));
    let begun = Instant::now();
    let mut connection = Connection::open(scene.desk().0).await;
    connection.write(refresh_text(&client, &held.refresh)).await;
    while scene.provider.requests(Place::Token).len() == asked {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Answered after two seconds: the refresh is to end first, for it brings the token that is to be taken back.
    let revoked = scene.post("/oauth/revoke", &[("client_id", &client), ("token", &held.refresh)]).await;
    drop(connection);
    let heard = |provider: &Provider| provider.requests(Place::Revoke).len();
    assert_eq!((revoked.status, heard(&scene.provider)), (200, 0));
    scene.enforce(&Rules::usual().with("/proxy/consent", "remember")).await;
    let Scene { sidecar, provider, .. } = scene;
    sidecar.end().await.expect("as it was told to");
    assert_eq!(heard(&provider), 1);
    let taken = provider.last(Place::Revoke).parameter("token").map(str::to_owned);
    assert_ne!(
        taken,
        provider.last(Place::Token).parameter("refresh_token").map(str::to_owned),
        "the newest"
    );
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

/// "Decided" 5: what the secret is for.
#[tokio::test]
async fn o29_with_another_secret_or_none_nothing_of_before_is_good() {
    let world = Standalone::set().await;
    let desk = world.desk();
    let running = world.start(&[]).await;
    let client = desk.client().await;
    running.end(Signal::TERM).await;
    for (secret, status) in [("pX3vN8qT5mK2wZ9rL6yC1bH7dJ4gF0sE", 400), ("", 400), (SECRET, 200)] {
        let running = world.start(&[("JWT_SECRET", secret)]).await;
        let page = world.browser().open(&authorize(&client, &[])).await;
        assert_eq!(page.reply.status, status, "{secret:?}");
        running.end(Signal::TERM).await;
    }
}
