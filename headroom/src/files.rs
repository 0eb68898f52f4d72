//! Files that are there whole or not at all, under names that no other process has.
//!
//! A PID does not make a name unique: processes in other containers, and on other machines that
//! share the folder, have the same ones. So a name here has a random part, and what it names is
//! created only where nothing was before. What exists already is never taken for this process's
//! own.

use std::{
    fs::{self, File},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::{self, Read as _, Write as _},
    path::Path,
};

use anyhow::Context as _;

use self::temporary::Place;
pub(crate) use self::temporary::Temporary;
#[cfg(target_os = "linux")]
pub(crate) use self::temporary::{make_beside, original};
use self::temporary::{remove_all_left_over, remove_left_over};

// The study writes its files in the same way and includes this file: neither package needs the
// other.
#[allow(dead_code, reason = "only the study makes temporary folders")]
mod temporary;

/// A number that no other process can guess. The standard library takes it from the system's source
/// of random numbers.
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Removes what processes that were killed have left behind while they were writing any file of
/// this folder with [`write_whole`]. The next write of the same file does so too, but it may never
/// come.
pub fn remove_unfinished(folder: &Path) {
    remove_all_left_over(folder, |_| true);
}

/// Returns the length of a file; `None` if there is nothing.
///
/// # Errors
/// If something else than a file has its name, or it cannot be looked at.
pub fn len_of_file(file: &Path) -> io::Result<Option<u64>> {
    Place::len_of_file(file)
}

/// Puts a file there at once or not at all.
///
/// # Errors
/// If the file cannot be written, or something else than a file has its name. What was there
/// before, if anything, is unchanged.
pub fn write_whole(file: &Path, content: &[u8], executable: bool) -> anyhow::Result<()> {
    remove_left_over(file);
    let write = || {
        len_of_file(file)?;
        let mut temporary = Temporary::file(file)?;
        let mut to = temporary.file.as_ref().expect("a file");
        let written = to
            .write_all(content)
            .and_then(|()| if executable { make_executable(to) } else { Ok(()) })
            .and_then(|()| to.sync_all());
        if !cfg!(unix) {
            temporary.file = None; // an open file cannot be renamed everywhere
        }
        written.and_then(|()| fs::rename(&temporary.path, file)).inspect_err(|_| {
            fs::remove_file(&temporary.path).ok();
        })?;
        // Where folders cannot be flushed, the name is as safe as the file system makes it.
        if let Some(folder) = file.parent()
            && let Ok(folder) = File::open(folder)
        {
            folder.sync_all().ok();
        }
        Ok::<(), io::Error>(())
    };
    write().with_context(|| format!("could not write {}", file.display()))
}

/// The content of a file that should be a short one. What is no file at all (a pipe, a device)
/// would be read for ever.
///
/// # Errors
/// If it cannot be read, is no file, or has more than `most_bytes`.
pub fn read_short(file: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    let mut content = Vec::new();
    File::open(file)?.take(most_bytes.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > most_bytes {
        return Err(io::Error::other(format!("longer than {most_bytes} bytes")));
    }
    Ok(content)
}

#[cfg(unix)]
fn make_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = file.metadata()?.permissions();
    permissions.set_mode(permissions.mode() | 0o755);
    file.set_permissions(permissions)
}

#[cfg(not(unix))]
fn make_executable(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_is_writing_is_left_alone() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let file = dir.path().join("record.json");
        // A process in another container has the same PID.
        let others = dir.path().join(format!("record.json.{}.tmp", std::process::id()));
        fs::write(&others, "half of it").unwrap();
        write_whole(&file, b"first", false).unwrap();
        write_whole(&file, b"second", false).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "second");
        // One that cannot be put in its place leaves nothing behind.
        write_whole(&file.join("below"), b"third", false).unwrap_err();
        fs::create_dir(dir.path().join("folder")).unwrap();
        write_whole(&dir.path().join("folder"), b"third", false).unwrap_err();
        #[cfg(unix)]
        {
            let link = dir.path().join("link");
            std::os::unix::fs::symlink(&file, &link).unwrap();
            let error = write_whole(&link, b"third", false).unwrap_err();
            assert!(format!("{error:#}").contains("is a folder, a link"), "{error:#}");
            assert!(link.is_symlink());
            fs::remove_file(&link).unwrap();
        }
        assert_eq!(fs::read_to_string(&others).unwrap(), "half of it");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_too_long_or_never_ends_is_not_read() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "1234").unwrap();
        assert_eq!(read_short(&file, 4).unwrap(), b"1234");
        let message = |file: &Path, most| read_short(file, most).unwrap_err().to_string();
        assert_eq!(message(&file, 3), "longer than 3 bytes");
        assert_eq!(message(Path::new("/dev/zero"), 9), "not a file");
        assert_eq!(message(dir.path(), 9), "not a file");
        let missing = read_short(&dir.path().join("missing"), 9).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        // Opening it would wait for a writer.
        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if made.is_ok_and(|it| it.success()) {
            assert_eq!(message(&pipe, 9), "not a file");
        }
    }
}
