//! The exit codes of the study's program.

pub use phi_protocol::Exit;
