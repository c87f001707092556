//! The contract's tables of redirect URIs, sent to a sidecar: what registers (`/oauth/register`), and what a request may present for it
//! (`/oauth/authorize`).

#[path = "../../../../crds/src/redirect/tests/rows.rs"]
mod rows;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::desk::{RETURN, authorize, body, error};
use super::rules::Rules;
use super::scene::Scene;
use crate::world::providers::quirks::Quirks;
use rows::rows;

const PRESENTED: &str = include_str!("../../../../crds/src/redirect/table.txt");
const REGISTERED: &str = include_str!("../../../../crds/src/redirect/registration.txt");

/// One client of the policy for each URI that the table has as registered.
#[tokio::test]
async fn o04_whoever_presents_anything_but_the_registered_bytes_reads_a_page_and_is_sent_nowhere() {
    let rows = rows(PRESENTED, 3);
    let registered: BTreeSet<&str> = rows.iter().map(|row| &*row[1]).collect();
    let id = |uri: &str| registered.iter().position(|known| *known == uri).map(|at| format!("c{at}"));
    let clients: Value =
        registered.iter().map(|uri| json!({ "id": id(uri), "redirectURIs": [uri] })).collect();
    let scene = Scene::set_by(Quirks::plain(), &Rules::usual().with("/proxy/clients/static", clients)).await;
    for row in &rows {
        let client = id(&row[1]).expect("it is registered");
        let step = scene.browser().open(&authorize(&client, &[("redirect_uri", &row[2])])).await;
        let (status, text) = (step.reply.status, step.reply.text());
        assert!(step.reply.header("location").is_none(), "{row:?}");
        if row[0] == "accepted" {
            assert!(status == 200 && text.contains("name=\"ask\""), "{row:?}: {text}");
            continue;
        }
        let is_missing = text.contains("<code>redirect_uri</code> of its request is missing");
        assert_eq!((status, is_missing), (400, row[2].is_empty()), "{row:?}: {text}");
        assert!(is_missing || text.contains("unusable_redirect_uri"), "{row:?}: {text}");
    }
}

/// Where clients come back to this machine, and where the policy lists whatever else registers. There, the plain form of what is
/// refused is listed as well: nothing becomes it on the way.
#[tokio::test]
async fn o05_only_https_loopback_and_private_use_uris_register_and_come_back_as_they_were_sent() {
    let rows = rows(REGISTERED, 2);
    let of = |kinds: &[&str]| -> Vec<&str> {
        rows.iter().filter(|row| kinds.contains(&&*row[0])).map(|row| &*row[1]).collect()
    };
    let (loopback, refused) = (of(&["loopback"]), of(&["refused"]));
    let listed = [of(&["web", "private-use"]), vec!["https://client.example/cb"]].concat();
    assert_eq!(loopback.len() + listed.len() + refused.len(), rows.len() + 1);
    let mut scene = Scene::set(Quirks::plain()).await;
    for (redirects, taken) in [(vec![RETURN], loopback), (listed.clone(), listed)] {
        scene.enforce(&Rules::usual().with("/proxy/redirects", redirects)).await;
        for uri in &refused {
            let reply = scene.register(&json!({ "redirect_uris": [uri] })).await;
            assert_eq!((reply.status, &*error(&reply)), (400, "invalid_redirect_uri"), "{uri:?}");
        }
        for uri in taken {
            let reply = scene.register(&json!({ "redirect_uris": [uri] })).await;
            assert_eq!((reply.status, &body(&reply)["redirect_uris"]), (201, &json!([uri])), "{uri}");
        }
    }
}
