//! The command without a keeper: its process group, where there are groups, is what is ended with
//! it.

use std::{
    io,
    process::{Child, Command, ExitCode, ExitStatus},
    time::{Duration, Instant},
};

use super::{GroupSignal, Leftovers, Streams};
use crate::{
    child::{Ending, NotStarted, own_group, watchdog::Watchdog},
    machine::process_id::ProcessId,
};

/// Time for which a command that was successful may still have processes that are about to end, as
/// a `tee` that prints the rest.
const SETTLE: Duration = Duration::from_secs(1);

/// The command. Dropped before its end, its group is killed.
#[derive(Debug)]
pub(crate) struct KeptCommand {
    child: Child,
    leader: Option<ProcessId>,
    status: Option<ExitStatus>,
    watchdog: Watchdog,
    settles_until: Option<Instant>,
}

impl KeptCommand {
    /// Starts it, in a process group of its own.
    ///
    /// # Errors
    /// If the command cannot be started.
    pub(crate) fn start(
        command: &Command,
        streams: Streams,
        _expendable: bool,
    ) -> anyhow::Result<KeptCommand> {
        let program = command.get_program();
        let mut own = Command::new(program);
        own.args(command.get_args());
        own.stdin(streams.stdin).stdout(streams.stdout).stderr(streams.stderr);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => own.env(name, value),
                None => own.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            own.current_dir(folder);
        }
        own_group(&mut own);
        let mut watchdog = Watchdog::spawn()?;
        let shown = program.to_string_lossy().into_owned();
        let child = own.spawn().map_err(|it| NotStarted(it, shown))?;
        let leader = ProcessId::of(child.id());
        if let Some(leader) = leader {
            // Without a watchdog only a `kill -9` of this process leaves something behind: no
            // reason not to go on.
            watchdog.also_end(leader).ok();
        }
        Ok(KeptCommand { child, leader, status: None, watchdog, settles_until: None })
    }

    /// The command's PID, which is that of its process group.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the child that has the pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    #[cfg(unix)]
    pub(crate) fn signal(&mut self, request: GroupSignal) {
        use nix::sys::signal::Signal;
        if let Some(leader) = self.leader {
            leader.signal_group(match request {
                GroupSignal::Stop => Signal::SIGINT,
                GroupSignal::Kill => Signal::SIGKILL,
            });
        }
    }

    /// There are no groups to signal: end the tree from the top.
    #[cfg(not(unix))]
    pub(crate) fn signal(&mut self, _request: GroupSignal) {
        use std::process::Stdio;
        if self.status.is_some() {
            return;
        }
        let pid = self.child.id().to_string();
        let mut taskkill = Command::new("taskkill");
        taskkill.args(["/T", "/F", "/PID", &pid]).stdout(Stdio::null()).stderr(Stdio::null());
        if !taskkill.status().is_ok_and(|it| it.success()) {
            self.child.kill().ok();
        }
    }

    /// Returns the end of the command, or `None` if it still runs. Others of its processes may
    /// still be there.
    ///
    /// # Errors
    /// If the system does not tell.
    pub(crate) fn try_wait(&mut self) -> io::Result<Option<Ending>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status.map(|it| Ending { code: it.code(), signal: signal(it) }))
    }

    /// Ends what is left of its group, without waiting for that.
    pub(crate) fn end(&mut self) {
        if self.status.is_some_and(|it| it.success()) {
            self.settles_until = Some(Instant::now() + SETTLE);
        } else {
            self.signal(GroupSignal::Kill);
        }
    }

    /// After [`KeptCommand::end`]: what was left, as far as that is known.
    pub(crate) fn left(&mut self) -> Option<Leftovers> {
        if self.settles_until.is_some_and(|it| Instant::now() < it) && self.has_members() {
            return None;
        }
        self.signal(GroupSignal::Kill);
        if let Some(leader) = self.leader {
            // If the watchdog is gone, it need not be told.
            self.watchdog.has_ended(leader).ok();
        }
        Some(Leftovers { only_group: true, ..Leftovers::default() })
    }

    #[cfg(unix)]
    fn has_members(&self) -> bool {
        use nix::{sys::signal::killpg, unistd::Pid};
        let group = self.child.id().try_into().map(Pid::from_raw);
        group.is_ok_and(|it| killpg(it, None).is_ok())
    }

    #[cfg(not(unix))]
    fn has_members(&self) -> bool {
        false
    }
}

impl Drop for KeptCommand {
    fn drop(&mut self) {
        if let Ok(None) = self.try_wait() {
            self.end();
            self.child.wait().ok();
        }
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal()
}

#[cfg(not(unix))]
fn signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// There are no keepers.
pub(crate) fn entered() -> Option<ExitCode> {
    None
}
