//! The errors of the study, made where the facts are.
//!
//! Messages are fragments in lower case that name file, place, value and expectation. Nothing here
//! prints; [`Error::exit`] says with which code the program ends.

use std::io;
use std::path::PathBuf;

use crate::exit::Exit;

/// The reason why the study, or a part of it, could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that is not one of those known.
    #[error("unknown {what} {name:?}: expected one of {known}")]
    UnknownName {
        /// The kind of thing that is named.
        what: &'static str,
        /// The name as it was given.
        name: String,
        /// The names that are known.
        known: String,
    },

    /// Settings that make no matrix.
    #[error("{0}")]
    Settings(String),

    /// States that a network of the matrix cannot be in.
    #[error("{0}")]
    States(String),

    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },

    /// A file that cannot be written: no such folder, no permission, no space.
    #[error("cannot write {}: {source}{note}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
        /// The results that are safe all the same and how to go on, with its own separator, or
        /// nothing.
        note: String,
    },

    /// A file whose content is not what it should be.
    #[error("{place}: {message}")]
    Content {
        /// The file, and the line in it if that is known.
        place: String,
        /// The fault, and what was expected.
        message: String,
    },

    /// An output file that this run must not touch.
    #[error("{}: {message}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// The reason why it must not be touched, and what can be done.
        message: String,
    },

    /// A network that the exact engine rejects.
    #[error("{place}: {message}")]
    Network {
        /// The source of the network.
        place: String,
        /// The message of the engine.
        message: String,
    },

    /// An exact problem that needs more memory than there is. It was not begun.
    #[error(
        "{place}: needs {} of memory with one thread, expected at most {}, which are \
         available{note}",
        size(*needed_bytes),
        size(*left_bytes)
    )]
    Memory {
        /// The source of the network.
        place: String,
        /// The memory that the engine plans for.
        needed_bytes: u64,
        /// The memory that this process may still take.
        left_bytes: u64,
        /// The fate of the other networks and how to go on, with its own separator, or nothing.
        note: String,
    },

    /// Some networks of several could not be analysed; the answers of the others are written.
    #[error(
        "{place}: {refused} of {total} networks have no answer; what is wrong is said in their \
         places"
    )]
    Refused {
        /// The file.
        place: String,
        /// Those without an answer.
        refused: usize,
        /// All there are.
        total: usize,
    },

    /// The user asked to stop.
    #[error("interrupted{0}")]
    Interrupted(String),

    /// A fault of this program or of the system, not of the input.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// The exit code that tells a caller of the program what kind of failure this is.
    pub fn exit(&self) -> Exit {
        match self {
            Error::UnknownName { .. }
            | Error::Settings(_)
            | Error::States(_)
            | Error::Read { .. }
            | Error::Write { .. }
            | Error::Content { .. }
            | Error::Output { .. }
            | Error::Network { .. }
            | Error::Memory { .. } => Exit::BadInput,
            Error::Refused { refused, total, .. } if refused < total => Exit::Partial,
            Error::Refused { .. } => Exit::BadInput,
            Error::Interrupted(_) => Exit::Interrupted,
            Error::Internal(_) => Exit::Internal,
        }
    }
}

/// `3.4 GiB`, `12 MiB`: rounded up, so that a need is never said to be what there is.
fn size(bytes: u64) -> String {
    let mib = bytes.div_ceil(1 << 20);
    if mib < 1024 { format!("{mib} MiB") } else { format!("{:.1} GiB", mib as f64 / 1024.0) }
}
