//! A real Valkey or Redis for replicas to share: on loopback, with TLS and a user who may do no more than is needed, or plain.
//!
//! Starts a process of its own, which ends with the value; listens on loopback and writes to a temporary directory.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use harness::lab::tools;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::authority::Authority;

pub(crate) const USER: &str = "mcp-oauth";
pub(crate) const PASSWORD: &str = "s3cret,with:signs";

/// What the documents say that a user of the store needs.
const RIGHTS: &str = "~mcp-oauth:* +select +set +get +mget +exists +del +xadd +xread +pexpire";
const LONGEST_WAIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Store {
    program: PathBuf,
    directory: TempDir,
    /// Where it is, without TLS, for whoever looks after it.
    plain: SocketAddr,
    tls: Option<SocketAddr>,
    child: Option<Child>,
}

impl Store {
    /// For everybody, without TLS.
    pub(crate) async fn plain() -> Self {
        Self::start(|_, _| String::new()).await
    }

    /// With TLS under this authority, for one user with a password; without TLS for nobody but the tests.
    pub(crate) async fn guarded(authority: &Authority) -> Self {
        let (certificate, key) = authority.pem_for("127.0.0.1");
        Self::start(move |directory, port| {
            std::fs::write(directory.join("tls.crt"), &certificate).expect("a directory of our own");
            std::fs::write(directory.join("tls.key"), &key).expect("a directory of our own");
            format!(
                "tls-port {port}\ntls-cert-file tls.crt\ntls-key-file tls.key\ntls-auth-clients no\n\
                 user {USER} on >{PASSWORD} {RIGHTS}\n\
                 user default on nopass ~* &* +@all\n"
            )
        })
        .await
    }

    async fn start(more: impl Fn(&std::path::Path, u16) -> String) -> Self {
        let program = tools::find("valkey-server").map_or_else(|| tools::require("redis-server"), Ok);
        let program = program.expect("a store is installed");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let [plain, tls] = free();
        let more = more(directory.path(), tls.port());
        let config = format!(
            "bind 127.0.0.1\nport {}\ndir {}\nsave \"\"\nappendonly yes\nappendfsync always\nmaxmemory-policy noeviction\n{more}",
            plain.port(),
            directory.path().display()
        );
        std::fs::write(directory.path().join("store.conf"), config).expect("a directory of our own");
        let tls = (!more.is_empty()).then_some(tls);
        let mut store = Self { program, directory, plain, tls, child: None };
        store.again().await;
        store
    }

    /// Starts it again, with what it had written down.
    pub(crate) async fn again(&mut self) {
        let mut command = Command::new(&self.program);
        command.arg(self.directory.path().join("store.conf")).current_dir(self.directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        self.child = Some(command.spawn().expect("it starts"));
        let answers = async {
            while !self.is_there().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LONGEST_WAIT, answers).await.expect("it answers in time");
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("it is ours");
        }
    }

    /// Loses everything.
    pub(crate) async fn forget(&self) {
        assert_eq!(self.tell("FLUSHALL").await, "+OK\r\n");
    }

    /// What a policy says of it, as one line of YAML.
    pub(crate) fn in_policy(&self, authority: Option<&Authority>) -> String {
        match (self.tls, authority) {
            (Some(tls), Some(authority)) => guarded(&tls.to_string(), PASSWORD, &authority.pem),
            _ => format!("store: {{url: 'redis://{}'}}", self.plain),
        }
    }

    /// Where it listens with TLS.
    pub(crate) fn tls(&self) -> String {
        self.tls.expect("it has TLS").to_string()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.plain
    }

    /// Says something to it on a connection of its own, in its inline form, and gives what it says.
    pub(crate) async fn tell(&self, line: &str) -> String {
        let mut stream = TcpStream::connect(self.plain).await.expect("it listens");
        stream.write_all(format!("{line}\r\nQUIT\r\n").as_bytes()).await.expect("it reads");
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.expect("it answers and hangs up");
        let said = String::from_utf8_lossy(&said).into_owned();
        said.strip_suffix("+OK\r\n").expect("it says goodbye").to_owned()
    }

    /// The same for whoever must say a password first.
    pub(crate) async fn tell_with(&self, password: &str, line: &str) -> String {
        let said = self.tell(&format!("AUTH {password}\r\n{line}")).await;
        said.strip_prefix("+OK\r\n").expect("the password is right").to_owned()
    }

    /// The names of all keys.
    pub(crate) async fn names(&self) -> Vec<String> {
        let said = self.tell("KEYS *").await;
        said.lines().filter(|line| !line.starts_with(['*', '$'])).map(str::to_owned).collect()
    }

    /// Forgets what is said again for two minutes, as if they were over.
    pub(crate) async fn end_the_overlap(&self) {
        let mut forgotten = 0;
        for name in self.names().await {
            let ends = self.tell(&format!("PTTL {name}")).await;
            let ends: i64 = ends.trim().trim_start_matches(':').parse().expect("milliseconds");
            if (40_000..=120_000).contains(&ends) {
                self.tell(&format!("DEL {name}")).await;
                forgotten += 1;
            }
        }
        assert!(forgotten > 0, "there was something to forget");
    }

    /// All that it has written down.
    pub(crate) fn written(&self) -> Vec<u8> {
        let folder = std::fs::read_dir(self.directory.path().join("appendonlydir")).expect("it writes down");
        let files = folder.map(|file| file.expect("a file").path());
        files.flat_map(|path| std::fs::read(path).expect("readable")).collect()
    }

    async fn is_there(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.plain).await else { return false };
        let mut said = [0; 7];
        stream.write_all(b"PING\r\n").await.is_ok()
            && stream.read_exact(&mut said).await.is_ok()
            && &said == b"+PONG\r\n"
    }
}

/// What a policy says of a store with TLS.
pub(crate) fn guarded(address: &str, password: &str, authority: &str) -> String {
    let bundle = serde_json::to_string(authority).expect("a text");
    format!(
        "store: {{url: 'rediss://{address}/0', username: {USER}, password: '{password}', caBundle: {bundle}}}"
    )
}

fn free() -> [SocketAddr; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("bound"))
}
