//! The login: the sidecar as authorization server in front of the same server, and a provider that has never heard of MCP
//! (`oidc-provider`). A client registers itself, a person agrees and signs in, and the client calls a tool; first driven,
//! and then for whoever wants to click, as long as the demo lasts.
//!
//! Starts programs and one listener on loopback, and ends them with the value that it gives.
//!
//! ```text
//! stage     the server, the provider, the sidecar
//! person    somebody at a browser, by curl and its jar of cookies
//! client    what every MCP client does: register, ask, redeem, call
//! desk      the client's own address, where a person can begin by hand
//! ```

mod client;
mod desk;
mod person;
mod stage;

use std::path::Path;

use serde_json::Value;

use super::curl::{Network, Request};
use super::tell::Teller;
use super::{expect, mcp};
use crate::lab::{Error, Paths, Progress};
use client::Client;
pub(super) use desk::Desk;
use person::Person;
use stage::Stage;

/// Plays the scene with a sidecar that is built.
pub(super) async fn play(
    sidecar: &Path,
    paths: &Paths,
    progress: Progress,
    teller: &Teller,
) -> Result<Desk, Error> {
    let parts = stage::install(paths, progress).await?;
    teller.scene("A login through the sidecar: proxy mode");
    let stage = Stage::set(sidecar, &parts, teller).await?;
    let metadata = discover(&stage, teller).await?;
    let client = Client::register(&metadata, &stage.url, stage.desk_port, teller).await?;
    let code = log_in(&client, teller).await?;
    let token = client.redeem(&code, teller).await?;
    mcp::call_tool(&Network::Here, &stage.url, &token, teller).await?;
    teller.so("the client got a token for this server alone; the provider's own never left the sidecar");
    let desk = Desk::open(stage, client)?;
    teller.so(format_args!("by hand: open {} in a browser, as long as the demo lasts", desk.address()));
    Ok(desk)
}

/// From the refusal to the document of the authorization server, as clients find it (RFC 9728, RFC 8414).
async fn discover(stage: &Stage, teller: &Teller) -> Result<Value, Error> {
    teller.step("a client without a token is sent to the authorization server, which is the sidecar itself");
    let refused = Network::Here.send(&mcp::initialize(&stage.url, None)).await?;
    expect(refused.status == 401, "the sidecar answers 401")?;
    teller.output(format_args!("HTTP 401, {}", refused.header("www-authenticate").unwrap_or("no challenge")));
    let document = format!("{}/.well-known/oauth-authorization-server", stage.origin());
    let ask = Request::get(&document);
    teller.command(ask.shown());
    let answer = client::json(&Network::Here.send(&ask).await?)?;
    for name in ["issuer", "registration_endpoint", "authorization_endpoint", "token_endpoint"] {
        teller.output(format_args!("{name}: {}", client::text(&answer, name)?));
    }
    Ok(answer)
}

/// The person's part: agrees, signs in, and comes back to the client with a code.
async fn log_in(client: &Client, teller: &Teller) -> Result<String, Error> {
    teller.step("the person's browser opens the sidecar, which asks before anybody is sent to the provider");
    let person = Person::new()?;
    let ask = client.ask();
    teller.command(format_args!("browser {}", person::short(&ask.url)));
    let page = person.open(&ask.url).await?;
    for line in page.says() {
        teller.output(line);
    }
    teller.step("the person agrees, and signs in at the provider as \"ada\"");
    let provider = person.agree(&page).await?;
    teller.output(format_args!("303 to {}", person::short(provider.url())));
    let back = person.sign_in(&provider, client.callback()).await?;
    teller.output(format_args!("303 to {}", person::short(&back)));
    client.code(&ask, &back)
}

/// Somebody who opens the client's address and logs in; gives what stands on the last page.
pub async fn by_hand(address: &str) -> Result<String, Error> {
    let person = Person::new()?;
    let start = person.open(address).await?;
    let page = person.follow(&start).await?;
    let provider = person.agree(&page).await?;
    let back = person.sign_in(&provider, address).await?;
    Ok(person.open(&back).await?.text())
}
