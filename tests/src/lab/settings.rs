//! The configuration files of kubelet, kube-proxy, containerd and the pod network. Pure.

use std::path::Path;

use serde_json::{Value, json};

use super::components::NODE_NAME;
use super::network::{ALL_PODS, DNS_SERVICE, DOMAIN, NODE, PODS};
use super::pki::Pki;

pub const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";
/// The image whose process holds a pod's namespaces.
pub const PAUSE_IMAGE: &str = "localhost/pause:1";

/// kubelet's configuration; `cgroup` is the lab's parent cgroup.
pub fn kubelet_config(pki: &Pki, cgroup: &str) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": pki.file("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": pki.file("kubelet-server.crt"),
        "tlsPrivateKeyFile": pki.file("kubelet-server.key"),
        "address": NODE,
        "healthzBindAddress": "127.0.0.1",
        "containerRuntimeEndpoint": format!("unix://{CONTAINERD_SOCKET}"),
        // kubelet refuses cgroup v1 since 1.35 unless told not to.
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "enforceNodeAllocatable": ["pods"],
        "failSwapOn": false,
        "resolvConf": "",
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": DOMAIN,
        "makeIPTablesUtilChains": false,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "nodeStatusUpdateFrequency": "2s",
        "volumeStatsAggPeriod": "0s",
        "shutdownGracePeriod": "0s",
        // root inside a container may not lower a score.
        "oomScoreAdj": 0,
    })
}

pub fn proxy_config(pki: &Pki) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": pki.kubeconfig("proxy")},
        "mode": "nftables",
        "oomScoreAdj": 0,
        "clusterCIDR": ALL_PODS,
        "hostnameOverride": NODE_NAME,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        // These would be set for the whole machine.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "nftables": {"minSyncPeriod": "0s", "syncPeriod": "30s"},
    })
}

/// The network of the pods: one bridge, no masquerading, for nothing leaves the node.
pub fn cni_config() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [{
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": true,
            "ipMasq": false,
            "hairpinMode": true,
            "ipam": {
                "type": "host-local",
                "dataDir": "/var/lib/cni/ipam",
                "ranges": [[{"subnet": PODS}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }],
    })
}

/// containerd's configuration; `state` is the folder of the lab.
pub fn containerd_config(state: &Path, runc: &Path, plugins: &Path) -> String {
    let (state, runc, plugins) = (state.display(), runc.display(), plugins.display());
    format!(
        r#"version = 2
root = "{state}/containerd"
state = "/run/containerd/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  disable_apparmor = true
  # root inside a container may not lower a score, and runc dies of the attempt.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "{runc}"
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{state}/cni"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containerd_keeps_everything_in_the_folder_of_the_lab() {
        let text = containerd_config(Path::new("/state"), Path::new("/runc"), Path::new("/cni"));
        assert!(text.contains("root = \"/state/containerd\""));
        assert!(text.contains("conf_dir = \"/state/cni\""));
    }
}
