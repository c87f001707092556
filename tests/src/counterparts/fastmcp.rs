//! A small server written with FastMCP (Python, streamable HTTP), whose log has a line for every request.

use std::path::{Path, PathBuf};

use super::python::{self, Interpreter};
use crate::lab::image::Image;
use crate::lab::{Error, Paths, Progress};

/// The port of its container.
pub const PORT: u16 = 8000;
/// What pods call its image.
pub const IMAGE: &str = "localhost/mcp-fastmcp:dev";
/// Its Deployment and Service.
pub const MANIFEST_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/fastmcp/deployment.yaml");

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/fastmcp");

/// Fetches its packages, unless they are there, and packs its image.
pub async fn image(paths: &Paths, progress: Progress) -> Result<PathBuf, Error> {
    let source = Path::new(SOURCE);
    let packages = python::install(source, paths, progress).await?;
    let interpreter = Interpreter::find().await?;
    let archive = paths.cache("images").join("mcp-fastmcp.tar");
    let image = interpreter.put_into(Image::new(IMAGE)).await?.libraries_of(&packages).await?.layer();
    let image =
        image.tree(&packages, "/app/packages")?.file(source.join("server.py"), "/app/server.py", 0o644);
    let image = image.folder("/tmp", 0o1777).env("PYTHONPATH", "/app/packages").env("HOME", "/tmp");
    let image = image.env("PYTHONUNBUFFERED", "1").env("HOST", "0.0.0.0").env("PORT", &PORT.to_string());
    let program = interpreter.program.to_string_lossy().into_owned();
    image.user(65532).start_in("/tmp").entrypoint([&program, "/app/server.py"]).write(&archive)?;
    Ok(archive)
}
