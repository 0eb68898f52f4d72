//! Files that a crash at any byte cannot spoil, and that two processes do not write at once.
//!
//! An [`AppendFile`] grows by whole lines: each is appended by one write and flushed to the disk,
//! and taken back if the write fails. Before each it looks whether the file is still the one at its
//! path and as long as it left it, so that another process is noticed even where locks do not hold.
//! [`Lines`] tells the whole lines from one that a crash cut short. [`write_whole`] replaces a file
//! at once or not at all. A [`Lock`] holds a file for a process. None of them writes where
//! something else than a file stands, and what is written later is asked about beforehand
//! ([`len_of_file`], [`check_folder`]). This module knows nothing of what is in them.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files::temporary::{Place, Temporary, remove_left_over};

/// The lines of an append-only file.
pub(crate) struct Lines<'a> {
    /// Those that are whole, without their newlines.
    pub(crate) whole: Vec<&'a [u8]>,
    /// The bytes after the last newline: the torn line, usually empty.
    pub(crate) torn: &'a [u8],
    /// The position where it begins.
    pub(crate) torn_at: usize,
}

impl Lines<'_> {
    pub(crate) fn new(content: &[u8]) -> Lines<'_> {
        let end_of_line = |content: &[u8]| content.iter().rposition(|&byte| byte == b'\n');
        let mut torn_at = end_of_line(content).map_or(0, |at| at + 1);
        // After a power cut there may be zeros where a part of the last line was to be.
        if torn_at == content.len()
            && let Some((_, before)) = content.split_last()
        {
            let last = end_of_line(before).map_or(0, |at| at + 1);
            if before[last..].contains(&0) {
                torn_at = last;
            }
        }
        let (whole, torn) = content.split_at(torn_at);
        let mut whole: Vec<&[u8]> = whole.split(|&byte| byte == b'\n').collect();
        whole.pop(); // what follows the last newline, here always nothing
        Lines { whole, torn, torn_at }
    }
}

/// A file that grows by whole lines.
#[derive(Debug)]
pub(crate) struct AppendFile {
    path: PathBuf,
    file: File,
    /// The bytes of its whole lines; anything after them is taken back.
    len: u64,
}

impl AppendFile {
    pub(crate) fn open(path: &Path) -> Result<AppendFile, Error> {
        let file = open(path)?;
        sync_folder(path);
        Ok(AppendFile { path: path.to_owned(), file, len: 0 })
    }

    /// Takes the file for this process, and says whether that holds: some file systems have no
    /// locks.
    ///
    /// # Errors
    /// [`Error::Output`] if another process has it.
    pub(crate) fn lock(&self) -> Result<bool, Error> {
        try_lock(&self.file).map_err(|()| Error::Output {
            path: self.path.clone(),
            message: "another run is writing it: wait for it to end, or choose another --out"
                .to_owned(),
        })
    }

    /// Goes on with a file that has so many bytes, as it was read.
    pub(crate) fn has(mut self, len: usize) -> AppendFile {
        self.len = len as u64;
        self
    }

    /// Lets a test put another file under this one.
    #[cfg(test)]
    pub(crate) fn redirect(&mut self, file: File) {
        self.file = file;
    }

    pub(crate) fn truncate(&mut self, len: usize) -> Result<(), Error> {
        self.len = len as u64;
        self.take_back().map_err(|source| write_error(&self.path, source))
    }

    /// Appends a line by one write and waits until it is on the disk.
    ///
    /// # Errors
    /// [`Error::Output`] if another process has changed or replaced the file; [`Error::Write`].
    pub(crate) fn append(&mut self, line: &str) -> Result<(), Error> {
        self.append_lines(&format!("{line}\n"))
    }

    /// Appends whole lines, with their newlines, as [`append`](AppendFile::append) does.
    pub(crate) fn append_lines(&mut self, lines: &str) -> Result<(), Error> {
        self.check_unchanged()?;
        let written = self.file.write_all(lines.as_bytes()).and_then(|()| self.sync());
        match written {
            Ok(()) => {
                self.len += lines.len() as u64;
                Ok(())
            }
            Err(source) => {
                // If this fails too, the torn line is found on resuming.
                let _ = self.take_back();
                Err(write_error(&self.path, source))
            }
        }
    }

    /// Checks that the file is as this process left it. Devices and pipes have no length.
    ///
    /// # Errors
    /// [`Error::Output`] if it is not; [`Error::Read`].
    pub(crate) fn check_unchanged(&self) -> Result<(), Error> {
        let read_error = |source| Error::Read { path: self.path.clone(), source };
        let metadata = self.file.metadata().map_err(read_error)?;
        if !metadata.is_file() {
            return Ok(());
        }
        let is_there = is_at(&metadata, &self.path).map_err(read_error)?;
        let how = match (is_there, metadata.len()) {
            (false, _) => "was removed or replaced".to_owned(),
            (true, len) if len != self.len => {
                format!("has {len} bytes, not {} as this run left it", self.len)
            }
            _ => return Ok(()),
        };
        Err(Error::Output {
            path: self.path.clone(),
            message: format!(
                "{how}: another process writes to it, so this run stops before anything is lost; \
                 start it again when it is the only one"
            ),
        })
    }

    /// Drops what is not a whole line. Devices and pipes have no length to change.
    fn take_back(&self) -> io::Result<()> {
        if self.file.metadata()?.is_file() { self.file.set_len(self.len) } else { Ok(()) }
    }

    /// Flushes to the disk. Devices and pipes have nothing to flush, and say so in several ways.
    fn sync(&self) -> io::Result<()> {
        if self.file.metadata()?.is_file() { self.file.sync_data() } else { Ok(()) }
    }
}

/// A file that a process holds for as long as it works on something.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    file: File,
    holds: bool,
}

impl Lock {
    /// Takes the file at `path`; `None` if another process has it.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Write`].
    pub(crate) fn take(path: &Path) -> Result<Option<Lock>, Error> {
        // If the file was replaced before it was locked, then the lock is worth nothing.
        for _ in 0..100 {
            let file = open(path)?;
            let Ok(holds) = try_lock(&file) else { return Ok(None) };
            let lock = Lock { path: path.to_owned(), file, holds };
            if lock.is_in_place()? {
                return Ok(Some(lock));
            }
        }
        let changing = io::Error::other("it is replaced again and again");
        Err(write_error(path, changing))
    }

    /// `true` if the lock keeps others out: some file systems have no locks.
    pub(crate) fn holds(&self) -> bool {
        self.holds
    }

    /// Makes sure that the lock is still at its path: it is taken again where the file was removed.
    /// `false` if another process has taken it meanwhile.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Write`].
    pub(crate) fn keep(&mut self) -> Result<bool, Error> {
        if self.is_in_place()? {
            return Ok(true);
        }
        match Lock::take(&self.path)? {
            Some(lock) => {
                *self = lock;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn is_in_place(&self) -> Result<bool, Error> {
        let found = self.file.metadata().and_then(|it| is_at(&it, &self.path));
        found.map_err(|source| Error::Read { path: self.path.clone(), source })
    }
}

/// The note about files of a run, or of a search, on which a lock does not hold.
pub(crate) fn without_locks(path: &Path) -> String {
    format!(
        "{}: this file system has no locks, so another run is not kept out: make sure that there \
         is none",
        path.display()
    )
}

fn open(path: &Path) -> Result<File, Error> {
    len_of_file(path)?;
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).open(path);
    file.map_err(|source| write_error(path, source))
}

/// Locks a file, and says whether that holds. An error if another process has it.
fn try_lock(file: &File) -> Result<bool, ()> {
    #[cfg(test)]
    if tests::WITHOUT_LOCKS.get() {
        return Ok(false);
    }
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(()),
        Err(TryLockError::Error(_)) => Ok(false),
        Ok(()) => Ok(true),
    }
}

/// `true` if an open file is the one at `path`. A path that cannot be looked at may be it all the
/// same: that is an error. Where files have no identity, any file at the path will do.
fn is_at(open: &Metadata, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
        #[cfg(unix)]
        Ok(there) => {
            use std::os::unix::fs::MetadataExt;
            Ok((there.dev(), there.ino()) == (open.dev(), open.ino()))
        }
        #[cfg(not(unix))]
        Ok(_) => {
            let _ = open;
            Ok(true)
        }
    }
}

/// The content of a file; nothing if there is none. A device or a pipe has no content: it would be
/// read for ever.
pub(crate) fn read_or_nothing(path: &Path) -> Result<Vec<u8>, Error> {
    let read = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() || metadata.is_dir() => fs::read(path),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|source| Error::Read { path: path.to_owned(), source }),
    }
}

/// `true` if there is something at `path`. What cannot be looked at is not taken for missing, for
/// then it might be written over.
///
/// # Errors
/// [`Error::Read`].
pub(crate) fn exists(path: &Path) -> Result<bool, Error> {
    match path.try_exists() {
        // A file stands where a folder would be, so there is nothing in it.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        found => found.map_err(|source| Error::Read { path: path.to_owned(), source }),
    }
}

/// Returns the length of a file that may be written; `None` if there is nothing at `path`.
///
/// # Errors
/// [`Error::Output`] if something else is there; [`Error::Read`].
pub(crate) fn len_of_file(path: &Path) -> Result<Option<u64>, Error> {
    match place_at(path)? {
        Place::Free => Ok(None),
        Place::File(len) => Ok(Some(len)),
        Place::Folder | Place::Other => refuse(path, Place::NO_FILE),
    }
}

/// Checks that a file can be written at `path`, by making one beside it, which is removed at once.
/// For what is written only after hours.
///
/// # Errors
/// As [`len_of_file`]; [`Error::Write`].
pub(crate) fn check_can_write(path: &Path) -> Result<(), Error> {
    len_of_file(path)?;
    let temporary = Temporary::file(path).map_err(|source| write_error(path, source))?;
    let _ = fs::remove_file(&temporary.path);
    Ok(())
}

/// Checks the same for a folder that this program makes within another: `true` if it is there. A
/// folder that the user names may be a link.
///
/// # Errors
/// As [`len_of_file`].
pub(crate) fn is_folder(path: &Path) -> Result<bool, Error> {
    match place_at(path)? {
        Place::Free => Ok(false),
        Place::Folder => Ok(true),
        Place::File(_) | Place::Other => {
            refuse(path, "is a file, a link, a pipe or a device: expected the name of a folder")
        }
    }
}

/// Checks that files may be written into such a folder: what is there and ends as they do is one.
///
/// # Errors
/// As [`len_of_file`].
pub(crate) fn check_folder(path: &Path, extensions: &[&str]) -> Result<(), Error> {
    if !is_folder(path)? {
        return Ok(());
    }
    let unread = |source| Error::Read { path: path.to_owned(), source };
    for entry in fs::read_dir(path).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if path.extension().and_then(|it| it.to_str()).is_some_and(|it| extensions.contains(&it)) {
            len_of_file(&path)?;
        }
    }
    Ok(())
}

/// Makes such a folder, if there is none.
///
/// # Errors
/// As [`len_of_file`]; [`Error::Write`].
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    if !is_folder(path)? {
        fs::create_dir_all(path).map_err(|source| write_error(path, source))?;
    }
    Ok(())
}

fn place_at(path: &Path) -> Result<Place, Error> {
    Place::at(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn refuse<T>(path: &Path, message: &str) -> Result<T, Error> {
    Err(Error::Output { path: path.to_owned(), message: message.to_owned() })
}

/// Opens a file that this program writes. What is no file would be waited for, or have no end.
///
/// # Errors
/// What the system says; something else than a file.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is a folder, a pipe or a device, expected a file"));
    }
    File::open(path)
}

/// The bytes of such a file.
///
/// # Errors
/// As [`open_own`].
pub(crate) fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open_own(path)?.read_to_end(&mut content)?;
    Ok(content)
}

/// `X.csv.dataset.json` of `X.csv`, which may stand beside `X.jsonl`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

/// Makes sure that the name of a file survives a power cut, where the system can.
pub(crate) fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}

/// Writes a file so that it appears whole or not at all.
///
/// # Errors
/// [`Error::Write`], also if something else than a file has that name; what was there before, if
/// anything, is unchanged.
pub(crate) fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    remove_left_over(path);
    write_one_of_many(path, content)
}

/// The same in a folder of thousands, without looking there for what a process that was killed has
/// left behind.
///
/// # Errors
/// As [`write_whole`].
pub(crate) fn write_one_of_many(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    let write = || {
        Place::len_of_file(path)?;
        let mut temporary = Temporary::file(path)?;
        let mut file = temporary.file.as_ref().expect("a file");
        let written = file.write_all(content.as_ref()).and_then(|()| file.sync_all());
        if !cfg!(unix) {
            temporary.file = None; // an open file cannot be renamed everywhere
        }
        written.and_then(|()| fs::rename(&temporary.path, path)).inspect_err(|_| {
            let _ = fs::remove_file(&temporary.path);
        })
    };
    write().map(|()| sync_folder(path)).map_err(|source| write_error(path, source))
}

/// Checks that a file may be written: there is nothing at `path`, or its text is one of ours.
///
/// # Errors
/// [`Error::Output`] if it is something else, which must not be overwritten; [`Error::Read`].
pub(crate) fn check_ours(path: &Path, is_ours: impl Fn(&str) -> bool) -> Result<(), Error> {
    check_beginning(path, usize::MAX, |content| str::from_utf8(content).is_ok_and(&is_ours))
}

/// The same for a file that may be long, by its first bytes.
///
/// # Errors
/// As [`check_ours`].
pub(crate) fn check_beginning(
    path: &Path,
    n_bytes: usize,
    is_ours: impl Fn(&[u8]) -> bool,
) -> Result<(), Error> {
    if len_of_file(path)?.is_none() {
        return Ok(());
    }
    match read_beginning(path, n_bytes) {
        Ok(content) if is_ours(&content) => return Ok(()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
    }
    refuse(
        path,
        "exists and was not written by this program, which would write a file of that name: move \
         it away, or choose another name for the output",
    )
}

fn read_beginning(path: &Path, n_bytes: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(n_bytes as u64).read_to_end(&mut content)?;
    Ok(content)
}

fn write_error(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source, note: String::new() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// Lets this thread work as on a file system without locks.
        pub(crate) static WITHOUT_LOCKS: Cell<bool> = const { Cell::new(false) };
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let ours = path("ours.json");
        fs::write(&ours, "ours").unwrap();
        check_ours(&ours, |text| text == "ours").unwrap();
        let error = check_ours(&ours, |text| text == "theirs").unwrap_err().to_string();
        assert!(error.contains("was not written by this program"), "{error}");
        for none in [path("none"), ours.join("within")] {
            check_ours(&none, |_| false).unwrap();
            assert_eq!((len_of_file(&none).unwrap(), is_folder(&none).unwrap()), (None, false));
        }
        // A pipe is not opened: nothing would ever come.
        nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink(&ours, path("link")).unwrap();
        std::os::unix::fs::symlink("folder", path("link to a folder")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("link to nothing")).unwrap();
        for name in ["pipe", "folder", "link", "link to a folder", "link to nothing"] {
            let path = path(name);
            let refused = |it: Result<(), Error>| {
                let error = it.unwrap_err().to_string();
                let expected = "is a folder, a link, a pipe or a device: expected the name of a";
                assert!(error.contains(expected), "{error}");
            };
            refused(check_ours(&path, |_| true));
            refused(check_can_write(&path));
            refused(AppendFile::open(&path).map(drop));
            refused(Lock::take(&path).map(drop));
            refused(write_whole(&path, "new"));
            let as_folder = [is_folder(&path).map(drop), make_folder(&path)];
            for it in as_folder {
                assert_eq!(it.is_ok(), name == "folder", "{name}");
            }
        }
        for name in ["none/", "none/.", "..", "none/.."] {
            assert!(len_of_file(&path(name)).is_err(), "{name}");
        }
        assert!(check_can_write(&path("none/x")).is_err());
        check_can_write(&path("none")).unwrap();
        assert!(!path("none").exists());
        // Nor are those within a folder, if they are called as what is to be written.
        std::os::unix::fs::symlink(&ours, path("folder/a.svg")).unwrap();
        check_folder(&path("folder"), &["png"]).unwrap();
        assert!(check_folder(&path("folder"), &["png", "svg"]).is_err());
        assert_eq!(fs::read_to_string(&ours).unwrap(), "ours");
        assert!(!path("nowhere").exists());
    }

    #[test]
    fn zeros_in_the_last_line_are_those_of_a_power_cut() {
        let check = |content: &[u8], torn_at: usize| {
            assert_eq!(Lines::new(content).torn_at, torn_at, "{}", content.escape_ascii());
        };
        check(b"", 0);
        check(b"a\nb\n", 4);
        check(b"a\nb", 2);
        check(b"a\n\0\0", 2);
        check(b"a\n\0b\n", 2);
        check(b"\0\n", 0);
        // Elsewhere they are no torn line.
        check(b"\0\nb\n", 4);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_another_process_writes_or_replaces_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut file = AppendFile::open(&path).unwrap();
        file.append("1").unwrap();
        let mut other = AppendFile::open(&path).unwrap().has(2);
        other.append("2").unwrap();
        let error = file.append("3").unwrap_err().to_string();
        assert!(error.contains("has 4 bytes, not 2 as this run left it: another"), "{error}");
        fs::rename(&path, folder.path().join("aside")).unwrap();
        let error = other.append("4").unwrap_err().to_string();
        assert!(error.contains("was removed or replaced: another process"), "{error}");
        assert!(!path.exists());
        assert_eq!(fs::read(folder.path().join("aside")).unwrap(), b"1\n2\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_that_was_removed_is_taken_again_unless_another_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut lock = Lock::take(&path).unwrap().unwrap();
        assert!(lock.holds() && lock.keep().unwrap());
        assert!(Lock::take(&path).unwrap().is_none());
        fs::remove_file(&path).unwrap();
        assert!(lock.keep().unwrap() && path.exists());
        assert!(Lock::take(&path).unwrap().is_none());
        fs::remove_file(&path).unwrap();
        let other = Lock::take(&path).unwrap().unwrap();
        assert!(!lock.keep().unwrap());
        drop(other);
        assert!(lock.keep().unwrap());
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.json");
        // A process in another container has the same PID.
        let others = folder.path().join(format!("summary.json.{}.tmp", std::process::id()));
        fs::write(&others, "half of it").unwrap();
        write_whole(&path, "first").unwrap();
        write_whole(&path, "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        for not_a_file in [path.join("below"), folder.path().join("folder")] {
            let _ = fs::create_dir(&not_a_file);
            let error = write_whole(&not_a_file, "third").unwrap_err();
            assert!(error.to_string().starts_with("cannot write "), "{error}");
        }
        assert_eq!(fs::read_to_string(&others).unwrap(), "half of it");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
