//! xtask from outside: arguments in; files, standard output, standard error and exit code out.
//!
//! One program, so that it is linked once, and tests that wait run beside tests that compute.

/// Commands that run, and that have ended.
#[cfg(unix)]
mod common;

/// The folders of `headroom` and of `xtask` that each folder may use.
mod rooms;
/// The source files below a folder.
#[path = "../../../tests/it/sources.rs"]
mod sources;

/// Readers on corpora of fuzz targets.
mod fuzz;

/// The commands, in small workspaces.
#[cfg(unix)]
mod cli;

/// Faults at every call.
#[cfg(unix)]
mod crash;

/// Builds under real limits of memory.
#[cfg(target_os = "linux")]
mod guard;

/// Following a run on a cluster, with stand-ins for Slurm and for the program.
#[cfg(unix)]
mod attach;

/// The same with a real Slurm.
#[cfg(target_os = "linux")]
mod slurm;
