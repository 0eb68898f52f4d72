//! A job that many processes do on many machines which share nothing but a folder.
//!
//! A *job* is a study, or one Φ. An *item* is the smallest thing that is done or not done: of a
//! study an exact problem with all its comparisons, of one Φ a mechanism or a cut; a *task* is a
//! list of items that one process does; a *round* is a set of tasks that are handed to a scheduler
//! together. The one that hands them over (Slurm, a person) is of no concern here:
//!
//! | module | what it is about |
//! |---|---|
//! | [`folder`] | the job's folder: what is asked for, and the rounds |
//! | [`journals`] | what was done: one file a process, only ever whole |
//! | [`costs`] | what exact problems cost |
//! | [`packing`] | items into tasks |
//! | [`job`] | what the kinds of jobs have in common |
//! | [`study`] | a study as a job |
//! | [`phi`] | one Φ as a job, in two stages |
//! | [`rounds`] | what is missing goes into the next round; how far the job is |
//! | [`cli::cluster`](crate::cli::cluster) | the commands |
//!
//! **Invariants.** No process writes a file that another one writes, and nothing is ever locked:
//! what is done is the union of all journals. Files appear whole (written beside, flushed,
//! renamed). An item that was done twice must have the same result twice. So a task may be stopped
//! at any moment, or run twice, and nothing is lost and nothing counts twice.

pub mod costs;
pub mod folder;
pub mod job;
pub mod journals;
pub mod packing;
pub mod phi;
pub mod rounds;
#[cfg(test)]
mod simulation;
pub mod study;
