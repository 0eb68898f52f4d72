//! One process, named for good: a PID together with the time it started.
//!
//! PIDs are given again. Every look and every signal here first makes sure that the PID still means
//! the process that was meant, so a recycled PID is never paused, resumed or ended.

use serde::Serialize;

use super::process_files::stat;

/// A process, told from others that have its PID later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ProcessId {
    /// The PID, which another process may have later.
    pub pid: u32,
    /// On Linux clock ticks since the machine started, which no change of the clock moves;
    /// elsewhere seconds since 1970.
    pub started: u64,
}

/// The activity of a process, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It runs, or could.
    Runs,
    /// Stopped by a signal.
    Paused,
    /// Gone, or ended and not yet collected; also if the PID means another process now.
    Gone,
}

/// A signal to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessSignal {
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
        Some(ProcessId { pid, started: stat(pid)?.started })
    }

    /// Returns the present activity of the process.
    pub fn activity(self) -> Activity {
        match stat(self.pid) {
            Some(it) if it.started == self.started => it.activity,
            _ => Activity::Gone,
        }
    }

    /// The process that `parent` has started, if that is what the PID means now.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_child(pid: u32, parent: u32) -> Option<ProcessId> {
        let stat = stat(pid)?;
        (stat.parent == parent).then_some(ProcessId { pid, started: stat.started })
    }

    /// Sends a signal to the group that this process leads, unless its number has been given to
    /// another process.
    ///
    /// A group's number is not given again while a member lives, so it is recycled exactly if a
    /// process has it that started at another time.
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

    /// Sends the signal if the process is still there, and tells whether it was sent.
    pub(crate) fn send(self, signal: ProcessSignal) -> bool {
        self.activity() != Activity::Gone && send(self.pid, signal)
    }
}

#[cfg(unix)]
fn send(pid: u32, request: ProcessSignal) -> bool {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    let signal = match request {
        ProcessSignal::Pause => Signal::SIGSTOP,
        ProcessSignal::Resume => Signal::SIGCONT,
        ProcessSignal::End => Signal::SIGTERM,
    };
    pid.try_into().is_ok_and(|it| kill(Pid::from_raw(it), signal).is_ok())
}

/// Elsewhere than on Unix a process can be ended, and not paused.
#[cfg(not(unix))]
fn send(pid: u32, request: ProcessSignal) -> bool {
    use sysinfo::{Pid, ProcessesToUpdate, System};
    let Ok(mut system) = System::new() else { return false };
    let pid = Pid::from_u32(pid);
    system.refresh_processes(ProcessesToUpdate::Some(&[pid]), true);
    request == ProcessSignal::End && system.process(pid).is_some_and(|it| it.kill())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(process.send(ProcessSignal::Pause) && settles(Activity::Paused));
        assert!(!recycled.send(ProcessSignal::Resume) && !recycled.send(ProcessSignal::End));
        assert_eq!(process.activity(), Activity::Paused);
        assert!(process.send(ProcessSignal::Resume) && settles(Activity::Runs));
        assert!(process.send(ProcessSignal::End) && settles(Activity::Gone));
        child.wait().unwrap();
        assert!(!process.send(ProcessSignal::End), "it is gone");
    }
}
