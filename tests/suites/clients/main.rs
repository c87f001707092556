//! Real MCP clients and a real identity provider in the lab's Kubernetes: needs root and a running lab.
//! Three SDKs × two servers × three ways to a token, after what must be refused was refused (promises 1 and 2); and logins
//! through replicas that come and go (promise 4).

mod ask;
mod matrix;
mod proxy;
mod scene;
#[path = "../../src/world/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the sidecar's suite uses the rest")]
mod world;

use harness::counterparts::clients;
use harness::counterparts::keycloak::{self, Keycloak};
use harness::lab::{Cluster, Environment, Paths, Progress};

use ask::Asker;
use matrix::{Matrix, Way};
use scene::{Mistake, SERVERS, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn every_client_reaches_every_server_with_every_kind_of_token() {
    let Some(cluster) = Cluster::current_or_skip().expect("the lab is up") else { return };
    let progress = Progress::since(std::time::Instant::now());
    let paths = Paths::new(&Environment::of_process()).expect("there is a cache");
    let clients = clients::install(&paths, progress).await.expect("the clients are installed");
    let home = keycloak::install(&paths, progress).await.expect("Keycloak is installed");
    // It starts while the servers do.
    let (keycloak, scene) = tokio::join!(Keycloak::start(&home, &cluster), Scene::set(&cluster));
    let (keycloak, scene) = (keycloak.expect("Keycloak starts"), scene.expect("the scene is set"));
    let asker = Asker::new(&cluster, keycloak.authority());

    scene.refuses_shared_secret_mistakes(&asker).await;
    let mut matrix = Matrix::new(&cluster, &clients, keycloak.authority());
    for server in SERVERS {
        let token = scene::token(server, Mistake::None);
        matrix.row(server, Way::Token(token)).await;
    }

    scene.trust_keycloak(&keycloak, &asker).await.expect("the policies are edited");
    scene.refuses_provider_mistakes(&asker).await;
    for server in SERVERS {
        matrix.row(server, Way::ClientCredentials).await;
        matrix.row(server, Way::Login).await;
    }
    matrix.conclude();
    proxy::play(&cluster, &keycloak).await.expect("nobody is logged out");
}
