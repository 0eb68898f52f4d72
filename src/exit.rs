//! The exit codes of the study's program.

use std::process::{ExitCode, Termination};

/// How the program ended. The number is the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done; the study's verdict may be any.
    Success = 0,
    /// A fault of the program or of the system.
    Internal = 1,
    /// Bad input or usage; a file that cannot be read or written; an output that exists without
    /// `--resume`, belongs to another matrix, or is being written by another run. Nothing finished
    /// was changed.
    BadInput = 2,
    /// Stopped by Ctrl-C or a request to terminate. Finished rows are kept.
    Interrupted = 130,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
