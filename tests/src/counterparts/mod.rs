//! What the product meets in the field, unmodified, as its packages come: MCP servers, MCP clients, Keycloak.
//!
//! Fetches packages by name into the cache, outside the checkout; each step looks first and does nothing when all is
//! there. What fetches and runs them is installed with apt where it is missing.

pub mod chromium;
pub mod clients;
pub mod conformance;
pub mod envoy;
pub mod everything;
pub mod fastmcp;
pub mod inspector;
pub mod keycloak;
pub mod node;
mod npm;
pub mod oidc_provider;
mod python;

use std::path::PathBuf;

use crate::lab::{Error, Paths, Progress, tools};
use everything::Everything;

/// Fetches everything that suite clients needs, as the lab has no way out, and gives the archives of the servers.
pub async fn prepare(paths: &Paths, progress: Progress) -> Result<Vec<PathBuf>, Error> {
    tools::ensure(&tools::COUNTERPARTS, progress).await?;
    let everything = Everything::install(paths, progress).await?.image(paths).await?;
    let fastmcp = fastmcp::image(paths, progress).await?;
    clients::install(paths, progress).await?;
    keycloak::install(paths, progress).await?;
    Ok(vec![everything, fastmcp])
}

/// Fetches everything that suite browser needs. A machine that has no browser or no Java, and may not install them, goes
/// without: the suite says what it skips, and fails where nothing may be skipped.
pub async fn prepare_browser(paths: &Paths, progress: Progress) -> Result<(), Error> {
    for programs in [&tools::BROWSER[..], &tools::COUNTERPARTS] {
        if let Err(missing) = tools::ensure(programs, progress).await {
            progress.say(missing);
        }
    }
    if tools::find("mvn").is_some() && tools::find("java").is_some() {
        keycloak::install(paths, progress).await?;
    }
    conformance::Conformance::install(paths, progress).await?;
    chromium::install(paths, progress).await?;
    inspector::prepare(paths, progress).await?;
    oidc_provider::install(paths, progress).await?;
    Everything::install(paths, progress).await.map(drop)
}
