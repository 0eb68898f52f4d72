//! System irreducibility: φ_s, the minimum over directed set partitions (Albantakis et al. 2023).
//!
//! With the system's cause and effect states fixed, both sides of φ are sums over the units, and a
//! partition only says which units each unit still knows: its own part, and, if the outputs of its
//! part are cut, the parts whose inputs are cut. So the side φ of a partition with parts Q, of
//! which I have their inputs cut and O their outputs, is
//! `R · (Σ_Q own(Q) + Σ_{Q in O} (known(Q, I) - own(Q)) - whole)`, where own(Q) is the sum over the
//! units of Q of -log2 of their probability
//! given Q alone, and known(Q, I) the same given Q and I. Both are tables, over 2^n and 3^n sets: a
//! partition costs one addition a side, and every partition is looked at.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::canonical;
use super::measure::{
    Information, NEGLIGIBLE_SELECTIVITY, SpecifiedState, TIE_TOLERANCE, ZERO_TOLERANCE, is_tied,
    surprise,
};
use super::partition::{SystemPartition, set_partitions};
use super::system::{Causes, System};
use super::{Rules, memory_needed};
use crate::formalism::DifferentiationCap;
use crate::limits::{Options, Phase, Stop, StopReason, Watch, steps};
use crate::state::State;
use crate::unit_set::{UnitSet, bits, submasks};

/// Systems of this many units or more are searched on all threads: smaller ones take less than 10
/// ms.
const PARALLEL_FROM: usize = 9;

/// Why φ_s is 0 without a search. In JSON as in the names in parentheses.
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

/// What a system specifies in one direction: its cause or its effect.
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
    /// How many partitions tie with it in normalized and in plain φ_s, itself included; 0 where φ_s
    /// = 0 in 2023.
    pub mip_ties: u64,
    /// Why φ_s is 0 without a search; otherwise empty.
    pub reasons: Vec<Reason>,
    /// What the system specifies as its cause; `None` only for the empty system.
    pub cause: Option<SystemState>,
    /// What the system specifies as its effect; `None` only for the empty system.
    pub effect: Option<SystemState>,
    /// Pairs of tied cause and effect states that also tie in φ_s. 1 where nothing is tied.
    pub tied_state_pairs: usize,
    /// Whether the search was finished, and if not, why.
    pub stop_reason: StopReason,
}

impl SystemIrreducibilityAnalysis {
    /// Whether the result is exact.
    pub fn is_complete(&self) -> bool {
        self.stop_reason == StopReason::Complete
    }

    /// Whether the system is irreducible: φ_s > 0.
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
    memory_limit(system, options)
        .unwrap_or_else(|| analyse(system, rules, options, &Stop::new(options)))
}

/// What there is to say where the limit on memory forbids an analysis.
pub(crate) fn memory_limit(
    system: &System,
    options: &Options,
) -> Option<SystemIrreducibilityAnalysis> {
    let needed = memory_needed(system, rayon::current_num_threads());
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
    /// Why φ_s is 0 without a search.
    reasons: Vec<Reason>,
    /// Of causes and of effects; none for the empty system.
    specified: Option<[Specified; 2]>,
    /// The pairs, by the places of their states among the specified ones, in the order of the
    /// enumeration.
    pairs: Vec<[usize; 2]>,
    /// Whether the search for them was finished.
    is_complete: bool,
}

impl<'a> TiedStates<'a> {
    pub(crate) fn new(system: &'a System, options: &'a Options, stop: &'a Stop) -> TiedStates<'a> {
        let mut reasons = connectivity_reasons(system);
        let specified =
            (system.n > 0).then(|| [Specified::cause(system), Specified::effect(system)]);
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
            specified,
            pairs: Vec::new(),
            is_complete: true,
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

    // One state at a time: there may be thousands that tie, and the tables of one take 8 · 3ⁿ
    // bytes.
    fn side(&self, direction: usize, tie: usize) -> Side {
        let specified = self.specified.as_ref().expect("a system with units");
        match direction {
            0 => Side::of_cause(self.system, &specified[0], tie),
            _ => Side::of_effect(self.system, &specified[1], tie),
        }
    }

    fn search(&self, sides: [Option<&Side>; 2]) -> Found {
        let TiedStates { system, options, stop, began, .. } = *self;
        Search { system, sides, options, stop, began }.run()
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
            return SystemIrreducibilityAnalysis::zero(system, self.reasons.clone(), None, None);
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

    fn effect(system: &System) -> Specified {
        let mut unconstrained = Vec::new();
        system.unconstrained_effects(system.all(), system.all(), &mut unconstrained);
        let mut information = Information::default();
        information.effect_from(system, system.all(), system.all(), unconstrained.into_iter());
        Specified::new(system, &information)
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

/// One direction with its specified state: what the partitions are looked up in.
struct Side {
    selectivity: f64,
    /// -log2 of the forward probability of the intact system, up to a number that all sums have in
    /// common.
    whole: f64,
    /// The same where no unit knows any.
    nothing_known: f64,
    /// By part: own(Q).
    own: Vec<f64>,
    /// By `System::index(Q ∪ I, Q)`: known(Q, I) - own(Q).
    gain: Vec<f64>,
}

impl Side {
    /// For the cause state that is at place `tie` of those that tie.
    fn of_cause(system: &System, specified: &Specified, tie: usize) -> Side {
        let (z, selectivity) = (specified.ties[tie], specified.selectivity[tie]);
        let at = |known: u32| system.index(known, z);
        // -log2 P(unit as it is | known units of the specified past state).
        match &system.causes {
            Causes::Floats(causes) => {
                Side::new(system, selectivity, |i, known| -causes[i][at(known)].log2())
            }
            Causes::Wide(causes) => Side::new(system, selectivity, |i, known| {
                // Less what it is with all known, but for its fraction: the sums are compared with
                // that, and digits would be lost to thousands of bits that they have in common.
                causes[i][at(known)].surprise(-causes[i][at(system.all())].exponent())
            }),
        }
    }

    /// For the effect state that is at place `tie` of those that tie.
    fn of_effect(system: &System, specified: &Specified, tie: usize) -> Side {
        let (z, selectivity) = (specified.ties[tie], specified.selectivity[tie]);
        // -log2 P(unit as specified | known units of the present state).
        Side::new(system, selectivity, |i, known| {
            -system.effect_on(i, z >> i & 1 == 1, known, system.present).log2()
        })
    }

    fn new(system: &System, selectivity: f64, surprise: impl Fn(usize, u32) -> f64) -> Side {
        let n = system.n;
        steps(((2 * n) << n) + n * 3usize.pow(n as u32));
        let surprise: Vec<Vec<f64>> =
            (0..n).map(|i| (0..1u32 << n).map(|known| surprise(i, known)).collect()).collect();
        let sum = |part: u32, known: u32| -> f64 {
            bits(part).map(|i| surprise[i][known as usize]).sum()
        };
        let all = system.all();
        let own: Vec<f64> = (0..=all).map(|part| sum(part, part)).collect();
        let mut gain = vec![0.0; 3usize.pow(n as u32)];
        for part in 1..=all {
            for known in submasks(all & !part).skip(1) {
                gain[system.index(part | known, part)] =
                    sum(part, part | known) - own[part as usize];
            }
        }
        Side { selectivity, whole: own[all as usize], nothing_known: sum(all, 0), own, gain }
    }
}

/// The search over the partitions, of both sides or of one.
struct Search<'a> {
    system: &'a System,
    sides: [Option<&'a Side>; 2],
    options: &'a Options,
    stop: &'a Stop,
    began: Instant,
}

/// What a search has found.
struct Found {
    phi: f64,
    normalized: f64,
    sides: [f64; 2],
    partition: Option<SystemPartition>,
    n_ties: u64,
    is_complete: bool,
}

/// A partition within the tolerance of the smallest normalized φ so far.
#[derive(Debug, Clone)]
struct Candidate {
    normalized: f64,
    phi: f64,
    sides: [f64; 2],
    parts: Vec<u32>,
    inputs_cut: u32,
    outputs_cut: u32,
}

/// What one share of the partitions came to.
#[derive(Debug, Default)]
struct Share {
    /// In the order of the enumeration.
    candidates: Vec<Candidate>,
    /// A partition that makes no difference: nothing else matters.
    zero: Option<Candidate>,
    was_stopped: bool,
}

impl Search<'_> {
    fn run(&self) -> Found {
        let n = self.system.n;
        if n == 1 {
            return self.monad();
        }
        let units: Vec<u32> = (0..n).map(|unit| 1 << unit).collect();
        let n_shared = if n < PARALLEL_FROM { 0 } else { 5 };
        let mut prefixes = Vec::new();
        let _ = set_partitions(&units[..n_shared], &mut Vec::new(), &mut |parts| {
            prefixes.push(parts.to_vec());
            ControlFlow::<()>::Continue(())
        });
        let total = SystemPartition::count(n);
        let watch = Watch::new(self.options, self.began, Phase::SystemPartitions, total);
        // The first share with a partition that makes no difference: later ones need not finish.
        let zero_at = AtomicUsize::new(usize::MAX);
        let work = |(idx, prefix): (usize, &Vec<u32>)| {
            let is_over = || zero_at.load(Ordering::Relaxed) < idx || self.stop.is_due();
            let (share, n_evaluated) = self.share(&units[n_shared..], prefix, is_over);
            if share.zero.is_some() {
                zero_at.fetch_min(idx, Ordering::Relaxed);
            }
            watch.add(n_evaluated, None);
            share
        };
        let shares: Vec<Share> = if n < PARALLEL_FROM {
            prefixes.iter().enumerate().map(work).collect()
        } else {
            prefixes.par_iter().enumerate().map(work).collect()
        };
        if let Some(zero) = shares.iter().find_map(|share| share.zero.as_ref()) {
            return Found {
                phi: 0.0,
                normalized: 0.0,
                sides: zero.sides,
                partition: Some(self.describe(zero)),
                n_ties: 0,
                is_complete: true,
            };
        }
        let is_complete = !shares.iter().any(|share| share.was_stopped);
        let candidates: Vec<Candidate> =
            shares.into_iter().flat_map(|share| share.candidates).collect();
        let Some((best, n_ties)) = self.choose(&candidates) else {
            return Found {
                phi: f64::INFINITY,
                normalized: f64::INFINITY,
                sides: [f64::INFINITY; 2],
                partition: None,
                n_ties: 0,
                is_complete: false,
            };
        };
        Found {
            phi: best.phi,
            normalized: best.normalized,
            sides: best.sides,
            partition: Some(self.describe(best)),
            n_ties,
            is_complete,
        }
    }

    /// The one partition of a single unit cuts its connection with itself.
    fn monad(&self) -> Found {
        let phi = |side: &Side| side.selectivity * (side.nothing_known - side.whole);
        let sides = self.sides.map(|side| side.map_or(f64::INFINITY, phi));
        let phi = sides[0].min(sides[1]);
        let phi = if phi <= ZERO_TOLERANCE { 0.0 } else { phi };
        let partition =
            SystemPartition::new(&[self.system.units()], UnitSet::EMPTY, UnitSet::EMPTY);
        Found {
            phi,
            normalized: phi,
            sides,
            partition: Some(partition),
            n_ties: u64::from(phi > 0.0),
            is_complete: true,
        }
    }

    /// All partitions that extend `prefix`.
    fn share(&self, units: &[u32], prefix: &[u32], is_over: impl Fn() -> bool) -> (Share, u64) {
        let mut share = Share::default();
        let mut parts = prefix.to_vec();
        let mut labels = Labels::default();
        let (mut n_seen, mut n_evaluated) = (0u64, 0u64);
        let mut limit = f64::INFINITY;
        let flow = set_partitions(units, &mut parts, &mut |parts| {
            n_seen += 1;
            if n_seen.is_multiple_of(256) && is_over() {
                return ControlFlow::Break(None);
            }
            if parts.len() < 2 {
                return ControlFlow::Continue(());
            }
            self.directions(parts, &mut labels, |n_cut, sides, inputs_cut, outputs_cut| {
                n_evaluated += 1;
                let phi = sides[0].min(sides[1]);
                if phi > ZERO_TOLERANCE && phi > limit * n_cut {
                    return ControlFlow::Continue(());
                }
                let normalized = phi / n_cut;
                let candidate = || Candidate {
                    normalized,
                    phi,
                    sides,
                    parts: parts.to_vec(),
                    inputs_cut,
                    outputs_cut,
                };
                if phi <= ZERO_TOLERANCE {
                    return ControlFlow::Break(Some(candidate()));
                }
                let now = normalized + TIE_TOLERANCE * normalized.max(1.0);
                if now < limit {
                    limit = now;
                    share.candidates.retain(|it| it.normalized <= limit);
                }
                if normalized <= limit {
                    share.candidates.push(candidate());
                }
                ControlFlow::Continue(())
            })
        });
        match flow {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(None) => share.was_stopped = true,
            ControlFlow::Break(Some(zero)) => share.zero = Some(zero),
        }
        (share, n_evaluated)
    }

    /// Every way to give directions to the parts, those that cut the same only once: `visit` is
    /// told the number of pairs cut, φ of both sides, the units whose inputs and those whose
    /// outputs are cut.
    fn directions<B>(
        &self,
        parts: &[u32],
        labels: &mut Labels,
        mut visit: impl FnMut(f64, [f64; 2], u32, u32) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let n = self.system.n as i32;
        let within: i32 = parts.iter().map(|part| (part.count_ones() as i32).pow(2)).sum();
        let n_between = n * n - within;
        let base = self.sides.map(|side| {
            side.map_or(0.0, |side| {
                parts.iter().map(|&part| side.own[part as usize]).sum::<f64>() - side.whole
            })
        });
        let phi = |gain: [f64; 2]| {
            let of = |it: usize| {
                self.sides[it]
                    .map_or(f64::INFINITY, |side| side.selectivity * (base[it] + gain[it]))
            };
            [of(0), of(1)]
        };
        visit(f64::from(n_between), phi([0.0; 2]), 0, 0)?;
        for chosen in 1..(1u32 << parts.len()) - 1 {
            let inputs_cut = bits(chosen).fold(0, |all, idx| all | parts[idx]);
            let n_inputs_cut = inputs_cut.count_ones() as i32;
            labels.others.clear();
            labels.others.extend(
                parts
                    .iter()
                    .enumerate()
                    .filter(|(idx, _)| chosen >> idx & 1 == 0)
                    .map(|(_, &it)| it),
            );
            labels.sums.clear();
            labels.sums.push((0, [0.0; 2]));
            // By subset of the other parts: its units, and what it gains.
            for set in 1..1usize << labels.others.len() {
                let part = labels.others[set.trailing_zeros() as usize];
                let at = self.system.index(part | inputs_cut, part);
                let (units, sum) = labels.sums[set & (set - 1)];
                let gain = |it: usize| self.sides[it].map_or(0.0, |side| side.gain[at]);
                let (units, sum) = (units | part, [sum[0] + gain(0), sum[1] + gain(1)]);
                steps(1);
                labels.sums.push((units, sum));
                let n_kept = n_inputs_cut * units.count_ones() as i32;
                visit(f64::from(n_between - n_kept), phi(sum), inputs_cut, units)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// The minimum information partition: smallest normalized φ, then largest φ, then smallest cut
    /// matrix, row by row; and how many tie up to the matrix.
    fn choose<'c>(&self, candidates: &'c [Candidate]) -> Option<(&'c Candidate, u64)> {
        let smallest = candidates.iter().map(|it| it.normalized).min_by(f64::total_cmp)?;
        let tied = candidates.iter().filter(|it| is_tied(it.normalized, smallest));
        let largest = tied.clone().map(|it| it.phi).max_by(f64::total_cmp)?;
        let tied: Vec<&Candidate> = tied.filter(|it| is_tied(it.phi, largest)).collect();
        let first = tied.iter().min_by_key(|it| it.cut_matrix(self.system.n))?;
        Some((first, tied.len() as u64))
    }

    fn describe(&self, candidate: &Candidate) -> SystemPartition {
        let parts: Vec<UnitSet> =
            candidate.parts.iter().map(|&part| self.system.to_network(part)).collect();
        SystemPartition::new(
            &parts,
            self.system.to_network(candidate.inputs_cut),
            self.system.to_network(candidate.outputs_cut),
        )
    }
}

/// Room for the directions of one set partition.
#[derive(Default)]
struct Labels {
    others: Vec<u32>,
    sums: Vec<(u32, [f64; 2])>,
}

impl Candidate {
    /// Rows of the cut matrix, each a number whose highest bit is unit 0, so that they compare like
    /// bytes.
    fn cut_matrix(&self, n: usize) -> Vec<u32> {
        let all = UnitSet::all(n).bits();
        (0..n)
            .map(|from| {
                let part = self.parts.iter().find(|&it| it >> from & 1 == 1).copied().unwrap_or(0);
                let kept = if self.inputs_cut >> from & 1 == 1 { self.outputs_cut } else { 0 };
                (all & !part & !kept).reverse_bits()
            })
            .collect()
    }
}
