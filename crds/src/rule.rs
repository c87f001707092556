//! One rule on a text, stated once and enforced twice: by the constructor of the newtype that carries it, and, as CEL,
//! by the API server. Both sides read the same regular expression (RE2 syntax, the common ground of CEL and Rust).
//!
//! Pure.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use regex_lite::Regex;

/// A rule that a text obeys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pattern: &'static str,
    verdict: Verdict,
    says: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Verdict {
    Matches,
    Differs,
}

/// Why a text is not what its place asks for: a whole sentence without its subject, such as "must start with '/'".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

impl Rule {
    /// The text matches `pattern`; `says` is what a person reads when it does not.
    pub(crate) const fn matches(pattern: &'static str, says: &'static str) -> Self {
        Self { pattern, verdict: Verdict::Matches, says }
    }

    /// The text does not match `pattern`.
    pub(crate) const fn differs(pattern: &'static str, says: &'static str) -> Self {
        Self { pattern, verdict: Verdict::Differs, says }
    }

    fn holds(&self, text: &str) -> bool {
        let pattern = compiled(self.pattern);
        match self.verdict {
            Verdict::Matches => pattern.is_match(text),
            Verdict::Differs => !pattern.is_match(text),
        }
    }

    /// The rule as one entry of `x-kubernetes-validations` of a text.
    #[cfg(feature = "kube")]
    pub(crate) fn to_cel(self) -> serde_json::Value {
        serde_json::json!({ "rule": self.cel_of("self"), "message": self.says })
    }

    /// The rule for every key of a map.
    #[cfg(feature = "kube")]
    pub(crate) fn to_cel_of_each_key(self) -> serde_json::Value {
        let rule = format!("self.all(key, {})", self.cel_of("key"));
        serde_json::json!({ "rule": rule, "message": format!("each key {}", self.says) })
    }

    #[cfg(feature = "kube")]
    fn cel_of(self, text: &str) -> String {
        let not = match self.verdict {
            Verdict::Matches => "",
            Verdict::Differs => "!",
        };
        format!("{not}{text}.matches(r'{}')", self.pattern)
    }
}

/// Compiled once: a pattern takes a hundred times as long to compile as to match, and some are asked at every request.
fn compiled(pattern: &'static str) -> Arc<Regex> {
    static COMPILED: Mutex<BTreeMap<&'static str, Arc<Regex>>> = Mutex::new(BTreeMap::new());
    let mut known = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let new = || Arc::new(Regex::new(pattern).expect("rule patterns are constants that the tests compile"));
    known.entry(pattern).or_insert_with(new).clone()
}

/// Checks a text against its length and its rules; the first broken one is the reason.
pub(crate) fn check(text: &str, longest: usize, rules: &[Rule]) -> Result<(), Broken> {
    if text.is_empty() {
        return Err(Broken("must not be empty".into()));
    }
    if text.len() > longest {
        return Err(Broken(format!("must be at most {longest} bytes long")));
    }
    match rules.iter().find(|rule| !rule.holds(text)) {
        Some(broken) => Err(Broken(broken.says.into())),
        None => Ok(()),
    }
}

/// The OpenAPI of a text with these rules.
#[cfg(feature = "kube")]
pub(crate) fn schema(longest: usize, rules: &[Rule]) -> schemars::Schema {
    let cel: Vec<_> = rules.iter().map(|rule| rule.to_cel()).collect();
    let mut schema = schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": longest });
    if !cel.is_empty() {
        schema.insert("x-kubernetes-validations".into(), cel.into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[Rule] =
        &[Rule::matches("^[a-z]+$", "must be lower-case letters"), Rule::differs("^no$", "must not be 'no'")];

    #[test]
    fn a_text_that_obeys_every_rule_passes() {
        assert_eq!(check("yes", 3, RULES), Ok(()));
    }

    #[test]
    fn the_first_broken_rule_is_the_reason() {
        assert_eq!(check("Yes", 3, RULES), Err(Broken("must be lower-case letters".into())));
        assert_eq!(check("no", 3, RULES), Err(Broken("must not be 'no'".into())));
    }

    #[test]
    fn empty_and_long_texts_are_refused() {
        assert_eq!(check("", 3, RULES), Err(Broken("must not be empty".into())));
        assert_eq!(check("long", 3, RULES), Err(Broken("must be at most 3 bytes long".into())));
    }
}
