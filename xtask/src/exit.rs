//! The exit codes, named and documented.
//!
//! Every expected way to end has a code of its own. The table printed by `--help` and the one in
//! `docs/build.md` are checked against [`Exit::ALL`] by a test.

use std::{
    fmt,
    process::{ExitCode, Termination},
};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything that was asked for is done.
    Success,
    /// xtask itself failed (I/O, a missing program), or the run did.
    Internal,
    /// Bad flags or bad input, here or in the run; an output file that belongs to another matrix.
    Usage,
    /// The build, or the work on a cluster, may not start.
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
    /// The run was ended by this signal: 128 + its number, as a shell reports it.
    RunSignal(u8),
    /// What the command of `exec` ended with.
    Command(u8),
}

impl Exit {
    /// Every code but the open-ended [`Exit::RunSignal`] and [`Exit::Command`], in ascending order.
    pub(crate) const ALL: [Exit; 9] = [
        Exit::Success,
        Exit::Internal,
        Exit::Usage,
        Exit::NotReady,
        Exit::OutOfMemory,
        Exit::Killed,
        Exit::NeighbourKilled,
        Exit::CargoFailed,
        Exit::Interrupted,
    ];

    /// The process's exit code.
    pub(crate) fn code(self) -> u8 {
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
    pub(crate) fn name(self) -> &'static str {
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

    /// The meaning, as `--help` and the documentation give it.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Exit::Success => "done",
            Exit::Internal => "an error of xtask or of the run that is none of those below",
            Exit::Usage => "bad flags or bad input, of xtask or of the run",
            Exit::NotReady => {
                "not ready: preflight failed, waiting was in vain, or the cluster cannot run it"
            }
            Exit::OutOfMemory => "every strategy that was tried ran out of memory",
            Exit::Killed => "the build was killed, and not for lack of memory",
            Exit::NeighbourKilled => {
                "it built, but the kernel killed another program for lack of memory"
            }
            Exit::CargoFailed => "cargo failed (compile error, manifest, full disk): as cargo says",
            Exit::Interrupted => "interrupted; what was finished is kept",
            Exit::RunSignal(_) => "128 + N: signal N ended the run",
            Exit::Command(_) => "what the command of `exec` ended with",
        }
    }
}

/// An error with an exit code of its own.
#[derive(Debug)]
pub(crate) struct Coded {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}

impl Exit {
    /// The code an error asks for; [`Exit::Internal`] if none does.
    pub(crate) fn of(error: &anyhow::Error) -> Exit {
        let coded = error.chain().find_map(|it| it.downcast_ref::<Coded>());
        coded.map_or(Exit::Internal, |it| it.exit)
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// The table that closes every `--help`.
pub(crate) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        text += &format!("  {:>5}  {}\n", exit.code(), exit.meaning());
    }
    text += &format!("  128+N  {}", Exit::RunSignal(0).meaning().trim_start_matches("128 + N: "));
    text += &format!("\n  other  {}", Exit::Command(0).meaning());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_distinct_and_ascending() {
        for pair in Exit::ALL.windows(2) {
            assert!(pair[0].code() < pair[1].code(), "{pair:?}");
            assert_ne!(pair[0].name(), pair[1].name());
        }
        assert_eq!(Exit::RunSignal(9).code(), 137);
        assert_eq!(Exit::RunSignal(15).code(), 143);
    }

    #[test]
    fn the_documentation_lists_every_code_with_its_meaning() {
        let docs = include_str!("../../docs/build.md");
        for exit in Exit::ALL {
            let row = format!("| {} | `{}` | {} |", exit.code(), exit.name(), exit.meaning());
            assert!(docs.contains(&row), "docs/build.md lacks the row\n{row}");
        }
    }
}
