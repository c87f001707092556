//! MCP clients with the SDKs that users have. Each is a program with one command line, which prints one line of JSON
//! and ends with 0 only if everything was right; they lie in `tests/clients`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::python::Interpreter;
use super::{npm, python};
use crate::lab::command::check;
use crate::lab::{Error, Paths, Progress};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");
const BOUND: Duration = Duration::from_mins(20);

/// The client in Rust is a package of its own, outside the workspace.
pub const RUST_MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/rmcp/Cargo.toml");
const RUST_PROGRAM: &str = "mcp-oauth-tests-client-rmcp";

/// Where cargo builds it.
pub fn rust_target(paths: &Paths) -> PathBuf {
    paths.cache("cargo").join(RUST_PROGRAM)
}

/// A client that is installed: the program, its first arguments, and what its environment must have.
#[derive(Debug, Clone)]
pub struct McpClient {
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Of the package that makes it what it is.
    pub version: String,
    pub program: PathBuf,
    pub arguments: Vec<PathBuf>,
    pub environment: Vec<(&'static str, PathBuf)>,
    pub browser: Browser,
}

/// What a client that logs its user in does for a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// It starts the one that BROWSER names.
    Opened,
    /// It has one, and is told who is at it (`--person`) and where its own page is to be (`--port`).
    Own,
}

const TS_1: Node = Node { name: "ts-v1", title: "TypeScript SDK 1", package: "@modelcontextprotocol/sdk" };
const TS_2: Node = Node { name: "ts-v2", title: "TypeScript SDK 2", package: "@modelcontextprotocol/client" };
const MCP_REMOTE: Node = Node { name: "mcp-remote", title: "mcp-remote", package: "mcp-remote" };
const PYTHON: Python = Python { name: "python", title: "Python SDK", package: "mcp" };
const FASTMCP: Python = Python { name: "fastmcp", title: "FastMCP", package: "fastmcp" };

/// Fetches what the three SDKs need, unless it is there: they take a token, client credentials, or an id that is known.
pub async fn install(paths: &Paths, progress: Progress) -> Result<Vec<McpClient>, Error> {
    Ok(vec![
        TS_1.install(paths, progress).await?,
        TS_2.install(paths, progress).await?,
        PYTHON.install(paths, progress).await?,
    ])
}

/// Fetches and builds every client that registers itself and opens a browser.
pub async fn install_all(paths: &Paths, progress: Progress) -> Result<Vec<McpClient>, Error> {
    let mut all = install(paths, progress).await?;
    all.push(FASTMCP.install(paths, progress).await?);
    all.push(rmcp(paths, progress).await?);
    all.push(MCP_REMOTE.install(paths, progress).await?);
    Ok(all)
}

async fn rmcp(paths: &Paths, progress: Progress) -> Result<McpClient, Error> {
    let target = rust_target(paths);
    let mut build = Command::new("cargo");
    build.args(["build", "--locked", "--quiet", "--manifest-path", RUST_MANIFEST]);
    build.env("CARGO_TARGET_DIR", &target);
    progress.during("building the client in Rust", check(&mut build, BOUND)).await?;
    Ok(McpClient {
        name: "rmcp",
        title: "Rust SDK (rmcp)",
        version: rust_version("rmcp")?,
        program: target.join("debug").join(RUST_PROGRAM),
        arguments: Vec::new(),
        environment: Vec::new(),
        browser: Browser::Opened,
    })
}

/// The version that its lock file has of a package.
fn rust_version(package: &str) -> Result<String, Error> {
    let lock = Path::new(RUST_MANIFEST).with_extension("lock");
    let text = fs::read_to_string(&lock).map_err(Error::file("read", &lock))?;
    let name = format!("\nname = \"{package}\"\nversion = \"");
    let version = text.split(&name).nth(1).and_then(|rest| rest.split('"').next());
    version.map(str::to_owned).ok_or_else(|| Error::Missing(format!("no lock file names {package}")))
}

/// A program for Node, in the folder of its name, and the package whose client it is.
struct Node {
    name: &'static str,
    title: &'static str,
    package: &'static str,
}

impl Node {
    async fn install(&self, paths: &Paths, progress: Progress) -> Result<McpClient, Error> {
        let source = Path::new(SOURCE).join(self.name);
        let folder = npm::install(&source, paths, progress).await?;
        // Node looks for packages beside the program's own file, so that is where it must lie.
        for file in [source.join("main.mjs"), Path::new(SOURCE).join("common.mjs")] {
            let copy = folder.join(file.file_name().unwrap_or_default());
            fs::copy(&file, &copy).map_err(Error::file("copy", &file))?;
        }
        Ok(McpClient {
            name: self.name,
            title: self.title,
            version: npm::version(&source, self.package)?,
            program: super::everything::node()?,
            arguments: vec![folder.join("main.mjs")],
            environment: Vec::new(),
            browser: Browser::Opened,
        })
    }
}

/// A program for Python, likewise.
struct Python {
    name: &'static str,
    title: &'static str,
    package: &'static str,
}

impl Python {
    async fn install(&self, paths: &Paths, progress: Progress) -> Result<McpClient, Error> {
        let source = Path::new(SOURCE).join(self.name);
        let packages = python::install(&source, paths, progress).await?;
        Ok(McpClient {
            name: self.name,
            title: self.title,
            version: python::version(&source, self.package)?,
            program: Interpreter::find().await?.program,
            arguments: vec![source.join("main.py")],
            environment: vec![("PYTHONPATH", packages)],
            browser: Browser::Opened,
        })
    }
}
