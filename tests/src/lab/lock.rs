//! One at a time: a lock between processes, gone with the process that holds it.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::{Error, eventually};

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or none where another process holds it.
    pub fn try_take(path: &Path) -> Result<Option<Self>, Error> {
        let folder = path.parent().unwrap_or(path);
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        let file = File::create(path).map_err(Error::file("create", path))?;
        Ok(file.try_lock().is_ok().then_some(Self { _file: file }))
    }

    /// Waits for the lock.
    pub async fn take(path: &Path, bound: Duration) -> Result<Self, Error> {
        let what = format!("whoever holds \"{}\"", path.display());
        eventually(&what, bound, async || Self::try_take(path)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a/lock");
        let first = Lock::try_take(&path).expect("it can be made").expect("nobody holds it");
        assert!(Lock::try_take(&path).expect("it can be made").is_none());
        let refused = Lock::take(&path, Duration::from_millis(10)).await;
        assert!(refused.is_err());
        drop(first);
        Lock::take(&path, Duration::from_secs(10)).await.expect("nobody holds it");
    }
}
