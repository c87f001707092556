//! The command lines of the programs of a Kubernetes node, as a real cluster has them where it matters to what is
//! tested. Pure.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::network::{ALL_PODS, API_SERVICE, NODE, SERVICES};
use super::pki::Pki;

/// The name of the only node.
pub const NODE_NAME: &str = "node";
/// Every cluster is an OIDC provider: this is the issuer of its service accounts' tokens.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Where etcd listens and keeps its data.
#[derive(Debug, Clone)]
pub struct Etcd {
    pub data: PathBuf,
    pub client_port: u16,
    pub peer_port: u16,
}

impl Etcd {
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.client_port)
    }

    pub fn arguments(&self) -> Vec<String> {
        let (client, peer) = (self.url(), format!("http://127.0.0.1:{}", self.peer_port));
        vec![
            format!("--data-dir={}", self.data.display()),
            // Nothing here outlives a power cut anyway, and writes take half the time.
            "--unsafe-no-fsync".to_owned(),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
        ]
    }
}

/// Arguments of the API server that every way to run it shares.
pub fn api_server(pki: &Pki, etcd: &Etcd, port: u16) -> Vec<String> {
    let file = |name: &str| pki.file(name);
    vec![
        format!("--etcd-servers={}", etcd.url()),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", file("apiserver.crt")),
        format!("--tls-private-key-file={}", file("apiserver.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--service-account-issuer={ISSUER}"),
        format!("--service-account-jwks-uri={ISSUER}/openid/v1/jwks"),
        format!("--service-account-key-file={}", file("service-accounts.pub")),
        format!("--service-account-signing-key-file={}", file("service-accounts.key")),
        format!("--service-cluster-ip-range={SERVICES}"),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--profiling=false".to_owned(),
    ]
}

/// What the API server of a cluster with a node has beside that.
pub fn api_server_of_node(pki: &Pki) -> Vec<String> {
    let file = |name: &str| pki.file(name);
    vec![
        "--bind-address=0.0.0.0".to_owned(),
        format!("--advertise-address={NODE}"),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        format!("--kubelet-client-certificate={}", file("apiserver-to-kubelet.crt")),
        format!("--kubelet-client-key={}", file("apiserver-to-kubelet.key")),
        format!("--kubelet-certificate-authority={}", file("ca.crt")),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
    ]
}

pub fn controller_manager(pki: &Pki) -> Vec<String> {
    let mut arguments = client(&pki.kubeconfig("controller-manager"));
    arguments.extend([
        format!("--service-account-private-key-file={}", pki.file("service-accounts.key")),
        format!("--root-ca-file={}", pki.file("ca.crt")),
        format!("--cluster-signing-cert-file={}", pki.file("ca.crt")),
        format!("--cluster-signing-key-file={}", pki.file("ca.key")),
        "--use-service-account-credentials=true".to_owned(),
        "--allocate-node-cidrs=true".to_owned(),
        format!("--cluster-cidr={ALL_PODS}"),
        format!("--service-cluster-ip-range={SERVICES}"),
        // With the default limits the first ServiceAccounts are seconds late.
        "--kube-api-qps=300".to_owned(),
        "--kube-api-burst=600".to_owned(),
    ]);
    arguments
}

pub fn scheduler(pki: &Pki) -> Vec<String> {
    client(&pki.kubeconfig("scheduler"))
}

fn client(kubeconfig: &str) -> Vec<String> {
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--leader-elect=false".to_owned(),
    ]
}

pub fn kubelet(pki: &Pki, config: &Path) -> Vec<String> {
    vec![
        format!("--config={}", config.display()),
        format!("--kubeconfig={}", pki.kubeconfig("kubelet")),
        format!("--hostname-override={NODE_NAME}"),
        format!("--node-ip={NODE}"),
        "--root-dir=/var/lib/kubelet".to_owned(),
    ]
}

/// The addresses that the API server's certificate is good for.
pub fn api_server_addresses() -> [Ipv4Addr; 2] {
    [API_SERVICE, NODE]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_api_servers_can_run_side_by_side() {
        let etcd = |port| Etcd { data: "/d".into(), client_port: port, peer_port: port + 1 };
        assert_ne!(etcd(1000).arguments(), etcd(2000).arguments());
        assert_eq!(etcd(1000).url(), "http://127.0.0.1:1000");
    }
}
