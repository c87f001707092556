//! Everything that is wrong with a policy, at once, each with the path of its field.
//!
//! Pure. Meets promise 5 (explains itself): one edit cycle instead of ten.

use std::fmt;

use crate::rule::Broken;

/// One broken rule: where, and why in words that say what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, such as `spec.server.url`, or the environment variable, such as `OAUTH_ISSUER`.
    pub path: String,
    pub reason: String,
}

/// At least one violation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Violations(Vec<Violation>);

/// Collects violations while a document is parsed, so that the first one does not hide the rest.
#[derive(Debug, Default)]
pub struct Collector(Vec<Violation>);

impl Violations {
    pub fn one(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self(vec![Violation { path: path.into(), reason: reason.into() }])
    }

    pub fn as_slice(&self) -> &[Violation] {
        &self.0
    }
}

impl Collector {
    pub fn report(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.0.push(Violation { path: path.into(), reason: reason.into() });
    }

    /// The value, or `None` with the reason noted under `path`.
    pub fn take<T>(&mut self, path: &str, parsed: Result<T, Broken>) -> Option<T> {
        parsed.map_err(|broken| self.report(path, broken.0)).ok()
    }

    /// Each of a list's values that parses; the others are noted under `path[index]`.
    pub fn take_each<'a, T>(
        &mut self,
        path: &str,
        texts: impl IntoIterator<Item = &'a String>,
        parse: impl Fn(&str) -> Result<T, Broken>,
    ) -> Vec<T> {
        let each = texts.into_iter().enumerate();
        each.filter_map(|(index, text)| self.take(&format!("{path}[{index}]"), parse(text))).collect()
    }

    /// Takes over what another check found.
    pub fn merge<T>(&mut self, checked: Result<T, Violations>) -> Option<T> {
        checked.map_err(|violations| self.0.extend(violations.0)).ok()
    }

    /// `value` if nothing was noted. A missing value without a note would be a gap in the checks: closed as well.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Violations> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => {
                if self.0.is_empty() {
                    self.report("", "is incomplete");
                }
                Err(Violations(self.0))
            }
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            write!(f, "{}{violation}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_is_reported_with_its_path() {
        let mut found = Collector::default();
        let texts = ["ok".to_owned(), String::new()];
        let kept = found.take_each("spec.list", &texts, |text| {
            if text.is_empty() { Err(Broken("must not be empty".into())) } else { Ok(text.len()) }
        });
        found.report("spec.mode", "must be native");
        assert_eq!(kept, [2]);
        let violations = found.finish(Some(())).expect_err("two were noted");
        assert_eq!(violations.to_string(), "spec.list[1]: must not be empty; spec.mode: must be native");
    }

    #[test]
    fn nothing_noted_gives_the_value_and_a_missing_value_never_passes() {
        assert_eq!(Collector::default().finish(Some(7)), Ok(7));
        assert!(Collector::default().finish(None::<u8>).is_err());
    }
}
