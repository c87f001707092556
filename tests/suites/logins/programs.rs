//! Rows that are programs: each runs with nothing but the server's URL and a browser, in a home of its own.
//!
//! Starts programs. Each prints one line of JSON last and ends with 0 only if it was right.

use std::path::PathBuf;
use std::time::Duration;

use harness::counterparts::clients::{Browser, McpClient};
use harness::counterparts::keycloak;
use harness::lab::command::capture;
use serde_json::Value;
use tokio::process::Command;

use crate::alone::free_port;
use crate::desk::Desk;

const BOUND: Duration = Duration::from_mins(3);

/// Lets a client log in at this server and call a tool; says what went wrong, in the client's words and the browser's.
pub(crate) async fn run(client: &McpClient, url: &str, desk: &Desk) -> Result<(), String> {
    let home = tempfile::tempdir().expect("a temporary folder");
    let run = format!("{}-{}", client.name, home.path().file_name().unwrap_or_default().to_string_lossy());
    let browser = desk.browser(home.path(), &run);
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from(home.path())).chain(std::env::split_paths(&folders));
    let mut command = Command::new(&client.program);
    command.args(&client.arguments).args(["--url", url]).env_clear().current_dir(home.path());
    command.env("PATH", std::env::join_paths(folders).expect("folders")).env("BROWSER", &browser);
    command.env("HOME", home.path()).envs(client.environment.iter().cloned());
    if client.browser == Browser::Own {
        command.args(["--person", keycloak::PERSON, "--port", &free_port().to_string()]);
    }
    let said = match capture(&mut command, BOUND).await {
        Ok(output) => {
            let line = output.stdout.lines().last().unwrap_or_default();
            let right = serde_json::from_str::<Value>(line).is_ok_and(|line| line["right"] == true);
            if output.success() && right {
                return Ok(());
            }
            format!("{}{}", line, output.stderr)
        }
        Err(error) => error.in_full(),
    };
    Err(format!("{said} {}", desk.complaints(&run)).trim().to_owned())
}
