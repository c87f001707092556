//! Work in the foreground: it ends by itself or by a signal, and then the lab is taken down and the machine is
//! looked at for anything left. What the work created elsewhere is removed first.

use std::time::Duration;

use harness::demo::Demo;
use harness::lab::down::{down, sweep};
use harness::lab::interrupt::{Interruption, Interrupts};
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
#[derive(Debug, Clone, Copy)]
pub(crate) enum Afterwards<'a> {
    TakeDown,
    LeaveUp,
    /// It is taken down; what the demo created in a user's cluster is removed before.
    Leave(&'a Demo<'a>),
}

/// Does the work, which may bring the lab up, and takes the lab down afterwards, or in any case when the work did not end well.
pub(crate) async fn attend<T>(
    name: &Name,
    paths: &Paths,
    progress: Progress,
    afterwards: Afterwards<'_>,
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
    let left = match afterwards {
        Afterwards::LeaveUp if matches!(ending, Ok(Ending::Done(_))) => return ending,
        Afterwards::LeaveUp | Afterwards::TakeDown => Ok(()),
        Afterwards::Leave(demo) => leave(demo, &ending, &mut interrupts, progress).await,
    };
    let cleaned = clean(name, paths, &before).await;
    if cleaned.is_ok() {
        progress.say("nothing is left behind on this machine: no process, mount, interface or cgroup");
    }
    // What went wrong first is what matters.
    ending.and_then(|ending| left.and(cleaned).map(|()| ending))
}

/// Lets the demo remove what it created, which is a conversation with a cluster far away: a second Ctrl-C ends it.
/// The other signals come twice by themselves, where a terminal is closed.
async fn leave<T>(
    demo: &Demo<'_>,
    ending: &Result<Ending<T>, Error>,
    interrupts: &mut Interrupts,
    progress: Progress,
) -> Result<(), Error> {
    let mut asked = matches!(ending, Ok(Ending::Interrupted(_)));
    let mut work = Box::pin(demo.leave());
    loop {
        tokio::select! {
            left = &mut work => return left,
            interruption = interrupts.next() => {
                if asked && interruption == Interruption::Interrupt {
                    progress.say(format_args!("{interruption} once more: the rest is not removed"));
                    demo.say_what_stays();
                    return Err(Error::LeftBehind("what the demo created in the cluster".to_owned()));
                }
                asked = true;
                progress.say(format_args!("{interruption}: still removing; Ctrl-C once more leaves the rest there"));
            }
        }
    }
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
