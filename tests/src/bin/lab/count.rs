//! Adding up what cargo's test programs say. Pure.

use std::ops::AddAssign;

/// How many passed and how many failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Count {
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0 };
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1 };

    /// Of something that is good or bad as a whole.
    pub(crate) fn of<T, E>(outcome: &Result<T, E>) -> Self {
        if outcome.is_ok() { Self::PASSED } else { Self::FAILED }
    }

    /// The figures of a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let figures = line.trim_start().strip_prefix("test result: ")?;
        let before = |word: &str| -> Option<u64> {
            let (head, _) = figures.split_once(word)?;
            head.split_whitespace().next_back()?.parse().ok()
        };
        Some(Self { passed: before(" passed")?, failed: before(" failed")? })
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(Count::of_line(line), Some(Count { passed: 12, failed: 3 }));
        assert_eq!(Count::of_line("test result_of_something ... ok"), None);
        assert_eq!(Count::of_line("running 3 tests"), None);
    }

    #[test]
    fn counts_add_up() {
        let mut sum = Count::PASSED;
        sum += Count { passed: 2, failed: 1 };
        sum += Count::FAILED;
        assert_eq!(sum, Count { passed: 3, failed: 2 });
    }
}
