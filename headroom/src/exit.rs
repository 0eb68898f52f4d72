//! The exit codes and their names. Every expected way to end has a code of its own.

use std::{
    fmt,
    process::{ExitCode, Termination},
};

/// The end of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is done.
    Success,
    /// The program itself failed (I/O, a missing program), or what it ran did.
    Internal,
    /// Bad flags or bad input.
    Usage,
    /// The work may not start.
    NotReady,
    /// Every strategy that was tried ran out of memory.
    OutOfMemory,
    /// A compiler or the build itself was ended by a signal, and not for lack of memory.
    Killed,
    /// It built, but the kernel killed a program beside it.
    NeighbourKilled,
    /// cargo failed: a compile error, a broken manifest, a full disk. cargo's own code.
    CargoFailed,
    /// Ctrl-C, SIGTERM or SIGHUP. What was finished is kept.
    Interrupted,
    /// The program that was run was ended by this signal. The code is 128 + its number, as a shell
    /// reports it.
    RunSignal(u8),
    /// The exit code of the command of `exec`.
    Command(u8),
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Internal => 1,
            Exit::Usage => 2,
            Exit::NotReady => 4,
            Exit::OutOfMemory => 5,
            Exit::Killed => 6,
            Exit::NeighbourKilled => 7,
            Exit::CargoFailed => 101,
            Exit::Interrupted => 130,
            Exit::RunSignal(signal) => 128_u8.saturating_add(signal),
            Exit::Command(code) => code,
        }
    }

    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Exit::Success => "success",
            Exit::Internal => "internal-error",
            Exit::Usage => "usage",
            Exit::NotReady => "not-ready",
            Exit::OutOfMemory => "out-of-memory",
            Exit::Killed => "killed",
            Exit::NeighbourKilled => "neighbour-killed",
            Exit::CargoFailed => "cargo-failed",
            Exit::Interrupted => "interrupted",
            Exit::RunSignal(_) => "run-ended-by-signal",
            Exit::Command(_) => "command",
        }
    }
}

/// An error with an exit code of its own.
#[derive(Debug)]
pub struct Coded {
    /// The exit code.
    pub exit: Exit,
    /// The error message, for the user.
    pub message: String,
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}

impl Exit {
    /// The code an error asks for; [`Exit::Internal`] if none does.
    pub fn of(error: &anyhow::Error) -> Exit {
        let coded = error.chain().find_map(|it| it.downcast_ref::<Coded>());
        coded.map_or(Exit::Internal, |it| it.exit)
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
