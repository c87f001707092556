//! What can be read in the store: names that say nothing, and nothing that anybody could use (O29).

use crate::world::providers::{CLIENT_ID, CLIENT_SECRET};

use super::super::scene::{VERIFIER, claims, tokens};
use super::{LATER, Pair};

#[tokio::test]
async fn o29_no_token_code_or_name_stands_in_the_store() {
    let pair = Pair::set().await;
    let client = pair.scene.client().await;
    let code = pair.scene.code(&client).await;
    let first = tokens(&pair.scene.redeem(&client, &code).await);
    pair.scene.hands.advance(LATER);
    let second = tokens(&pair.refresh_there(&client, &first.refresh).await);
    pair.scene.post("/oauth/revoke", &[("client_id", &client), ("token", &second.refresh)]).await;
    let family = claims(&first.access)["sid"].as_str().expect("a family").to_owned();
    let written = pair.store.written();
    let stands = |text: &str| written.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(stands("mcp-oauth:1:") && stands("XADD"), "it is the right place to look");
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let mut secrets = vec![client.clone(), code.clone(), family, VERIFIER.into(), CLIENT_ID.into()];
    secrets
        .extend([CLIENT_SECRET, "ada", "example.com", "127.0.0.1:4711", "access_token"].map(str::to_owned));
    for held in [&first, &second] {
        secrets.push(held.refresh.clone());
        secrets.extend(parts(&held.access));
    }
    for secret in secrets {
        assert!(!stands(&secret), "{secret}");
    }
    for name in pair.store.names().await {
        let hash = name.strip_prefix("mcp-oauth:1:").expect("a name of ours");
        assert!(
            hash.len() == 22
                && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
            "{name}"
        );
        let ends = pair.store.tell(&format!("PTTL {name}")).await;
        assert!(!ends.starts_with(":-1"), "{name} would stay for ever");
    }
}
