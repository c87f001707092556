//! Whether documents can be fetched from here at all. A host that is down and a pod without a way to the Internet look alike at one
//! fetch; in a row, they call for a word to whoever runs this.
//!
//! Pure, on the clock that it is handed. What is advertised is the policy's switch, and clients that see it try nothing else: so the
//! log names the switch (A7, D7).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::DocumentError;
use crate::fetch::FetchError;

/// The fetches since the last one that was answered.
#[derive(Debug, Default)]
pub(super) struct Outage {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_a_row: u32,
    said: Option<Duration>,
}

/// One host that is down may be asked for a few times.
const ENOUGH: u32 = 5;
/// Anybody can make up hosts that do not answer: the log hears of it once in this time.
const SILENCE: Duration = Duration::from_hours(1);

impl Outage {
    /// One more fetch has come to this end. Says how many in a row brought no answer, where it is time for a word about it.
    pub(super) fn note(&self, error: Option<&DocumentError>, now: Duration) -> Option<u32> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_a_row = match error {
            // Nothing was tried, and so nothing was learned.
            Some(
                DocumentError::Url(_)
                | DocumentError::Busy
                | DocumentError::Unreachable(_, FetchError::Forbidden(_)),
            ) => return None,
            Some(DocumentError::Unreachable(..)) => state.in_a_row.saturating_add(1),
            None | Some(DocumentError::Answer(..) | DocumentError::Fault(_) | DocumentError::Keys(_)) => 0,
        };
        let is_silent = state.said.is_some_and(|said| now.saturating_sub(said) < SILENCE);
        if state.in_a_row < ENOUGH || is_silent {
            return None;
        }
        state.said = Some(now);
        Some(state.in_a_row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::What;
    use super::super::metadata::Fault;
    use super::*;
    use crate::fetch::guard::Guard;

    fn of(error: FetchError) -> DocumentError {
        DocumentError::fetch(What::Document, error)
    }

    fn down() -> DocumentError {
        of(FetchError::TimedOut(Duration::from_secs(5)))
    }

    /// When it says something, of so many fetches a minute apart that end like this.
    fn said(outage: &Outage, ends: &[Option<DocumentError>]) -> Vec<Option<u32>> {
        let minute = |at: usize| Duration::from_mins(u64::try_from(at).expect("few"));
        ends.iter().enumerate().map(|(at, end)| outage.note(end.as_ref(), minute(at))).collect()
    }

    #[test]
    fn d7_five_fetches_in_a_row_without_an_answer_are_a_word_and_one_answer_among_them_is_none() {
        let all_down = [(); 5].map(|()| Some(down()));
        assert_eq!(said(&Outage::default(), &all_down), [None, None, None, None, Some(5)]);
        for answer in [None, Some(of(FetchError::Status(404))), Some(DocumentError::Fault(Fault::Id))] {
            let mut ends = all_down.clone();
            ends[2] = answer;
            assert_eq!(said(&Outage::default(), &ends), [None; 5]);
        }
    }

    #[test]
    fn d7_what_was_not_tried_counts_for_nothing() {
        let forbidden =
            || of(FetchError::Forbidden(Guard::default().judge([10, 0, 0, 1].into()).expect_err("private")));
        for untried in [forbidden(), DocumentError::Busy] {
            let outage = Outage::default();
            assert_eq!(said(&outage, &vec![Some(untried.clone()); 20]), [None; 20]);
            let ends = [Some(down()), Some(down()), Some(untried), Some(down()), Some(down()), Some(down())];
            assert_eq!(said(&outage, &ends), [None, None, None, None, None, Some(5)]);
        }
    }

    #[test]
    fn d7_the_log_hears_of_it_once_an_hour() {
        let outage = Outage::default();
        let words = said(&outage, &vec![Some(down()); 130]);
        let at: Vec<_> = words.iter().enumerate().filter_map(|(at, word)| word.map(|_| at)).collect();
        assert_eq!(at, [4, 64, 124]);
    }
}
