//! The first scene: the sidecar alone, on this machine, in front of an MCP server that knows nothing of OAuth.
//! No Kubernetes, no files: the settings are the environment variables that users of this field already know.

use std::path::Path;

use tokio::process::Command;

use super::curl::{Network, Request};
use super::stage::{free_ports, listening, quiet};
use super::tell::Teller;
use super::{mcp, token};
use crate::counterparts::everything::Everything;
use crate::lab::command::Group;
use crate::lab::{Error, Paths, Progress};

/// Plays the scene with a sidecar that is built.
pub(super) async fn play(
    sidecar: &Path,
    paths: &Paths,
    progress: Progress,
    teller: &Teller,
) -> Result<(), Error> {
    let everything = Everything::install(paths, progress).await?;
    teller.scene("The sidecar alone, in front of an unmodified MCP server on this machine");
    let [server, public, admin] = free_ports()?;
    let _server = Group::start(quiet(&mut everything.command(server)))?;
    let url = format!("http://127.0.0.1:{public}/mcp");
    let secret = super::secret()?;
    let mut command = settings(sidecar, &url, &secret, [server, public, admin]);
    let _sidecar = Group::start(quiet(&mut command))?;
    teller.step("an MCP server (server-everything) is started, and the sidecar in front of it");
    teller.command(format_args!("PORT={server} mcp-server-everything streamableHttp &"));
    teller.command(format_args!(
        "OAUTH_PROVIDER=hmac JWT_SECRET=… OAUTH_SERVER_URL={url} mcp-oauth-sidecar --upstream http://127.0.0.1:{server} &"
    ));
    listening(server).await?;
    listening(public).await?;
    walk(&url, &secret, teller).await
}

/// Refused, told where to go, let through.
async fn walk(url: &str, secret: &str, teller: &Teller) -> Result<(), Error> {
    let network = Network::Here;
    teller.step("a call without a token is refused, and the answer says where to read on");
    let bare = mcp::initialize(url, None);
    teller.command(bare.shown());
    let refused = network.send(&bare).await?;
    refused.show("www-authenticate", teller);
    super::expect(refused.status == 401, "the sidecar answers 401")?;
    teller.step("the document that the challenge names tells a client what this resource is");
    let document = format!("{}/.well-known/oauth-protected-resource/mcp", url.trim_end_matches("/mcp"));
    let ask = Request::get(&document);
    teller.command(ask.shown());
    teller.output(network.send(&ask).await?.body);
    teller.step("with a token (HS256, signed with the shared secret) the tool is called");
    let token = token::hs256(secret, url, super::now());
    mcp::call_tool(&network, url, &token, teller).await?;
    teller.so("the server was never touched, and saw neither the refused call nor the token");
    Ok(())
}

fn settings(sidecar: &Path, url: &str, secret: &str, [server, public, admin]: [u16; 3]) -> Command {
    let mut command = Command::new(sidecar);
    command.args([format!("--listen=127.0.0.1:{public}"), format!("--admin=127.0.0.1:{admin}")]);
    command.arg(format!("--upstream=http://127.0.0.1:{server}"));
    command.env("OAUTH_PROVIDER", "hmac").env("JWT_SECRET", secret).env("OAUTH_SERVER_URL", url);
    command
}
