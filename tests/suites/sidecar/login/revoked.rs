//! What ends here ends at the provider as well, so that a replica that nobody told refuses it at its next refresh. Without a store:
//! with one replicas tell each other (`store`).

mod often;

use std::time::{Duration, Instant};

use super::desk::{Desk, Tokens, error, tokens};
use super::rules::Rules;
use super::scene::{ORIGIN, Scene};
use crate::world::providers::mischief::{Fault, Lie, Place};
use crate::world::providers::quirks::{Authentication, Quirks, Revocation, Rotation};
use crate::world::providers::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::world::running::Sidecar;

/// Long enough that the provider is asked again, and no access token is over.
const LATER: Duration = Duration::from_mins(10);

fn revoking() -> Quirks {
    Quirks { revocation: Revocation::Login, ..Quirks::plain() }
}

/// A client, and two replicas that share keys and nothing else.
struct Pair {
    scene: Scene,
    other: Sidecar,
    client: String,
}

impl Pair {
    async fn set(quirks: Quirks) -> Self {
        let scene = Scene::set(quirks).await;
        let (other, client) = (scene.replica().await, scene.client().await);
        Self { scene, other, client }
    }

    fn there(&self) -> Desk {
        Desk(self.other.traffic)
    }

    async fn log_in(&self) -> Tokens {
        self.scene.log_in(&self.client).await
    }

    async fn refresh(&self, held: &Tokens) -> Tokens {
        tokens(&self.scene.refresh(&self.client, &held.refresh).await)
    }

    /// Revokes a token here.
    async fn revoke(&self, token: &str) {
        revoke(&self.scene, &self.client, token).await;
    }

    /// Whether the other replica goes on with this login once it asks the provider again.
    async fn goes_on_there(&self, held: &Tokens) -> bool {
        self.scene.hands.advance(LATER);
        let reply = self.there().refresh(&self.client, &held.refresh).await;
        if reply.status != 200 {
            assert_eq!((reply.status, &*error(&reply)), (400, "invalid_grant"));
        }
        reply.status == 200
    }
}

async fn revoke(scene: &Scene, client: &str, token: &str) {
    let reply = scene.post("/oauth/revoke", &[("client_id", client), ("token", token)]).await;
    assert_eq!((reply.status, &*reply.text()), (200, "{}"));
}

/// The provider's tokens that it was asked to take back, in order.
fn taken_back(provider: &Provider) -> Vec<String> {
    let asked = provider.requests(Place::Revoke);
    asked.iter().map(|request| request.parameter("token").expect("a token").to_owned()).collect()
}

#[tokio::test]
async fn o30_a_login_that_is_revoked_here_is_refused_at_a_replica_that_nobody_told() {
    for rotation in [Rotation::Strict, Rotation::Lenient, Rotation::Off] {
        let pair = Pair::set(Quirks { rotation, ..revoking() }).await;
        for is_revoked in [true, false] {
            let held = pair.log_in().await;
            if is_revoked {
                pair.revoke(&held.refresh).await;
            }
            assert_eq!(pair.goes_on_there(&held).await, !is_revoked, "{rotation:?}");
        }
        assert_eq!(taken_back(&pair.scene.provider).len(), 1, "{rotation:?}");
    }
}

/// RFC 7009 §2.1: authenticated as at the token endpoint.
#[tokio::test]
async fn o30_the_provider_is_told_in_its_own_way_of_authentication() {
    for authentication in [Authentication::Basic, Authentication::Post] {
        let pair = Pair::set(Quirks { authentication, ..revoking() }).await;
        let held = pair.log_in().await;
        pair.revoke(&held.refresh).await;
        let asked = pair.scene.provider.last(Place::Revoke);
        assert_eq!(
            (asked.method.as_str(), asked.parameter("token_type_hint")),
            ("POST", Some("refresh_token"))
        );
        let posted = asked.parameter("client_id").zip(asked.parameter("client_secret"));
        let expected = (authentication == Authentication::Post).then_some((CLIENT_ID, CLIENT_SECRET));
        assert_eq!(posted, expected);
        assert_eq!(asked.header("authorization").is_some(), expected.is_none());
        assert!(!pair.goes_on_there(&held).await, "{authentication:?}");
    }
}

/// A provider that rotates may not know its older tokens any more.
#[tokio::test]
async fn o30_the_newest_of_the_providers_tokens_is_taken_back_whichever_of_ours_is_revoked() {
    let pair = Pair::set(revoking()).await;
    let shown = || {
        let request = pair.scene.provider.last(Place::Token);
        request.parameter("refresh_token").expect("a refresh").to_owned()
    };
    // The client revokes the one before the newest, and the newest.
    let first = pair.log_in().await;
    pair.scene.hands.advance(LATER);
    let second = pair.refresh(&first).await;
    let before = shown();
    for token in [&first.refresh, &second.refresh] {
        pair.revoke(token).await;
    }
    let [taken] = &taken_back(&pair.scene.provider)[..] else { panic!("asked once") };
    assert!(*taken != before, "the one that the refresh brought");
    // A refresh that could not be ended has left its token here.
    let third = pair.log_in().await;
    pair.scene.hands.advance(LATER);
    pair.scene.provider.lie(Lie::WrongAudience);
    assert_eq!(pair.scene.refresh(&pair.client, &third.refresh).await.status, 503);
    pair.scene.provider.behave();
    pair.revoke(&third.refresh).await;
    assert_ne!(taken_back(&pair.scene.provider).pop(), Some(shown()));
    assert!(!pair.goes_on_there(&third).await);
}

#[tokio::test]
async fn o12_a_refresh_token_that_was_used_twice_ends_its_login_at_the_provider_too() {
    let pair = Pair::set(revoking()).await;
    for is_reused in [true, false] {
        let first = pair.log_in().await;
        let second = pair.refresh(&first).await;
        let third = pair.refresh(&second).await;
        let again = if is_reused { &first } else { &second };
        let begun = Instant::now();
        let reply = pair.scene.refresh(&pair.client, &again.refresh).await;
        assert_eq!(reply.status, if is_reused { 400 } else { 200 });
        assert!(begun.elapsed() < Duration::from_secs(2), "nobody waits for a turn that is one's own");
        assert_eq!(pair.goes_on_there(&third).await, !is_reused);
    }
}

#[tokio::test]
async fn o07_a_code_that_was_used_twice_ends_its_login_at_the_provider_too() {
    let pair = Pair::set(revoking()).await;
    for is_reused in [true, false] {
        let code = pair.scene.code(&pair.client).await;
        let held = tokens(&pair.scene.redeem(&pair.client, &code).await);
        if is_reused {
            assert_eq!(pair.scene.redeem(&pair.client, &code).await.status, 400);
        }
        assert_eq!(pair.goes_on_there(&held).await, !is_reused);
    }
}

/// What is not one's own, and what carries nothing of the provider's.
#[tokio::test]
async fn o30_the_provider_is_told_of_nothing_but_a_clients_own_refresh_token() {
    let pair = Pair::set(revoking()).await;
    let (held, stranger) = (pair.log_in().await, pair.scene.client().await);
    revoke(&pair.scene, &stranger, &held.refresh).await;
    for token in ["garbage", &held.access] {
        pair.revoke(token).await;
    }
    assert_eq!(taken_back(&pair.scene.provider), [""; 0]);
    // Here the access token has ended its whole family; the other replica knows nothing of it.
    assert_eq!(pair.scene.refresh(&pair.client, &held.refresh).await.status, 400);
    assert!(pair.goes_on_there(&held).await);
    // Some clients revoke both, this one first.
    pair.revoke(&held.refresh).await;
    assert_eq!(taken_back(&pair.scene.provider).len(), 1);
}

/// RFC 7009 §2.2: the client's answer is the same, and here it is over.
#[tokio::test]
async fn o30_a_provider_that_does_not_take_its_token_back_keeps_nothing_alive_here() {
    let pair = Pair::set(revoking()).await;
    for fault in [
        Fault::Closed,
        Fault::Html,
        Fault::Says(400, r#"{"error":"unsupported_token_type"}"#),
        Fault::Says(401, r#"{"error":"invalid_client"}"#),
        Fault::Says(500, "{}"),
        Fault::Says(503, "{}"),
        Fault::Endless(1 << 20),
        Fault::Redirect("http://127.0.0.1:9/".into()),
        Fault::Silence,
    ] {
        let (held, shown) = (pair.log_in().await, format!("{fault:?}"));
        assert_eq!(pair.scene.call(&held.access).await, 200, "{shown}");
        pair.scene.provider.fail(Place::Revoke, fault);
        let begun = Instant::now();
        pair.revoke(&held.refresh).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{shown}: {:?}", begun.elapsed());
        assert_eq!(pair.scene.call(&held.access).await, 401, "{shown}");
        assert_eq!(error(&pair.scene.refresh(&pair.client, &held.refresh).await), "invalid_grant", "{shown}");
        pair.scene.provider.behave();
    }
}

/// Nobody waits longer than a moment, and the provider is told all the same.
#[tokio::test]
async fn o30_a_provider_that_is_slow_takes_its_token_back_after_the_client_was_answered() {
    let pair = Pair::set(revoking()).await;
    let held = pair.log_in().await;
    pair.scene.provider.fail(Place::Revoke, Fault::Late(Duration::from_secs(4)));
    let begun = Instant::now();
    pair.revoke(&held.refresh).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(5).saturating_sub(begun.elapsed())).await;
    assert!(!pair.goes_on_there(&held).await);
}

/// By the preset: Google takes back all that its user granted, on every device, and is asked only where the policy says so.
#[tokio::test]
async fn o30_one_client_that_is_signed_out_leaves_the_others_their_logins() {
    let quirks = Quirks { revocation: Revocation::Everything, ..Quirks::plain() };
    for (word, is_named, is_asked) in [
        ("google", false, false),
        ("google", true, true),
        ("keycloak", false, false),
        ("keycloak", true, true),
        ("oidc", false, true),
    ] {
        let mut scene = Scene::set(quirks.clone()).await;
        let mut rules = Rules::usual().with("/proxy/login/provider", word);
        if is_named {
            let url = scene.provider.url(Place::Revoke);
            rules = rules.with("/proxy/login/endpoints", serde_json::json!({ "revocation": url }));
        }
        scene.enforce(&rules).await;
        let client = scene.client().await;
        let (laptop, phone) = (scene.log_in(&client).await, scene.log_in(&client).await);
        revoke(&scene, &client, &laptop.refresh).await;
        scene.hands.advance(LATER);
        assert_eq!(taken_back(&scene.provider).len(), usize::from(is_asked), "{word} {is_named}");
        let status = scene.refresh(&client, &phone.refresh).await.status;
        assert_eq!(status, if is_asked { 400 } else { 200 }, "{word} {is_named}");
    }
}

#[tokio::test]
async fn o30_each_provider_is_asked_as_its_documents_let_it() {
    for (quirks, is_asked) in [
        (Quirks::okta(), true),
        (Quirks::auth0(), true),
        (Quirks::cognito(), true),
        (Quirks::google(), false),
        (Quirks::entra(), false),
        (Quirks::github_enterprise(), false),
    ] {
        let vendor = format!("{:?}", quirks.vendor);
        let scene = Scene::set_for(quirks).await;
        let client = scene.client().await;
        let held = scene.log_in(&client).await;
        revoke(&scene, &client, &held.refresh).await;
        assert_eq!(taken_back(&scene.provider).len(), usize::from(is_asked), "{vendor}");
        assert_eq!(scene.call(&held.access).await, 401, "{vendor}");
    }
}

#[tokio::test]
async fn o28_a_token_of_one_provider_is_not_taken_back_at_another() {
    let mut scene = Scene::set(revoking()).await;
    let client = scene.client().await;
    let other = Provider::start(revoking(), &scene.clock).await;
    other.register(&format!("{ORIGIN}/oauth/callback"));
    let old = scene.log_in(&client).await;
    scene.move_to(&other, &client).await;
    let new = scene.log_in(&client).await;
    for held in [&old, &new] {
        revoke(&scene, &client, &held.refresh).await;
    }
    assert_eq!((taken_back(&scene.provider).len(), taken_back(&other).len()), (0, 1));
}
