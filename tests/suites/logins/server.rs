//! What stands behind every login: one real MCP server that nobody changed, and in front of it the sidecar as the program that
//! ships, twice for each provider: with settings from its environment alone, and with a document as the operator writes it, which
//! can say what the environment cannot: whose certificates are good where clients publish documents.
//!
//! Starts programs on loopback; each writes to a log in a temporary folder and ends with the value that holds it.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::counterparts::everything::Everything;
use harness::lab::command::{Group, tail};
use harness::lab::{Error, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::providers::{Column, Running};

const START: Duration = Duration::from_secs(30);
const JWT_SECRET: &str = "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA";

/// A program that listens on a port of loopback.
#[derive(Debug)]
pub(crate) struct Program {
    folder: TempDir,
    _group: Group,
}

impl Program {
    /// Starts it with just these variables, and waits until it listens there.
    async fn start(
        variables: &[(&str, &str)],
        command: &[&str],
        port: u16,
        name: &str,
    ) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::file("create", Path::new("a temporary folder")))?;
        let log = folder.path().join("log");
        let variables = variables.iter().map(|(name, value)| format!("{name}={value}"));
        let arguments: Vec<String> = std::iter::once("-i".to_owned())
            .chain(variables)
            .chain(command.iter().map(|word| (*word).to_owned()))
            .collect();
        // It ends with the test, however that ends.
        let mut group = Group::tethered(Path::new("env"), &arguments, &log)?;
        let said = || tail(&std::fs::read_to_string(&log).unwrap_or_default());
        let listens = async || match group.ended() {
            Some(status) => Err(Error::Failed { program: name.to_owned(), status, output: said() }),
            None => Ok(TcpStream::connect(("127.0.0.1", port)).ok().map(drop)),
        };
        eventually(&format!("the start of {name}"), START, listens).await?;
        Ok(Self { folder, _group: group })
    }

    /// The end of what it has said so far.
    pub(crate) fn said(&self) -> String {
        tail(&std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default())
    }
}

/// The MCP server, and where it is.
pub(crate) async fn everything(everything: &Everything) -> Result<(Program, u16), Error> {
    let port = free_port();
    let command = everything.command(port);
    let command = command.as_std();
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let (path, port_text) = (path.to_string_lossy(), port.to_string());
    let program =
        Program::start(&[("PATH", &path), ("PORT", &port_text)], &words, port, "server-everything").await?;
    Ok((program, port))
}

/// The address at which a sidecar is reached, before there is one: the provider must know it first.
#[derive(Debug)]
pub(crate) struct Place {
    port: u16,
}

impl Place {
    pub(crate) fn find() -> Self {
        Self { port: free_port() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}/mcp", self.port)
    }

    pub(crate) fn callback(&self) -> String {
        format!("http://localhost:{}/oauth/callback", self.port)
    }

    /// The sidecar for people of this provider, with settings from its environment.
    pub(crate) async fn standalone(
        &self,
        column: Column,
        provider: &Running,
        upstream: u16,
    ) -> Result<Program, Error> {
        let url = self.url();
        let variables = [
            ("OAUTH_MODE", "proxy"),
            ("OAUTH_PROVIDER", column.word),
            ("OAUTH_ISSUER", &provider.issuer),
            ("OAUTH_CLIENT_ID", &provider.client_id),
            ("OAUTH_CLIENT_SECRET", &provider.client_secret),
            ("OAUTH_SERVER_URL", &url),
            ("JWT_SECRET", JWT_SECRET),
        ];
        self.start(&variables, &[], upstream).await
    }

    /// The same with a document, which trusts this authority and lets clients publish on loopback.
    pub(crate) async fn delivered(
        &self,
        column: Column,
        provider: &Running,
        upstream: u16,
        authority: &str,
    ) -> Result<(Program, TempDir), Error> {
        let folder = tempfile::tempdir().map_err(Error::file("create", Path::new("a temporary folder")))?;
        let file = folder.path().join("policy.yaml");
        let document = policy(&self.url(), column, provider, authority);
        std::fs::write(&file, document.to_string()).map_err(Error::file("write", &file))?;
        let flag = format!("--policy-dir={}", folder.path().display());
        Ok((self.start(&[], &[&flag], upstream).await?, folder))
    }

    async fn start(
        &self,
        variables: &[(&str, &str)],
        more: &[&str],
        upstream: u16,
    ) -> Result<Program, Error> {
        let flags = [
            format!("--listen=127.0.0.1:{}", self.port),
            format!("--admin=127.0.0.1:{}", free_port()),
            format!("--upstream=http://127.0.0.1:{upstream}"),
        ];
        let built = built();
        let built = built.to_string_lossy();
        let flags = flags.iter().map(String::as_str).chain(more.iter().copied());
        let command: Vec<&str> = std::iter::once(&*built).chain(flags).collect();
        Program::start(variables, &command, self.port, "mcp-oauth-sidecar").await
    }
}

/// What the operator would write for this provider. JSON is YAML.
fn policy(url: &str, column: Column, provider: &Running, authority: &str) -> Value {
    let preset = crds::provider::Provider::parse(column.word).expect("a provider").login();
    let extra: BTreeMap<_, _> = preset.extra_params.iter().copied().collect();
    let key = |id: &str| json!([{ "id": id, "key": STANDARD.encode([7; 32]) }]);
    json!({ "policy": "data/logins", "revision": "1", "enforce": {
        "resource": url,
        "maxBodyBytes": 4_194_304,
        "trust": { "audiences": [url] },
        "claims": { "scope": ["scope"], "user": preset.user, "audience": "aud" },
        "requiredScopes": ["mcp"],
        "proxy": {
            "login": {
                "provider": column.word, "issuer": provider.issuer, "clientId": provider.client_id,
                "clientSecret": provider.client_secret, "scopes": preset.scopes, "extraParams": extra,
                "caBundle": authority,
            },
            "redirects": [url.replace("/mcp", "/oauth/callback")],
            "clients": { "dynamic": "on", "metadataDocuments": "on" },
            "consent": "always",
            "allowNetworks": ["127.0.0.0/8"],
            "lifetimes": { "access": 900, "refresh": 2_592_000 },
            "keys": { "seal": key("a"), "sign": key("b") },
        },
    }})
}

/// Beside this test, where cargo puts it.
fn built() -> PathBuf {
    let suite = std::env::current_exe().expect("this test is a program");
    let built = suite.ancestors().nth(2).expect("cargo builds two folders deep").join("mcp-oauth-sidecar");
    assert!(built.exists(), "{} is not there: cargo build -p mcp-oauth-sidecar", built.display());
    built
}

/// One that nobody has at the moment; whoever asks takes it soon.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
