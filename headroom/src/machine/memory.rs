//! The machine's memory, whatever part of it a control group leaves to this process.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde::Serialize;

use super::fields::kib_of;
use crate::numbers::{kib, sum, times};

/// The machine's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    pub(crate) total_bytes: u64,
    /// Total minus available: page cache that can be dropped is not used.
    pub(crate) used_bytes: u64,
    /// The memory that a new program can have without swapping.
    pub(crate) available_bytes: u64,
    pub(crate) swap_total_bytes: u64,
    pub(crate) swap_free_bytes: u64,
    /// The memory that may still be promised, where the kernel promises no more than it has
    /// (`vm.overcommit_memory` 2).
    pub(crate) commit_left_bytes: Option<u64>,
    /// With less RAM than this available, a memory daemon ends programs.
    pub(crate) daemon_least_bytes: u64,
}

impl Memory {
    /// # Errors
    /// If the system does not tell.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Memory> {
        let parsed = fs::read_to_string(root.join("proc/meminfo"))
            .ok()
            .and_then(|it| Memory::parse(&it, keeps_promises(root)))
            .map(|it| it.with_daemon(earlyoom(root)));
        match parsed {
            Some(memory) => Ok(memory),
            None => Memory::from_system(),
        }
    }

    /// Parses `/proc/meminfo`.
    pub(super) fn parse(meminfo: &str, keeps_promises: bool) -> Option<Memory> {
        let field = |name| kib_of(meminfo, name);
        let total_bytes = field("MemTotal")?;
        let available_bytes = field("MemAvailable").unwrap_or_else(|| {
            // Linux before 3.14.
            let parts = ["MemFree", "Buffers", "Cached", "SReclaimable"];
            let free = sum(parts.into_iter().filter_map(field));
            free.saturating_sub(field("Shmem").unwrap_or(0))
        });
        let commit_left = || Some(field("CommitLimit")?.saturating_sub(field("Committed_AS")?));
        Some(Memory {
            total_bytes,
            used_bytes: total_bytes.saturating_sub(available_bytes),
            available_bytes,
            swap_total_bytes: field("SwapTotal").unwrap_or(0),
            swap_free_bytes: field("SwapFree").unwrap_or(0),
            commit_left_bytes: keeps_promises.then(commit_left).flatten(),
            daemon_least_bytes: 0,
        })
    }

    pub(super) fn with_daemon(self, daemon: Option<Earlyoom>) -> Memory {
        let daemon_least_bytes = daemon.map_or(0, |it| it.least_bytes(self.total_bytes));
        Memory { daemon_least_bytes, ..self }
    }

    /// Asks `sysinfo`, where there is no `/proc`.
    fn from_system() -> anyhow::Result<Memory> {
        let mut system =
            sysinfo::System::new().context("could not read this system's resources")?;
        system.refresh_memory();
        Ok(Memory {
            total_bytes: system.total_memory(),
            used_bytes: system.total_memory().saturating_sub(system.available_memory()),
            available_bytes: system.available_memory(),
            swap_total_bytes: system.total_swap(),
            swap_free_bytes: system.free_swap(),
            commit_left_bytes: None,
            daemon_least_bytes: 0,
        })
    }
}

/// The limits at which earlyoom ends programs: with less available than one of these, of which the
/// larger is reached first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Earlyoom {
    percent: f64,
    bytes: Option<u64>,
}

impl Earlyoom {
    /// Reads earlyoom's arguments: `-m PERCENT[,KILL]` and `-M KIB[,KILL]`.
    fn of(arguments: &str) -> Earlyoom {
        let words: Vec<&str> = arguments.split(['\0', ' ']).collect();
        let value = |name: &str| {
            let at = words.iter().position(|it| it.starts_with(name))?;
            let value = words[at].strip_prefix(name).filter(|it| !it.is_empty());
            value.or_else(|| words.get(at + 1).copied())?.split(',').next()?.parse::<f64>().ok()
        };
        let kib_value = value("-M").filter(|it| it.is_finite() && *it >= 0.0);
        let percent = value("-m").filter(|it| (0.0..=100.0).contains(it));
        let default = if kib_value.is_some() { 0.0 } else { 10.0 };
        Earlyoom { percent: percent.unwrap_or(default), bytes: kib_value.map(|it| kib(it as u64)) }
    }

    fn least_bytes(self, total_bytes: u64) -> u64 {
        let by_percent = times(total_bytes, self.percent / 100.0);
        by_percent.max(self.bytes.unwrap_or(0)).min(total_bytes / 2)
    }
}

/// earlyoom, if it runs here.
pub(super) fn earlyoom(root: &Path) -> Option<Earlyoom> {
    let processes = fs::read_dir(root.join("proc")).ok()?.flatten();
    let is_pid = |it: &fs::DirEntry| {
        it.file_name().to_str().is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()))
    };
    let named = |it: &fs::DirEntry| {
        fs::read_to_string(it.path().join("comm")).is_ok_and(|it| it.trim_end() == "earlyoom")
    };
    let found = processes.into_iter().filter(is_pid).find(named)?;
    Some(Earlyoom::of(&fs::read_to_string(found.path().join("cmdline")).ok()?))
}

/// `true` if the kernel promises no more memory than it has.
pub(super) fn keeps_promises(root: &Path) -> bool {
    let mode = fs::read_to_string(root.join("proc/sys/vm/overcommit_memory"));
    mode.is_ok_and(|it| it.trim() == "2")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn promises_count_only_where_the_kernel_keeps_to_them() {
        let sh = xshell::Shell::new().unwrap();
        let root = sh.create_temp_dir().unwrap();
        let meminfo = "MemTotal:  8192 kB\nMemFree: 1024 kB\nMemAvailable:  4096 kB\n\
            SwapTotal: 0 kB\n\
                       CommitLimit:     2048 kB\nCommitted_AS:     512 kB\n";
        sh.write_file(root.path().join("proc/meminfo"), meminfo).unwrap();
        let read = |mode: &str| {
            sh.write_file(root.path().join("proc/sys/vm/overcommit_memory"), mode).unwrap();
            Memory::read(root.path()).unwrap()
        };
        let free = read("0\n");
        assert_eq!((free.total_bytes, free.used_bytes), (8 * MIB, 4 * MIB));
        assert_eq!((free.available_bytes, free.commit_left_bytes), (4 * MIB, None));
        assert_eq!(read("2\n").commit_left_bytes, Some(1536 << 10));
    }

    #[test]
    fn less_is_available_where_earlyoom_runs() {
        let check = |arguments: &str, expected: u64| {
            let least = Earlyoom::of(&arguments.replace(' ', "\0")).least_bytes(1000 * MIB);
            assert_eq!(least / MIB, expected, "{arguments}");
        };
        check("earlyoom -r 3600", 100);
        check("/usr/bin/earlyoom -m 5,2 -s 100", 50);
        check("earlyoom -m5", 50);
        check("earlyoom -M 204800,1024", 200);
        check("earlyoom -m abc", 100);
        check("earlyoom -m 100", 500);

        let sh = xshell::Shell::new().unwrap();
        let root = sh.create_temp_dir().unwrap();
        let write = |file: &str, text: &str| sh.write_file(root.path().join(file), text).unwrap();
        write("proc/meminfo", "MemTotal: 1024000 kB\nMemAvailable: 512000 kB\n");
        write("proc/17/comm", "bash\n");
        assert_eq!(Memory::read(root.path()).unwrap().daemon_least_bytes, 0);
        write("proc/18/comm", "earlyoom\n");
        write("proc/18/cmdline", &"earlyoom -m 20 ".replace(' ', "\0"));
        assert_eq!(Memory::read(root.path()).unwrap().daemon_least_bytes, 200 * MIB);
    }

    #[test]
    fn an_old_kernel_s_page_cache_is_available() {
        let meminfo = "MemTotal: 8192 kB\nMemFree: 1024 kB\nBuffers: 512 kB\nCached: 2048 kB\n\
            Shmem: 512 kB\n";
        assert_eq!(Memory::parse(meminfo, false).unwrap().available_bytes, 3 * MIB);
        assert!(Memory::parse("MemFree: 1 kB\n", false).is_none());
    }
}
