//! One process, named for good: a PID together with the time it started.
//!
//! PIDs are given again. Every look and every signal here first makes sure that the PID still means the process
//! that was meant, so a recycled PID is never paused, resumed or ended.

use serde::Serialize;

/// A process, and not whichever has its PID by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ProcessId {
    /// The number, which is given again.
    pub pid: u32,
    /// On Linux clock ticks since the machine started, which no change of the clock moves; elsewhere seconds since 1970.
    pub started: u64,
}

/// What a process is doing, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It runs, or could.
    Runs,
    /// Stopped by a signal.
    Paused,
    /// Gone, or ended and not yet collected; also if the PID means another process now.
    Gone,
}

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// SIGSTOP: it keeps what it holds and asks for no more.
    Pause,
    /// SIGCONT.
    Resume,
    /// SIGTERM: it may save its work, or refuse.
    End,
}

impl ProcessId {
    /// The process that has this PID now.
    pub fn of(pid: u32) -> Option<ProcessId> {
        Some(ProcessId { pid, started: look(pid)?.started })
    }

    /// What it does now.
    pub fn activity(self) -> Activity {
        match look(self.pid) {
            Some(it) if it.started == self.started => it.activity,
            _ => Activity::Gone,
        }
    }

    /// The process that `parent` has started, if that is what the PID means now.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_child(pid: u32, parent: u32) -> Option<ProcessId> {
        let look = look(pid)?;
        (look.parent == parent).then_some(ProcessId { pid, started: look.started })
    }

    /// Send a signal to the group that this process leads, unless its number has been given to another process.
    ///
    /// A group's number is not given again while a member lives, so it is recycled exactly if a process has it that
    /// started at another time.
    #[cfg(unix)]
    pub(crate) fn signal_group(self, signal: nix::sys::signal::Signal) {
        use nix::{sys::signal::killpg, unistd::Pid};
        let recycled = ProcessId::of(self.pid).is_some_and(|it| it != self);
        // `killpg(0)` and `killpg(1)` would mean other groups than the one that was named.
        if let Ok(pid @ 2..) = i32::try_from(self.pid)
            && !recycled
        {
            // ESRCH: nothing of it is left.
            killpg(Pid::from_raw(pid), signal).ok();
        }
    }

    /// Send the request, if the process is still there. Whether it was sent.
    pub(crate) fn ask(self, request: Request) -> bool {
        self.activity() != Activity::Gone && send(self.pid, request)
    }
}

/// The processes that this one has started or adopted and that have not ended. `None`: it cannot be told.
#[cfg(target_os = "linux")]
pub(crate) fn children_of(parent: u32) -> Option<Vec<u32>> {
    let pids = std::fs::read_dir("/proc").ok()?.flatten();
    let pids = pids.filter_map(|it| it.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        look(*pid).is_some_and(|it| it.parent == parent && it.activity != Activity::Gone)
    };
    Some(pids.filter(is_child).collect())
}

struct Look {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has a guard"))]
    parent: u32,
    started: u64,
    activity: Activity,
}

/// `/proc/PID/stat`; for fuzzing.
pub(crate) fn parse_stat(stat: &str) {
    parse(stat);
}

#[cfg(target_os = "linux")]
fn look(pid: u32) -> Option<Look> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `/proc/PID/stat`: the name, the second field, is in parentheses and may hold anything.
fn parse(stat: &str) -> Option<Look> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let activity = match fields.next()? {
        "Z" | "X" | "x" => Activity::Gone,
        "T" => Activity::Paused,
        _ => Activity::Runs,
    };
    // State is field 3, the parent field 4, the start time field 22.
    let parent = fields.next()?.parse().ok()?;
    Some(Look { parent, started: fields.nth(17)?.parse().ok()?, activity })
}

#[cfg(not(target_os = "linux"))]
fn look(pid: u32) -> Option<Look> {
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
    Some(Look { parent, started: process.start_time(), activity })
}

#[cfg(unix)]
fn send(pid: u32, request: Request) -> bool {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    let signal = match request {
        Request::Pause => Signal::SIGSTOP,
        Request::Resume => Signal::SIGCONT,
        Request::End => Signal::SIGTERM,
    };
    pid.try_into().is_ok_and(|it| kill(Pid::from_raw(it), signal).is_ok())
}

/// There is nothing between letting a process run and ending it.
#[cfg(not(unix))]
fn send(pid: u32, request: Request) -> bool {
    use sysinfo::{Pid, ProcessesToUpdate, System};
    let Ok(mut system) = System::new() else { return false };
    let pid = Pid::from_u32(pid);
    system.refresh_processes(ProcessesToUpdate::Some(&[pid]), true);
    request == Request::End && system.process(pid).is_some_and(|it| it.kill())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = |state: &str, name: &str| {
            let rest = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 19 20";
            parse(&format!("42 ({name}) {state} {rest}\n"))
        };
        for name in ["sleep", "a) R 1 (b", "Web Content"] {
            let look = stat("S", name).unwrap();
            assert_eq!((look.parent, look.started), (1, 987_654), "{name}");
        }
        assert_eq!(stat("T", "x").unwrap().activity, Activity::Paused);
        assert_eq!(stat("Z", "x").unwrap().activity, Activity::Gone);
        assert!(parse("").is_none() && parse("42 (x) R 1").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_process_that_was_meant_is_signalled() {
        let mut child = std::process::Command::new("sleep").arg("300").spawn().unwrap();
        let process = ProcessId::of(child.id()).unwrap();
        let recycled = ProcessId { started: process.started + 1, ..process };
        assert_eq!((process.activity(), recycled.activity()), (Activity::Runs, Activity::Gone));
        let settles = |expected| {
            let mut looks = std::iter::repeat_with(|| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                process.activity()
            });
            looks.by_ref().take(1000).any(|it| it == expected)
        };
        assert!(process.ask(Request::Pause) && settles(Activity::Paused));
        assert!(!recycled.ask(Request::Resume) && !recycled.ask(Request::End));
        assert_eq!(process.activity(), Activity::Paused);
        assert!(process.ask(Request::Resume) && settles(Activity::Runs));
        assert!(process.ask(Request::End) && settles(Activity::Gone));
        child.wait().unwrap();
        assert!(!process.ask(Request::End), "it is gone");
    }
}
