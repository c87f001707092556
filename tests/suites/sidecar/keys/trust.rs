//! Which providers are believed to be who they are: TLS against the public roots and the policy's own bundle.
//!
//! In process, against an identity provider on loopback with a certificate of an authority that nobody knows.

use sidecar::provider::ProviderStatus;

use super::Scene;
use crate::world;
use crate::world::authority::Authority;
use crate::world::idp::{DISCOVERY, Idp};
use crate::world::tokens::key_set;

async fn scene(server: &Authority, name: &str, bundle: Option<&str>) -> Scene {
    let idp = Idp::start_with_tls(&key_set(), server.server(name)).await;
    let bundle =
        bundle.map(|pem| format!(", caBundle: {}", serde_json::Value::from(pem))).unwrap_or_default();
    let plain = world::oidc_policy(&idp.issuer());
    let document = plain.replace("'}, audiences", &format!("'{bundle}}}, audiences"));
    let (clock, hands) = world::clock();
    let (verifier, provider) = world::verifier(&document, &clock);
    Scene { idp, verifier, provider: provider.expect("the policy trusts an issuer"), hands }
}

async fn word(scene: &Scene) -> &'static str {
    scene.word(&scene.draft().with(&[])).await
}

#[tokio::test]
async fn a_provider_is_trusted_when_the_bundle_names_its_authority_and_not_otherwise() {
    let (ours, other) = (Authority::new(), Authority::new());
    let both = format!("{}{}", other.pem, ours.pem);
    assert_eq!(word(&scene(&ours, "127.0.0.1", Some(&ours.pem)).await).await, "accepted");
    assert_eq!(word(&scene(&ours, "127.0.0.1", Some(&both)).await).await, "accepted");
    for bundle in [None, Some(other.pem.as_str())] {
        let scene = scene(&ours, "127.0.0.1", bundle).await;
        assert_eq!(word(&scene).await, "keys_unavailable");
        assert_eq!(scene.idp.requests(DISCOVERY), 0);
        let ProviderStatus::NotYet { reason } = scene.provider.status() else { panic!("there are keys") };
        assert!(reason.contains("certificate is not trusted") && reason.contains("caBundleRef"), "{reason}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_trusted_whoever_issued_it() {
    let ours = Authority::new();
    let scene = scene(&ours, "idp.example.com", Some(&ours.pem)).await;
    assert_eq!(word(&scene).await, "keys_unavailable");
    assert_eq!(scene.idp.requests(DISCOVERY), 0);
}
