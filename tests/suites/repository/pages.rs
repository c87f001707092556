//! The pages of the providers: each is there, says the same things in the same order, shows a whole policy in proxy mode, and
//! values that the chart takes. Reads the checkout and starts helm. The suite `cluster` applies what stands on them.

use crds::provider::Provider;
use harness::pages::{Block, blocks};
use serde_json::{Value, json};

use crate::checkout::read;
use crate::documents::{spec_schema, unknown};
use crate::helm::{SERVER, kind, objects_of};

const PARTS: [&str; 9] = [
    "What you need",
    "At the provider",
    "The Secret",
    "The policy",
    "With Helm",
    "Does it work?",
    "What is different",
    "When it fails",
    "Native mode",
];

/// Those that people log in with, and their pages.
fn providers() -> impl Iterator<Item = (Provider, String)> {
    let of_people = Provider::ALL.iter().filter(|provider| **provider != Provider::Hmac);
    of_people.map(|provider| (*provider, format!("docs/providers/{}.md", provider.as_str())))
}

fn blocks_of(page: &str) -> Vec<Block> {
    let mut blocks = blocks();
    blocks.retain(|block| block.place.rsplit_once(':').is_some_and(|(path, _)| path == page));
    blocks
}

fn value(block: &Block) -> Value {
    serde_yaml::from_str(&block.text).expect(&block.place)
}

#[test]
fn every_provider_has_a_page_with_the_same_parts_in_the_same_order() {
    let index = read("docs/providers/README.md");
    for (provider, page) in providers() {
        let text = read(&page);
        let parts: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(parts, PARTS, "{page}");
        let create = text.split("\n## ").find(|part| part.starts_with(PARTS[1])).unwrap_or_default();
        assert!(create.contains("`https://mcp.example.com/oauth/callback`"), "{page}: the redirect URI");
        assert!(index.contains(&format!("({}.md)", provider.as_str())), "{page} is not in the index");
    }
}

#[test]
fn every_page_of_a_provider_shows_its_policy_in_proxy_mode() {
    for (provider, page) in providers() {
        let policies: Vec<_> = blocks_of(&page).iter().filter(|block| block.is_policy()).map(value).collect();
        assert!(!policies.is_empty(), "{page}");
        for policy in &policies {
            assert_eq!(policy["spec"]["provider"], provider.as_str(), "{page}");
        }
        let modes: Vec<_> = policies.iter().map(|policy| &policy["spec"]["mode"]).collect();
        assert!(modes.contains(&&json!("proxy")), "{page}: {modes:?}");
        // The Secret that the page makes is the one that the policy names.
        let secret = policies[0]["spec"]["oidc"]["clientSecretRef"]["name"].as_str().unwrap_or("none");
        assert!(read(&page).contains(&format!("create secret generic {secret} -n data")), "{page}");
    }
}

#[tokio::test]
async fn every_set_of_values_in_the_pages_becomes_the_policy_beside_it() {
    let schema = spec_schema();
    for (provider, page) in providers() {
        let blocks = blocks_of(&page);
        let values = blocks.iter().find(|block| block.is_values()).expect(&page);
        let objects = objects_of(SERVER, &values.text).await;
        let objects = objects.unwrap_or_else(|said| panic!("{}: {said}", values.place));
        let made = objects.iter().find(|object| kind(object) == "McpOAuthPolicy").expect(&page);
        let made = &made["spec"];
        assert_eq!(unknown(made, &schema, "spec"), [""; 0], "{page}");
        let shown = value(blocks.iter().find(|block| block.is_policy()).expect(&page));
        for field in ["mode", "provider"] {
            assert_eq!(made[field], shown["spec"][field], "{page}: {field}");
        }
        for field in ["issuer", "clientId", "clientSecretRef"] {
            assert_eq!(made["oidc"][field], shown["spec"]["oidc"][field], "{page}: {field}");
        }
        assert_eq!(made["provider"], provider.as_str());
    }
}
