//! Clients whose id is the URL of a document (A6, A8, I9, O17): what is taken, what is refused, what is asked for at all.
//!
//! In process, against hosts on loopback with certificates of an authority that nobody knows. Names are looked up in a
//! stub, so that every answer of a resolver can be had, and a host counts the connections that are made to it.

mod addresses;
mod answers;
mod cache;
mod lookup;

use std::sync::Arc;

use crds::network::Network;
use serde_json::{Value, json};
use sidecar::clock::Hands;
use sidecar::fetch::DocumentFetcher;
use sidecar::fetch::guard::Guard;
use sidecar::jose::KeySet;
use sidecar::oauth::clients::Wanted;
use sidecar::oauth::clients::document::{ClientDocument, ClientKeys, DocumentError, Documents, NamedBy};

use crate::world;
use crate::world::authority::Authority;
use crate::world::host::{Answer, Host};
use lookup::Stub;

/// The name that the certificates of the hosts are for.
const NAME: &str = "client.example";

/// A host for documents, and the sidecar's side of the matter.
struct Scene {
    host: Host,
    lookup: Arc<Stub>,
    documents: Arc<Documents>,
    hands: Hands,
}

impl Scene {
    /// A client's host on loopback, which the policy allows.
    async fn new() -> Self {
        Self::with(&["127.0.0.0/8"], NAME).await
    }

    /// The same with other networks, and a certificate for another name.
    async fn with(allowed: &[&str], name: &str) -> Self {
        let authority = Authority::new();
        let host = Host::start("127.0.0.1:0", authority.server(name)).await;
        let lookup = Arc::new(Stub::always(&["127.0.0.1"]));
        let guard = guard(allowed);
        let fetcher =
            DocumentFetcher::new(Some(&authority.pem), guard, lookup.clone()).expect("a good bundle");
        let (clock, hands) = world::clock();
        Self { host, lookup, documents: Arc::new(Documents::new(fetcher, clock)), hands }
    }

    /// A URL of the host, under its name.
    fn url(&self, path: &str) -> String {
        format!("https://{NAME}:{}{path}", self.host.port())
    }

    /// From now on there is a good document at this URL.
    fn publish(&self, url: &str) {
        self.host.answer(path_of(url), Answer::json(&good(url)));
    }

    async fn get(&self, url: &str) -> Result<Arc<ClientDocument>, DocumentError> {
        self.documents.get(url).await
    }

    /// The keys that a document names the address of.
    async fn keys(&self, client: &ClientDocument, wanted: Wanted) -> Result<Arc<KeySet>, DocumentError> {
        let url = client.keys.as_ref().and_then(|keys| match keys {
            ClientKeys::At(url) => Some(url),
            ClientKeys::Here(_) => None,
        });
        self.documents.keys(url.expect("it names an address"), NamedBy::Stranger, wanted).await
    }

    /// What a person would read.
    async fn refusal(&self, url: &str) -> String {
        self.get(url).await.expect_err(url).to_string()
    }
}

fn guard(allowed: &[&str]) -> Guard {
    Guard::new(allowed.iter().map(|text| Network::parse(text).expect("a block")).collect())
}

fn good(url: &str) -> Value {
    json!({
        "client_id": url,
        "client_name": "Example",
        "redirect_uris": ["http://127.0.0.1/callback", "https://client.example/callback"],
    })
}

/// From the slash behind the host on.
fn path_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    &url[url[host..].find('/').map_or(url.len(), |at| host + at)..]
}

#[tokio::test]
async fn a6_a_client_is_known_by_the_document_at_its_id() {
    let scene = Scene::new().await;
    let url = scene.url("/client.json");
    scene.publish(&url);
    let client = scene.get(&url).await.expect("a good document");
    assert_eq!((client.client_id.as_str(), &*client.client_name), (&*url, "Example"));
    assert_eq!(client.redirect_uris[0], "http://127.0.0.1/callback");
    assert_eq!((client.has_keys(), client.may_be_public()), (false, true));
    assert_eq!(scene.host.requests("/client.json"), 1);
}

#[tokio::test]
async fn a8_the_request_tells_the_host_nothing_but_what_is_wanted() {
    let scene = Scene::new().await;
    let url = scene.url("/client.json?v=2");
    scene.publish(&url);
    scene.get(&url).await.expect("a good document");
    let head = scene.host.last_head().to_ascii_lowercase();
    let mut lines: Vec<&str> = head.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.remove(0), "get /client.json?v=2 http/1.1");
    lines.sort_unstable();
    let host = format!("host: {NAME}:{}", scene.host.port());
    let [accept, asked, agent] = lines[..] else { panic!("{lines:?}") };
    assert_eq!((accept, asked), ("accept: application/json", &*host));
    assert!(agent.starts_with("user-agent: mcp-oauth-sidecar/"), "{agent}");
}

#[tokio::test]
async fn a_host_that_cannot_prove_its_name_is_not_believed() {
    let scene = Scene::with(&["127.0.0.0/8"], "other.example").await;
    let url = scene.url("/client.json");
    scene.publish(&url);
    let said = scene.refusal(&url).await;
    assert!(said.contains("could not be fetched"), "{said}");
    assert_eq!(scene.host.requests("/client.json"), 0);
}

#[tokio::test]
async fn an_id_that_is_no_url_of_a_document_is_refused_before_anything_is_looked_up() {
    let scene = Scene::new().await;
    for id in ["", "my-client", "http://client.example/client.json", "https://client.example/"] {
        let said = scene.refusal(id).await;
        assert!(said.starts_with("the client's id is not the URL of a metadata document: it must"), "{said}");
    }
    assert_eq!((scene.lookup.asked(), scene.host.connections()), (0, 0));
}
