//! Proxy mode in the cluster: an unmodified server with three replicas behind one policy, and logins whose every step lands
//! on another replica, before, while and after everything is restarted and its keys are rotated (promise 4: nothing is lost).
//! Keycloak says who the person is; the browser comes as through an ingress, which ends TLS in front of the pods.

mod login;
mod scene;

use harness::counterparts::keycloak::Keycloak;
use harness::lab::{Cluster, Error};

use login::{At, Stage};
use scene::Scene;

/// Plays all of it.
pub(crate) async fn play(cluster: &Cluster, keycloak: &Keycloak) -> Result<(), Error> {
    let scene = Scene::set(cluster, keycloak).await?;
    every_step_on_another_replica(&scene).await?;
    restarts_log_nobody_out(&scene).await?;
    key_rotation_logs_nobody_out(&scene).await
}

async fn every_step_on_another_replica(scene: &Scene<'_>) -> Result<(), Error> {
    let replicas = scene.replicas().await?;
    for first in 0..replicas.len() {
        let mut at = At::start(scene);
        for step in 0..Stage::ALL.len() {
            at = at.step(replicas[(first + step) % replicas.len()]).await;
        }
        for replica in &replicas {
            assert_eq!(at.call(*replica).await, 200, "a token is good on every replica");
        }
    }
    // Their twin: a token that nobody issued.
    assert_eq!(scene::call(replicas[0], "AAAA").await, 401);
    Ok(())
}

/// Logins that wait at every stage go on in pods that did not exist when they began.
async fn restarts_log_nobody_out(scene: &Scene<'_>) -> Result<(), Error> {
    let before = scene.replicas().await?;
    let waiting = waiting(scene, &before).await;
    scene.restart_everything().await?;
    let after = scene.replicas().await?;
    assert!(after.iter().all(|replica| !before.contains(replica)), "{before:?} {after:?}");
    go_on(waiting, &after).await;
    Ok(())
}

/// The next keys are delivered, become the first ones, and nobody notices.
async fn key_rotation_logs_nobody_out(scene: &Scene<'_>) -> Result<(), Error> {
    let replicas = scene.replicas().await?;
    let old = scene::signing_keys(replicas[0]).await;
    let waiting_before = waiting(scene, &replicas).await;
    scene.ask_for_new_keys().await?;
    let with_next = scene.until_keys(&replicas, |keys| keys.len() > old.len()).await?;
    let waiting_between = waiting(scene, &replicas).await;
    scene.let_time_pass().await?;
    let held = At::all_the_way(scene, &replicas).await;
    let signed = scene.until_signed_by_another(&replicas, &held).await?;
    assert!(with_next.contains(&signed), "{signed} was published before it signed: {with_next:?}");
    go_on(waiting_before, &replicas).await;
    go_on(waiting_between, &replicas).await;
    assert_eq!(held.call(replicas[1]).await, 200);
    Ok(())
}

/// One login for each stage, waiting there.
async fn waiting(scene: &Scene<'_>, replicas: &[std::net::SocketAddr]) -> Vec<At> {
    let mut all = Vec::new();
    // The shortest-lived last: a code is good for a minute.
    for stage in Stage::ALL {
        let mut at = At::start(scene);
        while at.stage() != Some(stage) {
            at = at.step(replicas[all.len() % replicas.len()]).await;
        }
        all.push(at);
    }
    all
}

async fn go_on(waiting: Vec<At>, replicas: &[std::net::SocketAddr]) {
    for (index, mut at) in waiting.into_iter().rev().enumerate() {
        let from = at.stage();
        // Whatever it holds by then is good for a refresh as well.
        for step in 0..=Stage::ALL.len() {
            at = at.step(replicas[(index + step) % replicas.len()]).await;
        }
        assert_eq!(at.call(replicas[index % replicas.len()]).await, 200, "{from:?}");
    }
}
