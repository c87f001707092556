//! One layer of an image: entries by their path, so that the order of a folder on disk, its times and its owners
//! never show in the bytes. Reads the files that it was given.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use tar::{Builder, EntryType, Header};

use crate::lab::Error;

const FOLDER_MODE: u32 = 0o755;
const TEXT_MODE: u32 = 0o644;

/// The entries of a layer, by their path without a leading slash.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer(BTreeMap<PathBuf, Entry>);

#[derive(Debug, Clone)]
enum Entry {
    Folder { mode: u32 },
    File { source: PathBuf, mode: u32 },
    Text(Vec<u8>),
    Link { target: PathBuf },
}

impl Layer {
    pub(super) fn file(&mut self, source: PathBuf, destination: &Path, mode: u32) {
        self.add(destination, Entry::File { source, mode });
    }

    pub(super) fn text(&mut self, text: &str, destination: &Path) {
        self.add(destination, Entry::Text(text.as_bytes().to_vec()));
    }

    pub(super) fn folder(&mut self, destination: &Path, mode: u32) {
        self.add(destination, Entry::Folder { mode });
    }

    pub(super) fn tree(&mut self, source: &Path, destination: &Path) -> Result<(), Error> {
        for entry in fs::read_dir(source).map_err(Error::file("read", source))? {
            let path = entry.map_err(Error::file("read", source))?.path();
            let Some(name) = path.file_name() else { continue };
            let destination = destination.join(name);
            let metadata = path.symlink_metadata().map_err(Error::file("read", &path))?;
            if metadata.is_dir() {
                self.folder(&destination, FOLDER_MODE);
                self.tree(&path, &destination)?;
            } else if metadata.is_symlink() {
                let target = fs::read_link(&path).map_err(Error::file("read", &path))?;
                self.add(&destination, Entry::Link { target });
            } else if metadata.is_file() {
                // Readable for any user of the container, executable where it was.
                let mode = metadata.permissions().mode() & 0o755 | 0o444;
                self.file(path, &destination, mode);
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.0.keys().map(|path| path.display().to_string())
    }

    /// Writes the layer as a tar.
    pub(super) fn write(&self, out: &mut impl Write) -> Result<(), Error> {
        let mut tar = Builder::new(out);
        for (path, entry) in &self.0 {
            append(&mut tar, path, entry).map_err(Error::file("pack", path))?;
        }
        tar.finish().map_err(Error::file("pack", "layer"))
    }

    fn add(&mut self, destination: &Path, entry: Entry) {
        let normal = |part: &Component<'_>| matches!(part, Component::Normal(_));
        let path: PathBuf = destination.components().filter(normal).collect();
        for parent in path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            self.0.entry(parent.to_path_buf()).or_insert(Entry::Folder { mode: FOLDER_MODE });
        }
        self.0.insert(path, entry);
    }
}

fn append(tar: &mut Builder<impl Write>, path: &Path, entry: &Entry) -> std::io::Result<()> {
    match entry {
        Entry::Folder { mode } => {
            let name = format!("{}/", path.display());
            tar.append_data(&mut header(EntryType::Directory, *mode, 0), name, std::io::empty())
        }
        Entry::File { source, mode } => {
            let file = File::open(source)?;
            let size = file.metadata()?.len();
            tar.append_data(&mut header(EntryType::Regular, *mode, size), path, file)
        }
        Entry::Text(text) => {
            let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
            tar.append_data(&mut header(EntryType::Regular, TEXT_MODE, size), path, text.as_slice())
        }
        Entry::Link { target } => tar.append_link(&mut header(EntryType::Symlink, 0o777, 0), path, target),
    }
}

/// Owner root and the beginning of time, whoever builds it and whenever.
pub(super) fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
