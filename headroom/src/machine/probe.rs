//! Memory, looked at often: open files, fixed buffers, no allocation between two looks.
//!
//! The same arithmetic as [`crate::machine::cgroup`] and [`crate::machine::resources`], which look once and tell more.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
};

use crate::{
    machine::cgroup::{self, Version},
    numbers::{MOST_BYTES, kib, sum},
};

/// The longest file that is read: `/proc/vmstat`, of which the part with `oom_kill` is within 8 KiB.
const N_BYTES: usize = 16384;

/// Everything that is read again and again.
#[derive(Debug)]
pub(crate) struct Probe {
    buffer: Box<[u8; N_BYTES]>,
    meminfo: File,
    vmstat: Option<File>,
    pressure: Option<File>,
    groups: Vec<Group>,
    /// Its own group's kill counter.
    kills: Option<File>,
    page_bytes: u64,
}

/// A cgroup with a limit: this process's own or an ancestor.
#[derive(Debug)]
struct Group {
    version: Version,
    limit: File,
    high: Option<File>,
    usage: File,
    stat: File,
    swap_limit: Option<File>,
    swap_usage: Option<File>,
}

/// One look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) ram_headroom_bytes: u64,
    pub(crate) swap_headroom_bytes: u64,
    /// Whether a group leaves less than the machine.
    pub(crate) is_group: bool,
}

impl Look {
    /// RAM and swap together.
    pub(crate) fn headroom_bytes(self) -> u64 {
        self.ram_headroom_bytes + self.swap_headroom_bytes
    }
}

impl Probe {
    /// `None` where there is no `/proc/meminfo`.
    pub(crate) fn open() -> Option<Probe> {
        let root = Path::new("/");
        let groups = cgroup::group_dirs(root).unwrap_or_default();
        let own = groups.first();
        let kills = own.and_then(|(version, dir)| {
            let name = if *version == Version::V1 { "memory.oom_control" } else { "memory.events" };
            File::open(dir.join(name)).ok()
        });
        Some(Probe {
            buffer: Box::new([0; N_BYTES]),
            meminfo: File::open("/proc/meminfo").ok()?,
            vmstat: File::open("/proc/vmstat").ok(),
            pressure: File::open("/proc/pressure/memory").ok(),
            groups: groups.iter().filter_map(|(version, dir)| Group::open(*version, dir)).collect(),
            kills,
            page_bytes: 4096.max(page_bytes()),
        })
    }

    /// What is left.
    pub(crate) fn look(&mut self) -> Look {
        let text = read(&self.meminfo, &mut *self.buffer);
        let kib = |name| kib(value(text, name).unwrap_or(0));
        let (mut ram, mut swap) = (kib("MemAvailable:"), kib("SwapFree:"));
        let mut is_group = false;
        for group in &self.groups {
            let Some((headroom, swap_headroom)) = group.headroom(&mut *self.buffer) else {
                continue;
            };
            is_group |= headroom < ram;
            ram = ram.min(headroom);
            swap = swap.min(swap_headroom.unwrap_or(u64::MAX));
        }
        Look { ram_headroom_bytes: ram, swap_headroom_bytes: swap, is_group }
    }

    /// The kernel's kills for lack of memory so far: of this group, of the machine.
    pub(crate) fn kills(&mut self) -> (Option<u64>, Option<u64>) {
        let mut read_of = |file: &Option<File>| {
            let text = read(file.as_ref()?, &mut *self.buffer);
            value(text, "oom_kill ")
        };
        (read_of(&self.kills), read_of(&self.vmstat))
    }

    /// Microseconds for which some program has stood still for lack of memory since the machine was started.
    pub(crate) fn stalled_micros(&mut self) -> Option<u64> {
        let text = read(self.pressure.as_ref()?, &mut *self.buffer);
        let text = std::str::from_utf8(text).ok()?;
        let total = text.lines().find(|it| it.starts_with("some "))?.rsplit_once("total=")?.1;
        total.trim().parse().ok()
    }

    /// The pages a process has for itself, from its open `/proc/PID/statm`. `None`: it has ended.
    pub(crate) fn own_bytes(&mut self, statm: &File) -> Option<u64> {
        let text = std::str::from_utf8(read(statm, &mut *self.buffer)).ok()?;
        let mut fields = text.split_ascii_whitespace().skip(1);
        let mut next = || fields.next()?.parse::<u64>().ok();
        let (resident, shared) = (next()?, next()?);
        Some(resident.saturating_sub(shared).saturating_mul(self.page_bytes).min(MOST_BYTES))
    }

    /// The same for a process and all below it; for those that start linkers. This one allocates a little.
    pub(crate) fn tree_bytes(&mut self, pid: u32) -> u64 {
        let mut sum = 0;
        let mut todo = vec![pid];
        // A tree of compilers is small; the bound is against a loop through recycled numbers.
        for _ in 0..1000 {
            let Some(pid) = todo.pop() else { break };
            if let Ok(statm) = File::open(format!("/proc/{pid}/statm")) {
                sum += self.own_bytes(&statm).unwrap_or(0);
            }
            todo.extend(children(pid));
        }
        sum
    }
}

/// The children of all threads of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        tasks.flatten().filter_map(|it| fs::read_to_string(it.path().join("children")).ok());
    lists.flat_map(|it| it.split_whitespace().flat_map(str::parse).collect::<Vec<u32>>()).collect()
}

impl Group {
    fn open(version: Version, dir: &Path) -> Option<Group> {
        let open = |name: &str| File::open(dir.join(name)).ok();
        let group = match version {
            Version::V1 => Group {
                version,
                limit: open("memory.limit_in_bytes")?,
                high: None,
                usage: open("memory.usage_in_bytes")?,
                stat: open("memory.stat")?,
                swap_limit: open("memory.memsw.limit_in_bytes"),
                swap_usage: open("memory.memsw.usage_in_bytes"),
            },
            Version::V2 => Group {
                version,
                limit: open("memory.max")?,
                high: open("memory.high"),
                usage: open("memory.current")?,
                stat: open("memory.stat")?,
                swap_limit: open("memory.swap.max"),
                swap_usage: open("memory.swap.current"),
            },
        };
        Some(group)
    }

    /// What it leaves of RAM, and of swap if it limits that. `None`: it has no limit.
    fn headroom(&self, buffer: &mut [u8]) -> Option<(u64, Option<u64>)> {
        let mut limit =
            |file: &File| number(read(file, buffer)).filter(|it| *it < cgroup::UNLIMITED);
        let high = self.high.as_ref().and_then(&mut limit);
        let limits = [limit(&self.limit), high];
        let swap_limit = self.swap_limit.as_ref().and_then(&mut limit);
        let swap_used =
            self.swap_usage.as_ref().and_then(|it| number(read(it, buffer))).unwrap_or(0);
        let used = number(read(&self.usage, buffer))?;
        let stat = read(&self.stat, buffer);
        // Of v1, and of groups above those that can be seen from here as well.
        let hierarchical = value(stat, "hierarchical_memory_limit ");
        let hierarchical = hierarchical.filter(|it| *it < cgroup::UNLIMITED);
        let limit_bytes = limits.into_iter().flatten().chain(hierarchical).min()?;
        let field = |hierarchical, plain| value(stat, hierarchical).or_else(|| value(stat, plain));
        let cache =
            [("total_inactive_file ", "inactive_file "), ("total_active_file ", "active_file ")];
        let cache = sum(cache.map(|(all, own)| field(all, own).unwrap_or(0)));
        let headroom = limit_bytes.saturating_sub(used.saturating_sub(cache));
        let swap = swap_limit.map(|it| match self.version {
            // Memory and swap together.
            Version::V1 => {
                it.saturating_sub(swap_used.saturating_sub(cache)).saturating_sub(headroom)
            }
            Version::V2 => it.saturating_sub(swap_used),
        });
        Some((headroom, swap))
    }
}

/// The file from its beginning, as far as the buffer holds it; empty if it cannot be read.
fn read<'a>(file: &File, buffer: &'a mut [u8]) -> &'a [u8] {
    let n = file.read_at(buffer, 0).unwrap_or(0);
    &buffer[..n]
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// The number on the line that begins with `key`.
fn value(text: &[u8], key: &str) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let rest = text.lines().find_map(|it| it.strip_prefix(key))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

fn page_bytes() -> u64 {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    size.ok().flatten().and_then(|it| u64::try_from(it).ok()).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn headroom(version: Version, files: &[(&str, String)]) -> Option<(u64, Option<u64>)> {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        files.iter().for_each(|(name, text)| sh.write_file(dir.path().join(name), text).unwrap());
        Group::open(version, dir.path()).unwrap().headroom(&mut [0; N_BYTES])
    }

    #[test]
    fn the_headroom_of_a_group_leaves_out_page_cache() {
        let mib = |it: u64| format!("{}\n", it * MIB);
        let stat = |prefix: &str| {
            let (inactive, active) = (100 * MIB, 50 * MIB);
            format!("cache 1\n{prefix}inactive_file {inactive}\n{prefix}active_file {active}\n")
        };
        let v1 = [
            ("memory.limit_in_bytes", mib(500)),
            ("memory.usage_in_bytes", mib(400)),
            ("memory.stat", format!("inactive_file 0\nactive_file 0\n{}", stat("total_"))),
            ("memory.memsw.limit_in_bytes", mib(600)),
            ("memory.memsw.usage_in_bytes", mib(420)),
        ];
        // 400 - 150 are used of 500; with swap 420 - 150 of 600, which is 80 more.
        assert_eq!(headroom(Version::V1, &v1), Some((250 * MIB, Some(80 * MIB))));
        let v2 = |max: &str, high: &str| {
            let files = [
                ("memory.max", max.to_owned()),
                ("memory.high", high.to_owned()),
                ("memory.current", mib(400)),
                ("memory.stat", stat("")),
                ("memory.swap.max", mib(64)),
                ("memory.swap.current", mib(60)),
            ];
            headroom(Version::V2, &files)
        };
        let swap = Some(4 * MIB);
        assert_eq!(v2(&mib(500), "max\n"), Some((250 * MIB, swap)));
        assert_eq!(v2(&mib(500), &mib(300)), Some((50 * MIB, swap)));
        assert_eq!(v2("max\n", &mib(200)), Some((0, swap)));
        assert_eq!(v2("max\n", "max\n"), None);
        let unlimited = [
            ("memory.limit_in_bytes", "9223372036854771712\n".to_owned()),
            ("memory.usage_in_bytes", mib(400)),
            ("memory.stat", stat("total_")),
        ];
        assert_eq!(headroom(Version::V1, &unlimited), None);
        let stat = format!("hierarchical_memory_limit {}\n{}", 450 * MIB, stat("total_"));
        let above = [&unlimited[..2], &[("memory.stat", stat)]].concat();
        assert_eq!(headroom(Version::V1, &above), Some((200 * MIB, None)));
    }

    #[test]
    fn looks_agree_with_the_one_that_tells_more() {
        let mut probe = Probe::open().unwrap();
        // Other programs run, so not to the byte, and not every time.
        let agrees = (0..50).any(|_| {
            let look = probe.look();
            let resources = crate::machine::resources::Resources::sample(Path::new("/")).unwrap();
            look.ram_headroom_bytes.abs_diff(resources.available_bytes()) < 64 * MIB
        });
        assert!(agrees, "{:?}", probe.look());
        let own = probe.own_bytes(&File::open("/proc/self/statm").unwrap()).unwrap();
        assert!((MIB / 4..4096 * MIB).contains(&own), "{own}");
        assert!(probe.tree_bytes(std::process::id()) >= own / 2);
        let kills = crate::machine::cgroup::KillCounters::read(Path::new("/"));
        let (group, machine) = probe.kills();
        assert_eq!(
            (group.is_some(), machine.is_some()),
            (kills.group.is_some(), kills.machine.is_some())
        );
    }
}
