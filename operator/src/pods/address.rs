//! Where a pod can be asked.
//!
//! Pure. Whatever a pod or its author says, the way leads to a pod's own address and the port that was injected, and to nothing
//! else: the operator opens no connection to an address that somebody wrote.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{Container, Pod};

use crate::names::ADMIN;

/// Where the sidecar of a pod answers: at the pod's own address and at the port that was injected, which its arguments
/// and its list of ports both name. A pod that somebody put together by hand leads nowhere but to itself.
pub(super) fn admin(pod: &Pod, sidecar: &Container) -> Option<SocketAddr> {
    let on_the_node = pod.spec.as_ref()?.host_network.unwrap_or_default();
    let address: IpAddr = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    let port = sidecar.ports.as_ref()?.iter().find(|port| port.name.as_deref() == Some(ADMIN))?;
    let port = u16::try_from(port.container_port).ok().filter(|port| *port >= 1024)?;
    let said = sidecar.args.as_ref()?.contains(&format!("--admin=0.0.0.0:{port}"));
    (said && !on_the_node && is_of_a_pod(address)).then(|| SocketAddr::new(address, port))
}

/// No network gives a pod an address of ours, or one that means several or none.
fn is_of_a_pod(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.to_ipv4_mapped().is_some(),
    };
    !address.is_loopback() && !address.is_unspecified() && !address.is_multicast() && !link_local
}
