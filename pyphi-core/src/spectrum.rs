//! All Φ that ties allow under IIT 3.0, from the smallest to the largest.
//!
//! Several purviews can tie for the largest φ of a mechanism, in the intact system and in every cut
//! one. Let x be a choice for every core cause and core effect of the intact system, y_c one for
//! those of the system under cut c. Then Φ(x, y) is the smallest, over the cuts, of the distance
//! D_c(x, y_c). Cuts that tie give the same Φ.
//!
//! - D_c only sees the mechanisms whose concept the cut may change, so it is tabulated over their
//!   choices alone. The choices for different cuts are independent of each other, given x.
//! - The smallest Φ is the smallest D_c of all. The largest is the largest, over x, of the
//!   smallest, over c, of the largest D_c. Given x, v is some Φ exactly if it is some D_c and every
//!   cut has a D_c of v or more.
//! - Where a table would be too long, D_c is bounded instead. *From below*: every concept that has
//!   to move sends its mass where it is cheapest, whatever is chosen, columns taking what they can
//!   take at most. *From above*: every mechanism moves what it can to its own concept, and what is
//!   left by way of the null concept, since distances make triangles: a sum over mechanisms, each
//!   taking its worst way. Both hold for every choice, so smallest and largest Φ are then proven to
//!   be in an interval. A small distance that was found is its other end.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use crate::big_phi::is_zero_without_search;
use crate::concept::LocalConcept;
use crate::fixed::{COARSE_ONE, Fixed, cost_to_f64, to_coarse, to_f64, to_fixed};
use crate::formalism::by_name;
use crate::limits::{Options, Stop, StopReason};
use crate::mip::{CauseMemo, Core, Scratch, SmallPhi, SmallPhiRules};
use crate::partition::Cut;
use crate::repertoire::Direction;
use crate::split_mix::SplitMix;
use crate::structure::{BOUND_SLACK, between_causes, effect_distance, is_same, null_concept};
use crate::subsystem::Subsystem;
use crate::symmetry::{Arrangement, PhiCache, Symmetry};
use crate::tables::{Tables, Wiring, subsets_by_size, to_network};
use crate::transport::{ColumnDemand, Total, Transport};
use crate::unit_set::{UnitSet, bits};

/// The number of distances that are tabulated for one cut.
const MOST_OF_CUT: usize = 20_000;

/// The number of distances that are tabulated for all cuts.
const MOST_OF_ALL: usize = 100_000;

/// The number of choices for the intact system that are listed.
const MOST_CHOICES: usize = 50_000;

/// The number of pairs of a core cause and a core effect that are looked at, of the intact system
/// or under one cut.
const MOST_PAIRS: usize = 200_000;

/// The number of choices that are tried where they cannot be listed.
const N_SAMPLED: usize = 64;

/// The work that φ of mechanisms may be: 2 to the number of units of mechanism and purview each,
/// about as many as there are partitions; where a unit has more than two values, each times the
/// states of the purview.
const MOST_WORK: u64 = 1 << 26;

/// The same, where only what is quickly proven is wanted.
const MOST_QUICK_WORK: u64 = 1 << 21;

/// The number of choices that are tried to find small distances under cuts that have too many to
/// list.
const MOST_DESCENTS: usize = 10_000;

/// The number of pairs of causes, of one mechanism each, that are compared for one cut that has too
/// many distances to list.
const MOST_OWN: usize = 40_000;

/// No distance is that large.
const ANYTHING: i128 = i128::MAX >> 16;

/// Purviews whose φ is that close to the largest may win in a program with an inexact transport
/// solver: that of PyPhi 1.2.0 is good to some 5e-6.
pub const NEAR: f64 = 1e-4;

/// Which of the purviews that tie for the largest φ may be a core cause or a core effect.
///
/// Displays as, and is parsed from, `all`, `largest`, `smallest` and `unresolved-dropped`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TieRule {
    /// Every one of them.
    #[default]
    All,
    /// Those with most units: what [`big_phi`](crate::big_phi()) chooses from.
    Largest,
    /// Those with fewest units.
    Smallest,
    /// None: a mechanism whose core cause or core effect ties has no concept (Moon 2019, Entropy
    /// 21: 405).
    UnresolvedDropped,
}

impl TieRule {
    /// All rules.
    pub const ALL: [TieRule; 4] =
        [TieRule::All, TieRule::Largest, TieRule::Smallest, TieRule::UnresolvedDropped];

    fn name(self) -> &'static str {
        match self {
            TieRule::All => "all",
            TieRule::Largest => "largest",
            TieRule::Smallest => "smallest",
            TieRule::UnresolvedDropped => "unresolved-dropped",
        }
    }
}

impl fmt::Display for TieRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for TieRule {
    type Err = String;

    fn from_str(text: &str) -> Result<TieRule, String> {
        by_name(&TieRule::ALL, TieRule::name, text)
    }
}

/// The way in which the concepts of a cut system are chosen.
///
/// Displays as, and is parsed from, `inherited` and `independent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CutChoices {
    /// Concepts that the cut does not touch are taken over from the intact system, with their
    /// choice: as [`big_phi`](crate::big_phi()) and PyPhi 1.2.0 do.
    #[default]
    Inherited,
    /// Every mechanism is searched anew and chosen for anew, as the tool PyPhi-Spectrum does: a
    /// concept that the cut does not touch may then move, by the choice alone.
    Independent,
}

impl CutChoices {
    /// Both.
    pub const ALL: [CutChoices; 2] = [CutChoices::Inherited, CutChoices::Independent];

    fn name(self) -> &'static str {
        match self {
            CutChoices::Inherited => "inherited",
            CutChoices::Independent => "independent",
        }
    }
}

impl fmt::Display for CutChoices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for CutChoices {
    type Err = String;

    fn from_str(text: &str) -> Result<CutChoices, String> {
        by_name(&CutChoices::ALL, CutChoices::name, text)
    }
}

/// The rules of a spectrum: which choices are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SpectrumRules {
    /// Which tied purviews count.
    pub ties: TieRule,
    /// The choice that cuts leave.
    pub cuts: CutChoices,
}

/// Proven bounds on an extreme of Φ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extreme {
    /// It is at least this.
    pub at_least: f64,
    /// It is at most this.
    pub at_most: f64,
}

impl Extreme {
    /// Returns `true` if its value is known.
    pub fn is_proven(self) -> bool {
        self.at_least == self.at_most
    }
}

/// Core cause and core effect that are chosen for a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChosenPurviews {
    /// The mechanism.
    pub mechanism: UnitSet,
    /// The purview of its core cause.
    pub cause: UnitSet,
    /// The purview of its core effect.
    pub effect: UnitSet,
}

/// A Φ that some choice gives.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectrumValue {
    /// Φ; 0 if at most the tolerance.
    pub phi: f64,
    /// The cut that is minimal; `None` where no cut was searched.
    pub cut: Option<Cut>,
    /// The choices in the intact system, of mechanisms that there is a choice for.
    pub intact: Vec<ChosenPurviews>,
    /// The choices under the cut, of mechanisms that there is a choice for.
    pub partitioned: Vec<ChosenPurviews>,
}

/// A mechanism with several purviews whose φ is within [`NEAR`] of the largest.
#[derive(Debug, Clone, PartialEq)]
pub struct NearTie {
    /// The cut; `None` in the intact system.
    pub cut: Option<Cut>,
    /// The mechanism.
    pub mechanism: UnitSet,
    /// Of its core cause or of its core effect.
    pub direction: Direction,
    /// These purviews, each with its φ; by size, then lexicographically.
    pub purviews: Vec<(UnitSet, f64)>,
}

/// All Φ that ties allow.
#[derive(Debug, Clone)]
pub struct PhiSpectrum {
    /// The smallest Φ.
    pub smallest: Extreme,
    /// The largest Φ.
    pub largest: Extreme,
    /// All values, ascending, each with choices that give it; values within the tolerance of each
    /// other are one. `None` if there are too many choices to list.
    pub values: Option<Vec<SpectrumValue>>,
    /// The number of choices that the intact system leaves; infinite beyond the range of an `f64`.
    pub choices: f64,
    /// Purviews that tie or nearly tie, in the intact system and under the cuts, as far as they
    /// were searched.
    pub near_ties: Vec<NearTie>,
    /// The reason for the end: everything was searched, or the analysis was stopped.
    /// [`StopReason::TieLimit`] if a full search is too much work: proven bounds then hold for all
    /// choices, but cuts that were not searched are only known to have some distance.
    pub stop_reason: StopReason,
}

impl PhiSpectrum {
    /// Returns `true` if smallest and largest Φ are known.
    pub fn is_complete(&self) -> bool {
        self.stop_reason == StopReason::Complete
            && self.smallest.is_proven()
            && self.largest.is_proven()
    }
}

/// All Φ that the choice among tied core causes, core effects and cuts allows: the smallest and the
/// largest with proof, and the whole set where it is not too large.
///
/// ```
/// use pyphi_core::{Network, Options, SpectrumRules, State, Subsystem, phi_spectrum};
///
/// // A = AND(A, B) and B = OR(A, B), both OFF (Hanson and Walker 2021).
/// let network = Network::from_state_by_node(
///     &[vec![0.0, 0.0], vec![0.0, 1.0], vec![0.0, 1.0], vec![1.0, 1.0]],
///     &[vec![1, 1], vec![1, 1]],
/// )?;
/// let subsystem = Subsystem::new(&network, State::all_off(2), network.units())?;
/// let spectrum = phi_spectrum(&subsystem, &Options::default(), SpectrumRules::default());
/// assert!(spectrum.is_complete());
/// let values: Vec<f64> = spectrum.values.unwrap().iter().map(|it| it.phi).collect();
/// assert!(values.len() > 1);
/// assert_eq!(values.first(), Some(&spectrum.smallest.at_least));
/// assert_eq!(values.last(), Some(&spectrum.largest.at_most));
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn phi_spectrum(subsystem: &Subsystem, options: &Options, rules: SpectrumRules) -> PhiSpectrum {
    options.variant.expect_default("a spectrum");
    search(subsystem, &Stop::new(options), rules, false, MOST_OF_CUT)
}

/// The smallest and the largest Φ, where both are proven with little work; how little depends on
/// the subsystem and the rules alone.
pub(crate) fn quick_extremes(
    subsystem: &Subsystem,
    stop: &Stop,
    rules: SpectrumRules,
) -> Option<(f64, f64)> {
    let found = search(subsystem, stop, rules, true, MOST_OF_CUT);
    found.is_complete().then_some((found.smallest.at_least, found.largest.at_most))
}

/// The spectrum; or, if it `is_quick`, as soon as it is clear that it would be an interval or too
/// much work, nothing.
fn search(
    subsystem: &Subsystem,
    stop: &Stop,
    rules: SpectrumRules,
    is_quick: bool,
    most_of_cut: usize,
) -> PhiSpectrum {
    if is_zero_without_search(subsystem) {
        return PhiSpectrum::zero(1.0, Vec::new());
    }
    let symmetry = Symmetry::find(&subsystem.tables);
    let (memo, cache) = (CauseMemo::none(), PhiCache::for_twins(&symmetry));
    let subsets = subsets_by_size(subsystem.n_units());
    let shared =
        Shared { subsystem, rules, is_quick, most_of_cut, stop, symmetry, memo, cache, subsets };
    shared.spectrum(&mut Work {
        tables: &subsystem.tables,
        stop,
        scratch: Scratch::new(subsystem.n_units()),
        phi: HashMap::new(),
        near_ties: Vec::new(),
        left: if is_quick { MOST_QUICK_WORK } else { MOST_WORK },
        descents: MOST_DESCENTS,
    })
}

impl PhiSpectrum {
    /// Φ = 0 whatever is chosen.
    fn zero(choices: f64, near_ties: Vec<NearTie>) -> PhiSpectrum {
        let nothing = Extreme { at_least: 0.0, at_most: 0.0 };
        let value =
            SpectrumValue { phi: 0.0, cut: None, intact: Vec::new(), partitioned: Vec::new() };
        PhiSpectrum {
            smallest: nothing,
            largest: nothing,
            values: Some(vec![value]),
            choices,
            near_ties,
            stop_reason: StopReason::Complete,
        }
    }

    /// Nothing is known.
    fn stopped(reason: StopReason, near_ties: Vec<NearTie>) -> PhiSpectrum {
        let anything = Extreme { at_least: 0.0, at_most: f64::INFINITY };
        PhiSpectrum {
            smallest: anything,
            largest: anything,
            values: None,
            choices: f64::INFINITY,
            near_ties,
            stop_reason: reason,
        }
    }
}

/// The state that all searches share.
struct Shared<'a> {
    subsystem: &'a Subsystem,
    rules: SpectrumRules,
    /// `true` if only quickly proven results are wanted.
    is_quick: bool,
    /// The number of distances that are tabulated for one cut.
    most_of_cut: usize,
    stop: &'a Stop,
    symmetry: Symmetry,
    memo: CauseMemo,
    cache: PhiCache,
    subsets: &'a [u32],
}

struct Work<'a> {
    tables: &'a Tables,
    stop: &'a Stop,
    scratch: Scratch,
    /// φ by direction, mechanism, purview and which of their units are in A, if the cut severs
    /// them; of what an exchange of interchangeable units makes equal, once.
    phi: HashMap<(Direction, Arrangement), Fixed>,
    near_ties: Vec<NearTie>,
    /// The work that φ of mechanisms may still be.
    left: u64,
    /// The number of choices that may still be tried in search of small distances.
    descents: usize,
}

impl Work<'_> {
    fn between_causes(&mut self, a: &LocalConcept, b: &LocalConcept) -> Fixed {
        between_causes(self.tables, a, b, self.stop, &mut self.scratch)
    }
}

/// A mechanism of the intact system with its choices.
struct Mechanism {
    set: u32,
    /// Its concept by each choice. Empty if it has no concept.
    options: Vec<LocalConcept>,
}

/// One way in which a mechanism takes part in the distance of a cut.
struct Alternative {
    /// Its concept in the intact system, which has to move.
    row: Option<usize>,
    /// Its concept under the cut.
    column: Option<usize>,
}

/// The concepts that a mechanism can have under a cut.
struct Place {
    /// Its position among the mechanisms.
    mechanism: usize,
    /// By option of the intact system (one, if it has none): which class that belongs to.
    class_of: Vec<usize>,
    /// By class: the ways there are.
    classes: Vec<Vec<Alternative>>,
}

impl Place {
    fn n_ways(&self) -> usize {
        self.classes.iter().map(Vec::len).sum()
    }

    fn ways(&self) -> impl Iterator<Item = &Alternative> {
        self.classes.iter().flatten()
    }
}

/// The distances under one cut.
struct CutProblem {
    cut: Cut,
    places: Vec<Place>,
    rows: Vec<LocalConcept>,
    columns: Vec<LocalConcept>,
    null: LocalConcept,
    /// Distances of causes, by mechanism and purview on either side.
    causes: HashMap<[u32; 4], Fixed>,
    /// Where there are too many pairs to look at: what no distance exceeds.
    too_many: Option<i128>,
}

/// The place of the null concept among rows and columns.
const NULL: usize = usize::MAX;

/// By the classes of the places.
type Table = HashMap<Vec<usize>, Distances>;

/// Every distance, with the ways that give it.
type Distances = BTreeMap<i128, Vec<usize>>;

/// The distances under one cut, as far as they are known.
enum CutDistances {
    /// All of them.
    Table(Table),
    /// Bounds on all of them.
    Bounds(Bounds),
}

/// Bounds on the distances under a cut.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// None is smaller.
    below: i128,
    /// There is one that is at most this.
    reached: i128,
    /// None is larger.
    above: i128,
}

impl Bounds {
    fn up_to(above: i128) -> Bounds {
        Bounds { below: 0, reached: above, above }
    }
}

impl Shared<'_> {
    fn small_phi<'b>(&'b self, wiring: &'b Wiring) -> SmallPhi<'b> {
        SmallPhi {
            tables: &self.subsystem.tables,
            wiring,
            memo: &self.memo,
            symmetry: &self.symmetry,
            cache: &self.cache,
            rules: SmallPhiRules::published(self.subsystem.tolerance_fixed()),
            stop: self.stop,
            purviews: self.subsets,
            choices: None,
        }
    }

    fn network(&self, local: u32) -> UnitSet {
        UnitSet::from_bits(to_network(local, self.subsystem.units().bits()))
    }

    /// The purviews that may be the core cause or the core effect of a mechanism, each with its φ.
    fn tied(
        &self,
        direction: Direction,
        mechanism: u32,
        small_phi: &SmallPhi,
        cut: Option<Cut>,
        work: &mut Work<'_>,
    ) -> Vec<Core> {
        let (wiring, tolerance) = (small_phi.wiring, small_phi.rules.tolerance);
        let mut found: Vec<(u32, Fixed)> = Vec::new();
        for &purview in self.subsets {
            let (from, to) = match direction {
                Direction::Cause => (purview, mechanism),
                Direction::Effect => (mechanism, purview),
            };
            if !wiring.is_connected(from, to) {
                continue;
            }
            // φ only depends on which of the units are in A, and not even on that if nothing is
            // severed.
            let severs = bits(to & wiring.to)
                .any(|j| self.subsystem.tables.inputs[j] & wiring.from & from != 0);
            let in_a = if severs { wiring.from & (mechanism | purview) } else { 0 };
            let all = Arrangement { mechanism, purview, from: in_a };
            let has_twins = !self.symmetry.is_trivial();
            let canonical = if has_twins { self.symmetry.canonical(all) } else { all };
            let key = (direction, canonical);
            let phi = match work.phi.get(&key) {
                Some(&phi) => phi,
                None => {
                    let n_states = self
                        .subsystem
                        .network()
                        .alphabet()
                        .n_states_of(to_network(purview, self.subsystem.units().bits()))
                        as u64;
                    let n_units = mechanism.count_ones() + purview.count_ones();
                    let n_partitions = 1u64 << n_units;
                    let is_binary = self.subsystem.is_binary();
                    let of_partition = if is_binary { 1 } else { n_states };
                    let price = n_partitions.saturating_mul(of_partition);
                    work.left = work.left.saturating_sub(price);
                    if work.left == 0 {
                        return Vec::new();
                    }
                    let Arrangement { mechanism, purview, .. } = canonical;
                    let wiring = small_phi.canonical_wiring(canonical);
                    let small_phi = SmallPhi { wiring: &wiring, ..*small_phi };
                    let (phi, _) = match direction {
                        Direction::Cause => {
                            small_phi.cause_mip(mechanism, purview, &mut work.scratch)
                        }
                        Direction::Effect => small_phi.effect_mip(mechanism, purview),
                    };
                    work.phi.insert(key, phi);
                    phi
                }
            };
            found.push((purview, phi));
        }
        let largest = found.iter().map(|it| it.1).max().unwrap_or(0);
        if largest <= tolerance {
            return Vec::new();
        }
        let near = |it: &&(u32, Fixed)| it.1 >= largest - to_fixed(NEAR) && it.1 > tolerance;
        if found.iter().filter(near).count() > 1 {
            let purviews = found.iter().filter(near);
            work.near_ties.push(NearTie {
                cut,
                mechanism: self.network(mechanism),
                direction,
                purviews: purviews.map(|it| (self.network(it.0), to_f64(it.1))).collect(),
            });
        }
        found.retain(|&(_, phi)| phi >= largest - tolerance && phi > tolerance);
        let size = |it: &(u32, Fixed)| it.0.count_ones();
        let sizes = found.iter().map(size);
        match self.rules.ties {
            TieRule::All => {}
            TieRule::Largest => {
                let most = sizes.max();
                found.retain(|it| Some(size(it)) == most);
            }
            TieRule::Smallest => {
                let fewest = sizes.min();
                found.retain(|it| Some(size(it)) == fewest);
            }
            TieRule::UnresolvedDropped if found.len() > 1 => found.clear(),
            TieRule::UnresolvedDropped => {}
        }
        let core = |(purview, phi)| Core { purview, phi, n_tied: 1, n_tied_in_size: 1 };
        found.into_iter().map(core).collect()
    }

    /// Why the search is to end.
    fn reason(&self, work: &Work) -> Option<StopReason> {
        self.stop.reason().or((work.left == 0).then_some(StopReason::TieLimit))
    }

    fn spectrum(&self, work: &mut Work<'_>) -> PhiSpectrum {
        let wiring = self.subsystem.wiring(None);
        let small_phi = self.small_phi(&wiring);
        let mut mechanisms: Vec<Mechanism> = Vec::with_capacity(self.subsets.len());
        let mut n_pairs = 0;
        for &set in self.subsets {
            let causes = self.tied(Direction::Cause, set, &small_phi, None, work);
            let effects = self.tied(Direction::Effect, set, &small_phi, None, work);
            n_pairs += causes.len() * effects.len();
            if n_pairs > MOST_PAIRS {
                let near_ties = std::mem::take(&mut work.near_ties);
                return PhiSpectrum::stopped(StopReason::TieLimit, near_ties);
            }
            let options = pairs(&causes, &effects)
                .map(|(cause, effect)| small_phi.fill(set, cause, effect, &mut work.scratch));
            mechanisms.push(Mechanism { set, options: options.collect() });
            if let Some(reason) = self.reason(work) {
                return PhiSpectrum::stopped(reason, std::mem::take(&mut work.near_ties));
            }
        }
        let choices: f64 = mechanisms.iter().map(|it| it.options.len().max(1) as f64).product();
        if mechanisms.iter().all(|it| it.options.is_empty()) {
            return PhiSpectrum::zero(choices, std::mem::take(&mut work.near_ties));
        }
        let too_much = |work: &mut Work<'_>| {
            PhiSpectrum::stopped(StopReason::TieLimit, std::mem::take(&mut work.near_ties))
        };
        if self.is_quick && choices > MOST_CHOICES as f64 {
            return too_much(work);
        }
        let mut left = MOST_OF_ALL;
        let mut known: Vec<(CutProblem, CutDistances)> = Vec::new();
        // The bounds of a cut hold for all that an exchange of interchangeable units makes of it.
        let mut by_kind: HashMap<Arrangement, Bounds> = HashMap::new();
        let unsearched = |cut| CutProblem::unsearched(cut, null_concept(&self.subsystem.tables));
        for cut in Cut::all(self.subsystem.units()) {
            let mechanism = self.subsystem.wiring(Some(cut)).from;
            let kind = Arrangement { mechanism, purview: 0, from: 0 };
            let kind = match self.symmetry.is_trivial() {
                true => kind,
                false => self.symmetry.canonical(kind),
            };
            if let Some(&bounds) = by_kind.get(&kind) {
                known.push((unsearched(cut), CutDistances::Bounds(bounds)));
                continue;
            }
            let mut problem = match work.left {
                0 => unsearched(cut),
                _ => self.problem(cut, &mechanisms, work),
            };
            if work.left == 0 {
                if self.is_quick {
                    return too_much(work);
                }
                known.push((unsearched(cut), CutDistances::Bounds(Bounds::up_to(ANYTHING))));
                continue;
            }
            let n_ways = problem.places.iter().map(|it| it.n_ways() as f64).product::<f64>();
            if let Some(most) = problem.too_many {
                known.push((problem, CutDistances::Bounds(Bounds::up_to(most))));
                continue;
            }
            let is_short = n_ways <= self.most_of_cut.min(left) as f64;
            if self.is_quick && !is_short {
                return too_much(work);
            }
            let table = is_short.then(|| {
                left -= n_ways as usize;
                problem.tabulate(self.stop, work).map(CutDistances::Table)
            });
            let found = table.unwrap_or_else(|| {
                problem.bounds(self.farthest(), self.stop, work).map(CutDistances::Bounds)
            });
            let Some(found) = found.filter(|_| !self.stop.is_due()) else {
                let reason = self.stop.reason().unwrap_or(StopReason::Complete);
                return PhiSpectrum::stopped(reason, std::mem::take(&mut work.near_ties));
            };
            if let CutDistances::Bounds(bounds) = found {
                by_kind.insert(kind, bounds);
            }
            known.push((problem, found));
        }
        let near_ties = std::mem::take(&mut work.near_ties);
        let stop_reason = self.reason(work).unwrap_or(StopReason::Complete);
        PhiSpectrum { stop_reason, ..self.conclude(&mechanisms, &known, choices, near_ties) }
    }

    /// The distance that no two concepts exceed: every unit moves, in cause and in effect.
    fn farthest(&self) -> i128 {
        2 * self.subsystem.n_units() as i128 * i128::from(COARSE_ONE)
    }

    /// Makes the problem whose solutions are the distances under a cut.
    fn problem(&self, cut: Cut, mechanisms: &[Mechanism], work: &mut Work<'_>) -> CutProblem {
        let wiring = self.subsystem.wiring(Some(cut));
        let small_phi = self.small_phi(&wiring);
        let tolerance = small_phi.rules.tolerance;
        let inherits = self.rules.cuts == CutChoices::Inherited;
        let (mut rows, mut columns) = (Vec::new(), Vec::new());
        let mut places = Vec::new();
        let (mut n_pairs, mut masses) = (0, [0i64; 2]);
        for (idx, Mechanism { set, options }) in mechanisms.iter().enumerate() {
            let is_split = set & wiring.from != 0 && set & wiring.to != 0;
            if inherits && options.is_empty() && !is_split {
                continue;
            }
            // Searched when they are needed, once.
            let mut anew: [Option<Vec<Core>>; 2] = [None, None];
            let mut of = |direction: Direction, kept: Option<Core>, work: &mut Work<'_>| match kept
            {
                Some(core) => vec![core],
                None => anew[direction as usize]
                    .get_or_insert_with(|| self.tied(direction, *set, &small_phi, Some(cut), work))
                    .clone(),
            };
            let mut place = Place { mechanism: idx, class_of: Vec::new(), classes: Vec::new() };
            let mut kept_class = None;
            let options: Vec<Option<&LocalConcept>> = match options.is_empty() {
                true => vec![None],
                false => options.iter().map(Some).collect(),
            };
            let mut most = [0i64; 2];
            for option in options {
                let kept = option.filter(|_| inherits);
                let kept_cause = kept.and_then(|it| small_phi.kept_cause(it));
                let kept_effect = kept.and_then(|it| small_phi.kept_effect(it));
                if kept_cause.is_some() && kept_effect.is_some() {
                    let class = *kept_class.get_or_insert_with(|| {
                        place.classes.push(vec![Alternative { row: None, column: None }]);
                        place.classes.len() - 1
                    });
                    place.class_of.push(class);
                    continue;
                }
                let causes = of(Direction::Cause, kept_cause, work);
                let effects = of(Direction::Effect, kept_effect, work);
                let largest = |cores: &[Core]| cores.iter().map(|it| it.phi).max().unwrap_or(0);
                most[0] = most[0].max(option.map_or(0, |it| to_coarse(it.phi)));
                most[1] = most[1].max(to_coarse(largest(&causes).min(largest(&effects))));
                n_pairs += causes.len() * effects.len();
                if n_pairs > MOST_PAIRS {
                    continue;
                }
                let row = option.map(|it| {
                    rows.push(it.clone());
                    rows.len() - 1
                });
                let mut ways = Vec::new();
                for (cause, effect) in pairs(&causes, &effects) {
                    let concept = small_phi.fill(*set, cause, effect, &mut work.scratch);
                    if option.is_some_and(|it| is_same(it, &concept, tolerance)) {
                        ways.push(Alternative { row: None, column: None });
                    } else {
                        columns.push(concept);
                        ways.push(Alternative { row, column: Some(columns.len() - 1) });
                    }
                }
                if ways.is_empty() {
                    ways.push(Alternative { row, column: None });
                }
                place.class_of.push(place.classes.len());
                place.classes.push(ways);
            }
            masses.iter_mut().zip(most).for_each(|(mass, most)| *mass += most);
            if place.ways().any(|it| it.row.is_some() || it.column.is_some()) {
                places.push(place);
            }
        }
        let too_many = (n_pairs > MOST_PAIRS).then(|| {
            (places, rows, columns) = Default::default();
            i128::from(masses[0].max(masses[1])) * self.farthest()
        });
        let null = null_concept(&self.subsystem.tables);
        CutProblem { cut, places, rows, columns, null, causes: HashMap::new(), too_many }
    }

    /// The extremes and the values, given what is known of every cut.
    fn conclude(
        &self,
        mechanisms: &[Mechanism],
        known: &[(CutProblem, CutDistances)],
        choices: f64,
        near_ties: Vec<NearTie>,
    ) -> PhiSpectrum {
        let tolerance =
            i128::from(to_coarse(self.subsystem.tolerance_fixed())) * i128::from(COARSE_ONE);
        let phi = |value: i128| match value {
            ANYTHING.. => f64::INFINITY,
            value if value <= tolerance => 0.0,
            value => cost_to_f64(value),
        };
        let whole = |it: &CutDistances| match it {
            CutDistances::Table(table) => {
                let values = || table.values().flat_map(BTreeMap::keys);
                let least = values().min().copied().unwrap_or(0);
                (least, least, values().max().copied().unwrap_or(0))
            }
            CutDistances::Bounds(it) => (it.below, it.reached, it.above),
        };
        let extremes: Vec<(i128, i128, i128)> = known.iter().map(|(_, it)| whole(it)).collect();
        let least = |side: fn(&(i128, i128, i128)) -> i128| extremes.iter().map(side).min();
        let smallest = Extreme {
            at_least: phi(least(|it| it.0).unwrap_or(0)),
            at_most: phi(least(|it| it.1).unwrap_or(0)),
        };
        // Choices that matter to some cut.
        let n_options: Vec<usize> = mechanisms
            .iter()
            .enumerate()
            .map(|(idx, it)| {
                let places = || known.iter().flat_map(|(problem, _)| &problem.places);
                let matters =
                    places().any(|place| place.mechanism == idx && place.classes.len() > 1);
                if matters { it.options.len() } else { 1 }
            })
            .collect();
        let n_choices = n_options.iter().map(|&it| it as f64).product::<f64>();
        let is_listed = n_choices <= MOST_CHOICES as f64;
        let is_tabulated = known.iter().all(|(_, it)| matches!(it, CutDistances::Table(_)));
        let mut random = SplitMix(1);
        let n_tried = if is_listed { n_choices as usize } else { N_SAMPLED };
        let (mut lower, mut upper) = (0, 0);
        let mut values: BTreeMap<i128, (usize, Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for number in 0..n_tried {
            let mut rest = number;
            let x: Vec<usize> = n_options
                .iter()
                .map(|&n| {
                    let option = if is_listed { rest % n } else { random.below(n) };
                    rest /= n;
                    option
                })
                .collect();
            let of_cuts: Vec<Option<&Distances>> = known
                .iter()
                .map(|(problem, it)| match it {
                    CutDistances::Table(table) => table.get(&problem.classes(&x)),
                    CutDistances::Bounds(..) => None,
                })
                .collect();
            let mosts = |bound: fn(&(i128, i128, i128)) -> i128| {
                let most = of_cuts.iter().zip(&extremes).map(|(of_cut, extremes)| {
                    of_cut.and_then(|it| it.keys().next_back().copied()).unwrap_or(bound(extremes))
                });
                most.min().unwrap_or(0)
            };
            let (most, most_at_best) = (mosts(|it| it.0), mosts(|it| it.2));
            (lower, upper) = (lower.max(most), upper.max(most_at_best));
            if is_tabulated && is_listed {
                for (idx, of_cut) in of_cuts.iter().enumerate() {
                    for (&value, ways) in of_cut.iter().flat_map(|it| it.range(..=most)) {
                        values.entry(value).or_insert_with(|| (idx, x.clone(), ways.clone()));
                    }
                }
            }
        }
        if !is_listed {
            upper = least(|it| it.2).unwrap_or(0);
        }
        let largest = Extreme { at_least: phi(lower), at_most: phi(upper) };
        let mut listed: Vec<SpectrumValue> = Vec::new();
        let mut last = None;
        for (value, (idx, x, ways)) in values {
            if last.is_some_and(|last| value <= last + tolerance)
                || value <= tolerance && last.is_some()
            {
                continue;
            }
            last = Some(value);
            let problem = &known[idx].0;
            let classes = problem.classes(&x);
            let chosen = |set: u32, concept: &LocalConcept| ChosenPurviews {
                mechanism: self.network(set),
                cause: self.network(concept.cause.purview),
                effect: self.network(concept.effect.purview),
            };
            let intact = mechanisms.iter().zip(&x).filter(|(it, _)| it.options.len() > 1);
            let partitioned = problem.places.iter().zip(&classes).zip(&ways).filter_map(
                |((place, &class), &way)| {
                    let ways = &place.classes[class];
                    let column = ways[way].column.filter(|_| ways.len() > 1)?;
                    Some(chosen(mechanisms[place.mechanism].set, &problem.columns[column]))
                },
            );
            listed.push(SpectrumValue {
                phi: phi(value),
                cut: Some(problem.cut),
                intact: intact.map(|(it, &option)| chosen(it.set, &it.options[option])).collect(),
                partitioned: partitioned.collect(),
            });
        }
        PhiSpectrum {
            smallest,
            largest,
            values: (is_tabulated && is_listed).then_some(listed),
            choices,
            near_ties,
            stop_reason: StopReason::Complete,
        }
    }
}

/// All pairs of a core cause and a core effect.
fn pairs<'a>(causes: &'a [Core], effects: &'a [Core]) -> impl Iterator<Item = (Core, Core)> + 'a {
    causes.iter().flat_map(move |&cause| effects.iter().map(move |&effect| (cause, effect)))
}

/// The different causes and effects that a mechanism can have: a row or a column with each.
struct Kinds {
    causes: Vec<usize>,
    effects: Vec<usize>,
}

impl CutProblem {
    /// Of a cut that was not searched.
    fn unsearched(cut: Cut, null: LocalConcept) -> CutProblem {
        let (places, rows, columns, causes) = Default::default();
        CutProblem { cut, places, rows, columns, null, causes, too_many: Some(ANYTHING) }
    }

    /// The classes of the places for a choice in the intact system.
    fn classes(&self, x: &[usize]) -> Vec<usize> {
        self.places.iter().map(|place| place.class_of[x[place.mechanism]]).collect()
    }

    /// Every distance. `None` if the analysis is to stop.
    fn tabulate(&mut self, stop: &Stop, work: &mut Work<'_>) -> Option<Table> {
        let places = std::mem::take(&mut self.places);
        let mut table = Table::new();
        let mut transport = Transport::default();
        let ways: Vec<Vec<(usize, usize)>> = places
            .iter()
            .map(|place| {
                let of_class = |(class, ways): (usize, &Vec<Alternative>)| {
                    (0..ways.len()).map(|way| (class, way)).collect::<Vec<_>>()
                };
                place.classes.iter().enumerate().flat_map(of_class).collect()
            })
            .collect();
        let mut digits = vec![0; places.len()];
        loop {
            let taken = || ways.iter().zip(&digits).map(|(ways, &digit)| ways[digit]);
            let alternatives =
                taken().zip(&places).map(|((class, way), place)| &place.classes[class][way]);
            let (mut rows, mut columns) = (Vec::new(), Vec::new());
            for Alternative { row, column } in alternatives {
                rows.extend(row);
                columns.extend(column);
            }
            let distance = self.distance(rows, columns, &mut transport, stop, work)?;
            table
                .entry(taken().map(|it| it.0).collect())
                .or_default()
                .entry(distance)
                .or_insert_with(|| taken().map(|it| it.1).collect());
            // The next combination.
            let Some(at) = (0..digits.len()).find(|&at| digits[at] + 1 < ways[at].len()) else {
                break;
            };
            digits[at] += 1;
            digits[..at].fill(0);
        }
        self.places = places;
        Some(table)
    }

    /// A row (side 0) or column; the null concept is of both sides.
    fn concept(&self, side: usize, idx: usize) -> &LocalConcept {
        let concepts = if side == 0 { &self.rows } else { &self.columns };
        concepts.get(idx).unwrap_or(&self.null)
    }

    /// The different causes and effects of some rows (side 0) or columns.
    fn kinds(&self, side: usize, all: &[usize]) -> Kinds {
        let (mut causes, mut effects) = (BTreeMap::new(), BTreeMap::new());
        for &idx in all {
            let it = self.concept(side, idx);
            causes.entry(it.cause.purview).or_insert(idx);
            effects.entry(it.effect.purview).or_insert(idx);
        }
        Kinds { causes: causes.into_values().collect(), effects: effects.into_values().collect() }
    }

    /// Returns a lower bound on the distances between some rows (side 0) or columns and some of the
    /// other side: causes are at least as far apart as their marginals.
    fn cheapest(&self, side: usize, these: &Kinds, others: &Kinds) -> i64 {
        let mut least_of_causes = f64::INFINITY;
        for &a in &these.causes {
            let a = &self.concept(side, a).cause_on;
            for &b in &others.causes {
                let b = &self.concept(1 - side, b).cause_on;
                let apart: f64 = a.iter().zip(b).map(|(p, q)| (p - q).abs()).sum();
                least_of_causes = least_of_causes.min(apart);
            }
        }
        let mut least_of_effects = Fixed::MAX >> 2;
        for &a in &these.effects {
            let a = &self.concept(side, a).effect_on;
            for &b in &others.effects {
                let apart = effect_distance(a, &self.concept(1 - side, b).effect_on);
                least_of_effects = least_of_effects.min(apart);
            }
        }
        // Rounded, a distance may be smaller by a little.
        to_coarse(to_fixed((least_of_causes - BOUND_SLACK).max(0.0)) + least_of_effects)
    }

    fn phi(side: &[LocalConcept], idx: usize) -> i64 {
        to_coarse(side[idx].phi)
    }

    /// The distance between a row and a column, either of which may be the null concept.
    fn cost(&mut self, row: usize, column: usize, work: &mut Work<'_>) -> i64 {
        let a = self.rows.get(row).unwrap_or(&self.null);
        let b = self.columns.get(column).unwrap_or(&self.null);
        let key = [a.mechanism, a.cause.purview, b.mechanism, b.cause.purview];
        let causes = *self.causes.entry(key).or_insert_with(|| work.between_causes(a, b));
        to_coarse(causes + effect_distance(&a.effect_on, &b.effect_on))
    }

    /// The distance of the structures whose concepts that differ are these.
    fn distance(
        &mut self,
        mut rows: Vec<usize>,
        mut columns: Vec<usize>,
        transport: &mut Transport,
        stop: &Stop,
        work: &mut Work<'_>,
    ) -> Option<i128> {
        let mut supply: Vec<i64> = rows.iter().map(|&it| Self::phi(&self.rows, it)).collect();
        let mut demand: Vec<i64> = columns.iter().map(|&it| Self::phi(&self.columns, it)).collect();
        let surplus = supply.iter().sum::<i64>() - demand.iter().sum::<i64>();
        // The null concept takes what the cut structure lacks, or supplies what it has more.
        if surplus > 0 {
            columns.push(NULL);
            demand.push(surplus);
        } else if surplus < 0 {
            rows.push(NULL);
            supply.push(-surplus);
        }
        if rows.is_empty() || columns.is_empty() {
            return (!stop.is_due()).then_some(0);
        }
        transport.set(ColumnDemand::Filled, supply, demand, |row, costs| {
            for (cost, &column) in costs.iter_mut().zip(&columns) {
                *cost = self.cost(rows[row], column, work);
            }
        });
        transport.start(&[]);
        let solved = transport
            .solve(i128::MAX, stop, |row, column| self.cost(rows[row], columns[column], work));
        match solved? {
            Total::Exact(total) => Some(total),
            Total::AtLeast(_) => unreachable!("nothing is too large"),
        }
    }

    /// Returns bounds on all distances, or `None` if the analysis is to stop.
    fn bounds(&mut self, utmost: i128, stop: &Stop, work: &mut Work<'_>) -> Option<Bounds> {
        let places = std::mem::take(&mut self.places);
        let options = |side: fn(&Alternative) -> Option<usize>| -> Vec<Vec<usize>> {
            let of = |place: &Place| -> Vec<usize> {
                let mut all: Vec<usize> = place.ways().filter_map(side).collect();
                all.sort_unstable();
                all.dedup();
                all
            };
            places.iter().map(of).collect()
        };
        let sides = [options(|it| it.row), options(|it| it.column)];
        // All distances are only looked at where there are few.
        let is_quick = self.rows.len() * self.columns.len() <= MOST_PAIRS;
        // From below, once with the rows and once with the columns as those that have to be moved.
        let mut below = 0;
        for (from, to, has_one) in [
            (0, 1, (|it| it.row.is_some()) as fn(&Alternative) -> bool),
            (1, 0, |it| it.column.is_some()),
        ] {
            let concepts = |this: &Self, side: usize, idx: usize| match side {
                0 => Self::phi(&this.rows, idx),
                _ => Self::phi(&this.columns, idx),
            };
            let moved: Vec<&Vec<usize>> = (places.iter().zip(&sides[from]))
                .filter(|(place, _)| place.ways().all(has_one))
                .map(|it| it.1)
                .collect();
            let takers: Vec<&Vec<usize>> = sides[to].iter().filter(|it| !it.is_empty()).collect();
            let least = |it: &Vec<usize>| it.iter().map(|&idx| concepts(self, from, idx)).min();
            let most = |it: &Vec<usize>| it.iter().map(|&idx| concepts(self, to, idx)).max();
            let supply: Vec<i64> = moved.iter().filter_map(|it| least(it)).collect();
            let mut room: Vec<i64> = takers.iter().filter_map(|it| most(it)).collect();
            // As much as there is.
            room.push(supply.iter().sum());
            if supply.is_empty() {
                continue;
            }
            let mut costs: Vec<Vec<i64>> = Vec::with_capacity(supply.len());
            let all = takers.iter().map(|it| &it[..]).chain([&[NULL][..]]);
            let taking: Vec<Kinds> = all.map(|it| self.kinds(to, it)).collect();
            for moved in &moved {
                if stop.is_due() {
                    return None;
                }
                if !is_quick {
                    let kinds = self.kinds(from, moved);
                    let row = taking.iter().map(|it| self.cheapest(from, &kinds, it));
                    costs.push(row.collect());
                    continue;
                }
                let mut cheapest = |takers: &[usize]| {
                    let pairs = moved.iter().flat_map(|&a| takers.iter().map(move |&b| (a, b)));
                    let cost = pairs.map(|(a, b)| {
                        let (row, column) = if from == 0 { (a, b) } else { (b, a) };
                        self.cost(row, column, work)
                    });
                    cost.min().unwrap_or(0)
                };
                let mut row: Vec<i64> = takers.iter().map(|it| cheapest(it)).collect();
                row.push(cheapest(&[NULL]));
                costs.push(row);
            }
            let mut transport = Transport::default();
            transport.set(ColumnDemand::Limited, supply, room, |row, out| {
                out.copy_from_slice(&costs[row])
            });
            transport.start(&[]);
            let solved = transport
                .solve(i128::MAX, stop, |row, column| costs.get(row).map_or(0, |row| row[column]));
            let Total::Exact(total) = solved? else { unreachable!("nothing is too large") };
            below = below.max(total);
        }
        // From above: each mechanism to itself, and the rest as far as it goes.
        let all = |side: usize| sides[side].iter().flatten().copied().chain([NULL]);
        let mut farthest = utmost;
        if is_quick {
            let pairs = all(0).flat_map(|row| all(1).map(move |column| (row, column)));
            let most = pairs.map(|(row, column)| self.cost(row, column, work)).max();
            farthest = i128::from(most.unwrap_or(0));
        }
        let n_own: usize = (places.iter().zip(&sides[0]).zip(&sides[1]))
            .map(|((_, rows), columns)| {
                let n_causes = |side, it| self.kinds(side, it).causes.len();
                n_causes(0, rows) * n_causes(1, columns)
            })
            .sum();
        let is_own_quick = n_own <= MOST_OWN && self.rows.len() + self.columns.len() <= MOST_PAIRS;
        let (mut own, mut rest, mut by_null) = (0i128, [0i128; 2], 0i128);
        for place in &places {
            if stop.is_due() {
                return None;
            }
            let mut most = [0i128; 4];
            for &Alternative { row, column } in place.ways() {
                let supply = row.map_or(0, |row| Self::phi(&self.rows, row));
                let demand = column.map_or(0, |column| Self::phi(&self.columns, column));
                let common = i128::from(supply.min(demand));
                let more = [supply - demand, demand - supply].map(|it| i128::from(it.max(0)));
                let mut cost = |row: Option<usize>, column: Option<usize>| match (row, column) {
                    (None, None) => 0,
                    _ if !is_own_quick => utmost,
                    _ => i128::from(self.cost(row.unwrap_or(NULL), column.unwrap_or(NULL), work)),
                };
                let direct = match (row, column) {
                    (Some(_), Some(_)) => common * cost(row, column),
                    _ => 0,
                };
                let through = direct + more[0] * cost(row, None) + more[1] * cost(None, column);
                let of_way = [direct, more[0], more[1], through];
                most.iter_mut().zip(of_way).for_each(|(most, it)| *most = (*most).max(it));
            }
            own += most[0];
            rest[0] += most[1];
            rest[1] += most[2];
            by_null += most[3];
        }
        // Three distances, each rounded, make a triangle up to that.
        let slack = 4 * (rest[0] + rest[1]);
        let above = (own + rest[0].max(rest[1]) * farthest).min(by_null + slack);
        self.places = places;
        let reached = if is_own_quick { self.descend(stop, work)? } else { above };
        (!stop.is_due()).then_some(Bounds { below, reached: reached.min(above), above })
    }

    /// A small distance: one way is changed at a time, as long as that helps.
    fn descend(&mut self, stop: &Stop, work: &mut Work<'_>) -> Option<i128> {
        let mut transport = Transport::default();
        let mut taken: Vec<(usize, usize)> = vec![(0, 0); self.places.len()];
        let mut of = |this: &mut Self, taken: &[(usize, usize)], work: &mut Work<'_>| {
            let (mut rows, mut columns) = (Vec::new(), Vec::new());
            for (place, &(class, way)) in this.places.iter().zip(taken) {
                let Alternative { row, column } = place.classes[class][way];
                rows.extend(row);
                columns.extend(column);
            }
            this.distance(rows, columns, &mut transport, stop, work)
        };
        let mut best = of(self, &taken, work)?;
        let mut improves = true;
        while std::mem::take(&mut improves) {
            for idx in 0..taken.len() {
                let sizes: Vec<usize> = self.places[idx].classes.iter().map(Vec::len).collect();
                let ways = sizes.iter().enumerate();
                for way in ways.flat_map(|(class, &n)| (0..n).map(move |way| (class, way))) {
                    let before = std::mem::replace(&mut taken[idx], way);
                    if before == way {
                        continue;
                    }
                    if work.descents == 0 {
                        return Some(best);
                    }
                    work.descents -= 1;
                    let found = of(self, &taken, work)?;
                    if found < best {
                        (best, improves) = (found, true);
                    } else {
                        taken[idx] = before;
                    }
                }
            }
        }
        Some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use crate::state::State;

    /// Where all distances are bounded instead of listed, both ends are within the bounds.
    #[test]
    fn bounds_hold_what_is_listed() {
        let mut random = SplitMix(7);
        let (mut n_several, mut n_intervals) = (0, 0);
        for round in 0..90 {
            let n = 2 + usize::from(round % 3 > 0);
            let levels = 2 + round / 3 % 2;
            let mut value = |_| random.below(levels) as f64 / (levels - 1) as f64;
            let tpm: Vec<Vec<f64>> =
                (0..1 << n).map(|_| (0..n).map(&mut value).collect()).collect();
            let network = Network::from_state_by_node(&tpm, &vec![vec![1; n]; n]).expect("a TPM");
            let state = State::all_off(n);
            let Ok(subsystem) = Subsystem::new(&network, state, network.units()) else { continue };
            for ties in [TieRule::All, TieRule::Largest, TieRule::Smallest] {
                for cuts in CutChoices::ALL {
                    let rules = SpectrumRules { ties, cuts };
                    let of = |most| search(&subsystem, &Stop::never(), rules, false, most);
                    let (listed, bounded) = (of(MOST_OF_CUT), of(0));
                    if !listed.is_complete() {
                        continue;
                    }
                    let (least, most) = (listed.smallest.at_least, listed.largest.at_most);
                    n_several += usize::from(most > least);
                    n_intervals += usize::from(!bounded.is_complete());
                    // Distances within the tolerance of 0 are 0.
                    let within = |it: Extreme, phi: f64| {
                        it.at_least <= phi + 1.5e-6 && phi <= it.at_most + 1.5e-6
                    };
                    assert!(
                        within(bounded.smallest, least) && within(bounded.largest, most),
                        "{ties}, {cuts}: {least} to {most}, {:?} to {:?} of {tpm:?}",
                        bounded.smallest,
                        bounded.largest
                    );
                }
            }
        }
        assert!(n_several > 20 && n_intervals > 20, "{n_several} {n_intervals}");
    }
}
