//! What the scenes on this machine need: free ports of loopback, programs that say nothing, and the patience to wait for
//! them.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::lab::{Error, eventually};

const SOON: Duration = Duration::from_secs(30);

/// Ports that were free a moment ago.
pub(super) fn free_ports<const N: usize>() -> Result<[u16; N], Error> {
    let failed = |source| Error::Start { program: "listener".to_owned(), source };
    // All of them before the first is closed: else the same one could come twice.
    let listeners = [(); N].map(|()| TcpListener::bind(("127.0.0.1", 0)));
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        let listener = listener.as_ref().map_err(|error| failed(error.kind().into()))?;
        *port = listener.local_addr().map_err(failed)?.port();
    }
    Ok(ports)
}

pub(super) fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

pub(super) async fn listening(port: u16) -> Result<(), Error> {
    let connected = async || Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
    eventually(&format!("port {port}"), SOON, connected).await
}
