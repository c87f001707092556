//! The document in the policy directory: looked at often, read only when it is another one.
//!
//! Reads one file. Its place is resolved anew each time, for a kubelet replaces the directory behind a symbolic link.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crds::delivery::{FILE, LONGEST};

/// What a look found, where it is news.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Absent,
    Text(String),
    Unreadable(String),
}

/// A file that is watched.
#[derive(Debug)]
pub(super) struct Watch {
    path: PathBuf,
    seen: Option<Stamp>,
}

/// Tells one state of the file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stamp {
    Absent,
    Unreadable(io::ErrorKind),
    There { device: u64, inode: u64, changed: (i64, i64), length: u64 },
}

impl Watch {
    pub(super) fn new(directory: &Path) -> Self {
        Self { path: directory.join(FILE), seen: None }
    }

    /// What is there, if it is not what was there at the last look. Small and local: not worth a thread.
    pub(super) fn look(&mut self) -> Option<Reading> {
        let metadata = fs::metadata(&self.path);
        let stamp = Stamp::of(&metadata);
        if self.seen.as_ref() == Some(&stamp) {
            return None;
        }
        self.seen = Some(stamp);
        Some(match metadata {
            Err(error) if is_absent(&error) => Reading::Absent,
            Err(error) => Reading::Unreadable(error.to_string()),
            Ok(metadata) if metadata.len() > LONGEST as u64 => Reading::Unreadable("it is too long".into()),
            Ok(_) => fs::read_to_string(&self.path)
                .map_or_else(|error| Reading::Unreadable(error.to_string()), Reading::Text),
        })
    }
}

impl Stamp {
    fn of(metadata: &io::Result<Metadata>) -> Self {
        match metadata {
            Err(error) if is_absent(error) => Self::Absent,
            Err(error) => Self::Unreadable(error.kind()),
            Ok(metadata) => Self::There {
                device: metadata.dev(),
                inode: metadata.ino(),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
                length: metadata.len(),
            },
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
