//! The machine itself, and this program on it: names, locks, file systems, the processor.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::fields::unescape;
use crate::numbers::parse_bytes;

/// This very program, even if a new build has replaced its file meanwhile.
///
/// # Errors
/// If the system does not tell.
pub(crate) fn own_program() -> anyhow::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    env::current_exe().context("could not find this program's own file")
}

/// The variable that says how much memory a build may hold altogether.
pub const BUDGET: &str = "HEADROOM_BUDGET";

/// Returns the memory that a build may hold altogether, if the user has set a limit. This serves
/// where a limit cannot be seen, or is wanted.
///
/// # Errors
/// If the variable holds no size.
pub(crate) fn budget_bytes() -> anyhow::Result<Option<u64>> {
    let Some(text) = env::var_os(BUDGET).filter(|it| !it.is_empty()) else { return Ok(None) };
    let text = text.to_string_lossy();
    let bytes = parse_bytes(&text);
    bytes.map(Some).with_context(|| format!("{BUDGET}: expected a size as `6G`, found `{text}`"))
}

/// This machine's name without its domain, where `/proc` tells it.
pub fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().split('.').next()?.to_owned())
}

/// The boot of the kernel: no other machine has the same, nor this one after its next start. Empty
/// where the system does not tell.
pub(crate) fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map_or(String::new(), |it| it.trim().to_owned())
}

/// The boot of the kernel and the PID namespace: within these, and only there, a PID means one
/// process. Empty where the system does not tell.
pub fn pid_realm() -> String {
    let boot = boot_id();
    match fs::read_link("/proc/self/ns/pid") {
        Ok(namespace) if !boot.is_empty() => format!("{boot} {}", namespace.display()),
        _ => String::new(),
    }
}

/// The processor's name, where `/proc` tells it, else its architecture.
pub fn cpu_name() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// The mount that a folder is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The folder, without symbolic links.
    pub folder: PathBuf,
    /// The folder where it is mounted.
    pub point: PathBuf,
    /// The type of its file system.
    pub kind: String,
}

impl Mount {
    /// The mount of a folder, which need not exist yet. `None` if the system does not tell.
    pub fn of(folder: &Path) -> Option<Mount> {
        let existing = folder.ancestors().find(|it| it.exists()).unwrap_or(folder);
        let real = existing.canonicalize().unwrap_or_else(|_| existing.to_owned());
        Mount::parse(&real, &fs::read_to_string("/proc/self/mounts").ok()?)
    }

    /// The deepest of these mounts, as in `/proc/self/mounts`, that the folder is below.
    pub fn parse(folder: &Path, mounts: &str) -> Option<Mount> {
        let mounts = mounts.lines().filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let point = PathBuf::from(unescape(fields.next()?));
            let kind = fields.next()?.to_owned();
            folder.starts_with(&point).then(|| Mount { folder: folder.into(), point, kind })
        });
        mounts.max_by_key(|it| it.point.as_os_str().len())
    }
}

/// The process that holds a lock on this file, where the system tells.
pub(crate) fn lock_holder(file: &fs::File) -> Option<u32> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;
        let inode = file.metadata().ok()?.ino();
        lock_holder_in(&fs::read_to_string("/proc/locks").ok()?, inode)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        None
    }
}

/// `1: FLOCK  ADVISORY  WRITE 6386 fe:00:10830224 0 EOF`; a process that waits for a lock has a
/// line `1: -> FLOCK …`.
#[cfg(any(target_os = "linux", test))]
fn lock_holder_in(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, _, pid, place, ..] = words[..] else { return None };
        let is_it = words[1] != "->" && place.rsplit(':').next()?.parse() == Ok(inode);
        is_it.then(|| pid.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_lock_is_found() {
        let locks = "1: FLOCK  ADVISORY  WRITE 6386 fe:00:10830224 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 7000 fe:00:10830224 0 EOF\n\
                     2: POSIX  ADVISORY  READ 99 fe:00:5 0 EOF\n";
        assert_eq!(lock_holder_in(locks, 10_830_224), Some(6386));
        assert_eq!(lock_holder_in(locks, 7), None);
    }

    #[test]
    fn the_deepest_mount_is_that_of_a_folder() {
        let mounts = "overlay / overlay rw 0 0\nhome:/x /home nfs4 rw 0 0\n\
            tmpfs /home/my\\040runs tmpfs rw 0 0\n";
        let of = |folder: &str| Mount::parse(Path::new(folder), mounts).unwrap().kind;
        assert_eq!(of("/srv"), "overlay");
        assert_eq!(of("/home/ann/runs"), "nfs4");
        assert_eq!(of("/home/my runs/a"), "tmpfs");
        assert_eq!(Mount::parse(Path::new("/srv"), ""), None);
    }
}
