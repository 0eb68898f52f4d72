//! Starts a command, tells of its end, and ends everything that it has started to the last process.
//!
//! A process group is not all that a command has started: what calls `setsid`, or starts a child
//! and ends, leaves it. On Linux the command therefore runs below a *keeper*, a second, tiny
//! process of this program. Orphans below it become its children, whatever they have done to leave,
//! so when it has no children any more, nothing is left. It signals nothing but its own children,
//! whose PIDs cannot be given to others before it has collected them. And it notices when its
//! parent is gone, a `kill -9` included, and ends them all. Elsewhere the group is what can be
//! ended.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{KeptCommand, entered};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{KeptCommand, entered};

use std::process::Stdio;

use crate::console::Console;

/// The standard streams of a command.
#[derive(Debug)]
pub struct Streams {
    /// Its stdin.
    pub stdin: Stdio,
    /// Its stdout.
    pub stdout: Stdio,
    /// Its stderr.
    pub stderr: Stdio,
}

impl Streams {
    /// An empty stdin, and pipes for what the command prints.
    pub fn piped() -> Streams {
        Streams { stdin: Stdio::null(), stdout: Stdio::piped(), stderr: Stdio::piped() }
    }
}

/// A signal to the command's process group.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GroupSignal {
    /// SIGINT, as Ctrl-C sends it.
    Stop,
    Kill,
}

/// The processes that were left when the command had ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Names and PIDs of processes that were ended after a successful command.
    pub(crate) ended: Vec<String>,
    /// Names and PIDs of processes that could not be ended.
    pub(crate) alive: Vec<String>,
    /// `true` if processes that have left the command's process group could not be found.
    pub(crate) only_group: bool,
}

impl Leftovers {
    /// Tells of processes that a command had left, where there were any.
    pub fn say(&self, console: &Console) {
        if !self.ended.is_empty() {
            let n = self.ended.len();
            let (what, them) = if n == 1 { ("a process", "it") } else { ("processes", "them") };
            console.note(&format!(
                "the command had left {what} running, which {} ended with it: {}; to keep {them}, \
                 start {them} beforehand",
                if n == 1 { "was" } else { "were" },
                first_few(&self.ended)
            ));
        }
        if !self.alive.is_empty() {
            console.warning(
                &format!("still running, and started by the command: {}", first_few(&self.alive)),
                "they may be another user's, or wait for a disk",
            );
        }
        if self.only_group {
            console.note_once(
                "only-group",
                "here only the command's process group ends with it: what has left the group goes \
                 on",
            );
        }
    }
}

fn first_few(names: &[String]) -> String {
    let shown = names.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        n @ 6.. => format!("{shown} and {} more", n - 5),
        _ => shown,
    }
}
