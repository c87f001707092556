//! Two replicas that share a real store: what happens once happens once for both, and what one of them ends has ended.

mod nonsense;
mod secrets;
mod troubles;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::world::authority::Authority;
use crate::world::client::Reply;
use crate::world::providers::mischief::Place;
use crate::world::providers::quirks::Quirks;
use crate::world::running::Sidecar;
use crate::world::store::Store;

use super::scene::{ORIGIN, Scene, body, call, post, redemption, refreshment, tokens};

/// Long enough that the provider is asked again, and no access token is over.
const LATER: Duration = Duration::from_mins(10);
/// How long the other replica may take to hear of something.
const PROMPTLY: Duration = Duration::from_secs(2);

/// Two replicas behind one name.
pub(super) struct Pair {
    pub(super) scene: Scene,
    pub(super) other: Sidecar,
    pub(super) store: Store,
}

impl Pair {
    /// Over TLS, as a user who may do no more than is needed.
    async fn set() -> Self {
        let authority = Authority::new();
        let store = Store::guarded(&authority).await;
        let line = store.in_policy(Some(&authority));
        Self::with(store, &line).await
    }

    pub(super) async fn with(store: Store, line: &str) -> Self {
        let scene = Scene::set_with(Quirks::plain(), "oidc", |policy| sharing(&policy, line)).await;
        let other = scene.replica_with(|policy| sharing(&policy, line)).await;
        Self { scene, other, store }
    }

    /// Without TLS and password.
    async fn with_plain() -> Self {
        Self::with_plain_of(Store::plain().await).await
    }

    async fn with_plain_of(store: Store) -> Self {
        let line = store.in_policy(None);
        Self::with(store, &line).await
    }

    async fn redeem_there(&self, client: &str, code: &str) -> Reply {
        post(&self.other, "/oauth/token", &redemption(client, code)).await
    }

    async fn refresh_there(&self, client: &str, refresh: &str) -> Reply {
        post(&self.other, "/oauth/token", &refreshment(client, refresh)).await
    }

    /// Waits until neither takes this token any more.
    async fn is_over_everywhere(&self, access: &str) {
        for sidecar in [&self.scene.sidecar, &self.other] {
            is_over(sidecar, access).await;
        }
    }
}

async fn is_over(sidecar: &Sidecar, access: &str) {
    let heard = async {
        while call(sidecar, access).await != 401 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PROMPTLY, heard).await.expect("it hears of it promptly");
}

/// The policy with this line about a store.
pub(super) fn sharing(policy: &str, line: &str) -> String {
    format!("{}\n  {line}\n", policy.trim_end())
}

fn error(reply: &Reply) -> (u16, Option<String>) {
    (reply.status, body(reply)["error"].as_str().map(str::to_owned))
}

fn bad_grant() -> (u16, Option<String>) {
    (400, Some("invalid_grant".to_owned()))
}

#[tokio::test]
async fn o07_a_code_that_one_replica_took_is_refused_by_the_other_and_ends_what_it_gave() {
    let pair = Pair::set().await;
    let client = pair.scene.client().await;
    let untouched = pair.scene.log_in(&client).await;
    let code = pair.scene.code(&client).await;
    let first = tokens(&pair.scene.redeem(&client, &code).await);
    assert_eq!([pair.scene.call(&first.access).await, call(&pair.other, &first.access).await], [200; 2]);
    assert_eq!(error(&pair.redeem_there(&client, &code).await), bad_grant());
    pair.is_over_everywhere(&first.access).await;
    assert_eq!(error(&pair.scene.refresh(&client, &first.refresh).await), bad_grant());
    assert_eq!(error(&pair.refresh_there(&client, &first.refresh).await), bad_grant());
    // Another login of the same client is nobody's business, and any replica takes a code that nobody took.
    assert_eq!(call(&pair.other, &untouched.access).await, 200);
    let code = pair.scene.code(&client).await;
    assert_eq!(pair.redeem_there(&client, &code).await.status, 200);
}

#[tokio::test]
async fn o07_of_fifty_redemptions_at_once_on_two_replicas_one_succeeds() {
    let pair = Pair::set().await;
    let client = pair.scene.client().await;
    let code = pair.scene.code(&client).await;
    let fields = redemption(&client, &code);
    let each = (0..50).map(|at| {
        let sidecar = if at % 2 == 0 { &pair.scene.sidecar } else { &pair.other };
        post(sidecar, "/oauth/token", &fields)
    });
    let replies = together(each).await;
    let (good, bad): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!((good.len(), bad.len()), (1, 49));
    // On a busy machine some of fifty at once wait longer for the store than its second, and are put off. Nobody comes in by it.
    assert!(bad.iter().all(|reply| reply.status == 503 || error(reply) == bad_grant()));
    pair.is_over_everywhere(&tokens(good[0]).access).await;
}

#[tokio::test]
async fn i7_a_login_returns_once_to_whichever_replica() {
    let pair = Pair::set().await;
    let client = pair.scene.client().await;
    let mut browser = pair.scene.browser();
    let page = pair.scene.ask(&mut browser, &client).await;
    let there = browser.take(&page.form("ask").press("allow")).await;
    let there = browser.walk(there, ORIGIN).await;
    let filled = browser.take(&there.form("username").fill("username", "ada").press("allow")).await;
    let back = browser.walk(filled, ORIGIN).await.next().expect("back to us");
    let cookies: Vec<_> =
        browser.cookies().iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
    let cookies = cookies.join("; ");
    let target = &back.url().as_str()[ORIGIN.len()..];
    let headers = [("cookie", cookies.as_str())];
    // One of which nothing comes is no return.
    let state = back.parameter("state").expect("it is named by its state");
    let refusal = format!("/oauth/callback?error=access_denied&state={state}");
    assert_eq!(pair.scene.sidecar.send("GET", &refusal, &headers, "").await.status, 303);
    let returned = pair.other.send("GET", target, &headers, "").await;
    assert!(returned.header("location").is_some_and(|to| to.contains("code=")), "{}", returned.text());
    let copied = pair.scene.sidecar.send("GET", target, &headers, "").await;
    assert_eq!((copied.status, copied.text().contains("login_expired")), (400, true), "{}", copied.text());
}

#[tokio::test]
async fn d11_a_refresh_token_that_comes_to_both_replicas_gets_the_same_and_the_provider_is_asked_once() {
    let pair = Pair::set().await;
    let client = pair.scene.client().await;
    let first = pair.scene.log_in(&client).await;
    pair.scene.hands.advance(LATER);
    let before = pair.scene.provider.requests(Place::Token).len();
    let second = tokens(&pair.scene.refresh(&client, &first.refresh).await);
    let there = tokens(&pair.refresh_there(&client, &first.refresh).await);
    assert_eq!((&there.refresh, &there.access), (&second.refresh, &second.access));
    assert_eq!(pair.scene.provider.requests(Place::Token).len(), before + 1, "it would take two for theft");
    // The login goes on, from replica to replica, with a provider that takes each of its own tokens once.
    pair.scene.hands.advance(LATER);
    let third = tokens(&pair.refresh_there(&client, &there.refresh).await);
    pair.scene.hands.advance(LATER);
    let fourth = tokens(&pair.scene.refresh(&client, &third.refresh).await);
    assert_eq!([pair.scene.call(&fourth.access).await, call(&pair.other, &fourth.access).await], [200; 2]);
}

#[tokio::test]
async fn o12_of_twenty_refreshes_at_once_on_two_replicas_all_get_the_same() {
    let pair = Pair::set().await;
    let client = pair.scene.client().await;
    let first = pair.scene.log_in(&client).await;
    pair.scene.hands.advance(LATER);
    let before = pair.scene.provider.requests(Place::Token).len();
    let fields = refreshment(&client, &first.refresh);
    let each = (0..20).map(|at| {
        let sidecar = if at % 2 == 0 { &pair.scene.sidecar } else { &pair.other };
        post(sidecar, "/oauth/token", &fields)
    });
    let refreshed: Vec<_> = together(each).await.iter().map(|reply| tokens(reply).refresh).collect();
    assert!(refreshed.iter().all(|one| *one == refreshed[0]));
    assert_eq!(pair.scene.provider.requests(Place::Token).len(), before + 1);
    tokens(&pair.refresh_there(&client, &refreshed[0]).await);
}

#[tokio::test]
async fn o12_an_older_refresh_token_ends_the_login_everywhere_whichever_replica_knows_it() {
    let pair = Pair::set().await;
    let client = pair.scene.client().await;
    let first = pair.scene.log_in(&client).await;
    let second = tokens(&pair.scene.refresh(&client, &first.refresh).await);
    let third = tokens(&pair.refresh_there(&client, &second.refresh).await);
    assert_eq!(call(&pair.other, &third.access).await, 200);
    // The first replica turned this one itself, and knows nothing of what came later.
    assert_eq!(error(&pair.scene.refresh(&client, &first.refresh).await), bad_grant());
    pair.is_over_everywhere(&third.access).await;
    assert_eq!(error(&pair.refresh_there(&client, &third.refresh).await), bad_grant());
}

#[tokio::test]
async fn o12_once_two_minutes_are_over_the_last_refresh_token_ends_the_login_too() {
    let pair = Pair::set().await;
    let client = pair.scene.client().await;
    let first = pair.scene.log_in(&client).await;
    let second = tokens(&pair.scene.refresh(&client, &first.refresh).await);
    tokens(&pair.refresh_there(&client, &first.refresh).await);
    pair.store.end_the_overlap().await;
    assert_eq!(error(&pair.refresh_there(&client, &first.refresh).await), bad_grant());
    pair.is_over_everywhere(&second.access).await;
}

#[tokio::test]
async fn o30_what_one_replica_revokes_the_others_refuse_promptly_also_one_that_starts_later() {
    let authority = Authority::new();
    let store = Store::guarded(&authority).await;
    let line = store.in_policy(Some(&authority));
    let pair = Pair::with(store, &line).await;
    let client = pair.scene.client().await;
    let (held, kept) = (pair.scene.log_in(&client).await, pair.scene.log_in(&client).await);
    assert_eq!(call(&pair.other, &held.access).await, 200);
    let revoked = pair.scene.post("/oauth/revoke", &[("client_id", &client), ("token", &held.access)]).await;
    assert_eq!(revoked.status, 200);
    pair.is_over_everywhere(&held.access).await;
    assert_eq!(error(&pair.refresh_there(&client, &held.refresh).await), bad_grant());
    let late = pair.scene.replica_with(|policy| sharing(&policy, &line)).await;
    is_over(&late, &held.access).await;
    assert_eq!([call(&late, &kept.access).await, call(&pair.other, &kept.access).await], [200; 2]);
}

#[tokio::test]
async fn o29_a_login_goes_on_where_the_keys_are_rotated_and_is_still_used_once() {
    let mut pair = Pair::set().await;
    let client = pair.scene.client().await;
    let first = pair.scene.log_in(&client).await;
    let second = tokens(&pair.scene.refresh(&client, &first.refresh).await);
    // One replica has the new key already, the other one has not.
    let after = pair.scene.replica_with(|policy| {
        let newer = format!("seal: [{{id: k3, key: '{}'}}, ", STANDARD.encode([3; 32]));
        let policy = policy.replace("seal: [", &newer);
        sharing(&policy, &pair.store.in_policy(None))
    });
    pair.other = after.await;
    let there = tokens(&pair.refresh_there(&client, &first.refresh).await);
    assert_eq!(there.refresh, second.refresh, "D11");
    let third = tokens(&pair.refresh_there(&client, &second.refresh).await);
    assert_eq!(error(&pair.scene.refresh(&client, &first.refresh).await), bad_grant(), "O12");
    pair.is_over_everywhere(&third.access).await;
}

/// All at the same time.
async fn together<T>(each: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = each.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        let mut left = false;
        for (one, done) in &mut waiting {
            if done.is_none() {
                match one.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => left = true,
                }
            }
        }
        if left { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}
