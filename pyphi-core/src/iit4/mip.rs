//! Small φ of IIT 4.0: how much the least harmful partition of a mechanism and a purview takes
//! away.
//!
//! For one direction, mechanism M, purview P and specified state z, φ of a partition θ is `R(z) ·
//! D(θ)` with `D(θ) = Σ (-log2 of each unit's probability under θ) - (the same intact)`, and the
//! minimum information partition minimises `φ(θ) / c(θ)`, where c counts severed pairs of a
//! mechanism and a purview unit (Albantakis et al. 2023). Over all mechanisms and purviews of 8
//! units there are 79 thousand million partitions; none is listed here.
//!
//! **Ratio by differences** (Dinkelbach 1967). With λ = D(θ)/c(θ) of some θ: if no partition has
//! D - λc < 0, λ is the smallest ratio; otherwise one that has gives a smaller λ. As the ratios
//! strictly decrease and there are finitely many, this ends at the minimum, negative ones included.
//! The search takes λ + δ, δ being the tolerance for ties: among exactly tied partitions
//! `D - (λ + δ)c = -δc` is smallest for the largest c, that is, for the largest φ, as the tie rule
//! wants.
//!
//! **D - λc separates.** c(θ) = |M||P| - Σ_b |M_b||P_b| over the blocks, and D is a sum over blocks
//! as well:
//! - effects: over units p of the purview, each of which sees only its own block. So, given the
//!   blocks of M, every p chooses the block (or none) with the smallest `-log2 q_e(p | M_b) +
//!   λ|M_b|` by itself;
//! - causes: over blocks, `g(M_b, P_b) = Σ_{j in M_b} -log2 q_c(j | P_b) + λ|M_b||P_b|`, so that
//!   the best way to divide m ⊆ M with some of p ⊆ P is `h(m, p) = min over b ⊆ m with m's lowest
//!   unit, q ⊆ p of g(b, q) + h(m - b, p - q)`. Purview units in no block are severed from all:
//!   nothing is added for them.
//!
//! The partitions proper are the complete one and those with at least two blocks, so only the block
//! M itself is left out at the top. Partitions with two blocks cost 2^|M| 2^|P| steps instead of
//! 3^|M| 3^|P| / 6: λ is first brought down by these alone, and one search over all mostly confirms
//! it.
//!
//! **Bound**: c is largest, |M||P|, for the complete partition; so φ of the minimum is at most
//! λ·R·|M||P| for the ratio λ of *any* partition. A search that falls below what matters ends
//! there.
//!
//! Tests compare all of this with a listing of the partitions.

use std::ops::ControlFlow;

use super::measure::{TIE_TOLERANCE, ZERO_TOLERANCE, is_tied};
use super::partition::for_each_joint;
use super::system::System;
use crate::limits::{Stop, steps};
use crate::repertoire::Direction;
use crate::subset_convolution::{divide, least_of_subsets, smaller, trace};
use crate::unit_set::{UnitSet, bits, submasks};

/// The most units of a mechanism or purview.
const MAX_UNITS: usize = System::MAX_UNITS;

/// Mechanisms and purviews of together this many units are searched with an eye on the clock: a
/// single search may take longer than a moment.
const LONG_FROM: usize = 16;

/// One mechanism over one purview in one state. Units are numbered inside the mechanism and inside
/// the purview.
#[derive(Debug, Default)]
pub(crate) struct Problem {
    direction: Option<Direction>,
    n_mechanism: usize,
    n_purview: usize,
    selectivity: f64,
    /// -log2 of probabilities. Causes: by set of mechanism units and set q of purview units known,
    /// `2^|M| × 2^|P|`, summed over the set. Effects: by set m of mechanism units known and by
    /// purview unit, `2^|M| × |P|`.
    surprise: Vec<f64>,
    /// The sum of the above with everything known.
    whole: f64,
}

/// A partition: mechanism units and purview units of each block.
pub(crate) type Blocks = Vec<(u32, u32)>;

/// The minimum over the partitions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Minimum {
    /// φ of the minimum information partition.
    pub(crate) phi: f64,
    /// Its blocks, units numbered inside mechanism and purview.
    pub(crate) blocks: Vec<(u32, u32)>,
}

/// The outcome of a search for a minimum.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MechanismOutcome {
    /// Some partition makes no difference.
    Zero,
    /// φ is below what was asked for.
    Below,
    Found(Minimum),
    /// The search was stopped.
    Stopped,
}

/// A partition with what it takes away.
#[derive(Debug, Clone, Default)]
struct Evaluated {
    /// D.
    loss: f64,
    /// c.
    n_severed: f64,
    blocks: Vec<(u32, u32)>,
}

impl Evaluated {
    fn ratio(&self) -> f64 {
        self.loss / self.n_severed
    }
}

impl Problem {
    /// A cause: `surprise(j, q)` is -log2 of the probability that the j-th mechanism unit is as it
    /// is, given the set q of purview units in the specified state.
    pub(crate) fn cause(
        &mut self,
        n_mechanism: usize,
        n_purview: usize,
        selectivity: f64,
        surprise: impl Fn(usize, usize) -> f64,
    ) {
        let n_sets = 1usize << n_purview;
        steps(2 * (n_sets << n_mechanism));
        self.surprise.clear();
        self.surprise.resize(n_sets << n_mechanism, 0.0);
        for j in 0..n_mechanism {
            let at = n_sets << j;
            for q in 0..n_sets {
                self.surprise[at + q] = surprise(j, q);
            }
            // Sets of units up to j that contain j.
            for m in 1..1usize << j {
                for q in 0..n_sets {
                    self.surprise[at + m * n_sets + q] =
                        self.surprise[m * n_sets + q] + self.surprise[at + q];
                }
            }
        }
        self.whole = self.surprise[(n_sets << n_mechanism) - 1];
        self.direction = Some(Direction::Cause);
        (self.n_mechanism, self.n_purview, self.selectivity) =
            (n_mechanism, n_purview, selectivity);
    }

    /// An effect: `surprise(p, m)` is -log2 of the probability that the p-th purview unit is as
    /// specified, given the set m of mechanism units in their present state.
    pub(crate) fn effect(
        &mut self,
        n_mechanism: usize,
        n_purview: usize,
        selectivity: f64,
        surprise: impl Fn(usize, usize) -> f64,
    ) {
        self.surprise.clear();
        for m in 0..1usize << n_mechanism {
            self.surprise.extend((0..n_purview).map(|p| surprise(p, m)));
        }
        self.whole = self.surprise[self.surprise.len() - n_purview..].iter().sum();
        self.direction = Some(Direction::Effect);
        (self.n_mechanism, self.n_purview, self.selectivity) =
            (n_mechanism, n_purview, selectivity);
    }

    fn most_severed(&self) -> f64 {
        (self.n_mechanism * self.n_purview) as f64
    }

    fn complete(&self) -> Evaluated {
        let nothing_known: f64 = match self.direction {
            Some(Direction::Cause) => {
                self.surprise[((1 << self.n_mechanism) - 1) << self.n_purview]
            }
            _ => self.surprise[..self.n_purview].iter().sum(),
        };
        Evaluated {
            loss: nothing_known - self.whole,
            n_severed: self.most_severed(),
            blocks: vec![
                (UnitSet::all(self.n_mechanism).bits(), 0),
                (0, UnitSet::all(self.n_purview).bits()),
            ],
        }
    }

    /// Any partition with its D and c.
    fn evaluate(&self, blocks: Vec<(u32, u32)>) -> Evaluated {
        let (loss, n_severed) = self.loss(&blocks);
        Evaluated { loss, n_severed, blocks }
    }

    /// D and c of any partition.
    fn loss(&self, blocks: &[(u32, u32)]) -> (f64, f64) {
        let (mut surprise, mut n_kept) = (0.0, 0);
        for &(m, p) in blocks {
            surprise += match self.direction {
                Some(Direction::Cause) => {
                    self.surprise[(m as usize) << self.n_purview | p as usize]
                }
                _ => bits(p)
                    .map(|unit| self.surprise[m as usize * self.n_purview + unit])
                    .sum::<f64>(),
            };
            n_kept += m.count_ones() * p.count_ones();
        }
        (surprise - self.whole, self.most_severed() - f64::from(n_kept))
    }

    /// The minimum over all partitions; not worked out further once φ is known to be below
    /// `at_least`.
    pub(crate) fn minimum(
        &self,
        at_least: f64,
        stop: &Stop,
        scratch: &mut MipScratch,
    ) -> MechanismOutcome {
        let tolerance = TIE_TOLERANCE / self.selectivity;
        let mut best = self.complete();
        loop {
            if self.selectivity * best.loss <= ZERO_TOLERANCE {
                return MechanismOutcome::Zero;
            }
            if self.n_mechanism == 1 {
                break; // The complete partition is the only one.
            }
            if self.selectivity * best.ratio() * self.most_severed() < at_least {
                return MechanismOutcome::Below;
            }
            let lambda = best.ratio() + tolerance;
            if self.n_mechanism > 2 {
                let Some(blocks) = self.two_blocks(lambda, stop, scratch) else {
                    return MechanismOutcome::Stopped;
                };
                let next = self.with_severed(blocks);
                if next.ratio() < best.ratio() {
                    best = next;
                    continue;
                }
            }
            let Some(next) = self.smallest_difference(lambda, stop, scratch) else {
                return MechanismOutcome::Stopped;
            };
            let is_better = next.ratio() < best.ratio();
            if is_better || next.ratio() <= best.ratio() + tolerance {
                best = next;
            }
            if !is_better {
                break;
            }
        }
        // A larger φ with a tiny ratio may hide a partition that makes no difference.
        if self.selectivity * best.ratio() <= ZERO_TOLERANCE {
            let Some(least) = self.smallest_difference(0.0, stop, scratch) else {
                return MechanismOutcome::Stopped;
            };
            if self.selectivity * least.loss <= ZERO_TOLERANCE {
                return MechanismOutcome::Zero;
            }
        }
        MechanismOutcome::Found(Minimum { phi: self.selectivity * best.loss, blocks: best.blocks })
    }

    /// A partition with the smallest D - λc; `None` if it was stopped.
    fn smallest_difference(
        &self,
        lambda: f64,
        stop: &Stop,
        scratch: &mut MipScratch,
    ) -> Option<Evaluated> {
        let blocks = match self.direction {
            Some(Direction::Cause) => self.cause_blocks(lambda, stop, scratch)?,
            _ => self.effect_blocks(lambda, stop, scratch)?,
        };
        Some(self.with_severed(blocks))
    }

    /// The partition of these blocks and a last one for the purview units that are in none of them.
    fn with_severed(&self, mut blocks: Vec<(u32, u32)>) -> Evaluated {
        let used = blocks.iter().fold(0, |used, &(_, p)| used | p);
        let severed_from_all = UnitSet::all(self.n_purview).bits() & !used;
        if severed_from_all != 0 {
            blocks.push((0, severed_from_all));
        }
        self.evaluate(blocks)
    }

    /// Surprise plus λ for every pair of units that is kept, for every block: g of the causes, and
    /// of every unit of the purview for effects.
    fn weigh(&self, lambda: f64, sizes: &mut Vec<f64>, g: &mut Vec<f64>) {
        // Sizes of sets, as many as are needed.
        let n_sizes = 1usize << self.n_mechanism.max(self.n_purview);
        for set in sizes.len()..n_sizes {
            sizes.push(f64::from(set.count_ones()));
        }
        steps(2 * self.surprise.len());
        g.clear();
        g.extend_from_slice(&self.surprise);
        match self.direction {
            Some(Direction::Cause) => {
                for (row, m) in g.chunks_exact_mut(1 << self.n_purview).zip(&*sizes) {
                    let weight = lambda * m;
                    row.iter_mut().zip(&*sizes).for_each(|(value, q)| *value += weight * q);
                }
            }
            _ => {
                for (row, m) in g.chunks_exact_mut(self.n_purview).zip(&*sizes) {
                    let weight = lambda * m;
                    row.iter_mut().for_each(|value| *value += weight);
                }
            }
        }
    }

    /// The two blocks of a partition with the smallest D - λc of those with two, without purview
    /// units that are in none; `None` if it was stopped.
    fn two_blocks(
        &self,
        lambda: f64,
        stop: &Stop,
        scratch: &mut MipScratch,
    ) -> Option<Vec<(u32, u32)>> {
        let looks_at_clock = self.n_mechanism + self.n_purview >= LONG_FROM;
        let MipScratch { sizes, g, h } = scratch;
        self.weigh(lambda, sizes, g);
        let all = (1usize << self.n_mechanism) - 1;
        let n_sets = 1usize << self.n_purview;
        let purview = n_sets - 1;
        let mut least = f64::INFINITY;
        let mut found = (0, 0);
        // The first block has the lowest unit: the other one, `rest`, is any non-empty set of the
        // other units.
        match self.direction {
            Some(Direction::Cause) => {
                for rest in (2..=all).step_by(2) {
                    if looks_at_clock && stop.is_due() {
                        return None;
                    }
                    steps((self.n_purview + 2) * n_sets);
                    h.clear();
                    h.extend_from_slice(&g[rest * n_sets..][..n_sets]);
                    least_of_subsets(h);
                    let g = &g[(all ^ rest) * n_sets..][..n_sets];
                    for (q, value) in g.iter().zip(h.iter().rev()).map(|(a, b)| a + b).enumerate() {
                        if value < least {
                            (least, found) = (value, (rest, q));
                        }
                    }
                }
                let (rest, q) = found;
                let left = (purview ^ q) as u32;
                let of_rest = |q: &u32| g[rest * n_sets + *q as usize];
                let second = submasks(left)
                    .min_by(|a, b| of_rest(a).total_cmp(&of_rest(b)))
                    .expect("the empty set");
                Some(vec![((all ^ rest) as u32, q as u32), (rest as u32, second)])
            }
            _ => {
                let n = self.n_purview;
                let row = |m: usize| &g[m * n..][..n];
                steps(all / 2 * n);
                for rest in (2..=all).step_by(2) {
                    let both = row(all ^ rest).iter().zip(row(rest));
                    let value: f64 =
                        both.zip(row(0)).map(|((a, b), c)| smaller(smaller(*a, *b), *c)).sum();
                    if value < least {
                        (least, found) = (value, (rest, 0));
                    }
                }
                Some(self.assign(&[(all ^ found.0) as u32, found.0 as u32], g))
            }
        }
    }

    /// Effects: puts every unit of the purview into the block, of these or none, where its value is
    /// smallest; the first of equal ones, none coming first.
    fn assign(&self, blocks: &[u32], g: &[f64]) -> Vec<(u32, u32)> {
        let n = self.n_purview;
        let mut assigned: Vec<(u32, u32)> = blocks.iter().map(|&block| (block, 0)).collect();
        for p in 0..n {
            let mut least = (g[p], None);
            for (idx, &block) in blocks.iter().enumerate() {
                let value = g[block as usize * n + p];
                if value < least.0 {
                    least = (value, Some(idx));
                }
            }
            if let Some(idx) = least.1 {
                assigned[idx].1 |= 1 << p;
            }
        }
        assigned
    }

    /// The blocks of a cause partition with the smallest D - λc, without purview units that are in
    /// none; `None` if it was stopped: one search takes a second at 10 units, a minute at 12.
    fn cause_blocks(
        &self,
        lambda: f64,
        stop: &Stop,
        scratch: &mut MipScratch,
    ) -> Option<Vec<(u32, u32)>> {
        let looks_at_clock = self.n_mechanism + self.n_purview >= LONG_FROM;
        let n_sets = 1usize << self.n_purview;
        let all = (1usize << self.n_mechanism) - 1;
        let MipScratch { sizes, g, h } = scratch;
        self.weigh(lambda, sizes, g);
        // h, by half the set of mechanism units: the lowest unit of all is in the first block.
        h.clear();
        h.resize(n_sets << (self.n_mechanism - 1), 0.0);
        for m in (2..=all).step_by(2) {
            let (known, row) = h.split_at_mut((m >> 1) * n_sets);
            let row = &mut row[..n_sets];
            // m as one block, with the best subset of the purview units.
            row.copy_from_slice(&g[m * n_sets..][..n_sets]);
            least_of_subsets(row);
            let lowest = m & m.wrapping_neg();
            for rest in submasks((m ^ lowest) as u32).skip(1) {
                if looks_at_clock && stop.is_due() {
                    return None;
                }
                let rest = rest as usize;
                let block = m ^ rest;
                steps(3usize.pow(self.n_purview as u32));
                divide(
                    &g[block * n_sets..][..n_sets],
                    &known[(rest >> 1) * n_sets..][..n_sets],
                    row,
                );
            }
        }
        // The first block, which is not all of M. (The complete partition comes first: see
        // `submasks`.)
        let purview = n_sets - 1;
        let mut least = f64::INFINITY;
        let mut first = (0, 0);
        steps(all / 2 * n_sets);
        for rest in submasks((all ^ 1) as u32).skip(1) {
            let rest = rest as usize;
            let (g, h) = (&g[(all ^ rest) * n_sets..], &h[(rest >> 1) * n_sets..]);
            for q in 0..n_sets {
                let value = g[q] + h[purview ^ q];
                if value < least {
                    (least, first) = (value, (rest, q));
                }
            }
        }
        let mut blocks = vec![((all ^ first.0) as u32, first.1 as u32)];
        let cost = |m: usize| &g[m * n_sets..][..n_sets];
        let least = |m: usize| &h[(m >> 1) * n_sets..][..n_sets];
        trace(first.0, purview ^ first.1, cost, least, &mut blocks);
        Some(blocks)
    }

    /// The blocks of an effect partition with the smallest D - λc, without purview units that are
    /// in none; `None` if it was stopped.
    fn effect_blocks(
        &self,
        lambda: f64,
        stop: &Stop,
        scratch: &mut MipScratch,
    ) -> Option<Vec<(u32, u32)>> {
        let n = self.n_purview;
        let MipScratch { sizes, g, h } = scratch;
        self.weigh(lambda, sizes, g);
        // By set m: for every purview unit its smallest value over the non-empty subsets of m.
        h.clear();
        h.extend_from_slice(g);
        h[..n].fill(f64::INFINITY);
        steps(self.n_mechanism * h.len());
        for unit in 0..self.n_mechanism {
            for m in 0..1usize << self.n_mechanism {
                if m >> unit & 1 == 1 {
                    let (without, with) = h.split_at_mut(m * n);
                    let without = &without[(m ^ 1 << unit) * n..][..n];
                    with.iter_mut().zip(without).for_each(|(a, b)| *a = smaller(*a, *b));
                }
            }
        }
        let mut search = EffectSearch {
            n,
            all: UnitSet::all(self.n_mechanism).bits(),
            values: g,
            reachable: h,
            least: f64::INFINITY,
            chosen: Vec::new(),
            blocks: Vec::with_capacity(self.n_mechanism),
            stop,
            n_extended: 0,
            was_stopped: false,
        };
        let mut alone = [0.0; MAX_UNITS];
        alone[..n].copy_from_slice(&g[..n]);
        search.extend(search.all, &alone);
        let chosen = search.chosen;
        (!search.was_stopped).then(|| self.assign(&chosen, g))
    }

    /// All partitions that tie for the minimum, in the order of the listing: those that take as
    /// much for each severed pair, and as much in all. `None` if it was stopped.
    pub(crate) fn all_minima(&self, least: &Minimum, stop: &Stop) -> Option<Vec<Blocks>> {
        let normalized = |loss: f64, n_severed: f64| self.selectivity * (loss / n_severed);
        let (loss, n_severed) = self.loss(&least.blocks);
        let smallest = normalized(loss, n_severed);
        let (m, p) = (UnitSet::all(self.n_mechanism), UnitSet::all(self.n_purview));
        let (mut tied, mut n_seen) = (Vec::new(), 0u32);
        let flow = for_each_joint(m.bits(), p.bits(), |blocks| {
            n_seen = n_seen.wrapping_add(1);
            if n_seen.is_multiple_of(1024) && stop.is_due() {
                return ControlFlow::Break(());
            }
            let (loss, n_severed) = self.loss(blocks);
            if is_tied(normalized(loss, n_severed), smallest)
                && is_tied(self.selectivity * loss, least.phi)
            {
                tied.push(blocks.to_vec());
            }
            ControlFlow::Continue(())
        });
        flow.is_continue().then_some(tied)
    }

    /// As [`Problem::minimum`], by listing all partitions. Of those that tie it takes the one that
    /// the search finds, if that is among them: which of them it is, nothing in the theory says,
    /// and their φ differ in the last digits.
    pub(crate) fn minimum_of_list(
        &self,
        stop: &Stop,
        scratch: &mut MipScratch,
    ) -> MechanismOutcome {
        let (m, p) = (UnitSet::all(self.n_mechanism), UnitSet::all(self.n_purview));
        let for_each = |visit: &mut dyn FnMut(Listed<'_>)| -> ControlFlow<()> {
            let mut n_seen = 0u32;
            for_each_joint(m.bits(), p.bits(), |blocks| {
                n_seen = n_seen.wrapping_add(1);
                if n_seen.is_multiple_of(1024) && stop.is_due() {
                    return ControlFlow::Break(());
                }
                let (loss, n_severed) = self.loss(blocks);
                let phi = self.selectivity * loss;
                visit(Listed { blocks, phi, normalized: self.selectivity * (loss / n_severed) });
                ControlFlow::Continue(())
            })
        };
        let (mut smallest_phi, mut least) = (f64::INFINITY, f64::INFINITY);
        let mut flow = for_each(&mut |Listed { phi, normalized, .. }| {
            smallest_phi = smallest_phi.min(phi);
            least = least.min(normalized);
        });
        if flow.is_continue() && smallest_phi <= ZERO_TOLERANCE {
            return MechanismOutcome::Zero;
        }
        let mut largest: Option<Minimum> = None;
        if flow.is_continue() {
            flow = for_each(&mut |Listed { blocks, phi, normalized }| {
                let is_larger = |it: &Minimum| phi > it.phi && !is_tied(phi, it.phi);
                if is_tied(normalized, least) && largest.as_ref().is_none_or(is_larger) {
                    largest = Some(Minimum { phi, blocks: blocks.to_vec() });
                }
            });
        }
        let Some(listed) = largest.filter(|_| flow.is_continue()) else {
            return MechanismOutcome::Stopped;
        };
        match self.minimum(0.0, stop, scratch) {
            MechanismOutcome::Stopped => MechanismOutcome::Stopped,
            MechanismOutcome::Found(found) => {
                let (loss, n_severed) = self.loss(&found.blocks);
                let normalized = self.selectivity * (loss / n_severed);
                let is_equal = is_tied(normalized, least) && is_tied(found.phi, listed.phi);
                MechanismOutcome::Found(if is_equal { found } else { listed })
            }
            // The list says otherwise.
            MechanismOutcome::Zero | MechanismOutcome::Below => MechanismOutcome::Found(listed),
        }
    }
}

/// One partition of a list.
struct Listed<'a> {
    blocks: &'a [(u32, u32)],
    phi: f64,
    normalized: f64,
}

/// Room for a search.
#[derive(Debug, Default)]
pub(crate) struct MipScratch {
    sizes: Vec<f64>,
    g: Vec<f64>,
    h: Vec<f64>,
}

/// The search over the set partitions of a mechanism, block by block.
struct EffectSearch<'a> {
    n: usize,
    all: u32,
    /// By block and purview unit.
    values: &'a [f64],
    /// By set of mechanism units that are in no block yet and purview unit: the smallest value it
    /// may still get.
    reachable: &'a [f64],
    least: f64,
    chosen: Vec<u32>,
    blocks: Vec<u32>,
    stop: &'a Stop,
    n_extended: u32,
    was_stopped: bool,
}

impl EffectSearch<'_> {
    /// Puts the mechanism units `left` in blocks; `now` has every purview unit's smallest value so
    /// far.
    fn extend(&mut self, left: u32, now: &[f64; MAX_UNITS]) {
        let n = self.n;
        steps(2 * n);
        self.n_extended = self.n_extended.wrapping_add(1);
        if self.n_extended.is_multiple_of(4096) && self.stop.is_due() {
            self.was_stopped = true;
        }
        if self.was_stopped {
            return;
        }
        if left == 0 {
            let total: f64 = now[..n].iter().sum();
            if total < self.least {
                self.least = total;
                self.chosen.clone_from(&self.blocks);
            }
            return;
        }
        // No block to come gives a unit less than its smallest value over all subsets of what is
        // left.
        let reachable = &self.reachable[left as usize * n..][..n];
        let bound: f64 = now[..n].iter().zip(reachable).map(|(a, b)| smaller(*a, *b)).sum();
        if bound >= self.least {
            return;
        }
        let lowest = left & left.wrapping_neg();
        for rest in submasks(left ^ lowest) {
            let block = left ^ rest;
            if block == self.all {
                continue; // Not a partition.
            }
            let values = &self.values[block as usize * n..][..n];
            let mut next = *now;
            next.iter_mut().zip(values).for_each(|(a, b)| *a = smaller(*a, *b));
            self.blocks.push(block);
            self.extend(rest, &next);
            self.blocks.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A problem as they come: surprises that shrink, more or less, as more is known.
    fn random_problem(seed: u64, direction: Direction) -> Problem {
        let mut word = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = move || {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            word
        };
        let n_mechanism = 1 + (random() % 4) as usize;
        let n_purview = 1 + (random() % if n_mechanism == 4 { 3 } else { 4 }) as usize;
        // Half of them full of ties.
        let is_coarse = random().is_multiple_of(2);
        let selectivity = 0.05 + (random() % 90) as f64 / 100.0;
        let n_units = n_mechanism.max(n_purview);
        let noise: Vec<f64> =
            (0..n_units << n_units)
                .map(|_| {
                    if is_coarse { (random() % 3) as f64 } else { (random() % 1000) as f64 / 300.0 }
                })
                .collect();
        let surprise = |unit: usize, known: usize| {
            noise[unit << n_units | known] + 1.5 * (n_units as u32 - known.count_ones()) as f64
        };
        let mut problem = Problem::default();
        match direction {
            Direction::Cause => problem.cause(n_mechanism, n_purview, selectivity, surprise),
            Direction::Effect => problem.effect(n_mechanism, n_purview, selectivity, surprise),
        }
        problem
    }

    #[test]
    fn the_minimum_is_that_of_the_list() {
        let mut scratch = MipScratch::default();
        let mut n_found = 0;
        for seed in 0..4000 {
            for direction in [Direction::Cause, Direction::Effect] {
                let problem = random_problem(seed, direction);
                let found = problem.minimum(0.0, &Stop::never(), &mut scratch);
                let listed = problem.minimum_of_list(&Stop::never(), &mut scratch);
                match (&found, &listed) {
                    (MechanismOutcome::Zero, MechanismOutcome::Zero) => {}
                    (MechanismOutcome::Found(a), MechanismOutcome::Found(b)) => {
                        n_found += 1;
                        assert!(
                            is_tied(a.phi, b.phi),
                            "seed {seed} {direction:?}: {found:?}, listed {listed:?}"
                        );
                        // The partition is one of the list, and attains what is said of it.
                        let it = problem.evaluate(a.blocks.clone());
                        assert!(is_tied(problem.selectivity * it.loss, a.phi));
                        let it = problem.evaluate(b.blocks.clone());
                        assert_eq!(
                            it.blocks.iter().map(|b| b.0.count_ones()).sum::<u32>() as usize,
                            problem.n_mechanism
                        );
                        // No φ of a minimum is larger than that of the complete partition.
                        assert!(a.phi <= problem.selectivity * problem.complete().loss + 1e-12);
                    }
                    _ => panic!("seed {seed} {direction:?}: {found:?}, listed {listed:?}"),
                }
            }
        }
        assert!(n_found > 2000, "only {n_found} problems were irreducible");
    }

    #[test]
    fn a_search_ends_only_below_what_matters() {
        let mut scratch = MipScratch::default();
        for seed in 0..500 {
            for direction in [Direction::Cause, Direction::Effect] {
                let problem = random_problem(seed, direction);
                let MechanismOutcome::Found(minimum) =
                    problem.minimum(0.0, &Stop::never(), &mut scratch)
                else {
                    continue;
                };
                let exact =
                    problem.minimum(minimum.phi * (1.0 - 1e-9), &Stop::never(), &mut scratch);
                assert_eq!(exact, MechanismOutcome::Found(minimum));
            }
        }
    }
}
