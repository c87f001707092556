//! Every address of the file is found, and the one that differs from it in one thing is not.

use super::*;

fn uri(text: &str) -> RedirectUri {
    RedirectUri::parse(text).expect(text)
}

fn owner(text: &str) -> Option<&'static str> {
    Catalogue::builtin().by_redirect(&uri(text)).map(Known::name)
}

fn alike(text: &str) -> Option<&'static str> {
    Catalogue::builtin().resembles(&uri(text)).map(Known::name)
}

fn publisher(url: &str) -> Option<&'static str> {
    Catalogue::builtin().by_document(url).map(Known::name)
}

fn allowed(text: &str) -> bool {
    Catalogue::builtin().allows_redirect(&uri(text))
}

/// A catalogue of one client with these lines.
fn read(lines: &str) -> Result<Catalogue, String> {
    let text = format!("- name: X\n  sources: [https://x.example/docs]\n  date: 2026-11-26\n{lines}");
    serde_yaml::from_str(&text).map_err(|error| error.to_string())
}

#[test]
fn the_file_that_this_program_brings_along_is_a_catalogue() {
    let names: Vec<_> = Catalogue::builtin().0.iter().map(Known::name).collect();
    for client in
        ["Claude", "Claude Code", "ChatGPT", "Codex", "Cursor", "VS Code", "Gemini CLI", "MCP Inspector"]
    {
        assert!(names.contains(&client), "{client}: {names:?}");
    }
    for client in ["mcp-remote", "opencode", "Zed", "n8n", "Grok"] {
        assert!(names.contains(&client), "{client}: {names:?}");
    }
}

#[test]
fn a_web_address_of_the_catalogue_says_whose_it_is_and_a_similar_one_does_not() {
    for (address, name) in [
        ("https://claude.ai/api/mcp/auth_callback", "Claude"),
        ("https://claude.com/api/mcp/auth_callback", "Claude"),
        ("https://chatgpt.com/connector_platform_oauth_redirect", "ChatGPT"),
        ("https://chatgpt.com/connector/oauth/Ab3_-x", "ChatGPT"),
        ("https://www.cursor.com/agents/mcp/oauth/callback", "Cursor"),
        ("https://grok.com/connectors-oauth-exchange-code/", "Grok"),
    ] {
        assert_eq!((owner(address), allowed(address)), (Some(name), true), "{address}");
    }
    for address in [
        "https://claude.ai/api/mcp/auth_callback/",
        "https://claude.ai:8443/api/mcp/auth_callback",
        "https://www.claude.ai/api/mcp/auth_callback",
        "https://claude.ai.evil.example/api/mcp/auth_callback",
        "https://claude.ai/api/mcp/auth_callback?x=1",
        "https://chatgpt.com/connector/oauth/",
        "https://chatgpt.com/connector/oauth/a/b",
        "https://chatgpt.com/connector/oauth/a.b",
        "https://chatgpt.com/connector/oauth/a?b=c",
        "https://chatgpt.com/connector/oauth/a?b=/c",
        "https://chatgpt.com/connector/oauth2/a",
        "https://evil.example/connector/oauth/a",
        "https://cursor.com/agents/mcp/oauth/callback",
        "https://grok.com/connectors-oauth-exchange-code",
    ] {
        assert_eq!((owner(address), allowed(address)), (None, false), "{address}");
    }
}

#[test]
fn a9_an_address_where_anybody_can_listen_is_nobodys_and_registers_all_the_same() {
    for address in [
        "http://localhost:3118/callback",
        "http://127.0.0.1:33418/",
        "http://127.0.0.1:49152/callback/9f8e7d",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "https://vscode.dev/redirect",
        "https://insiders.vscode.dev/redirect",
        "https://oauth.n8n.cloud/oauth2/callback",
    ] {
        assert_eq!((owner(address), allowed(address)), (None, true), "{address}");
    }
    for address in [
        "cursor://evil/oauth/callback",
        "vscode://x/cb",
        "https://vscode.dev/redirect/",
        "https://vscode.dev/",
    ] {
        assert_eq!((owner(address), allowed(address)), (None, false), "{address}");
    }
}

#[test]
fn a9_a_relay_is_named_and_is_still_no_proof() {
    let relay = |text: &str| {
        let uri = RedirectUri::parse(text).expect(text);
        Catalogue::builtin().by_relay(&uri).map(Known::name)
    };
    for (address, name) in [
        ("https://vscode.dev/redirect", Some("VS Code")),
        ("https://insiders.vscode.dev/redirect", Some("VS Code")),
        ("https://vscode.dev/redirect/", None),
        ("https://vscode.dev/redirect?x", None),
        ("https://vscode.dev.evil.example/redirect", None),
        // Its own, and no relay.
        ("https://claude.ai/api/mcp/auth_callback", None),
    ] {
        assert_eq!(relay(address), name, "{address}");
    }
    assert_eq!(owner("https://vscode.dev/redirect"), None);
}

#[test]
fn an_address_that_proves_nothing_resembles_at_most_one_client() {
    for (address, name) in [
        ("http://localhost:6274/oauth/callback", Some("MCP Inspector")),
        ("http://localhost:7777/oauth/callback", Some("Gemini CLI")),
        ("http://localhost:8787/callback", Some("Cursor")),
        ("http://127.0.0.1:49152/callback/9f8e7d", Some("Codex")),
        ("cursor://anysphere.cursor-mcp/oauth/callback", Some("Cursor")),
        ("https://vscode.dev/redirect", Some("VS Code")),
        // Several come back here.
        ("http://localhost:5000/oauth/callback", None),
        ("http://localhost/callback", None),
        ("http://127.0.0.1:49152/unheard-of", None),
    ] {
        assert_eq!(alike(address), name, "{address}");
    }
}

#[test]
fn a_document_of_the_catalogue_says_whose_it_is_and_a_similar_url_does_not() {
    for (url, name) in [
        ("https://claude.ai/oauth/mcp-oauth-client-metadata", "Claude"),
        ("https://claude.ai/oauth/claude-code-client-metadata", "Claude Code"),
        ("https://chatgpt.com/oauth/client.json", "ChatGPT"),
        ("https://chatgpt.com/oauth/abc-123/client.json", "ChatGPT"),
        // This one is a connection's by its shape: the exact one wins.
        ("https://chatgpt.com/oauth/codex/client.json", "Codex"),
        ("https://vscode.dev/oauth/client-metadata.json", "VS Code"),
        ("https://opencode.ai/oauth/opencode/client.json", "opencode"),
        ("https://zed.dev/oauth/client-metadata.json", "Zed"),
        ("https://grok.com/oauth/mcp-client.json", "Grok"),
    ] {
        assert_eq!(publisher(url), Some(name), "{url}");
    }
    for url in [
        "https://claude.ai/oauth/mcp-oauth-client-metadata/",
        "https://CLAUDE.ai/oauth/mcp-oauth-client-metadata",
        "http://claude.ai/oauth/mcp-oauth-client-metadata",
        "https://chatgpt.com/oauth//client.json",
        "https://chatgpt.com/oauth/a/b/client.json",
        "https://chatgpt.com/oauth/../client.json",
        "https://chatgpt.com/oauth/%2e%2e/client.json",
        "https://chatgpt.com/oauth/a/client.json?x",
        "https://chatgpt.com/oauth/{id}/client.json",
        "",
    ] {
        assert_eq!(publisher(url), None, "{url}");
    }
}

#[test]
fn an_entry_that_leaves_something_out_or_says_it_wrongly_is_refused() {
    let good = "  redirects: [https://x.example/cb, 'https://x.example/cb/{id}']\n  documents: ['https://x.example/{id}/c']\n";
    assert_eq!(read(good).map(|catalogue| catalogue.0.len()), Ok(1));
    for (lines, says) in [
        ("  redirects: [http://x.example/cb]\n", "must be an https URL"),
        ("  redirects: [javascript:x]\n", "such as javascript:"),
        ("  redirects: ['https://{id}.example/cb']\n", "must be letters, digits"),
        ("  redirects: ['https://x.example/a{id}']\n", "must be letters, digits"),
        ("  redirects: ['https://x.example/{id}/cb']\n", "must be letters, digits"),
        ("  redirects: ['https://{id}']\n", "must be an https URL"),
        ("  documents: ['https://{id}/c']\n", "must be an https URL"),
        ("  relays: ['https://x.example/{id}']\n", "must be letters, digits"),
        ("  documents: ['https://{id}.example/c']\n", "as a whole segment"),
        ("  documents: ['https://x.example/a{id}']\n", "as a whole segment"),
        ("  documents: ['https://x.example/{id}b']\n", "as a whole segment"),
        ("  documents: [http://localhost/c.json]\n", "must be an https URL with a path"),
        ("  documents: [https://x.example]\n", "must be an https URL with a path"),
        ("  redirects: [https://x.example/cb, https://x.example/cb]\n", "stands twice"),
        ("  note: a\n", "unknown field"),
        ("", "no address"),
    ] {
        let why = read(lines).expect_err(lines);
        assert!(why.contains(says), "{lines}: {why}");
    }
}

#[test]
fn an_entry_says_where_and_when_it_was_read_and_a_name_that_can_be_shown() {
    let entry = |name: &str, sources: &str, date: &str| {
        let text = format!(
            "- {{name: {name}, sources: {sources}, date: {date}, redirects: [https://x.example/cb]}}"
        );
        serde_yaml::from_str::<Catalogue>(&text).is_ok()
    };
    let (sources, date) = ("[https://x.example/docs]", "2026-11-26");
    assert!(entry("X 2.0", sources, date));
    assert!(!entry("X 2.0", "[]", date));
    assert!(!entry("X 2.0", "[a book]", date));
    assert!(!entry("X 2.0", sources, "today"));
    assert!(!entry("X 2.0", sources, "2026-11-261"));
    assert!(!entry("''", sources, date));
    assert!(!entry("<b>X</b>", sources, date));
    assert!(!entry("\"X\\u202e\"", sources, date));
}

#[test]
fn no_two_clients_have_one_address_that_proves_whose_it_is() {
    let two = |first: &str, second: &str| {
        let entry = |name: &str, lines: &str| {
            format!("- name: {name}\n  sources: [https://x.example/docs]\n  date: 2026-11-26\n  {lines}\n")
        };
        serde_yaml::from_str::<Catalogue>(&(entry("X", first) + &entry("Y", second))).is_ok()
    };
    let [a, b] = ["redirects: [https://x.example/a]", "redirects: [https://x.example/b]"];
    assert!(two(a, b));
    assert!(!two(a, a));
    assert!(!two(a, "relays: [https://x.example/a]"));
    let document = "documents: [https://x.example/c.json]";
    assert!(!two(document, document));
    let loopback = "redirects: [http://localhost/callback]";
    assert!(two(loopback, loopback));
}
