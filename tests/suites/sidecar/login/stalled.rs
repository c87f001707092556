//! Bodies of login requests that do not come to their ends: so many long ones at a time, and the short ones go on (P22).

use super::scene::Scene;
use crate::world::client::{Connection, Reply};
use crate::world::providers::quirks::Quirks;

/// As many long ones as are taken in at a time.
const PLACES: usize = 96;

fn begun(length: usize, sent: &str) -> String {
    format!(
        "POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{sent}"
    )
}

async fn ask(scene: &Scene, length: usize) -> Reply {
    let mut connection = Connection::open(scene.desk().0).await;
    connection.exchange(begun(length, &"x".repeat(length))).await
}

#[tokio::test]
async fn p22_long_bodies_that_stall_keep_other_long_ones_out_and_no_short_one() {
    let scene = Scene::set(Quirks::plain()).await;
    assert_eq!(ask(&scene, 60_000).await.status, 401, "it is read, and is from no client");
    let mut stalled = Vec::new();
    for _ in 0..PLACES {
        let mut connection = Connection::open(scene.desk().0).await;
        connection.write(begun(60_000, "x")).await;
        stalled.push(connection);
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let busy = ask(&scene, 60_000).await;
    assert_eq!((busy.status, busy.header("retry-after").is_some()), (503, true));
    assert_eq!(ask(&scene, 8 * 1024).await.status, 401, "a short one is read");
    drop(stalled);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(ask(&scene, 60_000).await.status, 401, "there is room again");
}
