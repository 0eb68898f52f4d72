//! What this machine has: memory, swap, the container's share, CPUs, disk, and who holds the memory.
//!
//! This is the only sampling; everything after it works on the plain values made here. All sizes are bytes.
//! [`Resources`] judges nothing.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::cgroup::Container;

/// One look at the machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Resources {
    pub(crate) memory: Memory,
    /// The container's limit, if there is one below the machine's memory.
    pub(crate) container: Option<Container>,
    /// Threads this process may run at once; what cargo takes as its number of jobs.
    pub(crate) n_cpus: usize,
    /// The disk below the target folder; `None` if it cannot be told.
    pub(crate) disk: Option<Disk>,
    /// Every process that can be seen, the largest first.
    #[serde(skip)]
    pub(crate) processes: Vec<ProcessUse>,
}

/// The machine's memory, whatever part of it a container may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    pub(crate) total_bytes: u64,
    /// Total minus available: page cache that can be dropped is not used.
    pub(crate) used_bytes: u64,
    /// What a new program can have without swapping.
    pub(crate) available_bytes: u64,
    pub(crate) swap_total_bytes: u64,
    pub(crate) swap_free_bytes: u64,
}

/// A file system.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Disk {
    pub(crate) path: PathBuf,
    /// Free for this user.
    pub(crate) free_bytes: u64,
}

/// One process and the memory it holds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ProcessUse {
    pub(crate) pid: u32,
    pub(crate) name: String,
    /// The command line, shortened.
    pub(crate) command: String,
    pub(crate) kind: ProcessKind,
    /// Resident set, pages shared with others included.
    pub(crate) resident_bytes: u64,
    /// Whether it belongs to the user who runs xtask.
    pub(crate) own: bool,
    /// Whether it is xtask itself, one of its ancestors or of its descendants.
    pub(crate) related: bool,
    /// Seconds since 1970; with the PID it names a process for good.
    pub(crate) started_at_seconds: u64,
}

/// What a process looks like from its name and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProcessKind {
    Cargo,
    Rustc,
    Linker,
    /// A test, bench or example that cargo built: `…/deps/name-0123456789abcdef`.
    TestBinary,
    Other,
}

impl Resources {
    /// Look at the machine, and at the disk that holds `target_dir` (which need not exist yet).
    pub(crate) fn sample(target_dir: &Path) -> anyhow::Result<Resources> {
        let mut system = System::new().context("could not read this system's resources")?;
        system.refresh_memory();
        let memory = Memory {
            total_bytes: system.total_memory(),
            used_bytes: system.total_memory().saturating_sub(system.available_memory()),
            available_bytes: system.available_memory(),
            swap_total_bytes: system.total_swap(),
            swap_free_bytes: system.free_swap(),
        };
        Ok(Resources {
            memory,
            container: Container::read(Path::new("/"))
                .filter(|it| it.smallest_limit_bytes < memory.total_bytes),
            n_cpus: std::thread::available_parallelism().map_or(1, |it| it.get()),
            disk: disk(target_dir),
            processes: processes(&mut system),
        })
    }

    /// Size of what this process may use: the machine, or the container's limit.
    pub(crate) fn total_bytes(&self) -> u64 {
        match self.binding_group() {
            Some(it) => it.limit_bytes.min(self.memory.total_bytes),
            None => self.memory.total_bytes,
        }
    }

    /// How much of [`Resources::total_bytes`] is in use.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.binding_group().map_or(self.memory.used_bytes, |it| it.used_bytes)
    }

    /// Memory that is left to this process without swapping: the machine's, or less in a container.
    pub(crate) fn available_bytes(&self) -> u64 {
        let host = self.memory.available_bytes;
        self.binding_group().map_or(host, |it| it.headroom_bytes)
    }

    /// Swap that is left to this process.
    pub(crate) fn swap_available_bytes(&self) -> u64 {
        let limit = self.container.as_ref().and_then(|it| it.swap_headroom_bytes);
        self.memory.swap_free_bytes.min(limit.unwrap_or(u64::MAX))
    }

    /// The group that leaves less than the machine does.
    pub(crate) fn binding_group(&self) -> Option<&crate::cgroup::GroupLimit> {
        let tightest = &self.container.as_ref()?.tightest;
        (tightest.headroom_bytes < self.memory.available_bytes).then_some(tightest)
    }

    /// Builds and tests of others: what competes with a build for memory.
    pub(crate) fn competitors(&self) -> impl Iterator<Item = &ProcessUse> {
        self.processes.iter().filter(|it| it.kind != ProcessKind::Other && !it.related)
    }

    /// Processes the user could stop to make room: their own, not related to xtask, at least 50 MiB.
    pub(crate) fn stoppable(&self) -> impl Iterator<Item = &ProcessUse> {
        let worth_it = |it: &&ProcessUse| it.own && !it.related && it.resident_bytes >= 50 << 20;
        self.processes.iter().filter(worth_it)
    }
}

impl ProcessKind {
    /// Judge by the program's path, or its bare name where the path cannot be read.
    pub(crate) fn of(program: &Path) -> ProcessKind {
        let program = program.to_string_lossy();
        // The kernel's note on a program that was replaced while it ran.
        let program = Path::new(program.trim_end_matches(" (deleted)"));
        let stem = program.file_name().map_or("".into(), |it| it.to_string_lossy());
        let stem = stem.trim_end_matches(".exe");
        match stem {
            "cargo" | "cargo-nextest" | "cargo-clippy" => return ProcessKind::Cargo,
            "rustc" | "rustdoc" | "clippy-driver" => return ProcessKind::Rustc,
            "ld" | "ld.lld" | "ld64.lld" | "rust-lld" | "lld" | "lld-link" | "link" | "ld.bfd"
            | "ld.gold" | "mold" | "wild" | "collect2" => return ProcessKind::Linker,
            // Behind `ld` stands, on Debian, `x86_64-linux-gnu-ld.bfd`.
            _ if ["-ld", "-ld.bfd", "-ld.gold"].iter().any(|it| stem.ends_with(it)) => {
                return ProcessKind::Linker;
            }
            _ => {}
        }
        let in_deps = program.parent().and_then(|it| it.file_name()).is_some_and(|it| it == "deps");
        let hash = stem.rsplit_once('-').map_or("", |(_, hash)| hash);
        let hashed = hash.len() == 16 && hash.bytes().all(|it| it.is_ascii_hexdigit());
        if in_deps && hashed { ProcessKind::TestBinary } else { ProcessKind::Other }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            ProcessKind::Cargo => "cargo",
            ProcessKind::Rustc => "rustc",
            ProcessKind::Linker => "linker",
            ProcessKind::TestBinary => "test",
            ProcessKind::Other => "",
        }
    }
}

/// Free space where `path` is, or will be.
fn disk(path: &Path) -> Option<Disk> {
    let existing = path.ancestors().find(|it| it.exists())?;
    let free_bytes = free_bytes(existing)?;
    Some(Disk { path: existing.to_owned(), free_bytes })
}

/// `statvfs` names the right file system for any path, network and memory file systems included.
#[cfg(unix)]
fn free_bytes(path: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    // Their width differs between platforms.
    let (blocks, size) = (stat.blocks_available() as u64, stat.fragment_size() as u64);
    Some(blocks.saturating_mul(size))
}

#[cfg(not(unix))]
fn free_bytes(path: &Path) -> Option<u64> {
    let path = path.canonicalize().ok()?;
    let disks = sysinfo::Disks::new_with_refreshed_list().ok()?;
    // `canonicalize` writes Windows paths as `\\?\C:\…`.
    let plain = path.to_string_lossy().trim_start_matches(r"\\?\").to_owned();
    let holds = |it: &&sysinfo::Disk| Path::new(&plain).starts_with(it.mount_point());
    let disk = disks.iter().filter(holds);
    disk.max_by_key(|it| it.mount_point().as_os_str().len()).map(|it| it.available_space())
}

fn processes(system: &mut System) -> Vec<ProcessUse> {
    let what = ProcessRefreshKind::nothing()
        .with_memory()
        .with_cmd(UpdateKind::Always)
        .with_exe(UpdateKind::Always)
        .with_user(UpdateKind::Always)
        .without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    let own_pid = Pid::from_u32(std::process::id());
    let own_user = system.process(own_pid).and_then(|it| it.user_id()).cloned();
    let parents: HashMap<Pid, Pid> =
        system.processes().iter().filter_map(|(pid, it)| Some((*pid, it.parent()?))).collect();
    let related = related(own_pid, &parents);

    let mut processes: Vec<ProcessUse> = system
        .processes()
        .iter()
        .filter(|(_, it)| it.thread_kind().is_none())
        .map(|(pid, it)| {
            let name = it.name().to_string_lossy().into_owned();
            let program = it.exe().filter(|exe| !exe.as_os_str().is_empty());
            let command: Vec<_> = it.cmd().iter().map(|arg| arg.to_string_lossy()).collect();
            ProcessUse {
                pid: pid.as_u32(),
                kind: ProcessKind::of(program.unwrap_or(Path::new(&name))),
                command: shorten(&command.join(" "), 100),
                name,
                resident_bytes: it.memory(),
                own: own_user.is_some() && it.user_id() == own_user.as_ref(),
                related: related.contains(pid),
                started_at_seconds: it.start_time(),
            }
        })
        .collect();
    processes.sort_by_key(|it| (std::cmp::Reverse(it.resident_bytes), it.pid));
    processes
}

/// `own`, its ancestors and its descendants.
fn related(own: Pid, parents: &HashMap<Pid, Pid>) -> HashSet<Pid> {
    let mut related = HashSet::from([own]);
    let mut pid = own;
    while let Some(parent) = parents.get(&pid)
        && related.insert(*parent)
    {
        pid = *parent;
    }
    related.extend(descendants(own, parents));
    related
}

/// Every process below `root`, itself not included.
fn descendants(root: Pid, parents: &HashMap<Pid, Pid>) -> HashSet<Pid> {
    let mut found = HashSet::new();
    loop {
        let n_found = found.len();
        found.extend(
            parents
                .iter()
                .filter(|(_, parent)| **parent == root || found.contains(*parent))
                .map(|(pid, _)| *pid)
                .collect::<Vec<_>>(),
        );
        if found.len() == n_found {
            return found;
        }
    }
}

/// The first `n_chars` characters on one line: arguments may hold whole programs.
fn shorten(text: &str, n_chars: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= n_chars {
        return text;
    }
    text.chars().take(n_chars - 1).chain(['…']).collect()
}

/// Looks at the memory of one process and everything below it, again and again.
#[derive(Debug)]
pub(crate) struct TreeWatch {
    system: System,
    root: Pid,
}

impl TreeWatch {
    pub(crate) fn new(root_pid: u32) -> anyhow::Result<TreeWatch> {
        let system = System::new().context("could not read this system's processes")?;
        Ok(TreeWatch { system, root: Pid::from_u32(root_pid) })
    }

    /// Memory the tree holds now that is its own: on Linux the anonymous and shared-memory pages, elsewhere the
    /// resident set. File pages are left out because the compilers share them and the kernel can drop them.
    pub(crate) fn sample(&mut self) -> u64 {
        let what = ProcessRefreshKind::nothing().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let processes = self.system.processes();
        let parents: HashMap<Pid, Pid> =
            processes.iter().filter_map(|(pid, it)| Some((*pid, it.parent()?))).collect();
        let mut tree = descendants(self.root, &parents);
        tree.insert(self.root);
        let own_bytes = |pid: &Pid| {
            unshared_bytes(pid.as_u32())
                .or_else(|| processes.get(pid).map(|it| it.memory()))
                .unwrap_or(0)
        };
        tree.iter().map(own_bytes).sum()
    }

    /// Memory that is left to this process now, as [`Resources::available_bytes`] counts it.
    pub(crate) fn available_bytes(&mut self) -> u64 {
        self.system.refresh_memory();
        let container = Container::read(Path::new("/"));
        let headroom = container.map_or(u64::MAX, |it| it.tightest.headroom_bytes);
        self.system.available_memory().min(headroom)
    }
}

#[cfg(target_os = "linux")]
fn unshared_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    unshared_in(&status)
}

#[cfg(not(target_os = "linux"))]
fn unshared_bytes(_pid: u32) -> Option<u64> {
    None
}

/// `RssAnon + RssShmem + VmSwap` of a `/proc/PID/status`.
#[cfg(any(target_os = "linux", test))]
fn unshared_in(status: &str) -> Option<u64> {
    let field = |name: &str| {
        let line = status.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    let kib = field("RssAnon")? + field("RssShmem").unwrap_or(0) + field("VmSwap").unwrap_or(0);
    Some(kib << 10)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cgroup::{GroupLimit, Version};

    /// A made-up machine; sizes in GiB.
    pub(crate) fn machine(
        total: f64,
        available: f64,
        swap_total: f64,
        swap_free: f64,
        n_cpus: usize,
    ) -> Resources {
        Resources {
            memory: Memory {
                total_bytes: gib(total),
                used_bytes: gib(total - available),
                available_bytes: gib(available),
                swap_total_bytes: gib(swap_total),
                swap_free_bytes: gib(swap_free),
            },
            container: None,
            n_cpus,
            disk: Some(Disk { path: "/srv/phi/target".into(), free_bytes: gib(100.0) }),
            processes: Vec::new(),
        }
    }

    /// The same with a container around this process.
    pub(crate) fn contained(resources: Resources, limit: f64, used: f64) -> Resources {
        let tightest = GroupLimit {
            group: "/docker/build".into(),
            limit_bytes: gib(limit),
            used_bytes: gib(used),
            headroom_bytes: gib(limit - used),
        };
        let container = Container {
            version: Version::V2,
            smallest_limit_bytes: gib(limit),
            tightest,
            swap_headroom_bytes: Some(0),
        };
        Resources { container: Some(container), ..resources }
    }

    /// The user's machine on the evening of the failure.
    pub(crate) fn users_evening() -> Resources {
        let process = |pid, kind, name: &str, size| ProcessUse {
            pid,
            name: name.into(),
            command: format!("/src/target/debug/deps/{name}"),
            kind,
            resident_bytes: gib(size),
            own: true,
            related: false,
            started_at_seconds: 1_700_000_000,
        };
        let tests = (0..14).map(|it| process(100 + it, ProcessKind::TestBinary, "suite", 1.3));
        let builds = (0..3).map(|it| process(200 + it, ProcessKind::Rustc, "rustc", 1.0));
        let processes = tests.chain(builds).collect();
        Resources { processes, ..machine(31.0, 1.4, 63.0, 7.7, 16) }
    }

    pub(crate) fn gib(n: f64) -> u64 {
        (n * f64::from(1 << 30)) as u64
    }

    #[test]
    fn a_container_narrows_what_the_machine_offers() {
        let host = machine(64.0, 50.0, 8.0, 8.0, 32);
        let container = contained(host.clone(), 6.0, 1.0);
        assert_eq!(container.total_bytes(), gib(6.0));
        assert_eq!(container.used_bytes(), gib(1.0));
        assert_eq!(container.available_bytes(), gib(5.0));
        assert_eq!(container.swap_available_bytes(), 0);
        // A limit does not help when the host itself is full.
        let full_host = contained(machine(64.0, 2.0, 0.0, 0.0, 32), 6.0, 1.0);
        assert_eq!(full_host.available_bytes(), gib(2.0));
        assert_eq!(full_host.total_bytes(), gib(64.0));
        assert_eq!(host.available_bytes(), gib(50.0));
    }

    #[test]
    fn programs_are_recognised_by_path_or_name() {
        let cases = [
            ("/opt/rustup/toolchains/stable/bin/cargo", ProcessKind::Cargo),
            ("/usr/bin/rustc", ProcessKind::Rustc),
            ("rustdoc", ProcessKind::Rustc),
            ("/usr/bin/x86_64-linux-gnu-ld.bfd", ProcessKind::Linker),
            ("/usr/bin/ld.bfd", ProcessKind::Linker),
            ("/toolchain/lib/rustlib/x86_64/bin/gcc-ld/ld.lld", ProcessKind::Linker),
            ("rust-lld", ProcessKind::Linker),
            ("/p/target/debug/deps/it-0123456789abcdef", ProcessKind::TestBinary),
            ("/tmp/t/release/deps/it-0123456789abcdef (deleted)", ProcessKind::TestBinary),
            ("C:/p/target/debug/deps/it-0123456789abcdef.exe", ProcessKind::TestBinary),
            ("/p/target/debug/it-0123456789abcdef", ProcessKind::Other),
            ("/p/deps/python3", ProcessKind::Other),
            ("/opt/cargo-cult/game", ProcessKind::Other),
            ("", ProcessKind::Other),
        ];
        for (program, expected) in cases {
            assert_eq!(ProcessKind::of(Path::new(program)), expected, "{program}");
        }
    }

    #[test]
    fn relatives_are_neither_competitors_nor_stoppable() {
        let mut resources = users_evening();
        assert_eq!(resources.competitors().count(), 17);
        assert_eq!(resources.stoppable().count(), 17);
        resources.processes[0].related = true;
        resources.processes[1].own = false;
        resources.processes[2].resident_bytes = 1 << 20;
        assert_eq!(resources.competitors().count(), 16);
        assert_eq!(resources.stoppable().count(), 14);
    }

    #[test]
    fn family_is_found_in_both_directions() {
        let pid = |it: u32| Pid::from_u32(it);
        // 1 → 10 → 20 → 30 → 40, and 10 → 21.
        let parents: HashMap<Pid, Pid> =
            [(10, 1), (20, 10), (21, 10), (30, 20), (40, 30)].map(|(a, b)| (pid(a), pid(b))).into();
        let family = related(pid(20), &parents);
        assert_eq!(family, [1, 10, 20, 30, 40].map(pid).into());
        assert_eq!(descendants(pid(10), &parents), [20, 21, 30, 40].map(pid).into());
    }

    #[test]
    fn file_pages_are_not_a_process_s_own_memory() {
        let status = "Name:\trustc\nVmRSS:\t  238592 kB\nRssAnon:\t  135168 kB\nRssFile:\t  103424 kB\n\
                      RssShmem:\t       0 kB\nVmSwap:\t    1024 kB\n";
        assert_eq!(unshared_in(status), Some((135_168 + 1024) << 10));
        assert_eq!(unshared_in("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn commands_are_one_short_line() {
        assert_eq!(
            shorten("python -c\nimport os\n\tos.fork()", 100),
            "python -c import os os.fork()"
        );
        assert_eq!(shorten("0123456789", 5), "0123…");
    }

    #[test]
    fn this_machine_can_be_sampled() {
        let resources = Resources::sample(Path::new("/nowhere/target")).unwrap();
        assert!(resources.total_bytes() > 0 && resources.available_bytes() > 0);
        assert!(resources.n_cpus >= 1);
        let own = resources.processes.iter().find(|it| it.pid == std::process::id()).unwrap();
        assert!(own.related && own.own && own.resident_bytes > 0);
        assert!(TreeWatch::new(std::process::id()).unwrap().sample() > 0);
    }
}
