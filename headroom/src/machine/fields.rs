//! The kernel's text files, and the numbers in them.

use std::fs::File;

use crate::numbers::kib;

/// The longest file that is read: `/proc/vmstat`, of which the part with `oom_kill` is within 8
/// KiB.
const N_BYTES: usize = 16384;

/// Room for one file, used again for each.
#[derive(Debug)]
pub(super) struct Buffer(Box<[u8; N_BYTES]>);

impl Buffer {
    pub(super) fn new() -> Buffer {
        Buffer(Box::new([0; N_BYTES]))
    }

    /// The file from its beginning, as far as there is room; empty if it cannot be read.
    pub(super) fn read(&mut self, file: &File) -> &str {
        let n = read_from_start(file, &mut *self.0).unwrap_or(0);
        str::from_utf8(&self.0[..n]).unwrap_or_default()
    }
}

#[cfg(unix)]
fn read_from_start(file: &File, buffer: &mut [u8]) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, 0)
}

#[cfg(not(unix))]
fn read_from_start(mut file: &File, buffer: &mut [u8]) -> std::io::Result<usize> {
    use std::io::{Read as _, Seek as _};
    file.rewind()?;
    file.read(buffer)
}

/// A file with one number, or with a word such as `max`, which is `None`.
pub(super) fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The number behind `key` in lines of `key number`.
pub(super) fn value_of(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The bytes of a line `Name:   123 kB`.
pub(super) fn kib_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok().map(kib)
}

/// A path as tables of mounts write it: blanks and backslashes are three octal digits.
pub(super) fn unescape(field: &str) -> String {
    let replace = |text: String, (code, plain): (&str, &str)| text.replace(code, plain);
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(field.to_owned(), replace)
}
