//! The container's share of memory: cgroup v1 and v2 limits, and the kernel's count of memory
//! kills.
//!
//! A process may use what is left in its own group *and in every ancestor*, so the tightest of them
//! counts. What the kernel takes back before it kills is not "used": page cache, and of the
//! kernel's own reclaimable caches (v2 counts them) one half, as `MemAvailable` does. Thus
//! `headroom = limit - (usage - inactive_file - active_file - slab_reclaimable / 2)`. This module
//! reads files below a given root, so that a test can hand it a made-up machine.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::fields::{Buffer, number, unescape, value_of};
use crate::numbers::sum;

/// Limits at or above this are "no limit": v1 writes the largest multiple of the page size.
pub(crate) const UNLIMITED: u64 = 1 << 62;

/// The version of the memory controller in charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum CgroupVersion {
    /// One hierarchy per controller.
    V1,
    /// The unified hierarchy.
    V2,
}

/// The resources that the groups above this process leave to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Container {
    /// The version of the controller that the numbers come from.
    pub(crate) version: CgroupVersion,
    /// Smallest limit of this process's own group and every ancestor.
    pub(crate) smallest_limit_bytes: u64,
    /// The group with the least headroom; often, but not always, the one with the smallest limit.
    pub(crate) tightest: GroupLimit,
    /// Swap the groups still allow; `None` if they do not limit it.
    pub(crate) swap_headroom_bytes: Option<u64>,
}

/// The limit of one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct GroupLimit {
    /// The group's path as the kernel names it, `/` being the root that is visible here.
    pub(crate) group: String,
    /// `memory.limit_in_bytes` (of the outermost visible group: `hierarchical_memory_limit`), or
    /// the smaller of `memory.max` and `memory.high`.
    pub(crate) limit_bytes: u64,
    /// Usage without what the kernel can take back.
    pub(crate) used_bytes: u64,
    /// `limit - used`, never below 0.
    pub(crate) headroom_bytes: u64,
}

impl Container {
    /// Reads the limits of the calling process; `None` if no group has one.
    ///
    /// `root` is `/` on a real machine. Limits of `total_bytes`, the machine's memory, or more are
    /// none.
    pub(crate) fn read(root: &Path, total_bytes: u64) -> Option<Container> {
        let (mut buffer, most) = (Buffer::new(), total_bytes.min(UNLIMITED));
        let groups = groups(root);
        let left: Vec<(&GroupFiles, GroupLeft)> =
            groups.iter().filter_map(|it| Some((it, it.left(most, &mut buffer)?))).collect();
        let limits = left.iter().filter_map(|(group, it)| {
            let (limit_bytes, used_bytes) = it.limit_and_used_bytes?;
            let headroom_bytes = limit_bytes.saturating_sub(used_bytes);
            Some(GroupLimit { group: group.name.clone(), limit_bytes, used_bytes, headroom_bytes })
        });
        Some(Container {
            version: groups.first()?.version,
            smallest_limit_bytes: limits.clone().map(|it| it.limit_bytes).min()?,
            tightest: limits.min_by_key(|it| it.headroom_bytes)?,
            swap_headroom_bytes: left.iter().filter_map(|it| it.1.swap_bytes).min(),
        })
    }
}

/// Time that tasks lost waiting for memory (pressure stall information), in percent of the last
/// ten seconds.
///
/// Without swap it gives no warning: measured, builds that fitted added nothing, and a trigger
/// fired after the kill.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Pressure {
    /// At least one task waited.
    pub(crate) some_percent: f64,
    /// All tasks waited.
    pub(crate) full_percent: f64,
}

impl Pressure {
    /// Reads the pressure of the whole machine.
    pub(crate) fn of_machine(root: &Path) -> Option<Pressure> {
        Pressure::read(&root.join("proc/pressure/memory"))
    }

    /// Reads the pressure of this process's own group. Only v2 has it, and it has it even where v1
    /// is in charge of memory.
    pub(crate) fn of_group(root: &Path) -> Option<Pressure> {
        Pressure::read(&own_pressure_path(root)?)
    }

    fn read(file: &Path) -> Option<Pressure> {
        Pressure::parse(&fs::read_to_string(file).ok()?)
    }

    pub(crate) fn parse(text: &str) -> Option<Pressure> {
        let percent = |kind: &str| {
            let line = text.lines().find_map(|it| it.strip_prefix(kind)?.strip_prefix(' '))?;
            line.split(' ').find_map(|it| it.strip_prefix("avg10=")?.parse().ok())
        };
        Some(Pressure {
            some_percent: percent("some")?,
            full_percent: percent("full").unwrap_or(0.0),
        })
    }
}

fn own_pressure_path(root: &Path) -> Option<PathBuf> {
    let hierarchy = Hierarchy::locate_version(root, CgroupVersion::V2)?;
    Some(hierarchy.groups.first()?.dir.join("memory.pressure"))
}

/// The pressure of this process's own group, to be looked at again and again.
pub(super) fn own_pressure_file(root: &Path) -> Option<File> {
    File::open(own_pressure_path(root)?).ok()
}

/// The folder of this process's own group in the unified hierarchy, whichever hierarchy controls
/// memory. `None` if it cannot be seen from here.
#[cfg(target_os = "linux")]
pub(crate) fn own_v2_dir(root: &Path) -> Option<PathBuf> {
    let own = Hierarchy::locate_version(root, CgroupVersion::V2)?.groups.into_iter().next()?.dir;
    // Another part of the hierarchy may be mounted: then that is the nearest there is, and not this
    // process's own.
    let members = fs::read_to_string(own.join("cgroup.procs")).ok()?;
    let own_pid = std::process::id().to_string();
    members.lines().any(|it| it == own_pid).then_some(own)
}

/// Number of processes that the kernel has killed for lack of memory. Only differences mean
/// anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KillCounters {
    /// In this process's own group (v2: and below); `None` if it cannot be read.
    pub group: Option<u64>,
    /// On the whole machine; `None` if it cannot be read.
    pub machine: Option<u64>,
}

impl KillCounters {
    /// Reads both counters. `root` is `/` on a real machine.
    pub fn read(root: &Path) -> KillCounters {
        KillFiles::open(root).read(&mut Buffer::new())
    }

    /// The kills since `earlier`; a counter that was readable only once counts as unreadable.
    pub fn since(self, earlier: KillCounters) -> KillCounters {
        let difference = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        KillCounters {
            group: difference(self.group, earlier.group),
            machine: difference(self.machine, earlier.machine),
        }
    }

    /// `true` if any counter can be read at all.
    pub fn readable(self) -> bool {
        self.group.is_some() || self.machine.is_some()
    }

    /// `true` if any counter moved (on a value made by [`KillCounters::since`]).
    pub fn moved(self) -> bool {
        self.group.unwrap_or(0) > 0 || self.machine.unwrap_or(0) > 0
    }
}

/// The files of [`KillCounters`], kept open.
#[derive(Debug)]
pub(super) struct KillFiles {
    group: Option<File>,
    machine: Option<File>,
}

impl KillFiles {
    pub(super) fn open(root: &Path) -> KillFiles {
        let own = Hierarchy::locate(root).and_then(|it| it.groups.into_iter().next());
        let group = own.and_then(|it| {
            let name = match it.version {
                CgroupVersion::V1 => "memory.oom_control",
                CgroupVersion::V2 => "memory.events",
            };
            File::open(it.dir.join(name)).ok()
        });
        KillFiles { group, machine: File::open(root.join("proc/vmstat")).ok() }
    }

    /// `true` if the kills in this process's own group are told.
    pub(super) fn counts_the_group(&self) -> bool {
        self.group.is_some()
    }

    pub(super) fn read(&self, buffer: &mut Buffer) -> KillCounters {
        let mut count = |file: &Option<File>| value_of(buffer.read(file.as_ref()?), "oom_kill");
        KillCounters { group: count(&self.group), machine: count(&self.machine) }
    }
}

/// The process's own group first, then its ancestors up to the mount point.
struct Hierarchy {
    groups: Vec<Group>,
}

/// Parses the content of `/proc/self/cgroup` and `/proc/self/mountinfo`; for fuzzing.
pub(crate) fn parse_hierarchy(groups: &str, mounts: &str) {
    for version in [CgroupVersion::V1, CgroupVersion::V2] {
        Hierarchy::of(groups, mounts, Path::new("/"), version);
    }
}

struct Group {
    version: CgroupVersion,
    name: String,
    dir: PathBuf,
}

impl Hierarchy {
    /// The memory controller is on v1 where `/proc/self/cgroup` names it, else on v2.
    fn locate(root: &Path) -> Option<Hierarchy> {
        Hierarchy::locate_version(root, CgroupVersion::V1)
            .or_else(|| Hierarchy::locate_version(root, CgroupVersion::V2))
    }

    fn locate_version(root: &Path, version: CgroupVersion) -> Option<Hierarchy> {
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
        let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
        Hierarchy::below_namespace(&groups, &mounts, root, version)
            .or_else(|| Hierarchy::of(&groups, &mounts, root, version))
    }

    /// In a namespace of groups that was made after the mount, the path of this process's own group
    /// begins at the namespace and the mount shows more: so many levels more as its root has `..`.
    /// Which group it is there its list of processes tells.
    fn below_namespace(
        groups: &str,
        mounts: &str,
        root: &Path,
        version: CgroupVersion,
    ) -> Option<Hierarchy> {
        let group = own_group(groups, version)?;
        let mount = CgroupMount::find(mounts, version, group)?;
        let n_above = mount.root.split('/').filter(|it| *it == "..").count();
        let n_below = group.split('/').filter(|it| !it.is_empty()).count();
        if n_above == 0 || group.split('/').any(|it| it == "..") {
            return None;
        }
        let top = root.join(mount.mount_point.strip_prefix("/").unwrap_or(&mount.mount_point));
        let pid = std::process::id().to_string();
        let own = find_group(&top, n_above + n_below, &pid, &mut { LOOKS_MOST })?;
        let groups = own.ancestors().take(n_above + n_below + 1).map(|dir| {
            let name = dir.strip_prefix(&top).unwrap_or(dir).to_string_lossy();
            Group { version, name: format!("/{name}"), dir: dir.to_owned() }
        });
        Some(Hierarchy { groups: groups.collect() })
    }

    fn of(groups: &str, mounts: &str, root: &Path, version: CgroupVersion) -> Option<Hierarchy> {
        let group = own_group(groups, version)?;
        let mount = CgroupMount::find(mounts, version, group)?;
        let groups = mount.ancestry(group).into_iter().map(|(name, dir)| {
            let dir = root.join(dir.strip_prefix("/").unwrap_or(&dir));
            Group { version, name, dir }
        });
        Some(Hierarchy { groups: groups.collect() })
    }
}

/// So many groups are looked into at most.
const LOOKS_MOST: u32 = 10_000;

/// The group of this process, so many levels below this one.
fn find_group(dir: &Path, depth: usize, pid: &str, n_looks: &mut u32) -> Option<PathBuf> {
    *n_looks = n_looks.checked_sub(1)?;
    if depth == 0 {
        let members = fs::read_to_string(dir.join("cgroup.procs")).ok()?;
        return members.lines().any(|it| it == pid).then(|| dir.to_owned());
    }
    let folders = fs::read_dir(dir).ok()?.flatten();
    let mut folders = folders.filter(|it| it.file_type().is_ok_and(|it| it.is_dir()));
    folders.find_map(|it| find_group(&it.path(), depth - 1, pid, n_looks))
}

/// This process's group in the hierarchy of that version, from `/proc/self/cgroup`.
fn own_group(text: &str, version: CgroupVersion) -> Option<&str> {
    // hierarchy:controllers:path; the path may hold colons.
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (hierarchy, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = match version {
            CgroupVersion::V1 => controllers.split(',').any(|it| it == "memory"),
            CgroupVersion::V2 => hierarchy == "0" && controllers.is_empty(),
        };
        is_it.then_some(path)
    })
}

/// The place where a hierarchy, or a subtree of it, is mounted.
#[derive(Debug, PartialEq)]
struct CgroupMount {
    /// The group that is visible at `mount_point`.
    root: String,
    mount_point: PathBuf,
}

impl CgroupMount {
    /// The mount of the memory controller that shows `group`; a mount of another subtree is the
    /// second choice, since its limits still hold for everything that can be seen from here.
    fn find(mountinfo: &str, version: CgroupVersion, group: &str) -> Option<CgroupMount> {
        let mounts: Vec<CgroupMount> =
            mountinfo.lines().filter_map(|line| CgroupMount::parse(line, version)).collect();
        let shows = |it: &&CgroupMount| below(group, &it.root).is_some();
        let best = mounts.iter().filter(shows).max_by_key(|it| it.root.len());
        best.or(mounts.first())
            .map(|it| CgroupMount { root: it.root.clone(), mount_point: it.mount_point.clone() })
    }

    /// One line of `/proc/self/mountinfo`:
    /// `id parent dev root mount-point options… - type source super`.
    fn parse(line: &str, version: CgroupVersion) -> Option<CgroupMount> {
        let (left, right) = line.split_once(" - ")?;
        let left: Vec<&str> = left.split(' ').collect();
        let right: Vec<&str> = right.split(' ').collect();
        let wanted = match version {
            CgroupVersion::V1 => {
                right.first() == Some(&"cgroup")
                    && right.get(2)?.split(',').any(|option| option == "memory")
            }
            CgroupVersion::V2 => right.first() == Some(&"cgroup2"),
        };
        wanted.then_some(CgroupMount {
            root: unescape(left.get(3)?),
            mount_point: PathBuf::from(unescape(left.get(4)?)),
        })
    }

    /// Names and folders from `group` up to what the mount shows.
    fn ancestry(&self, group: &str) -> Vec<(String, PathBuf)> {
        let Some(relative) = below(group, &self.root) else {
            return vec![(self.root.clone(), self.mount_point.clone())];
        };
        Path::new(relative)
            .ancestors()
            .map(|it| {
                let name = match it.to_string_lossy() {
                    it if it.is_empty() => self.root.clone(),
                    it => format!("{}/{it}", self.root.trim_end_matches('/')),
                };
                (name, self.mount_point.join(it))
            })
            .collect()
    }
}

/// `group` relative to `root`, without a leading slash; `None` if it lies elsewhere.
fn below<'a>(group: &'a str, root: &str) -> Option<&'a str> {
    let rest = group.strip_prefix(root.trim_end_matches('/'))?;
    // A group outside this process's namespace is written with `..`: nothing of it can be seen.
    let inside =
        rest.is_empty() || (rest.starts_with('/') && !rest.split('/').any(|it| it == ".."));
    inside.then(|| rest.trim_matches('/'))
}

/// The memory files of a group, kept open, so that another look allocates nothing.
#[derive(Debug)]
pub(super) struct GroupFiles {
    version: CgroupVersion,
    /// As the kernel names it.
    name: String,
    /// The same for every process that sees the group, from whatever namespace.
    pub(super) id: String,
    /// `true` for the last of all groups that can be seen from here. The groups above it cannot
    /// be read: v1 only tells the smallest limit of all ancestors.
    is_outermost: bool,
    limit: Option<File>,
    high: Option<File>,
    usage: File,
    stat: File,
    swap_limit: Option<File>,
    swap_high: Option<File>,
    swap_usage: Option<File>,
}

/// The memory and swap that a group leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupLeft {
    /// The limit, and the usage without what the kernel can take back. `None` if the group has no
    /// limit.
    pub(super) limit_and_used_bytes: Option<(u64, u64)>,
    /// The swap that is left. `None` if the group does not limit swap.
    pub(super) swap_bytes: Option<u64>,
}

impl GroupLeft {
    pub(super) fn headroom_bytes(self) -> Option<u64> {
        self.limit_and_used_bytes.map(|(limit, used)| limit.saturating_sub(used))
    }
}

/// This process's own group first, then its ancestors.
pub(super) fn groups(root: &Path) -> Vec<GroupFiles> {
    let groups = Hierarchy::locate(root).map_or(Vec::new(), |it| it.groups);
    let outermost = groups.len().saturating_sub(1);
    let open = |(at, it): (usize, Group)| GroupFiles::open(it, at == outermost);
    groups.into_iter().enumerate().filter_map(open).collect()
}

/// Returns the id of the group's folder in the kernel's file system of groups.
#[cfg(unix)]
fn id_of(dir: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(dir).map_or(String::new(), |it| format!("{}:{}", it.dev(), it.ino()))
}

#[cfg(not(unix))]
fn id_of(_dir: &Path) -> String {
    String::new()
}

impl GroupFiles {
    fn open(group: Group, is_outermost: bool) -> Option<GroupFiles> {
        let Group { version, name, dir } = group;
        let open = |name: &str| File::open(dir.join(name)).ok();
        let stat = open("memory.stat")?;
        let id = id_of(&dir);
        Some(match version {
            CgroupVersion::V1 => GroupFiles {
                version,
                name,
                id,
                is_outermost,
                limit: open("memory.limit_in_bytes"),
                high: None,
                usage: open("memory.usage_in_bytes")?,
                stat,
                // Memory and swap together.
                swap_limit: open("memory.memsw.limit_in_bytes"),
                swap_high: None,
                swap_usage: open("memory.memsw.usage_in_bytes"),
            },
            CgroupVersion::V2 => GroupFiles {
                version,
                name,
                id,
                is_outermost,
                limit: open("memory.max"),
                high: open("memory.high"),
                usage: open("memory.current")?,
                stat,
                swap_limit: open("memory.swap.max"),
                swap_high: open("memory.swap.high"),
                swap_usage: open("memory.swap.current"),
            },
        })
    }

    /// Returns the memory and swap that the group leaves now. Limits of `most` bytes and more count
    /// as none. Returns `None` if the group is gone.
    pub(super) fn left(&self, most: u64, buffer: &mut Buffer) -> Option<GroupLeft> {
        let stat = buffer.read(&self.stat);
        // v1 counts the group alone without the prefix, and the group with all below it with it.
        let field = |hierarchical: &str| {
            let own = hierarchical.trim_start_matches("total_");
            value_of(stat, hierarchical).or_else(|| value_of(stat, own)).unwrap_or(0)
        };
        let page_cache = sum([field("total_inactive_file"), field("total_active_file")]);
        let slab = match self.version {
            CgroupVersion::V1 => 0,
            CgroupVersion::V2 => field("slab_reclaimable") / 2,
        };
        let hearsay = |key: &str| value_of(stat, key).filter(|_| self.is_outermost);
        let above = hearsay("hierarchical_memory_limit");
        let above_with_swap = hearsay("hierarchical_memsw_limit");

        let mut read = |file: &Option<File>| number(buffer.read(file.as_ref()?));
        let smallest = |limits: [Option<u64>; 3]| {
            limits.into_iter().flatten().filter(|it| *it < UNLIMITED).min()
        };
        let limit = smallest([read(&self.limit), read(&self.high), above]).filter(|it| *it < most);
        let swap_limit = smallest([read(&self.swap_limit), read(&self.swap_high), above_with_swap]);
        let swap_usage = read(&self.swap_usage);
        let used = number(buffer.read(&self.usage))?.saturating_sub(sum([page_cache, slab]));
        let limit_and_used_bytes = limit.map(|it| (it, used));
        let left = GroupLeft { limit_and_used_bytes, swap_bytes: None };
        let swap_bytes = match self.version {
            CgroupVersion::V1 => swap_limit.zip(swap_usage).map(|(limit, usage)| {
                let both = limit.saturating_sub(usage.saturating_sub(page_cache));
                both.saturating_sub(left.headroom_bytes().unwrap_or(0))
            }),
            CgroupVersion::V2 => swap_limit.map(|it| it.saturating_sub(swap_usage.unwrap_or(0))),
        };
        Some(GroupLeft { swap_bytes, ..left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up machine: files below a temporary folder.
    struct Machine(xshell::TempDir, xshell::Shell);

    impl Machine {
        fn new(files: &[(&str, &str)]) -> Machine {
            let sh = xshell::Shell::new().unwrap();
            let machine = Machine(sh.create_temp_dir().unwrap(), sh);
            for (path, text) in files {
                machine.1.write_file(machine.0.path().join(path), text).unwrap();
            }
            machine
        }

        fn container(&self) -> Option<Container> {
            Container::read(self.0.path(), u64::MAX)
        }
    }

    const MIB: u64 = 1 << 20;
    const V2_MOUNT: (&str, &str) =
        ("proc/self/mountinfo", "35 31 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");

    #[test]
    fn v2_takes_the_tightest_of_all_ancestors_and_leaves_out_page_cache() {
        let machine = Machine::new(&[
            ("proc/self/cgroup", "0::/kube/pod/app\n"),
            V2_MOUNT,
            // The leaf has no limit of its own.
            ("sys/fs/cgroup/kube/pod/app/memory.max", "max\n"),
            ("sys/fs/cgroup/kube/pod/app/memory.high", "max\n"),
            ("sys/fs/cgroup/kube/pod/app/memory.current", "104857600\n"),
            ("sys/fs/cgroup/kube/pod/app/memory.stat", "anon 1\ninactive_file 0\nactive_file 0\n"),
            // 1000 MiB, 900 used of which 500 is page cache: 600 left.
            ("sys/fs/cgroup/kube/pod/memory.max", "1048576000\n"),
            ("sys/fs/cgroup/kube/pod/memory.high", "max\n"),
            ("sys/fs/cgroup/kube/pod/memory.current", "943718400\n"),
            (
                "sys/fs/cgroup/kube/pod/memory.stat",
                "anon 419430400\ninactive_file 314572800\nactive_file 209715200\n",
            ),
            ("sys/fs/cgroup/kube/pod/memory.swap.max", "10485760\n"),
            ("sys/fs/cgroup/kube/pod/memory.swap.current", "4194304\n"),
            // A larger limit with less room, and `high` below `max`.
            ("sys/fs/cgroup/kube/memory.max", "4194304000\n"),
            ("sys/fs/cgroup/kube/memory.high", "2097152000\n"),
            ("sys/fs/cgroup/kube/memory.current", "1887436800\n"),
            ("sys/fs/cgroup/kube/memory.stat", "inactive_file 0\nactive_file 0\n"),
        ]);
        let container = machine.container().unwrap();
        assert_eq!(container.version, CgroupVersion::V2);
        assert_eq!(container.smallest_limit_bytes, 1000 * MIB);
        assert_eq!(container.tightest.group, "/kube");
        assert_eq!(container.tightest.limit_bytes, 2000 * MIB);
        assert_eq!(container.tightest.headroom_bytes, 200 * MIB);
        assert_eq!(container.swap_headroom_bytes, Some(6 * MIB));
    }

    #[test]
    fn v1_reads_the_hierarchical_page_cache_and_the_combined_swap_limit() {
        let dir = "sys/fs/cgroup/memory/build";
        let files: Vec<(String, &str)> = [
            ("memory.limit_in_bytes", "314572800\n"),
            ("memory.usage_in_bytes", "262144000\n"),
            (
                "memory.stat",
                "inactive_file 1\nactive_file 1\ntotal_inactive_file 209715200\n\
                total_active_file 20971520\n",
            ),
            ("memory.memsw.limit_in_bytes", "419430400\n"),
            ("memory.memsw.usage_in_bytes", "293601280\n"),
        ]
        .map(|(name, text)| (format!("{dir}/{name}"), text))
        .into();
        let mut files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        files.extend([
            ("proc/self/cgroup", "4:memory:/docker/build\n1:cpu:/docker/build\n0::/\n"),
            (
                "proc/self/mountinfo",
                "35 31 0:32 /docker /sys/fs/cgroup/memory ro shared:9 - cgroup cgroup rw,memory\n",
            ),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "999999999999\n"),
            ("sys/fs/cgroup/memory/memory.stat", ""),
        ]);
        let container = Machine::new(&files).container().unwrap();
        assert_eq!(container.version, CgroupVersion::V1);
        assert_eq!(container.smallest_limit_bytes, 300 * MIB);
        assert_eq!(container.tightest.group, "/docker/build");
        // 250 used, 220 of it page cache: 30 count.
        assert_eq!(container.tightest.headroom_bytes, 270 * MIB);
        // Combined: 400 - (280 - 220) = 340, of which 270 may be RAM.
        assert_eq!(container.swap_headroom_bytes, Some(70 * MIB));
    }

    /// A container of Docker on v2 with a namespace of its own: the group looks like the root, and
    /// has limits.
    #[test]
    fn docker_s_namespace_hides_the_path_and_not_the_limit() {
        let machine = Machine::new(&[
            ("proc/self/cgroup", "0::/\n"),
            V2_MOUNT,
            ("sys/fs/cgroup/memory.max", "536870912\n"),
            ("sys/fs/cgroup/memory.high", "max\n"),
            ("sys/fs/cgroup/memory.current", "209715200\n"),
            ("sys/fs/cgroup/memory.swap.max", "0\n"),
            ("sys/fs/cgroup/memory.swap.current", "0\n"),
            (
                "sys/fs/cgroup/memory.stat",
                "anon 1\ninactive_file 52428800\nactive_file 0\nslab_reclaimable 20971520\n",
            ),
        ]);
        let container = machine.container().unwrap();
        assert_eq!(container.tightest.group, "/");
        // 200 used, of which 50 are page cache and 20 reclaimable slab, which counts by half.
        assert_eq!(container.tightest.headroom_bytes, (512 - 200 + 50 + 10) * MIB);
        assert_eq!(container.swap_headroom_bytes, Some(0));
    }

    #[test]
    fn a_namespace_that_is_newer_than_the_mount_does_not_hide_the_limit() {
        let own = format!("1\n{}\n", std::process::id());
        let machine = Machine::new(&[
            ("proc/self/cgroup", "4:memory:/\n0::/\n"),
            (
                "proc/self/mountinfo",
                "35 31 0:32 /../.. /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
            ),
            ("sys/fs/cgroup/memory/other/app/cgroup.procs", "4711\n"),
            ("sys/fs/cgroup/memory/pod/app/cgroup.procs", &own),
            ("sys/fs/cgroup/memory/pod/app/memory.stat", ""),
            ("sys/fs/cgroup/memory/pod/app/memory.usage_in_bytes", "104857600\n"),
            ("sys/fs/cgroup/memory/pod/app/memory.limit_in_bytes", "314572800\n"),
            ("sys/fs/cgroup/memory/pod/memory.stat", ""),
            ("sys/fs/cgroup/memory/pod/memory.usage_in_bytes", "104857600\n"),
            ("sys/fs/cgroup/memory/pod/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        let container = machine.container().unwrap();
        assert_eq!(
            (container.tightest.group.as_str(), container.version),
            ("/pod/app", CgroupVersion::V1)
        );
        assert_eq!(container.tightest.headroom_bytes, 200 * MIB);
    }

    /// A user's scope under systemd: the slice above has the limit, swap is limited in another
    /// place.
    #[test]
    fn a_systemd_slice_limits_every_scope_in_it() {
        let dir = "sys/fs/cgroup/user.slice/user-1000.slice";
        let own = format!("{dir}/user@1000.service/app.slice/run-7.scope");
        let slice = |name: &str| format!("{dir}/{name}");
        let files = [
            (
                "proc/self/cgroup".to_owned(),
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-7.scope\n",
            ),
            (V2_MOUNT.0.to_owned(), V2_MOUNT.1),
            (format!("{own}/memory.max"), "max\n"),
            (format!("{own}/memory.current"), "10485760\n"),
            (format!("{own}/memory.stat"), "inactive_file 0\nactive_file 0\n"),
            (format!("{own}/memory.swap.max"), "max\n"),
            (
                format!("{own}/memory.pressure"),
                "some avg10=12.50 avg60=1.00 avg300=0.10 total=99\n\
                full avg10=7.25 avg60=0.50 avg300=0.05 total=50\n",
            ),
            // The limit that slows down lies below the one that kills.
            (slice("memory.max"), "4294967296\n"),
            (slice("memory.high"), "3221225472\n"),
            (slice("memory.current"), "2147483648\n"),
            (slice("memory.stat"), "inactive_file 0\nactive_file 0\n"),
            (slice("memory.swap.max"), "1073741824\n"),
            (slice("memory.swap.high"), "536870912\n"),
            (slice("memory.swap.current"), "268435456\n"),
        ];
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let machine = Machine::new(&files);
        let container = machine.container().unwrap();
        assert_eq!(container.tightest.group, "/user.slice/user-1000.slice");
        assert_eq!(container.tightest.headroom_bytes, 1024 * MIB);
        assert_eq!(container.swap_headroom_bytes, Some(256 * MIB));
        let pressure = Pressure::of_group(machine.0.path()).unwrap();
        assert_eq!(pressure, Pressure { some_percent: 12.5, full_percent: 7.25 });
    }

    /// v1 in charge of memory, v2 mounted beside it: limits from the one, pressure from the other.
    #[test]
    fn a_hybrid_machine_is_read_by_who_is_in_charge() {
        let machine = Machine::new(&[
            (
                "proc/self/cgroup",
                "9:name=systemd:/s\n4:cpu,memory:/build/job\n0::/system.slice/ci.service\n",
            ),
            (
                "proc/self/mountinfo",
                "31 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                 35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,cpu,memory\n",
            ),
            // The nested group has no limit of its own.
            ("sys/fs/cgroup/memory/build/job/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/build/job/memory.usage_in_bytes", "104857600\n"),
            (
                "sys/fs/cgroup/memory/build/job/memory.stat",
                "total_inactive_file 0\nhierarchical_memory_limit 314572800\n",
            ),
            ("sys/fs/cgroup/memory/build/memory.limit_in_bytes", "314572800\n"),
            ("sys/fs/cgroup/memory/build/memory.usage_in_bytes", "209715200\n"),
            (
                "sys/fs/cgroup/memory/build/memory.stat",
                "total_inactive_file 0\ntotal_active_file 0\n",
            ),
            (
                "sys/fs/cgroup/unified/system.slice/ci.service/memory.pressure",
                "some avg10=3.00 avg60=0 avg300=0 total=0\n",
            ),
            (
                "proc/pressure/memory",
                "some avg10=40.00 avg60=0 avg300=0 total=0\nfull avg10=20.00 avg60=0 avg300=0 \
                total=0\n",
            ),
        ]);
        let container = machine.container().unwrap();
        assert_eq!(container.version, CgroupVersion::V1);
        assert_eq!(
            (container.tightest.group.as_str(), container.tightest.headroom_bytes),
            ("/build", 100 * MIB)
        );
        let some = |it: Option<Pressure>| it.unwrap().some_percent;
        assert_eq!(some(Pressure::of_group(machine.0.path())), 3.0);
        assert_eq!(some(Pressure::of_machine(machine.0.path())), 40.0);
    }

    /// A pod's limit lies above what its container can see; v1 tells of it.
    #[test]
    fn a_limit_above_the_visible_groups_counts() {
        let machine = Machine::new(&[
            ("proc/self/cgroup", "4:memory:/kubepods/pod1/box\n"),
            (
                "proc/self/mountinfo",
                "35 31 0:32 /kubepods/pod1/box /sys/fs/cgroup/memory ro - cgroup cgroup \
                rw,memory\n",
            ),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "104857600\n"),
            (
                "sys/fs/cgroup/memory/memory.stat",
                "hierarchical_memory_limit 1073741824\ntotal_inactive_file 0\n",
            ),
        ]);
        assert_eq!(machine.container().unwrap().tightest.headroom_bytes, 924 * MIB);
    }

    #[test]
    fn no_limit_is_no_container() {
        let unlimited = Machine::new(&[
            ("proc/self/cgroup", "4:memory:/\n0::/\n"),
            (
                "proc/self/mountinfo",
                "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
            ),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n"),
            ("sys/fs/cgroup/memory/memory.stat", ""),
        ]);
        assert_eq!(unlimited.container(), None);
        assert_eq!(Machine::new(&[]).container(), None);
    }

    #[test]
    fn groups_are_found_whatever_part_of_the_hierarchy_is_mounted() {
        #[track_caller]
        fn check(root: &str, group: &str, expected: &[(&str, &str)]) {
            let mount = CgroupMount { root: root.into(), mount_point: "/m".into() };
            let found = mount.ancestry(group);
            let found: Vec<(&str, &str)> =
                found.iter().map(|(name, dir)| (name.as_str(), dir.to_str().unwrap())).collect();
            let trimmed: Vec<(&str, &str)> =
                found.iter().map(|(name, dir)| (*name, dir.trim_end_matches('/'))).collect();
            assert_eq!(trimmed, expected, "{root} {group}");
        }
        check("/", "/", &[("/", "/m")]);
        check("/", "/a/b", &[("/a/b", "/m/a/b"), ("/a", "/m/a"), ("/", "/m")]);
        check("/docker/x", "/docker/x", &[("/docker/x", "/m")]);
        check("/docker/x", "/docker/x/y", &[("/docker/x/y", "/m/y"), ("/docker/x", "/m")]);
        // Seen from another namespace, or a mount of a sibling's subtree.
        check("/", "/../../system.slice", &[("/", "/m")]);
        check("/docker/x", "/docker/xy", &[("/docker/x", "/m")]);
    }

    #[test]
    fn kills_are_differences_of_readable_counters() {
        let machine = |group: &str, vmstat: &str| {
            let machine = Machine::new(&[
                ("proc/self/cgroup", "0::/app\n"),
                V2_MOUNT,
                ("proc/vmstat", &format!("pgfault 7\noom_kill {vmstat}\n")),
                ("sys/fs/cgroup/app/memory.events", &format!("low 0\noom 9\noom_kill {group}\n")),
            ]);
            KillCounters::read(machine.0.path())
        };
        let kills = machine("3", "10").since(machine("1", "10"));
        assert_eq!(kills, KillCounters { group: Some(2), machine: Some(0) });
        assert!(kills.readable() && kills.moved());
        assert!(!machine("3", "10").since(machine("3", "10")).moved());
        let unreadable = KillCounters::read(Path::new("/nowhere"));
        assert!(!machine("3", "10").since(unreadable).readable());
    }

    /// A group whose files are these.
    fn left(version: CgroupVersion, files: &[(&str, String)]) -> GroupLeft {
        let sh = xshell::Shell::new().unwrap();
        let dir = sh.create_temp_dir().unwrap();
        files.iter().for_each(|(name, text)| sh.write_file(dir.path().join(name), text).unwrap());
        let group = Group { version, name: "/g".into(), dir: dir.path().into() };
        GroupFiles::open(group, true).unwrap().left(u64::MAX, &mut Buffer::new()).unwrap()
    }

    #[test]
    fn what_a_group_leaves_is_without_what_comes_back() {
        let mib = |it: u64| format!("{}\n", it * MIB);
        let stat = |prefix: &str| {
            let (inactive, active, slab) = (100 * MIB, 50 * MIB, 20 * MIB);
            format!(
                "cache 1\n{prefix}inactive_file {inactive}\n{prefix}active_file {active}\n\
                 slab_reclaimable {slab}\n"
            )
        };
        let headroom = |version, files: &[(&str, String)]| {
            let left = left(version, files);
            (left.headroom_bytes().map(|it| it / MIB), left.swap_bytes.map(|it| it / MIB))
        };
        let v1 = [
            ("memory.limit_in_bytes", mib(500)),
            ("memory.usage_in_bytes", mib(400)),
            ("memory.stat", format!("inactive_file 0\nactive_file 0\n{}", stat("total_"))),
            ("memory.memsw.limit_in_bytes", mib(600)),
            ("memory.memsw.usage_in_bytes", mib(420)),
        ];
        // 400 - 150 are used of 500; with swap 420 - 150 of 600, which is 80 more.
        assert_eq!(headroom(CgroupVersion::V1, &v1), (Some(250), Some(80)));
        let v2 = |max: &str, high: &str, swap_high: &str| {
            let files = [
                ("memory.max", max.to_owned()),
                ("memory.high", high.to_owned()),
                ("memory.current", mib(400)),
                ("memory.stat", stat("")),
                ("memory.swap.max", mib(64)),
                ("memory.swap.high", swap_high.to_owned()),
                ("memory.swap.current", mib(30)),
            ];
            headroom(CgroupVersion::V2, &files)
        };
        // 400 - 150 - 20 / 2 are used.
        assert_eq!(v2(&mib(500), "max\n", "max\n"), (Some(260), Some(34)));
        assert_eq!(v2(&mib(500), &mib(300), &mib(40)), (Some(60), Some(10)));
        assert_eq!(v2("max\n", &mib(200), &mib(20)), (Some(0), Some(0)));
        assert_eq!(v2("max\n", "max\n", "max\n"), (None, Some(34)));
        let unlimited = [
            ("memory.limit_in_bytes", "9223372036854771712\n".to_owned()),
            ("memory.usage_in_bytes", mib(400)),
            ("memory.stat", stat("total_")),
        ];
        assert_eq!(headroom(CgroupVersion::V1, &unlimited), (None, None));
        let stat = format!("hierarchical_memory_limit {}\n{}", 450 * MIB, stat("total_"));
        let above = [&unlimited[..2], &[("memory.stat", stat)]].concat();
        assert_eq!(headroom(CgroupVersion::V1, &above), (Some(200), None));
    }
}
