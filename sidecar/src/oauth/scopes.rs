//! Which scopes a login is for.
//!
//! Pure. What a client asks beyond what the policy knows is left out and not refused: clients ask for all that they have seen
//! anywhere (D14). Who asks for nothing of ours gets what the server requires. Meets O12 (a refresh only narrows).

use crds::names::Scope;

/// The client's affair; granted to everyone, for everyone gets a refresh token (A21).
pub const OFFLINE: &str = "offline_access";

/// What of the wish is granted (RFC 6749 §3.3: the server MAY ignore the scope in part, and then says what it granted).
pub fn granted(wish: Option<&str>, required: &[Scope]) -> Vec<String> {
    let wished: Vec<&str> = wish.unwrap_or_default().split(' ').filter(|scope| !scope.is_empty()).collect();
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

/// RFC 6749 §6: MUST NOT include any scope not originally granted. Without a wish it is the same again.
pub fn narrowed(wish: Option<&str>, before: &[String]) -> Option<Vec<String>> {
    let Some(wish) = wish else { return Some(before.to_vec()) };
    let wished: Vec<String> = wish.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    wished.iter().all(|scope| before.contains(scope)).then_some(wished)
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
        let before = ["mcp".to_owned(), "tools".to_owned()];
        assert_eq!(narrowed(Some("mcp"), &before), Some(vec!["mcp".to_owned()]));
        assert_eq!(narrowed(None, &before), Some(before.to_vec()));
        assert_eq!(narrowed(Some("mcp admin"), &before), None);
    }
}
