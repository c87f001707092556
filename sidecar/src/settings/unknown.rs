//! Variables that look like ours and are none: a slip of the pen that would be ignored for ever.
//!
//! Pure. What the help names is known, and nothing else is. Said at the start and no mistake: others may have variables of such
//! names in the same file.

use super::{Environment, HELP};

/// How many letters a slip may cost for its variable to be named.
const SLIP: usize = 3;

/// A sentence for each.
pub(super) fn named(environment: &Environment) -> Vec<String> {
    let known: Vec<&str> = words(HELP).collect();
    let unknown = environment.iter().filter(|(name, value)| {
        let is_ours = ["OAUTH_", "MCP_OAUTH_"].iter().any(|ours| name.starts_with(ours));
        is_ours && !value.is_empty() && !known.contains(&name.as_str()) && !is_of_a_service(name)
    });
    let sentence = |name: &String| {
        let nearest = known.iter().map(|known| (distance(name, known), known)).min();
        let meant =
            nearest.filter(|(slip, _)| *slip <= SLIP).map(|(_, known)| format!(": is {known} meant?"));
        format!("{name} is set, and no variable of that name is read{}", meant.unwrap_or_default())
    };
    unknown.map(|(name, _)| sentence(name)).collect()
}

/// The variables that a text speaks of.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
    words.filter(|word| word.contains('_'))
}

/// Kubernetes sets `NAME_SERVICE_HOST`, `NAME_PORT` and their like for each Service, whose name may begin as ours do.
fn is_of_a_service(name: &str) -> bool {
    name.contains("_SERVICE_") || name.ends_with("_PORT") || name.contains("_PORT_")
}

/// Letters to be changed, added or left out (Levenshtein's).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.bytes().enumerate() {
        let mut before = std::mem::replace(&mut row[0], above + 1);
        for (at, theirs) in other.bytes().enumerate() {
            let least = (before + usize::from(letter != theirs)).min(row[at] + 1).min(row[at + 1] + 1);
            before = std::mem::replace(&mut row[at + 1], least);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, value: &str) -> Vec<String> {
        named(&[(name.to_owned(), value.to_owned())].into())
    }

    #[test]
    fn a_variable_that_is_nearly_ours_is_told_its_name_and_one_that_is_ours_is_not() {
        for (slip, meant) in [
            ("OAUTH_REDIRECT_URI", "OAUTH_REDIRECT_URIS"),
            ("OAUTH_PROVIDERS", "OAUTH_PROVIDER"),
            ("OAUTH_CLIENTID", "OAUTH_CLIENT_ID"),
            ("MCP_OAUTH_STORE_URI", "MCP_OAUTH_STORE_URL"),
            ("MCP_OAUTH_ALLOWED_NETWORKS", "MCP_OAUTH_ALLOW_NETWORKS"),
        ] {
            let expected = format!("{slip} is set, and no variable of that name is read: is {meant} meant?");
            assert_eq!(said(slip, "x"), [expected]);
            assert_eq!(said(meant, "x"), [""; 0]);
            assert_eq!(said(slip, ""), [""; 0]);
        }
        assert_eq!(
            said("OAUTH_SCOPES_OF_NOBODY", "x"),
            ["OAUTH_SCOPES_OF_NOBODY is set, and no variable of that name is read"]
        );
    }

    #[test]
    fn what_is_not_named_as_ours_or_comes_with_a_service_is_not_spoken_of() {
        for others in [
            "PATH",
            "OAUTHLIB_INSECURE_TRANSPORT",
            "MCP_OAUTH_PORT",
            "MCP_OAUTH_PORT_80_TCP_ADDR",
            "OAUTH_SERVICE_HOST",
        ] {
            assert_eq!(said(others, "x"), [""; 0]);
        }
    }

    #[test]
    fn every_letter_costs_one() {
        for (one, other, expected) in
            [("", "", 0), ("A", "A", 0), ("A", "B", 1), ("AB", "B", 1), ("ABC", "XBCD", 2), ("", "AB", 2)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected), "{one} {other}");
        }
    }
}
