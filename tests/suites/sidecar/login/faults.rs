//! A provider that is away, slow or lies, at a login and at a refresh: nobody comes in by it, nobody waits for ever, and nothing
//! that was given out is lost.

use std::time::{Duration, Instant};

use super::desk::{Desk, RETURN, body, code_of, error, tokens};
use super::rules::Rules;
use super::scene::Scene;
use crate::world::authority::Authority;
use crate::world::client::{Connection, Reply, request};
use crate::world::providers::mischief::{Fault, Lie, Place};
use crate::world::providers::quirks::Quirks;

fn is_for_later(reply: &Reply) -> bool {
    (reply.status, reply.header("retry-after")) == (503, Some("2"))
        && body(reply)["error"] == "temporarily_unavailable"
}

/// Those that `provider.rs` does not have: each with what becomes of it, and why.
#[tokio::test]
async fn o11_every_other_lie_is_told_the_client_or_changes_nothing() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for (lie, expected, why) in [
        (Lie::NoKeyId, Some("server_error"), "two keys would fit"),
        (Lie::NoResponseIss, Some("server_error"), "it announced that it names itself"),
        (Lie::ServerError, Some("temporarily_unavailable"), "it says so itself"),
        (Lie::OtherSubject, None, "whoever it names at a login is who logged in"),
        (Lie::WrongAccessTokenHash, None, "its access token is used for nothing"),
        (Lie::SomebodyElsesUserInfo, None, "nobody asks there"),
    ] {
        scene.provider.lie(lie);
        assert_eq!(scene.told(&client).await.as_deref(), expected, "{lie:?}: {why}");
        scene.provider.behave();
    }
    assert!(scene.provider.requests(Place::User).is_empty());
}

#[tokio::test]
async fn o11_a_provider_whose_document_is_another_issuers_lets_nobody_in_until_it_is_its_own() {
    let mut scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    scene.provider.lie(Lie::OtherIssuersDocument);
    // A provider is asked anew when what is known of it changes.
    let rules = Rules::usual().with("/proxy/login/caBundle", Authority::new().pem);
    scene.enforce(&rules).await;
    assert_eq!(scene.told(&client).await.as_deref(), Some("temporarily_unavailable"));
    assert!(scene.provider.requests(Place::Authorize).is_empty());
    scene.provider.behave();
    scene.hands.advance(Duration::from_secs(11));
    assert_eq!(scene.told(&client).await, None);
}

#[tokio::test]
async fn p17_keys_that_cannot_be_had_stop_logins_and_no_call() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    for fault in [Fault::Closed, Fault::Says(500, "{}"), Fault::Html] {
        scene.hands.advance(Duration::from_mins(61));
        scene.provider.fail(Place::Keys, fault);
        assert_eq!(scene.told(&client).await.as_deref(), Some("temporarily_unavailable"));
        scene.provider.behave();
        scene.hands.advance(Duration::from_secs(11));
        assert_eq!(scene.told(&client).await, None);
    }
    let next = tokens(&scene.refresh(&client, &held.refresh).await);
    scene.provider.fail(Place::Keys, Fault::Closed);
    assert_eq!(scene.call(&next.access).await, 200, "our own tokens need no key of the provider's");
}

#[tokio::test]
async fn a22_a_lie_at_a_refresh_costs_nobody_their_login() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for lie in [
        Lie::WrongAudience,
        Lie::ManyAudiences,
        Lie::ManyAudiencesWithoutAzp,
        Lie::WrongAzp,
        Lie::WrongIssuer,
        Lie::NoSubject,
        Lie::Expired,
        Lie::FromTheFuture,
        Lie::NoExpiry,
        Lie::AlgorithmNone,
        Lie::ClientSecretAsKey,
        Lie::StrangersKey,
        Lie::SwappedKey,
        Lie::NoKeyId,
        Lie::UnknownKeyId,
    ] {
        let held = scene.log_in(&client).await;
        scene.hands.advance(Duration::from_mins(10));
        scene.provider.lie(lie);
        for _ in 0..2 {
            let reply = scene.refresh(&client, &held.refresh).await;
            assert!(is_for_later(&reply), "{lie:?}: {} {}", reply.status, reply.text());
        }
        scene.provider.behave();
        // This provider has taken its refresh token back twice, and takes an old one that comes again for theft.
        let next = tokens(&scene.refresh(&client, &held.refresh).await);
        assert_eq!(scene.call(&next.access).await, 200, "{lie:?}");
        scene.hands.advance(Duration::from_mins(10));
        tokens(&scene.refresh(&client, &next.refresh).await);
    }
    for lie in [Lie::NoIdToken, Lie::WrongNonce, Lie::NoNonce] {
        let held = scene.log_in(&client).await;
        scene.hands.advance(Duration::from_mins(10));
        scene.provider.lie(lie);
        // OpenID Connect Core §12.2: it need not be there, and a nonce belongs to a login.
        tokens(&scene.refresh(&client, &held.refresh).await);
        scene.provider.behave();
    }
}

#[tokio::test]
async fn a22_a_provider_that_is_away_at_a_refresh_costs_nobody_their_login() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for fault in [
        Fault::Closed,
        Fault::Html,
        Fault::Says(500, r#"{"error":"invalid_grant"}"#),
        Fault::Says(503, "{}"),
        Fault::Says(429, r#"{"error":"slow_down"}"#),
        Fault::Says(401, r#"{"error":"invalid_client"}"#),
        Fault::Endless(1 << 20),
        Fault::Redirect("http://127.0.0.1:9/".into()),
    ] {
        let held = scene.log_in(&client).await;
        scene.hands.advance(Duration::from_mins(10));
        let shown = format!("{fault:?}");
        scene.provider.fail(Place::Token, fault);
        let reply = scene.refresh(&client, &held.refresh).await;
        assert!(is_for_later(&reply), "{shown}: {} {}", reply.status, reply.text());
        assert_eq!(scene.call(&held.access).await, 200, "{shown}: what is good stays good");
        scene.provider.behave();
        tokens(&scene.refresh(&client, &held.refresh).await);
    }
}

/// Entra says the first of these where a rule asks for a second factor: no trying again helps, and a login does.
#[tokio::test]
async fn a22_what_a_provider_says_of_a_user_ends_the_login_and_what_it_says_of_itself_does_not() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    for (says, is_verdict) in [
        (r#"{"error":"interaction_required"}"#, true),
        (r#"{"error":"login_required"}"#, true),
        (r#"{"error":"consent_required"}"#, true),
        (r#"{"error":"account_selection_required"}"#, true),
        (r#"{"error":"access_denied"}"#, true),
        (r#"{"error":"invalid_grant"}"#, true),
        (r#"{"error":"temporarily_unavailable"}"#, false),
        (r#"{"error":"unauthorized_client"}"#, false),
    ] {
        let held = scene.log_in(&client).await;
        scene.hands.advance(Duration::from_mins(10));
        scene.provider.fail(Place::Token, Fault::Says(400, says));
        let reply = scene.refresh(&client, &held.refresh).await;
        scene.provider.behave();
        if is_verdict {
            assert_eq!((reply.status, &*error(&reply)), (400, "invalid_grant"), "{says}");
            assert_eq!(scene.call(&held.access).await, 401, "{says}");
        } else {
            assert!(is_for_later(&reply), "{says}: {} {}", reply.status, reply.text());
            tokens(&scene.refresh(&client, &held.refresh).await);
        }
    }
}

#[tokio::test]
async fn p17_a_provider_that_says_nothing_is_given_up_within_its_ten_seconds() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    scene.hands.advance(Duration::from_mins(10));
    scene.provider.fail(Place::Token, Fault::Silence);
    let begun = Instant::now();
    let (login, refresh) = tokio::join!(scene.told(&client), async {
        let mut connection = Connection::open(scene.desk().0).await;
        connection.write(refresh_text(&client, &held.refresh)).await;
        loop {
            // A reply is waited for ten seconds, which this one takes by design.
            let waited = tokio::time::timeout(Duration::from_secs(9), connection.reply()).await;
            if let Ok(reply) = waited {
                return reply.expect("an answer");
            }
        }
    });
    let waited = begun.elapsed();
    assert_eq!(login.as_deref(), Some("temporarily_unavailable"));
    assert!(is_for_later(&refresh), "{}", refresh.text());
    // As generous as it can be below the twenty seconds after which an exchange is given up as a whole.
    assert!((Duration::from_secs(9)..Duration::from_secs(19)).contains(&waited), "{waited:?}");
    scene.provider.behave();
    tokens(&scene.refresh(&client, &held.refresh).await);
    assert_eq!(scene.told(&client).await, None);
}

pub(super) fn refresh_text(client: &str, refresh: &str) -> String {
    let fields = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", refresh)];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request("POST", "/oauth/token", &[("content-type", "application/x-www-form-urlencoded")], &form)
}

/// Laptops are closed, and programs give up, while the provider has exchanged its token already.
#[tokio::test]
async fn d11_a_client_that_hangs_up_in_the_middle_of_a_refresh_finds_its_answer_later() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let held = scene.log_in(&client).await;
    scene.hands.advance(Duration::from_mins(10));
    let asked = scene.provider.requests(Place::Token).len();
    scene.provider.fail(Place::Token, Fault::Late(Duration::from_millis(300)));
    let mut connection = Connection::open(scene.desk().0).await;
    connection.write(refresh_text(&client, &held.refresh)).await;
    while scene.provider.requests(Place::Token).len() == asked {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(connection);
    // Twice, for it waits for the first one.
    let next = tokens(&scene.refresh(&client, &held.refresh).await);
    assert_eq!(scene.provider.requests(Place::Token).len(), asked + 1, "asked once");
    assert_eq!(scene.call(&next.access).await, 200);
    scene.provider.behave();
    scene.hands.advance(Duration::from_mins(10));
    tokens(&scene.refresh(&client, &next.refresh).await);
}

/// A pod is ready before it has heard of its provider: tokens that are out need nobody.
#[tokio::test]
async fn s1_a_login_right_after_a_start_waits_for_what_is_not_there_yet() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    scene.provider.fail(Place::Discovery, Fault::Late(Duration::from_millis(500)));
    let fresh = scene.replica().await;
    browser.way(super::scene::ORIGIN, fresh.traffic);
    let there = browser.take(&page.form("ask").press("allow")).await;
    assert!(there.leads_to(&scene.provider.issuer()), "{:?}", there.next());
    let there = browser.walk(there, RETURN).await;
    let there = super::desk::sign_in(&mut browser, there, RETURN).await.next().expect("back");
    let code = code_of(&browser.take(&there).await);
    tokens(&Desk(fresh.traffic).redeem(&client, &code).await);
}
