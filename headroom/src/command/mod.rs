//! The requests of a user: look, plan, build, run a command, and wait or make room before it.
//!
//! This is the only room that knows all the others. It knows no flags: a program that hosts this
//! library turns its own command line into a [`BuildRequest`], and says in a [`Host`] what it knows
//! and this library does not.

mod always;
mod build;
mod exec;
mod look;
mod make_room;
mod wait;

pub use always::{off, on};
pub use build::{BuildResult, build};
pub use exec::exec;
pub use look::{plan, preflight};
pub use wait::WaitTimeout;

use std::time::Duration;

use crate::{
    plan::{
        Choice,
        measured::Figures,
        strategy::{Estimate, Strategy},
    },
    workspace::{DefaultTarget, Selection},
};

/// The facts that the program that hosts this library knows and the library does not.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// The target to build where the user selects none. Its executable must answer `--help`.
    pub default_target: Option<DefaultTarget>,
    /// Figures that were measured for the default target on another machine.
    pub figures: Option<&'static Figures>,
    /// The estimate for a build of which nothing was measured.
    pub estimate: fn(Strategy) -> Estimate,
    /// The alternative to a debug build, whose program is slow.
    pub debug_build_hint: &'static str,
}

impl Default for Host {
    fn default() -> Host {
        Host {
            default_target: None,
            figures: None,
            estimate: Strategy::estimate,
            debug_build_hint: "free memory for a release build",
        }
    }
}

/// A request to build: the targets, and the way to build them.
#[derive(Clone, Debug, Default)]
pub struct BuildRequest {
    /// The targets to build.
    pub selection: Selection,
    /// The strategy to build with.
    pub choice: Choice,
    /// Treat the advisory thresholds (25 GB used, 8 GB available, other builds) as binding.
    pub strict: bool,
    /// Start even if a check fails. This never stops a process.
    pub yes: bool,
    /// Print the checks and the plan, and do nothing.
    pub dry_run: bool,
    /// Print all checks as a result, as a dry run does. Else only those that did not pass are told.
    pub show_checks: bool,
    /// Waiting for memory, and making room.
    pub room: RoomRequest,
}

/// Waiting for memory, and making room.
#[derive(Clone, Debug, Default)]
pub struct RoomRequest {
    /// Longest wait for memory and for the lock of the build folder.
    pub wait: Option<WaitTimeout>,
    /// Programs to pause, with all they have started.
    pub pause: Vec<u32>,
    /// Programs to end, with all they have started.
    pub stop: Vec<u32>,
    /// [`exec`] holds back the programs that cargo runs, too: tests, benches. They are suspended,
    /// and never ended.
    pub run_too: bool,
}

impl RoomRequest {
    /// Without an end it is the longest there is.
    fn longest_wait(&self) -> Duration {
        match self.wait {
            None => Duration::ZERO,
            Some(WaitTimeout::For(time)) => time,
            Some(WaitTimeout::Endless) => Duration::MAX,
        }
    }
}
