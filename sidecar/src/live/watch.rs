//! The document in the policy directory: looked at often, read only when it is another one.
//!
//! Reads one file. Its place is resolved anew each time, for a kubelet replaces the directory behind a symbolic link. A
//! change counts once two looks in a row have seen the same: what an editor has written half may parse, and say less than
//! its author meant (promise 1).

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
    /// What was read last.
    taken: Option<Stamp>,
    /// What the last look saw.
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
        Self { path: directory.join(FILE), taken: None, seen: None }
    }

    /// What is there, if it is news and at rest. Small and local: not worth a thread.
    pub(super) fn look(&mut self) -> Option<Reading> {
        let metadata = fs::metadata(&self.path);
        let stamp = Stamp::of(&metadata);
        let at_rest = self.seen.as_ref() == Some(&stamp);
        self.seen = Some(stamp.clone());
        // The first look does not wait: whoever starts us has written before.
        if self.taken.as_ref() == Some(&stamp) || (self.taken.is_some() && !at_rest) {
            return None;
        }
        self.taken = Some(stamp);
        Some(match metadata {
            Err(error) if is_absent(&error) => Reading::Absent,
            Err(error) => Reading::Unreadable(error.to_string()),
            // Reading a pipe would wait for its writer, and everything with it.
            Ok(metadata) if !metadata.is_file() => Reading::Unreadable("it is not a file".into()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(watch: &mut Watch) -> [Option<Reading>; 3] {
        [watch.look(), watch.look(), watch.look()]
    }

    #[test]
    fn the_first_look_reads_at_once_and_a_change_is_read_once_it_rests() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join(FILE);
        let mut watch = Watch::new(directory.path());
        assert_eq!(looks(&mut watch), [Some(Reading::Absent), None, None]);
        fs::write(&file, "half").expect("writable");
        assert_eq!(watch.look(), None, "it may be half of it");
        fs::write(&file, "the whole").expect("writable");
        assert_eq!(looks(&mut watch), [None, Some(Reading::Text("the whole".into())), None]);
        fs::remove_file(&file).expect("it is there");
        assert_eq!(looks(&mut watch), [None, Some(Reading::Absent), None]);
    }

    #[test]
    fn what_is_no_file_is_not_read_and_a_file_in_its_place_is() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join(FILE);
        fs::create_dir(&file).expect("writable");
        let mut watch = Watch::new(directory.path());
        assert_eq!(watch.look(), Some(Reading::Unreadable("it is not a file".into())));
        fs::remove_dir(&file).expect("it is there");
        fs::write(&file, "text").expect("writable");
        assert_eq!(looks(&mut watch), [None, Some(Reading::Text("text".into())), None]);
    }

    #[test]
    fn a_file_that_was_away_between_two_looks_was_never_away() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join(FILE);
        fs::write(&file, "one").expect("writable");
        let mut watch = Watch::new(directory.path());
        assert_eq!(watch.look(), Some(Reading::Text("one".into())));
        fs::remove_file(&file).expect("it is there");
        assert_eq!(watch.look(), None);
        fs::write(&file, "two").expect("writable");
        assert_eq!(looks(&mut watch), [None, Some(Reading::Text("two".into())), None]);
    }
}
