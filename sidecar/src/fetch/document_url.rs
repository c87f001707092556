//! `DocumentUrl`: the address of a document of a stranger, which may be that stranger's client id.
//!
//! Pure. One reading only: the text is already what a URL parser makes of it, so that what is compared, judged, asked and
//! shown is one and the same. `0x7f.1`, `EXAMPLE.com`, `%2e%2e` and a tab in the middle are other spellings of something, and
//! refused. Meets A6, A8, O17.

use std::fmt;

use crds::Broken;
use url::{Host, Url};

/// An https URL with a path, in its normal form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DocumentUrl {
    text: String,
    host: Host<String>,
}

const LONGEST: usize = 1024;

impl DocumentUrl {
    /// Whether a client id means to be the URL of a document (draft-ietf-oauth-client-id-metadata-document, "Supporting
    /// Both Pre-Registered and Unregistered Clients": no other id begins like this).
    pub fn is_meant_by(client_id: &str) -> bool {
        client_id.starts_with("https://")
    }

    /// "Client Identifier" of the same draft: MUST have an https scheme and a path component, MUST NOT contain dot
    /// segments, a fragment, a user name or a password; SHOULD NOT include a query, and MAY contain a port.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        let refused = |why: &str| Err(Broken(why.to_owned()));
        if text.len() > LONGEST {
            return Err(Broken(format!("must be at most {LONGEST} bytes long")));
        }
        let Some(rest) = text.strip_prefix("https://") else { return refused("must begin with 'https://'") };
        if text.contains('#') {
            return refused("must not have a fragment");
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return refused("must not name a user or a password");
        }
        if matches!(path, "" | "/") || path.starts_with('?') || path.starts_with("/?") {
            return refused("must have a path behind its host");
        }
        match Url::parse(text) {
            Ok(url) if url.as_str() == text => match url.host() {
                Some(host) => Ok(Self { host: host.to_owned(), text: text.to_owned() }),
                None => refused("must name a host"),
            },
            Ok(_) => refused(
                "must be written in its normal form: a lower-case host or a plain address, no default port, no dot segments, \
                 no backslashes, spaces or quotes",
            ),
            Err(_) => refused("must be a URL"),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name or the address that the document comes from.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    /// Up to the query, which may be nobody's business: for log lines.
    pub fn without_query(&self) -> &str {
        self.text.split('?').next().unwrap_or_default()
    }
}

impl fmt::Display for DocumentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        DocumentUrl::parse(text).expect_err(text).0
    }

    #[test]
    fn a6_the_ids_of_clients_in_the_field_are_taken() {
        for text in [
            "https://claude.ai/oauth/mcp-oauth-client-metadata",
            "https://claude.ai/oauth/claude-code-client-metadata",
            "https://chatgpt.com/oauth/client.json",
            "https://chatgpt.com/oauth/kDmjx77UnKOM/client.json",
            "https://vscode.dev/oauth/client-metadata.json",
            "https://opencode.ai/oauth/opencode/client.json",
            "https://client.example.com:8443/a.json",
            "https://client.example.com/a.json?v=2",
            "https://client.example.com/a/",
            "https://client.example.com/.well-known/client",
            "https://client.example.com/a..b/...",
            "https://client.example.com/a%20b",
            "https://xn--bcher-kva.example/client.json",
            "https://203.0.113.1/client.json",
            "https://[2001:db8::1]/client.json",
        ] {
            let url = DocumentUrl::parse(text).expect(text);
            assert_eq!(url.as_str(), text);
        }
    }

    #[test]
    fn a6_what_a_client_id_must_not_have_is_refused_by_name() {
        let rows = [
            ("http://client.example.com/a.json", "https"),
            ("HTTPS://client.example.com/a.json", "https"),
            ("client.example.com/a.json", "https"),
            ("https:/client.example.com/a.json", "https"),
            ("https://client.example.com", "path"),
            ("https://client.example.com/", "path"),
            ("https://client.example.com?a", "path"),
            ("https://client.example.com/?a", "path"),
            ("https://client.example.com/a.json#x", "fragment"),
            ("https://client.example.com/a.json#", "fragment"),
            ("https://user@client.example.com/a.json", "user"),
            ("https://user:word@client.example.com/a.json", "user"),
            ("https://@client.example.com/a.json", "user"),
            ("https:///a.json", "normal form"),
            ("https://[::1/a.json", "URL"),
            ("https://[fe80::1%25eth0]/a.json", "URL"),
            ("https://client.example.com:99999/a.json", "URL"),
            ("https://1.2.3.4.5/a.json", "URL"),
            ("https://256.1.1.1/a.json", "URL"),
        ];
        for (text, word) in rows {
            let said = refusal(text);
            assert!(said.contains(word), "{text}: {said}");
        }
    }

    #[test]
    fn a6_a_second_spelling_of_a_url_is_refused() {
        for text in [
            "https://Client.example.com/a.json",
            "https://client.example.com:443/a.json",
            "https://client.example.com:/a.json",
            "https://client.example.com:08443/a.json",
            "https://client.example.com/b/../a.json",
            "https://client.example.com/./a.json",
            "https://client.example.com/b/%2e%2e/a.json",
            "https://client.example.com/b/.%2E/a.json",
            "https://client.example.com/%2e/a.json",
            "https://client.example.com/b/..",
            "https://client.example.com\\a.json",
            "https://client.example.com/b\\..\\a.json",
            "https://client.example.com/a b.json",
            "https://client.example.com/a\t.json",
            "https://client.exa\nmple.com/a.json",
            "https://client.example.com/a.json ",
            "https://client.example.com/\u{e9}.json",
            "https://b\u{fc}cher.example/client.json",
            "https://client\u{3002}example.com/a.json",
            "https://client.example.com/\"a\"",
            "https://client.example.com/<a>",
            "https://%63lient.example.com/a.json",
            "https://0x7f.1/a.json",
            "https://2130706433/a.json",
            "https://0177.0.0.1/a.json",
            "https://127.1/a.json",
            "https://127.0.0.1./a.json",
            "https://\u{2460}27.0.0.1/a.json",
            "https://[0:0:0:0:0:0:0:1]/a.json",
            "https://[::ffff:127.0.0.1]/a.json",
            "https://[2001:DB8::1]/a.json",
        ] {
            let said = refusal(text);
            assert!(said.contains("normal form"), "{text:?}: {said}");
        }
    }

    #[test]
    fn a_url_is_at_most_a_kilobyte_long() {
        let longest = format!("https://client.example.com/{}", "a".repeat(LONGEST - 27));
        assert!(DocumentUrl::parse(&longest).is_ok());
        assert!(refusal(&format!("{longest}a")).contains("1024 bytes"));
    }

    #[test]
    fn what_is_logged_ends_before_the_query() {
        let url = DocumentUrl::parse("https://client.example.com/a.json?secret").expect("valid");
        assert_eq!(url.without_query(), "https://client.example.com/a.json");
    }
}
