//! From a policy to the two things that leave the operator: the Secret for the sidecar, and what admission places.
//!
//! Pure and deterministic: two operators that see the same render the same, so that none needs to lead. Meets K03 (secret
//! values in the Secret alone), K05, K15, N2, N3, N12, N13, N15.

mod resources;
#[cfg(test)]
mod stable;

use std::collections::BTreeMap;

use crds::delivery::digest;
use crds::resource::{Injection, LogLevel, McpOAuthPolicySpec, Server, SidecarSettings};
use crds::{Closed, Delivery, Policy, State};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::{Value, json};

use crate::names::{ADMIN, CONTAINER, CREDENTIALS, MANAGED_BY, MANAGER, MOUNT, VOLUME, secret_of};
use crate::resolve::Unresolved;
use resources::resources;

/// Whose policy it is.
#[derive(Debug, Clone)]
pub struct Owner {
    pub namespace: String,
    pub name: String,
    pub reference: OwnerReference,
}

/// What was rendered and is not applied yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    pub revision: String,
    /// Names what is placed into a pod: the container, the volume, and what changes in the server's own container.
    pub placed: String,
    pub secret: Secret,
    pub injection: Injection,
}

/// Renders a policy, or the reason why there is none.
pub fn render(
    owner: &Owner,
    resolved: &Result<Policy, Unresolved>,
    spec: &McpOAuthPolicySpec,
    image: &str,
) -> Built {
    let state = match resolved {
        Ok(policy) => State::Enforce(Box::new(policy.clone())),
        Err(unresolved) => State::Closed(Closed {
            reason: unresolved.reason.as_str().into(),
            message: unresolved.to_string(),
        }),
    };
    let delivery = Delivery::new(format!("{}/{}", owner.namespace, owner.name), state);
    let revision = delivery.revision.clone();
    let settings = spec.sidecar.clone().unwrap_or_default();
    let (container, volume) = (container(&settings, image), volume(&owner.name));
    let placed = placed(&container, &volume, &spec.server);
    let annotation = format!("policy={} revision={revision} image={image} placed={placed}", owner.name);
    let injection = Injection { annotation, container, volume };
    Built { revision, placed, secret: secret(owner, &delivery), injection }
}

/// W7: what a pod was made with, so that one from before an edit or a release can be told.
fn placed(container: &Value, volume: &Value, server: &Server) -> String {
    let Server { port, container: named, env, .. } = server;
    digest(&json!([container, volume, port, named, env]).to_string())
}

fn secret(owner: &Owner, delivery: &Delivery) -> Secret {
    let data =
        BTreeMap::from([(crds::delivery::FILE.to_owned(), ByteString(delivery.to_yaml().into_bytes()))]);
    Secret {
        metadata: ObjectMeta {
            name: Some(secret_of(&owner.name)),
            namespace: Some(owner.namespace.clone()),
            labels: Some(BTreeMap::from([(MANAGED_BY.to_owned(), MANAGER.to_owned())])),
            owner_references: Some(vec![owner.reference.clone()]),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".into()),
        data: Some(data),
        ..Secret::default()
    }
}

fn volume(policy: &str) -> Value {
    // Optional: a pod starts before its policy is rendered, closed (N15). Readable by everyone: only this container mounts
    // it, and without changing the pod's fsGroup a stricter mode would lock the sidecar's own user out.
    json!({ "name": VOLUME, "secret": { "secretName": secret_of(policy), "optional": true, "defaultMode": 0o444 } })
}

fn container(settings: &SidecarSettings, image: &str) -> Value {
    let (traffic, admin) = (settings.ports.traffic, settings.ports.admin);
    let probe = |path: &str, period: u32, failures: u32| json!({ "httpGet": { "path": path, "port": admin }, "periodSeconds": period, "failureThreshold": failures });
    json!({
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "restartPolicy": "Always",
        "args": [format!("--policy-dir={MOUNT}"), format!("--listen=0.0.0.0:{traffic}"), format!("--admin=0.0.0.0:{admin}")],
        "env": [{ "name": "MCP_OAUTH_LOG", "value": level(settings.log_level) }],
        "ports": [
            { "name": CONTAINER, "containerPort": traffic, "protocol": "TCP" },
            { "name": ADMIN, "containerPort": admin, "protocol": "TCP" },
        ],
        // Alive without a policy (N3): the server starts, closed; ready only when there is one to enforce.
        "startupProbe": probe("/healthz", 1, 30),
        "readinessProbe": probe("/readyz", 2, 1),
        "livenessProbe": probe("/healthz", 10, 3),
        "resources": resources(settings.resources.as_ref()),
        "securityContext": security(),
        "volumeMounts": [
            { "name": VOLUME, "mountPath": MOUNT, "readOnly": true },
            // Something must lie where the API server would mount the pod's credentials: the sidecar has none (K15).
            { "name": VOLUME, "mountPath": CREDENTIALS, "readOnly": true },
        ],
    })
}

/// N12: PodSecurity "restricted" judges each container by its own settings.
fn security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "privileged": false,
        "readOnlyRootFilesystem": true,
        "runAsGroup": 65532,
        "runAsNonRoot": true,
        "runAsUser": 65532,
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

fn level(level: Option<LogLevel>) -> &'static str {
    match level {
        Some(LogLevel::Error) => "error",
        Some(LogLevel::Warn) => "warn",
        Some(LogLevel::Debug) => "debug",
        Some(LogLevel::Info) | None => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gather::{Inputs, Kind, Reference};
    use crate::keys::Held;
    use crate::resolve::resolve;

    const KEY: &[u8] = b"kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA";

    fn owner() -> Owner {
        let reference = OwnerReference {
            kind: "McpOAuthPolicy".into(),
            name: "trino".into(),
            ..OwnerReference::default()
        };
        Owner { namespace: "data".into(), name: "trino".into(), reference }
    }

    pub(super) const IMAGE: &str = "localhost/mcp-oauth-sidecar:dev";
    const SPEC: &str =
        "{server: {url: 'https://h/mcp'}, provider: hmac, hmac: {secretRefs: [{name: s, key: k}]}}";

    pub(super) fn built(inputs: &Inputs) -> Built {
        changed(inputs, IMAGE, |_| ())
    }

    /// A policy that is changed, and what is rendered of it for this image.
    pub(super) fn changed(inputs: &Inputs, image: &str, change: impl FnOnce(&mut Value)) -> Built {
        let mut spec = serde_yaml::from_str(SPEC).expect("YAML");
        change(&mut spec);
        let spec = serde_json::from_value(spec).expect("a spec");
        render(&owner(), &resolve(&spec, inputs, &Held::NotNeeded), &spec, image)
    }

    /// What is rendered of this policy.
    pub(super) fn rendered(spec: &Value, inputs: &Inputs, keys: Option<&crds::proxy::Keys>) -> Built {
        let spec = serde_json::from_value(spec.clone()).expect("a spec");
        let held = keys.map_or(Held::NotNeeded, |keys| Held::Keys(keys.clone()));
        render(&owner(), &resolve(&spec, inputs, &held), &spec, IMAGE)
    }

    pub(super) fn complete() -> Inputs {
        let reference = Reference { kind: Kind::Secret, name: "s".into(), key: "k".into() };
        Inputs::from([(reference, Ok(crds::Secret::new(KEY.to_vec())))])
    }

    fn delivered(built: &Built) -> Delivery {
        let data = built.secret.data.as_ref().expect("there is data");
        Delivery::parse(std::str::from_utf8(&data["policy.yaml"].0).expect("text")).expect("it reads back")
    }

    #[test]
    fn what_is_rendered_is_what_the_sidecar_reads() {
        let built = built(&complete());
        let delivery = delivered(&built);
        assert_eq!((delivery.policy.as_str(), &delivery.revision), ("data/trino", &built.revision));
        assert!(matches!(delivery.state, State::Enforce(_)));
    }

    #[test]
    fn without_its_secret_a_policy_is_delivered_closed_and_injected_all_the_same() {
        let built = built(&Inputs::new());
        let State::Closed(closed) = delivered(&built).state else { panic!("it must be closed") };
        assert_eq!(closed.reason, "ReferenceNotFound");
        assert_eq!(built.injection.container["name"], "mcp-oauth");
    }

    #[test]
    fn nothing_secret_is_injected() {
        let built = built(&complete());
        let key = std::str::from_utf8(KEY).expect("text");
        assert!(!serde_json::to_string(&built.injection).expect("JSON").contains(key));
        assert!(!format!("{:?}", built.secret.metadata).contains(key));
    }

    /// The admission suite tries its shapes with a written container: it must be this one.
    #[test]
    fn the_admission_suite_injects_what_is_rendered_here() {
        let written: Value =
            serde_yaml::from_str(include_str!("../../tests/suites/cluster/admission/injection.yaml"))
                .expect("YAML");
        let built = built(&complete());
        assert_eq!(written["container"], built.injection.container);
        assert_eq!(written["volume"], built.injection.volume);
    }
}
