//! A pod that reaches its provider and not the Internet: clients see documents advertised and try nothing else, so the log says which
//! switch to turn (D7).
//!
//! Starts processes. Asks the machine's resolver for names that nobody has (RFC 6761 §6.4).

use rustix::process::Signal;

use super::desk::{Desk, error};
use super::killed::Standalone;

const WORD: &str = "proxy.clients.metadataDocuments";

/// Asks for clients with documents at so many hosts, and says how often the log named the switch.
async fn words(hosts: usize) -> usize {
    let world = Standalone::set().await;
    let running = world.start(&[]).await;
    let desk = world.desk();
    for at in 0..hosts {
        assert!(is_put_off(desk, &format!("https://host{at}.invalid/client.json")).await, "{at}");
    }
    let (log, _) = running.end(Signal::TERM).await;
    assert_eq!(log.matches("a client's document is not used").count(), hosts, "{log}");
    log.matches(WORD).count()
}

async fn is_put_off(desk: Desk, client: &str) -> bool {
    let reply = desk.redeem(client, "AAAA").await;
    (reply.status, &*error(&reply)) == (503, "temporarily_unavailable")
}

#[tokio::test]
async fn d7_where_no_document_can_be_fetched_the_log_names_the_switch_once() {
    assert_eq!(words(4).await, 0, "hosts that are down");
    assert_eq!(words(8).await, 1, "no way out");
}
