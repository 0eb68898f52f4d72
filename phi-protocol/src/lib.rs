//! The types that the study's program and its launcher exchange.
//!
//! The study's program writes events, the status of a job on a cluster and its exit code; `xtask`
//! writes the arguments of a launch and the record of a build. Both sides use these types, so
//! neither can drift from the other. The documents in `golden/` are read and written by tests of
//! both sides: a change of a field changes them.
//!
//! This crate knows no Φ, no Slurm and, but for the place of a job, no file name of a run. It needs
//! nothing but serde.

mod build;
mod event;
mod exit;
mod job;
mod launch;
mod path;

pub use build::{BuildAttempt, BuildDetails, BuildPoint, BuildRecord};
pub use event::{EVENTS_SCHEMA, EVENTS_VERSION, Event, EventLine, Listed, Results, Task, Workers};
pub use exit::Exit;
pub use job::{
    GivenUpItem, JOB_FILE, JOB_FOLDER, JOB_SCHEMA, JOB_VERSION, JobState, JobStatus, TASK_SCHEMA,
    TASK_VERSION, TaskDone,
};
pub use launch::{Launch, Question};
