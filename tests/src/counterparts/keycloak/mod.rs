//! Keycloak, as its distribution comes: unpacked into the cache with two realms of our own (`tests/keycloak`). It runs beside
//! the node of a cluster (`in_cluster`), or on its own on loopback (`alone`).

pub mod alone;
pub mod in_cluster;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::lab::command::{Group, check, tail};
use crate::lab::{Error, Paths, Progress, eventually, hex};

pub use in_cluster::{HOST, ISSUER, Keycloak, PUBLIC_CLIENT, SERVICE_CLIENT};

/// A person of both realms.
pub const PERSON: &str = "alice:wonderland";
pub const VERSION: &str = "26.4.0";

/// What the realm of people calls the addresses that its client may come back to.
const CALLBACKS: [&str; 2] = ["MCP_OAUTH_CALLBACK_1", "MCP_OAUTH_CALLBACK_2"];

const REALMS: [(&str, &str); 2] = [
    ("mcp.json", include_str!("../../../keycloak/realm.json")),
    ("people.json", include_str!("../../../keycloak/people.json")),
];
const BOUND: Duration = Duration::from_mins(10);
/// A busy machine takes minutes for what an idle one does in a quarter of one.
const START: Duration = Duration::from_mins(6);
/// Small, and soon there: it serves a test and no crowd.
const JAVA: [&str; 2] = ["JAVA_OPTS_KC_HEAP=-Xms64m -Xmx512m", "JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1"];

/// Fetches it, unless it is there, and prepares it for its first start.
pub async fn install(paths: &Paths, progress: Progress) -> Result<PathBuf, Error> {
    let artifact = format!("org.keycloak:keycloak-quarkus-dist:{VERSION}:zip");
    let unpacked = format!("keycloak-{VERSION}");
    let realms: Vec<&str> = REALMS.iter().map(|(_, realm)| *realm).collect();
    let digest = hex(&Sha256::digest(format!("{artifact}\n{}", realms.join("\n"))));
    let folder = paths.cache("keycloak").join(&digest[..12]);
    let done = folder.join("prepared");
    if done.is_file() {
        return Ok(folder.join(unpacked));
    }
    let work = folder.with_extension("new");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).map_err(Error::file("create", &work))?;
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "dependency:unpack"]).arg(format!("-Dartifact={artifact}"));
    maven.arg(format!("-DoutputDirectory={}", work.display())).current_dir(&work);
    progress.during("fetching Keycloak", check(&mut maven, BOUND)).await?;
    let import = work.join(&unpacked).join("data/import");
    fs::create_dir_all(&import).map_err(Error::file("create", &import))?;
    for (name, realm) in REALMS {
        let file = import.join(name);
        fs::write(&file, realm).map_err(Error::file("write", &file))?;
    }
    // What a run that was cut off has left is not taken for done.
    let _ = fs::remove_dir_all(&folder);
    fs::rename(&work, &folder).map_err(Error::file("create", &folder))?;
    let home = folder.join(unpacked);
    let mut build = Command::new("sh");
    build.arg(home.join("bin/kc.sh")).args(["build", "--db=dev-mem"]);
    progress.during("preparing Keycloak", check(&mut build, BOUND)).await?;
    fs::write(&done, "").map_err(Error::file("write", &done))?;
    Ok(home)
}

/// Waits until it answers what this command asks for.
async fn ready(server: &mut Group, log: &Path, curl: impl Fn() -> Command) -> Result<(), Error> {
    let ask = async || {
        if let Some(status) = server.ended() {
            let output = tail(&fs::read_to_string(log).unwrap_or_default());
            return Err(Error::Failed { program: "keycloak".to_owned(), status, output });
        }
        let mut curl = curl();
        curl.args(["--silent", "--fail", "--max-time", "5"]);
        Ok(check(&mut curl, Duration::from_secs(10)).await.ok().map(drop))
    };
    eventually("the start of Keycloak", START, ask).await
}
