//! Distinctions: what each mechanism of a system specifies, irreducibly.
//!
//! For every mechanism and direction the purview with the largest φ is its cause or effect, for the
//! state with the largest intrinsic information (Albantakis et al. 2023). All purviews and states
//! that tie are kept here; which of them counts is decided in `congruence`.

use std::ops::Range;
use std::time::Instant;

use rayon::prelude::*;

use super::measure::{
    Information, NEGLIGIBLE_SELECTIVITY, SpecifiedState, ZERO_TOLERANCE, is_tied,
};
use super::mip::{Blocks, MechanismOutcome, Minimum, MipScratch, Problem};
use super::partition::JointPartition;
use super::system::{Causes, System};
use crate::limits::{Options, Phase, Stop, StopReason, Watch, steps};
use crate::repertoire::Direction;
use crate::tables::subsets_by_size;
use crate::unit_set::{UnitSet, bits, deposit, submasks};
use crate::wide::Wide;

/// Systems of fewer units are searched on one thread: handing work over takes longer.
const PARALLEL_FROM: usize = 5;

/// The maximally irreducible cause or effect of a mechanism.
#[derive(Debug, Clone, PartialEq)]
pub struct Mice {
    /// φ in bits.
    pub phi: f64,
    /// The purview and the state it is specified to be in.
    pub state: SpecifiedState,
    /// The minimum information partition, one of them if several tie.
    pub partition: JointPartition,
    /// All purviews with their states that attain φ, this one included, purviews by size and then
    /// lexicographically.
    pub tied: Vec<SpecifiedState>,
}

/// A distinction: a mechanism with its cause and its effect. φ_d > 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Distinction {
    /// The units whose state has the causal power, in the numbering of the network.
    pub mechanism: UnitSet,
    /// φ_d: the smaller of the two φ.
    pub phi: f64,
    /// Its maximally irreducible cause.
    pub cause: Mice,
    /// Its maximally irreducible effect.
    pub effect: Mice,
}

/// A mechanism over one purview in one direction, with all that its φ rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct PurviewAnalysis {
    /// Units of the purview.
    pub purview: UnitSet,
    /// φ in bits: the largest one of the states.
    pub phi: f64,
    /// Intrinsic information in bits: the largest one over the states of the purview.
    pub intrinsic_information: f64,
    /// The states that attain the intrinsic information: those that the mechanism specifies.
    pub states: Vec<PurviewState>,
    /// The probabilities that states are selected with, the first unit of the purview varying
    /// fastest: `2^k` for k binary units; bit i of the index is the i-th unit. Of effects this is
    /// `forward`, of causes `forward` over its sum.
    pub repertoire: Vec<f64>,
    /// By state of the purview: P(it | mechanism) of effects, P(mechanism | it) of causes.
    pub forward: Vec<f64>,
    /// The same with the mechanism in any state (effects), or the purview in any (causes), each as
    /// likely.
    pub unconstrained_forward: Vec<f64>,
}

/// A state that a mechanism specifies of a purview.
#[derive(Debug, Clone, PartialEq)]
pub struct PurviewState {
    /// The state.
    pub state: SpecifiedState,
    /// φ of the state, in bits.
    pub phi: f64,
    /// Its probability in the repertoire.
    pub selectivity: f64,
    /// The minimum information partitions that tie: in what they take for each severed pair, and in
    /// φ. Empty where φ = 0.
    pub partitions: Vec<JointPartition>,
    /// `true` if these are all. Where there are more than [`PurviewState::MOST_LISTED`] partitions
    /// only one is sought.
    pub are_all: bool,
}

impl PurviewState {
    /// The number of partitions beyond which the ones that tie are not listed.
    pub const MOST_LISTED: u64 = 1_000_000;
}

impl System {
    /// φ of `mechanism` over `purview`, with all partitions that attain it.
    ///
    /// ```
    /// use pyphi_core::iit4::System;
    /// use pyphi_core::{Direction, Options, fixtures};
    ///
    /// // Albantakis et al. 2023, Fig. 1: A and B with C as background.
    /// let system = System::new(&fixtures::iit4_figure_1_ab())?;
    /// let (all, options) = (system.units(), Options::default());
    /// let found = system.purview_analysis(Direction::Cause, all, all, &options).unwrap();
    /// assert_eq!(format!("{:.6}", found.intrinsic_information), "0.843228");
    /// assert_eq!(found.states[0].state.to_string(), "{0,1}=(1,0)");
    /// assert_eq!(found.states[0].partitions[0].to_string(), "{0}/{1} × {1}/{0}");
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// The reason, if the analysis was stopped.
    ///
    /// # Panics
    /// If a unit is not in the system, or one of the sets is empty.
    pub fn purview_analysis(
        &self,
        direction: Direction,
        mechanism: UnitSet,
        purview: UnitSet,
        options: &Options,
    ) -> Result<PurviewAnalysis, StopReason> {
        let mut found = self.over(direction, mechanism, &[self.local(purview)], options)?;
        Ok(found.pop().expect("one purview"))
    }

    /// As [`System::purview_analysis`], of all purviews for which φ > 0, largest φ first; of those
    /// that tie smaller ones first, then lexicographically.
    ///
    /// # Errors
    /// The reason, if the analysis was stopped.
    ///
    /// # Panics
    /// If a unit is not in the system, or the mechanism is empty.
    pub fn purview_analyses(
        &self,
        direction: Direction,
        mechanism: UnitSet,
        options: &Options,
    ) -> Result<Vec<PurviewAnalysis>, StopReason> {
        let mut found = self.over(direction, mechanism, subsets_by_size(self.n), options)?;
        found.retain(|it| it.phi > ZERO_TOLERANCE);
        let largest = found.iter().map(|it| it.phi).fold(0.0, f64::max);
        let rank = |it: &PurviewAnalysis| if is_tied(it.phi, largest) { largest } else { it.phi };
        found.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
        Ok(found)
    }

    fn over(
        &self,
        direction: Direction,
        mechanism: UnitSet,
        purviews: &[u32],
        options: &Options,
    ) -> Result<Vec<PurviewAnalysis>, StopReason> {
        let mechanism = self.local(mechanism);
        assert!(mechanism != 0, "a mechanism has at least one unit");
        let stop = Stop::new(options);
        let search = MechanismSearch::new(self, options, &stop);
        let mut scratch = Scratch::default();
        let analyse = |&purview: &u32| {
            assert!(purview != 0, "a purview has at least one unit");
            let found = search.purview(direction, mechanism, purview, &mut scratch);
            // It may be told of a stop that has passed since.
            let reason = || stop.why();
            found.filter(|_| !stop.is_due()).ok_or_else(reason)
        };
        purviews.iter().map(analyse).collect()
    }
}

/// A distinction before the choice among tied causes and effects.
#[derive(Debug, Clone)]
pub(crate) struct Undecided {
    pub(crate) mechanism: u32,
    pub(crate) phi: f64,
    pub(crate) cause: TiedPurviews,
    pub(crate) effect: TiedPurviews,
}

impl Undecided {
    /// Returns `true` if there is a choice.
    pub(crate) fn is_tied(&self) -> bool {
        self.cause.purviews.len() > 1 || self.effect.purviews.len() > 1
    }
}

/// All purviews of the largest φ, by size and then lexicographically.
#[derive(Debug, Clone)]
pub(crate) struct TiedPurviews {
    pub(crate) phi: f64,
    pub(crate) purviews: Vec<TiedPurview>,
}

#[derive(Debug, Clone)]
pub(crate) struct TiedPurview {
    pub(crate) purview: u32,
    pub(crate) phi: f64,
    /// The states that attain φ, in order, each with its partition.
    pub(crate) states: Vec<(u32, Minimum)>,
}

impl TiedPurviews {
    pub(crate) fn describe(
        &self,
        system: &System,
        mechanism: u32,
        purview: usize,
        state: usize,
    ) -> Mice {
        let chosen = &self.purviews[purview];
        let (z, minimum) = &chosen.states[state];
        Mice {
            phi: minimum.phi,
            state: system.specified(chosen.purview, *z),
            partition: joint(system, mechanism, chosen.purview, &minimum.blocks),
            tied: self
                .purviews
                .iter()
                .flat_map(|it| it.states.iter().map(|&(z, _)| system.specified(it.purview, z)))
                .collect(),
        }
    }
}

/// A partition whose blocks are numbered inside mechanism and purview.
fn joint(system: &System, mechanism: u32, purview: u32, blocks: &Blocks) -> JointPartition {
    let blocks: Blocks =
        blocks.iter().map(|&(m, p)| (deposit(m, mechanism), deposit(p, purview))).collect();
    JointPartition::from_local(&blocks, |set| system.to_network(set))
}

/// The distinctions of a system in the order of mechanisms, congruent or not; and whether all were
/// searched before `stop` was due.
pub(crate) fn distinctions(
    system: &System,
    options: &Options,
    stop: &Stop,
    began: Instant,
) -> (Vec<Undecided>, bool) {
    let search = MechanismSearch::new(system, options, stop);
    // The large mechanisms take longest: first.
    let mut mechanisms = subsets_by_size(system.n).to_vec();
    mechanisms.reverse();
    let watch = Watch::new(options, began, Phase::Distinctions, mechanisms.len() as u64);
    let work = |scratch: &mut Scratch, &mechanism: &u32| {
        let found = search.distinction(mechanism, scratch);
        watch.add(1, None);
        found
    };
    let results: Vec<Option<Option<Undecided>>> = if system.n < PARALLEL_FROM {
        let mut scratch = Scratch::default();
        mechanisms.iter().map(|mechanism| work(&mut scratch, mechanism)).collect()
    } else {
        mechanisms.par_iter().with_max_len(1).map_init(Scratch::default, work).collect()
    };
    let is_complete = results.iter().all(Option::is_some);
    let mut found: Vec<Undecided> = results.into_iter().flatten().flatten().collect();
    found.reverse();
    (found, is_complete)
}

/// The one distinction of a mechanism.
pub(crate) fn distinction(system: &System, mechanism: u32, options: &Options) -> Option<Undecided> {
    let never = Stop::never();
    MechanismSearch::new(system, options, &never)
        .distinction(mechanism, &mut Scratch::default())
        .expect("never stopped")
}

/// The state that the searches of all mechanisms share.
struct MechanismSearch<'a> {
    system: &'a System,
    lists: bool,
    stop: &'a Stop,
    /// All sets of units, by size and then lexicographically.
    purviews: &'static [u32],
    /// Causes: -log2 of every entry of the tables, if these are floats; otherwise empty.
    cause_surprise: Vec<Vec<f64>>,
    /// Effects: -log2 P(unit has a value | known units in their present state), by unit with value
    /// and known set.
    effect_surprise: Vec<Vec<f64>>,
    /// By unit: where its values begin among these.
    first_value: Vec<usize>,
}

#[derive(Debug, Default)]
struct Scratch {
    information: Information,
    /// `F_c`, by known set and state: floats, or wide numbers if the tables are of these.
    forward: Vec<f64>,
    wide_forward: Vec<Wide>,
    /// `U_e`, by known set and state.
    unconstrained: Vec<f64>,
    by_state: Vec<f64>,
    /// Specified states of the candidates, with their selectivities.
    specified: Vec<(u32, f64)>,
    units: Vec<usize>,
    /// Causes: places in the tables, by set of purview units. Effects: sets of mechanism units.
    places: Vec<usize>,
    problem: Problem,
    mip: MipScratch,
}

/// A purview that may have the largest φ.
struct Candidate {
    purview: u32,
    /// No φ of the purview is larger.
    bound: f64,
    /// The positions of its states among the specified ones.
    states: Range<usize>,
}

impl<'a> MechanismSearch<'a> {
    fn new(system: &'a System, options: &Options, stop: &'a Stop) -> MechanismSearch<'a> {
        let surprise = |p: &f64| -p.log2();
        let n = system.n;
        steps(4 * n * system.known().n_entries());
        MechanismSearch {
            system,
            lists: options.exhaustive,
            stop,
            purviews: subsets_by_size(n),
            cause_surprise: match &system.known().causes {
                Causes::Floats(causes) => {
                    causes.iter().map(|table| table.iter().map(surprise).collect()).collect()
                }
                Causes::Wide(_) => Vec::new(),
            },
            effect_surprise: (0..n)
                .flat_map(|i| (0..system.alphabet.size(i) as u32).map(move |value| (i, value)))
                .map(|(i, value)| {
                    let given = |known| surprise(&system.effect(i, value, known, system.present));
                    (0..1u32 << n).map(given).collect()
                })
                .collect(),
            first_value: (0..n)
                .scan(0, |next, i| {
                    *next += system.alphabet.size(i);
                    Some(*next - system.alphabet.size(i))
                })
                .collect(),
        }
    }

    /// The distinction of a mechanism, if it has one; `None` if the search was stopped.
    fn distinction(&self, mechanism: u32, scratch: &mut Scratch) -> Option<Option<Undecided>> {
        // Effects are quicker.
        let Some(effect) = self.maximal(Direction::Effect, mechanism, scratch)? else {
            return Some(None);
        };
        let Some(cause) = self.maximal(Direction::Cause, mechanism, scratch)? else {
            return Some(None);
        };
        Some(Some(Undecided { mechanism, phi: cause.phi.min(effect.phi), cause, effect }))
    }

    /// The purviews with the largest φ > 0; `None` if the search was stopped.
    fn maximal(
        &self,
        direction: Direction,
        mechanism: u32,
        scratch: &mut Scratch,
    ) -> Option<Option<TiedPurviews>> {
        if self.stop.is_due() {
            return None;
        }
        let mut candidates = self.candidates(direction, mechanism, scratch);
        // Large bounds first; the order of purviews among equal ones.
        candidates.sort_by(|a, b| b.bound.total_cmp(&a.bound));
        let mut largest = 0.0f64;
        let mut purviews: Vec<TiedPurview> = Vec::new();
        for candidate in &candidates {
            if self.stop.is_due() {
                return None;
            }
            // What is smaller than this can neither be the largest nor tie with it.
            let at_least = largest - 2.0 * super::TIE_TOLERANCE * largest.max(1.0);
            if !self.lists && candidate.bound < at_least {
                break;
            }
            let Some(found) = self.phi(direction, mechanism, candidate, at_least, scratch)? else {
                continue;
            };
            largest = largest.max(found.phi);
            purviews.push(found);
        }
        if largest <= ZERO_TOLERANCE {
            return Some(None);
        }
        purviews.retain(|it| is_tied(it.phi, largest));
        purviews.sort_by(|a, b| {
            UnitSet::from_bits(a.purview).cmp_by_size(UnitSet::from_bits(b.purview))
        });
        Some(Some(TiedPurviews { phi: largest, purviews }))
    }

    /// The purviews that φ may be positive for.
    fn candidates(
        &self,
        direction: Direction,
        mechanism: u32,
        scratch: &mut Scratch,
    ) -> Vec<Candidate> {
        let system = self.system;
        let known = system.known();
        match direction {
            Direction::Cause => {
                steps(mechanism.count_ones() as usize * known.n_entries());
                let mut units = bits(mechanism);
                let first = units.next().expect("a mechanism has units");
                match &known.causes {
                    Causes::Floats(causes) => {
                        scratch.forward.clear();
                        scratch.forward.extend_from_slice(&causes[first]);
                        for j in units {
                            let factors = scratch.forward.iter_mut().zip(causes[j].iter());
                            factors.for_each(|(f, p)| *f *= p);
                        }
                    }
                    Causes::Wide(causes) => {
                        scratch.wide_forward.clone_from(&causes[first]);
                        for j in units {
                            let factors = scratch.wide_forward.iter_mut().zip(&causes[j]);
                            factors.for_each(|(f, p)| *f = f.times(*p));
                        }
                    }
                }
            }
            Direction::Effect => {
                system.unconstrained_effects(mechanism, system.all(), &mut scratch.by_state);
                known.tabulate(&scratch.by_state, &mut scratch.unconstrained);
            }
        }
        let mut candidates = Vec::with_capacity(self.purviews.len());
        scratch.specified.clear();
        for &purview in self.purviews {
            if !system.is_connected(direction, mechanism, purview) {
                continue;
            }
            let information = &mut scratch.information;
            // Where the states of the purview are: known as bits, or listed.
            let places = known.places(purview);
            let index = |z| known.index(purview, z);
            match (direction, places) {
                (Direction::Cause, _) if self.cause_surprise.is_empty() => {
                    let at = |z| scratch.wide_forward[index(z)];
                    information.cause_from_wide(system.alphabet.states_of(purview).map(at));
                }
                (Direction::Cause, None) => {
                    let at = |z| scratch.forward[index(z)];
                    information.cause_from(submasks(purview).map(at));
                }
                (Direction::Cause, Some(places)) => {
                    let at = |&place: &u32| scratch.forward[place as usize];
                    information.cause_from(places.iter().map(at));
                }
                (Direction::Effect, places) => {
                    // Means over the other units' states, of which there are so many, are sums.
                    let scale = system.alphabet.n_states_of(system.all() & !purview) as f64;
                    match places {
                        None => {
                            let at = |z| scale * scratch.unconstrained[index(z)];
                            let unconstrained = submasks(purview).map(at);
                            information.effect_from(system, mechanism, purview, unconstrained);
                        }
                        Some(places) => {
                            let at = |&place: &u32| scale * scratch.unconstrained[place as usize];
                            let unconstrained = places.iter().map(at);
                            information.effect_from(system, mechanism, purview, unconstrained);
                        }
                    }
                }
            }
            let first = scratch.specified.len();
            scratch.specified.extend(
                information
                    .states
                    .iter()
                    .map(|&z| (z, information.selectivity(z)))
                    .filter(|&(_, selectivity)| selectivity > NEGLIGIBLE_SELECTIVITY),
            );
            let states = first..scratch.specified.len();
            let bound = scratch.specified[states.clone()]
                .iter()
                .map(|&(z, selectivity)| {
                    let state = system.alphabet.whole(z, purview);
                    let nothing_known: f64 = match (direction, &known.causes) {
                        (Direction::Cause, Causes::Wide(_)) => {
                            // The quotient first: it has more digits than its logarithms.
                            let forward = scratch.wide_forward[known.index(purview, state)];
                            let ratio = scratch.wide_forward[0].over(forward);
                            return selectivity * ratio.surprise(0);
                        }
                        (Direction::Cause, Causes::Floats(_)) => {
                            bits(mechanism).map(|j| self.cause_surprise[j][0]).sum()
                        }
                        (Direction::Effect, _) => bits(purview)
                            .map(|p| self.effect_surprise[self.row_of(p, state)][0])
                            .sum(),
                    };
                    let complete = nothing_known + information.forward[z as usize].log2();
                    selectivity
                        * complete.min(self.without_one(direction, mechanism, purview, state))
                })
                .fold(0.0, f64::max);
            // Sums of the same numbers are rounded elsewhere: room for that.
            let bound = bound + 1e-12 * (1.0 + bound);
            candidates.push(Candidate { purview, bound, states });
        }
        candidates
    }

    /// Returns an upper bound on what the minimum information partition takes from the sum of
    /// surprises, by the partitions that part one unit of the mechanism from all the rest. It takes
    /// no more for a severed pair than the best of these, and severs no more pairs than there are.
    fn without_one(&self, direction: Direction, mechanism: u32, purview: u32, state: u32) -> f64 {
        let n_mechanism = mechanism.count_ones();
        if n_mechanism < 2 {
            // The complete partition is the only one.
            return f64::INFINITY;
        }
        let least = match direction {
            Direction::Cause => {
                let at = self.system.known().index(purview, state);
                let loss = |j: usize| self.cause_surprise[j][0] - self.cause_surprise[j][at];
                bits(mechanism).map(loss).fold(f64::INFINITY, f64::min)
            }
            Direction::Effect => {
                let sum = |known: u32| -> f64 {
                    let of_unit = |p| self.effect_surprise[self.row_of(p, state)][known as usize];
                    bits(purview).map(of_unit).sum()
                };
                let rest = bits(mechanism).map(|j| sum(mechanism & !(1 << j)));
                rest.fold(f64::INFINITY, f64::min) - sum(mechanism)
            }
        };
        f64::from(n_mechanism) * least
    }

    /// Effects: which of the tables of surprises is that of a unit being as in the state.
    #[inline]
    fn row_of(&self, unit: usize, state: u32) -> usize {
        self.first_value[unit] + self.system.alphabet.value(state, unit) as usize
    }

    /// φ over one purview, unless it is 0 or known to be less than `at_least`; `None` if the search
    /// was stopped.
    fn phi(
        &self,
        direction: Direction,
        mechanism: u32,
        candidate: &Candidate,
        at_least: f64,
        scratch: &mut Scratch,
    ) -> Option<Option<TiedPurview>> {
        let purview = candidate.purview;
        let mut states: Vec<(u32, Minimum)> = Vec::new();
        for idx in candidate.states.clone() {
            let (z, selectivity) = scratch.specified[idx];
            self.pose(direction, mechanism, purview, (z, selectivity), scratch);
            let Scratch { problem, mip, .. } = &mut *scratch;
            let outcome = if self.lists {
                problem.minimum_of_list(self.stop, mip)
            } else {
                problem.minimum(at_least, self.stop, mip)
            };
            match outcome {
                MechanismOutcome::Zero | MechanismOutcome::Below => {}
                MechanismOutcome::Found(minimum) => states.push((z, minimum)),
                MechanismOutcome::Stopped => return None,
            }
        }
        let largest = states.iter().map(|(_, minimum)| minimum.phi).max_by(f64::total_cmp);
        Some(largest.map(|phi| {
            states.retain(|(_, minimum)| is_tied(minimum.phi, phi));
            TiedPurview { purview, phi, states }
        }))
    }

    /// Makes the problem of one state of a purview, which has this selectivity.
    fn pose(
        &self,
        direction: Direction,
        mechanism: u32,
        purview: u32,
        (z, selectivity): (u32, f64),
        scratch: &mut Scratch,
    ) {
        let (a, b) = (mechanism.count_ones() as usize, purview.count_ones() as usize);
        let Scratch { units, places, problem, .. } = scratch;
        let known = self.system.alphabet.whole(z, purview);
        units.clear();
        places.clear();
        match direction {
            Direction::Cause => {
                units.extend(bits(mechanism));
                let tables = self.system.known();
                tables.places_of_subsets(purview, known, places);
                match &tables.causes {
                    Causes::Floats(_) => problem
                        .cause(a, b, selectivity, |j, q| self.cause_surprise[units[j]][places[q]]),
                    Causes::Wide(causes) => {
                        // Less the bits that all sums have in common: see `sia::Side`.
                        let all = *places.last().expect("a purview has subsets");
                        problem.cause(a, b, selectivity, |j, q| {
                            let table = &causes[units[j]];
                            table[places[q]].surprise(-table[all].exponent())
                        });
                    }
                }
            }
            Direction::Effect => {
                units.extend(bits(purview).map(|p| self.row_of(p, known)));
                places.extend(submasks(mechanism).map(|m| m as usize));
                problem.effect(a, b, selectivity, |p, m| self.effect_surprise[units[p]][places[m]]);
            }
        }
    }

    /// One purview with all that it rests on; `None` if the search was stopped.
    fn purview(
        &self,
        direction: Direction,
        mechanism: u32,
        purview: u32,
        scratch: &mut Scratch,
    ) -> Option<PurviewAnalysis> {
        let system = self.system;
        let mut information = std::mem::take(&mut scratch.information);
        let n_states = system.alphabet.n_states_of(purview) as u32;
        let unconstrained_forward = match direction {
            Direction::Cause => {
                information.cause(system, mechanism, purview);
                let sum: f64 = (0..n_states).map(|z| information.probability(z)).sum();
                vec![sum / f64::from(n_states); n_states as usize]
            }
            Direction::Effect => {
                let mut unconstrained = Vec::new();
                system.unconstrained_effects(mechanism, purview, &mut unconstrained);
                let of_states = unconstrained.iter().copied();
                information.effect_from(system, mechanism, purview, of_states);
                unconstrained
            }
        };
        let n_partitions =
            JointPartition::count(mechanism.count_ones() as usize, purview.count_ones() as usize);
        let are_all = n_partitions <= PurviewState::MOST_LISTED;
        let mut states = Vec::new();
        for &z in &information.states {
            let selectivity = information.selectivity(z);
            let mut found = None;
            if selectivity > NEGLIGIBLE_SELECTIVITY {
                self.pose(direction, mechanism, purview, (z, selectivity), scratch);
                match scratch.problem.minimum(0.0, self.stop, &mut scratch.mip) {
                    MechanismOutcome::Zero | MechanismOutcome::Below => {}
                    MechanismOutcome::Found(minimum) => found = Some(minimum),
                    MechanismOutcome::Stopped => return None,
                }
            }
            let partitions = match &found {
                None => Vec::new(),
                Some(minimum) if are_all => scratch.problem.all_minima(minimum, self.stop)?,
                Some(minimum) => vec![minimum.blocks.clone()],
            };
            let in_network = |blocks: &Blocks| joint(system, mechanism, purview, blocks);
            states.push(PurviewState {
                state: system.specified(purview, z),
                phi: found.map_or(0.0, |minimum| minimum.phi),
                selectivity,
                partitions: partitions.iter().map(in_network).collect(),
                are_all,
            });
        }
        let analysis = PurviewAnalysis {
            purview: system.to_network(purview),
            phi: states.iter().map(|it| it.phi).fold(0.0, f64::max),
            intrinsic_information: information.value,
            states,
            repertoire: (0..n_states).map(|z| information.selectivity(z)).collect(),
            forward: (0..n_states).map(|z| information.probability(z)).collect(),
            unconstrained_forward,
        };
        scratch.information = information;
        Some(analysis)
    }
}
