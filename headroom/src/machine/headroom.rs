//! The memory left to this process: the one reading that plans, waits and the guard go by.
//!
//! It is the least of what the machine has available and what is left in this process's control
//! group and in each of its ancestors. [`Headroom::of`] is the arithmetic; [`HeadroomReader`] looks
//! again and again with open files and fixed buffers, and allocates nothing between two looks.

use std::{fs::File, path::Path};

use super::{
    cgroup::{GroupFiles, KillCounters, KillFiles, UNLIMITED, groups, own_pressure_file},
    fields::{Buffer, value_of},
    memory::{Earlyoom, Memory, earlyoom, keeps_promises},
};

/// The memory left to this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headroom {
    /// Without swapping.
    pub(crate) ram_bytes: u64,
    pub(crate) swap_bytes: u64,
    /// `true` if a control group leaves less RAM than the machine.
    pub(crate) is_group: bool,
}

impl Headroom {
    /// `groups` are what each control group leaves of RAM and of swap; `None` where it sets no
    /// limit.
    pub(crate) fn of(
        memory: &Memory,
        groups: impl IntoIterator<Item = (Option<u64>, Option<u64>)>,
    ) -> Headroom {
        let (mut ram, mut swap) = (memory.available_bytes, memory.swap_free_bytes);
        for (ram_left, swap_left) in groups {
            ram = ram.min(ram_left.unwrap_or(u64::MAX));
            swap = swap.min(swap_left.unwrap_or(u64::MAX));
        }
        let is_group = ram < memory.available_bytes;
        // A memory daemon acts before the kernel does.
        ram = ram.min(memory.available_bytes.saturating_sub(memory.daemon_least_bytes));
        if let Some(promise) = memory.commit_left_bytes {
            // A promise holds for RAM and swap together.
            ram = ram.min(promise);
            swap = swap.min(promise - ram);
        }
        Headroom { ram_bytes: ram, swap_bytes: swap, is_group }
    }

    /// The same for a build that holds so much already and may hold no more than `budget_bytes`.
    pub(crate) fn within(self, budget_bytes: Option<u64>, held_bytes: u64) -> Headroom {
        let Some(left) = budget_bytes.map(|it| it.saturating_sub(held_bytes)) else { return self };
        let ram_bytes = self.ram_bytes.min(left);
        Headroom {
            ram_bytes,
            swap_bytes: self.swap_bytes.min(left - ram_bytes),
            is_group: self.is_group || left < self.ram_bytes,
        }
    }

    /// RAM and swap together.
    pub(crate) fn sum_bytes(self) -> u64 {
        self.ram_bytes.saturating_add(self.swap_bytes)
    }
}

/// Everything that is read again and again. Linux only.
#[derive(Debug)]
pub(crate) struct HeadroomReader {
    buffer: Buffer,
    meminfo: File,
    keeps_promises: bool,
    earlyoom: Option<Earlyoom>,
    groups: Vec<GroupFiles>,
    /// The group that left the least at the last look. `None` if the machine did.
    binding: Option<usize>,
    /// The RAM that there is altogether where the least was left.
    total_bytes: u64,
    kills: KillFiles,
    pressure: Option<File>,
    /// The kernel's count of pages read back from swap, where no pressure is counted.
    vmstat: Option<File>,
}

/// A measure of how long programs have stood still for lack of memory so far. Only differences mean
/// anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stalls {
    /// Microseconds for which some program of this process's own group did. Of the machine where
    /// the group is not counted.
    Micros(u64),
    /// Pages that the kernel has read back from swap. The machine's: no more is told.
    SwappedIn(u64),
}

/// So many pages from swap in a second keep a disk busy for a good part of it.
const BUSY_PAGES: f64 = 2000.0;

impl Stalls {
    /// The part of the time lost since `earlier`, 0 to 1.
    pub(crate) fn since(self, earlier: Stalls, elapsed_ms: u64) -> f64 {
        let elapsed = elapsed_ms.max(1) as f64;
        let part = match (self, earlier) {
            (Stalls::Micros(now), Stalls::Micros(then)) => {
                now.saturating_sub(then) as f64 / 1000.0 / elapsed
            }
            (Stalls::SwappedIn(now), Stalls::SwappedIn(then)) => {
                now.saturating_sub(then) as f64 * 1000.0 / elapsed / BUSY_PAGES
            }
            _ => 0.0,
        };
        part.min(1.0)
    }
}

impl HeadroomReader {
    /// `root` is `/` on a real machine. `None` where there is no `/proc/meminfo`.
    pub(crate) fn open(root: &Path) -> Option<HeadroomReader> {
        let mut reader = HeadroomReader {
            buffer: Buffer::new(),
            meminfo: File::open(root.join("proc/meminfo")).ok()?,
            keeps_promises: keeps_promises(root),
            earlyoom: earlyoom(root),
            groups: groups(root),
            binding: None,
            total_bytes: 0,
            kills: KillFiles::open(root),
            // Another container's thrashing is no reason to hold this build back.
            pressure: own_pressure_file(root)
                .or_else(|| File::open(root.join("proc/pressure/memory")).ok()),
            vmstat: File::open(root.join("proc/vmstat")).ok(),
        };
        reader.memory()?;
        Some(reader)
    }

    fn memory(&mut self) -> Option<Memory> {
        let memory = Memory::parse(self.buffer.read(&self.meminfo), self.keeps_promises)?;
        Some(memory.with_daemon(self.earlyoom))
    }

    /// Returns the memory left now. Where the kernel stops telling, nothing is left.
    pub(crate) fn look(&mut self) -> Headroom {
        let Some(memory) = self.memory() else { return Headroom::default() };
        let HeadroomReader { buffer, groups, binding, total_bytes, .. } = self;
        let most = memory.total_bytes.min(UNLIMITED);
        let mut least = memory.available_bytes;
        (*binding, *total_bytes) = (None, memory.total_bytes);
        let left = groups.iter().enumerate().filter_map(|(at, it)| {
            let left = it.left(most, buffer)?;
            if let Some(headroom) = left.headroom_bytes().filter(|it| *it < least) {
                (least, *binding) = (headroom, Some(at));
                *total_bytes = left.limit_and_used_bytes.map_or(*total_bytes, |it| it.0);
            }
            Some((left.headroom_bytes(), left.swap_bytes))
        });
        Headroom::of(&memory, left)
    }

    /// The id of the group that left the least at the last look. `None` if the machine did.
    pub(crate) fn binding_group(&self) -> Option<&str> {
        self.binding.map(|it| self.groups[it].id.as_str())
    }

    /// `true` if programs outside this process's own group take from the memory that is shortest,
    /// so that the kernel may have ended one of them for this build's sake.
    pub(crate) fn is_shared(&self) -> bool {
        self.binding != Some(0) || !self.kills.counts_the_group()
    }

    /// The RAM that there is altogether: the machine's, or the limit of that group.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// All groups that this process is in, by their ids.
    pub(crate) fn group_ids(&self) -> Vec<String> {
        self.groups.iter().map(|it| it.id.clone()).collect()
    }

    /// The kernel's kills for lack of memory so far.
    pub(crate) fn kills(&mut self) -> KillCounters {
        self.kills.read(&mut self.buffer)
    }

    /// Returns the stalls of programs for lack of memory so far, or `None` where they are not
    /// counted.
    pub(crate) fn stalls(&mut self) -> Option<Stalls> {
        let micros = self.pressure.as_ref().and_then(|file| {
            let text = self.buffer.read(file);
            let total = text.lines().find(|it| it.starts_with("some "))?.rsplit_once("total=")?.1;
            total.trim().parse().ok()
        });
        match micros {
            Some(micros) => Some(Stalls::Micros(micros)),
            None => {
                let pages = value_of(self.buffer.read(self.vmstat.as_ref()?), "pswpin")?;
                Some(Stalls::SwappedIn(pages))
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::machine::resources::Resources;

    const MIB: u64 = 1 << 20;

    /// The same made-up machine, as a plan and as the guard sees it.
    #[test]
    fn plans_and_the_guard_go_by_the_same_numbers() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let write = |file: &str, text: &str| sh.write_file(dir.path().join(file), text).unwrap();
        let mib = |n: u64| format!("{}\n", n * MIB);
        write(
            "proc/meminfo",
            "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\nSwapTotal: 2097152 kB\n\
             SwapFree: 1048576 kB\nCommitLimit: 9437184 kB\nCommitted_AS: 8912896 kB\n",
        );
        write("proc/self/cgroup", "0::/slice/app\n");
        write("proc/self/mountinfo", "35 31 0:32 / /cg rw - cgroup2 cgroup2 rw\n");
        // What slows down lies below what kills; a part of the kernel's caches comes back.
        write("cg/slice/memory.max", &mib(2000));
        write("cg/slice/memory.high", &mib(1000));
        write("cg/slice/memory.current", &mib(800));
        let stat = format!("inactive_file {}\nslab_reclaimable {}\n", 100 * MIB, 60 * MIB);
        write("cg/slice/memory.stat", &stat);
        write("cg/slice/memory.swap.max", &mib(300));
        write("cg/slice/memory.swap.high", &mib(200));
        write("cg/slice/memory.swap.current", &mib(50));
        for (mode, expected) in [
            ("0\n", Headroom { ram_bytes: 330 * MIB, swap_bytes: 150 * MIB, is_group: true }),
            // The kernel promises 512 MiB more, whatever they are in.
            ("2\n", Headroom { ram_bytes: 330 * MIB, swap_bytes: 150 * MIB, is_group: true }),
        ] {
            write("proc/sys/vm/overcommit_memory", mode);
            let guard = HeadroomReader::open(dir.path()).unwrap().look();
            assert_eq!(guard, expected);
            let resources = Resources::sample_below(dir.path(), Path::new("/nowhere")).unwrap();
            assert_eq!(resources.headroom(), guard);
        }
        // Less is promised than the group leaves.
        write(
            "proc/meminfo",
            "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\nSwapTotal: 2097152 kB\n\
             SwapFree: 1048576 kB\nCommitLimit: 9437184 kB\nCommitted_AS: 9028608 kB\n",
        );
        let guard = HeadroomReader::open(dir.path()).unwrap().look();
        assert_eq!((guard.ram_bytes, guard.swap_bytes), (330 * MIB, 69 * MIB));
        let resources = Resources::sample_below(dir.path(), Path::new("/nowhere")).unwrap();
        assert_eq!(resources.headroom(), guard);
    }

    #[test]
    fn only_the_own_group_is_not_shared_with_programs_outside() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let write = |file: &str, text: &str| sh.write_file(dir.path().join(file), text).unwrap();
        let is_shared = || {
            let mut reader = HeadroomReader::open(dir.path()).unwrap();
            reader.look();
            reader.is_shared()
        };
        write("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n");
        assert!(is_shared());
        write("proc/self/cgroup", "0::/slice/app\n");
        write("proc/self/mountinfo", "35 31 0:32 / /cg rw - cgroup2 cgroup2 rw\n");
        for group in ["slice", "slice/app"] {
            write(&format!("cg/{group}/memory.stat"), "inactive_file 0\n");
            write(&format!("cg/{group}/memory.current"), "0\n");
        }
        write("cg/slice/memory.max", "1000000\n");
        assert!(is_shared());
        write("cg/slice/app/memory.max", "900000\n");
        // The group does not tell which processes the kernel has ended there.
        assert!(is_shared());
        write("cg/slice/app/memory.events", "oom_kill 0\n");
        assert!(!is_shared());
    }

    #[test]
    fn stalls_are_those_of_this_group_and_else_what_comes_back_from_swap() {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        let write = |file: &str, text: &str| sh.write_file(dir.path().join(file), text).unwrap();
        let stalls = || HeadroomReader::open(dir.path()).unwrap().stalls();
        write("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n");
        assert_eq!(stalls(), None);
        write("proc/vmstat", "pgpgin 1\npswpin 5000\npswpout 9\n");
        assert_eq!(stalls(), Some(Stalls::SwappedIn(5000)));
        let psi = |total: u64| format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n");
        write("proc/pressure/memory", &psi(7_000_000));
        assert_eq!(stalls(), Some(Stalls::Micros(7_000_000)));
        // Other groups may thrash.
        write("proc/self/cgroup", "0::/app\n");
        write("proc/self/mountinfo", "35 31 0:32 / /cg rw - cgroup2 cgroup2 rw\n");
        write("cg/app/memory.pressure", &psi(3000));
        assert_eq!(stalls(), Some(Stalls::Micros(3000)));

        assert_eq!(Stalls::Micros(350_000).since(Stalls::Micros(100_000), 500), 0.5);
        assert_eq!(Stalls::SwappedIn(6000).since(Stalls::SwappedIn(5000), 1000), 0.5);
        assert_eq!(Stalls::SwappedIn(1 << 40).since(Stalls::SwappedIn(0), 1), 1.0);
        assert_eq!(Stalls::Micros(1).since(Stalls::SwappedIn(0), 1), 0.0);
    }

    #[test]
    fn this_machine_can_be_looked_at_again_and_again() {
        let mut reader = HeadroomReader::open(Path::new("/")).unwrap();
        // Other programs run, so not to the byte, and not every time.
        let agrees = (0..50).any(|_| {
            let look = reader.look();
            let resources = Resources::sample(Path::new("/")).unwrap();
            look.ram_bytes.abs_diff(resources.available_bytes()) < 64 * MIB
        });
        assert!(agrees, "{:?}", reader.look());
        let (kills, again) = (KillCounters::read(Path::new("/")), reader.kills());
        let is_read = |it: KillCounters| (it.group.is_some(), it.machine.is_some());
        assert_eq!(is_read(kills), is_read(again));
    }
}
