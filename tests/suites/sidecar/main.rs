//! The sidecar as a process of its own, on loopback: needs neither root nor a cluster.

mod browsers;
mod documents;
mod edits;
mod framing;
mod fuzz;
mod gate;
mod headers;
mod keys;
mod login;
mod process;
mod providers;
mod streams;
mod tokens;
mod walks;
mod wellknown;
#[path = "../../src/world/mod.rs"]
mod world;
