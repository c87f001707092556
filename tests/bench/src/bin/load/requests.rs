//! So many requests over so many connections, each of which asks again as soon as it has its answer.
//!
//! Talks to one proxy.

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mcp_oauth_tests_bench::{LARGE, LARGE_PATH, QUESTION, SMALL, SMALL_PATH, question};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::{answer, head, say};

/// Which answer is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Small,
    Large,
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    took: Vec<Duration>,
}

/// What all connections take from, one after the other.
struct Work {
    questions: Vec<String>,
    length: usize,
    count: usize,
    taken: AtomicUsize,
}

impl FromStr for Kind {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Self> {
        match text {
            "small" => Ok(Self::Small),
            "large" => Ok(Self::Large),
            other => Err(io::Error::other(format!("'{other}' is neither small nor large"))),
        }
    }
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::Small => SMALL_PATH,
            Self::Large => LARGE_PATH,
        }
    }

    fn length(self) -> usize {
        match self {
            Self::Small => SMALL,
            Self::Large => LARGE,
        }
    }

    fn work(self, tokens: &[String], count: usize) -> Arc<Work> {
        let question = question();
        let more = format!("content-type: application/json\r\ncontent-length: {QUESTION}\r\n");
        let whole = |token: &String| format!("{}{question}", head("POST", self.path(), token, &more));
        let questions = tokens.iter().map(whole).collect();
        Arc::new(Work { questions, length: self.length(), count, taken: AtomicUsize::new(0) })
    }
}

pub(crate) async fn run(
    to: SocketAddr,
    kind: Kind,
    connections: usize,
    [warm, count]: [usize; 2],
    tokens: &[String],
) -> io::Result<()> {
    let (first, others) = tokens.split_at_checked(1).ok_or_else(|| io::Error::other("there is no token"))?;
    if !others.is_empty() && others.len() < count {
        return Err(io::Error::other("there are fewer tokens than requests"));
    }
    let mut open = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        open.push(Connection { stream, buffer: vec![0; 256 * 1024], took: Vec::new() });
    }
    let mut open = ask(open, kind.work(first, warm)).await?;
    for connection in &mut open {
        connection.took = Vec::with_capacity(2 * count / connections);
    }
    let work = kind.work(if others.is_empty() { first } else { others }, count);
    say("warm")?;
    let open = ask(open, work).await?;
    let mut took: Vec<Duration> = open.iter().flat_map(|connection| &connection.took).copied().collect();
    took.sort_unstable();
    let of = |hundredth: usize| took.get(took.len() * hundredth / 100).map_or(0, Duration::as_nanos);
    say(&format!("{} {}", of(50), of(99)))
}

/// Everything that there is to ask. Gives the connections back, as open as they were.
async fn ask(connections: Vec<Connection>, work: Arc<Work>) -> io::Result<Vec<Connection>> {
    let mut all = JoinSet::new();
    for mut connection in connections {
        let work = work.clone();
        all.spawn(async move { connection.ask(&work).await.map(|()| connection) });
    }
    all.join_all().await.into_iter().collect()
}

impl Connection {
    async fn ask(&mut self, work: &Work) -> io::Result<()> {
        loop {
            let at = work.taken.fetch_add(1, Ordering::Relaxed);
            if at >= work.count {
                return Ok(());
            }
            let begun = Instant::now();
            self.stream.write_all(work.questions[at % work.questions.len()].as_bytes()).await?;
            answer::read(&mut self.stream, &mut self.buffer, work.length).await?;
            self.took.push(begun.elapsed());
        }
    }
}
