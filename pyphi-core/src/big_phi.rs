//! System Φ: the smallest distance, over the directed cuts, from the cause-effect structure of a system to
//! that of the cut system; and the complexes of a network.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::concept::LocalConcept;
use crate::cut_structure::{CutStructure, Intact};
use crate::error::Result;
use crate::fixed::{COARSE_ONE, cost_to_f64};
use crate::mip::{CauseMemo, PhiCaches, Rules, Scratch, SmallPhi};
use crate::network::Network;
use crate::partition::Cut;
use crate::state::State;
use crate::stats::Stats;
use crate::structure::CauseEffectStructure;
use crate::subsystem::Subsystem;
use crate::symmetry::Symmetry;
use crate::tables::{Tables, Wiring, subsets_by_size};
use crate::transport::Total;
use crate::unit_set::UnitSet;

/// How an analysis is run. None of it changes a result that is complete.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Set this to stop the analysis soon; its result then says [`StopReason::Cancelled`].
    /// [default: cannot be cancelled]
    pub cancel: Option<Arc<AtomicBool>>,
    /// Evaluate every partition, purview and cut instead of those that bounds leave open. For checking.
    /// [default: false]
    pub exhaustive: bool,
    /// Search every core cause and core effect of every cut, also where the result does not depend on it,
    /// so that [`BigPhi::purview_ties`] is known. [default: false]
    pub count_ties: bool,
    /// Work φ out anew for every arrangement of interchangeable units. For checking. [default: false]
    pub no_symmetry: bool,
}

/// Why an analysis ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Everything was decided: the result is exact.
    Complete,
    /// [`Options::cancel`] was set: `phi` is the smallest distance found so far, an upper bound.
    Cancelled,
}

/// Φ of a subsystem with the evidence.
#[derive(Debug, Clone)]
pub struct BigPhi {
    /// The units.
    pub units: UnitSet,
    /// Φ, in bit flips weighted by φ; 0 if at most the tolerance.
    pub phi: f64,
    /// The system's minimum information partition; `None` where Φ = 0.
    pub cut: Option<Cut>,
    /// The concepts of the intact system; empty where Φ = 0 without search.
    pub ces: CauseEffectStructure,
    /// The concepts of the system under `cut`.
    pub partitioned_ces: CauseEffectStructure,
    /// How many core causes and core effects, in the two structures, were chosen from several purviews of
    /// the same φ and size. If this is not 0, Φ is not unique: another numbering of the units may give
    /// another value.
    pub ties: u64,
    /// How many core causes and core effects, over the intact system and all cut systems, had the same φ
    /// for several purviews, of whatever size. Known only with [`Options::count_ties`]; 0 where Φ = 0.
    pub purview_ties: Option<u64>,
    /// Whether the search was finished.
    pub stop_reason: StopReason,
    /// What it took.
    pub stats: Stats,
}

impl BigPhi {
    fn zero(
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
            stop_reason,
            stats,
        }
    }

    /// Whether the result is exact.
    pub fn is_complete(&self) -> bool {
        self.stop_reason == StopReason::Complete
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
pub fn big_phi(subsystem: &Subsystem, options: &Options) -> BigPhi {
    let mut result = if subsystem.n_units() < 2 || !subsystem.is_strongly_connected() {
        let nothing = CauseEffectStructure::default();
        BigPhi::zero(subsystem.units(), nothing, StopReason::Complete, Stats::default())
    } else {
        Search::new(subsystem, options).run()
    };
    if options.count_ties && result.cut.is_none() && result.is_complete() {
        result.purview_ties = Some(0);
    }
    result
}

/// Φ of every subsystem of a network that is in a reachable state and has Φ > 0, largest Φ first; equal
/// ones (within the tolerance): the larger subsystem first, then the lexicographically later one.
///
/// # Errors
/// If the state has the wrong length or there are too many units.
pub fn complexes(network: &Network, state: State, options: &Options) -> Result<Vec<BigPhi>> {
    let network = Arc::new(network.clone());
    // The whole network first: what is wrong with it is wrong with the question.
    if let Err(error) = Subsystem::of(&network, state, network.units())
        && !matches!(error.kind(), crate::error::ErrorKind::Unreachable { .. })
    {
        return Err(error);
    }
    let mut found: Vec<BigPhi> = network
        .units()
        .subsets_by_size()
        .filter_map(|units| Subsystem::of(&network, state, units).ok())
        .map(|subsystem| big_phi(&subsystem, options))
        .filter(|result| result.phi > 0.0)
        .collect();
    // Ties are defined on the set: take the largest, everything tied with it, and of those the preferred.
    let mut sorted = Vec::with_capacity(found.len());
    while !found.is_empty() {
        let best = found.iter().map(|it| it.phi).fold(0.0, f64::max);
        let preferred = found
            .iter()
            .enumerate()
            .filter(|(_, it)| it.phi >= best - crate::subsystem::TOLERANCE)
            .max_by(|(_, a), (_, b)| a.units.cmp_by_size(b.units))
            .map(|(idx, _)| idx)
            .expect("the largest is tied with itself");
        sorted.push(found.remove(preferred));
    }
    Ok(sorted)
}

/// The complex with the largest Φ; of equal ones the largest, then the lexicographically later one.
/// `None` if no subsystem has Φ > 0.
///
/// # Errors
/// As [`complexes`].
pub fn major_complex(network: &Network, state: State, options: &Options) -> Result<Option<BigPhi>> {
    Ok(complexes(network, state, options)?.into_iter().next())
}

struct Search<'a> {
    subsystem: &'a Subsystem,
    options: &'a Options,
    tables: &'a Tables,
    subsets: Vec<u32>,
    memo: CauseMemo,
    symmetry: Symmetry,
    caches: PhiCaches,
    rules: Rules,
}

/// What is known of a cut when the search is over.
#[derive(Debug, Clone, Copy)]
struct CutResult {
    /// Position in the order of cuts.
    rank: usize,
    total: Total,
    purview_ties: u64,
}

impl<'a> Search<'a> {
    fn new(subsystem: &'a Subsystem, options: &'a Options) -> Search<'a> {
        let n = subsystem.n_units();
        Search {
            subsystem,
            options,
            tables: &subsystem.tables,
            subsets: subsets_by_size(n),
            memo: CauseMemo::new(n),
            symmetry: Symmetry::find(&subsystem.tables),
            caches: PhiCaches::new(),
            rules: Rules {
                tolerance: subsystem.tolerance_fixed(),
                prune: !options.exhaustive,
                count_ties: options.count_ties,
                symmetry: !options.no_symmetry,
            },
        }
    }

    fn run(&self) -> BigPhi {
        let units = self.subsystem.units();
        let wiring = Wiring::intact(self.tables);
        let (intact, intact_ties, mut stats) = self.intact_concepts(&wiring);
        let mut scratch = Scratch::new(self.tables.n);
        if intact.is_empty() && !self.is_cancelled() {
            return BigPhi::zero(
                units,
                CauseEffectStructure::default(),
                StopReason::Complete,
                stats,
            );
        }
        let intact = Intact::new(intact, &self.small_phi(&wiring), &mut scratch);
        let cuts: Vec<Cut> = Cut::all(units).collect();
        let results = if self.is_cancelled() {
            Vec::new()
        } else {
            self.evaluate(&cuts, &intact, &mut stats)
        };
        let stop_reason =
            if self.is_cancelled() { StopReason::Cancelled } else { StopReason::Complete };

        let exact = |result: &CutResult| match result.total {
            Total::Exact(total) => Some((total, result.rank)),
            Total::AtLeast(_) => None,
        };
        let best = results.iter().filter_map(exact).min();
        let ces = self.describe(&wiring, &intact.concepts, &mut scratch);
        let Some((best, _)) = best else {
            // Only a cancelled search has no cut with a distance.
            return BigPhi { phi: f64::INFINITY, ..BigPhi::zero(units, ces, stop_reason, stats) };
        };
        let zero = self.coarse_tolerance();
        if best <= zero {
            return BigPhi::zero(units, ces, StopReason::Complete, stats);
        }
        // Everything within the tolerance of the best is tied; the first of those in order is the MIP.
        let rank = results
            .iter()
            .filter_map(exact)
            .filter(|&(total, _)| total <= best + zero)
            .map(|(_, rank)| rank)
            .min()
            .expect("the best is tied with itself");
        let cut = cuts[rank];
        let cut_wiring = self.subsystem.wiring(Some(cut));
        let small_phi = self.small_phi(&cut_wiring);
        let concepts = CutStructure::new(&small_phi, &intact, &mut scratch).concepts(&mut scratch);
        let partitioned_ces = self.describe(&cut_wiring, &concepts, &mut scratch);
        let purview_ties = self
            .options
            .count_ties
            .then(|| intact_ties + results.iter().map(|result| result.purview_ties).sum::<u64>());
        BigPhi {
            units,
            phi: cost_to_f64(best),
            cut: Some(cut),
            ties: ces.ties() + partitioned_ces.ties(),
            ces,
            partitioned_ces,
            purview_ties,
            stop_reason,
            stats,
        }
    }

    /// The tolerance as mass × distance.
    fn coarse_tolerance(&self) -> i128 {
        i128::from(crate::fixed::to_coarse(self.rules.tolerance)) * i128::from(COARSE_ONE)
    }

    fn is_cancelled(&self) -> bool {
        self.options.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    fn small_phi<'b>(&'b self, wiring: &'b Wiring) -> SmallPhi<'b> {
        SmallPhi {
            tables: self.tables,
            wiring,
            memo: &self.memo,
            symmetry: &self.symmetry,
            caches: &self.caches,
            rules: self.rules,
            purviews: &self.subsets,
        }
    }

    /// Concepts of the intact system, in order.
    fn intact_concepts(&self, wiring: &Wiring) -> (Vec<LocalConcept>, u64, Stats) {
        let small_phi = self.small_phi(wiring);
        // The large mechanisms take longest: first.
        let order: Vec<u32> = self.subsets.iter().rev().copied().collect();
        let work = |scratch: &mut Scratch, idx: usize| {
            if self.is_cancelled() {
                return (None, 0);
            }
            let before = scratch.n_tied_searches;
            (small_phi.concept(order[idx], scratch), scratch.n_tied_searches - before)
        };
        let (mut results, stats) = self.share(order.len(), work);
        results.reverse();
        let purview_ties = results.iter().map(|(_, ties)| ties).sum();
        (results.into_iter().filter_map(|(concept, _)| concept).collect(), purview_ties, stats)
    }

    /// The distance of every cut that may matter, in the order of cuts.
    fn evaluate(&self, cuts: &[Cut], intact: &Intact, stats: &mut Stats) -> Vec<CutResult> {
        // Cuts that sever little are likely to be minimal: they give the others a bound to fail.
        let mut order: Vec<usize> = (0..cuts.len()).collect();
        order.sort_by_key(|&rank| {
            let wiring = self.subsystem.wiring(Some(cuts[rank]));
            let severed: u32 = wiring
                .inputs
                .iter()
                .zip(&self.tables.inputs)
                .map(|(a, b)| (a ^ b).count_ones())
                .sum();
            (severed, rank)
        });
        let best = Mutex::new(i128::MAX);
        let is_zero = AtomicBool::new(false);
        let tolerance = self.coarse_tolerance();
        let work = |scratch: &mut Scratch, idx: usize| {
            if self.is_cancelled() || is_zero.load(Ordering::Relaxed) {
                return None;
            }
            let rank = order[idx];
            let wiring = self.subsystem.wiring(Some(cuts[rank]));
            let small_phi = self.small_phi(&wiring);
            let tied_before = scratch.n_tied_searches;
            let mut structure = CutStructure::new(&small_phi, intact, scratch);
            // Nothing within the tolerance of the smallest distance may be lost, so one more than that.
            let limit = match *best.lock().expect("no thread panics with the lock held") {
                _ if self.options.exhaustive || self.options.count_ties => i128::MAX,
                i128::MAX => i128::MAX,
                best => best + tolerance + 1,
            };
            let total = structure.distance(limit, scratch, || self.is_cancelled())?;
            let purview_ties = scratch.n_tied_searches - tied_before;
            match total {
                Total::Exact(total) => {
                    scratch.stats.cuts_evaluated += 1;
                    let mut best = best.lock().expect("no thread panics with the lock held");
                    *best = (*best).min(total);
                    if total <= tolerance && !self.options.exhaustive {
                        is_zero.store(true, Ordering::Relaxed);
                    }
                }
                Total::AtLeast(_) => scratch.stats.cuts_pruned += 1,
            }
            Some(CutResult { rank, total, purview_ties })
        };
        let (results, more) = self.share(cuts.len(), work);
        *stats += more;
        let mut results: Vec<CutResult> = results.into_iter().flatten().collect();
        results.sort_by_key(|result| result.rank);
        results
    }

    fn describe(
        &self,
        wiring: &Wiring,
        concepts: &[LocalConcept],
        scratch: &mut Scratch,
    ) -> CauseEffectStructure {
        scratch.begin();
        let small_phi = self.small_phi(wiring);
        let members = self.subsystem.units().bits();
        CauseEffectStructure {
            concepts: concepts.iter().map(|it| small_phi.describe(it, members, scratch)).collect(),
        }
    }

    /// Does `n_items` pieces of work on the threads of the current pool, first pieces first. Results in
    /// the order of the pieces. Small systems stay on this thread: handing work over costs more than they do.
    fn share<T: Send>(
        &self,
        n_items: usize,
        work: impl Fn(&mut Scratch, usize) -> T + Sync,
    ) -> (Vec<T>, Stats) {
        if self.tables.n <= 4 || rayon::current_num_threads() == 1 {
            let mut scratch = Scratch::new(self.tables.n);
            let results = (0..n_items).map(|idx| work(&mut scratch, idx)).collect();
            return (results, scratch.stats);
        }
        let next = AtomicUsize::new(0);
        let parts: Vec<(Vec<(usize, T)>, Stats)> = rayon::broadcast(|_| {
            let mut scratch = Scratch::new(self.tables.n);
            let mut done = Vec::new();
            loop {
                let idx = next.fetch_add(1, Ordering::Relaxed);
                if idx >= n_items {
                    break;
                }
                done.push((idx, work(&mut scratch, idx)));
            }
            (done, scratch.stats)
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

/// Φ values on the grid, for tests of the grid itself.
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
