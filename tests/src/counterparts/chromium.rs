//! Chromium, as Debian ships it, without a screen: one browser that does what a test tells it, with windows that share
//! nothing. Driven through `playwright-core` (npm, one package of JavaScript) by `tests/browser/driver.mjs`: unlike Debian's
//! chromedriver it need not be of Chromium's own version, and it sees every request, switches scripts off and reads the
//! accessibility tree.
//!
//! Fetches a package into the cache; starts Chromium with a temporary profile and no way out of this machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::{node, npm};
use crate::lab::command::{Group, within};
use crate::lab::{Environment, Error, Paths, Progress, tools};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser");
/// Longer than anything that the driver waits for by itself.
const BOUND: Duration = Duration::from_secs(40);

/// A Chromium that runs until this value and its windows are dropped.
#[derive(Debug)]
pub struct Chromium {
    wire: Arc<Mutex<Wire>>,
}

/// A window with a cookie jar of its own.
#[derive(Debug)]
pub struct Window {
    wire: Arc<Mutex<Wire>>,
    number: u64,
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct View {
    /// In CSS pixels.
    pub width: u32,
    pub scripts: Scripts,
    pub scheme: Scheme,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scripts {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    Light,
    Dark,
}

impl Default for View {
    fn default() -> Self {
        Self { width: 1000, scripts: Scripts::On, scheme: Scheme::Light }
    }
}

/// What the driver is told and what it answers.
#[derive(Debug)]
struct Wire {
    told: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _driver: Group,
}

/// The program of this machine, for a test; none, with a line that says so, where it is missing and not required.
pub fn find_or_skip(environment: &Environment) -> Result<Option<PathBuf>, Error> {
    tools::require_or_skip("chromium", environment)
}

/// Fetches what drives it, unless it is there, and gives the folder with the programs.
pub async fn install(paths: &Paths, progress: Progress) -> Result<PathBuf, Error> {
    let folder = npm::install(Path::new(SOURCE), paths, progress).await?;
    for program in ["chromium.mjs", "driver.mjs"] {
        npm::put(&Path::new(SOURCE).join(program), &folder)?;
    }
    Ok(folder)
}

impl Chromium {
    pub async fn start(program: &Path, paths: &Paths, progress: Progress) -> Result<Self, Error> {
        let folder = install(paths, progress).await?;
        let mut command = Command::new(node::install(paths, progress).await?);
        command.arg(folder.join("driver.mjs")).arg(program);
        let mut driver = Group::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let (told, said) = (driver.child().stdin.take(), driver.child().stdout.take());
        let (Some(told), Some(said)) = (told, said) else {
            return Err(Error::Missing("the driver of Chromium has no pipes".to_owned()));
        };
        let wire = Wire { told, answers: BufReader::new(said).lines(), _driver: driver };
        Ok(Self { wire: Arc::new(Mutex::new(wire)) })
    }

    pub async fn window(&self, view: View) -> Result<Window, Error> {
        let number = self.wire.lock().await.tell(&json!({ "deed": "window", "what": view })).await?;
        Ok(Window { wire: self.wire.clone(), number: number.as_u64().unwrap_or_default() })
    }
}

impl Window {
    /// Opens an address, and gives the status of the page.
    pub async fn open(&self, url: &str) -> Result<u64, Error> {
        Ok(self.tell("open", url).await?.as_u64().unwrap_or_default())
    }

    /// Presses a key, by its name in UI Events.
    pub async fn press(&self, key: &str) -> Result<(), Error> {
        self.tell("press", key).await.map(drop)
    }

    /// Types a text, key by key.
    pub async fn write(&self, text: &str) -> Result<(), Error> {
        self.tell("type", text).await.map(drop)
    }

    /// Clicks on the one thing of the page that this locator names, once it can be clicked on.
    pub async fn click(&self, what: &str) -> Result<(), Error> {
        self.tell("click", what).await.map(drop)
    }

    /// Fills in the one field that this locator names.
    pub async fn fill(&self, what: &str, text: &str) -> Result<(), Error> {
        self.tell("fill", json!({ "what": what, "text": text })).await.map(drop)
    }

    /// The text of the one thing of the page that this locator names, once it is there.
    pub async fn read(&self, what: &str) -> Result<String, Error> {
        Ok(self.tell("read", what).await?.as_str().unwrap_or_default().trim().to_owned())
    }

    /// The value of an expression in the page, also where its own scripts are off.
    pub async fn evaluate(&self, expression: &str) -> Result<Value, Error> {
        self.tell("evaluate", expression).await
    }

    /// Waits for a page whose address begins like this, and gives the whole address.
    pub async fn arrive(&self, prefix: &str) -> Result<String, Error> {
        Ok(self.tell("arrive", prefix).await?.as_str().unwrap_or_default().to_owned())
    }

    /// The accessibility tree: a line for each thing, with its role and name.
    pub async fn tree(&self) -> Result<String, Error> {
        Ok(self.tell("tree", ()).await?.as_str().unwrap_or_default().to_owned())
    }

    /// The text that can be read in each frame within the page.
    pub async fn frames(&self) -> Result<Vec<String>, Error> {
        Ok(texts(&self.tell("frames", ()).await?))
    }

    /// The address of every request since this was asked last.
    pub async fn requests(&self) -> Result<Vec<String>, Error> {
        Ok(texts(&self.tell("requests", ()).await?))
    }

    /// What the console has shown since then as a warning or an error, violations of a Content Security Policy among them.
    pub async fn complaints(&self) -> Result<Vec<String>, Error> {
        Ok(texts(&self.tell("complaints", ()).await?))
    }

    async fn tell(&self, deed: &str, what: impl Serialize) -> Result<Value, Error> {
        self.wire.lock().await.tell(&json!({ "window": self.number, "deed": deed, "what": what })).await
    }
}

impl Wire {
    async fn tell(&mut self, what: &Value) -> Result<Value, Error> {
        let talk = async {
            // A driver that has ended says nothing, which is seen below.
            let _ = self.told.write_all(format!("{what}\n").as_bytes()).await;
            self.answers.next_line().await.ok().flatten()
        };
        let said = within("Chromium", BOUND, talk).await?.unwrap_or_default();
        let mut said: Value = serde_json::from_str(&said).unwrap_or_default();
        match said.get_mut("done").map(Value::take) {
            Some(done) => Ok(done),
            None => Err(Error::Missing(said["failed"].as_str().unwrap_or("Chromium has ended").to_owned())),
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| item.as_str().map(ToOwned::to_owned)).collect()
}
