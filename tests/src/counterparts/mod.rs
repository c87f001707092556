//! What the product meets in the field: real MCP servers, unmodified, as their packages come.
//!
//! Fetches packages by name into the cache, outside the checkout; each step looks first and does nothing when all is
//! there.

pub mod everything;
mod npm;
