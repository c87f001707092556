//! Rows that are recordings: clients that cannot be run here, by what others saw of them (`tests/clients/recorded.yaml`), each
//! walked through a whole login by a small client of ours (`flow`).
//!
//! Publishes their documents on loopback, over TLS under an authority that only the sidecar of this suite trusts.

mod flow;
mod requests;

use serde::Deserialize;
use serde_json::Value;

use crate::world::authority::Authority;
use crate::world::host::{Answer, Host};
use crate::world::providers::keys;

const RECORDED: &str = include_str!("../../../clients/recorded.yaml");

/// A client, as it was recorded.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) seen: String,
    sources: Vec<String>,
    registration: Registration,
    document: Option<Document>,
    redirects: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    body: Value,
    redirects: Option<Vec<String>>,
    proves: Proof,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    at: String,
    body: Value,
    keys: Option<String>,
    redirects: Option<Vec<String>>,
    proves: Proof,
}

/// How a client shows at the token endpoint who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Proof {
    None,
    ClientSecretPost,
    PrivateKeyJwt,
}

/// How a client comes by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Registration,
    Document,
}

/// Every recording, with every way that it has.
pub(crate) fn all() -> Vec<(Recorded, Way)> {
    let recorded: Vec<Recorded> = serde_yaml::from_str(RECORDED).expect("the recordings are of this form");
    let ways = |client: Recorded| {
        assert!(!client.sources.is_empty(), "{} comes from nowhere", client.name);
        let document = client.document.is_some().then(|| (client.clone(), Way::Document));
        [Some((client, Way::Registration)), document].into_iter().flatten()
    };
    recorded.into_iter().flat_map(ways).collect()
}

/// Where the documents are published.
#[derive(Debug)]
pub(crate) struct Publisher {
    host: Host,
    authority: String,
}

impl Publisher {
    pub(crate) async fn open() -> Self {
        let authority = Authority::new();
        let host = Host::start("127.0.0.1:0", authority.server("127.0.0.1")).await;
        let publisher = Self { host, authority: authority.pem };
        for (client, _) in all() {
            let Some(document) = client.document else { continue };
            let body = publisher.moved(&document, &document.body.to_string());
            let body: Value = serde_json::from_str(&body).expect("it was JSON before");
            publisher.host.answer(path(&document.at), Answer::json(&body));
            if let Some(at) = &document.keys {
                publisher.host.answer(path(at), Answer::json(&keys::key_set()));
            }
        }
        publisher
    }

    /// Who signed its certificate, in PEM form.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// A text about a document, with the place where it is published here.
    fn moved(&self, document: &Document, text: &str) -> String {
        let origin = document.at.strip_suffix(path(&document.at)).expect("a path is the end of a URL");
        // Addresses where the client is reached, and pages about it, are not moved.
        let here = |path: &str| format!("https://127.0.0.1:{}{path}", self.host.port());
        let paths = [Some(&document.at), document.keys.as_ref()].into_iter().flatten().map(|url| path(url));
        paths.fold(text.to_owned(), |text, path| text.replace(&format!("{origin}{path}"), &here(path)))
    }
}

/// From the slash behind the host on.
fn path(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    &url[url[host..].find('/').map_or(url.len(), |at| host + at)..]
}

/// Lets a recorded client log in at this server, once for each of its addresses, and call a tool.
pub(crate) async fn run(client: &Recorded, way: Way, url: &str, publisher: &Publisher) -> Result<(), String> {
    let document = client.document.as_ref().filter(|_| way == Way::Document);
    let own = match document {
        Some(document) => &document.redirects,
        None => &client.registration.redirects,
    };
    for redirect in own.as_ref().unwrap_or(&client.redirects) {
        let known = match document {
            Some(document) => {
                flow::Known::by_document(publisher.moved(document, &document.at), document.proves)
            }
            None => {
                flow::Known::by_registration(client.registration.body.clone(), client.registration.proves)
            }
        };
        let outcome = flow::Flow::begin(url, redirect).await.run(&known).await;
        outcome.map_err(|error| format!("{redirect}: {error}"))?;
    }
    Ok(())
}
