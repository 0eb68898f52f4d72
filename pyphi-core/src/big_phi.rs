//! System Φ: the smallest distance, over the directed cuts, from the cause-effect structure of a
//! system to that of the cut system.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use rayon::prelude::*;
use smallvec::SmallVec;

use crate::bound::Bound;
use crate::by_definition;
use crate::concept::LocalConcept;
use crate::cut_structure::{CutStructure, Intact};
use crate::error::Result;
use crate::fixed::{COARSE_ONE, cost_to_f64, to_coarse, to_f64};
use crate::limits::{Options, Phase, Stop, StopReason, Watch, memory_needed};
use crate::mip::{Core, Scratch, SmallPhi, SmallPhiRules};
use crate::partition::Cut;
use crate::stats::Stats;
use crate::structure::{CauseEffectStructure, between, null_concept};
use crate::subsystem::Subsystem;
use crate::symmetry::{PhiCache, Symmetry};
use crate::tables::{Tables, Wiring};
use crate::ties::Choices;
use crate::transport::Total;
use crate::unit_set::{UnitSet, bits};
use crate::variant::Variant;
use crate::workspace::Workspace;

/// Φ of a subsystem with the evidence.
#[derive(Debug, Clone)]
pub struct BigPhi {
    /// The units.
    pub units: UnitSet,
    /// Φ, in bit flips weighted by φ; 0 if at most the tolerance. Of a search that was stopped the
    /// smallest distance so far, an upper bound on Φ; infinite if there is none.
    pub phi: f64,
    /// The system's minimum information partition; `None` where Φ = 0 without search. Where Φ = 0
    /// after a search, it is the cut that makes no difference; of several, of those that sever
    /// fewest connections the first. Of a search that was stopped the best cut so far.
    pub cut: Option<Cut>,
    /// The concepts of the intact system; empty where Φ = 0 without search, and of a search that
    /// was stopped.
    pub ces: CauseEffectStructure,
    /// The concepts of the system under `cut`; empty where Φ = 0, and of a search that was stopped.
    pub partitioned_ces: CauseEffectStructure,
    /// The number of core causes and core effects, in the two structures, that were chosen from
    /// several purviews of the same φ and size. If this is not 0, Φ is not unique: another
    /// numbering of the units may give another value. It can happen, rarely, even if this is 0,
    /// through a tie under another cut. [`phi_range`](crate::phi_range) says how much difference it
    /// makes.
    pub ties: u64,
    /// The number of core causes and core effects, over the intact system and all cut systems, that
    /// had the same φ for several purviews, of whatever size. Known only with
    /// [`Options::count_ties`]; 0 where Φ = 0.
    pub purview_ties: Option<u64>,
    /// Cuts whose distance is known, or known to be larger than the smallest.
    pub cuts_decided: u64,
    /// All directed cuts of the system; 0 where Φ = 0 without search.
    pub cuts_total: u64,
    /// Σ φ · distance to the null concept, over the concepts of the intact system: the distance of
    /// the structure from one without concepts (Oizumi et al. 2014). `None` where Φ = 0 without
    /// search, and of a search that was stopped: there are no concepts to know it from. See
    /// [`conceptual_information`](crate::conceptual_information).
    pub conceptual_information: Option<f64>,
    /// The reason for the end: the search is complete, or it was stopped.
    pub stop_reason: StopReason,
    /// Counts of the work that was done.
    pub stats: Stats,
}

impl BigPhi {
    pub(crate) fn zero(
        units: UnitSet,
        ces: CauseEffectStructure,
        stop_reason: StopReason,
        stats: Stats,
    ) -> BigPhi {
        let ties = ces.ties();
        BigPhi {
            units,
            phi: 0.0,
            cut: None,
            ces,
            partitioned_ces: CauseEffectStructure::default(),
            ties,
            purview_ties: None,
            cuts_decided: 0,
            cuts_total: 0,
            conceptual_information: None,
            stop_reason,
            stats,
        }
    }

    /// Returns `true` if the result is exact.
    pub fn is_complete(&self) -> bool {
        self.stop_reason == StopReason::Complete
    }
}

/// The numbers of a [`BigPhi`], without its structures: what surveys of many networks keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhiSummary {
    /// [`BigPhi::phi`].
    pub phi: f64,
    /// [`BigPhi::cut`].
    pub cut: Option<Cut>,
    /// The number of concepts of the intact system; 0 where Φ = 0 without search, and of a search
    /// that was stopped.
    pub n_concepts: usize,
    /// Σφ over these concepts.
    pub sum_phi: f64,
    /// [`BigPhi::ties`].
    pub ties: u64,
    /// [`BigPhi::conceptual_information`].
    pub conceptual_information: Option<f64>,
    /// The reason for the end: the search is complete, or it was stopped.
    pub stop_reason: StopReason,
}

impl PhiSummary {
    /// Returns `true` if the result is exact.
    pub fn is_complete(&self) -> bool {
        self.stop_reason == StopReason::Complete
    }
}

impl From<&BigPhi> for PhiSummary {
    fn from(result: &BigPhi) -> PhiSummary {
        PhiSummary {
            phi: result.phi,
            cut: result.cut,
            n_concepts: result.ces.concepts.len(),
            sum_phi: result.ces.sum_phi(),
            ties: result.ties,
            conceptual_information: result.conceptual_information,
            stop_reason: result.stop_reason,
        }
    }
}

/// Φ of a subsystem (IIT 3.0; Oizumi et al. 2014), on the threads of the current rayon pool.
///
/// Φ is 0 without search if the subsystem is empty, a single unit or not strongly connected.
///
/// ```
/// use pyphi_core::{Network, Options, State, Subsystem, big_phi};
///
/// // Two units that copy each other, both OFF.
/// let network = Network::from_state_by_node(
///     &[vec![0.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0], vec![1.0, 1.0]],
///     &[vec![0, 1], vec![1, 0]],
/// )?;
/// let subsystem = Subsystem::new(&network, State::all_off(2), network.units())?;
/// let result = big_phi(&subsystem, &Options::default());
/// assert_eq!(result.phi, 1.0);
/// assert_eq!(result.cut.unwrap().to_string(), "{0} ≠> {1}");
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Panics
/// If [`Options::variant`] compares structures by an asymmetric measure: see
/// [`Variant::check`](crate::Variant::check).
pub fn big_phi(subsystem: &Subsystem, options: &Options) -> BigPhi {
    without_search(subsystem, options, false)
        .unwrap_or_else(|| by_variant(subsystem, options, None))
}

/// Φ; as if there were no other cuts than those of these ranks, if there are any.
fn by_variant(subsystem: &Subsystem, options: &Options, ranks: Option<&[usize]>) -> BigPhi {
    options.variant.check().unwrap_or_else(|error| panic!("{error}"));
    if options.variant.has_bounds() {
        let search = BigPhiSearch::new(subsystem, options);
        let result = ranks.map_or_else(|| search.run(), |ranks| search.run_over(ranks));
        return with_ties(result, options);
    }
    let cuts = cuts(subsystem, options.variant);
    let some: Cuts = match ranks {
        None => cuts,
        Some(ranks) => ranks.iter().map(|rank| cuts[*rank]).collect(),
    };
    by_definition::big_phi(subsystem, options, Stop::new(options), &some)
}

/// Some cuts: those of up to four units take no memory of their own.
type Cuts = SmallVec<[Cut; 14]>;

/// The cuts that are looked at.
fn cuts(subsystem: &Subsystem, variant: Variant) -> Cuts {
    let all = Cut::all(subsystem.units());
    all.filter(|cut| !variant.cut_one || cut.parts_one_unit()).collect()
}

/// Φ of many subsystems, each on one thread, as many at once as the current rayon pool has threads;
/// in their order. For surveys of small networks: the numbers are those of [`big_phi`], without
/// what it costs to share out one search, and to describe its concepts, 13 % of a search of 3
/// units.
///
/// The limit on time is that of all together: those that it leaves no time for say so. The limit on
/// memory is compared with as many of one subsystem as there are threads. Progress is not told.
///
/// ```
/// use pyphi_core::{Options, PhiSummary, big_phi, big_phi_many, fixtures};
///
/// let subsystems = [fixtures::or_and_xor(), fixtures::generic_logistic(4, 1)];
/// let results = big_phi_many(&subsystems, &Options::default());
/// assert_eq!(results[1], PhiSummary::from(&big_phi(&subsystems[1], &Options::default())));
/// ```
///
/// # Panics
/// As [`big_phi`].
pub fn big_phi_many(subsystems: &[Subsystem], options: &Options) -> Vec<PhiSummary> {
    let n_threads = rayon::current_num_threads() as u64;
    let (quiet, stop) = (Options { progress: None, ..options.clone() }, Stop::new(options));
    let solve = |subsystem: &Subsystem| {
        if is_zero_without_search(subsystem) {
            return PhiSummary::from(&big_phi(subsystem, &quiet));
        }
        let needed_bytes = memory_needed(subsystem, 1, false).saturating_mul(n_threads);
        if let Some(reason) = memory_limit(needed_bytes, options).or_else(|| stop.reason()) {
            return PhiSummary::from(&without_structure(subsystem, reason));
        }
        if !quiet.variant.has_bounds() {
            quiet.variant.check().unwrap_or_else(|error| panic!("{error}"));
            let cuts = cuts(subsystem, quiet.variant);
            let found = by_definition::big_phi(subsystem, &quiet, stop.clone(), &cuts);
            return PhiSummary::from(&found);
        }
        let search = BigPhiSearch {
            is_alone: true,
            stop: stop.clone(),
            ..BigPhiSearch::new(subsystem, &quiet)
        };
        search.summary()
    };
    subsystems.par_iter().map(solve).collect()
}

/// Measures the effect of one cut on a subsystem (IIT 3.0): `phi` is the distance of the structure
/// under `cut` from that of the intact system, whether another cut takes less or not. Of all cuts Φ
/// is the smallest.
///
/// ```
/// use pyphi_core::{Cut, Options, UnitSet, big_phi_under, fixtures};
///
/// let [a, bc] = [UnitSet::from_iter([0]), UnitSet::from_iter([1, 2])];
/// let cut = Cut { severed_from: a, severed_to: bc };
/// let result = big_phi_under(&fixtures::or_and_xor(), cut, &Options::default())?;
/// assert_eq!(format!("{:.6}", result.phi), "2.041667"); // Φ is 1.916667, of {0,1} ≠> {2}
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If the cut does not divide the units of the subsystem in two.
///
/// # Panics
/// As [`big_phi`].
pub fn big_phi_under(subsystem: &Subsystem, cut: Cut, options: &Options) -> Result<BigPhi> {
    Ok(BigPhi { cut: Some(cut), ..big_phi_over(subsystem, &[cut], options)? })
}

/// Φ as if the subsystem had no other cuts than these (IIT 3.0): an approximation, never smaller
/// than Φ, and Φ if the minimum information partition is among them. Infinite if there are none.
///
/// ```
/// use pyphi_core::{Cut, Options, big_phi_over, fixtures};
///
/// let subsystem = fixtures::or_and_xor();
/// let some: Vec<Cut> = Cut::all(subsystem.units()).take(1).collect();
/// let result = big_phi_over(&subsystem, &some, &Options::default())?;
/// assert_eq!(format!("{:.6}", result.phi), "2.041667"); // Φ is 1.916667
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If a cut does not divide the units of the subsystem in two.
///
/// # Panics
/// As [`big_phi`].
pub fn big_phi_over(subsystem: &Subsystem, cuts: &[Cut], options: &Options) -> Result<BigPhi> {
    cuts.iter().try_for_each(|cut| cut.check(subsystem.units()))?;
    let all: HashMap<Cut, usize> =
        Cut::all(subsystem.units()).enumerate().map(|(rank, cut)| (cut, rank)).collect();
    let ranks: Vec<usize> = cuts.iter().map(|cut| all[cut]).collect();
    // No cut is left out that is asked for.
    let variant = Variant { cut_one: false, ..options.variant };
    let options = &Options { variant, ..options.clone() };
    let needed = subsystem.price(rayon::current_num_threads());
    Ok(match memory_limit(needed, options) {
        Some(reason) => without_structure(subsystem, reason),
        None => by_variant(subsystem, options, Some(&ranks)),
    })
}

/// The distance of the structure under each cut from the intact one (IIT 3.0), in the order of
/// [`Cut::all`]; none where Φ is 0 without search, or there is no concept. Each takes as long as if
/// it were alone: of [`big_phi`] no cut is gone through that cannot matter.
///
/// ```
/// use pyphi_core::{Options, cut_distances, fixtures};
///
/// let found = cut_distances(&fixtures::or_and_xor(), &Options::default())?;
/// let (cut, phi) = found.iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("six cuts");
/// assert_eq!((cut.to_string(), format!("{phi:.6}")), ("{0,1} ≠> {2}".into(), "1.916667".into()));
/// # Ok::<(), pyphi_core::StopReason>(())
/// ```
///
/// # Errors
/// The reason, if the analysis was stopped.
///
/// # Panics
/// If [`Options::variant`] asks for another measure, other partitions or another distance than
/// those of IIT 3.0 as published.
pub fn cut_distances(
    subsystem: &Subsystem,
    options: &Options,
) -> std::result::Result<Vec<(Cut, f64)>, StopReason> {
    assert!(options.variant.has_bounds(), "distances of cuts are for IIT 3.0 as published");
    if let Some(known) = without_search(subsystem, options, false) {
        return match known.stop_reason {
            StopReason::Complete => Ok(Vec::new()),
            reason => Err(reason),
        };
    }
    BigPhiSearch::new(subsystem, options).distances()
}

/// Returns `true` if Φ of IIT 3.0 is 0 because a cut severs nothing, or there is none: there are
/// fewer than two units, or they do not all reach each other.
///
/// ```
/// use pyphi_core::{Network, State, Subsystem, fixtures, is_zero_without_search};
///
/// assert!(!is_zero_without_search(&fixtures::or_and_xor()));
/// let alone = Network::from_state_by_node(&[vec![0.0], vec![1.0]], &[vec![1]])?;
/// let alone = Subsystem::new(&alone, State::all_off(1), alone.units())?;
/// assert!(is_zero_without_search(&alone));
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn is_zero_without_search(subsystem: &Subsystem) -> bool {
    subsystem.n_units() < 2 || !subsystem.is_strongly_connected()
}

/// The result, where nothing has to be searched for it or nothing may be. See [`memory_needed`].
pub(crate) fn without_search(
    subsystem: &Subsystem,
    options: &Options,
    keeps_choices: bool,
) -> Option<BigPhi> {
    if is_zero_without_search(subsystem) {
        let nothing = CauseEffectStructure::default();
        let zero = BigPhi::zero(subsystem.units(), nothing, StopReason::Complete, Stats::default());
        return Some(with_ties(zero, options));
    }
    let needed = memory_needed(subsystem, rayon::current_num_threads(), keeps_choices);
    Some(without_structure(subsystem, memory_limit(needed, options)?))
}

/// Why the search may not begin, if it would take more memory than it may.
pub(crate) fn memory_limit(needed_bytes: u64, options: &Options) -> Option<StopReason> {
    let is_too_much = options.limits.memory_bytes.is_some_and(|limit| needed_bytes > limit);
    is_too_much.then_some(StopReason::MemoryLimit { needed_bytes })
}

/// The result of a search that was stopped before it began.
pub(crate) fn without_structure(subsystem: &Subsystem, reason: StopReason) -> BigPhi {
    let nothing = CauseEffectStructure::default();
    let result = BigPhi::zero(subsystem.units(), nothing, reason, Stats::default());
    BigPhi { phi: f64::INFINITY, ..result }
}

/// Where Φ = 0 no ties are counted.
pub(crate) fn with_ties(mut result: BigPhi, options: &Options) -> BigPhi {
    if options.count_ties && result.phi == 0.0 && result.is_complete() {
        result.purview_ties = Some(0);
    }
    result
}

/// The search for Φ: concepts of the intact system, distances of the cuts, and what follows from
/// them. Each of these can be asked for alone; [`pieces`](crate::pieces) does.
pub(crate) struct BigPhiSearch<'a> {
    subsystem: &'a Subsystem,
    pub(crate) options: &'a Options,
    tables: &'a Tables,
    subsets: &'static [u32],
    cuts: Cuts,
    workspace: Workspace,
    symmetry: Symmetry,
    cache: PhiCache,
    pub(crate) rules: SmallPhiRules,
    pub(crate) stop: Stop,
    began: Instant,
    /// The choices of the intact system and of each cut, by rank, if other orders are to be tried.
    choices: Option<Vec<Choices>>,
    /// Choices left to the order so far.
    n_open_choices: AtomicU64,
    /// `true` if the search stays on this thread.
    is_alone: bool,
}

/// The result for a mechanism of the intact system.
#[derive(Debug, Clone)]
pub(crate) struct MechanismResult {
    /// Position in the order of mechanisms.
    pub(crate) rank: usize,
    /// Its concept, if it has one, and the distance of that to the null concept, on the coarse
    /// grid.
    pub(crate) concept: Option<(LocalConcept, i64)>,
    pub(crate) purview_ties: u64,
}

/// Φ and MIP of a system, as far as the distances of its cuts are known.
struct Verdict {
    /// Φ, or as much as is known of it.
    phi: f64,
    /// Position of the MIP in the order of cuts.
    rank: Option<usize>,
    /// `true` if no cut that was left out could change it.
    is_decided: bool,
}

/// The result for a cut at the end of the search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CutResult {
    /// Position in the order of cuts.
    pub(crate) rank: usize,
    pub(crate) total: Total,
    pub(crate) purview_ties: u64,
}

impl CutResult {
    /// The distance, where it is known, and the rank.
    fn exact(&self) -> Option<(i128, usize)> {
        match self.total {
            Total::Exact(total) => Some((total, self.rank)),
            Total::AtLeast(_) => None,
        }
    }
}

/// As [`CauseEffectStructure::ties`].
fn n_ties(concepts: &[LocalConcept]) -> u64 {
    let is_tied = |core: &Core| u64::from(core.n_tied_in_size > 1);
    concepts.iter().map(|it| is_tied(&it.cause) + is_tied(&it.effect)).sum()
}

/// The tolerance as mass × distance.
pub(crate) fn coarse_tolerance(subsystem: &Subsystem) -> i128 {
    i128::from(to_coarse(subsystem.tolerance_fixed())) * i128::from(COARSE_ONE)
}

/// Returns the number of connections that a cut severs.
fn n_severed(subsystem: &Subsystem, cut: Cut) -> u32 {
    let inputs = &subsystem.tables.inputs;
    let (from, to) = (subsystem.local(cut.severed_from), subsystem.local(cut.severed_to));
    bits(to).map(|unit| (inputs[unit] & from).count_ones()).sum()
}

/// Cuts by how many connections they sever, then by rank. Cuts that sever little are likely to be
/// minimal: they give the others a bound to fail.
pub(crate) fn sort_likely_first(subsystem: &Subsystem, cuts: &[Cut], ranks: &mut [usize]) {
    let mut by_severed: SmallVec<[(u32, usize); 14]> =
        ranks.iter().map(|&rank| (n_severed(subsystem, cuts[rank]), rank)).collect();
    by_severed.sort_unstable();
    ranks.iter_mut().zip(by_severed).for_each(|(rank, (_, next))| *rank = next);
}

impl<'a> BigPhiSearch<'a> {
    pub(crate) fn new(subsystem: &'a Subsystem, options: &'a Options) -> BigPhiSearch<'a> {
        let n = subsystem.n_units();
        let symmetry = Symmetry::find(&subsystem.tables);
        BigPhiSearch {
            subsystem,
            options,
            tables: &subsystem.tables,
            subsets: options.variant.subsets(n),
            cuts: cuts(subsystem, options.variant),
            workspace: Workspace::new(n, symmetry.is_trivial()),
            cache: PhiCache::for_twins(&symmetry),
            symmetry,
            rules: SmallPhiRules {
                tolerance: subsystem.tolerance_fixed(),
                prune: !options.exhaustive,
                count_ties: options.count_ties,
                symmetry: !options.no_symmetry,
                order: options.tie_order.within(subsystem.units().bits()),
                smallest_purview: options.variant.smallest_purview,
                no_new_concepts: options.variant.no_new_concepts,
            },
            stop: Stop::new(options),
            began: Instant::now(),
            choices: None,
            n_open_choices: AtomicU64::new(0),
            is_alone: rayon::current_num_threads() == 1,
        }
    }

    /// The same search, keeping what it finds for other orders of choice.
    pub(crate) fn keeping_choices(mut self) -> BigPhiSearch<'a> {
        self.choices = Some((0..=self.cuts.len()).map(|_| Choices::default()).collect());
        self
    }

    /// Returns the number of choices that φ and size have left to the order so far. If there are
    /// none, every order makes the same search, step by step, and gives the same Φ.
    pub(crate) fn n_open_choices(&self) -> u64 {
        self.n_open_choices.load(Ordering::Relaxed)
    }

    /// Φ in the order of choice `rules.order` and a cut that gives it, where there is one; `None`
    /// if the analysis is to stop. `likely` are cuts to look at first.
    pub(crate) fn phi(&self, likely: &[usize]) -> Option<(f64, Option<usize>)> {
        let (intact, ..) = self.intact();
        if self.stop.is_due() {
            return None;
        }
        if intact.concepts.is_empty() {
            return Some((0.0, None));
        }
        let mut ranks = self.cuts_likely_first();
        ranks.sort_by_key(|rank| !likely.contains(rank));
        let (results, _) = self.evaluate(&ranks, &intact, &Bound::default(), |_| ());
        let (best, rank) = results.iter().filter_map(CutResult::exact).min()?;
        // A cut without effect decides everything, whatever else was left undone.
        if best <= self.coarse_tolerance() {
            Some((0.0, Some(rank)))
        } else if self.stop.is_due() {
            None
        } else {
            Some((cost_to_f64(best), Some(rank)))
        }
    }

    /// The concepts of the intact system.
    pub(crate) fn structure(&self) -> std::result::Result<CauseEffectStructure, StopReason> {
        let (intact, ..) = self.intact();
        let structure = match self.stop.is_due() {
            true => CauseEffectStructure::default(),
            false => self.describe(&Wiring::intact(self.tables), &intact.concepts),
        };
        self.stop.reason().map_or(Ok(structure), Err)
    }

    pub(crate) fn run(&self) -> BigPhi {
        self.run_over(&self.cuts_likely_first())
    }

    /// As if there were no other cuts than those of these ranks.
    fn run_over(&self, ranks: &[usize]) -> BigPhi {
        let (intact, intact_ties, mut stats) = self.intact();
        if let Some(reason) = self.stop.reason() {
            return BigPhi { stats, ..without_structure(self.subsystem, reason) };
        }
        let mut results = Vec::new();
        if !intact.concepts.is_empty() {
            let (found, more) = self.evaluate(ranks, &intact, &Bound::default(), |_| ());
            results = found;
            stats += more;
        }
        self.conclude(&intact, intact_ties, &results, stats)
    }

    /// The distance of each cut, whatever those of the others are.
    fn distances(&self) -> std::result::Result<Vec<(Cut, f64)>, StopReason> {
        let (intact, ..) = self.intact();
        let distance = |(rank, cut): (usize, &Cut)| {
            let (results, _) = self.evaluate(&[rank], &intact, &Bound::default(), |_| ());
            let (total, _) = results.first().and_then(CutResult::exact)?;
            Some((*cut, cost_to_f64(total)))
        };
        let found = match intact.concepts.is_empty() {
            true => Vec::new(),
            // One after another: each is divided among the threads by itself, and one that waited
            // for a part of a cut would begin another cut on the same stack, and another.
            false => self.cuts.iter().enumerate().filter_map(distance).collect(),
        };
        self.stop.reason().map_or(Ok(found), Err)
    }

    /// Φ, MIP and structures, from what is known of the cuts, in the order of their ranks. If that
    /// leaves Φ open, the result is that of a search that was stopped.
    pub(crate) fn conclude(
        &self,
        intact: &Intact,
        intact_ties: u64,
        results: &[CutResult],
        stats: Stats,
    ) -> BigPhi {
        let units = self.subsystem.units();
        if intact.concepts.is_empty() {
            let nothing = CauseEffectStructure::default();
            let zero = BigPhi::zero(units, nothing, StopReason::Complete, stats);
            return BigPhi { conceptual_information: Some(0.0), ..zero };
        }
        let Verdict { phi, rank, is_decided } = self.verdict(results);
        let (cuts_decided, cuts_total) = (results.len() as u64, self.cuts.len() as u64);
        let cut = rank.map(|rank| self.cuts[rank]);
        // A structure takes long: who was told to stop has none.
        let stopped = |reason| {
            let zero = BigPhi::zero(units, CauseEffectStructure::default(), reason, stats);
            BigPhi { phi, cut, cuts_decided, cuts_total, ..zero }
        };
        if let Some(reason) = self.stop.reason().filter(|_| !is_decided) {
            return stopped(reason);
        }
        let ces = self.describe(&Wiring::intact(self.tables), &intact.concepts);
        if let Some(reason) = self.stop.reason() {
            return stopped(reason);
        }
        let conceptual_information = Some(intact.conceptual_information());
        let Some(rank) = rank.filter(|_| phi > 0.0) else {
            let result = BigPhi::zero(units, ces, StopReason::Complete, stats);
            return BigPhi { phi, cut, cuts_decided, cuts_total, conceptual_information, ..result };
        };
        let cut_wiring = self.subsystem.wiring(Some(self.cuts[rank]));
        let partitioned = self.partitioned(intact, rank, &cut_wiring);
        let partitioned_ces = self.describe(&cut_wiring, &partitioned);
        if let Some(reason) = self.stop.reason() {
            return stopped(reason);
        }
        let purview_ties = self
            .options
            .count_ties
            .then(|| intact_ties + results.iter().map(|result| result.purview_ties).sum::<u64>());
        BigPhi {
            units,
            phi,
            cut,
            ties: ces.ties() + partitioned_ces.ties(),
            ces,
            partitioned_ces,
            purview_ties,
            cuts_decided,
            cuts_total,
            conceptual_information,
            stop_reason: StopReason::Complete,
            stats,
        }
    }

    /// Φ and MIP from what is known of the cuts.
    fn verdict(&self, results: &[CutResult]) -> Verdict {
        let best = results.iter().filter_map(CutResult::exact).map(|(total, _)| total).min();
        let zero = self.coarse_tolerance();
        // Everything within the tolerance of the best is tied; the first of those in order is the
        // MIP.
        let within = |most: i128| {
            let exact = results.iter().filter_map(CutResult::exact);
            exact.filter(move |&(total, _)| total <= most).map(|(_, rank)| rank)
        };
        let rank = best.and_then(|best| match best > zero {
            true => within(best + zero).min(),
            // Of others that make no difference, not all were looked at.
            false => {
                let mut idle: Vec<usize> = within(zero).collect();
                sort_likely_first(self.subsystem, &self.cuts, &mut idle);
                idle.first().copied()
            }
        });
        let phi = match best {
            // Only a search that was stopped has no cut with a distance.
            None => f64::INFINITY,
            Some(best) if best <= zero => 0.0,
            Some(best) => cost_to_f64(best),
        };
        // A cut without effect decides everything, whatever else was left undone.
        let is_decided = results.len() == self.cuts.len() || best.is_some_and(|best| best <= zero);
        Verdict { phi, rank, is_decided }
    }

    /// The concepts of the system under the cut of this rank, whose wiring is given. Anything, if
    /// the analysis is to stop.
    fn partitioned(&self, intact: &Intact, rank: usize, wiring: &Wiring) -> Vec<LocalConcept> {
        let small_phi = self.small_phi(wiring, Some(rank));
        let (structure, _) =
            self.workspace.work_in(|scratch| CutStructure::new(&small_phi, intact, scratch));
        let (settled, _) =
            self.share(structure.n_changed(), |scratch, idx| structure.settled(idx, scratch));
        structure.concepts(settled)
    }

    /// The numbers of [`BigPhiSearch::run`], without the structures.
    fn summary(&self) -> PhiSummary {
        let stopped = |phi, cut, stop_reason| PhiSummary {
            phi,
            cut,
            n_concepts: 0,
            sum_phi: 0.0,
            ties: 0,
            conceptual_information: None,
            stop_reason,
        };
        let (intact, ..) = self.intact();
        if let Some(reason) = self.stop.reason() {
            return PhiSummary::from(&without_structure(self.subsystem, reason));
        }
        if intact.concepts.is_empty() {
            let zero = stopped(0.0, None, StopReason::Complete);
            return PhiSummary { conceptual_information: Some(0.0), ..zero };
        }
        let ranks = self.cuts_likely_first();
        let (results, _) = self.evaluate(&ranks, &intact, &Bound::default(), |_| ());
        let Verdict { phi, rank, is_decided } = self.verdict(&results);
        let cut = rank.map(|rank| self.cuts[rank]);
        if let Some(reason) = self.stop.reason().filter(|_| !is_decided) {
            return stopped(phi, cut, reason);
        }
        let mut ties = n_ties(&intact.concepts);
        if let Some(rank) = rank.filter(|_| phi > 0.0) {
            let wiring = self.subsystem.wiring(Some(self.cuts[rank]));
            ties += n_ties(&self.partitioned(&intact, rank, &wiring));
        }
        if let Some(reason) = self.stop.reason() {
            return stopped(phi, cut, reason);
        }
        PhiSummary {
            phi,
            cut,
            n_concepts: intact.concepts.len(),
            sum_phi: intact.concepts.iter().map(|it| to_f64(it.phi)).sum(),
            ties,
            conceptual_information: Some(intact.conceptual_information()),
            stop_reason: StopReason::Complete,
        }
    }

    /// If one of these cuts makes no difference: those that are to be looked at before it and of
    /// which these do not say whether they make one, up to the first that makes none.
    pub(crate) fn before_idle(&self, intact: &Intact, results: &[CutResult]) -> Vec<CutResult> {
        let known: HashMap<usize, Total> = results.iter().map(|it| (it.rank, it.total)).collect();
        let tolerance = self.coarse_tolerance();
        let mut before = Vec::new();
        for rank in self.cuts_likely_first() {
            match known.get(&rank) {
                Some(Total::Exact(total)) if *total <= tolerance => {
                    return self.evaluate(&before, intact, &Bound::default(), |_| ()).0;
                }
                Some(Total::Exact(total) | Total::AtLeast(total)) if *total > tolerance => {}
                _ => before.push(rank),
            }
        }
        Vec::new()
    }

    fn watch(&self, phase: Phase, n_steps: usize) -> Watch<'_> {
        Watch::new(self.options, self.began, phase, n_steps as u64)
    }

    fn coarse_tolerance(&self) -> i128 {
        coarse_tolerance(self.subsystem)
    }

    fn cuts_likely_first(&self) -> SmallVec<[usize; 14]> {
        let mut ranks: SmallVec<[usize; 14]> = (0..self.cuts.len()).collect();
        sort_likely_first(self.subsystem, &self.cuts, &mut ranks);
        ranks
    }

    /// Small φ of the intact system, or under the cut of this rank.
    fn small_phi<'b>(&'b self, wiring: &'b Wiring, rank: Option<usize>) -> SmallPhi<'b> {
        SmallPhi {
            tables: self.tables,
            wiring,
            memo: &self.workspace.memo,
            symmetry: &self.symmetry,
            cache: &self.cache,
            rules: self.rules,
            stop: &self.stop,
            purviews: self.subsets,
            choices: self.choices.as_ref().map(|it| &it[rank.map_or(0, |rank| rank + 1)]),
        }
    }

    /// The concepts of the intact system, and how many searches for their purviews were tied.
    fn intact(&self) -> (Intact, u64, Stats) {
        // The large mechanisms take longest: first.
        let ranks: Vec<usize> = (0..self.subsets.len()).rev().collect();
        let (results, stats) = self.mechanisms(&ranks, |_| ());
        let purview_ties = results.iter().map(|result| result.purview_ties).sum();
        let found = results.into_iter().filter_map(|it| it.concept);
        (Intact::new(found, null_concept(self.tables)), purview_ties, stats)
    }

    /// Searches the mechanisms of these ranks in the intact system, in this order, and passes each
    /// result to `tell`. The results are sorted by rank. They are fewer if the analysis is to stop.
    pub(crate) fn mechanisms(
        &self,
        ranks: &[usize],
        tell: impl Fn(&MechanismResult) + Sync,
    ) -> (Vec<MechanismResult>, Stats) {
        let wiring = Wiring::intact(self.tables);
        let small_phi = self.small_phi(&wiring, None);
        let null = null_concept(self.tables);
        let phase = self.watch(Phase::Concepts, ranks.len());
        let work = |scratch: &mut Scratch, idx: usize| {
            if self.stop.is_due() {
                return None;
            }
            let rank = ranks[idx];
            let before = scratch.n_tied_searches;
            let concept = small_phi.concept(self.subsets[rank], scratch);
            self.count_open_choices(scratch);
            let concept = concept.map(|concept| {
                let to_null = between(self.tables, &concept, &null, &self.stop, scratch);
                (concept, to_null)
            });
            // A search that was stopped may have found anything.
            if self.stop.is_due() {
                return None;
            }
            let purview_ties = scratch.n_tied_searches - before;
            let result = MechanismResult { rank, concept, purview_ties };
            tell(&result);
            phase.add(1, None);
            Some(result)
        };
        let (results, stats) = self.share(ranks.len(), work);
        let mut results: Vec<MechanismResult> = results.into_iter().flatten().collect();
        results.sort_by_key(|result| result.rank);
        (results, stats)
    }

    /// The intact structure, given rank, core cause and core effect of each concept and its
    /// distance to the null concept, in the order of mechanisms.
    pub(crate) fn restore(
        &self,
        concepts: impl Iterator<Item = (usize, Core, Core, i64)>,
    ) -> Intact {
        let wiring = Wiring::intact(self.tables);
        let small_phi = self.small_phi(&wiring, None);
        let mut scratch = Scratch::new(self.tables.n);
        let found = concepts.map(|(rank, cause, effect, to_null)| {
            (small_phi.fill(self.subsets[rank], cause, effect, &mut scratch), to_null)
        });
        Intact::new(found, null_concept(self.tables))
    }

    fn count_open_choices(&self, scratch: &mut Scratch) {
        let n_open = std::mem::take(&mut scratch.n_open_choices);
        if n_open > 0 {
            self.n_open_choices.fetch_add(n_open, Ordering::Relaxed);
        }
    }

    /// Searches the cuts of these ranks, in this order, and passes each result to `tell`. The
    /// results are sorted by rank. The distance of a cut is found out only as far as it may matter
    /// beside `bound`, which is lowered to the smallest that is found. The results are fewer if the
    /// analysis is to stop, or if the bound says that Φ = 0.
    pub(crate) fn evaluate(
        &self,
        ranks: &[usize],
        intact: &Intact,
        bound: &Bound,
        tell: impl Fn(&CutResult) + Sync,
    ) -> (Vec<CutResult>, Stats) {
        let tolerance = self.coarse_tolerance();
        // Nothing within the tolerance of the smallest distance may be lost, so one more than that.
        let limit = || match bound.total() {
            Some(best) if !self.options.exhaustive && !self.options.count_ties => {
                best.saturating_add(tolerance + 1)
            }
            _ => i128::MAX,
        };
        // The first in order that makes no difference is the one that is told, however many threads
        // there are: those before it are looked at all the same. One that others have found (there
        // is none here yet) decides at once.
        let first_idle = AtomicUsize::new(usize::MAX);
        let is_zero = |idx: usize| {
            !self.options.exhaustive
                && bound.total().is_some_and(|best| best <= tolerance)
                && first_idle.load(Ordering::SeqCst).wrapping_add(1) <= idx
        };
        let mut stats = Stats::default();
        let by_bound = self.first_by_bound(ranks, intact, bound, &mut stats);
        let (ranks, bounds) = match &by_bound {
            None => (ranks, &[][..]),
            Some((ranks, bounds)) => (&ranks[..], &bounds[..]),
        };
        let phase = self.watch(Phase::Cuts, ranks.len());
        let work = |scratch: &mut Scratch, idx: usize| {
            if self.stop.is_due() || is_zero(idx) {
                return None;
            }
            let rank = ranks[idx];
            let tied_before = scratch.n_tied_searches;
            let total = match bounds.get(idx) {
                Some(&bound) if bound >= limit() => Total::AtLeast(bound),
                _ => {
                    let wiring = self.subsystem.wiring(Some(self.cuts[rank]));
                    let small_phi = self.small_phi(&wiring, Some(rank));
                    let mut structure = CutStructure::new(&small_phi, intact, scratch);
                    let total = structure.distance(&limit, scratch);
                    structure.leave(scratch);
                    total?
                }
            };
            // Searches that only count ties may have been stopped unnoticed.
            if self.options.count_ties && self.stop.is_due() {
                return None;
            }
            self.count_open_choices(scratch);
            match total {
                Total::Exact(total) => {
                    scratch.stats.cuts_evaluated += 1;
                    if total <= tolerance {
                        first_idle.fetch_min(idx, Ordering::SeqCst);
                    }
                    bound.lower_total(total);
                }
                Total::AtLeast(_) => scratch.stats.cuts_pruned += 1,
            }
            let purview_ties = scratch.n_tied_searches - tied_before;
            let result = CutResult { rank, total, purview_ties };
            tell(&result);
            phase.add(1, bound.total().map(cost_to_f64));
            Some(result)
        };
        let (results, took) = self.share(ranks.len(), work);
        stats += took;
        let mut results: Vec<CutResult> = results.into_iter().flatten().collect();
        results.sort_by_key(|result| result.rank);
        (results, stats)
    }

    /// The cuts with those that are looked at first by how small their distances can be, as far as
    /// effects alone tell: the sooner the smallest distance is known, the less of the others has to
    /// be. With them the bounds. `None` where that takes more time than it saves, or may change
    /// what is told. What it took is added to `stats`.
    fn first_by_bound(
        &self,
        ranks: &[usize],
        intact: &Intact,
        bound: &Bound,
        stats: &mut Stats,
    ) -> Option<(Vec<usize>, Vec<i128>)> {
        let Options { exhaustive, count_ties, .. } = *self.options;
        let (n, zero) = (self.tables.n, self.coarse_tolerance());
        if exhaustive || count_ties || self.choices.is_some() || n < 5 {
            return None;
        }
        // There is nothing that the first of them could spare, or all is decided.
        if ranks.len() <= 2 * n || bound.total().is_some_and(|best| best <= zero) {
            return None;
        }
        // Sparse networks have cuts that sever few connections, and these come first as it is.
        // Where units are interchangeable, so are the cuts that single out one.
        let is_dense = |&rank: &usize| n_severed(self.subsystem, self.cuts[rank]) as usize > n / 2;
        if !ranks.first().is_some_and(is_dense) || !self.symmetry.is_trivial() {
            return None;
        }
        // Those that single out one unit: in dense networks one of them is mostly the minimum.
        let n_first = 2 * n;
        let (bounds, took) = self.share(n_first, |scratch, idx| {
            let wiring = self.subsystem.wiring(Some(self.cuts[ranks[idx]]));
            let small_phi = self.small_phi(&wiring, Some(ranks[idx]));
            let structure = CutStructure::new(&small_phi, intact, scratch);
            let bound = structure.least_distance(scratch);
            structure.leave(scratch);
            bound
        });
        *stats += took;
        let bounds: Option<Vec<i128>> = bounds.into_iter().collect();
        let mut first: Vec<(i128, usize)> =
            bounds?.into_iter().zip(ranks.iter().copied()).collect();
        // Of cuts that make no difference the first in order is told.
        if first.iter().any(|(bound, _)| *bound <= zero) {
            return None;
        }
        first.sort_unstable();
        let (bounds, mut sorted): (Vec<i128>, Vec<usize>) = first.into_iter().unzip();
        sorted.extend_from_slice(&ranks[n_first..]);
        Some((sorted, bounds))
    }

    /// The concepts as the user sees them. Anything, if the analysis is to stop.
    fn describe(&self, wiring: &Wiring, concepts: &[LocalConcept]) -> CauseEffectStructure {
        let small_phi = SmallPhi { choices: None, ..self.small_phi(wiring, None) };
        let members = self.subsystem.units().bits();
        let (concepts, _) = self.share(concepts.len(), |scratch, idx| {
            small_phi.describe(&concepts[idx], members, scratch)
        });
        CauseEffectStructure { concepts }
    }

    /// Does `n_items` pieces of work on the threads of the current pool, first pieces first.
    /// Results in the order of the pieces. Small systems stay on this thread: handing work over
    /// costs more than they do.
    fn share<T: Send>(
        &self,
        n_items: usize,
        work: impl Fn(&mut Scratch, usize) -> T + Sync,
    ) -> (Vec<T>, Stats) {
        if self.is_alone || self.tables.n_states() <= 16 {
            return self
                .workspace
                .work_in(|scratch| (0..n_items).map(|idx| work(scratch, idx)).collect());
        }
        let next = AtomicUsize::new(0);
        let parts: Vec<(Vec<(usize, T)>, Stats)> = rayon::broadcast(|_| {
            self.workspace.work_in(|scratch| {
                let mut done = Vec::new();
                loop {
                    let idx = next.fetch_add(1, Ordering::Relaxed);
                    if idx >= n_items {
                        return done;
                    }
                    done.push((idx, work(scratch, idx)));
                }
            })
        });
        let mut stats = Stats::default();
        let mut results: Vec<(usize, T)> = Vec::with_capacity(n_items);
        for (done, part) in parts {
            results.extend(done);
            stats += part;
        }
        results.sort_by_key(|(idx, _)| *idx);
        (results.into_iter().map(|(_, result)| result).collect(), stats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::to_fixed;

    #[test]
    fn the_tolerance_is_one_millionth() {
        let tolerance = crate::fixed::to_coarse(to_fixed(1e-6));
        assert!((cost_to_f64(i128::from(tolerance) * i128::from(COARSE_ONE)) - 1e-6).abs() < 1e-15);
    }
}
