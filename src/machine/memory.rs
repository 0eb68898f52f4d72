//! The memory that this process may still take, whatever it is that limits it: the machine, a
//! control group (a container, a Slurm job, a systemd unit), or a limit of the process (`ulimit
//! -v`).
//!
//! A predicted need is compared with this before the work is begun. A limit that the system does
//! not tell is no limit.

use std::fs;
use std::path::{Path, PathBuf};

use crate::machine::provenance::available_bytes;

/// The bytes that this process may still take, if the system tells.
pub fn left() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of_groups = left_of_groups(&groups, Path::new("/sys/fs/cgroup"));
    let each = [available_bytes(), of_groups, left_of_process(&limits, &status)];
    each.into_iter().flatten().min()
}

/// Returns the memory that the limits of the process leave: those of its addresses and of its data.
fn left_of_process(limits: &str, status: &str) -> Option<u64> {
    let used = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|it| it << 10)
    };
    let left = |(limit, what): (&str, &str)| {
        let line = limits.lines().find_map(|line| line.strip_prefix(limit))?;
        // The limit that holds stands first; it may be `unlimited`.
        let most: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(most.saturating_sub(used(what)?))
    };
    [("Max address space", "VmSize"), ("Max data size", "VmData")]
        .into_iter()
        .filter_map(left)
        .min()
}

/// Returns the memory that the control groups of the process leave, each with all groups above it.
/// `groups` is the content of `/proc/self/cgroup`.
fn left_of_groups(groups: &str, root: &Path) -> Option<u64> {
    let left = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (roots, names) = match controllers {
            "" => (vec![root.to_owned(), root.join("unified")], V2),
            list if list.split(',').any(|it| it == "memory") => (vec![root.join("memory")], V1),
            _ => return None,
        };
        let lefts = roots.iter().flat_map(|root| {
            // In a container the path may be that of the host, of which only the root is seen.
            let path = PathBuf::from(path.trim_start_matches('/'));
            let folders: Vec<PathBuf> = path.ancestors().map(|it| root.join(it)).collect();
            folders.into_iter().filter_map(|folder| left_of_group(&folder, names))
        });
        lefts.min()
    };
    groups.lines().filter_map(left).min()
}

/// The files of a group: its limits, what it uses, and the line of `memory.stat` that can be had
/// back.
type Names = (&'static [&'static str], &'static str, &'static str);

const V2: Names = (&["memory.max", "memory.high"], "memory.current", "inactive_file");
const V1: Names = (&["memory.limit_in_bytes"], "memory.usage_in_bytes", "total_inactive_file");

fn left_of_group(folder: &Path, (limits, used, cached): Names) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let most = limits.iter().filter_map(|it| number(it)).min()?;
    let stat = read("memory.stat").unwrap_or_default();
    let cached = stat.lines().find_map(|line| line.strip_prefix(cached)?.trim().parse().ok());
    Some(most.saturating_sub(number(used)?.saturating_sub(cached.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_the_process_count() {
        let limits = "Limit                     Soft Limit           Hard Limit           \
                      Units     \n\
                      Max cpu time              unlimited            unlimited            \
                      seconds   \n\
                      Max data size             unlimited            unlimited            \
                      bytes     \n\
                      Max address space         1073741824           unlimited            \
                      bytes     \n";
        let status = "VmPeak:\t  999999 kB\nVmSize:\t  524288 kB\nVmData:\t   1024 kB\n";
        assert_eq!(left_of_process(limits, status), Some(512 << 20));
        assert_eq!(left_of_process(&limits.replace("1073741824", "unlimited "), status), None);
        let data = limits.replacen(
            "unlimited            unlimited            bytes",
            "1048577 2 bytes",
            1,
        );
        assert_eq!(left_of_process(&data, status), Some(1));
        let full = limits.replace("1073741824", "4096      ");
        assert_eq!(left_of_process(&full, status), Some(0));
        assert_eq!(left_of_process("", ""), None);
    }

    #[test]
    fn groups_and_those_above_them_count() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        let left = |groups: &str| left_of_groups(groups, root.path());
        // Version 2: the limit of the group above is the smaller one; the cache can be had back.
        write("job/memory.max", "1000\n");
        write("job/memory.current", "700\n");
        write("job/memory.stat", "anon 400\ninactive_file 200\n");
        write("job/step/memory.max", "max\n");
        write("job/step/memory.high", "5000\n");
        write("job/step/memory.current", "100\n");
        assert_eq!(left("0::/job/step\n"), Some(500));
        assert_eq!(left("0::/job\n"), Some(500));
        assert_eq!(left("0::/elsewhere\n"), None);
        // Version 1, among other controllers.
        write("memory/a/memory.limit_in_bytes", "300\n");
        write("memory/a/memory.usage_in_bytes", "400\n");
        assert_eq!(left("5:cpu,cpuacct:/b\n4:memory:/a\n1:name=systemd:/c\n"), Some(0));
        // The path of the host, where a container sees its own group as the root.
        write("memory.max", "42\n");
        write("memory.current", "2\n");
        assert_eq!(left("0::/docker/0123\n"), Some(40));
        assert_eq!(left("nonsense\n::\n"), Some(40));
        assert_eq!(left(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn something_is_left() {
        assert!(left().unwrap() > 0);
    }
}
