//! Reading the files that a user names: whatever they turn out to be, the program neither waits
//! without a word nor reads without an end.
//!
//! Networks and suites may come from pipes (`<(...)`, `/dev/stdin`, a FIFO), so a reader may have
//! to wait: it says so. Everything has a largest size, since a device, or a file that another
//! program still writes, never ends.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::escape::terminal;

/// The most bytes of a file with networks: 2¹² rows of 2¹² probabilities with all their digits are
/// more, which is what [`LIMIT`] is for.
pub const NETWORKS: u64 = 256 << 20;

/// The most bytes of a suite. What TOML is read into takes many times its size.
pub const SUITE: u64 = 16 << 20;

/// The most bytes of records and settings that a user names.
pub const RECORD: u64 = 64 << 20;

/// The variable of the environment that sets another limit, in MiB.
pub const LIMIT: &str = "PHI_MAX_INPUT_MIB";

/// Time after which a reader says that it waits.
const SILENT: Duration = Duration::from_secs(2);

/// The text in a file of at most `most` bytes (unless [`LIMIT`] says otherwise), without a byte
/// order mark.
///
/// # Errors
/// [`Error::Read`]: what the system says; a folder; too many bytes; not UTF-8, or no text at all.
pub fn text(path: &Path, most: u64) -> Result<String, Error> {
    opened(path, most, read)
}

/// The bytes in a file, as [`text`] without being text.
///
/// # Errors
/// As [`text`].
pub fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    opened(path, most, |file, most, waiting| read_bytes(file, most, waiting, |_, _| Ok(())))
}

fn opened<T>(
    path: &Path,
    most: u64,
    read: impl FnOnce(File, u64, Option<Waiting>) -> io::Result<T>,
) -> Result<T, Error> {
    let wrong = |source| Error::Read { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(wrong)?;
    if metadata.is_dir() {
        return Err(wrong(io::Error::other("it is a folder, expected a file")));
    }
    let most = limit(most)?;
    if metadata.is_file() && metadata.len() > most {
        return Err(wrong(too_large(&format!("{} MiB", metadata.len() >> 20), most)));
    }
    // Opening waits too, for a program that writes to the pipe.
    let waiting = (!metadata.is_file()).then(|| Waiting::new(path.display().to_string()));
    let file = File::open(path).map_err(wrong)?;
    read(file, most, waiting).map_err(wrong)
}

/// Checks that what is to be written is none of the files that are read.
///
/// # Errors
/// [`Error::Output`] if it is one.
pub(crate) fn check_not_read<'a>(
    output: &Path,
    read: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Error> {
    let Ok(found) = fs::canonicalize(output) else { return Ok(()) };
    let mut read = read.into_iter().filter_map(|it| fs::canonicalize(it).ok());
    if !read.any(|it| it == found) {
        return Ok(());
    }
    let message = "is a file that is read here: expected another --out".to_owned();
    Err(Error::Output { path: output.to_owned(), message })
}

/// The text of standard input, as of a file.
///
/// # Errors
/// As [`text`].
pub fn standard_input(most: u64) -> Result<String, Error> {
    let waiting = Waiting::new("standard input".to_owned());
    let read = read(io::stdin().lock(), limit(most)?, Some(waiting));
    read.map_err(|source| Error::Read { path: "standard input".into(), source })
}

/// The limit that holds: that of the environment, if there is one.
fn limit(most: u64) -> Result<u64, Error> {
    let Some(value) = std::env::var_os(LIMIT) else { return Ok(most) };
    let mib = value.to_str().and_then(|it| it.trim().parse::<u64>().ok());
    mib.and_then(|it| it.checked_mul(1 << 20)).filter(|it| *it > 0).ok_or_else(|| {
        Error::Settings(format!("{LIMIT}={}: expected a number of MiB", value.display()))
    })
}

fn too_large(found: &str, most: u64) -> io::Error {
    io::Error::other(format!(
        "{found}, expected at most {} MiB; {LIMIT} in the environment sets another limit",
        most >> 20
    ))
}

fn read(from: impl Read, most: u64, waiting: Option<Waiting>) -> io::Result<String> {
    let content = read_bytes(from, most, waiting, |before, part| {
        let start: Vec<u8> = before.iter().chain(part).take(2).copied().collect();
        if [[0xff, 0xfe], [0xfe, 0xff]].iter().any(|mark| start == mark) {
            return Err(io::Error::other("it is UTF-16, expected text in UTF-8"));
        }
        // Devices give zeros without an end, and other programs' files have some: no text has.
        match part.iter().position(|byte| *byte == 0) {
            None => Ok(()),
            Some(at) => {
                let place = before.len() + at + 1;
                Err(io::Error::other(format!("byte {place} is 0, expected text in UTF-8")))
            }
        }
    })?;
    let text = String::from_utf8(content).map_err(|error| {
        let place = error.utf8_error().valid_up_to() + 1;
        io::Error::other(format!("byte {place} is not UTF-8, expected text in UTF-8"))
    })?;
    match text.strip_prefix('\u{feff}') {
        Some(text) => Ok(text.to_owned()),
        None => Ok(text),
    }
}

/// All bytes; `check` is told those before and each further part, and may refuse it.
fn read_bytes(
    mut from: impl Read,
    most: u64,
    waiting: Option<Waiting>,
    check: impl Fn(&[u8], &[u8]) -> io::Result<()>,
) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut part = vec![0; 1 << 16];
    loop {
        let len = match from.read(&mut part) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if let Some(waiting) = &waiting {
            waiting.is_over();
        }
        check(&content, &part[..len])?;
        content.extend_from_slice(&part[..len]);
        if content.len() as u64 > most {
            return Err(too_large(&format!("more than {} MiB", most >> 20), most));
        }
        if len == 0 {
            return Ok(content);
        }
    }
}

/// Tells that the program waits for input, unless it came before.
struct Waiting(Sender<()>);

impl Waiting {
    fn new(name: String) -> Waiting {
        let (over, watched) = channel();
        // Without a thread there is no hint, which is no reason not to read.
        let _ = thread::Builder::new().spawn(move || {
            if watched.recv_timeout(SILENT) == Err(RecvTimeoutError::Timeout) {
                let name = terminal(&name);
                let _ = writeln!(
                    io::stderr(),
                    "hint: waiting for {name}: nothing has come from it yet; Ctrl-C ends this"
                );
            }
        });
        Waiting(over)
    }

    /// Something was read, or there is nothing.
    fn is_over(&self) {
        let _ = self.0.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &[u8], message: &str) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        let error = text(file.path(), 1 << 20).unwrap_err();
        let found = error.to_string().replace(&file.path().display().to_string(), "{}");
        assert_eq!(found, format!("cannot read {{}}: {message}"));
        assert_eq!(error.exit(), crate::exit::Exit::BadInput);
    }

    #[test]
    fn what_is_no_text_is_said_with_the_byte() {
        check(b"{\"tpm\": \xff}", "byte 9 is not UTF-8, expected text in UTF-8");
        // UTF-16, as some editors write it.
        check(b"\xff\xfe{\0", "it is UTF-16, expected text in UTF-8");
        check(
            &vec![b' '; (2 << 20) + 1],
            "2 MiB, expected at most 1 MiB; PHI_MAX_INPUT_MIB in the environment sets another \
             limit",
        );
        let folder = tempfile::tempdir().unwrap();
        let error = text(folder.path(), 1).unwrap_err().to_string();
        assert!(error.ends_with(": it is a folder, expected a file"), "{error}");
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(read(&b"\xef\xbb\xbf{}"[..], 10, None).unwrap(), "{}");
        assert_eq!(read(&b"{}\xef\xbb\xbf"[..], 10, None).unwrap(), "{}\u{feff}");
    }

    #[test]
    fn what_never_ends_is_read_to_the_limit() {
        let error = read(io::repeat(b' '), 3 << 20, None).unwrap_err().to_string();
        assert!(error.starts_with("more than 3 MiB, expected at most 3 MiB; "), "{error}");
        let error = read(io::repeat(0), u64::MAX, None).unwrap_err().to_string();
        assert_eq!(error, "byte 1 is 0, expected text in UTF-8");
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_links_are_read_as_what_they_are() {
        assert_eq!(text(Path::new("/dev/null"), 1).unwrap(), "");
        let error = text(Path::new("/dev/zero"), 1 << 20).unwrap_err().to_string();
        assert_eq!(error, "cannot read /dev/zero: byte 1 is 0, expected text in UTF-8");
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("loop");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        let error = text(&link, 1).unwrap_err().to_string();
        assert!(error.contains("loop: "), "{error}");
    }
}
