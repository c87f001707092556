//! A person at a browser: agrees to what the sidecar asks, signs in wherever the provider wants it, and is led back to the
//! client. What stops them is told with the text of the page on which they stand.
//!
//! Talks to loopback, through the world's browser: cookies, `Origin` and policies of pages count as they do in Chromium.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness::counterparts::keycloak;
use sidecar::clock::Clock;
use tokio::net::TcpStream;
use url::Url;

use crate::world::browser::{Browser, Navigation, Step};

/// Pages on the way: consent, a sign-in in two parts, the provider's own consent.
const MOST_PAGES: usize = 6;
/// A person is slower than a program that opens a browser first and its listener then.
const PATIENCE: Duration = Duration::from_secs(5);

/// A person with a browser that nobody has used.
#[derive(Debug)]
pub(crate) struct Person {
    browser: Browser,
}

impl Person {
    pub(crate) fn new() -> Self {
        Self { browser: Browser::new(&Clock::system()) }
    }

    /// From the address that a client opened to the one that leads back to it, which is not taken yet.
    pub(crate) async fn log_in(&mut self, url: &str) -> Result<Navigation, String> {
        let start = Url::parse(url).map_err(|error| format!("{url}: {error}"))?;
        let back =
            start.query_pairs().find(|(name, _)| name == "redirect_uri").map(|(_, uri)| uri.into_owned());
        let back = back.ok_or_else(|| format!("no redirect_uri in {url}"))?;
        let mut step = self.browser.open(url).await;
        for _ in 0..MOST_PAGES {
            step = self.browser.walk(step, &back).await;
            if let Some(next) = step.next() {
                return Ok(next);
            }
            let submitted = submitted(&step).ok_or_else(|| described(&step))?;
            step = self.browser.take(&submitted).await;
        }
        Err(format!("the login goes round in circles; in the end: {}", described(&step)))
    }

    /// Goes back to the client, which may not listen yet.
    pub(crate) async fn return_to_client(&mut self, back: &Navigation) -> Result<(), String> {
        let address = back.url().socket_addrs(|| None).map_err(|error| format!("{}: {error}", back.url()))?;
        listening(&address).await?;
        let step = self.browser.take(back).await;
        if step.reply.status < 400 { Ok(()) } else { Err(described(&step)) }
    }
}

async fn listening(address: &[SocketAddr]) -> Result<(), String> {
    let begun = Instant::now();
    while let Err(error) = TcpStream::connect(address).await {
        if begun.elapsed() > PATIENCE {
            return Err(format!("nobody listens at {address:?}: {error}"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// What a person does with this page, if there is anything to do.
fn submitted(step: &Step) -> Option<Navigation> {
    if let Some(form) = step.find_form("ask") {
        return Some(form.press("allow"));
    }
    if let Some(form) = step.find_form("kc-form-login") {
        let (name, password) = keycloak::PERSON.split_once(':')?;
        return Some(form.fill("username", name).fill("password", password).press("login"));
    }
    if let Some(form) = step.find_form("login") {
        return Some(form.fill("username", "alice").press("allow"));
    }
    if let Some(form) = step.find_form("consent") {
        return Some(form.press("allow"));
    }
    Some(step.find_form("username")?.fill("username", "alice").press("allow"))
}

/// The page as text, for whoever reads why a login failed.
fn described(step: &Step) -> String {
    let url = step.navigation.url();
    let text: String = step
        .reply
        .text()
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, behind)| behind))
        .collect::<Vec<_>>()
        .join(" ");
    let text: Vec<&str> = text.split_whitespace().take(60).collect();
    format!("{} at {}{}: {}", step.reply.status, url.authority(), url.path(), text.join(" "))
}
