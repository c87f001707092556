//! Who may call, of those who have no operator: `claims.require` in one variable.
//!
//! Pure. Entries with commas or white space between them, as in `OAUTH_REDIRECT_URIS`; a claim that stands twice may have either
//! value. What cannot be read is refused and never dropped, for a claim that is not required lets more people in.

use std::collections::BTreeMap;

use crds::names::ClaimName;
use crds::violation::Collector;

use super::Environment;
use super::environment::first;

/// As the custom resource has it.
const MOST_CLAIMS: usize = 8;
const MOST_VALUES: usize = 16;

pub(super) fn required(environment: &Environment, found: &mut Collector) -> BTreeMap<ClaimName, Vec<String>> {
    let mut require: BTreeMap<ClaimName, Vec<String>> = BTreeMap::new();
    let Some((name, text)) = first(environment, &["OAUTH_REQUIRE_CLAIMS"]) else { return require };
    let separates = |letter: char| letter == ',' || letter.is_ascii_whitespace();
    for entry in text.split(separates).filter(|entry| !entry.is_empty()) {
        // The first one: a value may have others, as base64 does.
        match entry.split_once('=') {
            Some((claim, value)) if !value.is_empty() => {
                if let Some(claim) = found.take(name, ClaimName::parse(claim)) {
                    require.entry(claim).or_default().push(value.to_owned());
                }
            }
            _ => found.report(name, format!("must be CLAIM=VALUE, such as hd=example.com, not '{entry}'")),
        }
    }
    if require.is_empty() {
        found.report(name, "must have at least one CLAIM=VALUE, such as hd=example.com");
    }
    if require.len() > MOST_CLAIMS || require.values().any(|values| values.len() > MOST_VALUES) {
        found.report(
            name,
            format!("must be at most {MOST_CLAIMS} claims with at most {MOST_VALUES} values each"),
        );
    }
    require
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<(String, Vec<String>)>, String> {
        let environment = [("OAUTH_REQUIRE_CLAIMS".to_owned(), text.to_owned())].into();
        let mut found = Collector::default();
        let require = required(&environment, &mut found);
        let require = require.into_iter().map(|(claim, values)| (claim.to_string(), values)).collect();
        found.finish(Some(require)).map_err(|violations| violations.to_string())
    }

    #[test]
    fn a_claim_has_one_value_or_several_and_there_may_be_several_claims() {
        let one = |claim: &str, values: &[&str]| {
            (claim.to_owned(), values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(""), Ok(vec![]));
        assert_eq!(of("hd=example.com"), Ok(vec![one("hd", &["example.com"])]));
        assert_eq!(of("login=octocat login=hubot"), Ok(vec![one("login", &["octocat", "hubot"])]));
        let several = "hd=example.com,\n groups=a=b ,";
        assert_eq!(of(several), Ok(vec![one("groups", &["a=b"]), one("hd", &["example.com"])]));
        let address = of("https://example.com/groups=mcp").expect("a claim may be a URL");
        assert_eq!(address, [one("https://example.com/groups", &["mcp"])]);
    }

    #[test]
    fn what_is_no_claim_with_a_value_is_refused_and_never_dropped() {
        let many =
            |count: usize, of: &str| (0..count).map(|n| of.replace('#', &n.to_string())).collect::<String>();
        for (wrong, right) in [
            ("hd", "hd=example.com"),
            ("hd=", "hd=x"),
            ("=example.com", "hd=example.com"),
            ("hd=example.com email", "hd=example.com email=x"),
            (",", ""),
            (&many(MOST_CLAIMS + 1, "c#=x "), &many(MOST_CLAIMS, "c#=x ")),
            (&many(MOST_VALUES + 1, "c=# "), &many(MOST_VALUES, "c=# ")),
        ] {
            let said = of(wrong).expect_err(wrong);
            assert!(said.starts_with("OAUTH_REQUIRE_CLAIMS: "), "{said}");
            assert!(of(right).is_ok(), "{right}");
        }
    }
}
