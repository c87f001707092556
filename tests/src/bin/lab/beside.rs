//! A step that runs beside the others, for what takes long and is needed late. It says when it begins and when it ends;
//! whoever needs what it made waits for it, and there its result counts. Dropping it ends the work.

use harness::lab::{Error, Progress};
use tokio::task::JoinSet;

use crate::count::Count;
use crate::steps::{begin, end};

/// Work under way.
#[derive(Debug)]
pub(crate) struct Beside<T> {
    name: &'static str,
    progress: Progress,
    work: JoinSet<Result<T, Error>>,
}

impl<T: Send + 'static> Beside<T> {
    /// Begins the work, which says nothing itself: it would speak in the middle of another step.
    pub(crate) fn begin(
        name: &'static str,
        progress: Progress,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Self {
        let begun = begin(progress, format_args!("{name}, beside the next steps"));
        let mut set = JoinSet::new();
        set.spawn(async move {
            let outcome = work.await;
            if let Err(error) = &outcome {
                progress.plain(error.in_full());
            }
            end(progress, name, begun, Count::of(&outcome));
            outcome
        });
        Self { name, progress, work: set }
    }

    /// Waits for the end, and gives what came of it, if anything did.
    pub(crate) async fn ended(mut self) -> Option<T> {
        let joined = self.progress.alive(self.name, self.work.join_next()).await;
        joined?.ok()?.ok()
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use harness::lab::command::within;
    use tokio::sync::oneshot;

    use super::*;
    use crate::steps::Steps;

    const SOON: Duration = Duration::from_secs(10);

    fn beside<T: Send + 'static>(work: impl Future<Output = Result<T, Error>> + Send + 'static) -> Beside<T> {
        Beside::begin("it", Progress::unseen(), work)
    }

    fn failure() -> Error {
        Error::Missing("it is not there".to_owned())
    }

    #[tokio::test]
    async fn it_goes_on_while_other_steps_run_and_gives_what_it_made() {
        let (ask, asked) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let it = beside(async move {
            let number: u8 = asked.await.map_err(|_| failure())?;
            answer.send(()).map_err(|()| failure())?;
            Ok(number)
        });
        let mut steps = Steps::new(Progress::unseen());
        let other = async {
            ask.send(7).map_err(|_| failure())?;
            within("the answer", SOON, answered).await?.map_err(|_| failure())
        };
        steps.step("another", other).await.expect("it was answered meanwhile");
        assert_eq!(steps.awaited(it).await, Some(7));
        assert_eq!(steps.total, Count { passed: 2, failed: 0 });
    }

    #[tokio::test]
    async fn it_counts_as_failed_where_it_fails_or_breaks_off() {
        for (it, passed) in [
            (beside(async { Ok(()) }), 1),
            (beside(async { Err(failure()) }), 0),
            (beside(async { panic!("breaks off") }), 0),
        ] {
            let mut steps = Steps::new(Progress::unseen());
            assert_eq!(steps.awaited(it).await.is_some(), passed == 1);
            assert_eq!(steps.total, Count { passed, failed: 1 - passed });
            assert_eq!(u64::from(steps.conclude()), 1 - passed);
        }
    }

    #[tokio::test]
    async fn it_ends_when_nobody_waits_for_it_any_more() {
        let (held, gone) = oneshot::channel::<()>();
        let it = beside(async move {
            let _held = held;
            std::future::pending::<Result<(), Error>>().await
        });
        tokio::task::yield_now().await;
        drop(it);
        within("its end", SOON, gone).await.expect("it has ended").expect_err("and let go of what it held");
    }
}
