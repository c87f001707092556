//! Does a `resource` parameter name this server? (RFC 8707 §2)
//!
//! Pure. "Decided" 9: it is read as a URL; case of scheme and host, a default port and one trailing slash make no difference,
//! everything else does. Absent means this server, for there is no other here (A16, A17, D12, O14).

use url::Url;

/// Whether what the client asks for is this resource.
pub fn is_ours(asked: Option<&str>, ours: &str) -> bool {
    let Some(asked) = asked else { return true };
    match (canonical(asked), canonical(ours)) {
        (Some(asked), Some(ours)) => asked == ours,
        _ => false,
    }
}

/// The URL parser lowers scheme and host and drops a default port; it also resolves dot segments, which no resource has.
fn canonical(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && !text.contains(['\\', '@', '%'])
        && !text.split('/').any(|segment| segment == "." || segment == "..")
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    let text = url.as_str();
    is_plain.then(|| text.strip_suffix('/').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a17_spellings_of_this_resource_are_this_resource() {
        for asked in [
            "https://mcp.example.com/mcp",
            "https://mcp.example.com/mcp/",
            "HTTPS://MCP.example.com/mcp",
            "https://mcp.example.com:443/mcp",
        ] {
            assert!(is_ours(Some(asked), "https://mcp.example.com/mcp"), "{asked}");
        }
        assert!(is_ours(None, "https://mcp.example.com/mcp"));
        assert!(is_ours(Some("https://mcp.example.com/"), "https://mcp.example.com"));
    }

    #[test]
    fn o14_any_other_resource_is_another_one() {
        for asked in [
            "https://mcp.example.com",
            "https://mcp.example.com/MCP",
            "https://mcp.example.com/mcp//",
            "https://mcp.example.com/mcp/x",
            "https://mcp.example.com/x/../mcp",
            "https://mcp.example.com/%6dcp",
            "https://mcp.example.com/mcp?x",
            "https://mcp.example.com/mcp#x",
            "https://mcp.example.com:8443/mcp",
            "http://mcp.example.com/mcp",
            "https://u@mcp.example.com/mcp",
            "https://mcp.example.com\\mcp",
            " https://mcp.example.com/mcp",
            "mcp.example.com/mcp",
            "",
        ] {
            assert!(!is_ours(Some(asked), "https://mcp.example.com/mcp"), "{asked}");
        }
    }
}
