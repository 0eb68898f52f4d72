//! The resources of this machine: memory, swap, the container's share, pressure, limits, CPUs,
//! disk, and the processes that hold the memory.
//!
//! This is the only sampling; everything after it works on the plain values made here. All sizes
//! are bytes. [`Resources`] judges nothing.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::{
    cgroup::{Container, Pressure},
    headroom::Headroom,
    memory::Memory,
    process_files::own_memory,
    process_id::ProcessId,
    system::budget_bytes,
};
use crate::numbers::sum;

/// One look at the machine.
#[derive(Clone, Debug, Serialize)]
pub struct Resources {
    pub(crate) memory: Memory,
    /// The container's limit, if there is one below the machine's memory.
    pub(crate) container: Option<Container>,
    /// The memory that all builds together may hold, if the user has set a limit.
    pub(crate) budget_bytes: Option<u64>,
    /// The memory that other builds under a guard hold. They give it back when they end, and take
    /// turns until then.
    pub(crate) builds_bytes: u64,
    /// Time lost waiting for memory, on the machine and in this process's group; `None` where it is
    /// not counted.
    pub(crate) pressure: Option<Pressure>,
    pub(crate) group_pressure: Option<Pressure>,
    /// RLIMIT_AS: what one process may map. Far below what it uses, compilers fail in misleading
    /// ways.
    pub(crate) address_space_limit_bytes: Option<u64>,
    /// Threads this process may run at once; what cargo takes as its number of jobs.
    pub n_cpus: usize,
    /// The disk below the target folder; `None` if it cannot be told.
    pub(crate) disk: Option<Disk>,
    /// Every process that can be seen, the largest first.
    #[serde(skip)]
    pub(crate) processes: Vec<ProcessUse>,
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
    #[serde(flatten)]
    pub(crate) id: ProcessId,
    /// `None` if it has none that can be seen.
    pub(crate) parent: Option<u32>,
    pub(crate) name: String,
    /// The command line, shortened.
    pub(crate) command: String,
    pub(crate) kind: ProcessKind,
    /// Resident set, pages shared with others included.
    pub(crate) resident_bytes: u64,
    /// The memory that would be free without it: on Linux anonymous and shared-memory pages,
    /// elsewhere the resident set.
    pub(crate) own_bytes: u64,
    /// The part of it that lies in swap.
    pub(crate) swapped_bytes: u64,
    /// `true` if it belongs to the user who runs this program.
    pub(crate) own: bool,
    /// `true` if it is this process, one of its ancestors or of its descendants.
    pub(crate) related: bool,
}

/// A program with everything it has started: what a person would call one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ProcessTree {
    #[serde(flatten)]
    pub(crate) root: ProcessId,
    /// The name of the root.
    pub(crate) name: String,
    pub(crate) command: String,
    /// The kind of the largest process that is a build or a test, else `Other`.
    pub(crate) kind: ProcessKind,
    pub(crate) n_processes: usize,
    pub(crate) own_bytes: u64,
    pub(crate) swapped_bytes: u64,
    /// `true` if all of it belongs to the user who runs this program.
    pub(crate) own: bool,
    /// `true` if any of it is this process, one of its ancestors or of its descendants.
    pub(crate) related: bool,
}

/// The kind of a process, judged by its name and path.
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
    /// Looks at the machine, and at the disk that holds `target_dir` (which need not exist yet).
    ///
    /// # Errors
    /// If the system does not tell what memory there is.
    pub fn sample(target_dir: &Path) -> anyhow::Result<Resources> {
        Resources::sample_below(Path::new("/"), target_dir)
    }

    /// The same of a machine whose files are below `root`.
    pub(crate) fn sample_below(root: &Path, target_dir: &Path) -> anyhow::Result<Resources> {
        let memory = Memory::read(root)?;
        Ok(Resources {
            memory,
            container: Container::read(root, memory.total_bytes),
            budget_bytes: budget_bytes()?,
            builds_bytes: 0,
            pressure: Pressure::of_machine(root),
            group_pressure: Pressure::of_group(root),
            address_space_limit_bytes: address_space_limit_bytes(),
            n_cpus: std::thread::available_parallelism().map_or(1, |it| it.get()),
            disk: disk(target_dir),
            processes: processes()?,
        })
    }

    /// Returns the memory left to this process.
    pub(crate) fn headroom(&self) -> Headroom {
        let group = self.container.as_ref();
        let left = group.map(|it| (Some(it.tightest.headroom_bytes), it.swap_headroom_bytes));
        Headroom::of(&self.memory, left)
    }

    /// Size of what this process may use: the machine, or the container's limit.
    pub(crate) fn total_bytes(&self) -> u64 {
        match self.binding_group() {
            Some(it) => it.limit_bytes.min(self.memory.total_bytes),
            None => self.memory.total_bytes,
        }
    }

    /// Part of [`Resources::total_bytes`] that is in use.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.binding_group().map_or(self.memory.used_bytes, |it| it.used_bytes)
    }

    /// Memory that is left to this process without swapping: the machine's, or less in a container.
    pub fn available_bytes(&self) -> u64 {
        self.headroom().ram_bytes.min(self.budget_bytes.unwrap_or(u64::MAX))
    }

    /// The same, and what other builds under a guard will give back.
    pub(crate) fn room_bytes(&self) -> u64 {
        let room = self.available_bytes().saturating_add(self.builds_bytes);
        room.min(self.budget_bytes.unwrap_or(u64::MAX))
    }

    /// Swap that is left to this process.
    pub(crate) fn swap_available_bytes(&self) -> u64 {
        let left = self.budget_bytes.map(|it| it.saturating_sub(self.available_bytes()));
        self.headroom().swap_bytes.min(left.unwrap_or(u64::MAX))
    }

    /// The group that leaves less than the machine does.
    pub(crate) fn binding_group(&self) -> Option<&crate::machine::cgroup::GroupLimit> {
        let tightest = &self.container.as_ref()?.tightest;
        (tightest.headroom_bytes < self.memory.available_bytes).then_some(tightest)
    }

    /// Builds and tests of others: what competes with a build for memory.
    pub(crate) fn competitors(&self) -> impl Iterator<Item = &ProcessUse> {
        self.processes.iter().filter(|it| it.kind != ProcessKind::Other && !it.related)
    }

    /// Everything that runs, as programs with all they have started, the largest first.
    ///
    /// A program begins below a shell, a terminal or init: these hold together what has nothing to
    /// do with each other.
    pub(crate) fn trees(&self) -> Vec<ProcessTree> {
        let by_pid: HashMap<u32, &ProcessUse> =
            self.processes.iter().map(|it| (it.id.pid, it)).collect();
        let parent = |it: &ProcessUse| by_pid.get(&it.parent?).copied();
        let root_of = |it: &'_ ProcessUse| {
            let mut root = by_pid[&it.id.pid];
            // A circle of parents cannot be, but two looks at a changing machine can show one.
            for _ in 0..by_pid.len() {
                match parent(root) {
                    Some(next) if !holds_together(next) => root = next,
                    _ => break,
                }
            }
            root
        };
        let mut trees: HashMap<u32, (ProcessTree, u64)> = HashMap::new();
        for it in &self.processes {
            let root = root_of(it);
            let (tree, largest) = trees.entry(root.id.pid).or_insert_with(|| {
                let tree = ProcessTree {
                    root: root.id,
                    name: root.name.clone(),
                    command: root.command.clone(),
                    kind: ProcessKind::Other,
                    n_processes: 0,
                    own_bytes: 0,
                    swapped_bytes: 0,
                    own: true,
                    related: false,
                };
                (tree, 0)
            });
            if it.kind != ProcessKind::Other && it.own_bytes >= *largest {
                (tree.kind, *largest) = (it.kind, it.own_bytes);
            }
            tree.n_processes += 1;
            tree.own_bytes = sum([tree.own_bytes, it.own_bytes]);
            tree.swapped_bytes = sum([tree.swapped_bytes, it.swapped_bytes]);
            tree.own &= it.own;
            tree.related |= it.related;
        }
        let mut trees: Vec<ProcessTree> = trees.into_values().map(|it| it.0).collect();
        trees.sort_by_key(|it| (std::cmp::Reverse(it.own_bytes), it.root.pid));
        trees
    }

    /// Programs the user could pause or stop to make room: their own, not related to this process,
    /// no shell, at least 50 MiB.
    pub(crate) fn stoppable(&self) -> Vec<ProcessTree> {
        let mut trees = self.trees();
        let joins = |root| self.processes.iter().any(|it| it.id == root && holds_together(it));
        trees.retain(|it| it.own && !it.related && it.own_bytes >= 50 << 20);
        // To pause a shell is to pause everything that was started from it.
        trees.retain(|it| it.n_processes > 1 || !joins(it.root));
        trees
    }

    /// A process and everything below it, as it is now; the root first.
    pub(crate) fn below(&self, pid: u32) -> Vec<&ProcessUse> {
        let mut found: Vec<&ProcessUse> =
            self.processes.iter().filter(|it| it.id.pid == pid).collect();
        let mut next = 0;
        while let Some(above) = found.get(next).map(|it| it.id.pid) {
            found.extend(
                self.processes.iter().filter(|it| it.parent == Some(above) && it.id.pid != above),
            );
            next += 1;
            if next > self.processes.len() {
                break;
            }
        }
        found
    }
}

/// `true` if its children are separate programs: init, a shell, a terminal, a login.
fn holds_together(it: &ProcessUse) -> bool {
    const NAMES: [&str; 30] = [
        "init",
        "systemd",
        "launchd",
        "explorer.exe",
        "tini",
        "dumb-init",
        "catatonit",
        "sh",
        "bash",
        "dash",
        "ash",
        "zsh",
        "fish",
        "ksh",
        "tcsh",
        "csh",
        "nu",
        "pwsh",
        "login",
        "su",
        "sudo",
        "doas",
        "sshd",
        "sshd-session",
        "screen",
        "tmux",
        "tmux: server",
        "zellij",
        "gnome-terminal-",
        "konsole",
    ];
    // A login shell is written with a dash.
    it.id.pid == 1 || NAMES.contains(&it.name.trim_start_matches('-'))
}

#[cfg(unix)]
fn address_space_limit_bytes() -> Option<u64> {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
    let (soft, _) = getrlimit(Resource::RLIMIT_AS).ok()?;
    (soft != RLIM_INFINITY).then_some(soft)
}

#[cfg(not(unix))]
fn address_space_limit_bytes() -> Option<u64> {
    None
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

fn processes() -> anyhow::Result<Vec<ProcessUse>> {
    let mut system = System::new().context("could not read this system's processes")?;
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
        .filter_map(|(pid, it)| {
            // One that has ended since, and whatever has its PID now, is not worth a line.
            let id = ProcessId::of(pid.as_u32())?;
            let (own_bytes, swapped_bytes) = own_memory(id.pid).unwrap_or((it.memory(), 0));
            let name = it.name().to_string_lossy().into_owned();
            let program = it.exe().filter(|exe| !exe.as_os_str().is_empty());
            let command: Vec<_> = it.cmd().iter().map(|arg| arg.to_string_lossy()).collect();
            Some(ProcessUse {
                id,
                parent: it.parent().map(Pid::as_u32),
                kind: ProcessKind::of(program.unwrap_or(Path::new(&name))),
                command: shorten(&command.join(" "), 100),
                name,
                resident_bytes: it.memory(),
                own_bytes,
                swapped_bytes,
                own: own_user.is_some() && it.user_id() == own_user.as_ref(),
                related: related.contains(pid),
            })
        })
        .collect();
    processes.sort_by_key(|it| (std::cmp::Reverse(it.own_bytes), it.id.pid));
    Ok(processes)
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

    /// Memory the tree holds now that is its own: on Linux the anonymous and shared-memory pages,
    /// elsewhere the resident set. File pages are left out because the compilers share them and the
    /// kernel can drop them.
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
        sum(tree.iter().map(own_bytes))
    }

    /// Memory that is left to this process now, as [`Resources::available_bytes`] counts it.
    ///
    /// # Errors
    /// If the system does not tell.
    pub(crate) fn available_bytes(&self) -> anyhow::Result<u64> {
        let memory = Memory::read(Path::new("/"))?;
        let group = Container::read(Path::new("/"), memory.total_bytes);
        let left = group.map(|it| (Some(it.tightest.headroom_bytes), None));
        Ok(Headroom::of(&memory, left).ram_bytes)
    }
}

fn unshared_bytes(pid: u32) -> Option<u64> {
    own_memory(pid).map(|(own, swapped)| sum([own, swapped]))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::machine::cgroup::{CgroupVersion, GroupLimit};

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
                commit_left_bytes: None,
                daemon_least_bytes: 0,
            },
            container: None,
            budget_bytes: None,
            builds_bytes: 0,
            pressure: None,
            group_pressure: None,
            address_space_limit_bytes: None,
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
            version: CgroupVersion::V2,
            smallest_limit_bytes: gib(limit),
            tightest,
            swap_headroom_bytes: Some(0),
        };
        Resources { container: Some(container), ..resources }
    }

    /// A made-up process; size in GiB.
    pub(crate) fn process(
        pid: u32,
        parent: u32,
        name: &str,
        kind: ProcessKind,
        size: f64,
    ) -> ProcessUse {
        ProcessUse {
            id: ProcessId { pid, started: 1_700 + u64::from(pid) },
            parent: (parent > 0).then_some(parent),
            name: name.into(),
            command: format!("/src/target/debug/deps/{name}"),
            kind,
            resident_bytes: gib(size),
            own_bytes: gib(size),
            swapped_bytes: 0,
            own: true,
            related: false,
        }
    }

    /// The user's machine on the evening of the failure.
    pub(crate) fn users_evening() -> Resources {
        let tests = (0..14).map(|it| process(100 + it, 0, "suite", ProcessKind::TestBinary, 1.3));
        let builds = (0..3).map(|it| process(200 + it, 0, "rustc", ProcessKind::Rustc, 1.0));
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
    fn a_kernel_that_keeps_its_promises_limits_memory_and_swap_together() {
        let mut strict = machine(16.0, 10.0, 8.0, 8.0, 4);
        strict.memory.commit_left_bytes = Some(gib(12.0));
        assert_eq!(
            (strict.available_bytes(), strict.swap_available_bytes()),
            (gib(10.0), gib(2.0))
        );
        strict.memory.commit_left_bytes = Some(gib(3.0));
        assert_eq!((strict.available_bytes(), strict.swap_available_bytes()), (gib(3.0), 0));
    }

    /// systemd → bash → cargo → 2 rustc, one of which has a linker; bash → sleep; systemd → daemon
    /// → worker.
    #[test]
    fn memory_is_added_up_by_program() {
        let kind = ProcessKind::Other;
        let processes = vec![
            process(1, 0, "systemd", kind, 0.1),
            process(10, 1, "-bash", kind, 0.1),
            process(20, 10, "cargo", ProcessKind::Cargo, 0.1),
            process(21, 20, "rustc", ProcessKind::Rustc, 2.0),
            process(22, 20, "rustc", ProcessKind::Rustc, 1.0),
            process(23, 22, "ld", ProcessKind::Linker, 3.0),
            process(30, 10, "sleep", kind, 0.1),
            process(40, 1, "daemon", kind, 1.0),
            ProcessUse { own: false, ..process(41, 40, "worker", kind, 1.0) },
        ];
        let resources = Resources { processes, ..machine(16.0, 4.0, 0.0, 0.0, 4) };
        let trees = resources.trees();
        let shown = |it: &ProcessTree| (it.root.pid, it.n_processes, it.kind, it.own);
        let expected = [
            (20, 4, ProcessKind::Linker, true),
            (40, 2, kind, false),
            (1, 1, kind, true),
            (10, 1, kind, true),
            (30, 1, kind, true),
        ];
        assert_eq!(trees.iter().map(shown).collect::<Vec<_>>(), expected);
        assert_eq!(trees[0].own_bytes, gib(0.1) + gib(2.0) + gib(1.0) + gib(3.0));
        let pids = |pid| resources.below(pid).iter().map(|it| it.id.pid).collect::<Vec<_>>();
        assert_eq!(pids(20), [20, 21, 22, 23]);
        assert_eq!(pids(10), [10, 20, 30, 21, 22, 23]);
        assert!(pids(99).is_empty());
        // The daemon is partly another user's.
        assert_eq!(
            resources.stoppable().iter().map(|it| it.root.pid).collect::<Vec<_>>(),
            [20, 30]
        );
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
        assert_eq!(resources.stoppable().len(), 17);
        resources.processes[0].related = true;
        resources.processes[1].own = false;
        resources.processes[2].own_bytes = 1 << 20;
        assert_eq!(resources.competitors().count(), 16);
        assert_eq!(resources.stoppable().len(), 14);
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
        let own = resources.processes.iter().find(|it| it.id.pid == std::process::id()).unwrap();
        assert!(own.related && own.own && own.resident_bytes > 0);
        assert!(TreeWatch::new(std::process::id()).unwrap().sample() > 0);
    }
}
