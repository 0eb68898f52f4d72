//! How well does a cheap estimate of integrated information (Φ) follow the exact value?
//!
//! A study takes networks of a few units: a [`topology`] says who is connected, [`dynamics`] how
//! a unit follows its inputs, and both with a state are a [`network`]. A [`suite`] lists the
//! comparisons, an [`estimator`] gives each its estimate, and the exact engine its Φ.

#[cfg(feature = "pyphi")]
pub mod cli;
pub mod dynamics;
pub mod error;
pub mod estimator;
#[cfg(feature = "pyphi")]
pub mod exact;
pub mod exit;
#[cfg(feature = "pyphi")]
pub mod interrupt;
pub mod journal;
pub mod network;
#[cfg(feature = "pyphi")]
pub mod phi;
pub mod progress;
pub mod report;
pub mod seeded;
pub mod solver;
pub mod statistics;
pub mod study;
pub mod suite;
pub mod topology;
