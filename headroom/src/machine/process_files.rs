//! The system's facts about one process: its state, its memory, its children.
//!
//! On Linux from `/proc/PID`; elsewhere from `sysinfo`, as far as that goes.

use super::{fields::kib_of, process_id::Activity};
#[cfg(target_os = "linux")]
use {
    super::fields::Buffer,
    crate::numbers::{MOST_BYTES, sum},
    std::fs::{self, File},
};

/// The state of a process.
pub(super) struct Stat {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has a guard"))]
    pub(super) parent: u32,
    pub(super) started: u64,
    pub(super) activity: Activity,
}

#[cfg(target_os = "linux")]
pub(super) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `/proc/PID/stat`: the name, the second field, is in parentheses and may hold anything.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there is no /proc"))]
pub(super) fn parse_stat(stat: &str) -> Option<Stat> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let activity = match fields.next()? {
        "Z" | "X" | "x" => Activity::Gone,
        "T" => Activity::Paused,
        _ => Activity::Runs,
    };
    // State is field 3, the parent field 4, the start time field 22.
    let parent = fields.next()?.parse().ok()?;
    Some(Stat { parent, started: fields.nth(17)?.parse().ok()?, activity })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn stat(pid: u32) -> Option<Stat> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};
    let mut system = System::new().ok()?;
    let pid = Pid::from_u32(pid);
    let what = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    let process = system.process(pid)?;
    let activity = match process.status() {
        ProcessStatus::Zombie | ProcessStatus::Dead => Activity::Gone,
        ProcessStatus::Stop => Activity::Paused,
        _ => Activity::Runs,
    };
    let parent = process.parent().map_or(0, Pid::as_u32);
    Some(Stat { parent, started: process.start_time(), activity })
}

/// The memory of a process that is its own, and the part of it that lies in swap: on Linux
/// anonymous and shared-memory pages. `None` if the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn own_memory(pid: u32) -> Option<(u64, u64)> {
    parse_own_memory(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn own_memory(_pid: u32) -> Option<(u64, u64)> {
    None
}

/// `RssAnon + RssShmem` and `VmSwap` of a `/proc/PID/status`.
#[cfg(target_os = "linux")]
pub(super) fn parse_own_memory(status: &str) -> Option<(u64, u64)> {
    let field = |name| kib_of(status, name);
    let own = sum([field("RssAnon")?, field("RssShmem").unwrap_or(0)]);
    Some((own, field("VmSwap").unwrap_or(0)))
}

/// The largest resident set of this process so far, and its anonymous pages now.
#[cfg(target_os = "linux")]
pub(crate) fn peak_and_own_bytes_of_this() -> (Option<u64>, Option<u64>) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    (kib_of(&status, "VmHWM"), kib_of(&status, "RssAnon"))
}

/// User and system time of a process so far, where `/proc` tells it. Ticks are 1/100 s.
pub fn cpu_seconds_of(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    (ticks > 0.0).then_some(ticks / 100.0)
}

/// The largest resident set of a process so far, where `/proc` tells it.
pub fn peak_bytes_of(pid: u32) -> Option<u64> {
    kib_of(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmHWM")
}

/// The processes that this one has started or adopted and that have not ended. `None` if the system
/// does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn children_of(parent: u32) -> Option<Vec<u32>> {
    let pids = fs::read_dir("/proc").ok()?.flatten();
    let pids = pids.filter_map(|it| it.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        stat(*pid).is_some_and(|it| it.parent == parent && it.activity != Activity::Gone)
    };
    Some(pids.filter(is_child).collect())
}

/// Returns the processes below this one that have started none themselves, with their names. What
/// is below one that `is_passed_by` is left out, and so is that one.
#[cfg(target_os = "linux")]
pub(crate) fn leaves_below(
    pid: u32,
    is_passed_by: impl Fn(u32, &str) -> bool,
) -> Vec<(u32, String)> {
    let (mut leaves, mut todo) = (Vec::new(), children_of_threads(pid));
    // As in [`ProcessReader::tree`].
    for _ in 0..1000 {
        let Some(pid) = todo.pop() else { break };
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let name = name.trim_end();
        if is_passed_by(pid, name) {
            continue;
        }
        match &*children_of_threads(pid) {
            [] => leaves.push((pid, name.to_owned())),
            children => todo.extend(children),
        }
    }
    leaves
}

/// Returns the value of a variable in the environment with which a process was started.
#[cfg(target_os = "linux")]
pub(crate) fn variable_of(pid: u32, name: &str) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut variables = environment.split(|it| *it == 0);
    let is_it = |it: &[u8]| Some(it.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?.to_vec());
    variables.find_map(is_it).and_then(|it| String::from_utf8(it).ok())
}

/// The name of a process and its PID, on one line, whatever it calls itself.
#[cfg(target_os = "linux")]
pub(crate) fn name_and_pid(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name: String = name.trim_end().chars().filter(|it| !it.is_control()).collect();
    format!("{name} ({pid})")
}

/// Have the kernel prefer this process when it has to kill for lack of memory. Raising the score of
/// a process of one's own needs no privilege, and what it starts inherits it. It is never lowered.
#[cfg(target_os = "linux")]
pub(crate) fn prefer_as_victim(pid: u32, score: i32) {
    let file = format!("/proc/{pid}/oom_score_adj");
    let current = fs::read_to_string(&file).ok().and_then(|it| it.trim().parse().ok());
    if current.is_some_and(|it: i32| it < score) {
        fs::write(file, score.to_string()).ok();
    }
}

/// Looks at the memory of processes again and again.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(crate) struct ProcessReader(Buffer);

/// A process whose memory is looked at, for as long as it runs.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(crate) struct OpenProcess(File);

/// The memory that a process has for itself.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnMemory {
    /// In RAM and in swap.
    pub(crate) bytes: u64,
    /// The part of it that lies in swap.
    pub(crate) swapped_bytes: u64,
}

#[cfg(target_os = "linux")]
impl OpenProcess {
    pub(crate) fn open(pid: u32) -> Option<OpenProcess> {
        File::open(format!("/proc/{pid}/status")).ok().map(OpenProcess)
    }
}

#[cfg(target_os = "linux")]
impl ProcessReader {
    pub(crate) fn new() -> ProcessReader {
        ProcessReader(Buffer::new())
    }

    /// The pages that a process has for itself. `None` if it has ended.
    pub(crate) fn own(&mut self, process: &OpenProcess) -> Option<OwnMemory> {
        let (resident, swapped) = parse_own_memory(self.0.read(&process.0))?;
        let bytes = sum([resident, swapped]).min(MOST_BYTES);
        Some(OwnMemory { bytes, swapped_bytes: swapped.min(bytes) })
    }

    /// The same for a process and all below it; for those that start linkers. This one allocates a
    /// little.
    pub(crate) fn tree(&mut self, pid: u32) -> OwnMemory {
        let mut whole = OwnMemory::default();
        let mut todo = vec![pid];
        // A tree of compilers is small; the bound is against a loop through recycled numbers.
        for _ in 0..1000 {
            let Some(pid) = todo.pop() else { break };
            if let Some(process) = OpenProcess::open(pid) {
                let own = self.own(&process).unwrap_or_default();
                whole.bytes = sum([whole.bytes, own.bytes]);
                whole.swapped_bytes = sum([whole.swapped_bytes, own.swapped_bytes]);
            }
            todo.extend(children_of_threads(pid));
        }
        whole
    }
}

/// The children of all threads of a process.
#[cfg(target_os = "linux")]
fn children_of_threads(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        tasks.flatten().filter_map(|it| fs::read_to_string(it.path().join("children")).ok());
    lists.flat_map(|it| it.split_whitespace().flat_map(str::parse).collect::<Vec<u32>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = |state: &str, name: &str| {
            let rest = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 19 20";
            parse_stat(&format!("42 ({name}) {state} {rest}\n"))
        };
        for name in ["sleep", "a) R 1 (b", "Web Content"] {
            let look = stat("S", name).unwrap();
            assert_eq!((look.parent, look.started), (1, 987_654), "{name}");
        }
        assert_eq!(stat("T", "x").unwrap().activity, Activity::Paused);
        assert_eq!(stat("Z", "x").unwrap().activity, Activity::Gone);
        assert!(parse_stat("").is_none() && parse_stat("42 (x) R 1").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn file_pages_are_not_a_process_s_own_memory() {
        let status = "Name:\trustc\nVmRSS:\t  238592 kB\nRssAnon:\t  135168 kB\n\
            RssFile:\t  103424 kB\n\
                      RssShmem:\t       0 kB\nVmSwap:\t    1024 kB\n";
        assert_eq!(parse_own_memory(status), Some((135_168 << 10, 1024 << 10)));
        assert_eq!(parse_own_memory("Name:\tkthreadd\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_process_runs_is_found_with_its_variables() {
        use std::process::{Command, Stdio};
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 300 & echo; wait"]).env("PACKAGE_OF", "a b");
        let mut shell = command.stdout(Stdio::piped()).spawn().unwrap();
        // The second has begun to be the program when it has this name.
        let found = || leaves_below(std::process::id(), |_, name| name == "nothing");
        let sleeps = |it: &(u32, String)| it.1 == "sleep";
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let sleep = loop {
            if let Some(it) = found().into_iter().find(sleeps) {
                break it.0;
            }
            assert!(std::time::Instant::now() < deadline, "{:?}", found());
        };
        assert!(found().iter().all(|it| it.0 != shell.id()), "it is no leaf");
        assert_eq!(variable_of(sleep, "PACKAGE_OF").as_deref(), Some("a b"));
        assert_eq!(variable_of(sleep, "PACKAGE"), None);
        let passed_by = leaves_below(std::process::id(), |pid, _| pid == shell.id());
        assert!(!passed_by.iter().any(sleeps), "{passed_by:?}");
        for pid in [sleep, shell.id()] {
            let process = super::super::process_id::ProcessId::of(pid).unwrap();
            process.send(super::super::process_id::ProcessSignal::End);
        }
        shell.wait().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_can_be_looked_at_again_and_again() {
        const MIB: u64 = 1 << 20;
        let mut reader = ProcessReader::new();
        let own = std::process::id();
        let held = reader.own(&OpenProcess::open(own).unwrap()).unwrap().bytes;
        assert!((MIB / 4..4096 * MIB).contains(&held), "{held}");
        assert!(reader.tree(own).bytes >= held / 2);
        let (peak, own) = peak_and_own_bytes_of_this();
        assert!(peak >= own && own > Some(0), "{peak:?} {own:?}");
    }
}
