//! The programs that play: the server, who asks, and one proxy at a time.
//!
//! Starts processes, each bound to one processor, and all ended with their values at the latest; they listen on loopback. Writes
//! into a folder that goes when the bench does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::bench::Contestant;
use harness::counterparts::envoy::Envoy;
use harness::lab::command::{Group, tail};
use harness::lab::{Error, tools};
use tokio::process::Command;

use crate::configs::{self, AUDIENCE};
use crate::tokens::{KEY_ID, Tokens};
use crate::world::program::free_addresses;
use crate::world::tokens::rsa_jwk;

const PATIENCE: Duration = Duration::from_secs(20);

/// The programs, where they are.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) sidecar: PathBuf,
    /// The folder of `load`, `origin` and `bare`.
    pub(crate) own: PathBuf,
    pub(crate) haproxy: PathBuf,
    pub(crate) envoy: Envoy,
}

/// Everything that stays what it is for the whole run.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) programs: Programs,
    pub(crate) tokens: Tokens,
    /// How many streams a proxy has descriptors for.
    pub(crate) most_streams: u32,
    folder: PathBuf,
    /// That of the proxy, and that of all others.
    processors: [usize; 2],
    origin: SocketAddr,
    _server: Group,
}

/// What stands in front of the server.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) traffic: SocketAddr,
    /// None where there is no proxy.
    pid: Option<u32>,
    _group: Option<Group>,
}

impl Proxy {
    pub(crate) fn pid(&self) -> Result<u32, Error> {
        self.pid.ok_or_else(|| Error::Missing("there is no proxy, so there is nothing to look at".to_owned()))
    }

    pub(crate) fn is_there(&self) -> bool {
        self.pid.is_some()
    }
}

impl Stage {
    pub(crate) fn set(
        programs: Programs,
        tokens: Tokens,
        most_streams: u32,
        folder: &Path,
        processors: [usize; 2],
    ) -> Result<Self, Error> {
        let [origin, _] = free_addresses();
        let mut command = on(processors[1], &programs.own.join("origin"))?;
        let log = folder.join("origin.log");
        let mut server = Group::daemon(command.arg(origin.to_string()), &log)?;
        wait("the server of the bench", &mut server, &log, || listens(origin))?;
        let folder = folder.to_path_buf();
        Ok(Self { programs, tokens, most_streams, folder, processors, origin, _server: server })
    }

    /// One of our own programs on the processor that proxies do not have.
    pub(crate) fn beside(&self, program: &str) -> Result<Command, Error> {
        on(self.processors[1], &self.programs.own.join(program))
    }

    /// Where a proxy writes to, which is where it says what is wrong.
    pub(crate) fn log(&self, contestant: Contestant) -> PathBuf {
        self.folder.join(format!("{}.log", contestant.name()))
    }

    /// Starts a proxy anew: every repetition has other addresses in its memory, and no token was seen.
    pub(crate) fn start(&self, contestant: Contestant) -> Result<Proxy, Error> {
        let [traffic, admin] = free_addresses();
        let Some(mut command) = self.command(contestant, traffic, admin)? else {
            return Ok(Proxy { traffic: self.origin, pid: None, _group: None });
        };
        let log = self.log(contestant);
        let mut group = Group::daemon(&mut command, &log)?;
        let is_there = || match contestant {
            Contestant::Seen | Contestant::SeenQuiet | Contestant::Unseen => is_ready(admin),
            _ => listens(traffic),
        };
        wait(contestant.title(), &mut group, &log, is_there)?;
        Ok(Proxy { traffic, pid: group.id(), _group: Some(group) })
    }

    fn command(
        &self,
        contestant: Contestant,
        traffic: SocketAddr,
        admin: SocketAddr,
    ) -> Result<Option<Command>, Error> {
        let on = |program: &Path| on(self.processors[0], program);
        let command = match contestant {
            Contestant::Direct => return Ok(None),
            Contestant::Bare => {
                let mut command = on(&self.programs.own.join("bare"))?;
                command.args([traffic, self.origin].map(|address| address.to_string()));
                command
            }
            Contestant::Haproxy | Contestant::HaproxyJwt => {
                let rules = match contestant {
                    Contestant::HaproxyJwt => configs::haproxy_rules(&self.tokens.issuer, &self.tokens.key),
                    _ => String::new(),
                };
                let file = self.write(
                    "haproxy.cfg",
                    &configs::haproxy(traffic, self.origin, self.most_streams, &rules),
                )?;
                let mut command = on(&self.programs.haproxy)?;
                command.arg("-db").arg("-f").arg(file);
                command
            }
            Contestant::Envoy | Contestant::EnvoyUnseen => {
                let keys = serde_json::json!({ "keys": [rsa_jwk(KEY_ID, Some("RS256"))] });
                let config = configs::envoy(traffic, self.origin, &self.tokens.issuer, &keys);
                let file = self.write("envoy.json", &config)?;
                let mut command = on(&self.programs.envoy.program)?;
                command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "-c"]);
                command.arg(file);
                command
            }
            Contestant::Seen | Contestant::Unseen => self.sidecar([traffic, admin], Some("info"))?,
            Contestant::SeenQuiet => self.sidecar([traffic, admin], Some("warn"))?,
        };
        Ok(Some(command))
    }

    /// The sidecar as it is released, by the variables of those who have no operator.
    fn sidecar(&self, [traffic, admin]: [SocketAddr; 2], log: Option<&str>) -> Result<Command, Error> {
        let mut command = on(self.processors[0], &self.programs.sidecar)?;
        command.args([format!("--listen={traffic}"), format!("--admin={admin}")]);
        command.arg(format!("--upstream=http://{}", self.origin));
        command.args(log.map(|level| format!("--log={level}")));
        command.envs([("OAUTH_MODE", "native"), ("OAUTH_PROVIDER", "oidc")]);
        command.envs([("OAUTH_SERVER_URL", AUDIENCE), ("OAUTH_AUDIENCE", AUDIENCE)]);
        command.env("OAUTH_ISSUER", &self.tokens.issuer);
        Ok(command)
    }

    /// From nothing to the first 200 of the sidecar's `/readyz`.
    pub(crate) fn time_to_ready(&self) -> Result<Duration, Error> {
        let addresses = free_addresses();
        let mut command = self.sidecar(addresses, None)?;
        let begun = Instant::now();
        let log = self.log(Contestant::Seen);
        let mut group = Group::daemon(&mut command, &log)?;
        wait("the sidecar", &mut group, &log, || is_ready(addresses[1]))?;
        Ok(begun.elapsed())
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
        Ok(path)
    }
}

/// A program on one processor, with nothing in its environment.
fn on(processor: usize, program: &Path) -> Result<Command, Error> {
    let mut command = Command::new(tools::require("taskset")?);
    command.env_clear().args(["-c", &processor.to_string()]).arg(program);
    Ok(command)
}

/// Looks all the time, for this is what is measured of the sidecar's start.
fn wait(what: &str, group: &mut Group, log: &Path, is_there: impl Fn() -> bool) -> Result<(), Error> {
    let begun = Instant::now();
    while !is_there() {
        if begun.elapsed() > PATIENCE || group.ended().is_some() {
            return Err(Error::Missing(format!("{what} did not start; {}", last_words(log))));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(())
}

/// What a program has said of itself.
pub(crate) fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    format!("its last words: {}", tail(&text))
}

fn listens(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

fn is_ready(admin: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(admin).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: sidecar\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).ok()?;
        Some(&answer == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
