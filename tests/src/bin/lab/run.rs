//! What each command of `lab` does; `test` has a room of its own.

use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;

use harness::counterparts::everything::Everything;
use harness::demo::{Choice, Demo};
use harness::lab::interrupt::Interrupts;
use harness::lab::{Cluster, Environment, Error, Name, Paths, Progress, down, images, up};
use tokio::process::Command;

use crate::attend::{Afterwards, Ending, attend};
use crate::options::{HELP, Options, Verb};
use crate::test;

/// Does what was asked for and gives the exit code.
pub(crate) async fn run(
    options: Options,
    environment: &Environment,
    progress: Progress,
) -> Result<u8, Error> {
    let Options { name, verb } = options;
    let paths = Paths::new(environment)?;
    match verb {
        Verb::Help => progress.plain(HELP.trim_end()),
        Verb::Up => return bring_up(name, &paths, progress).await,
        Verb::Down => {
            down::down(&name, &paths)?;
            progress.say(format_args!("the lab \"{name}\" is down, and nothing of it is left"));
        }
        Verb::Status => return Ok(status(name, &paths, progress)),
        Verb::Images => return load_images(name, &paths, progress).await,
        Verb::Kubectl(arguments) => {
            let cluster = Cluster::named(name, &paths)?;
            let mut command = cluster.kubectl().command(&[]);
            return hand_over(command.args(arguments)).await;
        }
        Verb::Helm(arguments) => {
            let cluster = Cluster::named(name, &paths)?;
            return hand_over(cluster.helm(&[]).args(arguments)).await;
        }
        Verb::Exec(words) => {
            let cluster = Cluster::named(name, &paths)?;
            let (program, arguments) = words.split_first().expect("the options hold a command");
            return hand_over(cluster.exec(program).args(arguments)).await;
        }
        Verb::Demo { context, images } => {
            let choice = choice(context, images)?;
            return Box::pin(show(name, &paths, progress, choice)).await;
        }
        Verb::Test { only } => return Box::pin(test::run(&name, &only, environment, progress)).await,
    }
    Ok(0)
}

async fn bring_up(name: Name, paths: &Paths, progress: Progress) -> Result<u8, Error> {
    if let Ok(cluster) = Cluster::named(name.clone(), paths) {
        progress.say(format_args!("the lab \"{}\" is up already", cluster.name()));
        return Ok(0);
    }
    let work = async {
        let prepared = up::prepare(paths, progress).await?;
        up::up(name.clone(), paths, &prepared, progress).await?.release().await
    };
    match attend(&name, paths, progress, Afterwards::LeaveUp, work).await? {
        Ending::Done(()) => {
            progress.say(format_args!(
                "the lab \"{name}\" is up; look around with: lab --name {name} kubectl get pods -A"
            ));
            Ok(0)
        }
        Ending::Interrupted(code) => Ok(code),
    }
}

fn choice(context: Option<String>, images: Option<String>) -> Result<Choice, Error> {
    match (context, images) {
        (None, None) => Ok(Choice::Lab),
        (Some(context), Some(images)) => Ok(Choice::Context { context, images }),
        _ => Err(Error::Missing("--context and --images go together; see lab --help".to_owned())),
    }
}

/// The demo. For a person at a terminal the cluster stays until Ctrl-C, for anybody else it ends with the last step.
async fn show(name: Name, paths: &Paths, progress: Progress, choice: Choice) -> Result<u8, Error> {
    let demo = Demo::new(name.clone(), paths, progress);
    let stays = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let wait = async {
        if stays {
            progress.plain(choice.way_out());
            std::future::pending::<()>().await;
        }
    };
    match attend(&name, paths, progress, Afterwards::Leave(&demo), demo.run(&choice, wait)).await? {
        Ending::Done(()) => Ok(0),
        // After the last step Ctrl-C is how a person leaves.
        Ending::Interrupted(code) => Ok(code),
    }
}

fn status(name: Name, paths: &Paths, progress: Progress) -> u8 {
    let folder = paths.run(&name);
    match Cluster::named(name, paths) {
        Ok(cluster) => {
            progress.plain(format_args!("up: PID 1 of the node is process {}", cluster.node().pid()));
            progress
                .plain(format_args!("kubeconfig (inside `lab exec`): {}", cluster.kubeconfig().display()));
            progress.plain(format_args!("logs: {}", folder.join("log").display()));
            0
        }
        Err(error) => {
            progress.plain(error);
            1
        }
    }
}

async fn load_images(name: Name, paths: &Paths, progress: Progress) -> Result<u8, Error> {
    let mut interrupts = Interrupts::catch()?;
    let work = async {
        let mut archives = images::ours(paths, progress).await?;
        archives.push(Everything::install(paths, progress).await?.image(paths).await?);
        for archive in &archives {
            progress.say(archive.display());
        }
        let Ok(cluster) = Cluster::named(name, paths) else {
            progress.say("no lab is up, so they are not loaded");
            return Ok(());
        };
        for archive in archives {
            cluster.load(&archive).await?;
        }
        progress.say(format_args!("loaded into the lab \"{}\"", cluster.name()));
        Ok(())
    };
    tokio::select! {
        done = work => done.map(|()| 0),
        interruption = interrupts.next() => Ok(interruption.exit_code()),
    }
}

/// Gives the terminal to a command and its exit code to the caller.
async fn hand_over(command: &mut Command) -> Result<u8, Error> {
    let mut interrupts = Interrupts::catch()?;
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let failed = |source| Error::Start { program: program.clone(), source };
    // In our own process group, or it could not read from the terminal. So Ctrl-C reaches it without us; the other
    // signals are passed on, and then it decides when to end.
    let mut child = command.spawn().map_err(failed)?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(failed)?,
            interruption = interrupts.next() => interruption.pass_on(child.id()),
        }
    };
    // A program that a signal ended has no code; shells give this one.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
