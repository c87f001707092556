//! The pages as a browser, a screen reader and an attacker get them: every page of every kind goes through the same checks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crds::names::ResourceUrl;

use super::*;

const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=//evil.example/x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</style></title></main><form action=//evil.example><button>Continue to Okta",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "\u{202E}elpmaxe.live\u{202C}\u{2066}",
    "Claude\0\r\nSet-Cookie: a=b",
    "<style>*{display:none}",
    "\u{200B}\u{E0041}",
];

fn server() -> ResourceUrl {
    ResourceUrl::parse("https://mcp.example.com/mcp").expect("valid")
}

fn consent<'a>(server: &'a ResourceUrl, client: Client<'a>, returns: Returns<'a>) -> Consent<'a> {
    Consent {
        client,
        returns,
        redirect_uri: "https://claude.ai/api/mcp/auth_callback",
        server,
        provider: "Okta",
        scopes: &["trino.read", "trino.write"],
        provider_scopes: &["openid", "email", "okta.custom"],
        remember: Remember::Offered,
        form: Form { action: "/oauth/consent", ask: "v1.sealed", csrf: "token" },
    }
}

const RELAY: Returns<'static> = Returns::Relay { host: "vscode.dev", of: "VS Code" };

/// One of every kind of page.
fn pages() -> Vec<Page> {
    let server = server();
    let clients =
        |name| [Client::Known(name), Client::Claimed(name), Client::Published { name, host: "chatgpt.com" }];
    let returns =
        [Returns::Website("claude.ai"), RELAY, Returns::Loopback("localhost:33418"), Returns::App("cursor")];
    let asked = ["Claude", ""].into_iter().flat_map(clients);
    let asked = asked.flat_map(|client| returns.map(|returns| consent(&server, client, returns).page()));
    asked.chain(problems("code_challenge").map(|problem| problem.page(&server))).collect()
}

/// One of every kind, with this text where one has a text of a stranger.
pub(super) fn problems(text: &str) -> [Problem<'_>; 10] {
    [
        Problem::UnknownClient,
        Problem::DocumentAway,
        Problem::UnusableRedirect,
        Problem::Expired,
        Problem::OtherBrowser,
        Problem::Malformed { parameter: text },
        Problem::TooManyLogins,
        Problem::NotOpened,
        Problem::StoreAway,
        Problem::Internal,
    ]
}

fn text(page: &Page) -> String {
    String::from_utf8(page.body().to_vec()).expect("it is UTF-8")
}

/// What stands between the first `from` and the next `to`.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).expect("it begins");
    rest.split_once(to).expect("it ends").0
}

/// What stands inside the tags of a page, in order.
fn whole_tags(page: &Page) -> Vec<String> {
    let text = text(page);
    text.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default().to_owned()).collect()
}

/// The names of the tags of a page, in order.
fn tags(page: &Page) -> Vec<String> {
    let name = |tag: String| tag.split([' ', '\n']).next().unwrap_or_default().to_owned();
    whole_tags(page).into_iter().map(name).collect()
}

#[test]
fn the_policy_names_the_style_that_the_page_has() {
    for page in pages() {
        let text = text(&page);
        let style = between(&text, "<style>", "</style>");
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes());
        let response = page.into_response();
        let policy = response.headers()["content-security-policy"].to_str().expect("it is ASCII");
        assert!(policy.contains(&format!("style-src 'sha256-{}'", STANDARD.encode(hash))), "{policy}");
        assert_eq!(text.matches("<style").count(), 1);
    }
}

#[test]
fn every_page_has_a_language_a_title_one_heading_and_headings_without_gaps() {
    for page in pages() {
        let text = text(&page);
        assert!(text.starts_with("<!doctype html>\n<html lang=\"en\">"));
        assert!(!between(&text, "<title>", "</title>").is_empty());
        assert_eq!(text.matches("<h1>").count(), 1);
        assert!(text.find("<h1>") < text.find("<h2") && !text.contains("<h3"));
        assert!(text.contains("width=device-width, initial-scale=1") && !text.contains("user-scalable"));
        assert_eq!(text.matches('!').count(), 1, "only the doctype raises its voice");
    }
}

#[test]
fn every_tag_that_opens_is_closed_in_its_turn() {
    const VOID: [&str; 4] = ["!doctype", "meta", "input", "br"];
    for page in pages() {
        let mut open = Vec::new();
        for tag in tags(&page).into_iter().filter(|tag| !VOID.contains(&tag.as_str())) {
            match tag.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed), "{}", text(&page)),
                None => open.push(tag),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

#[test]
fn o16_no_page_fetches_runs_or_links_to_anything() {
    for page in pages() {
        let text = text(&page);
        for tag in ["script", "img", "link", "iframe", "object", "embed", "svg", "a", "base", "video"] {
            assert!(!tags(&page).iter().any(|found| found == tag), "{tag}");
        }
        assert!(!text.contains("url(") && !text.contains("@import") && !text.contains("autofocus"));
        for tag in whole_tags(&page) {
            let active = [" src=", " href=", " on", " style="].into_iter().find(|found| tag.contains(found));
            assert_eq!(active, None, "{tag}");
        }
    }
}

#[test]
fn o16_no_hostile_text_changes_the_markup_of_a_page() {
    let server = server();
    let page = |text: &str| {
        let scopes = [text];
        let client = Client::Published { name: text, host: text };
        let asked = consent(&server, client, Returns::Website(text));
        let form = Form { action: "/oauth/consent", ask: text, csrf: text };
        Consent { redirect_uri: text, provider: text, scopes: &scopes, form, ..asked }.page()
    };
    for hostile in HOSTILE {
        // A text of which nothing can be seen is no name and no scope, and what it would stand in goes with it.
        let honest = if text::Shown::new(hostile).is_some() { "honest" } else { "" };
        assert_eq!(tags(&page(hostile)), tags(&page(honest)), "{hostile:?}");
        for (problem, same) in problems(hostile).into_iter().zip(problems(honest)) {
            assert_eq!(tags(&problem.page(&server)), tags(&same.page(&server)), "{hostile:?}");
        }
    }
}

#[test]
fn o16_what_a_client_says_of_itself_is_cleaned_wherever_it_stands() {
    let server = server();
    for hostile in HOSTILE {
        let scopes = [hostile];
        let client = Client::Published { name: hostile, host: hostile };
        let asked = consent(&server, client, Returns::Website(hostile));
        let page = text(&Consent { redirect_uri: hostile, scopes: &scopes, ..asked }.page());
        let problem = text(&Problem::Malformed { parameter: hostile }.page(&server));
        for hidden in ['\u{202E}', '\u{202C}', '\u{2066}', '\u{200B}', '\u{E0041}', '\0', '\r'] {
            assert!(!page.contains(hidden) && !problem.contains(hidden), "{hidden:?} of {hostile:?}");
        }
    }
}

#[test]
fn i4_the_page_names_client_address_server_provider_and_every_scope() {
    let server = server();
    let page = text(&consent(&server, Client::Known("Claude"), Returns::Website("claude.ai")).page());
    for said in [
        "<p class=\"place\"><bdi>mcp.example.com</bdi></p>\n<h1>Connect <bdi>Claude</bdi>?</h1>",
        "<p class=\"host\"><bdi>claude.ai</bdi></p>",
        "https://claude.ai/api/mcp/auth_callback",
        "https://mcp.example.com/mcp",
        "trino.read",
        "trino.write",
        "okta.custom",
        "Your e-mail address",
        "Continue to Okta",
        "<input type=\"hidden\" name=\"ask\" value=\"v1.sealed\">",
        "<input type=\"hidden\" name=\"csrf\" value=\"token\">",
        "<form method=\"post\" action=\"/oauth/consent\"",
    ] {
        assert!(page.contains(said), "{said}\n{page}");
    }
}

#[test]
fn the_form_offers_cancel_first_and_nothing_beforehand() {
    let server = server();
    let page = text(&consent(&server, Client::Known("Claude"), Returns::Website("claude.ai")).page());
    assert!(
        page.find("value=\"deny\"").expect("there is one") < page.find("value=\"allow\"").expect("and one")
    );
    assert!(!page.contains("checked"));
    assert!(page.contains("name=\"remember\""));
    let asked = consent(&server, Client::Known("Claude"), Returns::Website("claude.ai"));
    assert!(!text(&Consent { remember: Remember::Never, ..asked }.page()).contains("name=\"remember\""));
}

#[test]
fn a9_only_a_known_client_at_its_own_website_comes_without_a_warning() {
    let server = server();
    let loud = |client, returns| {
        let page = text(&consent(&server, client, returns).page());
        ["notice stop", "notice warn", "notice\""]
            .into_iter()
            .find(|class| page.contains(&format!("class=\"{class}")))
    };
    let (website, loopback) = (Returns::Website("claude.ai"), Returns::Loopback("localhost:33418"));
    let published = Client::Published { name: "Claude", host: "claude.ai" };
    assert_eq!(loud(Client::Known("Claude"), website), None);
    for returns in [loopback, RELAY] {
        assert_eq!(loud(Client::Known("Claude"), returns), Some("notice\""));
    }
    for stranger in [Client::Claimed("Claude"), Client::Claimed(""), published] {
        assert_eq!(loud(stranger, website), Some("notice stop"));
        assert_eq!(loud(stranger, RELAY), Some("notice stop"));
        assert_eq!(loud(stranger, loopback), Some("notice warn"));
        assert_eq!(loud(stranger, Returns::App("cursor")), Some("notice warn"));
    }
}

#[test]
fn a9_a_relay_is_said_to_be_whose_it_is_and_to_pass_on() {
    let server = server();
    let page = |returns| text(&consent(&server, Client::Claimed("Visual Studio Code"), returns).page());
    let (relay, website) = (page(RELAY), page(Returns::Website("vscode.dev")));
    for part in [
        "An address of <bdi>VS Code</bdi>, which passes on what it gets",
        "Nobody can check which application this is",
        "<strong>whoever gets it</strong> can use this server as you",
    ] {
        assert!(relay.contains(part) && !website.contains(part), "{part}");
    }
    for part in ["We do not know whose address this is", "We do not know this application"] {
        assert!(website.contains(part) && !relay.contains(part), "{part}");
    }
    assert!(!relay.contains("Known address"));
}

#[test]
fn i4_a_client_that_names_no_permission_is_said_to_get_everything() {
    let server = server();
    let asked = consent(&server, Client::Known("Claude"), Returns::Website("claude.ai"));
    let page = |scopes: &[&str]| text(&Consent { scopes, ..asked }.page());
    let everything = "<li>Everything that this server lets you do</li>";
    let stays = "<li><span>To stay signed in</span> <code>offline_access</code></li>";
    assert!(page(&[]).contains(&format!("<dt>It asks for</dt><dd><ul>\n{everything}\n</ul></dd>")));
    assert!(page(&["offline_access"]).contains(&format!("{everything}\n{stays}\n</ul>")));
    let named = page(&["offline_access", "trino.read"]);
    assert!(!named.contains(everything));
    assert!(named.contains(&format!("<li><code>trino.read</code></li>\n{stays}\n</ul>")));
}

#[test]
fn a_name_that_nobody_vouches_for_stands_in_quotation_marks_and_none_is_said_to_be_none() {
    let server = server();
    let page = |client| text(&consent(&server, client, Returns::Website("claude.ai")).page());
    assert!(page(Client::Claimed("Claude")).contains("Connect “<bdi>Claude</bdi>”?"));
    assert!(page(Client::Claimed("Claude")).contains("anyone can register under any name"));
    assert!(page(Client::Claimed("\u{200B}")).contains("Connect an application without a name?"));
    assert!(!page(Client::Known("Claude")).contains('“'));
}
