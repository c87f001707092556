//! What `make bench` knows without starting anything: who is measured, what the figures come to, and the page that has them.
//!
//! Pure, apart from what reads /proc.

mod contestant;
mod figures;
mod page;
pub mod proc;

pub use contestant::Contestant;
pub use figures::{Memory, Requests, Sample, median};
pub use page::{Page, written};

use std::path::PathBuf;

use crate::lab::Paths;

/// What asks, what answers and the bare proxy are a package of their own, outside the workspace.
pub const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/Cargo.toml");

/// Where cargo builds them.
pub fn target(paths: &Paths) -> PathBuf {
    paths.cache("cargo").join("mcp-oauth-tests-bench")
}
