//! The pages that say why a login does not go on, to a person who only wanted to connect a tool.
//!
//! Pure. Shown wherever there is no address that we may redirect to: before consent, and where the browser is not the one
//! that consented (O02, O03). Nothing of a request stands on them but the name of a parameter, cleaned and escaped (O16,
//! P20, O26). Each has a short code that is stable, for whoever is asked for help.

use crds::names::ResourceUrl;
use http::StatusCode;

use super::Page;
use super::html::{Html, html};
use super::text::Shown;

/// Why there is no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem<'a> {
    /// The client id is not one of ours, or no longer.
    UnknownClient,
    /// The document that the client id names cannot be fetched at the moment.
    DocumentAway,
    /// The redirect URI is not registered for this client, or none that we redirect to.
    UnusableRedirect,
    /// The consent page or the login lay too long, or was used before.
    Expired,
    /// The browser does not carry the cookie of this login: another one began it, or it is over.
    OtherBrowser,
    /// This parameter of the client's request is missing, doubled or malformed.
    Malformed {
        parameter: &'a str,
    },
    TooManyLogins,
    /// A step of a login was opened as if it were a page: from the list of pages that were visited, or loaded again.
    NotOpened,
    /// Whether this login was used before cannot be found out.
    StoreAway,
    /// Something of ours failed. Its reason is in the log.
    Internal,
}

const RESTART: &str = "Go back to your application and connect again.";
const CONNECTED: &str = "If your application is connected, all is well: close this page.";
const REMOVE: &str = "In your application, remove this server and add it again. That makes it register anew.";
const ASK: &str = "If that does not help, show this page to whoever runs this server.";
/// Long enough for a crowd to pass, short enough to wait for.
const RETRY_SECONDS: u32 = 30;

impl Problem<'_> {
    /// One stable word, on the page, in the log and in the metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownClient => "unknown_client",
            Self::DocumentAway => "document_away",
            Self::UnusableRedirect => "unusable_redirect_uri",
            Self::Expired => "login_expired",
            Self::OtherBrowser => "other_browser",
            Self::Malformed { .. } => "malformed_request",
            Self::TooManyLogins => "too_many_logins",
            Self::NotOpened => "oauth_method",
            Self::StoreAway => "store_away",
            Self::Internal => "internal",
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownClient | Self::UnusableRedirect | Self::Expired | Self::Malformed { .. } => {
                StatusCode::BAD_REQUEST
            }
            // O02, O20: an answer that this browser did not begin is refused.
            Self::OtherBrowser => StatusCode::FORBIDDEN,
            // Not 502: content delivery networks put a page of their own in the place of one, and the person would read
            // that the server is down.
            Self::StoreAway | Self::DocumentAway => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyLogins => StatusCode::TOO_MANY_REQUESTS,
            Self::NotOpened => StatusCode::METHOD_NOT_ALLOWED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub fn page(&self, server: &ResourceUrl) -> Page {
        let steps: Html = self.steps().into_iter().map(|step| html!("<li>{}</li>\n", step)).collect();
        let content = html!(
            r#"<header>
<p class="place"><bdi>{}</bdi></p>
<h1>{}</h1>
<p>{}</p>
</header>
<section class="steps" aria-labelledby="steps">
<h2 id="steps">What you can do</h2>
<ul>
{}</ul>
</section>
<footer class="small">Code: <code>{}</code></footer>"#,
            server.authority(),
            self.title(),
            self.happened(),
            steps,
            self.code(),
        );
        let page = Page::without_form(self.status(), self.title(), content);
        match self {
            Self::TooManyLogins | Self::StoreAway | Self::DocumentAway => page.retry_after(RETRY_SECONDS),
            _ => page,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::UnknownClient => "This server does not know your application",
            Self::DocumentAway => "This server cannot look up your application at the moment",
            Self::UnusableRedirect => "This server cannot send you back to your application",
            Self::Expired => "This login is no longer valid",
            Self::OtherBrowser => "This login is over, or did not begin in this browser",
            Self::StoreAway => "Signing in does not work at the moment",
            Self::Malformed { .. } => "This server does not understand your application",
            Self::TooManyLogins => "Too many people are connecting",
            Self::NotOpened => "This is a step of a login, and no page to open",
            Self::Internal => "This server has a problem",
        }
    }

    fn happened(&self) -> Html {
        match self {
            Self::UnknownClient => html!("It never registered here, or its registration has ended."),
            Self::DocumentAway => html!(
                "What your application publishes about itself cannot be fetched. You did nothing wrong, and your application need not be set up anew."
            ),
            Self::UnusableRedirect => html!(
                "It asked to be answered at an address that it did not register, or to which this server sends nobody."
            ),
            Self::Expired => {
                html!("It took longer than ten minutes, or it was used before. Nothing more was connected.")
            }
            Self::OtherBrowser => html!(
                "A login ends once, and in the browser in which it began, so that nobody can log in through somebody else. \
                 This page connected nothing more."
            ),
            Self::Malformed { parameter } => match Shown::new(parameter) {
                Some(part) => {
                    html!("The part <code>{}</code> of its request is missing or not right.", &part)
                }
                None => html!("A part of its request is missing or not right."),
            },
            Self::TooManyLogins => html!("This server takes on only so many logins at a time."),
            Self::NotOpened => {
                html!(
                    "Only the page before it leads on from here, and it does so once. Nothing more was connected."
                )
            }
            Self::StoreAway => html!(
                "This server cannot find out whether this login was used before. You did nothing wrong, and nothing was connected."
            ),
            Self::Internal => html!("It could not prepare your login. You did nothing wrong."),
        }
    }

    fn steps(&self) -> Vec<Html> {
        match self {
            Self::UnknownClient | Self::UnusableRedirect => vec![html!("{}", REMOVE), html!("{}", ASK)],
            Self::DocumentAway => {
                vec![html!("Try again in a moment: load this page again."), html!("{}", ASK)]
            }
            Self::Expired | Self::NotOpened => vec![html!("{}", CONNECTED), html!("{}", RESTART)],
            Self::OtherBrowser => vec![
                html!("{}", CONNECTED),
                html!("Otherwise: {} Stay in one browser until it is done.", RESTART),
                html!("Allow cookies for this site, and keep a private window open until the end."),
                html!("If somebody sent you here with a link, close this page. That login is not yours."),
            ],
            Self::Internal => vec![html!("Wait a minute. {}", RESTART), html!("{}", ASK)],
            Self::Malformed { .. } => {
                vec![html!("Update your application, and connect again."), html!("{}", ASK)]
            }
            Self::StoreAway => {
                vec![html!("Wait a minute, and load this page again. {}", RESTART), html!("{}", ASK)]
            }
            Self::TooManyLogins => vec![html!("Wait a minute. {}", RESTART)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::problems;
    use super::*;

    fn page(problem: Problem<'_>) -> Page {
        problem.page(&ResourceUrl::parse("https://mcp.example.com/mcp").expect("valid"))
    }

    fn text(page: &Page) -> String {
        String::from_utf8(page.body().to_vec()).expect("it is UTF-8")
    }

    #[test]
    fn every_problem_has_a_code_a_status_and_something_to_do() {
        let mut codes = std::collections::BTreeSet::new();
        for problem in problems("code_challenge") {
            let page = page(problem);
            assert_eq!(page.status(), problem.status());
            assert!(text(&page).contains(&format!("<code>{}</code>", problem.code())));
            assert!(text(&page).contains("<h2 id=\"steps\">What you can do</h2>\n<ul>\n<li>"));
            assert!(codes.insert(problem.code()), "{problem:?}");
        }
        let named = text(&page(Problem::Malformed { parameter: "code_challenge" }));
        assert!(named.contains("<code>code_challenge</code> of its request"));
    }

    #[test]
    fn what_passes_by_itself_says_when_to_come_back_and_what_does_not_does_not() {
        let waits =
            |problem: Problem<'_>| page(problem).into_response().headers().contains_key("retry-after");
        assert!(waits(Problem::StoreAway) && waits(Problem::DocumentAway));
        assert!(waits(Problem::TooManyLogins));
        assert!(!waits(Problem::Expired) && !waits(Problem::Internal));
    }
}
