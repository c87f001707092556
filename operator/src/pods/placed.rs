//! Whether the sidecar in a pod is the one that admission places today.
//!
//! Pure. What a pod says of itself in an annotation, whoever may edit pods can write; what runs in it stands in its
//! specification. The same comparison as in `admission/selected.yaml` (K05, K06, K17), for pods that admission did not
//! judge: from before the policy, or changed where no rule of ours looks.

use crds::resource::Injection;
use k8s_openapi::api::core::v1::{Container, PodSpec, Probe};
use serde_json::{Value, json};

use crate::names::VOLUME;

/// What decides who the sidecar is and what it obeys. Limits may differ.
const SAME: [&str; 4] = ["image", "args", "restartPolicy", "securityContext"];
/// Variables that the sidecar, or the C library in it, looks for.
const LOOKED_FOR: [&str; 4] = ["MCP_OAUTH_", "LD_", "GCONV_", "GLIBC_"];
const UPSTREAM: &str = "MCP_OAUTH_UPSTREAM";
/// Where it looks for nothing, so that other injectors may mount there (N18).
const HARMLESS: [&str; 5] = ["/etc/pki", "/etc/ssl", "/opt", "/var/run/secrets", "/vault"];

pub(super) fn is_as_placed(injection: &Injection, pod: &PodSpec, sidecar: &Container) -> bool {
    let Ok(found) = serde_json::to_value(sidecar) else { return false };
    SAME.iter().all(|field| found.get(field) == injection.container.get(field))
        && runs_nothing_else(sidecar)
        && environment(&injection.container, sidecar)
        && mounts(&injection.container, sidecar)
        && volume(&injection.volume, pod)
}

fn runs_nothing_else(sidecar: &Container) -> bool {
    let probes = [&sidecar.startup_probe, &sidecar.readiness_probe, &sidecar.liveness_probe];
    let runs = |probe: &Option<Probe>| probe.as_ref().is_some_and(|probe| probe.exec.is_some());
    sidecar.command.is_none()
        && sidecar.lifecycle.is_none()
        && sidecar.env_from.is_none()
        && sidecar.volume_devices.is_none()
        && !probes.into_iter().any(runs)
}

fn environment(placed: &Value, sidecar: &Container) -> bool {
    let wanted = placed["env"].as_array().cloned().unwrap_or_default();
    let all = sidecar.env.iter().flatten();
    let asked = all.filter(|one| LOOKED_FOR.iter().any(|prefix| one.name.starts_with(prefix)));
    let (upstream, others): (Vec<_>, Vec<_>) = asked.partition(|one| one.name == UPSTREAM);
    let others: Vec<_> = others.iter().map(|one| json!(one)).collect();
    let on_loopback = |value: &str| value.starts_with("http://127.0.0.1:");
    others == wanted && upstream.len() == 1 && upstream[0].value.as_deref().is_some_and(on_loopback)
}

fn mounts(placed: &Value, sidecar: &Container) -> bool {
    let wanted = placed["volumeMounts"].as_array().cloned().unwrap_or_default();
    let (ours, others): (Vec<_>, Vec<_>) =
        sidecar.volume_mounts.iter().flatten().partition(|mount| mount.name == VOLUME);
    let place =
        |mount: &Value| (mount["mountPath"].clone(), mount["subPath"].clone(), mount["subPathExpr"].clone());
    let ours: Vec<_> = ours.iter().map(|mount| place(&json!(mount))).collect();
    ours == wanted.iter().map(place).collect::<Vec<_>>()
        && others.iter().all(|mount| is_harmless(&mount.mount_path))
}

fn is_harmless(path: &str) -> bool {
    let below =
        |place: &&str| path.strip_prefix(*place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    HARMLESS.iter().any(below) && !path.split('/').any(|part| part == "..")
}

fn volume(placed: &Value, pod: &PodSpec) -> bool {
    let mut volumes = pod.volumes.iter().flatten().filter(|volume| volume.name == VOLUME);
    let secret = volumes.next().and_then(|volume| volume.secret.as_ref());
    let named = |name: Option<&str>| name == placed["secret"]["secretName"].as_str();
    secret.is_some_and(|secret| named(secret.secret_name.as_deref()) && secret.items.is_none())
        && volumes.next().is_none()
}
