//! What listens at the store's address may be anything: slow, silent, broken, or hostile. Nobody comes in by it, nothing waits
//! longer than a moment, and nothing breaks.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::world::providers::quirks::Quirks;
use crate::world::store::Store;

use super::super::scene::{Scene, call, tokens};
use super::{Pair, sharing};

/// Something that answers every read with these bytes, as often as it is read from.
struct Something {
    address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Something {
    async fn that(says: Vec<u8>, after: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let says = says.clone();
                connections.spawn(async move {
                    let mut read = [0; 4096];
                    while stream.read(&mut read).await.is_ok_and(|read| read > 0) {
                        tokio::time::sleep(after).await;
                        if stream.write_all(&says).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, _serving: serving }
    }
}

#[tokio::test]
async fn nothing_that_a_stranger_answers_lets_anybody_in_or_keeps_anybody_waiting() {
    let real = Store::plain().await;
    let pair = Pair::with_plain_of(real).await;
    let client = pair.scene.client().await;
    let held = pair.scene.log_in(&client).await;
    let code = pair.scene.code(&client).await;
    let now = Duration::ZERO;
    for (says, after) in [
        ("", now),
        ("+OK\r\n", Duration::from_mins(1)),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", now),
        ("+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n", now),
        ("$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n", now),
        (":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", now),
        ("+OK\r\n$3\r\nwho\r\n*0\r\n:0\r\n$-1\r\n", now),
        ("+OK\r\n$3\r\nwho\r\n:0\r\n*1\r\n$1\r\nx\r\n$-1\r\n", now),
        ("+OK\r\n$3\r\nwho\r\n:0\r\n*1\r\n$11\r\n99999999999\r\n$-1\r\n", now),
        ("-NOAUTH Authentication required.\r\n", now),
        ("-READONLY You can't write against a read only replica.\r\n-X\r\n-X\r\n-X\r\n-X\r\n", now),
        ("-OOM command not allowed when used memory > 'maxmemory'.\r\n-X\r\n-X\r\n-X\r\n-X\r\n", now),
        ("-MOVED 3999 127.0.0.1:6381\r\n-X\r\n-X\r\n-X\r\n-X\r\n", now),
        ("$65537\r\n", now),
        ("$-2\r\n", now),
        ("*1048576\r\n", now),
        ("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", now),
    ] {
        let stranger = Something::that(says.as_bytes().to_vec(), after).await;
        let line = format!("store: {{url: 'redis://{}'}}", stranger.address);
        let other = pair.scene.replica_with(|policy| sharing(&policy, &line)).await;
        let begun = Instant::now();
        let refreshed =
            super::super::scene::post(&other, "/oauth/token", &super::refreshment(&client, &held.refresh))
                .await;
        let redeemed =
            super::super::scene::post(&other, "/oauth/token", &super::redemption(&client, &code)).await;
        assert_eq!([refreshed.status, redeemed.status], [503; 2], "{says:?}: {}", refreshed.text());
        // Two answers of a second at most each; whoever waits for this stranger waits for a minute.
        assert!(begun.elapsed() < Duration::from_secs(11), "{says:?}: {:?}", begun.elapsed());
        assert_eq!(call(&other, &held.access).await, 200, "{says:?}");
        assert_eq!(other.ask("/healthz").await.status, 200, "{says:?}");
    }
    tokens(&pair.refresh_there(&client, &held.refresh).await);
    tokens(&pair.redeem_there(&client, &code).await);
}

/// An answer that goes on for ever, under a length that is allowed, is given up as well.
#[tokio::test]
async fn an_answer_without_an_end_is_given_up() {
    let endless = [&b"*1024\r\n"[..], &b"$65000\r\n"[..], &vec![b'x'; 65_000], b"\r\n"].concat();
    let stranger = Something::that(endless.repeat(40), Duration::ZERO).await;
    let line = format!("store: {{url: 'redis://{}'}}", stranger.address);
    let scene = Scene::set_with(Quirks::plain(), "oidc", |policy| sharing(&policy, &line)).await;
    scene.sidecar.until("/metrics", "mcp_oauth_store_down 1").await;
    assert_eq!(scene.sidecar.ask("/readyz").await.status, 200);
}
