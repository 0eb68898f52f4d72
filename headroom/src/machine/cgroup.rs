//! The container's share of memory: cgroup v1 and v2 limits, and the kernel's count of memory kills.
//!
//! A process may use what is left in its own group *and in every ancestor*, so the tightest of them
//! counts. What the kernel takes back before it kills is not "used": page cache, and of the kernel's own reclaimable
//! caches (v2 counts them) one half, as `MemAvailable` does. Thus
//! `headroom = limit - (usage - inactive_file - active_file - slab_reclaimable / 2)`. This module reads files below a
//! given root, so that a test can hand it a made-up machine; it refuses to know what the numbers are for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::numbers::sum;

/// Limits at or above this are "no limit": v1 writes the largest multiple of the page size.
pub(crate) const UNLIMITED: u64 = 1 << 62;

/// The version of the memory controller in charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Version {
    /// One hierarchy per controller.
    V1,
    /// The unified hierarchy.
    V2,
}

/// What the groups above this process leave to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Container {
    /// Which controller the numbers come from.
    pub(crate) version: Version,
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
    /// `memory.limit_in_bytes` (of the outermost visible group: `hierarchical_memory_limit`), or the smaller of
    /// `memory.max` and `memory.high`.
    pub(crate) limit_bytes: u64,
    /// Usage without what the kernel can take back.
    pub(crate) used_bytes: u64,
    /// `limit - used`, never below 0.
    pub(crate) headroom_bytes: u64,
}

impl Container {
    /// Read the limits of the calling process; `None` if no group has one.
    ///
    /// `root` is `/` on a real machine.
    pub(crate) fn read(root: &Path) -> Option<Container> {
        let hierarchy = Hierarchy::locate(root)?;
        let n_inner = hierarchy.groups.len() - 1;
        // What lies above the outermost group that is visible here is known by hearsay only.
        let limits = hierarchy.groups.iter().enumerate().map(|(at, it)| it.limits(at == n_inner));
        let limits: Vec<Limits> = limits.flatten().collect();
        let tightest = limits.iter().filter_map(|it| it.memory.as_ref());
        Some(Container {
            version: hierarchy.version,
            smallest_limit_bytes: tightest.clone().map(|it| it.limit_bytes).min()?,
            tightest: tightest.min_by_key(|it| it.headroom_bytes)?.clone(),
            swap_headroom_bytes: limits.iter().filter_map(|it| it.swap_headroom_bytes).min(),
        })
    }
}

/// How much time tasks lost waiting for memory (pressure stall information), in percent of the last ten seconds.
///
/// Without swap it gives no warning: measured, builds that fitted added nothing, and a trigger fired after the kill.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Pressure {
    /// At least one task waited.
    pub(crate) some_percent: f64,
    /// All tasks waited.
    pub(crate) full_percent: f64,
}

impl Pressure {
    /// Of the whole machine.
    pub(crate) fn of_machine(root: &Path) -> Option<Pressure> {
        Pressure::read(&root.join("proc/pressure/memory"))
    }

    /// Of this process's own group. Only v2 has it, and it has it even where v1 is in charge of memory.
    pub(crate) fn of_group(root: &Path) -> Option<Pressure> {
        let hierarchy = Hierarchy::locate_version(root, Version::V2)?;
        Pressure::read(&hierarchy.groups.first()?.dir.join("memory.pressure"))
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

/// The folders of this process's own group, first, and of its ancestors.
#[cfg(target_os = "linux")]
pub(crate) fn group_dirs(root: &Path) -> Option<Vec<(Version, PathBuf)>> {
    let hierarchy = Hierarchy::locate(root)?;
    Some(hierarchy.groups.into_iter().map(|it| (it.version, it.dir)).collect())
}

/// The folder of this process's own group in the unified hierarchy, whoever is in charge of memory. `None` if it cannot
/// be seen from here.
#[cfg(target_os = "linux")]
pub(crate) fn own_v2_dir(root: &Path) -> Option<PathBuf> {
    let own = Hierarchy::locate_version(root, Version::V2)?.groups.into_iter().next()?.dir;
    // Another part of the hierarchy may be mounted: then that is the nearest there is, and not this process's own.
    let members = fs::read_to_string(own.join("cgroup.procs")).ok()?;
    let own_pid = std::process::id().to_string();
    members.lines().any(|it| it == own_pid).then_some(own)
}

/// How many processes the kernel has killed for lack of memory. Only differences mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KillCounters {
    /// In this process's own group (v2: and below); `None` if it cannot be read.
    pub group: Option<u64>,
    /// On the whole machine; `None` if it cannot be read.
    pub machine: Option<u64>,
}

impl KillCounters {
    /// Read both counters. `root` is `/` on a real machine.
    pub fn read(root: &Path) -> KillCounters {
        let group = Hierarchy::locate(root).and_then(|it| {
            let own = it.groups.into_iter().next()?;
            match own.version {
                Version::V1 => keyed(&own.dir.join("memory.oom_control"), "oom_kill"),
                Version::V2 => keyed(&own.dir.join("memory.events"), "oom_kill"),
            }
        });
        KillCounters { group, machine: keyed(&root.join("proc/vmstat"), "oom_kill") }
    }

    /// The kills since `earlier`; a counter that was readable only once counts as unreadable.
    pub fn since(self, earlier: KillCounters) -> KillCounters {
        let difference = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        KillCounters {
            group: difference(self.group, earlier.group),
            machine: difference(self.machine, earlier.machine),
        }
    }

    /// Whether any counter can be read at all.
    pub fn readable(self) -> bool {
        self.group.is_some() || self.machine.is_some()
    }

    /// Whether any counter moved (on a value made by [`KillCounters::since`]).
    pub fn moved(self) -> bool {
        self.group.unwrap_or(0) > 0 || self.machine.unwrap_or(0) > 0
    }
}

/// The process's own group first, then its ancestors up to the mount point.
struct Hierarchy {
    version: Version,
    groups: Vec<Group>,
}

/// What `/proc/self/cgroup` and `/proc/self/mountinfo` say; for fuzzing.
pub(crate) fn parse_hierarchy(groups: &str, mounts: &str) {
    for version in [Version::V1, Version::V2] {
        Hierarchy::of(groups, mounts, Path::new("/"), version);
    }
}

struct Group {
    version: Version,
    name: String,
    dir: PathBuf,
}

struct Limits {
    memory: Option<GroupLimit>,
    swap_headroom_bytes: Option<u64>,
}

impl Hierarchy {
    /// The memory controller is on v1 where `/proc/self/cgroup` names it, else on v2.
    fn locate(root: &Path) -> Option<Hierarchy> {
        Hierarchy::locate_version(root, Version::V1)
            .or_else(|| Hierarchy::locate_version(root, Version::V2))
    }

    fn locate_version(root: &Path, version: Version) -> Option<Hierarchy> {
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
        let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
        Hierarchy::of(&groups, &mounts, root, version)
    }

    fn of(groups: &str, mounts: &str, root: &Path, version: Version) -> Option<Hierarchy> {
        let group = own_group(groups, version)?;
        let mount = Mount::find(mounts, version, group)?;
        let groups = mount.ancestry(group).into_iter().map(|(name, dir)| {
            let dir = root.join(dir.strip_prefix("/").unwrap_or(&dir));
            Group { version, name, dir }
        });
        Some(Hierarchy { version, groups: groups.collect() })
    }
}

/// This process's group in the hierarchy of that version, from `/proc/self/cgroup`.
fn own_group(text: &str, version: Version) -> Option<&str> {
    // hierarchy:controllers:path; the path may hold colons.
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (hierarchy, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = match version {
            Version::V1 => controllers.split(',').any(|it| it == "memory"),
            Version::V2 => hierarchy == "0" && controllers.is_empty(),
        };
        is_it.then_some(path)
    })
}

/// Where a hierarchy, or a subtree of it, is mounted.
#[derive(Debug, PartialEq)]
struct Mount {
    /// The group that is visible at `mount_point`.
    root: String,
    mount_point: PathBuf,
}

impl Mount {
    /// The mount of the memory controller that shows `group`; a mount of another subtree is the second
    /// choice, since its limits still hold for everything that can be seen from here.
    fn find(mountinfo: &str, version: Version, group: &str) -> Option<Mount> {
        let mounts: Vec<Mount> =
            mountinfo.lines().filter_map(|line| Mount::parse(line, version)).collect();
        let shows = |it: &&Mount| below(group, &it.root).is_some();
        let best = mounts.iter().filter(shows).max_by_key(|it| it.root.len());
        best.or(mounts.first())
            .map(|it| Mount { root: it.root.clone(), mount_point: it.mount_point.clone() })
    }

    /// One line of `/proc/self/mountinfo`: `id parent dev root mount-point options… - type source super`.
    fn parse(line: &str, version: Version) -> Option<Mount> {
        let (left, right) = line.split_once(" - ")?;
        let left: Vec<&str> = left.split(' ').collect();
        let right: Vec<&str> = right.split(' ').collect();
        let wanted = match version {
            Version::V1 => {
                right.first() == Some(&"cgroup")
                    && right.get(2)?.split(',').any(|option| option == "memory")
            }
            Version::V2 => right.first() == Some(&"cgroup2"),
        };
        wanted.then_some(Mount {
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

/// mountinfo writes blanks and backslashes as three octal digits.
fn unescape(field: &str) -> String {
    let replace = |text: String, (code, plain): (&str, &str)| text.replace(code, plain);
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(field.to_owned(), replace)
}

impl Group {
    /// `outermost`: v1 tells the smallest limit of all ancestors, those that are not visible included.
    fn limits(&self, outermost: bool) -> Option<Limits> {
        let stat = fs::read_to_string(self.dir.join("memory.stat")).ok()?;
        // v1 counts the group alone without the prefix, and the group with all below it with it.
        let field = |name: &str| {
            let hierarchical = format!("total_{name}");
            value_of(&stat, &hierarchical).or_else(|| value_of(&stat, name)).unwrap_or(0)
        };
        let page_cache = sum([field("inactive_file"), field("active_file")]);
        Some(match self.version {
            Version::V1 => {
                let hearsay = |key: &str| value_of(&stat, key).filter(|_| outermost);
                let smaller =
                    |own: Option<u64>, key: &str| own.into_iter().chain(hearsay(key)).min();
                let memory = self.limit(
                    smaller(self.number("memory.limit_in_bytes"), "hierarchical_memory_limit"),
                    self.number("memory.usage_in_bytes")?,
                    page_cache,
                );
                let memory_and_swap = self.number("memory.memsw.usage_in_bytes").and_then(|it| {
                    let own = self.number("memory.memsw.limit_in_bytes");
                    self.limit(smaller(own, "hierarchical_memsw_limit"), it, page_cache)
                });
                let ram = memory.as_ref().map_or(0, |it| it.headroom_bytes);
                let swap_headroom_bytes =
                    memory_and_swap.map(|it| it.headroom_bytes.saturating_sub(ram));
                Limits { memory, swap_headroom_bytes }
            }
            Version::V2 => {
                let limit = [self.number("memory.max"), self.number("memory.high")];
                let memory = self.limit(
                    limit.into_iter().flatten().min(),
                    self.number("memory.current")?,
                    sum([page_cache, field("slab_reclaimable") / 2]),
                );
                let swap = [self.number("memory.swap.max"), self.number("memory.swap.high")];
                let swap = swap.into_iter().flatten().min().filter(|it| *it < UNLIMITED);
                let swap_used = self.number("memory.swap.current").unwrap_or(0);
                let swap_headroom_bytes = swap.map(|it| it.saturating_sub(swap_used));
                Limits { memory, swap_headroom_bytes }
            }
        })
    }

    fn limit(&self, limit: Option<u64>, usage: u64, reclaimable: u64) -> Option<GroupLimit> {
        let limit_bytes = limit.filter(|it| *it < UNLIMITED)?;
        let used_bytes = usage.saturating_sub(reclaimable);
        Some(GroupLimit {
            group: self.name.clone(),
            limit_bytes,
            used_bytes,
            headroom_bytes: limit_bytes.saturating_sub(used_bytes),
        })
    }

    /// A file with one number, or `max` (read as `None`).
    fn number(&self, file: &str) -> Option<u64> {
        fs::read_to_string(self.dir.join(file)).ok()?.trim().parse().ok()
    }
}

/// The number behind `key` in a file of `key number` lines.
fn keyed(file: &Path, key: &str) -> Option<u64> {
    value_of(&fs::read_to_string(file).ok()?, key)
}

fn value_of(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
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
            Container::read(self.0.path())
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
        assert_eq!(container.version, Version::V2);
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
            ("memory.stat", "inactive_file 1\nactive_file 1\ntotal_inactive_file 209715200\ntotal_active_file 20971520\n"),
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
        assert_eq!(container.version, Version::V1);
        assert_eq!(container.smallest_limit_bytes, 300 * MIB);
        assert_eq!(container.tightest.group, "/docker/build");
        // 250 used, 220 of it page cache: 30 count.
        assert_eq!(container.tightest.headroom_bytes, 270 * MIB);
        // Combined: 400 - (280 - 220) = 340, of which 270 may be RAM.
        assert_eq!(container.swap_headroom_bytes, Some(70 * MIB));
    }

    /// A container of Docker on v2 with a namespace of its own: the group looks like the root, and has limits.
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

    /// A user's scope under systemd: the slice above has the limit, swap is limited in another place.
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
                "some avg10=12.50 avg60=1.00 avg300=0.10 total=99\nfull avg10=7.25 avg60=0.50 avg300=0.05 total=50\n",
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
                "some avg10=40.00 avg60=0 avg300=0 total=0\nfull avg10=20.00 avg60=0 avg300=0 total=0\n",
            ),
        ]);
        let container = machine.container().unwrap();
        assert_eq!(container.version, Version::V1);
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
                "35 31 0:32 /kubepods/pod1/box /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
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
            let mount = Mount { root: root.into(), mount_point: "/m".into() };
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
}
