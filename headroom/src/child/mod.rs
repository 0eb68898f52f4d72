//! Programs that are started: named for good, ended to the last process, whatever happens.
//!
//! `process_id` of the room below names a process; nothing else signals one, except that the keeper
//! ends its own children. This room knows neither cargo nor memory.

pub mod interrupt;
pub mod keeper;
pub(crate) mod watchdog;

use std::{
    fmt,
    io::{self, ErrorKind},
    process::{Child, Command},
};

/// The end of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Its exit code, if it had one.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

/// The program could not be started.
#[derive(Debug)]
pub(crate) struct NotStarted(pub(crate) io::Error, pub(crate) String);

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotStarted(source, program) = self;
        match source.kind() {
            ErrorKind::NotFound if !program.contains('/') => {
                write!(f, "could not start `{program}`: it is not in the PATH")
            }
            _ => write!(f, "could not start `{program}`: {source}"),
        }
    }
}

impl std::error::Error for NotStarted {}

/// `SIGKILL (9)`; the number alone where the name is not known.
pub fn signal_name(signal: i32) -> String {
    #[cfg(unix)]
    if let Ok(name) = nix::sys::signal::Signal::try_from(signal) {
        return format!("{name} ({signal})");
    }
    format!("signal {signal}")
}

/// Have the program lead a process group of its own: a signal to the terminal's foreground group is
/// not meant for it.
pub fn own_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

/// Kills a program that leads a process group, with the group. Elsewhere than on Unix there are no
/// groups.
pub fn kill_group(child: &mut Child) {
    #[cfg(unix)]
    if let Ok(pid) = child.id().try_into() {
        use nix::{
            sys::signal::{Signal, killpg},
            unistd::Pid,
        };
        killpg(Pid::from_raw(pid), Signal::SIGKILL).ok();
    }
    #[cfg(not(unix))]
    child.kill().ok();
}
