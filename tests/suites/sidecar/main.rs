//! The sidecar as a process of its own, on loopback: needs neither root nor a cluster.
