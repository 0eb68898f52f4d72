//! The files of xtask in the folder of a job, as they are read.
//!
//! Something else may stand in the place of one. A pipe would be waited for, and a link would be
//! read from elsewhere. Whatever is no file is refused, as [`headroom::files::write_whole`] does.

use std::{io::ErrorKind, path::Path};

use anyhow::Context as _;
use headroom::files::{len_of_file, read_short};

/// Returns the length of a file, `None` if there is nothing.
///
/// # Errors
/// If something else than a file is there, or it cannot be looked at.
pub(super) fn len(file: &Path) -> anyhow::Result<Option<u64>> {
    len_of_file(file).with_context(|| format!("could not look at {}", file.display()))
}

/// The content of a file, `None` if there is nothing.
///
/// # Errors
/// If something else than a file is there, it cannot be read, or has more than `most_bytes`.
pub(super) fn read(file: &Path, most_bytes: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let read = || match len_of_file(file)? {
        Some(_) => read_short(file, most_bytes).map(Some),
        None => Ok(None),
    };
    match read() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.with_context(|| format!("could not read {}", file.display())),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::symlink, process::Command};

    use headroom::files::write_whole;

    use super::*;

    #[test]
    fn what_is_no_file_is_neither_read_nor_replaced() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let file = path("file");
        assert_eq!((len(&file).unwrap(), read(&file, 9).unwrap()), (None, None));
        write_whole(&file, b"123", false).unwrap();
        write_whole(&file, b"12", false).unwrap();
        assert_eq!((len(&file).unwrap(), read(&file, 9).unwrap()), (Some(2), Some("12".into())));
        assert!(read(&file, 1).is_err());
        symlink(&file, path("link")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        let mut others = vec!["link", "dangling", "folder"];
        if Command::new("mkfifo").arg(path("pipe")).status().is_ok_and(|it| it.success()) {
            others.push("pipe");
        }
        for name in others {
            let other = path(name);
            let before = fs::symlink_metadata(&other).unwrap().file_type();
            for error in [
                len(&other).unwrap_err(),
                read(&other, 9).unwrap_err(),
                write_whole(&other, b"3", false).unwrap_err(),
            ] {
                let error = format!("{error:#}");
                assert!(error.contains(&format!("{name}: it is a folder, a link")), "{error}");
            }
            assert_eq!(fs::symlink_metadata(&other).unwrap().file_type(), before);
        }
        assert_eq!(fs::read(&file).unwrap(), b"12");
        assert!(!path("nowhere").exists());
    }
}
