//! What a pod's kubelet was told, as it stands in the annotation `mcpoauth.dev/delivered`: which revision, in
//! which attempt, and when.
//!
//! Pure. A kubelet looks at its Secrets when the pod changes. One that looked before it had heard of the new Secret has to
//! be told again, and by then only another text is a change (K14).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

/// A word to a kubelet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub revision: String,
    attempt: u32,
    at: Timestamp,
}

/// A pod that obeys an older revision this long after it was told is told again; each time it is given twice as long.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

impl Told {
    /// Reads what `Display` writes; other texts are as good as none.
    pub fn parse(annotation: &str) -> Option<Self> {
        let revision = word(annotation, "revision")?.to_owned();
        let attempt = u32::from_str(word(annotation, "attempt")?).ok()?;
        let at = Timestamp::from_str(word(annotation, "at")?).ok()?;
        Some(Self { revision, attempt, at })
    }

    pub fn first(revision: &str, now: Timestamp) -> Self {
        Self { revision: revision.to_owned(), attempt: 1, at: now }
    }

    #[must_use]
    pub fn again(&self, now: Timestamp) -> Self {
        Self { attempt: self.attempt.saturating_add(1), at: now, ..self.clone() }
    }

    /// Whether it has had its time.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let patience = FIRST.saturating_mul(1 << self.attempt.saturating_sub(1).min(10)).min(LONGEST);
        since(self.at, now) >= patience
    }

    pub fn age(&self, now: Timestamp) -> Duration {
        since(self.at, now)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revision={} attempt={} at={}", self.revision, self.attempt, self.at)
    }
}

/// The value of a `key=value` in a line of them.
pub(crate) fn word<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// A moment that is yet to come, by a clock that was set back or by somebody's hand, is long past.
pub(crate) fn since(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn what_is_written_is_what_is_read_and_other_texts_are_none() {
        let told = Told::first("0123456789ab", at(0)).again(at(60));
        assert_eq!(told.to_string(), "revision=0123456789ab attempt=2 at=1970-01-01T00:01:00Z");
        assert_eq!(Told::parse(&told.to_string()), Some(told));
        for text in
            ["", "0123456789ab", "revision=a attempt=x at=1970-01-01T00:01:00Z", "revision=a attempt=1"]
        {
            assert_eq!(Told::parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_time_it_is_given_twice_as_long_up_to_a_minute() {
        let mut told = Told::first("r", at(0));
        for wait in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let due = told.at.as_second() + wait;
            assert!(!told.is_due(at(due - 1)) && told.is_due(at(due)), "{told}");
            told = told.again(at(due));
        }
    }

    #[test]
    fn a_time_to_come_holds_nothing_up() {
        assert!(Told::first("r", at(1_000_000)).is_due(at(0)));
        assert!(!Told::first("r", at(0)).is_due(at(0)));
    }

    #[test]
    fn a_word_is_found_by_its_whole_key() {
        assert_eq!(word("policy=a placed=b", "placed"), Some("b"));
        assert_eq!(word("xplaced=b placedx=c", "placed"), None);
    }
}
