//! System irreducibility: φ_s, the minimum over directed set partitions (Albantakis et al. 2023).
//!
//! Which states the system specifies, and which pairs of them tie. The partition itself is found by
//! `system_mip`, or, if asked for, by `listing` all of them.

use std::fmt;
use std::time::Instant;

use super::measure::{
    Information, NEGLIGIBLE_SELECTIVITY, SpecifiedState, ZERO_TOLERANCE, is_tied, surprise,
};
use super::partition::{PartDirection, SystemPartition};
use super::side::{CandidatePartition, Side, Sides};
use super::system::System;
use super::system_mip::SystemOutcome;
use super::{Rules, canonical, listing, memory_needed_of_phi_s, system_mip};
use crate::error::Result;
use crate::formalism::DifferentiationCap;
use crate::limits::{Options, Stop, StopReason};
use crate::state::State;
use crate::unit_set::{UnitSet, extract};

/// The reason why φ_s is 0 without a search. In JSON as in the names in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The system has no units (`NO_SYSTEM`).
    NoSystem,
    /// Some unit does not reach another (`NO_STRONG_CONNECTIVITY`).
    NoStrongConnectivity,
    /// A single unit without a connection with itself (`MONAD_WITH_NO_SELFLOOP`).
    MonadWithNoSelfLoop,
    /// The system specifies no cause: intrinsic cause information is not positive (`NO_CAUSE`).
    NoCause,
    /// The system specifies no effect: intrinsic effect information is not positive (`NO_EFFECT`).
    NoEffect,
}

impl Reason {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Reason::NoSystem => "NO_SYSTEM",
            Reason::NoStrongConnectivity => "NO_STRONG_CONNECTIVITY",
            Reason::MonadWithNoSelfLoop => "MONAD_WITH_NO_SELFLOOP",
            Reason::NoCause => "NO_CAUSE",
            Reason::NoEffect => "NO_EFFECT",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The state that a system specifies in one direction: its cause or its effect.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemState {
    /// The specified state, which distinctions must agree with. If several tie, the one with the
    /// largest φ_s, and among those the first in the canonical order (see `docs/iit4.md`).
    pub state: SpecifiedState,
    /// Intrinsic information of the system over itself, in bits.
    pub intrinsic_information: f64,
    /// All states that attain it, the first unit varying fastest.
    pub ties: Vec<SpecifiedState>,
    /// Intrinsic differentiation by the present state: [`DifferentiationCap::CurrentState`]. In
    /// bits.
    pub differentiation_of_current_state: f64,
    /// Intrinsic differentiation by `state`: [`DifferentiationCap::SpecifiedState`]. In bits.
    pub differentiation_of_specified_state: f64,
}

impl SystemState {
    /// Intrinsic differentiation in either reading.
    pub fn differentiation(&self, cap: DifferentiationCap) -> f64 {
        match cap {
            DifferentiationCap::CurrentState => self.differentiation_of_current_state,
            DifferentiationCap::SpecifiedState => self.differentiation_of_specified_state,
        }
    }
}

/// φ_s of a system with the evidence.
#[derive(Debug, Clone)]
pub struct SystemIrreducibilityAnalysis {
    /// The units, in the numbering of the network.
    pub units: UnitSet,
    /// The state of the whole network.
    pub state: State,
    /// φ_s in bits, not negative. Of an analysis that was stopped an upper bound, infinite if
    /// nothing is known.
    pub phi_s: f64,
    /// φ_s divided by the number of connections that the partition cuts.
    pub normalized_phi_s: f64,
    /// φ of the cause side under the partition, signed and without the cap of 2026; `None` without
    /// a search.
    pub phi_cause: Option<f64>,
    /// φ of the effect side under the partition, signed and without the cap of 2026; `None` without
    /// a search.
    pub phi_effect: Option<f64>,
    /// The minimum information partition. Where φ_s = 0 in 2023 it is any partition that makes no
    /// difference; `None` without a search.
    pub partition: Option<SystemPartition>,
    /// The number of partitions that tie with it in normalized and in plain φ_s, itself included; 0
    /// where φ_s = 0 in 2023.
    pub mip_ties: u64,
    /// The reasons why φ_s is 0 without a search; otherwise empty.
    pub reasons: Vec<Reason>,
    /// The state that the system specifies as its cause; `None` only for the empty system.
    pub cause: Option<SystemState>,
    /// The state that the system specifies as its effect; `None` only for the empty system.
    pub effect: Option<SystemState>,
    /// Pairs of tied cause and effect states that also tie in φ_s. 1 where nothing is tied.
    pub tied_state_pairs: usize,
    /// The reason for the end: the search is complete, or it was stopped.
    pub stop_reason: StopReason,
}

impl SystemIrreducibilityAnalysis {
    /// Returns `true` if the result is exact.
    pub fn is_complete(&self) -> bool {
        self.stop_reason == StopReason::Complete
    }

    /// Returns `true` if the system is irreducible: φ_s > 0.
    pub fn is_irreducible(&self) -> bool {
        self.phi_s > ZERO_TOLERANCE
    }
}

/// System irreducibility analysis: intrinsic information, specified states, φ_s and the minimum
/// information partition, on the threads of the current rayon pool.
///
/// ```
/// use pyphi_core::iit4::{Rules, System, system_irreducibility_analysis};
/// use pyphi_core::{Options, fixtures};
///
/// // Albantakis et al. 2023, Fig. 1: A and B with C as background.
/// let system = System::new(&fixtures::iit4_figure_1_ab())?;
/// let sia = system_irreducibility_analysis(&system, Rules::default(), &Options::default());
/// assert_eq!(format!("{:.6}", sia.phi_s), "0.171863");
/// assert_eq!(sia.partition.unwrap().cut_edges(), [(0, 1)]); // A → B
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn system_irreducibility_analysis(
    system: &System,
    rules: Rules,
    options: &Options,
) -> SystemIrreducibilityAnalysis {
    let needed = memory_needed_of_phi_s(system, rayon::current_num_threads());
    memory_limit(system, needed, options)
        .unwrap_or_else(|| analyse(system, rules, options, &Stop::new(options)))
}

/// Measures the effect of one partition of a system: `phi_s` is integrated information under
/// `partition`, whether another takes less or not, for the states that the system specifies. Of all
/// partitions φ_s is that with the smallest normalized one. Where φ_s is 0 without a search, it is
/// 0 for the same reasons.
///
/// ```
/// use pyphi_core::iit4::{PartDirection, Rules, System, SystemPartition, phi_s_under};
/// use pyphi_core::{Options, UnitSet, fixtures};
///
/// let system = System::new(&fixtures::iit4_figure_1_ab())?;
/// let [a, b] = [0, 1].map(|unit| UnitSet::from_iter([unit]));
/// let parts = vec![(a, PartDirection::InputsCut), (b, PartDirection::OutputsCut)]; // B → A
/// let partition = SystemPartition { parts };
/// let found = phi_s_under(&system, &partition, Rules::default(), &Options::default())?;
/// assert!(found.phi_s > 0.171863); // that of A → B, which is φ_s
/// assert_eq!(found.partition.unwrap().cut_edges(), [(1, 0)]);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If the parts are not all units of the system in two parts or more (one of a single unit).
pub fn phi_s_under(
    system: &System,
    partition: &SystemPartition,
    rules: Rules,
    options: &Options,
) -> Result<SystemIrreducibilityAnalysis> {
    partition.check(system.units())?;
    let needed = memory_needed_of_phi_s(system, rayon::current_num_threads());
    Ok(memory_limit(system, needed, options).unwrap_or_else(|| {
        let stop = Stop::new(options);
        let tied = TiedStates { under: Some(partition), ..TiedStates::new(system, options, &stop) };
        tied.analysis(rules)
    }))
}

/// Returns the result of an analysis that the limit on memory forbids, since it needs so many
/// bytes. Returns `None` if it is within the limit.
pub(crate) fn memory_limit(
    system: &System,
    needed: u64,
    options: &Options,
) -> Option<SystemIrreducibilityAnalysis> {
    options.limits.memory_bytes.filter(|&limit| needed > limit)?;
    Some(SystemIrreducibilityAnalysis {
        phi_s: f64::INFINITY,
        normalized_phi_s: f64::INFINITY,
        stop_reason: StopReason::MemoryLimit { needed_bytes: needed },
        ..SystemIrreducibilityAnalysis::zero(system, Vec::new(), None, None)
    })
}

/// As [`system_irreducibility_analysis`], until `stop` says so.
pub(crate) fn analyse(
    system: &System,
    rules: Rules,
    options: &Options,
    stop: &Stop,
) -> SystemIrreducibilityAnalysis {
    TiedStates::new(system, options, stop).analysis(rules)
}

/// The pairs of a cause and an effect state that nothing but the choice among ties decides: those
/// that tie in intrinsic information and in φ_s.
pub(crate) struct TiedStates<'a> {
    system: &'a System,
    options: &'a Options,
    stop: &'a Stop,
    began: Instant,
    /// The reasons why φ_s is 0 without a search.
    reasons: Vec<Reason>,
    /// The states specified as cause and as effect; `None` for the empty system, and if the search
    /// was stopped early.
    specified: Option<[Specified; 2]>,
    /// The pairs, by the places of their states among the specified ones, in the order of the
    /// enumeration.
    pairs: Vec<[usize; 2]>,
    /// `true` if the search for them was finished.
    is_complete: bool,
    /// The one partition that is asked for, instead of the one that takes least.
    under: Option<&'a SystemPartition>,
}

impl<'a> TiedStates<'a> {
    pub(crate) fn new(system: &'a System, options: &'a Options, stop: &'a Stop) -> TiedStates<'a> {
        let mut reasons = connectivity_reasons(system);
        let specified = match system.n {
            0 => None,
            _ => Specified::effect(system, stop).map(|effect| [Specified::cause(system), effect]),
        };
        if let (true, Some(specified)) = (reasons.is_empty(), &specified) {
            reasons = [Reason::NoCause, Reason::NoEffect]
                .into_iter()
                .zip(specified)
                .filter(|(_, side)| side.information <= ZERO_TOLERANCE)
                .map(|(reason, _)| reason)
                .collect();
        }
        let began = Instant::now();
        let mut tied = TiedStates {
            system,
            options,
            stop,
            began,
            reasons,
            pairs: Vec::new(),
            is_complete: system.n == 0 || specified.is_some(),
            specified,
            under: None,
        };
        let Some(specified) = &tied.specified else { return tied };
        // A state that is as good as never selected has φ = 0 whatever its partition, and others
        // have more.
        let possible = [0, 1].map(|direction: usize| -> Vec<usize> {
            let selectivity = specified[direction].selectivity.iter().enumerate();
            let is_searched = tied.reasons.is_empty();
            selectivity
                .filter(|(_, it)| !is_searched || **it > NEGLIGIBLE_SELECTIVITY)
                .map(|(tie, _)| tie)
                .collect()
        });
        let pairs: Vec<[usize; 2]> = (0..possible[0].len())
            .flat_map(|c| (0..possible[1].len()).map(move |e| [c, e]))
            .collect();
        let in_all = |pair: &[usize; 2]| [possible[0][pair[0]], possible[1][pair[1]]];
        if pairs.len() == 1 || !tied.reasons.is_empty() {
            tied.pairs = pairs.iter().map(in_all).collect();
            return tied;
        }
        let alone = |direction: usize| -> Option<Vec<Found>> {
            let found = |&tie: &usize| {
                if stop.is_due() {
                    return None;
                }
                let side = tied.side(direction, tie);
                let mut sides = [None; 2];
                sides[direction] = Some(&side);
                Some(tied.search(sides))
            };
            possible[direction].iter().map(found).collect()
        };
        let Some(alone) = alone(0).and_then(|causes| Some([causes, alone(1)?])) else {
            tied.pairs = vec![in_all(&pairs[0])];
            tied.is_complete = false;
            return tied;
        };
        // Lemma: the smallest normalized φ of a pair is the smaller one of its two sides taken
        // alone, and the largest φ among the partitions that attain it is the larger one of the
        // sides that attain it. For min over θ of min(φ_c, φ_e)/c is the minimum of the sides'
        // minima; and where a side attains it at θ, the other side is not smaller there, so that
        // φ(θ) is that side's φ. So the sides tell φ_s of all pairs.
        let phi = |&[c, e]: &[usize; 2]| {
            let (a, b) = (&alone[0][c], &alone[1][e]);
            if is_tied(a.normalized, b.normalized) {
                a.phi.max(b.phi)
            } else if a.normalized < b.normalized {
                a.phi
            } else {
                b.phi
            }
        };
        let largest = pairs.iter().map(phi).fold(0.0, f64::max);
        tied.pairs = pairs.iter().filter(|pair| is_tied(phi(pair), largest)).map(in_all).collect();
        tied.is_complete = alone.iter().flatten().all(|found| found.is_complete);
        tied
    }

    // One state at a time: there may be thousands that tie.
    fn side(&self, direction: usize, tie: usize) -> Side {
        let specified = self.specified.as_ref().expect("a system with units");
        let Specified { ties, selectivity, .. } = &specified[direction];
        let of = if direction == 0 { Side::of_cause } else { Side::of_effect };
        of(self.system, ties[tie], selectivity[tie])
    }

    fn search(&self, sides: [Option<&Side>; 2]) -> Found {
        let TiedStates { system, options, stop, began, .. } = *self;
        let sides = Sides { n: system.n, sides };
        let outcome = match (system.n, self.under) {
            (1, _) => return Found::of_monad(system, sides),
            (_, Some(partition)) => under(system, sides, partition),
            _ if options.exhaustive => listing::list(sides, options, stop, began),
            _ => system_mip::search(sides, options, stop, began),
        };
        Found::new(system, outcome)
    }

    /// The pairs of states, each in the numbering of the system, in the order of the enumeration.
    /// Some, if the analysis was stopped.
    pub(crate) fn states(&self) -> Vec<(u32, u32)> {
        let state = |direction: usize, tie: usize| {
            self.specified.as_ref().map_or(0, |specified| specified[direction].ties[tie])
        };
        self.pairs.iter().map(|&[c, e]| (state(0, c), state(1, e))).collect()
    }

    /// The analysis with the pair that is chosen where φ_s is all there is to decide.
    pub(crate) fn analysis(&self, rules: Rules) -> SystemIrreducibilityAnalysis {
        let chosen = match self.reasons.is_empty() && self.pairs.len() > 1 {
            true => canonical::first_pair(self.system, &self.states(), self.stop),
            false => 0,
        };
        self.analysis_of(chosen, rules)
    }

    /// The analysis with one of the pairs.
    pub(crate) fn analysis_of(&self, idx: usize, rules: Rules) -> SystemIrreducibilityAnalysis {
        let (system, stop) = (self.system, self.stop);
        let Some(specified) = &self.specified else {
            let zero = SystemIrreducibilityAnalysis::zero(system, self.reasons.clone(), None, None);
            return match stop.reason() {
                Some(reason) if !self.is_complete => SystemIrreducibilityAnalysis {
                    phi_s: f64::INFINITY,
                    normalized_phi_s: f64::INFINITY,
                    stop_reason: reason,
                    ..zero
                },
                _ => zero,
            };
        };
        let ties = self.pairs[idx];
        let cause = specified[0].describe(system, specified[0].ties[ties[0]]);
        let effect = specified[1].describe(system, specified[1].ties[ties[1]]);
        if !self.reasons.is_empty() {
            return SystemIrreducibilityAnalysis::zero(
                system,
                self.reasons.clone(),
                Some(cause),
                Some(effect),
            );
        }
        // A choice that was stopped may be any.
        let is_chosen = self.is_complete && !(self.pairs.len() > 1 && stop.is_due());
        let found = self.search([Some(&self.side(0, ties[0])), Some(&self.side(1, ties[1]))]);
        let stop_reason = match stop.reason() {
            Some(reason) if !(found.is_complete && is_chosen) => reason,
            _ => StopReason::Complete,
        };
        let is_exact = stop_reason == StopReason::Complete;
        let n_cut = found.partition.as_ref().map_or(1, |it| it.cut_edges().len()) as f64;
        // What is proven by a search that was stopped: the normalized φ found is an upper bound,
        // and no partition cuts more than all pairs. Nothing, if there may be states with a larger
        // φ_s.
        let most_cut = (system.n * system.n.saturating_sub(1)).max(1) as f64;
        let (mut phi_s, mut normalized) = match is_chosen {
            _ if is_exact => (found.phi, found.normalized),
            true => (found.normalized * most_cut, found.normalized),
            false => (f64::INFINITY, f64::INFINITY),
        };
        if let Some(cap) = rules.cap
            && phi_s > 0.0
        {
            let cap = [&cause, &effect]
                .into_iter()
                .flat_map(|side| [side.intrinsic_information, side.differentiation(cap)])
                .fold(f64::INFINITY, f64::min)
                .max(0.0);
            if cap < phi_s {
                phi_s = cap;
                normalized = normalized.min(cap / n_cut);
            }
        }
        SystemIrreducibilityAnalysis {
            phi_s,
            normalized_phi_s: normalized,
            phi_cause: found.partition.is_some().then_some(found.sides[0]),
            phi_effect: found.partition.is_some().then_some(found.sides[1]),
            partition: found.partition,
            mip_ties: found.n_ties,
            tied_state_pairs: self.pairs.len(),
            stop_reason,
            ..SystemIrreducibilityAnalysis::zero(system, Vec::new(), Some(cause), Some(effect))
        }
    }
}

impl SystemIrreducibilityAnalysis {
    fn zero(
        system: &System,
        reasons: Vec<Reason>,
        cause: Option<SystemState>,
        effect: Option<SystemState>,
    ) -> SystemIrreducibilityAnalysis {
        SystemIrreducibilityAnalysis {
            units: system.units(),
            state: system.state(),
            phi_s: 0.0,
            normalized_phi_s: 0.0,
            phi_cause: None,
            phi_effect: None,
            partition: None,
            mip_ties: 0,
            reasons,
            cause,
            effect,
            tied_state_pairs: 1,
            stop_reason: StopReason::Complete,
        }
    }
}

fn connectivity_reasons(system: &System) -> Vec<Reason> {
    if system.n == 0 {
        vec![Reason::NoSystem]
    } else if !system.is_strongly_connected() {
        vec![Reason::NoStrongConnectivity]
    } else if system.n == 1 && system.wiring.inputs[0] == 0 {
        vec![Reason::MonadWithNoSelfLoop]
    } else {
        Vec::new()
    }
}

/// Intrinsic information of the system over itself in one direction.
struct Specified {
    information: f64,
    ties: Vec<u32>,
    /// By tied state.
    selectivity: Vec<f64>,
    /// -log2 of the forward probability of the present state.
    surprise_of_present: f64,
}

impl Specified {
    fn cause(system: &System) -> Specified {
        let mut information = Information::default();
        information.cause(system, system.all(), system.all());
        Specified::new(system, &information)
    }

    /// `None` if it was stopped.
    fn effect(system: &System, stop: &Stop) -> Option<Specified> {
        let unconstrained = system.unconstrained_effects_of_all(stop)?;
        let mut information = Information::default();
        information.effect_from(system, system.all(), system.all(), unconstrained.into_iter());
        Some(Specified::new(system, &information))
    }

    fn new(system: &System, information: &Information) -> Specified {
        Specified {
            information: information.value,
            ties: information.states.clone(),
            selectivity: information.states.iter().map(|&z| information.selectivity(z)).collect(),
            surprise_of_present: information.surprise(system.present),
        }
    }

    fn selectivity(&self, z: u32) -> f64 {
        let at = self.ties.iter().position(|&it| it == z).expect("one of the tied states");
        self.selectivity[at]
    }

    fn describe(&self, system: &System, z: u32) -> SystemState {
        SystemState {
            state: system.specified(system.all(), z),
            intrinsic_information: self.information,
            ties: self.ties.iter().map(|&z| system.specified(system.all(), z)).collect(),
            differentiation_of_current_state: self.surprise_of_present,
            differentiation_of_specified_state: surprise(self.selectivity(z)),
        }
    }
}

/// Evaluates a partition that is asked for.
fn under(system: &System, sides: Sides, partition: &SystemPartition) -> SystemOutcome {
    let local = |units: UnitSet| extract(units.bits(), system.units().bits());
    let cut_one_way = |direction| {
        let parts = partition.parts.iter().filter(|(_, it)| *it == direction);
        parts.fold(0, |all, &(part, _)| all | local(part))
    };
    let (inputs, outputs) =
        (cut_one_way(PartDirection::InputsCut), cut_one_way(PartDirection::OutputsCut));
    // Where there are not both kinds, nothing between the parts survives.
    let (inputs, outputs) = if inputs == 0 || outputs == 0 { (0, 0) } else { (inputs, outputs) };
    let mut parts: Vec<u32> = partition.parts.iter().map(|&(part, _)| local(part)).collect();
    parts.sort_by_key(|part| part.trailing_zeros());
    let cut = sides.evaluate(&parts, inputs, outputs);
    let partition = CandidatePartition { cut, parts };
    match cut.is_zero() {
        true => SystemOutcome::Zero { partition, is_complete: true },
        false => SystemOutcome::Found { partition, n_ties: 1, is_complete: true },
    }
}

/// The result of a search.
struct Found {
    phi: f64,
    normalized: f64,
    sides: [f64; 2],
    partition: Option<SystemPartition>,
    n_ties: u64,
    is_complete: bool,
}

impl Found {
    fn new(system: &System, outcome: SystemOutcome) -> Found {
        match outcome {
            SystemOutcome::Zero { partition, is_complete } => Found {
                phi: 0.0,
                normalized: 0.0,
                sides: partition.cut.sides,
                partition: Some(partition.describe(system)),
                n_ties: 0,
                is_complete,
            },
            SystemOutcome::Found { partition, n_ties, is_complete } => Found {
                phi: partition.cut.phi(),
                normalized: partition.cut.normalized(),
                sides: partition.cut.sides,
                partition: Some(partition.describe(system)),
                n_ties,
                is_complete,
            },
            SystemOutcome::Nothing => Found {
                phi: f64::INFINITY,
                normalized: f64::INFINITY,
                sides: [f64::INFINITY; 2],
                partition: None,
                n_ties: 0,
                is_complete: false,
            },
        }
    }

    /// The one partition of a single unit cuts its connection with itself.
    fn of_monad(system: &System, sides: Sides) -> Found {
        let phi = |side: &Side| side.selectivity * (side.nothing_known - side.whole);
        let sides = sides.sides.map(|side| side.map_or(f64::INFINITY, phi));
        let phi = sides[0].min(sides[1]);
        let phi = if phi <= ZERO_TOLERANCE { 0.0 } else { phi };
        let partition = SystemPartition::new(&[system.units()], UnitSet::EMPTY, UnitSet::EMPTY);
        Found {
            phi,
            normalized: phi,
            sides,
            partition: Some(partition),
            n_ties: u64::from(phi > 0.0),
            is_complete: true,
        }
    }
}
