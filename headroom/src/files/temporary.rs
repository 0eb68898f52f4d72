//! Files and folders while they are being written, beside the place where they will be.
//!
//! A PID does not make a name unique: processes in other containers, and on other machines that
//! share the folder, have the same ones. So a temporary name has a random part, and what it names
//! is created only where nothing was before. It also has check digits, and the process that writes
//! it holds a lock on it. So what a process that was killed has left behind can be told from all
//! else, by [`remove_left_over`]: this program has made it, and nothing writes it any more.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// What stands where a file is to be written.
///
/// There is one rule for all outputs: a file is written where there is a file or nothing. What else
/// has its name is neither waited for, nor written through, nor replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing.
    Free,
    /// A file of so many bytes.
    File(u64),
    /// A folder.
    Folder,
    /// A link, a pipe or a device.
    Other,
}

impl Place {
    /// Returns what stands at `path`, where a link is not followed.
    ///
    /// # Errors
    /// The error of the system, if that cannot be known.
    pub(crate) fn at(path: &Path) -> io::Result<Place> {
        use io::ErrorKind::{NotADirectory, NotFound};
        let whole = path.as_os_str().as_encoded_bytes();
        if path.file_name().is_none_or(|name| !whole.ends_with(name.as_encoded_bytes())) {
            return Ok(Place::Folder); // `name/`, `name/.`, `..`
        }
        match fs::symlink_metadata(path) {
            Ok(it) if it.is_file() => Ok(Place::File(it.len())),
            Ok(it) if it.is_dir() => Ok(Place::Folder),
            Ok(_) => Ok(Place::Other),
            Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(Place::Free),
            Err(error) => Err(error),
        }
    }

    /// Why no file can be written at `path`.
    pub(crate) const NO_FILE: &str =
        "is a folder, a link, a pipe or a device: expected the name of a file";

    /// Returns the length of the file at `path`; `None` if there is nothing.
    ///
    /// # Errors
    /// If something else stands there, so that no file may be written; the error of the system.
    pub(crate) fn len_of_file(path: &Path) -> io::Result<Option<u64>> {
        match Place::at(path)? {
            Place::Free => Ok(None),
            Place::File(length) => Ok(Some(length)),
            _ => Err(io::Error::other(format!("it {}", Place::NO_FILE))),
        }
    }
}

/// Something that is being written. The lock lasts as long as this.
#[derive(Debug)]
pub(crate) struct Temporary {
    /// Its name for now.
    pub(crate) path: PathBuf,
    /// The open file or folder. `None` for a folder where folders cannot be opened.
    pub(crate) file: Option<File>,
}

impl Temporary {
    /// An empty file beside `path`.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn file(path: &Path) -> io::Result<Temporary> {
        Temporary::beside(path, |it| File::create_new(it).map(Some))
    }

    /// An empty folder beside `path`.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn folder(path: &Path) -> io::Result<Temporary> {
        Temporary::beside(path, |it| fs::create_dir(it).map(|()| File::open(it).ok()))
    }

    fn beside(
        path: &Path,
        make: impl Fn(&Path) -> io::Result<Option<File>>,
    ) -> io::Result<Temporary> {
        loop {
            let (path, file) = make_beside(path, &make)?;
            let temporary = Temporary { path, file };
            // Another process may have found it before it was locked, and is removing it.
            if temporary.is_ours() {
                return Ok(temporary);
            }
        }
    }

    /// Locks it, and says whether it is still there. Some file systems have no locks; nothing is
    /// removed there, nor where an open file cannot be renamed.
    #[cfg(unix)]
    fn is_ours(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let Some(file) = &self.file else { return true };
        let is_removed = || file.metadata().is_ok_and(|it| it.nlink() == 0);
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => false,
            Err(fs::TryLockError::Error(_)) => true,
            Ok(()) => !is_removed(),
        }
    }

    #[cfg(not(unix))]
    fn is_ours(&self) -> bool {
        true
    }
}

/// Makes something beside `path`, under a temporary name. `make` must fail with `AlreadyExists`
/// where there is something.
///
/// # Errors
/// The error of `make`.
pub(crate) fn make_beside<T>(
    path: &Path,
    make: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    loop {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        // The standard library takes it from the system's source of random numbers.
        let random = (RandomState::new().build_hasher().finish() >> 32) as u32;
        name.push(ending(&name.to_string_lossy(), random));
        let path = path.with_file_name(name);
        match make(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return Ok((path, made?)),
        }
    }
}

/// Removes what processes that were killed have left behind while they were writing `path`.
/// Whatever stands in the way is left alone.
pub(crate) fn remove_left_over(path: &Path) {
    let Some(name) = path.file_name() else { return };
    let name = name.to_string_lossy();
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    remove_all_left_over(folder, |it| it == name);
}

/// The same for all files of a folder whose name is wanted.
pub(crate) fn remove_all_left_over(folder: &Path, is_wanted: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let Some(found) = found.to_str() else { continue };
        if original(found).is_some_and(&is_wanted) {
            remove(&entry.path());
        }
    }
}

/// Removes a file or a folder, unless something else writes it, or that cannot be known. No name is
/// used twice, so what has got its own name meanwhile is not met.
#[cfg(unix)]
fn remove(path: &Path) {
    // A link is not followed, and a pipe is not opened.
    let Ok(found) = fs::symlink_metadata(path) else { return };
    if !(found.is_file() || found.is_dir()) {
        return;
    }
    let Ok(file) = File::open(path) else { return };
    if file.try_lock().is_ok() {
        let _ = if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

#[cfg(not(unix))]
fn remove(_path: &Path) {}

/// Returns the part of a temporary name that follows the name of the file.
fn ending(name: &str, random: u32) -> String {
    let digits = format!("{random:08x}");
    // FNV-1a: any hash will do, for it is a slip that it must notice, not an attack.
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    let check = name.bytes().chain(digits.bytes()).fold(2_166_136_261, step);
    format!(".{digits}{check:08x}.tmp")
}

/// The name of the file that a temporary name of this program stands for.
pub(crate) fn original(name: &str) -> Option<&str> {
    let (before, digits) = name.strip_suffix(".tmp")?.rsplit_once('.')?;
    let random = u32::from_str_radix(digits.get(..8)?, 16).ok()?;
    let is_ours = name.strip_prefix(before)? == ending(before, random);
    is_ours.then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_the_right_check_digits_are_of_this_program() {
        let name = format!("results.csv{}", ending("results.csv", 0xab_cdef));
        assert_eq!(original(&name), Some("results.csv"), "{name}");
        for other in [
            "results.csv",
            "results.csv.tmp",
            "results.csv.4711.tmp",
            "results.csv.00abcdef00abcdef.tmp",
            ".tmp",
            "x.ü.tmp",
            &name.replace("results", "result"),
            &name.replace("00abcdef", "00ABCDEF"),
            &name.replace("00abcdef", "+0abcdef"),
        ] {
            assert_eq!(original(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_that_is_taken_is_not_used() {
        let names = std::cell::RefCell::new(Vec::new());
        let (path, ()) = make_beside(Path::new("/d/name"), |it| {
            names.borrow_mut().push(it.to_owned());
            if names.borrow().len() < 3 { Err(io::ErrorKind::AlreadyExists.into()) } else { Ok(()) }
        })
        .unwrap();
        let mut names = names.into_inner();
        assert_eq!((names.len(), names.last()), (3, Some(&path)));
        names.dedup();
        assert_eq!(names.len(), 3);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!((path.parent(), original(name)), (Some(Path::new("/d")), Some("name")));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_left_over_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("report.html");
        // One that is being written, one that was, and those of other files and of other people.
        let held = Temporary::file(&path).unwrap();
        let dead = Temporary::file(&path).unwrap().path;
        let folder = Temporary::folder(&path).unwrap().path;
        fs::write(folder.join("t00001.json"), "half of it").unwrap();
        let other = Temporary::file(&place.path().join("report.md")).unwrap().path;
        let theirs = place.path().join("report.html.4711.tmp");
        fs::write(&theirs, "mine").unwrap();
        let target = place.path().join("target");
        fs::write(&target, "mine").unwrap();
        let link = place.path().join(format!("report.html{}", ending("report.html", 1)));
        std::os::unix::fs::symlink(&target, &link).unwrap();

        remove_left_over(&path);
        assert!(!dead.exists() && !folder.exists());
        assert!(held.path.exists() && other.exists() && theirs.exists() && target.exists());
        assert!(link.symlink_metadata().is_ok());
        drop(held.file);
        remove_all_left_over(place.path(), |_| true);
        assert!(!held.path.exists() && !other.exists() && theirs.exists());
    }
}
