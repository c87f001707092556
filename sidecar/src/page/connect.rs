//! The page for a person who opens the server's address in a browser: what this is, and how an application connects to it.
//!
//! Pure, and the same for everybody: it is written when the policy arrives, and nothing of a request stands on it (P20). It is the
//! challenge in other words, and comes with the same status and header.

use crds::names::ResourceUrl;
use http::StatusCode;

use super::Page;
use super::html::{Html, html};

/// Whom a person who connects will meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn<'a> {
    /// A provider, as people know it: "Okta", or the host of an issuer.
    With(&'a str),
    /// Nobody: whoever runs the server hands tokens out.
    ByToken,
}

/// What the page says.
#[derive(Debug, Clone, Copy)]
pub struct Connect<'a> {
    pub server: &'a ResourceUrl,
    pub sign_in: SignIn<'a>,
}

const TITLE: &str = "This is a server for AI applications";

impl Connect<'_> {
    pub fn page(&self) -> Page {
        let content = html!(
            r#"<header>
<p class="place"><bdi>{}</bdi></p>
<h1>{}</h1>
<p>Applications talk to it by the Model Context Protocol (MCP). There is nothing to see here in a browser: {}</p>
</header>
<section class="to" aria-labelledby="address">
<h2 id="address">Its address</h2>
<p><code>{}</code></p>
<p class="small">{}</p>
</section>
<dl>
{}</dl>"#,
            self.server.authority(),
            TITLE,
            "add its address to an application instead.",
            self.server.as_str(),
            self.sign_in(),
            self.ways(),
        );
        Page::without_form(StatusCode::UNAUTHORIZED, TITLE, content)
    }

    fn sign_in(&self) -> Html {
        match self.sign_in {
            SignIn::With(provider) => {
                html!("The application then opens your browser, and you sign in with {}.", provider)
            }
            SignIn::ByToken => {
                html!(
                    "It takes a token, which you get from whoever runs it: as <code>Authorization: Bearer …</code>."
                )
            }
        }
    }

    /// One line for each application, in the words of its own menus and commands.
    fn ways(&self) -> Html {
        let (url, name) = (self.server.as_str(), self.name());
        let pasted = |way: &str| html!("{}, and paste the address.", way);
        let typed = |command: &str| html!("<code>{}</code>", command);
        let written = |group: &str| {
            html!("In <code>mcp.json</code>: <code>{}</code>", entry(group, &name, url).as_str())
        };
        let bearer = "Authorization: Bearer TOKEN";
        let ways = match self.sign_in {
            SignIn::With(_) => vec![
                ("Claude", pasted("Settings, Connectors, “Add custom connector”")),
                ("Claude Code", typed(&format!("claude mcp add --transport http {name} '{url}'"))),
                ("ChatGPT", pasted("Settings, Apps & Connectors, “Create” (in developer mode)")),
                ("Cursor", written("mcpServers")),
                ("VS Code", written("servers")),
                ("Others", typed(&format!("npx mcp-remote '{url}'"))),
            ],
            SignIn::ByToken => vec![
                (
                    "Claude Code",
                    typed(&format!("claude mcp add --transport http {name} '{url}' --header '{bearer}'")),
                ),
                ("Others", typed(&format!("npx mcp-remote '{url}' --header '{bearer}'"))),
            ],
        };
        ways.into_iter().map(|(who, how)| html!("<div><dt>{}</dt><dd>{}</dd></div>\n", who, how)).collect()
    }

    /// What an application may call it: the host, in characters that commands and files need no quotes for.
    fn name(&self) -> String {
        let authority = self.server.authority();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let name = host.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        match name.trim_matches('-') {
            "" => "mcp-server".to_owned(),
            name => name.to_owned(),
        }
    }
}

fn entry(group: &str, name: &str, url: &str) -> String {
    serde_json::json!({ group: { name: { "url": url } } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(url: &str, sign_in: SignIn<'_>) -> String {
        let server = ResourceUrl::parse(url).expect("valid");
        String::from_utf8(Connect { server: &server, sign_in }.page().body().to_vec()).expect("UTF-8")
    }

    #[test]
    fn a_person_is_told_the_address_the_provider_and_a_way_for_each_application() {
        let text = page("https://mcp.example.com:8443/mcp", SignIn::With("Okta"));
        for said in [
            "<code>https://mcp.example.com:8443/mcp</code>",
            "you sign in with Okta",
            "claude mcp add --transport http mcp-example-com &#39;https://mcp.example.com:8443/mcp&#39;",
            "{&quot;servers&quot;:{&quot;mcp-example-com&quot;:{&quot;url&quot;:&quot;https://mcp.example.com:8443/mcp&quot;}}}",
        ] {
            assert!(text.contains(said), "{said} in {text}");
        }
        assert!(!text.contains("Bearer"));
    }

    #[test]
    fn a_server_that_takes_tokens_promises_no_login() {
        let text = page("http://127.0.0.1:8080", SignIn::ByToken);
        assert!(
            text.contains("--header &#39;Authorization: Bearer TOKEN&#39;") && !text.contains("sign in with")
        );
    }

    /// M07: what is pasted into a shell is what stands there.
    #[test]
    fn m07_no_address_ends_the_quotes_that_it_stands_in() {
        for url in ["https://a.example/$(reboot)", "https://a.example/a&b*c!d", "http://[::1]:8080/~x"] {
            let text = page(url, SignIn::With("Okta"));
            assert!(
                text.contains(&format!("npx mcp-remote &#39;{}&#39;", url.replace('&', "&amp;"))),
                "{text}"
            );
        }
        assert!(ResourceUrl::parse("https://a.example/it's").is_err());
    }
}
