//! Starting other programs, each in a process group of its own, so that giving up on one (Ctrl-C, a bound that
//! has passed) ends it together with everything that it started.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::{Error, processes};

/// What a program said.
#[derive(Debug, Clone)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn success(&self) -> bool {
        self.status.success()
    }
}

/// A running program and all that it starts. Dropping it ends them.
#[derive(Debug)]
pub struct Group {
    program: String,
    child: Child,
    leader: Option<Pid>,
}

impl Group {
    /// Starts `command`; without a standard input unless the command says otherwise.
    pub fn start(command: &mut Command) -> Result<Self, Error> {
        let program = name_of(command);
        let start = |source| Error::Start { program: program.clone(), source };
        let (variable, value) = processes::mark();
        let child = command.env(variable, value).process_group(0).spawn().map_err(start)?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Self { program, child, leader })
    }

    /// Starts a program that runs on, its output in `log`.
    pub fn daemon(command: &mut Command, log: &Path) -> Result<Self, Error> {
        let file = File::create(log).map_err(Error::file("create", log))?;
        let twin = file.try_clone().map_err(Error::file("open", log))?;
        Self::start(command.stdin(Stdio::null()).stdout(file).stderr(twin))
    }

    /// Starts a program that runs on and ends with this process, whatever ends this process: a shell beside it
    /// waits for the end of a pipe that only we hold, and then ends the whole group.
    pub fn tethered(program: &Path, arguments: &[String], log: &Path) -> Result<Self, Error> {
        const SCRIPT: &str = r#"exec 3<&0; "$@" 3<&- </dev/null & program=$!
            { cat <&3 >/dev/null; kill -KILL 0; } & exec 3<&-; wait "$program""#;
        let file = File::create(log).map_err(Error::file("create", log))?;
        let twin = file.try_clone().map_err(Error::file("open", log))?;
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "lab"]).arg(program).args(arguments);
        Self::start(command.stdin(Stdio::piped()).stdout(file).stderr(twin))
    }

    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Whether the program has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten();
        if status.is_some() {
            self.leader = None;
        }
        status
    }

    pub async fn wait(&mut self) -> Result<ExitStatus, Error> {
        let status = self.child.wait().await;
        self.leader = None;
        status.map_err(|source| Error::Start { program: self.program.clone(), source })
    }

    /// Lets the program run on when this value is gone.
    pub fn let_go(mut self) {
        self.leader = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(leader) = self.leader else { return };
        // A moment to end in good order, which cargo, go and npm use; then the end in any order.
        let _ = kill_process_group(leader, Signal::TERM);
        let patience = Instant::now();
        while patience.elapsed() < Duration::from_secs(1) {
            if self.ended().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = kill_process_group(leader, Signal::KILL);
        let _ = self.child.try_wait();
    }
}

/// Runs `command` to its end and keeps what it says, whatever its exit code.
pub async fn capture(command: &mut Command, bound: Duration) -> Result<Output, Error> {
    capture_with_input(command, "", bound).await
}

/// The same, with a text on its standard input.
pub async fn capture_with_input(
    command: &mut Command,
    input: &str,
    bound: Duration,
) -> Result<Output, Error> {
    let mut group =
        Group::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let what = format!("\"{}\"", group.program);
    let (stdin, stdout, stderr) =
        (group.child.stdin.take(), group.child.stdout.take(), group.child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read its input is none of our business.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stdin, input.as_bytes()).await;
        }
    };
    let all = Box::pin(async { tokio::join!(write, text(stdout), text(stderr), group.wait()) });
    let ((), stdout, stderr, status) = within(&what, bound, all).await?;
    Ok(Output { status: status?, stdout, stderr })
}

/// Runs `command`, which must succeed, and gives its standard output.
pub async fn check(command: &mut Command, bound: Duration) -> Result<String, Error> {
    let program = name_of(command);
    let output = capture(command, bound).await?;
    if output.success() {
        return Ok(output.stdout);
    }
    let said = format!("{}{}", output.stdout, output.stderr);
    Err(Error::Failed { program, status: output.status, output: tail(&said) })
}

/// Runs `command` with its output going where ours goes.
pub async fn stream(command: &mut Command, bound: Duration) -> Result<ExitStatus, Error> {
    let mut group = Group::start(command.stdin(Stdio::null()))?;
    let what = format!("\"{}\"", group.program);
    within(&what, bound, group.wait()).await?
}

/// Bounds `future`; a bound that passes is an error that names `what`.
pub async fn within<T>(what: &str, bound: Duration, future: impl Future<Output = T>) -> Result<T, Error> {
    let late = |_| Error::TooLong { what: what.to_owned(), bound, detail: String::new() };
    tokio::time::timeout(bound, future).await.map_err(late)
}

/// The last lines of a long text: where the reason of a failure usually stands.
pub fn tail(text: &str) -> String {
    const LINES: usize = 12;
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

async fn text(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        let _ = stream.read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn name_of(command: &Command) -> String {
    let command = command.as_std();
    let file = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let first = command.get_args().next().map(OsStr::to_string_lossy).unwrap_or_default();
    format!("{} {first}", file.to_string_lossy()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_program_that_fails_is_named_with_its_last_words() {
        let error = check(&mut shell("echo because >&2; exit 3"), SOON).await.expect_err("it fails");
        assert_eq!(error.to_string(), "\"sh -c\" ended with exit status: 3: because");
        assert_eq!(check(&mut shell("echo fine"), SOON).await.expect("it succeeds"), "fine\n");
    }

    #[tokio::test]
    async fn a_program_gets_its_input() {
        let output = capture_with_input(&mut shell("cat"), "hello", SOON).await.expect("cat runs");
        assert_eq!(output.stdout, "hello");
    }

    #[tokio::test]
    async fn giving_up_on_a_program_ends_what_it_started() {
        let script = "sleep 60 & echo $! > /dev/stderr; wait";
        let dir = tempfile::tempdir().expect("a folder");
        let log = dir.path().join("log");
        let group = Group::daemon(&mut shell(script), &log).expect("sh starts");
        let grandchild = first_line(&log).await;
        drop(group);
        ends(&grandchild).await;
    }

    async fn first_line(log: &Path) -> String {
        let started = Instant::now();
        loop {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            if text.ends_with('\n') {
                return text.trim().to_owned();
            }
            assert!(started.elapsed() < SOON);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn ends(process: &str) {
        let started = Instant::now();
        let running = || {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        while running() {
            assert!(started.elapsed() < SOON, "the sleep lives on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_tethered_program_ends_when_its_pipe_does_and_its_own_end_is_seen() {
        let dir = tempfile::tempdir().expect("a folder");
        let log = dir.path().join("log");
        let sleep = |seconds: &str| Group::tethered(Path::new("sleep"), &[seconds.to_owned()], &log);
        let mut held = sleep("60").expect("sleep starts");
        assert!(held.ended().is_none());
        drop(held.child().stdin.take());
        within("the end of sleep", SOON, held.wait()).await.expect("in time").expect("it ends");
        let script = "sleep 60 & echo $!; wait".to_owned();
        let mut parent =
            Group::tethered(Path::new("sh"), &["-c".to_owned(), script], &log).expect("sh starts");
        let child = first_line(&log).await;
        drop(parent.child().stdin.take());
        within("the end of sh", SOON, parent.wait()).await.expect("in time").expect("it ends");
        ends(&child).await;
        let mut short = sleep("0").expect("sleep starts");
        within("the end of sleep", SOON, short.wait()).await.expect("in time").expect("it ends");
    }

    #[tokio::test]
    async fn a_bound_that_passes_names_the_program() {
        let error = capture(&mut shell("sleep 60"), Duration::from_millis(50)).await.expect_err("it is slow");
        assert!(error.to_string().starts_with("\"sh -c\" took longer than"));
    }
}
