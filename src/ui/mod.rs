//! The display of a run while it goes on: to a terminal, to programs, and how long it will take.
//!
//! It decides nothing about the run.

pub mod events;
pub mod forecast;
pub mod live;
pub mod progress;
pub(crate) mod screen;
