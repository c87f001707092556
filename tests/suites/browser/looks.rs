//! How our pages look and what a screen reader finds on them, as the browser itself has laid them out (WCAG 2.2 AA).

use harness::counterparts::chromium::{Scheme, View, Window};
use serde_json::Value;

use crate::stage::{Elsewhere, Stage, says};

/// How much wider the page is than what shows of it.
const OVERHANG: &str = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

/// WCAG 2.2 §1.4.3 and "relative luminance": every text with too little contrast to what lies behind it, and how light the
/// card is on which the page is written.
const COLOURS: &str = r#"(() => {
    const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
    const light = (colour) => {
        const [r, g, b] = parts(colour).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if ((parts(colour)[3] ?? 1) === 1) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const written = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const texts = [...document.body.querySelectorAll("*")].filter(written);
    const faint = texts.filter((element) => {
        const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
    });
    return { texts: texts.length, faint: faint.map((element) => element.innerText), card: light(behind(texts[0])) };
})()"#;

async fn evaluated(window: &Window, expression: &str) -> Value {
    window.evaluate(expression).await.expect("it can be evaluated")
}

#[tokio::test]
async fn at_320_pixels_no_page_scrolls_sideways() {
    let Some(stage) = Stage::set().await else { return };
    let window = stage.desk.window(View { width: 320, ..View::default() }).await;
    for page in stage.pages().await {
        window.open(&page).await.expect("the page opens");
        assert_eq!(evaluated(&window, OVERHANG).await, 0, "{page}");
    }
    let wide =
        Elsewhere::showing("<meta name=viewport content='width=device-width'><p style='width: 400px'>x")
            .await;
    window.open(&wide.url).await.expect("the page opens");
    assert!(evaluated(&window, OVERHANG).await.as_i64() > Some(0), "a page that does would be seen");
}

#[tokio::test]
async fn every_text_can_be_read_in_the_light_and_in_the_dark() {
    let Some(stage) = Stage::set().await else { return };
    let pages = stage.pages().await;
    for (scheme, card) in [(Scheme::Light, 0.8..=1.0), (Scheme::Dark, 0.0..=0.05)] {
        let window = stage.desk.window(View { scheme, ..View::default() }).await;
        for page in &pages {
            window.open(page).await.expect("the page opens");
            let found = evaluated(&window, COLOURS).await;
            assert_eq!(found["faint"], Value::Array(Vec::new()), "{scheme:?} {page}");
            assert!(found["texts"].as_u64() > Some(5), "{found}");
            assert!(card.contains(&found["card"].as_f64().expect("a number")), "{scheme:?} {found}");
        }
        let faint =
            Elsewhere::showing("<p style='color: #777; background: #999'>faint</p><p>strong</p>").await;
        window.open(&faint.url).await.expect("the page opens");
        assert_eq!(evaluated(&window, COLOURS).await["faint"], serde_json::json!(["faint"]));
    }
}

#[tokio::test]
async fn a_screen_reader_finds_the_question_the_address_the_warning_and_the_two_answers() {
    let Some(stage) = Stage::set().await else { return };
    let window = stage.desk.window(View::default()).await;
    window.open(&stage.authorize().await).await.expect("the page opens");
    assert_eq!(says(&window, "document.documentElement.lang").await, "en");
    let tree = window.tree().await.expect("a tree");
    let provider = stage.scene.provider.issuer().replace("http://", "");
    let expected = [
        "- heading \"Connect \u{201c}a tool\u{201d}?\" [level=1]",
        "- region \"Access goes to\":",
        "- heading \"Access goes to\" [level=2]",
        "- region \"Nobody can check which program this is\":",
        "- heading \"Nobody can check which program this is\" [level=2]",
        "- term: It asks for",
        "- listitem: Everything that this server lets you do",
        "- button \"Cancel\"",
        &format!("- button \"Continue to {provider}\""),
    ];
    let mut lines = tree.lines().map(str::trim_start);
    for expected in expected {
        assert!(lines.any(|line| line == expected), "{expected}, in this order, in\n{tree}");
    }
}
