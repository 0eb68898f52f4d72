//! Files that a crash at any byte cannot spoil.
//!
//! An [`AppendFile`] grows by whole lines: each is appended by one write and flushed to the disk, and
//! taken back if the write fails; [`Lines`] tells the whole lines from one that a crash cut short.
//! [`write_whole`] replaces a file at once or not at all. This module knows nothing of what is in them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::temporary::{Temporary, remove_left_over};

/// The lines of an append-only file.
pub(crate) struct Lines<'a> {
    /// Those that are whole, without their newlines.
    pub(crate) whole: Vec<&'a [u8]>,
    /// What follows the last newline: the torn line, usually empty.
    pub(crate) torn: &'a [u8],
    /// Where it begins.
    pub(crate) torn_at: usize,
}

impl Lines<'_> {
    pub(crate) fn new(content: &[u8]) -> Lines<'_> {
        let torn_at = content.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
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
    pub(crate) fn open(path: &Path, new: bool) -> Result<AppendFile, Error> {
        let mut options = OpenOptions::new();
        options.read(true).append(true);
        if new {
            options.create_new(true)
        } else {
            options.create(true)
        };
        let file = options.open(path).map_err(|source| write_error(path, source))?;
        sync_folder(path);
        Ok(AppendFile { path: path.to_owned(), file, len: 0 })
    }

    /// Takes the file for this run.
    pub(crate) fn lock(&self) -> Result<(), Error> {
        match self.file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Error::Output {
                path: self.path.clone(),
                message: "another run is writing it: wait for it to end, or choose another --out"
                    .to_owned(),
            }),
            // Some file systems have no locks; the run goes on without.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
        }
    }

    pub(crate) fn read(&mut self) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        let read = self.file.read_to_end(&mut content);
        read.map_err(|source| Error::Read { path: self.path.clone(), source })?;
        self.len = content.len() as u64;
        Ok(content)
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
    pub(crate) fn append(&mut self, line: &str) -> Result<(), Error> {
        let line = format!("{line}\n");
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.sync());
        match written {
            Ok(()) => {
                self.len += line.len() as u64;
                Ok(())
            }
            Err(source) => {
                // If this fails too, the torn line is found on resuming.
                let _ = self.take_back();
                Err(write_error(&self.path, source))
            }
        }
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
/// [`Error::Write`]; the file that was there before, if any, is unchanged.
pub(crate) fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    remove_left_over(path);
    write_one_of_many(path, content)
}

/// The same in a folder of thousands, without looking there for what a process that was killed has left behind.
///
/// # Errors
/// As [`write_whole`].
pub(crate) fn write_one_of_many(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    let write = || {
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

fn write_error(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source, note: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
