//! `server-everything`, the reference server of the MCP project (Node, streamable HTTP).

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::npm;
use crate::lab::image::Image;
use crate::lab::{Error, Paths, Progress};

/// The port of its container.
pub const PORT: u16 = 3001;
/// What pods call its image.
pub const IMAGE: &str = "localhost/mcp-everything:dev";
/// Its Deployment and Service, as a person types the path.
pub const MANIFEST: &str = "tests/servers/everything/deployment.yaml";
const DEPLOYMENT: &str = include_str!("../../servers/everything/deployment.yaml");
/// The same, wherever the command is run.
pub const MANIFEST_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/everything/deployment.yaml");

const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/everything");
const PROGRAM: &str = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";

/// The installed package.
#[derive(Debug, Clone)]
pub struct Everything {
    folder: PathBuf,
}

impl Everything {
    /// Fetches the package, unless it is there.
    pub async fn install(paths: &Paths, progress: Progress) -> Result<Self, Error> {
        let folder = npm::install(Path::new(PACKAGE), paths, progress).await?;
        Ok(Self { folder })
    }

    /// Runs it on this machine.
    pub fn command(&self, port: u16) -> Command {
        let mut command = Command::new("node");
        command.arg(self.folder.join(PROGRAM)).arg("streamableHttp").env("PORT", port.to_string());
        command
    }

    /// Its image: the interpreter, what that is linked with, and the package.
    pub async fn image(&self, paths: &Paths) -> Result<PathBuf, Error> {
        let archive = paths.cache("images").join("mcp-everything.tar");
        let node = node()?;
        let program = format!("/app/{PROGRAM}");
        let node_path = node.to_string_lossy().into_owned();
        let image = Image::new(IMAGE).program(&node).await?.layer().tree(&self.folder, "/app")?;
        let image = image.env("PORT", &PORT.to_string()).user(65532).start_in("/app");
        image.entrypoint([&node_path, &program, "streamableHttp"]).write(&archive)?;
        Ok(archive)
    }
}

/// Its Deployment and Service, with this image.
pub fn manifest(image: &str) -> String {
    DEPLOYMENT.replace(IMAGE, image)
}

/// The interpreter's path, on this machine and in the image.
pub fn interpreter() -> String {
    node().map_or_else(|_| "node".to_owned(), |path| path.to_string_lossy().into_owned())
}

/// The Node of this machine's PATH.
pub(super) fn node() -> Result<PathBuf, Error> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join("node")).find(|node| node.is_file());
    found.ok_or_else(|| Error::Missing("\"node\" is not installed".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_deployed_with_the_image_that_is_asked_for() {
        assert_eq!(manifest(IMAGE), DEPLOYMENT);
        let other = manifest("registry.example.com/team/mcp-everything:dev");
        assert!(other.contains("image: registry.example.com/team/mcp-everything:dev\n"), "{other}");
        assert!(!other.contains("localhost"), "{other}");
    }
}
