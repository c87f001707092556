//! Work in the foreground: it ends by itself or by a signal, and then the lab is taken down and the machine is
//! looked at for anything left.

use std::time::Duration;

use harness::lab::down::{down, sweep};
use harness::lab::interrupt::Interrupts;
use harness::lab::leftovers::Snapshot;
use harness::lab::lock::Lock;
use harness::lab::{Cluster, Error, Name, Paths, Progress, processes};

/// How work in the foreground ended.
#[derive(Debug)]
pub(crate) enum Ending<T> {
    Done(T),
    /// With the exit code that says so.
    Interrupted(u8),
}

/// What becomes of the lab when the work has ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    TakeDown,
    LeaveUp,
}

/// Does the work, which may bring the lab up, and takes the lab down afterwards, or in any case when the work did not end well.
pub(crate) async fn attend<T>(
    name: &Name,
    paths: &Paths,
    progress: Progress,
    afterwards: Afterwards,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<Ending<T>, Error> {
    let in_use = || Error::InUse(name.to_string());
    let _mine = Lock::try_take(&paths.lock(name))?.ok_or_else(in_use)?;
    if Cluster::named(name.clone(), paths).is_ok() {
        return Err(in_use());
    }
    let mut interrupts = Interrupts::catch()?;
    let before = Snapshot::take(name, paths);
    // The work is dropped inside, and with it whatever it had begun.
    let ending = {
        let mut work = Box::pin(work);
        tokio::select! {
            done = &mut work => done.map(Ending::Done),
            interruption = interrupts.next() => {
                progress.say(format_args!("{interruption}: cleaning up …"));
                Ok(Ending::Interrupted(interruption.exit_code()))
            }
        }
    };
    if matches!(ending, Ok(Ending::Done(_))) && afterwards == Afterwards::LeaveUp {
        return ending;
    }
    let cleaned = clean(name, paths, &before).await;
    if cleaned.is_ok() {
        progress.say("nothing is left behind: no process, mount, interface or cgroup");
    }
    // What went wrong first is what matters.
    ending.and_then(|ending| cleaned.map(|()| ending))
}

async fn clean(name: &Name, paths: &Paths, before: &Snapshot) -> Result<(), Error> {
    // What was begun and is not part of the lab: builds, test programs and what they started.
    processes::end(&processes::descendants())?;
    down(name, paths)?;
    // Tests bring labs up themselves, and were perhaps ended before they could take them down.
    sweep(paths)?;
    // The kernel takes a namespace apart a moment after its last process.
    let mut left = Vec::new();
    for _ in 0..40 {
        left = Snapshot::take(name, paths).since(before);
        if left.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Error::LeftBehind(left.join(", ")))
}
