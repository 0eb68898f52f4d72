//! System Φ: the smallest distance, over the directed cuts, from the cause-effect structure of a system to
//! that of the cut system.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crate::concept::LocalConcept;
use crate::cut_structure::{CutStructure, Intact};
use crate::fixed::{COARSE_ONE, cost_to_f64};
use crate::limits::{Options, Phase, Stop, StopReason, Watch, predicted_bytes};
use crate::mip::{CauseMemo, Rules, Scratch, SmallPhi};
use crate::partition::Cut;
use crate::stats::Stats;
use crate::structure::CauseEffectStructure;
use crate::subsystem::Subsystem;
use crate::symmetry::{PhiCache, Symmetry};
use crate::tables::{Tables, Wiring, subsets_by_size};
use crate::ties::Choices;
use crate::transport::Total;
use crate::unit_set::UnitSet;

/// Φ of a subsystem with the evidence.
#[derive(Debug, Clone)]
pub struct BigPhi {
    /// The units.
    pub units: UnitSet,
    /// Φ, in bit flips weighted by φ; 0 if at most the tolerance. Of a search that was stopped the smallest
    /// distance so far, an upper bound on Φ; infinite if there is none.
    pub phi: f64,
    /// The system's minimum information partition; `None` where Φ = 0. Of a search that was stopped the best
    /// cut so far.
    pub cut: Option<Cut>,
    /// The concepts of the intact system; empty where Φ = 0 without search.
    pub ces: CauseEffectStructure,
    /// The concepts of the system under `cut`.
    pub partitioned_ces: CauseEffectStructure,
    /// How many core causes and core effects, in the two structures, were chosen from several purviews of
    /// the same φ and size. If this is not 0, Φ is not unique: another numbering of the units may give
    /// another value. It can happen, rarely, even if this is 0, through a tie under another cut. How much
    /// difference it makes says [`phi_range`](crate::phi_range).
    pub ties: u64,
    /// How many core causes and core effects, over the intact system and all cut systems, had the same φ
    /// for several purviews, of whatever size. Known only with [`Options::count_ties`]; 0 where Φ = 0.
    pub purview_ties: Option<u64>,
    /// Cuts whose distance is known, or known to be larger than the smallest.
    pub cuts_decided: u64,
    /// All directed cuts of the system; 0 where Φ = 0 without search.
    pub cuts_total: u64,
    /// Whether the search was finished, and if not, why.
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
            cuts_decided: 0,
            cuts_total: 0,
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
    without_search(subsystem, options)
        .unwrap_or_else(|| with_ties(Search::new(subsystem, options).run(), options))
}

/// The result, where nothing has to be searched for it or nothing may be.
pub(crate) fn without_search(subsystem: &Subsystem, options: &Options) -> Option<BigPhi> {
    let nothing = |stop_reason| {
        let ces = CauseEffectStructure::default();
        BigPhi::zero(subsystem.units(), ces, stop_reason, Stats::default())
    };
    let needed =
        predicted_bytes(subsystem.n_units(), rayon::current_num_threads()).unwrap_or(u64::MAX);
    if subsystem.n_units() < 2 || !subsystem.is_strongly_connected() {
        Some(with_ties(nothing(StopReason::Complete), options))
    } else if options.limits.memory_bytes.is_some_and(|limit| needed > limit) {
        let stop_reason = StopReason::MemoryLimit { needed_bytes: needed };
        Some(BigPhi { phi: f64::INFINITY, ..nothing(stop_reason) })
    } else {
        None
    }
}

/// Where Φ = 0 no ties are counted.
pub(crate) fn with_ties(mut result: BigPhi, options: &Options) -> BigPhi {
    if options.count_ties && result.cut.is_none() && result.is_complete() {
        result.purview_ties = Some(0);
    }
    result
}

pub(crate) struct Search<'a> {
    subsystem: &'a Subsystem,
    pub(crate) options: &'a Options,
    tables: &'a Tables,
    subsets: Vec<u32>,
    memo: CauseMemo,
    symmetry: Symmetry,
    cache: PhiCache,
    pub(crate) rules: Rules,
    pub(crate) stop: Stop,
    began: Instant,
    /// The choices of the intact system and of each cut, by rank, if other orders are to be tried.
    choices: Option<Vec<Choices>>,
    /// Choices left to the order so far.
    n_open_choices: AtomicU64,
}

/// What is known of a cut when the search is over.
#[derive(Debug, Clone, Copy)]
struct CutResult {
    /// Position in the order of cuts.
    rank: usize,
    total: Total,
    purview_ties: u64,
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

impl<'a> Search<'a> {
    pub(crate) fn new(subsystem: &'a Subsystem, options: &'a Options) -> Search<'a> {
        let n = subsystem.n_units();
        let symmetry = Symmetry::find(&subsystem.tables);
        Search {
            subsystem,
            options,
            tables: &subsystem.tables,
            subsets: subsets_by_size(n),
            memo: if symmetry.is_trivial() { CauseMemo::new(n) } else { CauseMemo::none() },
            symmetry,
            cache: PhiCache::new(),
            rules: Rules {
                tolerance: subsystem.tolerance_fixed(),
                prune: !options.exhaustive,
                count_ties: options.count_ties,
                symmetry: !options.no_symmetry,
                order: options.tie_order.within(subsystem.units().bits()),
            },
            stop: Stop::new(options),
            began: Instant::now(),
            choices: None,
            n_open_choices: AtomicU64::new(0),
        }
    }

    /// The same search, keeping what it finds for other orders of choice.
    pub(crate) fn keeping_choices(mut self) -> Search<'a> {
        let n_cuts = (1 << self.tables.n) - 2;
        self.choices = Some((0..=n_cuts).map(|_| Choices::default()).collect());
        self
    }

    /// How many choices φ and size have left to the order so far. If none, every order makes the same
    /// search, step by step, and gives the same Φ.
    pub(crate) fn n_open_choices(&self) -> u64 {
        self.n_open_choices.load(Ordering::Relaxed)
    }

    /// Φ in the order of choice `rules.order` and a cut that gives it, where there is one; None if the analysis
    /// is to stop. `likely` are cuts to look at first.
    pub(crate) fn phi(&self, likely: &[usize]) -> Option<(f64, Option<usize>)> {
        let wiring = Wiring::intact(self.tables);
        let (intact, _, mut stats) = self.intact_concepts(&wiring);
        if self.stop.is_due() {
            return None;
        }
        if intact.is_empty() {
            return Some((0.0, None));
        }
        let mut scratch = Scratch::new(self.tables.n);
        let intact = Intact::new(intact, &self.small_phi(&wiring, None), &mut scratch);
        let cuts: Vec<Cut> = Cut::all(self.subsystem.units()).collect();
        let results = self.evaluate(&cuts, &intact, likely, &mut stats);
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

    pub(crate) fn run(&self) -> BigPhi {
        let units = self.subsystem.units();
        let wiring = Wiring::intact(self.tables);
        let nothing = CauseEffectStructure::default;
        let (intact, intact_ties, mut stats) = self.intact_concepts(&wiring);
        if let Some(reason) = self.stop.reason() {
            return BigPhi { phi: f64::INFINITY, ..BigPhi::zero(units, nothing(), reason, stats) };
        }
        if intact.is_empty() {
            return BigPhi::zero(units, nothing(), StopReason::Complete, stats);
        }
        let mut scratch = Scratch::new(self.tables.n);
        let intact = Intact::new(intact, &self.small_phi(&wiring, None), &mut scratch);
        let cuts: Vec<Cut> = Cut::all(units).collect();
        let cuts_total = cuts.len() as u64;
        let results = self.evaluate(&cuts, &intact, &[], &mut stats);
        let cuts_decided = results.len() as u64;
        let best = results.iter().filter_map(CutResult::exact).map(|(total, _)| total).min();
        let zero = self.coarse_tolerance();
        // A cut without effect decides everything, whatever else was left undone.
        let stop_reason = match self.stop.reason() {
            Some(reason) if cuts_decided < cuts_total && best.is_none_or(|best| best > zero) => {
                reason
            }
            _ => StopReason::Complete,
        };
        let ces = self.describe(&wiring, &intact.concepts);
        let Some(best) = best else {
            // Only a search that was stopped has no cut with a distance.
            let result = BigPhi::zero(units, ces, stop_reason, stats);
            return BigPhi { phi: f64::INFINITY, cuts_decided, cuts_total, ..result };
        };
        if best <= zero {
            let result = BigPhi::zero(units, ces, StopReason::Complete, stats);
            return BigPhi { cuts_decided, cuts_total, ..result };
        }
        // Everything within the tolerance of the best is tied; the first of those in order is the MIP.
        let rank = results
            .iter()
            .filter_map(CutResult::exact)
            .filter(|&(total, _)| total <= best + zero)
            .map(|(_, rank)| rank)
            .min()
            .expect("the best is tied with itself");
        let cut = cuts[rank];
        let cut_wiring = self.subsystem.wiring(Some(cut));
        // Also a search that was stopped gets its best cut's structure.
        let small_phi =
            SmallPhi { stop: &Stop::never(), ..self.small_phi(&cut_wiring, Some(rank)) };
        let structure = CutStructure::new(&small_phi, &intact, &mut scratch);
        let (settled, _) =
            self.share(structure.n_changed(), |scratch, idx| structure.settled(idx, scratch));
        let partitioned_ces = self.describe(&cut_wiring, &structure.concepts(settled));
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
            cuts_decided,
            cuts_total,
            stop_reason,
            stats,
        }
    }

    fn watch(&self, phase: Phase, n_steps: usize) -> Watch<'_> {
        Watch::new(self.options, self.began, phase, n_steps as u64)
    }

    /// The tolerance as mass × distance.
    fn coarse_tolerance(&self) -> i128 {
        i128::from(crate::fixed::to_coarse(self.rules.tolerance)) * i128::from(COARSE_ONE)
    }

    /// Small φ of the intact system, or under the cut of this rank.
    fn small_phi<'b>(&'b self, wiring: &'b Wiring, rank: Option<usize>) -> SmallPhi<'b> {
        SmallPhi {
            tables: self.tables,
            wiring,
            memo: &self.memo,
            symmetry: &self.symmetry,
            cache: &self.cache,
            rules: self.rules,
            stop: &self.stop,
            purviews: &self.subsets,
            choices: self.choices.as_ref().map(|it| &it[rank.map_or(0, |rank| rank + 1)]),
        }
    }

    /// Concepts of the intact system, in order.
    fn intact_concepts(&self, wiring: &Wiring) -> (Vec<LocalConcept>, u64, Stats) {
        let small_phi = self.small_phi(wiring, None);
        // The large mechanisms take longest: first.
        let order: Vec<u32> = self.subsets.iter().rev().copied().collect();
        let phase = self.watch(Phase::Concepts, order.len());
        let work = |scratch: &mut Scratch, idx: usize| {
            if self.stop.is_due() {
                return (None, 0);
            }
            let before = scratch.n_tied_searches;
            let concept = small_phi.concept(order[idx], scratch);
            self.count_open_choices(scratch);
            phase.add(1, None);
            (concept, scratch.n_tied_searches - before)
        };
        let (mut results, stats) = self.share(order.len(), work);
        results.reverse();
        let purview_ties = results.iter().map(|(_, ties)| ties).sum();
        (results.into_iter().filter_map(|(concept, _)| concept).collect(), purview_ties, stats)
    }

    fn count_open_choices(&self, scratch: &mut Scratch) {
        let n_open = std::mem::take(&mut scratch.n_open_choices);
        if n_open > 0 {
            self.n_open_choices.fetch_add(n_open, Ordering::Relaxed);
        }
    }

    /// The distance of every cut that may matter, in the order of cuts. The cuts in `likely` are looked at
    /// first.
    fn evaluate(
        &self,
        cuts: &[Cut],
        intact: &Intact,
        likely: &[usize],
        stats: &mut Stats,
    ) -> Vec<CutResult> {
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
            (!likely.contains(&rank), severed, rank)
        });
        let best = Mutex::new(i128::MAX);
        let is_zero = AtomicBool::new(false);
        let tolerance = self.coarse_tolerance();
        let phase = self.watch(Phase::Cuts, cuts.len());
        let work = |scratch: &mut Scratch, idx: usize| {
            if self.stop.is_due() || is_zero.load(Ordering::Relaxed) {
                return None;
            }
            let rank = order[idx];
            let wiring = self.subsystem.wiring(Some(cuts[rank]));
            let small_phi = self.small_phi(&wiring, Some(rank));
            let tied_before = scratch.n_tied_searches;
            let mut structure = CutStructure::new(&small_phi, intact, scratch);
            // Nothing within the tolerance of the smallest distance may be lost, so one more than that.
            let limit = match *best.lock().expect("no thread panics with the lock held") {
                _ if self.options.exhaustive || self.options.count_ties => i128::MAX,
                i128::MAX => i128::MAX,
                best => best + tolerance + 1,
            };
            let total = structure.distance(limit, scratch)?;
            self.count_open_choices(scratch);
            let purview_ties = scratch.n_tied_searches - tied_before;
            let mut best = best.lock().expect("no thread panics with the lock held");
            match total {
                Total::Exact(total) => {
                    scratch.stats.cuts_evaluated += 1;
                    *best = (*best).min(total);
                    if total <= tolerance && !self.options.exhaustive {
                        is_zero.store(true, Ordering::Relaxed);
                    }
                }
                Total::AtLeast(_) => scratch.stats.cuts_pruned += 1,
            }
            let best_so_far = (*best < i128::MAX).then(|| cost_to_f64(*best));
            drop(best);
            phase.add(1, best_so_far);
            Some(CutResult { rank, total, purview_ties })
        };
        let (results, more) = self.share(cuts.len(), work);
        *stats += more;
        let mut results: Vec<CutResult> = results.into_iter().flatten().collect();
        results.sort_by_key(|result| result.rank);
        results
    }

    fn describe(&self, wiring: &Wiring, concepts: &[LocalConcept]) -> CauseEffectStructure {
        let small_phi = SmallPhi { choices: None, ..self.small_phi(wiring, None) };
        let members = self.subsystem.units().bits();
        let (concepts, _) = self.share(concepts.len(), |scratch, idx| {
            small_phi.describe(&concepts[idx], members, scratch)
        });
        CauseEffectStructure { concepts }
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
