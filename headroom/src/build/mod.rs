//! A command under supervision, and what its end means: one attempt to build, a ladder of them, or
//! any command that builds with cargo underneath.
//!
//! `supervise` streams output and ends everything; `outcome` judges an end from what was seen;
//! `attempt` and `command_run` put the two together. Nothing here chooses a strategy.

pub(crate) mod attempt;
pub(crate) mod command_run;
pub(crate) mod outcome;
pub mod supervise;
