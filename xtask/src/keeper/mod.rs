//! A command and everything that it starts: started, heard of, and ended to the last process.
//!
//! A process group is not all that a command has started: what calls `setsid`, or starts a child and ends, leaves it. On
//! Linux the command therefore runs below a *keeper*, a second, tiny process of this program. Orphans below it become
//! its children, whatever they have done to leave, so when it has no children any more, nothing is left. It signals
//! nothing but its own children, whose PIDs cannot be given to others before it has collected them. And it notices when
//! xtask is gone, a `kill -9` included, and ends them all. Elsewhere the group is what can be ended.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{Kept, entered};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{Kept, entered};

use std::process::Stdio;

/// Where the command reads and prints.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) stdin: Stdio,
    pub(crate) stdout: Stdio,
    pub(crate) stderr: Stdio,
}

impl Streams {
    /// Nothing to read, and all that it prints comes here.
    pub(crate) fn piped() -> Streams {
        Streams { stdin: Stdio::null(), stdout: Stdio::piped(), stderr: Stdio::piped() }
    }
}

/// A signal to the command's process group.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    /// As Ctrl-C does.
    Stop,
    Kill,
}

/// What the command had left when it had ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// It was successful, and these processes were ended after it: their names and PIDs.
    pub(crate) ended: Vec<String>,
    /// These could not be ended.
    pub(crate) alive: Vec<String>,
    /// What has left the command's process group could not be found.
    pub(crate) only_group: bool,
}
