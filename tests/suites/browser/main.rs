//! Proxy mode as programs of others meet it: the sidecar as a process of its own, the conformance suite of the MCP
//! project, and a real browser. Needs neither root nor a cluster; fetches packages into the cache.

#[path = "../alone.rs"]
#[expect(dead_code, reason = "other suites use the rest")]
mod alone;
mod conformance;
mod inspector;
mod keycloak;
mod looks;
mod pages;
mod scene;
mod stage;
#[path = "../../src/world/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the sidecar's suite uses the rest")]
mod world;
