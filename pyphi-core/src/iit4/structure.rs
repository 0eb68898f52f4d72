//! Φ-structures: the distinctions of a system that agree with its specified states, their relations, and Φ.

use std::time::Instant;

use num_bigint::BigUint;

use super::congruence;
use super::distinction::{self, Distinction};
use super::relation::Relations;
use super::sia::{SystemIrreducibilityAnalysis, analyse, memory_limit};
use super::system::System;
use super::{Rules, SpecifiedState};
use crate::limits::{Options, Stop, StopReason};
use crate::unit_set::UnitSet;

/// The cause–effect structure (Φ-structure) that a system specifies, and its Φ.
///
/// It is worked out for reducible systems as well; whether the system exists as one is up to `sia.phi_s`.
#[derive(Debug, Clone)]
pub struct PhiStructure {
    /// How irreducible the system is, and the states that it specifies.
    pub sia: SystemIrreducibilityAnalysis,
    /// Distinctions whose cause and effect are congruent with those states, by mechanism: small ones first, then
    /// lexicographically.
    pub distinctions: Vec<Distinction>,
    /// Distinctions that were dropped because their cause or effect is not congruent.
    pub incongruent: Vec<Distinction>,
    /// Σ φ_d over the congruent distinctions, in bits.
    pub sum_phi_d: f64,
    /// How many relations there are among them.
    pub n_relations: BigUint,
    /// Σ φ_r over these relations, in bits.
    pub sum_phi_r: f64,
    /// Φ = Σ φ_d + Σ φ_r, in bits.
    pub big_phi: f64,
    /// Whether everything was searched. If not, every distinction given is exact as it is, but some may be missing:
    /// their number, the sums and Φ are lower bounds.
    pub stop_reason: StopReason,
}

impl PhiStructure {
    /// Whether the structure is exact and complete.
    pub fn is_complete(&self) -> bool {
        self.stop_reason == StopReason::Complete
    }

    /// The relations among the distinctions, which they name by position.
    pub fn relations(&self) -> Relations {
        Relations::new(&self.distinctions)
    }

    fn new(
        sia: SystemIrreducibilityAnalysis,
        distinctions: Vec<Distinction>,
        incongruent: Vec<Distinction>,
        stop_reason: StopReason,
    ) -> PhiStructure {
        let relations = Relations::new(&distinctions);
        let sum_phi_d = distinctions.iter().map(|it| it.phi).fold(0.0, |sum, phi| sum + phi);
        let sum_phi_r = relations.sum_phi();
        PhiStructure {
            sia,
            sum_phi_d,
            n_relations: relations.count(),
            sum_phi_r,
            big_phi: sum_phi_d + sum_phi_r,
            distinctions,
            incongruent,
            stop_reason,
        }
    }
}

/// The Φ-structure of a system, on the threads of the current rayon pool.
///
/// ```
/// use pyphi_core::iit4::{Rules, System, phi_structure};
/// use pyphi_core::{Options, fixtures};
///
/// // Albantakis et al. 2023, Fig. 1: A and B with C as background.
/// let system = System::new(&fixtures::iit4_figure_1_ab())?;
/// let structure = phi_structure(&system, Rules::default(), &Options::default());
/// let phi: Vec<String> = structure.distinctions.iter().map(|it| format!("{:.6}", it.phi)).collect();
/// assert_eq!(phi, ["0.332728", "0.323594", "0.071440"]); // of A, B and AB
/// assert_eq!(structure.n_relations, 7u32.into());
/// assert_eq!(format!("{:.6}", structure.big_phi), "1.562686");
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn phi_structure(system: &System, rules: Rules, options: &Options) -> PhiStructure {
    if let Some(sia) = memory_limit(system, options) {
        let stop_reason = sia.stop_reason;
        return PhiStructure::new(sia, Vec::new(), Vec::new(), stop_reason);
    }
    let stop = Stop::new(options);
    let began = Instant::now();
    structure_of(system, analyse(system, rules, options, &stop), rules, options, &stop, began)
}

/// The structure of a system whose states are known.
pub(crate) fn structure_of(
    system: &System,
    sia: SystemIrreducibilityAnalysis,
    rules: Rules,
    options: &Options,
    stop: &Stop,
    began: Instant,
) -> PhiStructure {
    let (Some(cause), Some(effect), true) = (&sia.cause, &sia.effect, sia.is_complete()) else {
        // Without the specified states nothing can be congruent with them.
        let stop_reason = sia.stop_reason;
        return PhiStructure::new(sia, Vec::new(), Vec::new(), stop_reason);
    };
    let local = |it: SpecifiedState| system.local(it.on);
    let specified = [local(cause.state), local(effect.state)];
    let (undecided, is_complete) = distinction::distinctions(system, options, stop, began);
    let (mut distinctions, mut incongruent) = (Vec::new(), Vec::new());
    for it in &undecided {
        let (distinction, is_congruent) = congruence::decide(system, it, specified, rules.ties);
        if is_congruent { &mut distinctions } else { &mut incongruent }.push(distinction);
    }
    let stop_reason = match stop.reason() {
        Some(reason) if !is_complete => reason,
        _ => StopReason::Complete,
    };
    PhiStructure::new(sia, distinctions, incongruent, stop_reason)
}

/// The distinction of one mechanism of a system, congruent or not; `None` if its φ_d is 0.
///
/// # Panics
/// If a unit of the mechanism is not in the system, or it has none.
pub fn distinction(
    system: &System,
    mechanism: UnitSet,
    rules: Rules,
    options: &Options,
) -> Option<Distinction> {
    assert!(!mechanism.is_empty(), "a mechanism has at least one unit");
    let undecided = distinction::distinction(system, system.local(mechanism), options)?;
    let sia = analyse(system, rules, options, &Stop::never());
    let local = |it: SpecifiedState| system.local(it.on);
    let specified = [local(sia.cause?.state), local(sia.effect?.state)];
    Some(congruence::decide(system, &undecided, specified, rules.ties).0)
}
