//! Every client, every server, every way to a token: runs the clients beside the node and keeps what they say.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::counterparts::clients::McpClient;
use harness::counterparts::keycloak::{PERSON, PUBLIC_CLIENT, SERVICE_CLIENT};
use harness::lab::Cluster;
use harness::lab::command::capture;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::scene::url;

const BOUND: Duration = Duration::from_mins(1);

/// How a client comes by its token.
pub(crate) enum Way {
    Token(String),
    ClientCredentials,
    Login,
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Self::Token(_) => "shared secret",
            Self::ClientCredentials => "client credentials",
            Self::Login => "login (code, PKCE)",
        }
    }
}

pub(crate) struct Matrix<'a> {
    cluster: &'a Cluster,
    clients: &'a [McpClient],
    authority: PathBuf,
    table: String,
    wrong: usize,
    tried: usize,
}

impl<'a> Matrix<'a> {
    pub(crate) fn new(cluster: &'a Cluster, clients: &'a [McpClient], authority: PathBuf) -> Self {
        Self { cluster, clients, authority, table: String::new(), wrong: 0, tried: 0 }
    }

    /// Lets every client try this server, all at the same time: most of what they do is to wait for a slow tool.
    pub(crate) async fn row(&mut self, server: &str, way: Way) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut clients = JoinSet::new();
        for client in self.clients {
            let (name, command) = (client.name, self.command(client, server, &way, folder.path()));
            clients.spawn(async move { (name, run(command).await) });
        }
        while let Some(done) = clients.join_next().await {
            let (client, (right, said)) = done.expect("a client does not panic");
            let verdict = if right { "ok" } else { "WRONG" };
            let line = format!("{client:8} {server:11} {:19} {verdict:6} {}\n", way.name(), said.trim());
            // At once, so that what is there can be read when a later step fails.
            let _ = std::io::stderr().write_all(line.as_bytes());
            self.table.push_str(&line);
            self.tried += 1;
            self.wrong += usize::from(!right);
        }
    }

    fn command(&self, client: &McpClient, server: &str, way: &Way, folder: &Path) -> Command {
        let mut command = self.cluster.exec(&client.program);
        command.args(&client.arguments).envs(client.environment.iter().cloned());
        command.env("NODE_EXTRA_CA_CERTS", &self.authority).env("SSL_CERT_FILE", &self.authority);
        command.args(["--url", &url(server)]);
        match way {
            Way::Token(token) => {
                let file = folder.join("token");
                std::fs::write(&file, token).expect("the token is written");
                command.arg("--token-file").arg(file);
            }
            Way::ClientCredentials => drop(command.args(["--client-credentials", SERVICE_CLIENT])),
            Way::Login => drop(command.args(["--login", PERSON, "--client-id", PUBLIC_CLIENT])),
        }
        command
    }

    /// Nothing in the table may be wrong, and nothing may be missing.
    pub(crate) fn conclude(self) {
        assert_eq!(self.tried, 18, "three clients, two servers, three ways");
        assert_eq!(self.wrong, 0, "{}", self.table);
    }
}

/// Whether the client was right, and its last words.
async fn run(mut command: Command) -> (bool, String) {
    match capture(&mut command, BOUND).await {
        // An SDK may have warnings of its own; the client's line is the last.
        Ok(output) if output.success() => (true, output.stdout.lines().last().unwrap_or_default().to_owned()),
        Ok(output) => (false, format!("{}{}", output.stdout, output.stderr)),
        Err(error) => (false, error.in_full()),
    }
}
