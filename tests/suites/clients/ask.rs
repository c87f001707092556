//! What does not need an SDK: a bare request, and a token straight from the provider. Starts curl beside the node.

use std::path::PathBuf;
use std::time::Duration;

use harness::counterparts::keycloak::{ISSUER, SERVICE_CLIENT};
use harness::lab::command::check;
use harness::lab::{Cluster, Error};
use serde_json::Value;

const BOUND: Duration = Duration::from_secs(30);
const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}"#;

pub(crate) struct Asker<'a> {
    cluster: &'a Cluster,
    authority: PathBuf,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(cluster: &'a Cluster, authority: PathBuf) -> Self {
        Self { cluster, authority }
    }

    /// The status that `initialize` is answered with; 0 where nobody answers.
    pub(crate) async fn initialize(&self, url: &str, token: Option<&str>) -> u16 {
        let mut curl = self.cluster.exec("curl");
        curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "20"]);
        curl.args(["--header", "Content-Type: application/json"]);
        curl.args(["--header", "Accept: application/json, text/event-stream", "--data", INITIALIZE]);
        if let Some(token) = token {
            curl.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        let said = check(curl.arg(url), BOUND).await.unwrap_or_default();
        said.trim().parse().unwrap_or(0)
    }

    /// A token of the provider for its confidential client, with this scope.
    pub(crate) async fn token(&self, scope: &str) -> Result<String, Error> {
        let mut curl = self.cluster.exec("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body", "--cacert"]).arg(&self.authority);
        curl.args(["--data", "grant_type=client_credentials", "--data-urlencode", &format!("scope={scope}")]);
        curl.args(["--user", SERVICE_CLIENT, &format!("{ISSUER}/protocol/openid-connect/token")]);
        let said = check(&mut curl, BOUND).await?;
        let answer: Value = serde_json::from_str(&said).unwrap_or_default();
        let token = answer["access_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| Error::Missing(format!("the provider gave no token, but {said}")))
    }
}
