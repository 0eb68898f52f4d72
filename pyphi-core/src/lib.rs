//! Exact integrated information (Φ) of small networks of binary units, by the rules of Integrated
//! Information Theory 3.0 (Oizumi, Albantakis, Tononi 2014, PLoS Comput Biol 10(5): e1003588), and
//! of 4.0 below.
//!
//! A mechanism in a state says something about the past and the future of a purview (a repertoire).
//! How much of that is lost by the least harmful partition is its small φ. The purviews with the
//! largest φ are the core cause and the core effect of the mechanism; together they are a concept.
//! All concepts of a system are its cause-effect structure. How far that structure moves under the
//! least harmful directed cut of the system is Φ.
//!
//! ```
//! use pyphi_core::{Network, Options, State, Subsystem, big_phi};
//!
//! // Oizumi et al. 2014, Fig. 4: A = OR(B, C), B = AND(A, C), C = XOR(A, B), in state (1, 0, 0).
//! // Row s of the TPM is the state at t (A in the lowest bit), column j is P(unit j is ON at t+1).
//! let tpm: Vec<Vec<f64>> = (0..8u8)
//!     .map(|s| {
//!         let (a, b, c) = (s & 1, s >> 1 & 1, s >> 2 & 1);
//!         vec![f64::from(b | c), f64::from(a & c), f64::from(a ^ b)]
//!     })
//!     .collect();
//! let cm = [vec![0, 1, 1], vec![1, 0, 1], vec![1, 1, 0]]; // cm[i][j] = 1: i → j
//! let network = Network::from_state_by_node(&tpm, &cm)?;
//! let subsystem = Subsystem::new(&network, State::new(&[1, 0, 0])?, network.units())?;
//!
//! let result = big_phi(&subsystem, &Options::default());
//! assert!((result.phi - 1.916667).abs() < 1e-6); // 1.92 in the paper
//! assert_eq!(result.cut.unwrap().to_string(), "{0,1} ≠> {2}");
//! let mechanisms = result.ces.concepts.iter().map(|it| it.mechanism.to_string());
//! let mechanisms: Vec<String> = mechanisms.collect();
//! assert_eq!(mechanisms, ["{0}", "{1}", "{2}", "{0,1}", "{1,2}", "{0,1,2}"]);
//! # Ok::<(), pyphi_core::Error>(())
//! ```
//!
//! Values are exact up to the rounding of floating-point repertoires (about 1e-13): nothing is
//! sampled, approximated or rounded to a number of decimals. Comparisons have a tolerance of 1e-6
//! ([`TOLERANCE`]), the field's "precision 6", and ties are broken by fixed rules, so a result is
//! the same on every machine and with any number of threads.
//!
//! IIT 4.0 (Albantakis et al. 2023) is in [`iit4`]: φ_s, distinctions, relations, Φ-structures,
//! complexes. It starts from the same [`Subsystem`]; [`Formalism`] names the formulations.
//!
//! Actual causation in a transition between two states is in [`causation`]; the same network on
//! coarser grains in [`grain`].

mod alphabet;
mod big_phi;
mod bound;
mod by_definition;
pub mod causation;
mod complex;
mod concept;
mod cut_structure;
mod emd;
mod error;
mod fixed;
pub mod fixtures;
mod formalism;
pub mod grain;
pub mod iit4;
pub mod input;
mod journal;
mod known;
mod limits;
mod mip;
mod network;
mod partition;
mod phi_range;
pub mod pieces;
mod purview;
pub mod record;
mod repertoire;
mod spectrum;
mod split_mix;
mod state;
mod stats;
mod structure;
mod subset_convolution;
mod subsystem;
mod symmetry;
mod tables;
mod tie_order;
mod ties;
mod tpm;
mod transport;
mod unit_set;
mod value_phi;
mod value_tables;
mod variant;
mod vectors;
mod wide;
mod workspace;

pub use alphabet::Alphabet;
pub use big_phi::{
    BigPhi, PhiSummary, big_phi, big_phi_many, big_phi_over, big_phi_under, cut_distances,
    is_zero_without_search,
};
pub use complex::{
    ComplexRange, candidates, complex_ranges, complexes, condensed, major_complex,
    memory_needed_of_complexes,
};
pub use concept::{Concept, CoreRepertoire, Mip};
pub use error::{Error, ErrorKind, Result};
pub use formalism::{DifferentiationCap, Formalism, TiePolicy};
pub use journal::{Journal, SearchStep};
pub use limits::{
    Limits, Observer, Options, Phase, Progress, StopReason, memory_needed, predicted_bytes,
    predicted_bytes_of_range,
};
pub use network::Network;
pub use partition::{Cut, Partition};
pub use phi_range::{PhiRange, phi_by_order, phi_range, tie_range};
pub use purview::PurviewAnalysis;
pub use repertoire::{Direction, Repertoire};
pub use spectrum::{
    ChosenPurviews, CutChoices, Extreme, NEAR, NearTie, PhiSpectrum, SpectrumRules, SpectrumValue,
    TieRule, phi_spectrum,
};
pub use state::State;
pub use stats::Stats;
pub use structure::{CauseEffectStructure, ces_distance, conceptual_information};
pub use subsystem::{Subsystem, TOLERANCE};
pub use tie_order::{Numbering, TieOrder};
pub use tpm::Tpm;
pub use unit_set::UnitSet;
pub use variant::{CesDistance, Measure, MechanismPartitions, Variant};

/// The example of the README, tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
