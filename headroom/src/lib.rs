//! Builds of Rust workspaces that stay within the memory there is.
//!
//! Before a build: how much memory is left to this process (the machine, control groups, swap),
//! what past builds needed, and which way to build fits. While it runs, on Linux: a gate before
//! every compiler, and a controller that holds compilers back, suspends them, or ends them and
//! starts them again, so that a build does not run out of memory as long as one compiler at a time
//! fits. After it: why it ended, told from the kernel's counters and not from guesses.
//!
//! The program that hosts this library calls [`entered`] first: the gate, the keeper and the
//! watchdog are this same program, started again. Then:
//!
//! ```no_run
//! use std::process::{ExitCode, Termination as _};
//!
//! use headroom::{BuildRequest, Console, Format, Host};
//!
//! fn main() -> ExitCode {
//!     if let Some(code) = headroom::entered() {
//!         return code;
//!     }
//!     let mut console = Console::new("build", Format::Text, false);
//!     let built = headroom::build(&Host::default(), &BuildRequest::default(), &mut console);
//!     console.finish(built.map(|it| it.exit)).report()
//! }
//! ```
//!
//! The rooms, in the order in which each may use those before it: `numbers`, `escape`, `files` and
//! `exit` serve all; `console` says things; `machine` reads what there is; `workspace` is what is
//! built; `build_ledger` is what past builds needed; `plan` decides how to build; `child` starts
//! and ends programs; `guard` holds compilers back; `build` is one command under supervision;
//! `command` is what a user asks for.

// These serve all rooms, and are public for this project's own programs only.
#[doc(hidden)]
pub mod escape;
mod exit;
#[doc(hidden)]
pub mod files;
#[doc(hidden)]
pub mod numbers;

// Their order, in which each may use those before it, is above.
pub mod build;
mod build_ledger;
pub mod child;
mod command;
pub mod console;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has a guard"))]
mod guard;
pub mod machine;
pub mod plan;
pub mod workspace;

#[doc(hidden)]
pub mod fuzzing;

use std::process::ExitCode;

pub use command::{
    BuildRequest, BuildResult, Host, RoomRequest, WaitTimeout, build, exec, off, on, plan,
    preflight,
};
pub use console::{Console, Format};
pub use exit::{Coded, Exit};
pub use plan::{
    Choice,
    strategy::{Estimate, Strategy},
};
pub use workspace::{DefaultTarget, Selection, Workspace};

/// If this process was started as a gate, a keeper or a watchdog: be it. Call this first in `main`.
pub fn entered() -> Option<ExitCode> {
    guard::entered().or_else(child::keeper::entered).or_else(child::watchdog::entered)
}
