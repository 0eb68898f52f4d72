//! `cargo xtask`: preflight, a build that fits into memory, and the run.
//!
//! The builds are those of the library `headroom`. What is here belongs to this project: its flags,
//! what was measured of its study (`project`), the start of the study here (`run`, `validate`,
//! `study`) and on a cluster (`slurm`), and its benchmarks (`bench`).
//!
//! This is a library only for its own program, and for tests and fuzz targets, which reach its
//! parsers through [`fuzzing`]. Nothing in it is promised to other crates.

mod exit_help;
mod flags;
mod project;

mod run;
mod slurm;
mod study;
mod validate;

mod bench;
mod commands;

mod cli;
#[doc(hidden)]
pub mod fuzzing;

use std::process::{ExitCode, Termination as _};

use clap::Parser as _;
use headroom::Exit;

use crate::cli::{Cli, Command};

/// The whole program.
#[doc(hidden)]
pub fn main() -> ExitCode {
    // One program: as cargo's wrapper around rustc it is another one, and has to be quick.
    headroom::entered().unwrap_or_else(|| run_command().report())
}

fn run_command() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::usage(&error),
    };
    match cli.command {
        Command::Preflight(it) => it.run(),
        Command::Plan(it) => it.run(),
        Command::Build(it) => it.run(),
        Command::Validate(it) => it.run(),
        Command::Exec(it) => it.run(),
        Command::Report(it) => it.run(),
        Command::Runs(it) => it.run(),
        Command::Bench(it) => it.run(),
    }
}
