//! Studies on a Slurm of two nodes, end to end.
//!
//! Every test starts a Slurm of its own on this machine ([`cluster`]) and stops it; it is skipped
//! with a line where that is not possible.

/// The two nodes.
mod cluster;

/// A user of them.
mod login;

/// Jobs that compute the study and one Φ.
mod study;

/// Faults that may happen to the jobs.
mod faults;

/// Clusters that do not allow or do not have something.
mod limits;
