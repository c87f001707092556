//! What the login plays on: an MCP server, a provider and the sidecar between them, in proxy mode by its environment
//! variables. Starts them on loopback; they end with the value.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::super::stage::{free_ports, listening, quiet};
use super::super::tell::Teller;
use crate::counterparts::everything::Everything;
use crate::counterparts::oidc_provider::{self, CLIENT_ID, CLIENT_SECRET, OidcProvider};
use crate::lab::command::Group;
use crate::lab::{Error, Paths, Progress};

/// What was installed for it.
pub(super) struct Parts {
    everything: Everything,
    provider: PathBuf,
}

/// The running parts.
#[derive(Debug)]
pub(super) struct Stage {
    /// The MCP endpoint, as clients know it.
    pub(super) url: String,
    /// Where the client of the demo waits.
    pub(super) desk_port: u16,
    _provider: OidcProvider,
    _server: Group,
    _sidecar: Group,
}

pub(super) async fn install(paths: &Paths, progress: Progress) -> Result<Parts, Error> {
    let everything = Everything::install(paths, progress).await?;
    let provider = oidc_provider::install(paths, progress).await?;
    Ok(Parts { everything, provider })
}

impl Stage {
    pub(super) async fn set(sidecar: &Path, parts: &Parts, teller: &Teller) -> Result<Self, Error> {
        let [server, public, admin, desk] = free_ports()?;
        let (url, callback) =
            (format!("http://127.0.0.1:{public}/mcp"), format!("http://127.0.0.1:{public}/oauth/callback"));
        let running = Group::start(quiet(&mut parts.everything.command(server)))?;
        let provider = OidcProvider::start(&parts.provider, &[&callback]).await?;
        let issuer = provider.issuer();
        let mut command = Command::new(sidecar);
        command.args([format!("--listen=127.0.0.1:{public}"), format!("--admin=127.0.0.1:{admin}")]);
        command.arg(format!("--upstream=http://127.0.0.1:{server}"));
        command.env("OAUTH_MODE", "proxy").env("OAUTH_PROVIDER", "oidc").env("OAUTH_ISSUER", issuer);
        command.env("OAUTH_CLIENT_ID", CLIENT_ID).env("OAUTH_CLIENT_SECRET", CLIENT_SECRET);
        command.env("OAUTH_SERVER_URL", &url).env("JWT_SECRET", super::super::secret()?);
        let sidecar = Group::start(quiet(&mut command))?;
        teller
            .step("the server again, an identity provider (npm oidc-provider), and the sidecar between them");
        teller.command(format_args!(
            "OAUTH_MODE=proxy OAUTH_ISSUER={issuer} OAUTH_CLIENT_ID={CLIENT_ID} OAUTH_CLIENT_SECRET=… \\\n     \
             JWT_SECRET=… OAUTH_SERVER_URL={url} mcp-oauth-sidecar --upstream http://127.0.0.1:{server} &"
        ));
        listening(server).await?;
        listening(public).await?;
        Ok(Self { url, desk_port: desk, _provider: provider, _server: running, _sidecar: sidecar })
    }

    pub(super) fn origin(&self) -> &str {
        self.url.trim_end_matches("/mcp")
    }
}
