//! Small φ: the minimum over the partitions of one mechanism and purview, and the purview for which it is
//! largest.
//!
//! Effect side. An effect repertoire is a product over the units of the purview, so the EMD of a partition
//! is the sum over those units of the difference of their marginals, and every unit of the purview may
//! choose its part by itself: with the mechanism split into M1 and M2, unit j costs the smaller of
//! |e(M)_j - e(M1)_j| and |e(M)_j - e(M2)_j|. Only the split {∅, M} has a condition, that ∅ gets at least
//! one unit of the purview. No distribution is ever formed.
//!
//! Cause side. The EMD of a partition is at least the sum of the differences of the marginals (a flow
//! between two distributions over states, projected on one unit, is a flow between its marginals, and the
//! Hamming cost of a step is the number of units it changes). These sums are cheap; the EMD itself is only
//! computed where they do not already rule a partition out.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::emd::{Emd, EmdSolver};
use crate::fixed::{Fixed, place_distribution, to_f64, to_fixed};
use crate::partition::local_partitions;
use crate::repertoire::{RepertoireScratch, cause_repertoire, marginals, multiply};
use crate::stats::Stats;
use crate::tables::{Tables, Wiring};
use crate::unit_set::{cmp_lexicographic, submasks};

/// How far a bound computed in floating point may exceed the truth: sums of at most 16 differences of
/// numbers in [0, 1], each good to a few 1e-16, and the placing of both distributions on the grid.
const BOUND_SLACK: f64 = 1e-12;

/// The purview with the largest φ, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Core {
    pub(crate) purview: u32,
    pub(crate) phi: Fixed,
    /// Purviews tied for the largest φ, this one included.
    pub(crate) n_tied: u32,
    /// Those of them that are as large as this one.
    pub(crate) n_tied_in_size: u32,
}

/// φ of the intact system's (mechanism, purview) pairs on the cause side, as far as they are known.
/// A cut that severs nothing between mechanism and purview does not change them.
#[derive(Debug)]
pub(crate) struct CauseMemo {
    n: usize,
    values: Vec<AtomicI64>,
}

const UNKNOWN: i64 = i64::MIN;

impl CauseMemo {
    pub(crate) fn new(n: usize) -> CauseMemo {
        CauseMemo { n, values: (0..1usize << (2 * n)).map(|_| AtomicI64::new(UNKNOWN)).collect() }
    }

    fn slot(&self, mechanism: u32, purview: u32) -> &AtomicI64 {
        &self.values[(mechanism as usize) << self.n | purview as usize]
    }

    fn get(&self, mechanism: u32, purview: u32) -> Option<Fixed> {
        // Every writer of a slot writes the same value, so no ordering is needed.
        let value = self.slot(mechanism, purview).load(Ordering::Relaxed);
        (value != UNKNOWN).then_some(value)
    }

    fn set(&self, mechanism: u32, purview: u32, phi: Fixed) {
        self.slot(mechanism, purview).store(phi, Ordering::Relaxed);
    }
}

/// What the search for small φ needs to know, besides its scratch space.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Values of at most this are 0; values this close are tied.
    pub(crate) tolerance: Fixed,
    /// Whether bounds may spare work. Results are the same.
    pub(crate) prune: bool,
    /// Whether every core cause and core effect is searched, to count ties among them.
    pub(crate) count_ties: bool,
}

/// Scratch space of one thread.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) repertoires: RepertoireScratch,
    pub(crate) emd: EmdSolver,
    pub(crate) stats: Stats,
    /// Searches in which several purviews were tied for the largest φ.
    pub(crate) n_tied_searches: u64,
    pub(crate) p: Vec<Fixed>,
    pub(crate) q: Vec<Fixed>,
    whole: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    product: Vec<f64>,
    marginals: MarginalTable,
    bounds: Vec<Bound>,
    sums: Vec<Fixed>,
    effect_phi: Vec<Fixed>,
}

#[derive(Debug, Clone, Copy)]
struct Bound {
    value: f64,
    first_mechanism: u32,
    first_purview: u32,
}

impl Scratch {
    pub(crate) fn new(n: usize) -> Scratch {
        Scratch {
            repertoires: RepertoireScratch::default(),
            emd: EmdSolver::default(),
            stats: Stats::default(),
            n_tied_searches: 0,
            p: Vec::new(),
            q: Vec::new(),
            whole: Vec::new(),
            first: Vec::new(),
            second: Vec::new(),
            product: Vec::new(),
            marginals: MarginalTable::new(n),
            bounds: Vec::new(),
            sums: Vec::new(),
            effect_phi: Vec::new(),
        }
    }

    /// Forgets what belongs to another wiring. To be called before the first search under a wiring.
    pub(crate) fn begin(&mut self) {
        self.marginals.forget();
    }
}

/// For every mechanism and purview the marginals of the cause repertoire, made when first asked for.
#[derive(Debug)]
struct MarginalTable {
    n: usize,
    lanes: usize,
    entries: Vec<f64>,
    made_in: Vec<u32>,
    generation: u32,
}

impl MarginalTable {
    fn new(n: usize) -> MarginalTable {
        // The tables are allocated on first use: the effect side does without.
        MarginalTable {
            n,
            lanes: n.next_multiple_of(4),
            entries: Vec::new(),
            made_in: Vec::new(),
            generation: 1,
        }
    }

    fn forget(&mut self) {
        self.generation += 1;
    }

    /// Makes the rows of all subsets of `mechanism` over all subsets of `purview`.
    fn make(
        &mut self,
        tables: &Tables,
        wiring: &Wiring,
        mechanism: u32,
        purview: u32,
        scratch: &mut RepertoireScratch,
        buffer: &mut Vec<f64>,
    ) {
        if self.entries.is_empty() {
            self.entries.resize(self.lanes << (2 * self.n), 0.0);
            self.made_in.resize(1 << (2 * self.n), 0);
        }
        for m in submasks(mechanism) {
            for p in submasks(purview) {
                let row = (m as usize) << self.n | p as usize;
                if self.made_in[row] == self.generation {
                    continue;
                }
                self.made_in[row] = self.generation;
                let lanes = &mut self.entries[row * self.lanes..][..self.lanes];
                // Lanes outside the purview are 0, so that the rows of two parts can be added.
                lanes.fill(0.0);
                cause_repertoire(tables, wiring, m, p, scratch, buffer);
                marginals(buffer, p, scratch, lanes);
            }
        }
    }

    /// The rows of one mechanism, by purview.
    #[inline]
    fn rows<const LANES: usize>(&self, mechanism: u32) -> &[[f64; LANES]] {
        debug_assert_eq!(LANES, self.lanes);
        let start = (mechanism as usize) << self.n;
        let (rows, _) =
            self.entries[start * LANES..(start + (1 << self.n)) * LANES].as_chunks::<LANES>();
        rows
    }

    /// Calls `visit` with the bound of every partition of (mechanism, purview), in no particular order.
    #[inline]
    fn for_each_bound<const LANES: usize>(
        &self,
        mechanism: u32,
        purview: u32,
        mut visit: impl FnMut(Bound),
    ) {
        let whole = &self.rows::<LANES>(mechanism)[purview as usize];
        let top = 1 << (31 - mechanism.leading_zeros());
        for m1 in submasks(mechanism & !top) {
            let first = self.rows::<LANES>(m1);
            let second = self.rows::<LANES>(mechanism & !m1);
            for p1 in submasks(purview) {
                if m1 | p1 == 0 {
                    continue;
                }
                let a = &first[p1 as usize];
                let b = &second[(purview & !p1) as usize];
                let mut lanes = [0.0; LANES];
                for lane in 0..LANES {
                    lanes[lane] = (whole[lane] - a[lane] - b[lane]).abs();
                }
                visit(Bound { value: lanes.iter().sum(), first_mechanism: m1, first_purview: p1 });
            }
        }
    }

    fn for_each(&self, mechanism: u32, purview: u32, visit: impl FnMut(Bound)) {
        match self.lanes {
            4 => self.for_each_bound::<4>(mechanism, purview, visit),
            8 => self.for_each_bound::<8>(mechanism, purview, visit),
            12 => self.for_each_bound::<12>(mechanism, purview, visit),
            16 => self.for_each_bound::<16>(mechanism, purview, visit),
            lanes => unreachable!("no subsystem has {lanes} lanes"),
        }
    }
}

/// Small φ of all mechanisms of one subsystem under one wiring.
pub(crate) struct SmallPhi<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) wiring: &'a Wiring,
    pub(crate) memo: &'a CauseMemo,
    pub(crate) rules: Rules,
    /// The purviews, by size and then lexicographically.
    pub(crate) purviews: &'a [u32],
}

struct Candidate {
    purview: u32,
    /// φ is at most this.
    upper: Fixed,
    is_exact: bool,
}

impl SmallPhi<'_> {
    /// The core effect of a mechanism, or None if φ is 0 for every purview.
    pub(crate) fn core_effect(&self, mechanism: u32, scratch: &mut Scratch) -> Option<Core> {
        self.effect_phi(mechanism, scratch);
        let phi = std::mem::take(&mut scratch.effect_phi);
        let core =
            self.choose(self.purviews.iter().map(|&purview| (purview, phi[purview as usize])));
        scratch.effect_phi = phi;
        scratch.n_tied_searches += u64::from(core.is_some_and(|core| core.n_tied > 1));
        core
    }

    /// φ over all purviews, into `scratch.effect_phi`, indexed by purview.
    fn effect_phi(&self, mechanism: u32, scratch: &mut Scratch) {
        let n = self.tables.n;
        let whole = self.effect_lanes(mechanism);
        let empty = self.effect_lanes(0);
        let (phi, sums) = (&mut scratch.effect_phi, &mut scratch.sums);
        // The split {∅, M}: one unit of the purview, the one that loses least.
        phi.clear();
        phi.push(Fixed::MAX);
        for j in 0..n {
            let loss = (whole[j] - empty[j]).abs();
            phi.extend_from_within(..);
            let half = phi.len() / 2;
            phi[half..].iter_mut().for_each(|it| *it = (*it).min(loss));
        }
        let top = 1 << (31 - mechanism.leading_zeros());
        for m1 in submasks(mechanism & !top).skip(1) {
            let first = self.effect_lanes(m1);
            let second = self.effect_lanes(mechanism & !m1);
            sums.clear();
            sums.push(0);
            for j in 0..n {
                let loss = (whole[j] - first[j]).abs().min((whole[j] - second[j]).abs());
                sums.extend_from_within(..);
                let half = sums.len() / 2;
                sums[half..].iter_mut().for_each(|it| *it += loss);
            }
            phi.iter_mut().zip(sums.iter()).for_each(|(phi, &sum)| *phi = (*phi).min(sum));
        }
        phi[0] = 0;
    }

    fn effect_lanes(&self, mechanism: u32) -> [Fixed; 16] {
        let mut lanes = [0; 16];
        for (j, lane) in lanes.iter_mut().enumerate().take(self.tables.n) {
            *lane = self.tables.effect(self.wiring.seen_by(j, mechanism))[j];
        }
        lanes
    }

    /// The core cause of a mechanism, or None if φ is 0 for every purview.
    pub(crate) fn core_cause(&self, mechanism: u32, scratch: &mut Scratch) -> Option<Core> {
        let tolerance = self.rules.tolerance;
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut reach = 0;
        for &purview in self.purviews {
            if self.wiring.is_connected(purview, mechanism) {
                candidates.push(Candidate { purview, upper: Fixed::MAX, is_exact: false });
                reach |= purview;
            }
        }
        if candidates.is_empty() {
            return None;
        }
        let mut has_marginals = false;
        for candidate in &mut candidates {
            if let Some(phi) = self.known_cause_phi(mechanism, candidate.purview) {
                scratch.stats.phi_reused += 1;
                (candidate.upper, candidate.is_exact) = (phi, true);
                continue;
            }
            if !has_marginals {
                self.make_marginals(mechanism, reach, scratch);
                has_marginals = true;
            }
            if self.rules.prune {
                candidate.upper = self.first_cause_bound(mechanism, candidate.purview, scratch);
            }
        }
        // From the most promising purview down, until no other can reach or tie the best.
        candidates.sort_by(|a, b| b.upper.cmp(&a.upper).then(a.purview.cmp(&b.purview)));
        let mut best = 0;
        for candidate in &mut candidates {
            let cannot_matter = candidate.upper < best - tolerance || candidate.upper <= tolerance;
            if !candidate.is_exact && cannot_matter && self.rules.prune {
                scratch.stats.purviews_pruned += 1;
                continue;
            }
            if !candidate.is_exact {
                candidate.upper =
                    self.cause_phi(mechanism, candidate.purview, candidate.upper, scratch);
                candidate.is_exact = true;
                if !self.is_severed(mechanism, candidate.purview) {
                    self.memo.set(mechanism, candidate.purview, candidate.upper);
                }
            }
            best = best.max(candidate.upper);
        }
        let core = self
            .choose(candidates.iter().filter(|it| it.is_exact).map(|it| (it.purview, it.upper)));
        scratch.n_tied_searches += u64::from(core.is_some_and(|core| core.n_tied > 1));
        core
    }

    /// Of the purviews tied for the largest φ the one with most units, and of those the first
    /// lexicographically.
    fn choose(&self, phi_by_purview: impl Iterator<Item = (u32, Fixed)> + Clone) -> Option<Core> {
        let tolerance = self.rules.tolerance;
        let best = phi_by_purview.clone().map(|(_, phi)| phi).max()?;
        if best <= tolerance {
            return None;
        }
        let mut core: Option<Core> = None;
        let mut n_tied = 0;
        for (purview, phi) in
            phi_by_purview.filter(|&(_, phi)| phi >= best - tolerance && phi > tolerance)
        {
            n_tied += 1;
            let candidate = Core { purview, phi, n_tied: 0, n_tied_in_size: 1 };
            match &mut core {
                None => core = Some(candidate),
                Some(core) => match purview.count_ones().cmp(&core.purview.count_ones()) {
                    std::cmp::Ordering::Greater => *core = candidate,
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal => {
                        core.n_tied_in_size += 1;
                        if cmp_lexicographic(purview, core.purview).is_lt() {
                            (core.purview, core.phi) = (purview, phi);
                        }
                    }
                },
            }
        }
        core.map(|core| Core { n_tied, ..core })
    }

    /// Whether the cut severs a connection from the purview to the mechanism.
    fn is_severed(&self, mechanism: u32, purview: u32) -> bool {
        crate::unit_set::bits(mechanism & self.wiring.to)
            .any(|j| self.tables.inputs[j] & self.wiring.from & purview != 0)
    }

    fn known_cause_phi(&self, mechanism: u32, purview: u32) -> Option<Fixed> {
        if self.is_severed(mechanism, purview) { None } else { self.memo.get(mechanism, purview) }
    }

    fn make_marginals(&self, mechanism: u32, purview: u32, scratch: &mut Scratch) {
        let Scratch { marginals, repertoires, whole, .. } = scratch;
        marginals.make(self.tables, self.wiring, mechanism, purview, repertoires, whole);
    }

    /// An upper bound on φ: the EMD of the partition with the smallest lower bound.
    fn first_cause_bound(&self, mechanism: u32, purview: u32, scratch: &mut Scratch) -> Fixed {
        let mut best = Bound { value: f64::INFINITY, first_mechanism: 0, first_purview: 0 };
        let mut n_bounded = 0;
        scratch.marginals.for_each(mechanism, purview, |bound| {
            n_bounded += 1;
            if bound.value < best.value {
                best = bound;
            }
        });
        scratch.stats.partitions_bounded += n_bounded;
        self.place_whole(mechanism, purview, scratch);
        match self.partition_emd(mechanism, purview, best, Fixed::MAX, scratch) {
            Emd::Exact(value) | Emd::AtLeast(value) => value,
        }
    }

    /// φ of one pair, exactly. `upper` is an upper bound on it (any).
    fn cause_phi(
        &self,
        mechanism: u32,
        purview: u32,
        upper: Fixed,
        scratch: &mut Scratch,
    ) -> Fixed {
        scratch.stats.purviews_evaluated += 1;
        let mut bounds = std::mem::take(&mut scratch.bounds);
        bounds.clear();
        let mut phi = upper;
        let limit = if self.rules.prune { to_f64(upper) + BOUND_SLACK } else { f64::INFINITY };
        scratch.marginals.for_each(mechanism, purview, |bound| {
            if bound.value <= limit {
                bounds.push(bound);
            }
        });
        if self.rules.prune {
            bounds.sort_unstable_by(|a, b| a.value.total_cmp(&b.value));
        }
        self.place_whole(mechanism, purview, scratch);
        for &bound in &bounds {
            if self.rules.prune && to_fixed((bound.value - BOUND_SLACK).max(0.0)) >= phi {
                break;
            }
            let stop_at = if self.rules.prune { phi } else { Fixed::MAX };
            if let Emd::Exact(value) =
                self.partition_emd(mechanism, purview, bound, stop_at, scratch)
            {
                phi = phi.min(value);
            }
        }
        scratch.bounds = bounds;
        phi
    }

    fn place_whole(&self, mechanism: u32, purview: u32, scratch: &mut Scratch) {
        cause_repertoire(
            self.tables,
            self.wiring,
            mechanism,
            purview,
            &mut scratch.repertoires,
            &mut scratch.whole,
        );
        scratch.p.resize(scratch.whole.len(), 0);
        place_distribution(&scratch.whole, &mut scratch.p);
    }

    /// EMD between the whole repertoire (in `scratch.p`) and the partitioned one.
    fn partition_emd(
        &self,
        mechanism: u32,
        purview: u32,
        bound: Bound,
        stop_at: Fixed,
        scratch: &mut Scratch,
    ) -> Emd {
        let Bound { first_mechanism: m1, first_purview: p1, .. } = bound;
        let Scratch { repertoires, first, second, product, p, q, emd, stats, .. } = scratch;
        stats.emds_solved += 1;
        cause_repertoire(self.tables, self.wiring, m1, p1, repertoires, first);
        cause_repertoire(
            self.tables,
            self.wiring,
            mechanism & !m1,
            purview & !p1,
            repertoires,
            second,
        );
        multiply(first, p1, second, purview, product);
        q.resize(product.len(), 0);
        place_distribution(product, q);
        emd.distance(p, q, stop_at)
    }

    /// φ of one pair on the cause side with its MIP: the first of the partitions tied for it.
    pub(crate) fn cause_mip(
        &self,
        mechanism: u32,
        purview: u32,
        scratch: &mut Scratch,
    ) -> (Fixed, (u32, u32)) {
        self.make_marginals(mechanism, purview, scratch);
        let phi = self.cause_phi(mechanism, purview, Fixed::MAX, scratch);
        let limit = phi + self.rules.tolerance;
        let mut by_partition = std::collections::HashMap::new();
        scratch.marginals.for_each(mechanism, purview, |bound| {
            by_partition.insert((bound.first_mechanism, bound.first_purview), bound);
        });
        self.place_whole(mechanism, purview, scratch);
        for partition in local_partitions(mechanism, purview) {
            let bound = by_partition[&partition];
            if to_fixed((bound.value - BOUND_SLACK).max(0.0)) > limit {
                continue;
            }
            if let Emd::Exact(value) =
                self.partition_emd(mechanism, purview, bound, limit + 1, scratch)
                && value <= limit
            {
                return (phi, partition);
            }
        }
        unreachable!("the partition whose EMD is φ is among those listed")
    }

    /// φ of one pair on the effect side with its MIP.
    pub(crate) fn effect_mip(&self, mechanism: u32, purview: u32) -> (Fixed, (u32, u32)) {
        let whole = self.effect_lanes(mechanism);
        let loss = |m1: u32, p1: u32| -> Fixed {
            let (first, second) = (self.effect_lanes(m1), self.effect_lanes(mechanism & !m1));
            crate::unit_set::bits(purview)
                .map(|j| (whole[j] - if p1 >> j & 1 == 1 { first[j] } else { second[j] }).abs())
                .sum()
        };
        let phi = local_partitions(mechanism, purview).map(|(m1, p1)| loss(m1, p1)).min();
        let phi = phi.expect("a mechanism and a purview have a partition");
        let mip = local_partitions(mechanism, purview)
            .find(|&(m1, p1)| loss(m1, p1) <= phi + self.rules.tolerance);
        (phi, mip.expect("the partition whose loss is φ is among those listed"))
    }
}
