//! Studies on a Slurm of two nodes, end to end.
//!
//! Every test starts a Slurm of its own on this machine ([`cluster`]) and stops it; it is skipped
//! with a line where that is not possible.

/// The two nodes.
mod cluster;

/// A user of them.
mod login;

/// What they compute.
mod study;

/// What may happen to them.
mod faults;

/// What they do not allow or do not have.
mod limits;
