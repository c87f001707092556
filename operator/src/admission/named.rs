//! The namespaces that the admission policies name, and since when.
//!
//! Pure. What an API server has not read yet, it does not enforce.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// An API server reads its admission policies anew once a second.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Named(BTreeMap<String, Since>);

#[derive(Debug, Clone, Copy)]
enum Since {
    /// An earlier run has named it.
    Before,
    At(Instant),
}

impl Named {
    pub(super) fn by_an_earlier_run(namespaces: impl Iterator<Item = String>) -> Self {
        Self(namespaces.map(|namespace| (namespace, Since::Before)).collect())
    }

    /// The same for other namespaces. One that was named before keeps its time.
    pub(super) fn renewed(&self, wanted: &BTreeSet<String>, now: Instant) -> Self {
        let since = |namespace: &String| self.0.get(namespace).copied().unwrap_or(Since::At(now));
        Self(wanted.iter().map(|namespace| (namespace.clone(), since(namespace))).collect())
    }

    pub(super) fn are_just(&self, namespaces: &BTreeSet<String>) -> bool {
        self.0.keys().eq(namespaces)
    }

    /// Whether the API server is known to look at this namespace's pods.
    pub(super) fn has_settled(&self, namespace: &str, now: Instant) -> bool {
        self.0.get(namespace).is_some_and(|since| match since {
            Since::Before => true,
            Since::At(at) => now.saturating_duration_since(*at) >= SETTLE,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_namespace_has_settled_two_seconds_after_it_was_named_and_at_once_where_an_earlier_run_did() {
        let (start, early) = (Instant::now(), Duration::from_millis(1999));
        let named = Named::by_an_earlier_run(["old".to_owned()].into_iter());
        let named = named.renewed(&set(&["old", "new"]), start);
        assert!(named.has_settled("old", start) && !named.has_settled("new", start));
        assert!(!named.has_settled("new", start + early));
        assert!(named.has_settled("new", start + SETTLE));
        assert!(!named.has_settled("other", start + SETTLE));
    }

    #[test]
    fn naming_them_again_starts_no_wait_anew() {
        let start = Instant::now();
        let named = Named::default().renewed(&set(&["one"]), start);
        let again = named.renewed(&set(&["one", "two"]), start + SETTLE);
        assert!(again.has_settled("one", start + SETTLE) && !again.has_settled("two", start + SETTLE));
        assert!(again.are_just(&set(&["one", "two"])) && !again.are_just(&set(&["one"])));
        let gone = again.renewed(&set(&["two"]), start + SETTLE).renewed(&set(&["one"]), start + SETTLE);
        assert!(!gone.has_settled("one", start + SETTLE), "it was not named in between");
    }
}
