//! The addresses of the lab. They are the same in every lab, for each has a network namespace of its own. Pure.

use std::net::Ipv4Addr;

/// The node's address. Not loopback, or pods could not reach the API server through its Service.
pub const NODE: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
/// The API server's Service: the first address of `SERVICES`.
pub const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// The name server's Service.
pub const DNS_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
pub const SERVICES: &str = "10.96.0.0/16";
pub const ALL_PODS: &str = "10.89.0.0/16";
pub const PODS: &str = "10.89.0.0/24";
pub const DOMAIN: &str = "cluster.local";
/// The API server, seen from the node.
pub const API_SERVER: &str = "https://127.0.0.1:6443";

pub fn node_with_prefix() -> String {
    format!("{NODE}/24")
}
