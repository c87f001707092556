//! Rows against columns: what has to run for it, and all pairs, a few at a time.
//!
//! Starts programs on loopback, which end with the value that holds them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::counterparts::clients::McpClient;
use harness::counterparts::everything::Everything;
use harness::lab::command::{Group, within};
use harness::lab::{Error, Progress};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::alone::{Place, Sidecar};
use crate::desk::Desk;
use crate::providers::{COLUMNS, Column, Programs, Running};
use crate::recorded::{self, Publisher, Recorded, Way};
use crate::server;
use crate::table::Table;

/// As many as two processors bear: most of a client's time is its start.
const AT_A_TIME: usize = 3;
const BOUND: Duration = Duration::from_mins(4);

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Matrix {
    shared: Arc<Shared>,
    _server: Group,
}

#[derive(Debug)]
struct Shared {
    desk: Desk,
    publisher: Publisher,
    columns: Vec<Ready>,
}

/// A provider, and two sidecars in front of it.
#[derive(Debug)]
struct Ready {
    column: Column,
    standalone: Sidecar,
    delivered: Sidecar,
    _provider: Running,
}

/// A client as a row.
#[derive(Debug, Clone)]
enum Row {
    Program(McpClient),
    Recorded(Box<Recorded>, Way),
}

impl Row {
    fn title(&self) -> (String, String) {
        match self {
            Self::Program(client) => (client.title.to_owned(), client.version.clone()),
            Self::Recorded(client, way) => {
                let way = if *way == Way::Registration { "registers itself" } else { "by its document" };
                (format!("{}, {way}", client.name), format!("recorded {}", client.seen))
            }
        }
    }
}

impl Matrix {
    /// Starts everything.
    pub(crate) async fn set(programs: &Programs, everything: &Everything) -> Result<Self, Error> {
        let (server, upstream) = server::everything(everything).await?;
        let publisher = Publisher::open().await;
        let new = |column| Ready::new(column, programs, upstream, publisher.authority());
        let [slow, others @ ..] = COLUMNS;
        let others = async {
            let mut ready = Vec::new();
            for column in others {
                ready.push(new(column).await?);
            }
            Ok(ready)
        };
        // Keycloak takes as long as all the others, and longer.
        let (first, others) = tokio::try_join!(new(slow), others)?;
        let columns = std::iter::once(first).chain(others).collect();
        let shared = Shared { desk: Desk::open().await, publisher, columns };
        Ok(Self { shared: Arc::new(shared), _server: server })
    }

    /// Lets every client log in everywhere.
    pub(crate) async fn run(&self, clients: Vec<McpClient>, progress: Progress) -> Table {
        let recorded = recorded::all().into_iter().map(|(client, way)| Row::Recorded(Box::new(client), way));
        let rows: Vec<Row> = clients.into_iter().map(Row::Program).chain(recorded).collect();
        let heads = COLUMNS.map(|column| column.head().expect("a version")).to_vec();
        let mut table = Table::new(heads, rows.iter().map(Row::title).collect());
        let (places, mut cells) = (Arc::new(Semaphore::new(AT_A_TIME)), JoinSet::new());
        for (at, row) in rows.into_iter().enumerate() {
            for column in 0..COLUMNS.len() {
                let (row, shared, places) = (row.clone(), self.shared.clone(), places.clone());
                cells.spawn(async move {
                    let _place = places.acquire().await.expect("nobody closes it");
                    let begun = Instant::now();
                    let outcome = shared.cell(row, column).await;
                    (at, column, outcome, begun.elapsed())
                });
            }
        }
        while let Some(cell) = cells.join_next().await {
            let (row, column, outcome, took) = cell.expect("a cell does not panic");
            progress.say(format_args!("{} {:.1} s", table.put(row, column, outcome), took.as_secs_f64()));
        }
        table
    }
}

impl Shared {
    /// One client, one provider.
    async fn cell(self: Arc<Self>, row: Row, column: usize) -> Result<(), String> {
        // The world's clients panic where a test would have gone wrong: here that is one more thing to say.
        let (mut one, shared) = (JoinSet::new(), self.clone());
        one.spawn(async move {
            let ready = &shared.columns[column];
            match row {
                Row::Program(client) => {
                    crate::programs::run(&client, &ready.standalone.url(), &shared.desk).await
                }
                Row::Recorded(client, way) => {
                    recorded::run(&client, way, &ready.delivered.url(), &shared.publisher).await
                }
            }
        });
        let outcome = match within("the login", BOUND, one.join_next()).await {
            Ok(Some(Ok(outcome))) => outcome,
            Ok(Some(Err(error))) => Err(format!("it gave up: {error}")),
            Ok(None) => Err("it did nothing".to_owned()),
            Err(error) => Err(error.in_full()),
        };
        let ready = &self.columns[column];
        let said = || format!("{}\n{}", ready.standalone.said(), ready.delivered.said());
        outcome.map_err(|error| format!("{error}\nthe sidecars of {} said:\n{}", ready.column.title, said()))
    }
}

impl Ready {
    async fn new(column: Column, programs: &Programs, upstream: u16, authority: &str) -> Result<Self, Error> {
        let (one, other) = (Place::free(), Place::free());
        let provider = column.start(programs, [&one.callback(), &other.callback()]).await?;
        let policy = server::policy(other, column, &provider, authority).to_string();
        Ok(Self {
            column,
            standalone: server::standalone(one, column, &provider, upstream).await,
            delivered: Sidecar::enforcing(other, upstream, &policy).await,
            _provider: provider,
        })
    }
}
