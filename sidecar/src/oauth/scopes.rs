//! Which scopes a login is for.
//!
//! Pure. What a client asks beyond what the policy knows is left out and not refused: clients ask for all that they have seen
//! anywhere (D14). Who asks for nothing of ours gets what the server requires. Meets O12 (a refresh only narrows).

use crds::names::{OFFLINE, Scope};

/// What of the wish is granted (RFC 6749 §3.3: the server MAY ignore the scope in part, and then says what it granted).
pub fn granted(wish: Option<&str>, required: &[Scope]) -> Vec<String> {
    let wished = words(wish);
    let known = required.iter().map(Scope::as_str).filter(|scope| wished.contains(scope));
    let mut granted: Vec<String> = known.map(str::to_owned).collect();
    if granted.is_empty() {
        granted.extend(required.iter().map(ToString::to_string));
    }
    if wished.contains(&OFFLINE) {
        granted.push(OFFLINE.to_owned());
    }
    granted
}

/// What a refresh is for (RFC 6749 §6): never more than was granted. Clients repeat what they asked for at first, so what the policy
/// does not know is left out here as it was there. What it knows and did not grant is nobody's to have (`None`): a login brings it.
/// Without a wish that is ours it is the same again.
pub fn narrowed(wish: Option<&str>, before: &[String], required: &[Scope]) -> Option<Vec<String>> {
    let wished = words(wish);
    let was_granted = |scope: &str| before.iter().any(|known| known == scope);
    let is_more = |scope: &&str| required.iter().any(|known| known.as_str() == *scope) && !was_granted(scope);
    if wished.iter().any(is_more) {
        return None;
    }
    let narrowed: Vec<String> =
        before.iter().filter(|scope| wished.contains(&scope.as_str())).cloned().collect();
    let is_ours = narrowed.iter().any(|scope| scope != OFFLINE);
    Some(if is_ours { narrowed } else { before.to_vec() })
}

fn words(wish: Option<&str>) -> Vec<&str> {
    wish.unwrap_or_default().split(' ').filter(|scope| !scope.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required() -> Vec<Scope> {
        ["mcp", "tools"].map(|scope| Scope::parse(scope).expect("valid")).into()
    }

    #[test]
    fn what_is_known_of_a_wish_is_granted_and_nothing_known_means_all_that_is_required() {
        assert_eq!(granted(Some("mcp email"), &required()), ["mcp"]);
        assert_eq!(granted(Some("email openid"), &required()), ["mcp", "tools"]);
        assert_eq!(granted(None, &required()), ["mcp", "tools"]);
        assert_eq!(
            granted(Some("tools offline_access mcp"), &required()),
            ["mcp", "tools", "offline_access"]
        );
        assert_eq!(granted(Some("x"), &[]), Vec::<String>::new());
    }

    #[test]
    fn o12_a_refresh_narrows_and_never_widens() {
        // Granted, wished, and what comes of it: with each refusal the wish that is the same but for one word.
        for (before, wish, expected) in [
            ("mcp tools", None, Some("mcp tools")),
            ("mcp tools", Some(""), Some("mcp tools")),
            ("mcp tools", Some("mcp"), Some("mcp")),
            ("mcp tools", Some("tools mcp mcp"), Some("mcp tools")),
            // The server requires it, and it was not granted.
            ("mcp", Some("mcp tools"), None),
            ("mcp", Some("tools"), None),
            ("mcp", Some("tools email"), None),
            ("mcp", Some("mcp"), Some("mcp")),
            // What a client asked for at first, of which we know only a part.
            ("mcp", Some("openid email mcp"), Some("mcp")),
            ("mcp", Some("mcp admin"), Some("mcp")),
            ("mcp", Some("openid email"), Some("mcp")),
            ("mcp", Some("MCP"), Some("mcp")),
            // Nobody gets what was not granted, whether it is known or not.
            ("mcp", Some("mcp offline_access"), Some("mcp")),
            ("mcp offline_access", Some("mcp offline_access"), Some("mcp offline_access")),
            ("mcp offline_access", Some("mcp"), Some("mcp")),
            ("mcp tools offline_access", Some("offline_access"), Some("mcp tools offline_access")),
            // The server required it when it was granted.
            ("mcp old", Some("old"), Some("old")),
            ("", Some("openid"), Some("")),
            ("", Some("mcp"), None),
        ] {
            let before: Vec<String> = words(Some(before)).into_iter().map(str::to_owned).collect();
            let narrowed = narrowed(wish, &before, &required()).map(|scopes| scopes.join(" "));
            assert_eq!(narrowed.as_deref(), expected, "{before:?} {wish:?}");
        }
    }
}
