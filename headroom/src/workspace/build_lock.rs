//! The lock that cargo takes on a folder while it builds there.

use std::{
    fs::{self, TryLockError},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::profile;
use crate::machine::system::lock_holder;

/// A build folder that another cargo holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BuildLock {
    pub(crate) folder: PathBuf,
    /// `None` if the system does not tell.
    pub(crate) pid: Option<u32>,
}

impl BuildLock {
    /// The lock on a profile's folder below the target folder, if another process holds it.
    pub(crate) fn find(target_dir: &Path, profile: &str) -> Option<BuildLock> {
        let folder = target_dir.join(profile::folder(profile));
        // The second name is that of cargo's new layout.
        [".cargo-lock", ".cargo-build-lock"].iter().find_map(|name| held(&folder, name))
    }
}

fn held(folder: &Path, name: &str) -> Option<BuildLock> {
    let file = fs::File::open(folder.join(name)).ok()?;
    // Shared, and let go at once: a cargo that starts in this very moment waits for microseconds.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            Some(BuildLock { folder: folder.to_owned(), pid: lock_holder(&file) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_lock_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let find = || BuildLock::find(dir.path(), "release");
        assert_eq!(find(), None);
        let folder = dir.path().join("release");
        fs::create_dir(&folder).unwrap();
        let held = fs::File::create(folder.join(".cargo-lock")).unwrap();
        assert_eq!(find(), None);
        held.lock().unwrap();
        let found = find().unwrap();
        assert_eq!(found.folder, folder);
        if cfg!(target_os = "linux") {
            assert_eq!(found.pid, Some(std::process::id()));
        }
        drop(held);
        assert_eq!(find(), None);
    }
}
