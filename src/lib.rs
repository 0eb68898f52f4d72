//! A study of how well a cheap estimate of integrated information (Φ) follows the exact value.
//!
//! A study compares the two on small networks of binary units:
//!
//! ```
//! use phi_validation::engine::exact::Engine;
//! use phi_validation::model::topology::Topology;
//! use phi_validation::run::store::RunFolder;
//! use phi_validation::ui::progress::Progress;
//! use phi_validation::{Registry, Settings, Study, Suite, Summaries};
//!
//! let settings = Settings {
//!     topologies: vec![Topology::Star, Topology::Ring],
//!     sizes: vec![3, 4],
//!     ..Settings::default()
//! };
//! let suite = Suite::new(settings)?;
//! assert_eq!(suite.comparisons().len(), 20); // two topologies, two sizes, five seeds
//! assert_eq!(suite.problems().len(), 4); // exact Φ does not depend on the seed
//!
//! let registry = Registry::default();
//! let engine = Engine::new(1, Default::default())?;
//! let estimator = registry.get("hdc")?;
//! let study = Study { suite: &suite, estimator, others: Vec::new(), engine: &engine };
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path().join("run");
//! let mut run = RunFolder::open(&folder, &suite)?; // goes on where an earlier run stopped
//! let progress = Progress::silent(&suite, &run);
//! study.run(&mut run, &progress)?;
//!
//! let summaries = Summaries::of(run.contents());
//! assert!(summaries.by_formalism()[0].verdict.reached.is_none());
//! # Ok::<(), phi_validation::Error>(())
//! ```
//!
//! The folders, in the order in which data flows. None knows those below it:
//!
//! | folder | holds |
//! |---|---|
//! | [`files`] | files that a crash cannot spoil, and input read within bounds |
//! | [`machine`] | the machine and this program: memory, processor, versions |
//! | [`model`] | topologies, rules, networks in a state, keys, formalisms |
//! | [`engine`] | the door to exact Φ |
//! | [`estimate`] | cheap estimates of Φ, each in a file of its own |
//! | [`suite`] | the settings of a study, and its comparisons |
//! | [`run`] | the one store: rows and records of a run, written as they come |
//! | [`stats`] | statistics, uncertainty, ties, summary, verdict |
//! | [`ui`] | what is told while a run goes on |
//! | [`study`] | the loop over the comparisons |
//! | [`report`] | text, figures and pages |
//! | [`phi`] | exact Φ of networks of one's own |
//! | [`cluster`] | a study, or one Φ, in tasks of many processes |
//! | [`cli`] | the program |
//!
//! [`error`], [`exit`] and [`escape`] serve all; [`fuzzing`] is for tests.

#[cfg(test)]
mod damage;
pub mod error;
// One rule for names, in this program and in the library of builds.
#[path = "../headroom/src/escape.rs"]
pub mod escape;
pub mod exit;
#[cfg(test)]
mod fixtures;
mod wording;

pub mod cli;
pub mod cluster;
pub mod engine;
pub mod estimate;
pub mod files;
pub mod fuzzing;
pub mod machine;
pub mod model;
pub mod phi;
pub mod report;
pub mod run;
pub mod stats;
pub mod study;
pub mod suite;
pub mod ui;

pub use error::Error;
pub use estimate::Registry;
pub use stats::summary::Summaries;
pub use study::Study;
pub use suite::{Suite, settings::Settings};
