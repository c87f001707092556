//! The desk: where every client's browser is opened. A client that opens a browser starts a script of ours in its place; the
//! script hands the address over here, and here a person logs in and goes back to the client.
//!
//! Listens on loopback; writes a script into the folder that it is given. What goes wrong is kept by the name of the client's run.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use crate::door::Door;
use crate::person::Person;

type Complaints = Arc<Mutex<HashMap<String, Vec<String>>>>;

#[derive(Debug)]
pub(crate) struct Desk {
    port: u16,
    complaints: Complaints,
    _people: JoinSet<()>,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        let door = Door::open().await;
        let (port, complaints) = (door.port(), Complaints::default());
        let mut people = JoinSet::new();
        people.spawn(attend(door, complaints.clone()));
        Self { port, complaints, _people: people }
    }

    /// Puts a browser into this folder, which opens what it is given in the name of this run. Its own name is the one that
    /// programs look for.
    pub(crate) fn browser(&self, folder: &Path, run: &str) -> PathBuf {
        let script = format!(
            "#!/bin/sh\nexec curl --silent --output /dev/null --max-time 10 --get --data-urlencode \"url=$1\" http://127.0.0.1:{}/{run}\n",
            self.port
        );
        let browser = folder.join("xdg-open");
        std::fs::write(&browser, script).expect("a folder of our own");
        std::fs::set_permissions(&browser, PermissionsExt::from_mode(0o755)).expect("a file of our own");
        browser
    }

    /// What went wrong in the browsers of this run.
    pub(crate) fn complaints(&self, run: &str) -> String {
        let complaints = self.complaints.lock().expect("nobody panics while holding this");
        complaints.get(run).map(|all| all.join("; ")).unwrap_or_default()
    }
}

/// Lets a person go for each address that is handed over.
async fn attend(door: Door, complaints: Complaints) {
    let mut people = JoinSet::new();
    loop {
        let asked = door.next().await;
        let run = asked.path().trim_start_matches('/').to_owned();
        let url = asked.query_pairs().find(|(name, _)| name == "url").map(|(_, url)| url.into_owned());
        let complaints = complaints.clone();
        people.spawn(async move {
            if let Err(complaint) = serve(url.unwrap_or_default()).await {
                let mut complaints = complaints.lock().expect("nobody panics while holding this");
                complaints.entry(run).or_default().push(complaint);
            }
        });
        while people.try_join_next().is_some() {}
    }
}

/// The world's browser panics where a test would have gone wrong: here that is one more complaint.
async fn serve(url: String) -> Result<(), String> {
    let mut person = JoinSet::new();
    person.spawn(async move {
        let mut person = Person::new();
        let back = person.log_in(&url).await?;
        person.return_to_client(&back).await
    });
    match person.join_next().await {
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => Err(format!("the browser gave up: {error}")),
        None => Ok(()),
    }
}
