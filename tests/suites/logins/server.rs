//! What stands behind every login: one real MCP server that nobody changed, and for each provider two sidecars in front of it.
//! One has settings from its environment alone. The other has a document as the operator writes it, which can say what the
//! environment cannot: whose certificates are good where clients publish documents about themselves.
//!
//! Starts programs on loopback, which end with the values that hold them.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::counterparts::everything::Everything;
use harness::lab::command::Group;
use harness::lab::{Error, eventually};
use serde_json::{Value, json};

use crate::alone::{Login, Place, Sidecar, free_port};
use crate::providers::{Column, Running};

const START: Duration = Duration::from_mins(1);

/// The MCP server, and where it is.
pub(crate) async fn everything(everything: &Everything) -> Result<(Group, u16), Error> {
    let port = free_port();
    let mut command = everything.command(port);
    let server = Group::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?;
    let listens = async || Ok(TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
    eventually("the start of server-everything", START, listens).await?;
    Ok((server, port))
}

/// For people of this provider, with settings from its environment.
pub(crate) async fn standalone(place: Place, column: Column, provider: &Running, upstream: u16) -> Sidecar {
    let client = (provider.client_id.as_str(), provider.client_secret.as_str());
    let login = Login { provider: column.word, issuer: &provider.issuer, client };
    Sidecar::start(place, upstream, login).await
}

/// The same with a document, which trusts this authority and lets clients publish on loopback. JSON is YAML.
pub(crate) fn policy(place: Place, column: Column, provider: &Running, authority: &str) -> Value {
    let preset = crds::provider::Provider::parse(column.word).expect("a provider").login();
    let extra: BTreeMap<_, _> = preset.extra_params.iter().copied().collect();
    let key = |id: &str| json!([{ "id": id, "key": STANDARD.encode([7; 32]) }]);
    json!({
        "resource": place.url(),
        "maxBodyBytes": 4_194_304,
        "trust": { "audiences": [place.url()] },
        "claims": { "scope": ["scope"], "user": preset.user, "audience": "aud" },
        "requiredScopes": ["mcp"],
        "proxy": {
            "login": {
                "provider": column.word, "issuer": provider.issuer, "clientId": provider.client_id,
                "clientSecret": provider.client_secret, "scopes": preset.scopes, "extraParams": extra,
                "caBundle": authority,
            },
            "redirects": [place.callback()],
            "clients": { "dynamic": "on", "metadataDocuments": "on" },
            "consent": "always",
            "allowNetworks": ["127.0.0.0/8"],
            "lifetimes": { "access": 900, "refresh": 2_592_000 },
            "keys": { "seal": key("a"), "sign": key("b") },
        },
    })
}
