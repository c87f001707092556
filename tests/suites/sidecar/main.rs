//! The sidecar as a process of its own, on loopback: needs neither root nor a cluster.

mod fuzz;
mod keys;
mod tokens;
#[path = "../../src/world/mod.rs"]
mod world;
