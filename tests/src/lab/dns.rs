//! The cluster's name server: CoreDNS runs as a process of the node, and a Service without a selector leads the
//! pods to it. Pure.

use serde_json::{Value, json};

use super::network::{DNS_SERVICE, DOMAIN, NODE};

/// CoreDNS answers for the cluster's names and refuses all others at once: the node has no way out.
pub fn corefile(kubeconfig: &str) -> String {
    format!(
        "{DOMAIN} in-addr.arpa ip6.arpa {{\n  bind {NODE}\n  errors\n  kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{\n    \
         kubeconfig {kubeconfig}\n    pods insecure\n    ttl 1\n  }}\n}}\n"
    )
}

/// The Service that pods find the name server by; it runs on the node, so its endpoint is written by hand.
pub fn dns_service() -> Value {
    let labels = json!({"k8s-app": "kube-dns", "kubernetes.io/service-name": "kube-dns"});
    let port = |protocol: &str| json!({"name": protocol.to_lowercase(), "port": 53, "protocol": protocol});
    let ports = json!([port("UDP"), port("TCP")]);
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {"clusterIP": DNS_SERVICE, "ports": ports},
        },
        {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "kube-dns-node", "namespace": "kube-system", "labels": labels},
            "ports": ports,
            "endpoints": [{"addresses": [NODE], "conditions": {"ready": true}}],
        },
    ]})
}

/// The resolver file for processes beside the node.
pub fn resolver() -> String {
    format!("nameserver {DNS_SERVICE}\noptions timeout:1 attempts:3\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_server_is_a_service_whose_endpoint_is_the_node() {
        let list = dns_service();
        assert_eq!(list["items"][0]["spec"]["clusterIP"], "10.96.0.10");
        assert_eq!(list["items"][1]["endpoints"][0]["addresses"][0], "10.88.0.1");
        assert_eq!(list["items"][1]["metadata"]["labels"]["kubernetes.io/service-name"], "kube-dns");
    }

    #[test]
    fn the_name_server_answers_for_the_cluster_alone() {
        let text = corefile("/k");
        assert!(text.starts_with("cluster.local in-addr.arpa ip6.arpa {\n  bind 10.88.0.1\n"));
        assert!(text.ends_with("    kubeconfig /k\n    pods insecure\n    ttl 1\n  }\n}\n"));
    }
}
