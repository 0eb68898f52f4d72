//! Φ-structures: the distinctions of a system that agree with its specified states, their
//! relations, and Φ.

use std::time::Instant;

use num_bigint::BigUint;

use super::canonical;
use super::congruence;
use super::distinction::{self, Distinction, Undecided};
use super::max_phi::{Choice, ChoiceProof, Goal, Open};
use super::relation::Relations;
use super::sia::{SystemIrreducibilityAnalysis, TiedStates, analyse, memory_limit};
use super::system::System;
use super::{Rules, SpecifiedState, memory_needed};
use crate::formalism::TiePolicy;
use crate::limits::{Options, Stop, StopReason};
use crate::tie_order::LocalOrder;
use crate::unit_set::UnitSet;

/// The cause–effect structure (Φ-structure) that a system specifies, and its Φ.
///
/// It is worked out for reducible systems as well; whether the system exists as one is up to
/// `sia.phi_s`.
#[derive(Debug, Clone)]
pub struct PhiStructure {
    /// The irreducibility of the system, and the states that it specifies.
    pub sia: SystemIrreducibilityAnalysis,
    /// Distinctions whose cause and effect are congruent with those states, by mechanism: small
    /// ones first, then lexicographically.
    pub distinctions: Vec<Distinction>,
    /// Distinctions that were dropped because their cause or effect is not congruent.
    pub incongruent: Vec<Distinction>,
    /// Σ φ_d over the congruent distinctions, in bits.
    pub sum_phi_d: f64,
    /// The number of relations among them.
    pub n_relations: BigUint,
    /// Σ φ_r over these relations, in bits.
    pub sum_phi_r: f64,
    /// Φ = Σ φ_d + Σ φ_r, in bits.
    pub big_phi: f64,
    /// The reason for the end: everything was searched, or the analysis was stopped. If it was
    /// stopped, every distinction given is exact as it is, but some may be missing: their number,
    /// the sums and Φ are lower bounds.
    pub stop_reason: StopReason,
    /// Under [`TiePolicy::MaxPhi`] what is proven about the choice among ties; otherwise `None`,
    /// and where the analysis was stopped before there was anything to choose.
    pub choice: Option<ChoiceProof>,
}

impl PhiStructure {
    /// Returns `true` if the structure is exact and complete. Under [`TiePolicy::MaxPhi`] Φ must
    /// also be proven to be the largest one.
    pub fn is_complete(&self) -> bool {
        self.stop_reason == StopReason::Complete && self.most_phi() == self.big_phi
    }

    /// The Φ that is proven not to be exceeded by another choice among ties under
    /// [`TiePolicy::MaxPhi`]: Φ itself, but for searches that ended at their limit. Under other
    /// policies Φ.
    pub fn most_phi(&self) -> f64 {
        self.choice.as_ref().map_or(self.big_phi, |choice| choice.bound)
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
        let sum_phi_d = sum_phi_d(&distinctions);
        let sum_phi_r = relations.sum_phi();
        PhiStructure {
            sia,
            sum_phi_d,
            // A lower bound, as said above: who was told to stop does not wait for more.
            n_relations: match stop_reason {
                StopReason::Complete => relations.count(),
                _ => relations.count_of_some(),
            },
            sum_phi_r,
            big_phi: sum_phi_d + sum_phi_r,
            distinctions,
            incongruent,
            stop_reason,
            choice: None,
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
/// let phi = structure.distinctions.iter().map(|it| format!("{:.6}", it.phi));
/// let phi: Vec<String> = phi.collect();
/// assert_eq!(phi, ["0.332728", "0.323594", "0.071440"]); // of A, B and AB
/// assert_eq!(structure.n_relations, 7u32.into());
/// assert_eq!(format!("{:.6}", structure.big_phi), "1.562686");
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn phi_structure(system: &System, rules: Rules, options: &Options) -> PhiStructure {
    if let Some(sia) = forbidden(system, options) {
        let stop_reason = sia.stop_reason;
        return PhiStructure::new(sia, Vec::new(), Vec::new(), stop_reason);
    }
    let stop = Stop::new(options);
    let began = Instant::now();
    let tied = TiedStates::new(system, options, &stop);
    structure_of(system, &tied, tied.analysis(rules), rules, options, &stop, began)
}

/// Returns the result for a structure that the limit on memory forbids, or `None` if it is within
/// the limit.
pub(crate) fn forbidden(
    system: &System,
    options: &Options,
) -> Option<SystemIrreducibilityAnalysis> {
    memory_limit(system, memory_needed(system, rayon::current_num_threads()), options)
}

/// The structure of a system whose states are known, or known but for a choice among ties.
pub(crate) fn structure_of(
    system: &System,
    tied: &TiedStates,
    sia: SystemIrreducibilityAnalysis,
    rules: Rules,
    options: &Options,
    stop: &Stop,
    began: Instant,
) -> PhiStructure {
    with_undecided(system, tied, sia, rules, options, stop, began).0
}

/// The same, with the distinctions before any tie is decided.
fn with_undecided(
    system: &System,
    tied: &TiedStates,
    sia: SystemIrreducibilityAnalysis,
    rules: Rules,
    options: &Options,
    stop: &Stop,
    began: Instant,
) -> (PhiStructure, Vec<Undecided>) {
    let Some(specified) = specified_states(system, &sia) else {
        // Without the specified states nothing can be congruent with them.
        let stop_reason = sia.stop_reason;
        return (PhiStructure::new(sia, Vec::new(), Vec::new(), stop_reason), Vec::new());
    };
    let (undecided, is_complete) = distinction::distinctions(system, options, stop, began);
    let order = options.tie_order.within(system.units().bits());
    let states = if rules.ties == TiePolicy::MaxPhi { tied.states() } else { Vec::new() };
    let is_open =
        (states.len() > 1 && !undecided.is_empty()) || undecided.iter().any(Undecided::is_tied);
    if rules.ties == TiePolicy::MaxPhi && is_complete && is_open {
        let structure = largest(system, tied, &states, sia, &undecided, rules, order, stop);
        return (structure, undecided);
    }
    let (distinctions, incongruent) = decide(system, &undecided, specified, rules.ties, order);
    let stop_reason = match stop.reason() {
        Some(reason) if !is_complete => reason,
        _ => StopReason::Complete,
    };
    let mut structure = PhiStructure::new(sia, distinctions, incongruent, stop_reason);
    // Where nothing is open, there is one choice.
    structure.choice = (rules.ties == TiePolicy::MaxPhi && is_complete)
        .then(|| ChoiceProof::of_one(structure.big_phi, states.len()));
    (structure, undecided)
}

/// The structure with the choice among ties that makes Φ largest.
#[expect(clippy::too_many_arguments, reason = "what is known, and the rules")]
fn largest(
    system: &System,
    tied: &TiedStates,
    states: &[(u32, u32)],
    sia: SystemIrreducibilityAnalysis,
    undecided: &[Undecided],
    rules: Rules,
    order: LocalOrder,
    stop: &Stop,
) -> PhiStructure {
    let in_order = canonical::in_order(system, states, stop);
    let pairs: Vec<(u32, u32)> = in_order.iter().map(|&idx| states[idx]).collect();
    let open = Open { system, undecided, pairs: &pairs, order, stop };
    let Choice { pair, ways, proof, .. } = open.best(Goal::Largest);
    let specified = [pairs[pair].0, pairs[pair].1];
    let sia = match specified_states(system, &sia) == Some(specified) {
        true => sia,
        false => tied.analysis_of(in_order[pair], rules),
    };
    let (mut distinctions, mut incongruent) = (Vec::new(), Vec::new());
    for (it, way) in undecided.iter().zip(ways) {
        match way {
            Some((cause, effect)) => distinctions.push(Distinction {
                mechanism: system.to_network(it.mechanism),
                phi: it.phi,
                cause: it.cause.describe(system, it.mechanism, cause.0, cause.1),
                effect: it.effect.describe(system, it.mechanism, effect.0, effect.1),
            }),
            None => {
                let policy = TiePolicy::Principled;
                incongruent.push(congruence::decide(system, it, specified, policy, order).0);
            }
        }
    }
    let stop_reason = match stop.reason() {
        Some(reason) if !(proof.is_proven && sia.is_complete()) => reason,
        _ => StopReason::Complete,
    };
    let mut structure = PhiStructure::new(sia, distinctions, incongruent, stop_reason);
    let bound = if proof.is_proven { structure.big_phi } else { proof.bound };
    structure.choice = Some(ChoiceProof { bound, ..proof });
    structure
}

/// Cause and effect state that the system specifies, if they are known.
fn specified_states(system: &System, sia: &SystemIrreducibilityAnalysis) -> Option<[u32; 2]> {
    let local = |it: SpecifiedState| system.number_of(it);
    let (cause, effect) = (sia.cause.as_ref()?, sia.effect.as_ref()?);
    sia.is_complete().then(|| [local(cause.state), local(effect.state)])
}

/// The distinctions that are congruent with the specified states, and those that are not.
fn decide(
    system: &System,
    undecided: &[Undecided],
    specified: [u32; 2],
    policy: TiePolicy,
    order: LocalOrder,
) -> (Vec<Distinction>, Vec<Distinction>) {
    let (mut distinctions, mut incongruent) = (Vec::new(), Vec::new());
    for it in undecided {
        let (distinction, is_congruent) = congruence::decide(system, it, specified, policy, order);
        if is_congruent { &mut distinctions } else { &mut incongruent }.push(distinction);
    }
    (distinctions, incongruent)
}

/// A Φ-structure, and how small and how large other numberings of the units make its Φ.
#[derive(Debug, Clone)]
pub struct PhiStructureRange {
    /// The structure by the rules and the order of choice ([`Options::tie_order`]) asked for.
    pub structure: PhiStructure,
    /// The smallest Φ over that order and the numberings tried. Of an analysis that was stopped,
    /// over those that were finished.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// The number of numberings that were tried, the units' own included.
    pub numberings: u32,
    /// `true` if these are all numberings there are.
    pub is_exhaustive: bool,
    /// The reason for the end: all that were asked for were tried, or the analysis was stopped.
    pub stop_reason: StopReason,
}

/// The Φ-structure of a system with the range of its Φ over numberings of the units: their own, and
/// `n_more` drawn from `seed` (all, if there are no more than these).
///
/// Of several congruent purviews that tie for the largest φ and are equally large the theory
/// prefers none; the principled policy takes the lexicographically first, so Φ can depend on how
/// the units are numbered. The other numberings are decided by that policy, whatever `rules` say.
/// The distinctions' φ are shared: only choices and relations are redone.
///
/// ```
/// use pyphi_core::iit4::{Rules, System, phi_range};
/// use pyphi_core::{Options, fixtures};
///
/// // Albantakis et al. 2023, Fig. 6D: one mechanism has two causes of the same φ and size.
/// let system = System::new(&fixtures::iit4_figure_6d())?;
/// let range = phi_range(&system, Rules::default(), &Options::default(), 32, 1);
/// assert_eq!(format!("{:.2} to {:.2}", range.low, range.high), "11451.99 to 12394.62");
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn phi_range(
    system: &System,
    rules: Rules,
    options: &Options,
    n_more: u32,
    seed: u64,
) -> PhiStructureRange {
    if let Some(sia) = forbidden(system, options) {
        let stop_reason = sia.stop_reason;
        return PhiStructureRange::of(PhiStructure::new(sia, Vec::new(), Vec::new(), stop_reason));
    }
    let stop = Stop::new(options);
    let began = Instant::now();
    let tied = TiedStates::new(system, options, &stop);
    let sia = tied.analysis(rules);
    let (structure, undecided) = with_undecided(system, &tied, sia, rules, options, &stop, began);
    let specified = specified_states(system, &structure.sia);
    let mut range = PhiStructureRange::of(structure);
    let (Some(specified), true) = (specified, range.structure.is_complete()) else {
        return range;
    };
    let (numberings, is_exhaustive) = LocalOrder::numberings(system.n_units(), &[], n_more, seed);
    let is_open = undecided.iter().any(Undecided::is_tied);
    // Φ only depends on the choices, which few orders make differently.
    let states = |it: &Distinction| (it.mechanism, it.cause.state, it.effect.state);
    let mut seen: Vec<Vec<_>> = vec![range.structure.distinctions.iter().map(states).collect()];
    for order in numberings.iter().copied().filter(|_| is_open) {
        if let Some(reason) = stop.reason() {
            range.stop_reason = reason;
            return range;
        }
        let (distinctions, _) = decide(system, &undecided, specified, TiePolicy::Principled, order);
        range.numberings += 1;
        let choices = distinctions.iter().map(states).collect();
        if seen.contains(&choices) {
            continue;
        }
        seen.push(choices);
        let phi = sum_phi_d(&distinctions) + Relations::new(&distinctions).sum_phi();
        range.low = range.low.min(phi);
        range.high = range.high.max(phi);
    }
    PhiStructureRange { numberings: numberings.len() as u32, is_exhaustive, ..range }
}

impl PhiStructureRange {
    /// The range of one structure alone.
    fn of(structure: PhiStructure) -> PhiStructureRange {
        PhiStructureRange {
            low: structure.big_phi,
            high: structure.big_phi,
            numberings: 0,
            is_exhaustive: false,
            stop_reason: structure.stop_reason,
            structure,
        }
    }
}

/// All Φ that the choice among ties allows, from the smallest to the largest, each with what is
/// proven about it.
#[derive(Debug, Clone)]
pub struct PhiSpectrum {
    /// The structure with the largest Φ: that of [`TiePolicy::MaxPhi`].
    pub largest: PhiStructure,
    /// The smallest Φ found.
    pub smallest: f64,
    /// The proof for the smallest Φ: no choice falls below its `bound`. `None` if the analysis was
    /// stopped.
    pub proof_of_smallest: Option<ChoiceProof>,
}

impl PhiSpectrum {
    /// The bounds that every Φ is proven to be between, whatever congruent causes, effects and
    /// states are chosen. They are the smallest and the largest Φ where both are proven.
    pub fn bounds(&self) -> (f64, f64) {
        let least = match &self.proof_of_smallest {
            Some(proof) if !proof.is_proven => proof.bound,
            _ => self.smallest,
        };
        (least, self.largest.most_phi())
    }

    /// Returns `true` if smallest and largest Φ are proven.
    pub fn is_complete(&self) -> bool {
        self.largest.is_complete() && self.proof_of_smallest.as_ref().is_some_and(|it| it.is_proven)
    }
}

/// The smallest and the largest Φ over all choices among congruent causes and effects that tie, and
/// among states of the system that tie in intrinsic information and φ_s. `rules.ties` does not
/// matter.
///
/// ```
/// use pyphi_core::iit4::{Rules, System, phi_spectrum};
/// use pyphi_core::{Options, fixtures};
///
/// // Albantakis et al. 2023, Fig. 6D: one mechanism has two causes of the same φ and size.
/// let system = System::new(&fixtures::iit4_figure_6d())?;
/// let spectrum = phi_spectrum(&system, Rules::default(), &Options::default());
/// assert!(spectrum.is_complete());
/// let (least, most) = spectrum.bounds();
/// assert_eq!(format!("{least:.2} to {most:.2}"), "11451.99 to 12394.62");
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn phi_spectrum(system: &System, rules: Rules, options: &Options) -> PhiSpectrum {
    let rules = Rules { ties: TiePolicy::MaxPhi, ..rules };
    let alone = |largest: PhiStructure| PhiSpectrum {
        smallest: largest.big_phi,
        largest,
        proof_of_smallest: None,
    };
    if let Some(sia) = forbidden(system, options) {
        let stop_reason = sia.stop_reason;
        return alone(PhiStructure::new(sia, Vec::new(), Vec::new(), stop_reason));
    }
    let stop = Stop::new(options);
    let began = Instant::now();
    let tied = TiedStates::new(system, options, &stop);
    let sia = tied.analysis(rules);
    let (largest, undecided) = with_undecided(system, &tied, sia, rules, options, &stop, began);
    let pairs = tied.states();
    if largest.stop_reason != StopReason::Complete {
        return alone(largest);
    }
    if pairs.is_empty() {
        // Without specified states there is no distinction, and nothing to choose.
        let proof = ChoiceProof::of_one(largest.big_phi, 0);
        return PhiSpectrum { proof_of_smallest: Some(proof), ..alone(largest) };
    }
    let order = options.tie_order.within(system.units().bits());
    let open = Open { system, undecided: &undecided, pairs: &pairs, order, stop: &stop };
    let choice = open.best(Goal::Smallest);
    PhiSpectrum {
        // The same to the last digit where nothing is tied.
        smallest: choice.value.min(largest.big_phi),
        largest,
        proof_of_smallest: Some(choice.proof),
    }
}

fn sum_phi_d(distinctions: &[Distinction]) -> f64 {
    distinctions.iter().map(|it| it.phi).fold(0.0, |sum, phi| sum + phi)
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
    let specified = specified_states(system, &sia)?;
    let order = options.tie_order.within(system.units().bits());
    Some(congruence::decide(system, &undecided, specified, rules.ties, order).0)
}
