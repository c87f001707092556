//! A consent that a browser remembers, where the policy lets it: asked for once, and again for anything else; forged by
//! nobody; and never of a client whose code anybody could redeem.

use std::time::Duration;

use serde_json::json;

use super::desk::{BY_A_PERSON, agree, body, changed, code_of, cookies, named, redemption, target, tokens};
use super::document::{Published, WEB};
use super::rules::Rules;
use super::scene::{CALLBACK, Scene, authorize};
use crate::world::browser::{Browser, Step};
use crate::world::client::Reply;
use crate::world::providers::quirks::Quirks;
use crate::world::tokens::key_set;

pub(super) const CI: &str = "https://ci.example/cb";
const OTHER: &str = "https://ci.example/other";
pub(super) const SECRET: &str = "the-secret-of-ci-that-nobody-guesses";
const CLAUDE: &str = "https://claude.ai/api/mcp/auth_callback";
/// In seconds.
const MONTH: u64 = 30 * 24 * 3600;

/// Two clients that prove who they are, and a public one.
pub(super) fn rules() -> Rules {
    let fixed = json!([
        { "id": "ci", "secret": SECRET, "redirectURIs": [CI, OTHER] },
        { "id": "cd", "secret": "the-secret-of-cd-that-nobody-guesses", "redirectURIs": [CI] },
        { "id": "public", "redirectURIs": [CI] },
    ]);
    let rules = Rules::usual().with("/proxy/consent", "remember").with("/proxy/clients/static", fixed);
    rules.with("/requiredScopes", json!(["mcp", "tools"]))
}

async fn scene() -> Scene {
    Scene::set_by(Quirks::plain(), &rules()).await
}

fn usual() -> String {
    authorize("ci", &[("redirect_uri", CI), ("scope", "mcp")])
}

/// Agrees and has the browser remember it, up to the code.
pub(super) async fn remember(browser: &mut Browser, page: &Step, back: &str) -> Step {
    let there = browser.take(&page.form("ask").tick("remember").press("allow")).await;
    let there = browser.walk(there, back).await;
    super::desk::sign_in(browser, there, back).await
}

/// What a person sees who opens the client's address, in a browser with these cookies.
async fn opens(scene: &Scene, cookies: &str) -> Reply {
    let headers = [&BY_A_PERSON[..], &[("cookie", cookies)]].concat();
    scene.desk().send("GET", target(&usual()), &headers, "").await
}

#[tokio::test]
async fn i3_a_consent_that_is_remembered_is_asked_for_once_and_anew_for_anything_else() {
    let scene = scene().await;
    let mut browser = scene.browser();
    let page = browser.open(&usual()).await;
    code_of(&remember(&mut browser, &page, CI).await);
    let again = browser.open(&usual()).await;
    assert!(again.leads_to(&scene.provider.issuer()), "{}", again.reply.text());
    let code = code_of(&browser.walk(again, CI).await);
    let proved = [&changed(redemption("ci", &code), "redirect_uri", CI)[..], &[("client_secret", SECRET)]];
    let held = tokens(&scene.token(&proved.concat()).await);
    assert_eq!(held.answer["scope"], "mcp");
    for (client, redirect, scope) in [
        ("cd", CI, "mcp"),
        ("ci", OTHER, "mcp"),
        ("ci", CI, "mcp tools"),
        ("ci", CI, "tools"),
        ("ci", CI, "mcp offline_access"),
    ] {
        let step = browser.open(&authorize(client, &[("redirect_uri", redirect), ("scope", scope)])).await;
        assert_eq!((step.reply.status, step.next().is_none()), (200, true), "{client} {redirect} {scope}");
    }
    assert_eq!(scene.browser().open(&usual()).await.reply.status, 200, "another browser");
    assert!(browser.open(&usual()).await.leads_to(&scene.provider.issuer()));
}

#[tokio::test]
async fn i3_without_the_tick_or_where_the_policy_does_not_say_so_nothing_is_remembered() {
    let mut scene = scene().await;
    let mut browser = scene.browser();
    let page = browser.open(&usual()).await;
    code_of(&agree(&mut browser, &page, CI).await);
    assert_eq!(browser.open(&usual()).await.reply.status, 200);
    let page = browser.open(&usual()).await;
    code_of(&remember(&mut browser, &page, CI).await);
    assert_eq!(browser.open(&usual()).await.reply.status, 303);
    scene.enforce(&rules().with("/proxy/consent", "always")).await;
    let page = browser.open(&usual()).await;
    assert_eq!((page.reply.status, page.reply.text().contains("name=\"remember\"")), (200, false));
}

#[tokio::test]
async fn i5_a_remembered_consent_is_forged_by_nobody_and_ends() {
    let scene = scene().await;
    let mut browser = scene.browser();
    for client in ["ci", "cd"] {
        let url = authorize(client, &[("redirect_uri", CI), ("scope", "mcp")]);
        let page = browser.open(&url).await;
        code_of(&remember(&mut browser, &page, CI).await);
    }
    let page = browser.open(&authorize("ci", &[("redirect_uri", OTHER)])).await;
    super::desk::to_return(&mut browser, &page).await;
    let [(name, value), (_, others)] = &named(&browser, "consent-")[..] else { panic!("two consents") };
    let (_, login) = named(&browser, "login-").pop().expect("a login that is under way");
    let (middle, last) = (value.len() / 2, value.len() - 1);
    let flipped = |at: usize| {
        let other = if &value[at..=at] == "A" { "B" } else { "A" };
        format!("{name}={}{other}{}", &value[..at], &value[at + 1..])
    };
    for (forged, why) in [
        (format!("{name}="), "nothing"),
        (flipped(middle), "a letter changed"),
        (flipped(3), "another key's name"),
        (format!("{name}={}", &value[..last]), "cut"),
        (format!("{name}={others}"), "another consent"),
        (format!("{name}={login}"), "another kind of value"),
        (format!("{name}={value}; {name}={value}"), "twice"),
        (format!("{}x={value}", &name[..name.len() - 1]), "under another name"),
    ] {
        assert_eq!(opens(&scene, &forged).await.status, 200, "{why}");
    }
    let good = format!("{name}={value}");
    assert_eq!(opens(&scene, &good).await.status, 303);
    scene.hands.advance(Duration::from_secs(MONTH - 1));
    assert_eq!(opens(&scene, &good).await.status, 303);
    scene.hands.advance(Duration::from_secs(1));
    assert_eq!(opens(&scene, &good).await.status, 200, "over");
}

#[tokio::test]
async fn i2_a_page_that_sends_a_browser_here_by_itself_has_the_person_asked() {
    let scene = scene().await;
    let mut browser = scene.browser();
    let page = browser.open(&usual()).await;
    code_of(&remember(&mut browser, &page, CI).await);
    let held = cookies(&browser);
    for left_out in BY_A_PERSON {
        let rest = BY_A_PERSON.into_iter().filter(|header| *header != left_out);
        let headers: Vec<_> = rest.chain([("cookie", held.as_str())]).collect();
        let reply = scene.desk().send("GET", target(&usual()), &headers, "").await;
        assert_eq!(reply.status, 200, "{left_out:?}");
    }
    assert_eq!(opens(&scene, &held).await.status, 303);
}

#[tokio::test]
async fn i3_a_rotation_forgets_a_consent_when_the_old_key_goes_and_not_before() {
    let mut scene = scene().await;
    let mut browser = scene.browser();
    let page = browser.open(&usual()).await;
    code_of(&remember(&mut browser, &page, CI).await);
    let held = cookies(&browser);
    scene.enforce(&rules().with_keys(&["3", "1"], &["4", "2"])).await;
    assert_eq!(opens(&scene, &held).await.status, 303);
    scene.enforce(&rules().with_keys(&["3"], &["4"])).await;
    assert_eq!(opens(&scene, &held).await.status, 200);
}

/// Whether a consent to this client at this address is remembered: offered, kept and believed, or none of these.
async fn is_remembered(scene: &Scene, client: &str, back: &str) -> bool {
    let mut browser = scene.browser();
    let url = authorize(client, &[("redirect_uri", back)]);
    let page = browser.open(&url).await;
    let is_offered = page.reply.text().contains("name=\"remember\"");
    // Also where somebody sends the field that the page does not have.
    let there = browser.take(&page.form("ask").press("allow").with_field("remember", "yes")).await;
    assert_eq!(there.reply.status, 303);
    let is_kept = !named(&browser, "consent-").is_empty();
    let again = browser.open(&url).await.reply.status;
    assert_eq!((is_kept, again), (is_offered, if is_offered { 303 } else { 200 }), "{client} {back}");
    is_offered
}

/// GHSA-6x8h-498w-gv8c: a server that is added to a public client may send the person here, and the client brings it the
/// code and the verifier. What the person sees is all that stands against it.
#[tokio::test]
async fn o09_a_client_whose_code_anybody_could_redeem_is_asked_about_each_time() {
    let local = "http://127.0.0.1/cb";
    let fixed = json!([
        { "id": "ci", "secret": SECRET, "redirectURIs": [CI, local] },
        { "id": "public", "redirectURIs": [CI] },
    ]);
    let scene = Scene::set_by(Quirks::plain(), &rules().with("/proxy/clients/static", fixed)).await;
    let metadata =
        json!({ "redirect_uris": [CLAUDE, CALLBACK], "token_endpoint_auth_method": "client_secret_post" });
    let registered = body(&scene.register(&metadata).await)["client_id"].as_str().expect("an id").to_owned();
    for (client, back, why) in [
        ("public", CI, "it proves nothing"),
        ("ci", local, "any program on the machine may listen there"),
        (&registered, CLAUDE, "anybody may have registered it"),
        (&registered, CALLBACK, "both"),
    ] {
        assert!(!is_remembered(&scene, client, back).await, "{why}");
    }
    assert!(is_remembered(&scene, "ci", CI).await, "the twin, which proves who it is, at its own address");
}

/// A client with a document is as good as what it must show.
#[tokio::test]
async fn o09_a_client_with_a_document_is_asked_about_each_time_unless_it_must_sign() {
    let published = Published::start().await;
    let scene = Scene::set_by(Quirks::plain(), &published.rules().with("/proxy/consent", "remember")).await;
    let local = "http://127.0.0.1/cb";
    for (path, methods, back, expected) in [
        ("/none", json!(["none"]), WEB, false),
        ("/both", json!(["none", "private_key_jwt"]), WEB, false),
        ("/local", json!(["private_key_jwt"]), local, false),
        ("/signs", json!(["private_key_jwt"]), WEB, true),
    ] {
        let members = json!({
            "redirect_uris": [back], "token_endpoint_auth_methods_supported": methods, "jwks": key_set(),
        });
        let client = published.publish(path, &members);
        assert_eq!(is_remembered(&scene, &client, back).await, expected, "{path}");
    }
}

#[tokio::test]
async fn o27_a_browser_remembers_only_so_many_consents_and_the_oldest_give_way() {
    let fixed = (0..12).map(|at| json!({ "id": format!("c{at}"), "secret": SECRET, "redirectURIs": [CI] }));
    let rules = rules().with("/proxy/clients/static", fixed.collect::<Vec<_>>());
    let scene = Scene::set_by(Quirks::plain(), &rules).await;
    let mut browser = scene.browser();
    let url = |at: usize| authorize(&format!("c{at}"), &[("redirect_uri", CI)]);
    for at in 0..12 {
        scene.hands.advance(Duration::from_secs(1));
        let page = browser.open(&url(at)).await;
        code_of(&remember(&mut browser, &page, CI).await);
    }
    let held = named(&browser, "consent-");
    let bytes: usize = held.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
    assert!(bytes <= 2048 && held.len() > 3, "{bytes} bytes in {}", held.len());
    assert_eq!(browser.open(&url(11)).await.reply.status, 303);
    assert_eq!(browser.open(&url(0)).await.reply.status, 200);
}
