//! MCP clients with the SDKs that users have. Each is a program with one command line, which prints one line of JSON
//! and ends with 0 only if everything was right; they lie in `tests/clients`.

use std::fs;
use std::path::{Path, PathBuf};

use super::python::Interpreter;
use super::{npm, python};
use crate::lab::{Error, Paths, Progress};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

/// A client that is installed: the program, its first arguments, and what its environment must have.
#[derive(Debug, Clone)]
pub struct McpClient {
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<PathBuf>,
    pub environment: Vec<(&'static str, PathBuf)>,
}

/// Fetches what the clients need, unless it is there.
pub async fn install(paths: &Paths, progress: Progress) -> Result<Vec<McpClient>, Error> {
    let first = typescript("ts-v1", paths, progress).await?;
    let second = typescript("ts-v2", paths, progress).await?;
    let source = Path::new(SOURCE).join("python");
    let packages = python::install(&source, paths, progress).await?;
    let third = McpClient {
        name: "python",
        program: Interpreter::find().await?.program,
        arguments: vec![source.join("main.py")],
        environment: vec![("PYTHONPATH", packages)],
    };
    Ok(vec![first, second, third])
}

// Node looks for packages beside the program's own file, so that is where it must lie.
async fn typescript(name: &'static str, paths: &Paths, progress: Progress) -> Result<McpClient, Error> {
    let source = Path::new(SOURCE).join(name);
    let folder = npm::install(&source, paths, progress).await?;
    let shared = Path::new(SOURCE).join("common.mjs");
    for file in [source.join("main.mjs"), shared] {
        let copy = folder.join(file.file_name().unwrap_or_default());
        fs::copy(&file, &copy).map_err(Error::file("copy", &file))?;
    }
    let program = super::everything::node()?;
    Ok(McpClient { name, program, arguments: vec![folder.join("main.mjs")], environment: Vec::new() })
}
