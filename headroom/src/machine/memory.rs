//! The machine's memory, whatever part of it a control group leaves to this process.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde::Serialize;

use super::fields::kib_of;
use crate::numbers::sum;

/// The machine's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    pub(crate) total_bytes: u64,
    /// Total minus available: page cache that can be dropped is not used.
    pub(crate) used_bytes: u64,
    /// What a new program can have without swapping.
    pub(crate) available_bytes: u64,
    pub(crate) swap_total_bytes: u64,
    pub(crate) swap_free_bytes: u64,
    /// What may still be promised, where the kernel promises no more than it has
    /// (`vm.overcommit_memory` 2).
    pub(crate) commit_left_bytes: Option<u64>,
}

impl Memory {
    /// # Errors
    /// The system does not tell.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Memory> {
        let parsed = fs::read_to_string(root.join("proc/meminfo"))
            .ok()
            .and_then(|it| Memory::parse(&it, keeps_promises(root)));
        match parsed {
            Some(memory) => Ok(memory),
            None => Memory::from_system(),
        }
    }

    /// From `/proc/meminfo`.
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
        })
    }

    /// Where there is no `/proc`.
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
        })
    }
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
    fn an_old_kernel_s_page_cache_is_available() {
        let meminfo = "MemTotal: 8192 kB\nMemFree: 1024 kB\nBuffers: 512 kB\nCached: 2048 kB\n\
            Shmem: 512 kB\n";
        assert_eq!(Memory::parse(meminfo, false).unwrap().available_bytes, 3 * MIB);
        assert!(Memory::parse("MemFree: 1 kB\n", false).is_none());
    }
}
