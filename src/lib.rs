//! How well does a cheap estimate of integrated information (Φ) follow the exact value?
//!
//! A study compares the two on small networks of binary units. A [`topology`] says which units are
//! connected, [`dynamics`] how a unit follows its inputs; both with a state are a [`network`]. A
//! [`suite`] lists the comparisons that its [`settings`] ask for (by default 160), each with its [`key`], and the
//! different exact problems in them (48). An
//! [`estimator`] gives each comparison its estimate, a [`solver`] its exact Φ: [`exact`] is the one of
//! `pyphi-core`. A [`study`] does them one after another and keeps each
//! [`row`] in a [`ledger`] that survives a crash at any byte: a [`run_folder`], or a [`journal`] of CSV; [`statistics`] with their
//! [`uncertainty`], [`calibration`], a [`summary`] and its [`verdict`] say what was found; a
//! [`report`] shows it, with [`figures`]. An [`input`] is read with a bound, and [`escape`] writes the names in it. Everything random is [`seeded`], the same on every platform and for ever.
//!
//! A [`cluster`] of machines can share a study, if [`cpu`] does not stand in the way.
//!
//! Around it is the program ([`cli`]), which also gives exact Φ of one's own networks ([`phi`]).

mod append_file;
pub mod calibration;
pub mod cli;
pub mod cluster;
pub mod course;
pub mod cpu;
#[cfg(test)]
mod damage;
pub mod drawing;
pub mod dynamics;
pub mod error;
pub mod escape;
pub mod estimator;
pub mod events;
pub mod exact;
pub mod exit;
pub mod figures;
#[cfg(test)]
mod fixtures;
pub mod forecast;
pub mod formalism;
pub mod input;
pub mod interrupt;
pub mod journal;
pub mod key;
pub mod ledger;
pub mod live;
pub mod memory;
pub mod merge;
pub mod network;
pub mod network_figure;
pub mod phi;
mod phi_structure;
pub mod plot;
pub mod progress;
pub mod provenance;
pub mod report;
pub mod row;
pub mod run_folder;
mod screen;
mod seal;
pub mod seeded;
mod set_aside;
pub mod settings;
pub mod shard;
pub mod solver;
pub mod statistics;
pub mod study;
pub mod suite;
pub mod suite_file;
pub mod summary;
mod temporary;
pub mod text;
pub mod ties;
pub mod timeline;
pub mod topology;
pub mod uncertainty;
pub mod verdict;
