//! An OCI image from nothing: files, an entry point, a user. Reproducible (the same input gives the same bytes),
//! without a network and without a container engine; layers are not compressed, for they never leave the machine.

mod archive;
mod layer;
mod libraries;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use layer::Layer;

use super::Error;

/// An image being put together.
#[derive(Debug, Clone)]
pub struct Image {
    reference: String,
    layers: Vec<Layer>,
    entrypoint: Vec<String>,
    environment: Vec<String>,
    user: String,
    folder: String,
}

impl Image {
    /// An empty image; `reference` is what pods call it.
    pub fn new(reference: &str) -> Self {
        Self {
            reference: reference.to_owned(),
            layers: vec![Layer::default()],
            entrypoint: Vec::new(),
            environment: Vec::new(),
            user: "65532:65532".to_owned(),
            folder: "/".to_owned(),
        }
    }

    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// A file of this machine, with permission bits of its own.
    #[must_use]
    pub fn file(mut self, source: impl Into<PathBuf>, destination: impl AsRef<Path>, mode: u32) -> Self {
        self.top().file(source.into(), destination.as_ref(), mode);
        self
    }

    /// A file with this text, readable by everyone.
    #[must_use]
    pub fn text(mut self, text: &str, destination: impl AsRef<Path>) -> Self {
        self.top().text(text, destination.as_ref());
        self
    }

    /// An empty folder with permission bits of its own (`0o1777` for /tmp).
    #[must_use]
    pub fn folder(mut self, destination: impl AsRef<Path>, mode: u32) -> Self {
        self.top().folder(destination.as_ref(), mode);
        self
    }

    /// A whole folder of this machine, with its symbolic links and permission bits.
    pub fn tree(mut self, source: impl AsRef<Path>, destination: impl AsRef<Path>) -> Result<Self, Error> {
        self.top().tree(source.as_ref(), destination.as_ref())?;
        Ok(self)
    }

    /// A program of this machine under its own path, with the shared libraries that it needs.
    pub async fn program(self, program: impl AsRef<Path>) -> Result<Self, Error> {
        let program = program.as_ref();
        let source = program.canonicalize().map_err(Error::file("find", program))?;
        self.file(source, program, 0o755).libraries_of(program).await
    }

    /// The shared libraries that a file needs, or all the shared objects below a folder.
    pub async fn libraries_of(mut self, path: impl AsRef<Path>) -> Result<Self, Error> {
        for library in libraries::of(path.as_ref()).await? {
            let source = library.canonicalize().map_err(Error::file("find", &library))?;
            self.top().file(source, &library, 0o755);
        }
        Ok(self)
    }

    /// What comes after lies in a layer of its own, which other images can share.
    #[must_use]
    pub fn layer(mut self) -> Self {
        self.layers.push(Layer::default());
        self
    }

    #[must_use]
    pub fn entrypoint<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.entrypoint = arguments.map(str::to_owned).to_vec();
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// User and group by number; 65532 without this.
    #[must_use]
    pub fn user(mut self, id: u32) -> Self {
        self.user = format!("{id}:{id}");
        self
    }

    /// The folder in which the entry point starts.
    #[must_use]
    pub fn start_in(mut self, folder: &str) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// Writes the image as an OCI archive, which appears under `path` when it is whole, and gives its digest.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<String, Error> {
        let path = path.as_ref();
        let parent = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(Error::file("create", parent))?;
        let unfinished = tempfile::NamedTempFile::new_in(parent).map_err(Error::file("write", path))?;
        let digest = archive::write(self, unfinished.as_file(), parent)?;
        let readable = unfinished.as_file().set_permissions(Permissions::from_mode(0o644));
        readable.map_err(Error::file("write", path))?;
        unfinished.persist(path).map_err(|error| Error::file("write", path)(error.error))?;
        Ok(digest)
    }

    fn top(&mut self) -> &mut Layer {
        if self.layers.is_empty() {
            self.layers.push(Layer::default());
        }
        let last = self.layers.len() - 1;
        &mut self.layers[last]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use serde_json::Value;

    use super::*;

    fn read(archive: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let file = std::fs::File::open(archive).expect("the archive is there");
        for entry in tar::Archive::new(file).entries().expect("it is a tar") {
            let mut entry = entry.expect("it is whole");
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("it is whole");
            found.insert(entry.path().expect("a path").display().to_string(), bytes);
        }
        found
    }

    fn blob<'a>(files: &'a BTreeMap<String, Vec<u8>>, descriptor: &Value) -> &'a [u8] {
        let digest = descriptor["digest"].as_str().expect("a digest");
        let bytes = &files[&digest.replace("sha256:", "blobs/sha256/")];
        assert_eq!(descriptor["size"], bytes.len());
        bytes
    }

    fn json(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).expect("JSON")
    }

    #[test]
    fn an_archive_leads_from_its_index_to_every_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("image.tar");
        let image = Image::new("localhost/thing:dev").text("hello", "/etc/greeting").layer();
        let image = image.folder("/tmp", 0o1777).entrypoint(["/bin/thing", "run"]).env("A", "b").user(7);
        let digest = image.write(&path).expect("it is written");
        let files = read(&path);
        let index = json(&files["index.json"]);
        assert_eq!(index["manifests"][0]["digest"], digest.as_str());
        assert_eq!(index["manifests"][0]["annotations"]["io.containerd.image.name"], "localhost/thing:dev");
        let manifest = json(blob(&files, &index["manifests"][0]));
        let config = json(blob(&files, &manifest["config"]));
        assert_eq!(config["config"]["Entrypoint"], serde_json::json!(["/bin/thing", "run"]));
        assert_eq!(config["config"]["User"], "7:7");
        assert_eq!(config["rootfs"]["diff_ids"][0], manifest["layers"][0]["digest"]);
        let layer = blob(&files, &manifest["layers"][0]);
        let mut names = Vec::new();
        for entry in tar::Archive::new(layer).entries().expect("it is a tar") {
            names.push(entry.expect("it is whole").path().expect("a path").display().to_string());
        }
        assert_eq!(names, ["etc/", "etc/greeting"]);
        assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn the_same_input_gives_the_same_bytes() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            let digest = Image::new("localhost/a:1").text(text, "a/b").write(&path).expect("it is written");
            (digest, std::fs::read(&path).expect("it is there"))
        };
        assert_eq!(write("one", "same"), write("two", "same"));
        assert_ne!(write("one", "same").0, write("three", "other").0);
    }

    #[tokio::test]
    async fn a_program_comes_with_its_libraries() {
        let image = Image::new("localhost/sh:1").program("/bin/sh").await.expect("sh is there");
        let names: Vec<String> = image.layers[0].names().collect();
        assert!(names.contains(&"bin/sh".to_owned()));
        assert!(names.iter().any(|name| name.contains("libc.so")), "{names:?}");
    }
}
