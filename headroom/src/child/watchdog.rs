//! A second, tiny process that outlives this one and cleans up after it, even after a SIGKILL.
//!
//! It holds the reading end of a pipe whose writing end only this process has. When that closes,
//! for whatever reason, it resumes every process it was told about, ends every process group that
//! is still registered (on Linux that is for [`crate::child::keeper`]), and removes what this
//! process has made for itself alone. What it is told is in the pipe before this process acts, so
//! the watchdog knows every process that is paused. It is this same program, started again with a
//! hidden command.

use std::{
    env, fs,
    io::{self, BufRead, Write as _},
    path::PathBuf,
    process::{Child, Command, ExitCode, Stdio},
};

use anyhow::Context as _;

use crate::machine::{
    process_id::{Activity, ProcessId, ProcessSignal},
    system::own_program,
};

/// The only argument of a watchdog.
const COMMAND: &str = "__watchdog";

/// The running watchdog. When this is dropped, it resumes every process it was told about and ends.
#[derive(Debug)]
pub(crate) struct Watchdog {
    child: Child,
    /// Resumed from here if the watchdog itself was killed.
    paused: Vec<ProcessId>,
}

impl Watchdog {
    /// Starts it. It ignores Ctrl-C, SIGTERM and hang-up: it ends when this process does.
    ///
    /// # Errors
    /// If the program cannot be started again.
    pub(crate) fn spawn() -> anyhow::Result<Watchdog> {
        let mut command = Command::new(own_program()?);
        command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            // Out of the terminal's reach, and out of whatever group is ended with this process.
            command.process_group(0).arg0("xtask");
        }
        let child = command.spawn().context("could not start the watchdog")?;
        Ok(Watchdog { child, paused: Vec::new() })
    }

    /// Resumes a process when this one ends. Call *before* pausing it.
    ///
    /// # Errors
    /// If the watchdog is gone. Then nothing must be paused.
    pub(crate) fn also_resume(&mut self, process: ProcessId) -> anyhow::Result<()> {
        self.tell("resume", process)?;
        self.paused.push(process);
        Ok(())
    }

    /// Ends a process's group with SIGKILL when this process ends. `leader` is the process whose
    /// PID is the group's.
    ///
    /// # Errors
    /// If the watchdog is gone.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn also_end(&mut self, leader: ProcessId) -> anyhow::Result<()> {
        self.tell("end", leader)
    }

    /// This group has ended by itself.
    ///
    /// # Errors
    /// If the watchdog is gone.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn has_ended(&mut self, leader: ProcessId) -> anyhow::Result<()> {
        self.tell("ended", leader)
    }

    /// Removes this file when this process ends, and the folder around it. It has made both for
    /// itself.
    ///
    /// # Errors
    /// If the watchdog is gone.
    #[cfg(target_os = "linux")]
    pub(crate) fn also_remove(&mut self, file: &std::path::Path) -> anyhow::Result<()> {
        // A path that is not one line of text is not removed: removing another one would do more
        // harm.
        match file.to_str() {
            Some(path) if !path.contains('\n') => self.say(&format!("remove {path}\n")),
            _ => Ok(()),
        }
    }

    fn tell(&mut self, what: &str, it: ProcessId) -> anyhow::Result<()> {
        self.say(&format!("{what} {} {}\n", it.pid, it.started))
    }

    fn say(&mut self, line: &str) -> anyhow::Result<()> {
        let pipe = self.child.stdin.as_mut().context("the watchdog has no pipe")?;
        // One write, which a pipe does not divide because it is short.
        pipe.write_all(line.as_bytes()).context("the watchdog is gone")
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
        resume(&self.paused);
    }
}

/// If this process is a watchdog, be it. Call first in `main`.
pub(crate) fn entered() -> Option<ExitCode> {
    let mut args = env::args_os().skip(1);
    let is_it = args.next()? == COMMAND && args.next().is_none();
    is_it.then(|| {
        serve();
        ExitCode::SUCCESS
    })
}

/// The watchdog's own side: remember what stdin says, and act when it closes.
fn serve() {
    // An empty handler: unlike the default action, it lets this process live.
    ctrlc::set_handler(|| {}).ok();
    CleanupTasks::read(io::stdin().lock()).perform();
}

/// The tasks to be done when the process that started the watchdog is gone.
#[derive(Debug, Default, PartialEq)]
struct CleanupTasks {
    resume: Vec<ProcessId>,
    end: Vec<ProcessId>,
    remove: Vec<PathBuf>,
}

impl CleanupTasks {
    fn read(from: impl BufRead) -> CleanupTasks {
        let mut tasks = CleanupTasks::default();
        for line in from.lines().map_while(Result::ok) {
            if let Some(path) = line.strip_prefix("remove ") {
                tasks.remove.push(path.into());
                continue;
            }
            let mut words = line.split(' ');
            let (Some(what), Some(Ok(pid)), Some(Ok(started))) =
                (words.next(), words.next().map(str::parse), words.next().map(str::parse))
            else {
                continue;
            };
            let process = ProcessId { pid, started };
            match what {
                "resume" => tasks.resume.push(process),
                "end" => tasks.end.push(process),
                "ended" => tasks.end.retain(|it| *it != process),
                _ => {}
            }
        }
        tasks
    }

    fn perform(&self) {
        self.end.iter().for_each(|it| end_group(*it));
        for file in &self.remove {
            fs::remove_file(file).ok();
            // A folder that holds anything else stays.
            file.parent().map(fs::remove_dir);
        }
        resume(&self.resume);
    }
}

fn resume(paused: &[ProcessId]) {
    for it in paused.iter().filter(|it| it.activity() == Activity::Paused) {
        it.send(ProcessSignal::Resume);
    }
}

#[cfg(unix)]
fn end_group(leader: ProcessId) {
    leader.signal_group(nix::sys::signal::Signal::SIGKILL);
}

#[cfg(not(unix))]
fn end_group(_leader: ProcessId) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_last_holds() {
        let id = |pid, started| ProcessId { pid, started };
        let tasks = CleanupTasks::read(
            "resume 10 100\nend 20 200\nnonsense\nresume x 1\nend 30 300\nended 20 200\n\
            resume 11 101\nremove /a b/c\n"
                .as_bytes(),
        );
        let expected = CleanupTasks {
            resume: vec![id(10, 100), id(11, 101)],
            end: vec![id(30, 300)],
            remove: vec!["/a b/c".into()],
        };
        assert_eq!(tasks, expected);
        // Cut off in the middle of a line, as when the writer dies meanwhile.
        assert_eq!(CleanupTasks::read("resume 10 100\nresu".as_bytes()).resume, [id(10, 100)]);
    }

    #[cfg(unix)]
    #[test]
    fn a_group_is_ended_unless_its_number_means_another() {
        use std::os::unix::process::CommandExt as _;
        let start = || Command::new("sleep").arg("300").process_group(0).spawn().unwrap();
        let (mut ours, mut other) = (start(), start());
        let id = |it: &Child| ProcessId::of(it.id()).unwrap();
        let recycled = ProcessId { started: 1, ..id(&other) };
        CleanupTasks { end: vec![id(&ours), recycled], ..CleanupTasks::default() }.perform();
        assert!(!ours.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none(), "another process's group was ended");
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
