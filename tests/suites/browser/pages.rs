//! Our pages in a real browser: what a person presses, and what the browser does with the headers (I4, O01, O16, O20).

use harness::counterparts::chromium::{Scripts, View, Window};
use url::Url;

use crate::stage::{Elsewhere, Stage, says};
use crate::world::upstream::answer;

const FOCUSED: &str = "document.activeElement.innerText";

#[tokio::test]
async fn a_person_logs_in_with_the_keyboard_alone_and_cancelling_is_the_first_thing_that_is_reached() {
    let Some(stage) = Stage::set().await else { return };
    let authorize = stage.authorize().await;
    let window = stage.desk.window(View::default()).await;
    window.open(&authorize).await.expect("the page opens");
    assert_eq!(says(&window, "document.activeElement.tagName").await, "BODY", "nothing has the focus");
    window.press("Tab").await.expect("a key");
    assert_eq!(says(&window, FOCUSED).await, "Cancel");
    window.press("Tab").await.expect("a key");
    assert!(says(&window, FOCUSED).await.starts_with("Continue to "));
    // WCAG 2.4.7: whoever uses keys sees where they are.
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(says(&window, outline).await, "solid");
    window.press("Enter").await.expect("a key");
    window.arrive(&stage.scene.provider.issuer()).await.expect("the provider is next");
    for key in ["Tab", "a", "d", "a", "Enter"] {
        window.press(key).await.expect("a key");
    }
    let code = stage.desk.sent(&window, "code").await.expect("a code");
    assert_eq!(stage.scene.sidecar.redeem(&authorize, &code).await.status, 200);

    let twin = stage.desk.window(View::default()).await;
    twin.open(&authorize).await.expect("the page opens");
    for key in ["Tab", "Enter"] {
        twin.press(key).await.expect("a key");
    }
    assert_eq!(stage.desk.sent(&twin, "error").await.as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_person_logs_in_without_scripts_in_the_browser() {
    let Some(stage) = Stage::set().await else { return };
    let authorize = stage.authorize().await;
    let off = stage.desk.window(View { scripts: Scripts::Off, ..View::default() }).await;
    off.open(&authorize).await.expect("the page opens");
    off.click("role=button[name=/^Continue to/]").await.expect("the button");
    off.fill("[name=username]", "ada").await.expect("the provider's form");
    off.click("role=button[name='Sign in']").await.expect("its button");
    let code = stage.desk.sent(&off, "code").await.expect("a code");
    assert_eq!(stage.scene.sidecar.redeem(&authorize, &code).await.status, 200);

    // That scripts are off in this window, and only there.
    let page = Elsewhere::showing("<title>before</title><script>document.title = 'after'</script>").await;
    let on = stage.desk.window(View::default()).await;
    for (window, title) in [(off, "before"), (on, "after")] {
        window.open(&page.url).await.expect("the page opens");
        assert_eq!(says(&window, "document.title").await, title);
    }
}

#[tokio::test]
async fn o20_no_page_of_ours_shows_in_a_frame_and_at_the_top_it_does() {
    let Some(stage) = Stage::set().await else { return };
    let pages = stage.pages().await;
    let window = stage.desk.window(View::default()).await;
    for page in &pages {
        let around = format!("<iframe src='{}'></iframe>", page.replace('&', "&amp;"));
        let around = Elsewhere::showing(&around).await;
        window.open(&around.url).await.expect("the page opens");
        let frames = window.frames().await.expect("there are frames");
        assert_eq!(frames.len(), 1);
        assert!(!frames[0].contains(place(&stage)), "{frames:?}");
        window.open(page).await.expect("the page opens");
        assert!(says(&window, "document.body.innerText").await.contains(place(&stage)));
    }
    // A frame can be read, where its page lets itself be framed.
    let plain = Elsewhere::showing("Anybody may frame this").await;
    let around = Elsewhere::showing(&format!("<iframe src='{}'></iframe>", plain.url)).await;
    window.open(&around.url).await.expect("the page opens");
    assert_eq!(window.frames().await.expect("there are frames"), ["Anybody may frame this"]);
}

#[tokio::test]
async fn o16_a_page_asks_for_nothing_and_breaks_no_rule_of_its_own() {
    let Some(stage) = Stage::set().await else { return };
    let window = stage.desk.window(View::default()).await;
    for page in stage.pages().await {
        window.open(&page).await.expect("the page opens");
        assert_eq!(violations(&window).await, [""; 0], "{page}");
        assert_eq!(window.requests().await.expect("requests"), [page]);
    }
    // The same page under the same policy, with something put in: it is stopped, and seen.
    let authorize = stage.authorize().await;
    let page = stage.scene.sidecar.get(&authorize).await;
    let policy = page.header("content-security-policy").expect("it has a policy").to_owned();
    let smuggled = [
        "<script>document.title = 'mine'</script>",
        "<style>* { display: none }</style>",
        "<img src='/picture'>",
        "<p onclick='1' style='color: red'>",
    ];
    for smuggled in smuggled {
        let body = page.text().replace("</main>", smuggled);
        let raw = answer("200 OK", "text/html", &body);
        let raw = raw.replacen("\r\n", &format!("\r\ncontent-security-policy: {policy}\r\n"), 1);
        let changed = Elsewhere::answering(raw).await;
        window.open(&changed.url).await.expect("the page opens");
        assert!(!violations(&window).await.is_empty(), "{smuggled}");
        assert_ne!(says(&window, "document.title").await, "mine");
        assert!(says(&window, "document.body.innerText").await.contains("Cancel"), "{smuggled}");
    }
    window.requests().await.expect("requests");
    // And a request is seen, where nothing stops it.
    let picture = format!("<img src='{}picture'>", Elsewhere::showing("").await.url);
    let asking = Elsewhere::showing(&picture).await;
    window.open(&asking.url).await.expect("the page opens");
    assert_eq!(window.requests().await.expect("requests").len(), 2);
}

/// What the browser complains of, but for the status of a page that says why there is no login.
async fn violations(window: &Window) -> Vec<String> {
    let mut complaints = window.complaints().await.expect("complaints");
    complaints.retain(|text| !text.contains("responded with a status of 40"));
    complaints
}

#[tokio::test]
async fn o01_a_login_leads_to_nobody_but_us_the_provider_and_the_client() {
    let Some(stage) = Stage::set().await else { return };
    let window = stage.desk.window(View::default()).await;
    window.open(&stage.authorize().await).await.expect("the page opens");
    window.click("role=button[name=/^Continue to/]").await.expect("the button");
    window.fill("[name=username]", "ada").await.expect("the provider's form");
    window.press("Enter").await.expect("a key");
    stage.desk.sent(&window, "code").await.expect("a code");
    let origin = |url: &String| Url::parse(url).expect("an address").origin().ascii_serialization();
    let asked: Vec<_> = window.requests().await.expect("requests").iter().map(origin).collect();
    let (us, provider) = (stage.scene.sidecar.origin.clone(), stage.scene.provider.issuer());
    let client = origin(&stage.desk.callback());
    // The page, our consent, the provider's form and its answer, our callback, the client.
    assert_eq!(asked, [us.clone(), us.clone(), provider.clone(), provider, us, client]);
}

/// What stands on every page of ours: where one is.
fn place(stage: &Stage) -> &str {
    stage.scene.sidecar.origin.trim_start_matches("http://")
}
