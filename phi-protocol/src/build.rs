//! The record of a build, `build.json`: the part of it that the report of a run shows.
//!
//! The guard of a build writes it (`headroom`, which does not know this crate) and adds what only a
//! person reads who opens the file, so unknown fields are passed over.

use serde::{Deserialize, Serialize};

/// The record of how the study's program was built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// The version of the fields.
    pub version: u32,
    /// The reason for the way to build that was tried first.
    pub reason: String,
    /// The ways to build that were tried, in order.
    pub attempts: Vec<BuildAttempt>,
}

/// One way to build, tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildAttempt {
    /// The name of the way, as `--option` takes it.
    pub strategy: String,
    /// The commands, as one would type them.
    pub commands: Vec<String>,
    /// `built`, `out-of-memory`, …
    pub outcome: String,
    /// Time that it took.
    pub seconds: f64,
    /// The most memory that cargo and everything below it held at once.
    pub peak_bytes: u64,
    /// The observations of the build's guard, one entry for each command that it guarded.
    pub details: Vec<BuildDetails>,
}

/// The observations of a build's guard during one command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildDetails {
    /// Memory over time.
    pub timeline: Vec<BuildPoint>,
}

/// A stretch of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BuildPoint {
    /// The time when it began, counted from the start of the command.
    pub at_ms: u64,
    /// The memory that the machine could still give, at the lowest.
    pub headroom_bytes: u64,
    /// The memory of the build, at the highest.
    pub build_bytes: u64,
    /// The compilers that were running.
    pub n_running: u16,
}
