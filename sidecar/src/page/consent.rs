//! The page on which a person agrees: this application, at that address, may use this server as me.
//!
//! Pure. It is shown before anybody is sent to the provider, so that a provider which remembers an older consent cannot
//! answer in the person's place (O01, I2). Meets I4 (names the client, its address and the scopes; a token against forged
//! answers), A9, O16, O20.

use crds::names::{OFFLINE, ResourceUrl};

use super::Page;
use super::html::{Html, html};
use super::text::Shown;
use super::who::{Client, Returns};

/// Everything that the page says.
#[derive(Debug, Clone, Copy)]
pub struct Consent<'a> {
    pub client: Client<'a>,
    pub returns: Returns<'a>,
    /// The redirect URI as it was registered (I4), shown small beside the host.
    pub redirect_uri: &'a str,
    pub server: &'a ResourceUrl,
    /// As people know it: "Okta", "Google", or the host of an issuer.
    pub provider: &'a str,
    /// What the client asks of this server.
    pub scopes: &'a [&'a str],
    /// What we will ask of the provider.
    pub provider_scopes: &'a [&'a str],
    pub remember: Remember,
    pub form: Form<'a>,
}

const EVERYTHING: &str = "Everything that this server lets you do";

/// Where the answer is sent, and what it carries back.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    /// A path of ours.
    pub action: &'a str,
    /// The sealed transaction.
    pub ask: &'a str,
    /// The half of the double submit that is not in the cookie (O20).
    pub csrf: &'a str,
}

/// Whether the person may spare themselves the page next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remember {
    Offered,
    Never,
}

impl Consent<'_> {
    pub fn page(&self) -> Page {
        let authority = self.server.authority();
        let content = html!(
            r#"<header>
<p class="place"><bdi>{}</bdi></p>
<h1>Connect {}?</h1>
<p>It asks to use this server as you. You sign in with {} next.</p>
</header>
{}
{}
{}
{}"#,
            authority,
            self.client.heading(),
            self.provider,
            self.returns.panel(self.client, self.redirect_uri),
            self.returns.notice(self.client),
            self.details(),
            self.form(),
        );
        Page::with_form(&format!("Connect to {authority}"), content)
    }

    fn details(&self) -> Html {
        html!(
            r"<dl>
<div><dt>Server</dt><dd><code>{}</code></dd></div>
<div><dt>It asks for</dt><dd>{}</dd></div>
<div><dt>Asked of {}</dt><dd>{}</dd></div>
</dl>",
            self.server.as_str(),
            self.wished(),
            self.provider,
            list(self.provider_scopes, "Who you are", meaning),
        )
    }

    /// Where no permission is named, none is left out: such a token opens all that this server has.
    fn wished(&self) -> Html {
        let (stays, named): (Vec<_>, Vec<_>) = self.scopes.iter().partition(|scope| **scope == OFFLINE);
        let everything = if named.is_empty() { html!("<li>{}</li>\n", EVERYTHING) } else { Html::default() };
        html!("<ul>\n{}{}{}</ul>", everything, items(&named, |_| None), items(&stays, meaning))
    }

    /// Cancel comes first, for the eye, the keyboard and the Enter key alike: a form that is sent without a choice takes
    /// its first button (HTML §4.10.21.2), and nothing here has the focus beforehand.
    fn form(&self) -> Html {
        let remember = match self.remember {
            Remember::Offered => html!(
                r#"<label class="remember"><input type="checkbox" name="remember" value="yes">
<span>Do not ask again in this browser
<span class="small">Only for this application at this address. Leave it off on a shared computer.</span></span></label>
"#
            ),
            Remember::Never => Html::default(),
        };
        html!(
            r#"<form method="post" action="{}" autocomplete="off">
<input type="hidden" name="ask" value="{}">
<input type="hidden" name="csrf" value="{}">
{}<div class="buttons">
<button class="no" name="decision" value="deny">Cancel</button>
<button class="go" name="decision" value="allow">Continue to {}</button>
</div>
</form>
<p class="small">Nothing is shared until you continue. If you did not start this, cancel.</p>"#,
            self.form.action,
            self.form.ask,
            self.form.csrf,
            remember,
            self.provider,
        )
    }
}

/// Scopes as words, each with its meaning where it has a known one. Every one of them: what is left out was not agreed to.
fn list(scopes: &[&str], nothing: &'static str, meaning: fn(&str) -> Option<&'static str>) -> Html {
    if scopes.is_empty() {
        return html!("{}", nothing);
    }
    html!("<ul>\n{}</ul>", items(scopes, meaning))
}

fn items(scopes: &[&str], meaning: fn(&str) -> Option<&'static str>) -> Html {
    let item = |scope: &&str| match (meaning(scope), Shown::ascii(scope)) {
        (Some(meaning), scope) => html!("<li><span>{}</span> <code>{}</code></li>\n", meaning, &scope),
        (None, scope) => html!("<li><code>{}</code></li>\n", &scope),
    };
    scopes.iter().map(item).collect()
}

/// OpenID Connect Core §5.4 and §11, in the words of the person whom they are about.
fn meaning(scope: &str) -> Option<&'static str> {
    match scope {
        "openid" => Some("Who you are"),
        "profile" => Some("Your name"),
        "email" => Some("Your e-mail address"),
        "groups" => Some("Your groups"),
        "offline_access" => Some("To stay signed in"),
        _ => None,
    }
}
