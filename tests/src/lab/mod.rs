//! The lab: a real single-node Kubernetes on the machine that runs the tests, and an API server alone.
//! Builds or installs what it needs, keeps it in a cache outside the checkout, and leaves nothing behind.
//!
//! ```text
//! tools, kubernetes, image …   what must be there before          (cached)
//! up      brings up:           cgroup, node (namespaces), components, dns
//! cluster                      what the suites use of a lab that is up
//! down    takes down and looks at what is left
//! api_server                   etcd and kube-apiserver on loopback, without root
//! ```

pub mod api_server;
pub mod cgroup;
pub mod cluster;
pub mod command;
pub mod components;
pub mod dns;
pub mod down;
mod error;
pub mod image;
pub mod images;
pub mod interrupt;
pub mod kubectl;
pub mod kubernetes;
pub mod leftovers;
pub mod lock;
pub mod network;
pub mod node;
pub mod paths;
pub mod pki;
pub mod processes;
pub mod progress;
pub mod settings;
pub mod state;
pub mod tools;
pub mod up;

use std::time::{Duration, Instant};

pub use cluster::Cluster;
pub use error::Error;
pub use paths::{Environment, Name, Paths};
pub use progress::Progress;

/// Asks until there is an answer; `bound` passing is an error that names `what`.
pub async fn eventually<T>(
    what: &str,
    bound: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    let patience = Instant::now();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        let waited = patience.elapsed();
        if waited > bound {
            return Err(Error::TooLong { what: what.to_owned(), bound, detail: String::new() });
        }
        // Asking is mostly starting a program, and takes its time from what is waited for: the longer that takes, the
        // less it matters to hear of it at once.
        tokio::time::sleep((waited / 8).clamp(Duration::from_millis(50), Duration::from_millis(400))).await;
    }
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from(b"0123456789abcdef"[usize::from(four)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
