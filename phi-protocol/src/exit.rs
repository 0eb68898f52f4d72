//! The exit codes of the study's program.

use std::process::{ExitCode, Termination};

/// The end of the study's program. The number is the exit code of the process.
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
    /// Some networks of several could not be analysed. The answers of the others are whole.
    Partial = 3,
    /// Stopped by Ctrl-C or a request to terminate. Finished rows are kept.
    Interrupted = 130,
}

impl Exit {
    /// All of them, by their codes.
    pub const ALL: [Exit; 5] =
        [Exit::Success, Exit::Internal, Exit::BadInput, Exit::Partial, Exit::Interrupted];

    /// The exit code of the process.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The meaning of an exit code; `None` for one that the study's program does not have.
    pub fn of_code(code: i32) -> Option<Exit> {
        Exit::ALL.into_iter().find(|it| i32::from(it.code()) == code)
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
