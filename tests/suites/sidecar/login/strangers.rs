//! Links that strangers make: to the callback with anything in them, and with what is theirs. They end on a page; nobody is
//! sent anywhere, nothing of them is shown, and whatever is under way goes on.

use super::desk::{RETURN, cookies, named, parameter, target, to_return};
use super::scene::{CALLBACK, Scene};
use crate::world::browser::{Browser, Navigation};
use crate::world::client::{Connection, request};
use crate::world::providers::mischief::Place;
use crate::world::providers::quirks::Quirks;

const PAGE: &str = "https://evil.example/page";

/// The person clicks on it at a stranger's.
async fn click(browser: &mut Browser, query: &str) -> crate::world::browser::Step {
    browser.take(&Navigation::linked(PAGE, &format!("{RETURN}{query}"))).await
}

#[tokio::test]
async fn o03_a_strangers_error_or_code_ends_on_a_page_and_sends_nobody_anywhere() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let (mut idle, mut busy) = (scene.browser(), scene.browser());
    let page = scene.ask(&mut busy, &client).await;
    let there = to_return(&mut busy, &page).await;
    for query in [
        "",
        "?error=access_denied",
        "?error=access_denied&error_description=s3cret&state=made-up-by-a-stranger",
        "?error=server_error&error_uri=https://evil.example/s3cret&state=AAAAAAAAAAAAAAAAAAAAAA",
        "?code=s3cret",
        "?code=s3cret&state=AAAAAAAAAAAAAAAAAAAAAA",
        "?code=s3cret&state=AAAAAAAAAAAAAAAAAAAAAA&iss=https://evil.example",
        "?state=",
        "?state=%00",
        "?state=<script>s3cret</script>",
    ] {
        for browser in [&mut idle, &mut busy] {
            let step = click(browser, query).await;
            assert_eq!((step.reply.status, step.next().is_none()), (403, true), "{query}");
            assert!(!step.reply.text().contains("s3cret"), "O26: {query}");
            assert!(step.reply.text().contains("other_browser"), "{query}");
            assert_eq!(step.reply.count("set-cookie"), 0, "{query}");
        }
    }
    assert!(parameter(&busy.take(&there).await, "code").is_some(), "what was under way goes on");
}

#[tokio::test]
async fn o10_an_attackers_answer_of_the_provider_brings_the_victim_no_code_and_the_attacker_one() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let (mut attacker, mut victim) = (scene.browser(), scene.browser());
    let page = scene.ask(&mut attacker, &client).await;
    let theirs = to_return(&mut attacker, &page).await;
    let page = scene.ask(&mut victim, &client).await;
    let own = to_return(&mut victim, &page).await;
    let asked = scene.provider.requests(Place::Token).len();
    let step = victim.take(&Navigation::linked(PAGE, theirs.url().as_str())).await;
    assert_eq!((step.reply.status, step.next().is_none()), (403, true), "{}", step.reply.text());
    assert_eq!(scene.provider.requests(Place::Token).len(), asked, "the provider hears nothing of it");
    assert!(parameter(&attacker.take(&theirs).await, "code").is_some(), "the browser in which it began");
    // Another one of the attacker's codes under the victim's own state, had the attacker come by that: it is bound to another
    // verifier.
    let page = scene.ask(&mut attacker, &client).await;
    let spare = to_return(&mut attacker, &page).await;
    let mixed = own.url().query_pairs().map(|(name, value)| match &*name {
        "code" => (name, spare.parameter("code").expect("a code").into()),
        _ => (name, value),
    });
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(mixed).finish();
    let step = click(&mut victim, &format!("?{query}")).await;
    assert_eq!(parameter(&step, "code"), None);
    assert_eq!(parameter(&step, "error").as_deref(), Some("server_error"));
    // Its twin, in a browser to which nothing was done.
    let page = scene.ask(&mut victim, &client).await;
    let own = to_return(&mut victim, &page).await;
    assert!(victim.take(&own).await.leads_to(CALLBACK));
}

/// One login that is begun can be brought back any number of times, with codes that are none.
#[tokio::test]
async fn o15_returns_are_paced_before_the_provider_is_asked_and_whoever_waits_comes_in() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let there = to_return(&mut browser, &page).await;
    let junk = target(there.url().as_str()).replace(&there.parameter("code").expect("a code"), "junk");
    let held = cookies(&browser);
    let mut connection = Connection::open(scene.desk().0).await;
    let before = scene.provider.requests(Place::Token).len();
    for _ in 0..500 {
        let reply = connection.exchange(request("GET", &junk, &[("cookie", held.as_str())], "")).await;
        assert_eq!(reply.status, 303, "{}", reply.text());
    }
    assert_eq!(scene.provider.requests(Place::Token).len(), before + 500);
    let reply = connection.exchange(request("GET", &junk, &[("cookie", held.as_str())], "")).await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("30")));
    assert_eq!(reply.header("cache-control"), Some("no-store"), "O19");
    assert!(reply.text().contains("too_many_logins"), "{}", reply.text());
    assert_eq!(scene.provider.requests(Place::Token).len(), before + 500, "it was not asked");
    scene.hands.advance(std::time::Duration::from_secs(1));
    assert!(parameter(&browser.take(&there).await, "code").is_some());
}

#[tokio::test]
async fn i4_a_form_on_a_strangers_page_agrees_to_nothing() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let (mut attacker, mut victim) = (scene.browser(), scene.browser());
    let theirs = scene.ask(&mut attacker, &client).await;
    let own = scene.ask(&mut victim, &client).await;
    let consent = "https://mcp.example.com/oauth/consent";
    for page in [&theirs, &own] {
        let form = page.form("ask");
        let fields = [("ask", form.value("ask")), ("csrf", form.value("csrf")), ("decision", "allow")];
        let step = victim.take(&Navigation::posted(PAGE, consent, &fields)).await;
        assert_eq!((step.reply.status, step.next().is_none()), (403, true));
    }
    for (field, value, status) in
        [("csrf", "AAAA", 400), ("csrf", "", 400), ("ask", "AAAA", 400), ("ask", "", 400)]
    {
        let step = victim.take(&own.form("ask").press("allow").with_field(field, value)).await;
        assert_eq!((step.reply.status, step.next().is_none()), (status, true), "{field} {value}");
    }
    assert!(named(&victim, "login-").is_empty());
    assert_eq!(victim.take(&own.form("ask").press("allow")).await.reply.status, 303);
}

/// Ten thousand cookies and states that are nearly right: one answer, and the right one still counts.
#[tokio::test]
async fn o26_whatever_is_nearly_a_login_is_answered_alike() {
    let scene = Scene::set(Quirks::plain()).await;
    let client = scene.client().await;
    let mut browser = scene.browser();
    let page = scene.ask(&mut browser, &client).await;
    let there = to_return(&mut browser, &page).await;
    let (name, value) = named(&browser, "login-").pop().expect("a login is under way");
    let url = target(there.url().as_str());
    let state = there.parameter("state").expect("it is named by its state");
    let mut connection = Connection::open(scene.desk().0).await;
    let mut first = None;
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..10_000_usize {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (url, cookie) = if round % 4 == 0 {
            (url.replace(&state, &mutated(&state, seed)), format!("{name}={value}"))
        } else {
            (url.to_owned(), format!("{name}={}", mutated(&value, seed)))
        };
        let text = request("GET", &url, &[("cookie", cookie.as_str())], "");
        let reply = connection.exchange(text).await;
        let answer = (reply.status, reply.text());
        assert_eq!(*first.get_or_insert_with(|| answer.clone()), answer, "round {round}: {cookie}");
    }
    assert_eq!(first.map(|(status, _)| status), Some(403));
    let text = request("GET", url, &[("cookie", cookies(&browser).as_str())], "");
    assert_eq!(connection.exchange(text).await.status, 303);
}

/// Another text of the same alphabet: a letter changed, left out or put in, or the rest cut off.
fn mutated(text: &str, seed: u64) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let pick = |shift: u32, most: usize| usize::try_from(seed >> shift).unwrap_or(0) % most;
    let (at, mut bytes) = (pick(8, text.len()), text.as_bytes().to_vec());
    let letter = ALPHABET[pick(24, ALPHABET.len())];
    match pick(40, 4) {
        0 => drop(bytes.remove(at)),
        1 => bytes.insert(at, letter),
        2 => bytes.truncate(at),
        _ => bytes[at] = if bytes[at] == letter { b'.' } else { letter },
    }
    String::from_utf8(bytes).expect("ASCII")
}
