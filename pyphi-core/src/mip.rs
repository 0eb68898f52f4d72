//! Small φ: the minimum over the partitions of one mechanism and purview, and the purview for which
//! it is largest.
//!
//! Effect side. An effect repertoire is a product over the units of the purview, so the EMD of a
//! partition is the sum over those units of the difference of their marginals, and every unit of
//! the purview may choose its part by itself: with the mechanism split into M1 and M2, unit j costs
//! the smaller of |e(M)_j - e(M1)_j| and |e(M)_j - e(M2)_j|. Only the split {∅, M} has a condition,
//! that ∅ gets at least one unit of the purview. No distribution is ever formed.
//!
//! Cause side. The EMD of a partition is at least the sum of the differences of the marginals (a
//! flow between two distributions over states, projected on one unit, is a flow between its
//! marginals, and the Hamming cost of a step is the number of units it changes). These sums are
//! cheap; the EMD itself is only computed where they do not already rule a partition out.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::cut_structure::Changed;
use crate::emd::{Emd, EmdSolver};
use crate::fixed::{Fixed, place_distribution, to_f64, to_fixed};
use crate::limits::{Stop, steps};
use crate::partition::{last, local_partitions};
use crate::repertoire::{
    Direction, RepertoireScratch, cause_repertoire, marginals, multiply, placed_product,
};
use crate::stats::Stats;
use crate::structure::TransportWorkspace;
use crate::symmetry::{Arrangement, KnownPhi, PhiCache, Symmetry};
use crate::tables::{Tables, Wiring};
use crate::tie_order::LocalOrder;
use crate::ties::{Choices, TiedPurviews};
use crate::transport::Transport;
use crate::unit_set::{bits, cmp_lexicographic, extract, submasks};

/// The amount by which a bound computed in floating point may exceed the truth: sums of at most 16
/// differences of numbers in [0, 1], each good to a few 1e-16, and the placing of both
/// distributions on the grid.
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

/// φ of (mechanism, purview) pairs on the cause side, intact and under cuts, as far as it is known;
/// shared by all threads. φ under a cut from A depends only on which units of the mechanism and of
/// the purview are in A, so cuts share it: a unit is in neither, or in one or both on either side,
/// which makes 7ⁿ values for all cuts. Beyond [`CauseMemo::MAX_UNITS_CUT`] units only the 4ⁿ values
/// of the intact system are kept.
#[derive(Debug)]
pub(crate) struct CauseMemo {
    /// By set of units, Σ baseᵘ over its units u.
    weights: Vec<u32>,
    /// `true` if cuts have slots.
    has_cuts: bool,
    /// 2φ, or 2 · an upper bound on φ + 1, as [`CauseMemo::swap`] keeps it. What is not known is 0,
    /// so that the system gives the table as it is, page by page: most searches of sparse systems
    /// touch little of it.
    values: Vec<AtomicI64>,
}

/// A value that no φ is.
const UNKNOWN: i64 = i64::MIN;

/// No φ is more than this: what is known of one whose search was stopped.
pub(crate) const ANY: KnownPhi = KnownPhi::AtMost(Fixed::MAX >> 2);

impl CauseMemo {
    /// Up to this size φ under cuts is remembered: 46 MiB.
    pub(crate) const MAX_UNITS_CUT: usize = 8;

    /// Values kept of each unit's ways to take part.
    fn base(n: usize) -> u32 {
        if n <= CauseMemo::MAX_UNITS_CUT { 7 } else { 4 }
    }

    pub(crate) fn n_slots(n: usize) -> u64 {
        u64::from(CauseMemo::base(n)).saturating_pow(n as u32)
    }

    pub(crate) fn new(n: usize) -> CauseMemo {
        let has_cuts = n <= CauseMemo::MAX_UNITS_CUT;
        let base = CauseMemo::base(n);
        let mut weights = vec![0];
        for unit in 0..n as u32 {
            weights.extend_from_within(..);
            let half = weights.len() / 2;
            weights[half..].iter_mut().for_each(|it| *it += base.pow(unit));
        }
        steps(CauseMemo::n_slots(n) as usize);
        CauseMemo { weights, has_cuts, values: zeros(CauseMemo::n_slots(n) as usize) }
    }

    /// From a value to what is kept of it, and back.
    fn swap(value: i64) -> i64 {
        value ^ UNKNOWN
    }

    /// Makes the memo ready for another subsystem of as many units.
    pub(crate) fn renew(&mut self) {
        self.values.iter_mut().for_each(|it| *it.get_mut() = 0);
    }

    /// Returns `true` if it has no slot.
    pub(crate) fn is_none(&self) -> bool {
        self.values.is_empty()
    }

    /// A memo without a slot.
    pub(crate) fn none() -> CauseMemo {
        CauseMemo { weights: Vec::new(), has_cuts: false, values: Vec::new() }
    }

    /// `from` is A of the cut, or `None` if nothing between mechanism and purview is severed.
    fn slot(&self, mechanism: u32, purview: u32, from: Option<u32>) -> Option<&AtomicI64> {
        if self.values.is_empty() || (from.is_some() && !self.has_cuts) {
            return None;
        }
        let weight = |set: u32| self.weights[set as usize] as usize;
        let (both, mechanism, purview) =
            (mechanism & purview, mechanism & !purview, purview & !mechanism);
        let mut idx = weight(mechanism) + 2 * weight(purview) + 3 * weight(both);
        if let Some(from) = from {
            // What is in A has three more digits to itself. Severed means that some of the purview
            // is.
            idx += 3 * weight((mechanism | purview | both) & from);
        }
        self.values.get(idx)
    }

    fn get(&self, mechanism: u32, purview: u32, from: Option<u32>) -> Option<KnownPhi> {
        // Whatever is in a slot is true, so no ordering is needed.
        let value = self.slot(mechanism, purview, from)?.load(Ordering::Relaxed);
        match CauseMemo::swap(value) {
            UNKNOWN => None,
            value if value & 1 == 0 => Some(KnownPhi::Exactly(value >> 1)),
            value => Some(KnownPhi::AtMost(value >> 1)),
        }
    }

    fn set(&self, mechanism: u32, purview: u32, from: Option<u32>, known: KnownPhi) {
        if let Some(slot) = self.slot(mechanism, purview, from) {
            let value = match known {
                KnownPhi::Exactly(phi) => phi << 1,
                KnownPhi::AtMost(phi) => phi << 1 | 1,
            };
            slot.store(CauseMemo::swap(value), Ordering::Relaxed);
        }
    }
}

/// So many zeros, which the system gives as they are.
fn zeros(n: usize) -> Vec<AtomicI64> {
    // On some 32-bit targets they are not aligned alike.
    if align_of::<i64>() != align_of::<AtomicI64>() {
        return (0..n).map(|_| AtomicI64::new(0)).collect();
    }
    let mut zeros = ManuallyDrop::new(vec![0i64; n]);
    let (start, length, capacity) = (zeros.as_mut_ptr(), zeros.len(), zeros.capacity());
    // SAFETY: these are the parts of a vector that is not dropped. `AtomicI64` has the size, the
    // values and, as was just seen, the alignment of `i64`.
    unsafe { Vec::from_raw_parts(start.cast::<AtomicI64>(), length, capacity) }
}

/// The rules of the search for small φ, without its scratch space.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SmallPhiRules {
    /// Values of at most this are 0; values this close are tied.
    pub(crate) tolerance: Fixed,
    /// `true` if bounds may spare work. Results are the same.
    pub(crate) prune: bool,
    /// `true` if every core cause and core effect is searched, to count ties among them.
    pub(crate) count_ties: bool,
    /// `true` if the result for one arrangement of interchangeable units is used for the others.
    /// Where there are such units, φ is worked out on the canonical arrangement in any case:
    /// results are the same.
    pub(crate) symmetry: bool,
    /// Which of the purviews that φ and size leave tied is chosen.
    pub(crate) order: LocalOrder,
    /// `true` if size prefers the purviews with fewest units to those with most.
    pub(crate) smallest_purview: bool,
    /// `true` if a mechanism without a concept in the intact system is taken to have none under a
    /// cut.
    pub(crate) no_new_concepts: bool,
}

impl SmallPhiRules {
    /// Those of IIT 3.0 as published, with all that saves work.
    pub(crate) fn published(tolerance: Fixed) -> SmallPhiRules {
        SmallPhiRules {
            tolerance,
            prune: true,
            count_ties: false,
            symmetry: true,
            order: LocalOrder::Lexicographic,
            smallest_purview: false,
            no_new_concepts: false,
        }
    }
}

/// Scratch space of one thread.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) repertoires: RepertoireScratch,
    pub(crate) emd: EmdSolver,
    pub(crate) stats: Stats,
    /// Searches in which several purviews were tied for the largest φ.
    pub(crate) n_tied_searches: u64,
    /// Choices that were left to the order among purviews, not decided by φ and size.
    pub(crate) n_open_choices: u64,
    pub(crate) p: Vec<Fixed>,
    pub(crate) q: Vec<Fixed>,
    whole: Vec<f64>,
    pub(crate) first: Vec<f64>,
    pub(crate) second: Vec<f64>,
    pub(crate) product: Vec<f64>,
    marginals: MarginalTable,
    bounds: Vec<Bound>,
    candidates: Vec<Candidate>,
    sums: Vec<Fixed>,
    effect_phi: Vec<Fixed>,
    /// For canonical arrangements, which have another wiring.
    canonical: Option<Box<Scratch>>,
    /// For the distances of distributions over states of units with more than two values.
    pub(crate) of_states: Transport,
    pub(crate) bound_record: BoundRecord,
    pub(crate) transport: TransportWorkspace,
    /// The lists of a cut structure.
    pub(crate) of_cut: (Vec<Changed>, Vec<bool>),
}

/// A record of how often the bound on a cut's distance, after the mechanisms of each size, has
/// decided the cut lately, where no plan says when it is worth trying.
#[derive(Debug, Default)]
pub(crate) struct BoundRecord {
    tried: [u32; 16],
    decided: [u32; 16],
    skipped: [u32; 16],
}

impl BoundRecord {
    /// Returns `true` if the bound should be tried. Where it seldom decides, it is tried every
    /// fourth time only.
    pub(crate) fn is_worth_trying(&mut self, size: usize) -> bool {
        let is_lucky = self.tried[size] < 8 || 8 * self.decided[size] >= self.tried[size];
        self.skipped[size] = if is_lucky { 0 } else { (self.skipped[size] + 1) % 4 };
        self.skipped[size] == 0
    }

    pub(crate) fn note(&mut self, size: usize, has_decided: bool) {
        if self.tried[size] == 32 {
            self.tried[size] /= 2;
            self.decided[size] /= 2;
        }
        self.tried[size] += 1;
        self.decided[size] += u32::from(has_decided);
    }
}

#[derive(Debug, Clone, Copy)]
struct Bound {
    value: f64,
    first_mechanism: u32,
    first_purview: u32,
}

impl Bound {
    /// Of no partition.
    const NONE: Bound = Bound { value: f64::INFINITY, first_mechanism: 0, first_purview: 0 };
}

impl Scratch {
    pub(crate) fn new(n: usize) -> Scratch {
        Scratch {
            repertoires: RepertoireScratch::default(),
            emd: EmdSolver::default(),
            stats: Stats::default(),
            n_tied_searches: 0,
            n_open_choices: 0,
            p: Vec::new(),
            q: Vec::new(),
            whole: Vec::new(),
            first: Vec::new(),
            second: Vec::new(),
            product: Vec::new(),
            marginals: MarginalTable::new(n),
            bounds: Vec::new(),
            candidates: Vec::new(),
            sums: Vec::new(),
            effect_phi: Vec::new(),
            canonical: None,
            of_states: Transport::default(),
            bound_record: BoundRecord::default(),
            transport: TransportWorkspace::default(),
            of_cut: Default::default(),
        }
    }

    /// Makes the room ready for another subsystem of as many units.
    pub(crate) fn renew(&mut self) {
        self.marginals.made_under.fill(NEVER);
        self.marginals.made_over.fill((NEVER, 0));
        self.bound_record = BoundRecord::default();
        self.transport.prices.clear();
        if let Some(canonical) = &mut self.canonical {
            canonical.renew();
        }
    }

    /// Gives back what grows with the values of the units, before the room is left for another
    /// subsystem of as many units.
    pub(crate) fn leave(&mut self) {
        self.of_states = Transport::default();
        if let Some(canonical) = &mut self.canonical {
            canonical.leave();
        }
    }

    /// Counts a choice.
    fn count(&mut self, core: Option<Core>) {
        self.n_tied_searches += u64::from(core.is_some_and(|core| core.n_tied > 1));
        self.n_open_choices += u64::from(core.is_some_and(|core| core.n_tied_in_size > 1));
    }
}

/// For every mechanism and purview the marginals of the cause repertoire, made when first asked
/// for.
#[derive(Debug)]
struct MarginalTable {
    n: usize,
    lanes: usize,
    entries: Vec<f64>,
    /// By row, the cut it was made under, as far as it matters to the row: see
    /// [`MarginalTable::tag`].
    made_under: Vec<u32>,
    /// By mechanism: the cut, and the purview over all subsets of which its rows are made under it.
    made_over: Vec<(u32, u32)>,
    /// The repertoires themselves, `2^n` places for each, of up to [`KEPT_UNITS`] units.
    repertoires: Vec<f64>,
}

/// Systems of up to so many units keep their repertoires: 256 KiB.
pub(crate) const KEPT_UNITS: usize = 5;

/// Of a row that was never made. It is 0, so that the system gives the table as it is, page by
/// page.
const NEVER: u32 = 0;

impl MarginalTable {
    fn new(n: usize) -> MarginalTable {
        // The tables are allocated on first use: the effect side does without.
        MarginalTable {
            n,
            lanes: n.next_multiple_of(4),
            entries: Vec::new(),
            made_under: Vec::new(),
            made_over: Vec::new(),
            repertoires: Vec::new(),
        }
    }

    /// The repertoire of a row, if it is kept.
    #[inline]
    fn repertoire(&self, wiring: &Wiring, mechanism: u32, purview: u32) -> Option<&[f64]> {
        if self.repertoires.is_empty() {
            return None;
        }
        let row = (mechanism as usize) << self.n | purview as usize;
        let is_made = self.made_under[row] == MarginalTable::tag(wiring, mechanism, purview);
        is_made.then(|| &self.repertoires[row << self.n..][..1 << purview.count_ones()])
    }

    /// Returns the parts of a cut A → B that a row depends on: the units of the purview in A and
    /// those of the mechanism in B. Where there are none of one of these nothing is severed, as in
    /// the intact system: 1. No cut has that, since it has no unit in A.
    #[inline]
    fn tag(wiring: &Wiring, mechanism: u32, purview: u32) -> u32 {
        let (from, to) = (purview & wiring.from, mechanism & wiring.to);
        if from == 0 || to == 0 { 1 } else { from << 16 | to }
    }

    /// Makes the rows of `mechanism` over all subsets of `purview`.
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
            self.entries = vec![0.0; self.lanes << (2 * self.n)];
            self.made_under = vec![NEVER; 1 << (2 * self.n)];
            self.made_over = vec![(NEVER, 0); 1 << self.n];
            if self.n <= KEPT_UNITS {
                self.repertoires = vec![0.0; 1 << (3 * self.n)];
            }
        }
        let cut = MarginalTable::tag(wiring, wiring.to, wiring.from);
        let (last_cut, last_purview) = self.made_over[mechanism as usize];
        if last_cut == cut && purview & !last_purview == 0 {
            return;
        }
        self.made_over[mechanism as usize] = (cut, purview);
        let rows = (mechanism as usize) << self.n..(mechanism as usize + 1) << self.n;
        let made_under = &mut self.made_under[rows.clone()];
        for p in submasks(purview) {
            let tag = MarginalTable::tag(wiring, mechanism, p);
            if std::mem::replace(&mut made_under[p as usize], tag) == tag {
                continue;
            }
            let row = rows.start | p as usize;
            let lanes = &mut self.entries[row * self.lanes..][..self.lanes];
            // Lanes outside the purview are 0, so that the rows of two parts can be added.
            lanes.as_chunks_mut::<4>().0.iter_mut().for_each(|lanes| *lanes = [0.0; 4]);
            let n_states = 1 << p.count_ones();
            let repertoire = if self.n <= KEPT_UNITS {
                &mut self.repertoires[row << self.n..][..n_states]
            } else {
                buffer.resize(n_states, 0.0);
                &mut buffer[..]
            };
            cause_repertoire(tables, wiring, mechanism, p, scratch, repertoire);
            marginals(repertoire, p, scratch, lanes);
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

    /// Calls `visit` with the bound of every partition of (mechanism, purview), in no particular
    /// order.
    #[inline(always)]
    fn for_each_bound<const LANES: usize>(
        &self,
        mechanism: u32,
        purview: u32,
        visit: &mut impl FnMut(Bound),
    ) {
        steps(((LANES / 4) << (mechanism.count_ones() + purview.count_ones())) / 2);
        let whole = &self.rows::<LANES>(mechanism)[purview as usize];
        let top = last(mechanism);
        for m1 in submasks(mechanism & !top) {
            let first = self.rows::<LANES>(m1);
            let second = self.rows::<LANES>(mechanism & !m1);
            for p1 in submasks(purview) {
                let value = distance(whole, &first[p1 as usize], &second[(purview & !p1) as usize]);
                if m1 | p1 != 0 {
                    visit(Bound { value, first_mechanism: m1, first_purview: p1 });
                }
            }
        }
    }

    #[inline(always)]
    fn for_each_bound_any(&self, mechanism: u32, purview: u32, visit: &mut impl FnMut(Bound)) {
        match self.lanes {
            4 => self.for_each_bound::<4>(mechanism, purview, visit),
            8 => self.for_each_bound::<8>(mechanism, purview, visit),
            12 => self.for_each_bound::<12>(mechanism, purview, visit),
            16 => self.for_each_bound::<16>(mechanism, purview, visit),
            lanes => unreachable!("no subsystem has {lanes} lanes"),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn for_each_bound_avx2(&self, mechanism: u32, purview: u32, visit: &mut impl FnMut(Bound)) {
        self.for_each_bound_any(mechanism, purview, visit);
    }

    /// As [`MarginalTable::for_each_bound`], with the widest vectors of this machine. They change
    /// nothing but the speed: every lane is computed by itself, and lanes are added in a fixed
    /// order.
    fn for_each(&self, mechanism: u32, purview: u32, mut visit: impl FnMut(Bound)) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature has just been detected.
            unsafe { self.for_each_bound_avx2(mechanism, purview, &mut visit) };
            return;
        }
        self.for_each_bound_any(mechanism, purview, &mut visit);
    }

    /// The bound of one partition.
    fn bound(&self, mechanism: u32, purview: u32, first: (u32, u32)) -> Bound {
        self.least_bound(mechanism, purview, std::iter::once(first)).0
    }

    /// The first of the smallest bounds of some partitions, each given by its first part, and their
    /// number.
    #[inline]
    fn least_bound(
        &self,
        mechanism: u32,
        purview: u32,
        partitions: impl Iterator<Item = (u32, u32)>,
    ) -> (Bound, u64) {
        let pair = (mechanism, purview);
        match self.lanes {
            4 => self.least_bound_of::<4>(pair, partitions),
            8 => self.least_bound_of::<8>(pair, partitions),
            12 => self.least_bound_of::<12>(pair, partitions),
            16 => self.least_bound_of::<16>(pair, partitions),
            lanes => unreachable!("no subsystem has {lanes} lanes"),
        }
    }

    #[inline(always)]
    fn least_bound_of<const LANES: usize>(
        &self,
        (mechanism, purview): (u32, u32),
        partitions: impl Iterator<Item = (u32, u32)>,
    ) -> (Bound, u64) {
        let (rows, _) = self.entries.as_chunks::<LANES>();
        let row = |m: u32, p: u32| &rows[(m as usize) << self.n | p as usize];
        let whole = row(mechanism, purview);
        let (mut least, mut n_bounded) = (Bound::NONE, 0);
        for (m1, p1) in partitions {
            let value = distance(whole, row(m1, p1), row(mechanism & !m1, purview & !p1));
            n_bounded += 1;
            if value < least.value {
                least = Bound { value, first_mechanism: m1, first_purview: p1 };
            }
        }
        (least, n_bounded)
    }
}

/// Σ |whole - first - second|, in a fixed order that vectors like.
#[inline(always)]
fn distance<const LANES: usize>(
    whole: &[f64; LANES],
    first: &[f64; LANES],
    second: &[f64; LANES],
) -> f64 {
    let mut sums = [0.0; 4];
    for lane in 0..LANES {
        sums[lane % 4] += (whole[lane] - first[lane] - second[lane]).abs();
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

/// Small φ of all mechanisms of one subsystem under one wiring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SmallPhi<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) wiring: &'a Wiring,
    pub(crate) memo: &'a CauseMemo,
    pub(crate) symmetry: &'a Symmetry,
    /// φ of causes that have been met, by canonical arrangement, where there are interchangeable
    /// units.
    pub(crate) cache: &'a PhiCache,
    pub(crate) rules: SmallPhiRules,
    /// When a search may return anything, since its result will not be read.
    pub(crate) stop: &'a Stop,
    /// The purviews, by size and then lexicographically.
    pub(crate) purviews: &'a [u32],
    /// The choices under this wiring, kept for other orders, if there will be any.
    pub(crate) choices: Option<&'a Choices>,
}

/// A purview that may be the core cause.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    purview: u32,
    known: Option<KnownPhi>,
    /// The most promising of the partitions that part one unit from the rest.
    simple: Bound,
}

impl SmallPhi<'_> {
    /// The core effect of a mechanism, or `None` if φ is 0 for every purview.
    pub(crate) fn core_effect(&self, mechanism: u32, scratch: &mut Scratch) -> Option<Core> {
        if let Some(core) = self.chosen_before(Direction::Effect, mechanism, scratch) {
            return core;
        }
        let reach = self.wiring.outputs(mechanism);
        // Interchangeable units are no help here: all purviews together cost less than looking a
        // few up.
        let phi: &[Fixed] = if self.wiring.is_connected(mechanism, reach) {
            self.effect_phi(mechanism, reach, scratch);
            &scratch.effect_phi
        } else {
            &[]
        };
        let within = self.within(if phi.is_empty() { 0 } else { reach });
        let is_all = reach.count_ones() as usize == self.tables.n;
        let at = |purview| if is_all { purview } else { extract(purview, reach) };
        let purviews = within.map(|purview| (purview, 1, phi[at(purview) as usize]));
        let core = self.choose(Direction::Effect, mechanism, purviews);
        scratch.count(core);
        core
    }

    /// The purviews of units in `reach`, in their order.
    fn within(&self, reach: u32) -> impl Iterator<Item = u32> + Clone {
        let purviews = if reach == 0 { &[] } else { self.purviews };
        purviews.iter().copied().filter(move |purview| purview & !reach == 0)
    }

    /// Purviews with how many each of them stands for: one of each kind, or all.
    fn kinds_of_purviews(&self, mechanism: u32) -> Vec<(u32, u32)> {
        if self.rules.symmetry {
            let mut kinds = self.symmetry.purviews(mechanism, self.wiring.from);
            // The last of the purviews is the largest that is looked at.
            let most = self.purviews.last().map_or(0, |it| it.count_ones());
            kinds.retain(|(purview, _)| purview.count_ones() <= most);
            kinds
        } else {
            self.purviews.iter().map(|&purview| (purview, 1)).collect()
        }
    }

    pub(crate) fn canonical_wiring(&self, canonical: Arrangement) -> Wiring {
        let all = ((1u64 << self.tables.n) - 1) as u32;
        match canonical.from {
            0 => Wiring::intact(self.tables),
            from => Wiring::cut(self.tables, from, all & !from),
        }
    }

    /// The core cause where there are interchangeable units: φ is worked out once for each
    /// arrangement.
    fn core_cause_by_kind(&self, mechanism: u32, scratch: &mut Scratch) -> Option<Core> {
        struct Kind {
            purview: u32,
            count: u32,
            arrangement: Arrangement,
            known: Option<KnownPhi>,
        }
        let tolerance = self.rules.tolerance;
        let mut best = 0;
        let mut kinds: Vec<Kind> = self
            .kinds_of_purviews(mechanism)
            .into_iter()
            .filter(|&(purview, _)| self.wiring.is_connected(purview, mechanism))
            .map(|(purview, count)| {
                let from = self.wiring.from & (mechanism | purview);
                let from = if self.is_severed(mechanism, purview) { from } else { 0 };
                let arrangement = self.symmetry.canonical(Arrangement { mechanism, purview, from });
                let known = if self.rules.symmetry { self.cache.get(&arrangement) } else { None };
                if let Some(KnownPhi::Exactly(phi)) = known {
                    best = best.max(phi);
                    scratch.stats.phi_reused += 1;
                }
                Kind { purview, count, arrangement, known }
            })
            .collect();
        // What may be large first: it spares the others.
        kinds.sort_by_key(|kind| match kind.known {
            Some(KnownPhi::Exactly(_)) => (Fixed::MIN, kind.purview),
            None => (Fixed::MIN + 1, kind.purview),
            Some(KnownPhi::AtMost(upper)) => (-upper, kind.purview),
        });
        let mut inner =
            scratch.canonical.take().unwrap_or_else(|| Box::new(Scratch::new(self.tables.n)));
        for kind in &mut kinds {
            let floor =
                if self.rules.prune { (best - tolerance).max(tolerance + 1) } else { Fixed::MIN };
            match kind.known {
                Some(KnownPhi::Exactly(_)) => continue,
                Some(KnownPhi::AtMost(upper)) if upper < floor => continue,
                _ => {}
            }
            if self.stop.is_due() {
                break;
            }
            let Arrangement { mechanism, purview, .. } = kind.arrangement;
            let wiring = self.canonical_wiring(kind.arrangement);
            let canonical = SmallPhi { wiring: &wiring, ..*self };
            let known = canonical.cause_phi_alone(mechanism, purview, floor, &mut inner);
            if let KnownPhi::Exactly(phi) = known {
                best = best.max(phi);
            }
            kind.known = Some(known);
            if self.rules.symmetry {
                self.cache.set(kind.arrangement, known);
            }
        }
        scratch.stats += std::mem::take(&mut inner.stats);
        scratch.canonical = Some(inner);
        let known = kinds.iter().filter_map(|kind| match kind.known {
            Some(KnownPhi::Exactly(phi)) => Some((kind.purview, kind.count, phi)),
            _ => None,
        });
        let core = self.choose(Direction::Cause, mechanism, known);
        scratch.count(core);
        core
    }

    /// φ of one pair, exactly; or a bound as soon as one is known that is below `floor`.
    fn cause_phi_alone(
        &self,
        mechanism: u32,
        purview: u32,
        floor: Fixed,
        scratch: &mut Scratch,
    ) -> KnownPhi {
        if let Some(values) = &self.tables.values {
            return self.cause_phi_of_values(values, mechanism, purview, floor, scratch);
        }
        self.place_whole(mechanism, purview, scratch);
        if self.rules.prune && floor > 0 {
            self.make_marginals(mechanism, purview, scratch);
            for unit in bits(mechanism) {
                self.make_marginals(mechanism & !(1 << unit), purview, scratch);
            }
            let simple = self.simple_bound(mechanism, purview, scratch);
            if let Some(upper) = self.bound_below(floor, mechanism, purview, simple, scratch) {
                scratch.stats.purviews_pruned += 1;
                return KnownPhi::AtMost(upper);
            }
        }
        if !self.make_all_marginals(submasks(mechanism), purview, scratch) {
            return ANY;
        }
        self.cause_phi(mechanism, purview, floor, scratch)
    }

    /// φ over all purviews of units in `reach`, into `scratch.effect_phi`, indexed by purview with
    /// its bits gathered at `reach`.
    fn effect_phi(&self, mechanism: u32, reach: u32, scratch: &mut Scratch) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature has just been detected.
            unsafe { self.effect_phi_avx2(mechanism, reach, scratch) };
            return;
        }
        self.effect_phi_any(mechanism, reach, scratch);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn effect_phi_avx2(&self, mechanism: u32, reach: u32, scratch: &mut Scratch) {
        self.effect_phi_any(mechanism, reach, scratch);
    }

    #[inline(always)]
    fn effect_phi_any(&self, mechanism: u32, reach: u32, scratch: &mut Scratch) {
        let n = reach.count_ones() as usize;
        let whole = self.effect_lanes(mechanism, mechanism, reach);
        let empty = self.effect_lanes(mechanism, 0, reach);
        let (phi, sums) = (&mut scratch.effect_phi, &mut scratch.sums);
        steps((1 << n) + ((1 << (n - 1)) << mechanism.count_ones()));
        phi.resize(1 << n, 0);
        sums.resize(1 << n, 0);
        // The split {∅, M}: one unit of the purview, the one that loses least.
        phi[0] = Fixed::MAX;
        for j in 0..n {
            let loss = (whole[j] - empty[j]).abs();
            let (without, with) = phi[..2 << j].split_at_mut(1 << j);
            with.iter_mut().zip(without).for_each(|(it, without)| *it = loss.min(*without));
        }
        let top = last(mechanism);
        for m1 in submasks(mechanism & !top).skip(1) {
            let first = self.effect_lanes(mechanism, m1, reach);
            let second = self.effect_lanes(mechanism, mechanism & !m1, reach);
            sums[0] = 0;
            for j in 0..n {
                let loss = (whole[j] - first[j]).abs().min((whole[j] - second[j]).abs());
                let (without, with) = sums[..2 << j].split_at_mut(1 << j);
                with.iter_mut().zip(without).for_each(|(it, without)| *it = loss + *without);
            }
            phi.iter_mut().zip(sums.iter()).for_each(|(phi, &sum)| *phi = (*phi).min(sum));
        }
        phi[0] = 0;
    }

    /// P(ON | part of the mechanism) of each unit of `reach`. Where units have more than two
    /// values, the distance of each unit from what it is given the whole mechanism, which is 0 of
    /// the whole: the differences between parts and the whole are the losses in either case.
    #[inline(always)]
    fn effect_lanes(&self, mechanism: u32, part: u32, reach: u32) -> [Fixed; 16] {
        if let Some(values) = &self.tables.values {
            return self.losses_of_values(values, mechanism, part, reach);
        }
        let mut lanes = [0; 16];
        let Wiring { from, to, .. } = *self.wiring;
        // What the units see that the cut leaves alone, and what the others see.
        let (all, some) = (self.tables.effect(part), self.tables.effect(part & !from));
        for (lane, j) in lanes.iter_mut().zip(bits(reach)) {
            *lane = if to >> j & 1 == 1 { some[j] } else { all[j] };
        }
        lanes
    }

    /// The core cause of a mechanism, or `None` if φ is 0 for every purview.
    pub(crate) fn core_cause(&self, mechanism: u32, scratch: &mut Scratch) -> Option<Core> {
        if let Some(core) = self.chosen_before(Direction::Cause, mechanism, scratch) {
            return core;
        }
        let reach = self.wiring.inputs_of(mechanism);
        // Where some of the mechanism hears nothing, or it falls into pieces that hear different
        // units, every purview has a partition that severs nothing.
        let reach = if self.wiring.is_connected(reach, mechanism) { reach } else { 0 };
        if reach != 0 && !self.symmetry.is_trivial() {
            return self.core_cause_by_kind(mechanism, scratch);
        }
        let mut candidates = std::mem::take(&mut scratch.candidates);
        let core = self.core_cause_among(&mut candidates, mechanism, reach, scratch);
        scratch.candidates = candidates;
        core
    }

    /// The core cause, among the purviews of units in `reach`, with room for their list.
    fn core_cause_among(
        &self,
        candidates: &mut Vec<Candidate>,
        mechanism: u32,
        reach: u32,
        scratch: &mut Scratch,
    ) -> Option<Core> {
        let tolerance = self.rules.tolerance;
        candidates.clear();
        let mut best = 0;
        for purview in self.within(reach) {
            if self.wiring.is_connected(purview, mechanism) {
                let known = self.memo.get(mechanism, purview, self.severed(mechanism, purview));
                if let Some(KnownPhi::Exactly(phi)) = known {
                    best = best.max(phi);
                    scratch.stats.phi_reused += 1;
                }
                candidates.push(Candidate { purview, known, simple: Bound::NONE });
            }
        }
        // A purview matters if it can reach or tie the best so far.
        let floor_of = |best: Fixed| {
            if self.rules.prune { (best - tolerance).max(tolerance + 1) } else { Fixed::MIN }
        };
        let is_open = |known: Option<KnownPhi>, floor: Fixed| match known {
            None => true,
            Some(KnownPhi::AtMost(upper)) => upper >= floor,
            Some(KnownPhi::Exactly(_)) => false,
        };
        let floor = floor_of(best);
        let reach = candidates
            .iter()
            .filter(|it| is_open(it.known, floor))
            .fold(0, |reach, it| reach | it.purview);
        let values = self.tables.values.as_deref();
        if reach != 0 && self.rules.prune && values.is_none() {
            let parts = bits(mechanism).map(|unit| mechanism & !(1 << unit));
            if !self.make_all_marginals(parts.chain([mechanism]), reach, scratch) {
                return None;
            }
            for candidate in candidates.iter_mut().filter(|it| is_open(it.known, floor)) {
                candidate.simple = self.simple_bound(mechanism, candidate.purview, scratch);
            }
            // From the most promising purview down: a large φ early on spares the others.
            candidates.sort_unstable_by(|a, b| {
                b.simple.value.total_cmp(&a.simple.value).then(a.purview.cmp(&b.purview))
            });
        }
        let mut has_all_marginals = false;
        for candidate in &mut *candidates {
            let floor = floor_of(best);
            if !is_open(candidate.known, floor) {
                if let Some(KnownPhi::AtMost(_)) = candidate.known {
                    scratch.stats.phi_reused += 1;
                }
                continue;
            }
            if self.stop.is_due() {
                return None;
            }
            let purview = candidate.purview;
            let known = if let Some(values) = values {
                self.cause_phi_of_values(values, mechanism, purview, floor, scratch)
            } else {
                self.place_whole(mechanism, purview, scratch);
                let bound = if self.rules.prune {
                    self.bound_below(floor, mechanism, purview, candidate.simple, scratch)
                } else {
                    None
                };
                if let Some(upper) = bound {
                    KnownPhi::AtMost(upper)
                } else {
                    if !has_all_marginals {
                        if !self.make_all_marginals(submasks(mechanism), reach, scratch) {
                            return None;
                        }
                        has_all_marginals = true;
                    }
                    self.cause_phi(mechanism, purview, floor, scratch)
                }
            };
            if values.is_some() && self.stop.is_due() {
                return None;
            }
            match known {
                KnownPhi::AtMost(_) => scratch.stats.purviews_pruned += 1,
                KnownPhi::Exactly(phi) => best = best.max(phi),
            }
            candidate.known = Some(known);
            self.memo.set(mechanism, purview, self.severed(mechanism, purview), known);
        }
        let known = candidates.iter().filter_map(|it| match it.known {
            Some(KnownPhi::Exactly(phi)) => Some((it.purview, 1, phi)),
            _ => None,
        });
        let core = self.choose(Direction::Cause, mechanism, known);
        scratch.count(core);
        core
    }

    /// The choice among what a search under another order found, if there was one.
    fn chosen_before(
        &self,
        direction: Direction,
        mechanism: u32,
        scratch: &mut Scratch,
    ) -> Option<Option<Core>> {
        let core = self.choices?.with(direction, mechanism, |tied| {
            tied.map(|tied| self.choose_among(direction, mechanism, tied))
        })?;
        scratch.count(core);
        Some(core)
    }

    /// Of the purviews tied for the largest φ the one with most units (or fewest, if the rules say
    /// so), and of those the first in the order asked for. Each purview comes with how many it
    /// stands for and with its φ.
    fn choose(
        &self,
        direction: Direction,
        mechanism: u32,
        purviews: impl Iterator<Item = (u32, u32, Fixed)> + Clone,
    ) -> Option<Core> {
        let is_largest = !self.rules.smallest_purview;
        if self.choices.is_none() && is_largest && self.rules.order == LocalOrder::Lexicographic {
            return self.choose_first(purviews);
        }
        let tied = TiedPurviews::new(purviews, self.rules.tolerance, self.rules.smallest_purview);
        let core = tied.as_ref().map(|tied| self.choose_among(direction, mechanism, tied));
        // A search that was stopped has not seen everything.
        if let Some(choices) = self.choices
            && !self.stop.is_due()
        {
            choices.keep(direction, mechanism, tied);
        }
        core
    }

    /// The first, in the order asked for, of the purviews that φ and size leave tied.
    fn choose_among(&self, direction: Direction, mechanism: u32, tied: &TiedPurviews) -> Core {
        let order = self.rules.order;
        let members = tied.kinds.iter().flat_map(|&(purview, count, phi)| {
            let alone = (count == 1).then_some(purview);
            let several = alone
                .is_none()
                .then(|| self.symmetry.members(purview, mechanism, self.wiring.from).into_iter());
            alone.into_iter().chain(several.into_iter().flatten()).map(move |it| (it, phi))
        });
        let (purview, phi) = members
            .min_by_key(|&(purview, _)| order.place(direction, mechanism, purview))
            .expect("something is tied with itself");
        Core { purview, phi, n_tied: tied.n_tied, n_tied_in_size: tied.n_tied_in_size }
    }

    /// As [`SmallPhi::choose`], for most units and in lexicographic order.
    fn choose_first(
        &self,
        purviews: impl Iterator<Item = (u32, u32, Fixed)> + Clone,
    ) -> Option<Core> {
        let tolerance = self.rules.tolerance;
        let best = purviews.clone().map(|(_, _, phi)| phi).max()?;
        if best <= tolerance {
            return None;
        }
        let mut core: Option<Core> = None;
        let mut n_tied = 0;
        for (purview, count, phi) in
            purviews.filter(|&(_, _, phi)| phi >= best - tolerance && phi > tolerance)
        {
            n_tied += count;
            let candidate = Core { purview, phi, n_tied: 0, n_tied_in_size: count };
            match &mut core {
                None => core = Some(candidate),
                Some(core) => match purview.count_ones().cmp(&core.purview.count_ones()) {
                    std::cmp::Ordering::Greater => *core = candidate,
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal => {
                        core.n_tied_in_size += count;
                        if cmp_lexicographic(purview, core.purview).is_lt() {
                            (core.purview, core.phi) = (purview, phi);
                        }
                    }
                },
            }
        }
        core.map(|core| Core { n_tied, ..core })
    }

    /// Returns `true` if the cut severs a connection from the purview to the mechanism.
    fn is_severed(&self, mechanism: u32, purview: u32) -> bool {
        bits(mechanism & self.wiring.to)
            .any(|j| self.tables.inputs[j] & self.wiring.from & purview != 0)
    }

    /// A of the cut, if the cut severs a connection from the purview to the mechanism.
    fn severed(&self, mechanism: u32, purview: u32) -> Option<u32> {
        self.is_severed(mechanism, purview).then_some(self.wiring.from)
    }

    fn make_marginals(&self, mechanism: u32, purview: u32, scratch: &mut Scratch) {
        let Scratch { marginals, repertoires, whole, .. } = scratch;
        marginals.make(self.tables, self.wiring, mechanism, purview, repertoires, whole);
    }

    /// As [`SmallPhi::make_marginals`], for several mechanisms. `false` if the analysis is to stop.
    fn make_all_marginals(
        &self,
        mut mechanisms: impl Iterator<Item = u32>,
        purview: u32,
        scratch: &mut Scratch,
    ) -> bool {
        mechanisms.all(|mechanism| {
            self.make_marginals(mechanism, purview, scratch);
            !self.stop.is_due()
        })
    }

    /// Of the partitions that part one unit of the purview, or one unit of the mechanism, from all
    /// the rest, the one with the smallest bound.
    fn simple_bound(&self, mechanism: u32, purview: u32, scratch: &mut Scratch) -> Bound {
        let top = last(mechanism);
        let of_purview = bits(purview).map(|unit| (0, 1 << unit));
        // The first part never has the highest unit of the mechanism.
        let of_mechanism = bits(mechanism).map(|unit| {
            if 1 << unit == top { (mechanism & !top, purview) } else { (1 << unit, 0) }
        });
        let simple = of_purview.chain(of_mechanism.filter(|_| mechanism != top));
        let (best, n_bounded) = scratch.marginals.least_bound(mechanism, purview, simple);
        scratch.stats.partitions_bounded += n_bounded;
        best
    }

    /// φ of one pair, exactly; or a bound as soon as one is known that is below `floor`. The whole
    /// repertoire has been placed.
    fn cause_phi(
        &self,
        mechanism: u32,
        purview: u32,
        floor: Fixed,
        scratch: &mut Scratch,
    ) -> KnownPhi {
        scratch.stats.purviews_evaluated += 1;
        let mut bounds = std::mem::take(&mut scratch.bounds);
        bounds.clear();
        let mut phi = Fixed::MAX;
        if self.rules.prune {
            let mut n_bounded = 0;
            let mut least = Bound::NONE;
            scratch.marginals.for_each(mechanism, purview, |bound| {
                n_bounded += 1;
                if bound.value < least.value {
                    least = bound;
                }
            });
            scratch.stats.partitions_bounded += n_bounded;
            if let Emd::Exact(value) | Emd::AtMost(value) =
                self.partition_emd(mechanism, purview, least, floor, Fixed::MAX, scratch)
            {
                phi = value;
            }
        }
        if phi >= floor {
            let limit = if self.rules.prune { to_f64(phi) + BOUND_SLACK } else { f64::INFINITY };
            scratch.marginals.for_each(mechanism, purview, |bound| {
                if bound.value <= limit {
                    bounds.push(bound);
                }
            });
            if self.rules.prune {
                bounds.sort_unstable_by(|a, b| a.value.total_cmp(&b.value));
            }
            for &bound in &bounds {
                let cannot_improve = to_fixed((bound.value - BOUND_SLACK).max(0.0)) >= phi;
                if self.rules.prune && (cannot_improve || phi < floor) {
                    break;
                }
                if self.stop.is_due() {
                    scratch.bounds = bounds;
                    return ANY;
                }
                let stop_at = if self.rules.prune { phi } else { Fixed::MAX };
                if let Emd::Exact(value) | Emd::AtMost(value) =
                    self.partition_emd(mechanism, purview, bound, floor, stop_at, scratch)
                {
                    phi = phi.min(value);
                }
            }
        }
        scratch.bounds = bounds;
        if phi >= floor { KnownPhi::Exactly(phi) } else { KnownPhi::AtMost(phi) }
    }

    fn place_whole(&self, mechanism: u32, purview: u32, scratch: &mut Scratch) {
        let Scratch { repertoires, whole, marginals, p, .. } = scratch;
        let whole = self.repertoire(mechanism, purview, marginals, repertoires, whole);
        p.resize(whole.len(), 0);
        place_distribution(whole, p);
    }

    /// The repertoire that is kept, or made in `room`.
    fn repertoire<'b>(
        &self,
        mechanism: u32,
        purview: u32,
        kept: &'b MarginalTable,
        scratch: &mut RepertoireScratch,
        room: &'b mut Vec<f64>,
    ) -> &'b [f64] {
        kept.repertoire(self.wiring, mechanism, purview).unwrap_or_else(|| {
            room.resize(1 << purview.count_ones(), 0.0);
            cause_repertoire(self.tables, self.wiring, mechanism, purview, scratch, room);
            room
        })
    }

    /// EMD between the whole repertoire (in `scratch.p`) and the partitioned one, as far as it is
    /// between `enough` and `stop_at`.
    fn partition_emd(
        &self,
        mechanism: u32,
        purview: u32,
        bound: Bound,
        enough: Fixed,
        stop_at: Fixed,
        scratch: &mut Scratch,
    ) -> Emd {
        let solved_before = scratch.emd.n_solved;
        let emd = match purview.count_ones() {
            1 => self.small_partition_emd::<2>(mechanism, purview, bound, stop_at, scratch),
            2 => self.small_partition_emd::<4>(mechanism, purview, bound, stop_at, scratch),
            3 => self.small_partition_emd::<8>(mechanism, purview, bound, stop_at, scratch),
            4 => self.small_partition_emd::<16>(mechanism, purview, bound, stop_at, scratch),
            _ => {
                self.place_partitioned(mechanism, purview, bound, scratch);
                scratch.emd.compare(&scratch.p, &scratch.q, enough, stop_at)
            }
        };
        scratch.stats.emds_solved += scratch.emd.n_solved - solved_before;
        emd
    }

    /// As [`SmallPhi::partition_emd`], over a purview with `N` states.
    fn small_partition_emd<const N: usize>(
        &self,
        mechanism: u32,
        purview: u32,
        bound: Bound,
        stop_at: Fixed,
        scratch: &mut Scratch,
    ) -> Emd {
        let Bound { first_mechanism: m1, first_purview: p1, .. } = bound;
        let Scratch { repertoires, first, second, marginals, p, emd, .. } = scratch;
        let (m2, p2) = (mechanism & !m1, purview & !p1);
        let first = self.repertoire(m1, p1, marginals, repertoires, first);
        let second = self.repertoire(m2, p2, marginals, repertoires, second);
        let q = placed_product::<N>(first, extract(p1, purview), second);
        emd.compare_small(p, &q, stop_at)
    }

    /// An upper bound on φ that is below `floor`, if the EMD of this one partition gives one.
    fn bound_below(
        &self,
        floor: Fixed,
        mechanism: u32,
        purview: u32,
        bound: Bound,
        scratch: &mut Scratch,
    ) -> Option<Fixed> {
        match self.partition_emd(mechanism, purview, bound, floor, floor, scratch) {
            Emd::Exact(value) | Emd::AtMost(value) if value < floor => Some(value),
            _ => None,
        }
    }

    /// The partitioned repertoire, into `scratch.q`.
    fn place_partitioned(&self, mechanism: u32, purview: u32, bound: Bound, scratch: &mut Scratch) {
        let Bound { first_mechanism: m1, first_purview: p1, .. } = bound;
        let Scratch { repertoires, first, second, product, q, marginals, .. } = scratch;
        let (m2, p2) = (mechanism & !m1, purview & !p1);
        let first = self.repertoire(m1, p1, marginals, repertoires, first);
        let second = self.repertoire(m2, p2, marginals, repertoires, second);
        multiply(first, p1, second, purview, repertoires, product);
        q.resize(product.len(), 0);
        place_distribution(product, q);
    }

    /// φ of one pair on the cause side with its MIP: the first of the partitions tied for it.
    /// Anything, if the analysis is to stop.
    pub(crate) fn cause_mip(
        &self,
        mechanism: u32,
        purview: u32,
        scratch: &mut Scratch,
    ) -> (Fixed, (u32, u32)) {
        let (phi, mips) = self.cause_mips(mechanism, purview, 1, scratch);
        (phi, mips.first().copied().unwrap_or((0, 0)))
    }

    /// φ of one pair on the cause side with the first `most` of the partitions tied for it. Some,
    /// if the analysis is to stop.
    pub(crate) fn cause_mips(
        &self,
        mechanism: u32,
        purview: u32,
        most: usize,
        scratch: &mut Scratch,
    ) -> (Fixed, Vec<(u32, u32)>) {
        let known = if let Some(values) = &self.tables.values {
            self.cause_phi_of_values(values, mechanism, purview, Fixed::MIN, scratch)
        } else {
            if !self.make_all_marginals(submasks(mechanism), purview, scratch) {
                return (0, Vec::new());
            }
            self.place_whole(mechanism, purview, scratch);
            self.cause_phi(mechanism, purview, Fixed::MIN, scratch)
        };
        let KnownPhi::Exactly(phi) = known else {
            // No φ is below that floor.
            return (0, Vec::new());
        };
        let mut mips = Vec::new();
        let is_whole = self.for_each_cause_mip(phi, mechanism, purview, scratch, |mip| {
            mips.push(mip);
            mips.len() < most
        });
        assert!(!is_whole || !mips.is_empty(), "the partition whose EMD is φ is listed");
        (phi, mips)
    }

    /// The first of the partitions tied for φ, which is known, on the cause side. Anything, if the
    /// analysis is to stop.
    pub(crate) fn cause_mip_at(
        &self,
        phi: Fixed,
        mechanism: u32,
        purview: u32,
        scratch: &mut Scratch,
    ) -> (u32, u32) {
        let mut first = None;
        let is_binary = self.tables.values.is_none();
        if !is_binary || self.make_all_marginals(submasks(mechanism), purview, scratch) {
            if is_binary {
                self.place_whole(mechanism, purview, scratch);
            }
            let is_whole = self.for_each_cause_mip(phi, mechanism, purview, scratch, |mip| {
                first = Some(mip);
                false
            });
            assert!(!is_whole || first.is_some(), "the partition whose EMD is φ is listed");
        }
        first.unwrap_or((0, 0))
    }

    /// Goes through the partitions tied for φ on the cause side, in order and as long as `visit`
    /// says so. Of binary units the marginals are made and the whole repertoire is placed before.
    /// Returns `false` if the analysis is to stop.
    fn for_each_cause_mip(
        &self,
        phi: Fixed,
        mechanism: u32,
        purview: u32,
        scratch: &mut Scratch,
        mut visit: impl FnMut((u32, u32)) -> bool,
    ) -> bool {
        let limit = phi + self.rules.tolerance;
        if let Some(values) = &self.tables.values {
            return self.for_each_tied_of_values(values, limit, mechanism, purview, scratch, visit);
        }
        for (m1, p1) in local_partitions(mechanism, purview) {
            if self.stop.is_due() {
                return false;
            }
            let bound = scratch.marginals.bound(mechanism, purview, (m1, p1));
            if to_fixed((bound.value - BOUND_SLACK).max(0.0)) > limit {
                continue;
            }
            if let Emd::Exact(value) =
                self.partition_emd(mechanism, purview, bound, Fixed::MIN, limit + 1, scratch)
                && value <= limit
                && !visit((m1, p1))
            {
                break;
            }
        }
        true
    }

    /// φ of one pair on the effect side with its MIP.
    pub(crate) fn effect_mip(&self, mechanism: u32, purview: u32) -> (Fixed, (u32, u32)) {
        let (phi, mips) = self.effect_mips(mechanism, purview, 1);
        (phi, mips[0])
    }

    /// φ of one pair on the effect side with the first `most` of the partitions tied for it.
    pub(crate) fn effect_mips(
        &self,
        mechanism: u32,
        purview: u32,
        most: usize,
    ) -> (Fixed, Vec<(u32, u32)>) {
        let mut phi = Fixed::MAX;
        self.for_each_effect_loss(mechanism, purview, |_, loss| {
            phi = phi.min(loss);
            true
        });
        let mut tied = Vec::new();
        self.for_each_effect_loss(mechanism, purview, |first, loss| {
            if loss <= phi + self.rules.tolerance {
                tied.push(first);
            }
            tied.len() < most
        });
        (phi, tied)
    }

    /// The first of the partitions tied for φ, which is known, on the effect side.
    pub(crate) fn effect_mip_at(&self, phi: Fixed, mechanism: u32, purview: u32) -> (u32, u32) {
        let mut mip = None;
        self.for_each_effect_loss(mechanism, purview, |first, loss| {
            if loss <= phi + self.rules.tolerance {
                mip = Some(first);
            }
            mip.is_none()
        });
        mip.expect("the partition whose loss is φ is listed")
    }

    /// Goes through the partitions of one pair as [`local_partitions`] lists them, each with its
    /// distance on the effect side, as long as `visit` says so.
    #[inline]
    fn for_each_effect_loss(
        &self,
        mechanism: u32,
        purview: u32,
        mut visit: impl FnMut((u32, u32), Fixed) -> bool,
    ) {
        let whole = self.effect_lanes(mechanism, mechanism, purview);
        let n_units = purview.count_ones() as usize;
        for m1 in submasks(mechanism & !last(mechanism)) {
            // What each unit of the purview loses in the first and in the second part.
            let lost = [m1, mechanism & !m1].map(|part| {
                let mut lanes = self.effect_lanes(mechanism, part, purview);
                for (lane, whole) in lanes.iter_mut().zip(&whole).take(n_units) {
                    *lane = (whole - *lane).abs();
                }
                lanes
            });
            for (first, p1) in submasks(purview).enumerate() {
                let loss = (0..n_units).map(|lane| lost[usize::from(first >> lane & 1 == 0)][lane]);
                if m1 | p1 != 0 && !visit((m1, p1), loss.sum()) {
                    return;
                }
            }
        }
    }
}

/// Everything a search for small φ borrows, for tests.
#[cfg(test)]
pub(crate) struct Workbench<'a> {
    subsystem: &'a crate::subsystem::Subsystem,
    memo: CauseMemo,
    symmetry: Symmetry,
    cache: PhiCache,
    stop: Stop,
    prune: bool,
    pub(crate) subsets: &'static [u32],
}

#[cfg(test)]
impl<'a> Workbench<'a> {
    pub(crate) fn new(subsystem: &'a crate::subsystem::Subsystem, prune: bool) -> Workbench<'a> {
        let n = subsystem.n_units();
        let symmetry = Symmetry::find(&subsystem.tables);
        Workbench {
            subsystem,
            memo: if prune { CauseMemo::new(n) } else { CauseMemo::none() },
            cache: PhiCache::for_twins(&symmetry),
            symmetry,
            stop: Stop::never(),
            prune,
            subsets: crate::tables::subsets_by_size(n),
        }
    }

    pub(crate) fn small_phi(&'a self, wiring: &'a Wiring) -> SmallPhi<'a> {
        SmallPhi {
            tables: &self.subsystem.tables,
            wiring,
            memo: &self.memo,
            symmetry: &self.symmetry,
            cache: &self.cache,
            rules: SmallPhiRules {
                prune: self.prune,
                symmetry: self.prune,
                ..SmallPhiRules::published(self.subsystem.tolerance_fixed())
            },
            stop: &self.stop,
            purviews: self.subsets,
            choices: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{complete_majority, generic_logistic};
    use crate::subsystem::Subsystem;

    /// Core causes with and without bounds and what cuts share, of every `step`-th mechanism of at
    /// most `largest` units under some cuts.
    fn check(subsystem: &Subsystem, largest: u32, step: usize, cuts: &[u32]) {
        let n = subsystem.n_units();
        let (pruned, exhaustive) =
            (Workbench::new(subsystem, true), Workbench::new(subsystem, false));
        let (mut scratch, mut other) = (Scratch::new(n), Scratch::new(n));
        let all = (1 << n) - 1;
        for &from in cuts {
            let wiring = match from {
                0 => Wiring::intact(&subsystem.tables),
                from => Wiring::cut(&subsystem.tables, from, all & !from),
            };
            let mechanisms =
                pruned.subsets.iter().filter(|it| it.count_ones() <= largest).step_by(step);
            for &mechanism in mechanisms {
                let core = pruned.small_phi(&wiring).core_cause(mechanism, &mut scratch);
                let expected = exhaustive.small_phi(&wiring).core_cause(mechanism, &mut other);
                assert_eq!(core, expected, "n = {n}, mechanism {mechanism:b}, cut from {from:b}");
                let effect = pruned.small_phi(&wiring).core_effect(mechanism, &mut scratch);
                assert_eq!(
                    effect,
                    exhaustive.small_phi(&wiring).core_effect(mechanism, &mut other)
                );
            }
        }
        assert!(scratch.stats.emds_solved < other.stats.emds_solved, "the bounds spare nothing");
    }

    #[test]
    fn bounds_change_nothing_up_to_eight_units() {
        check(&generic_logistic(6, 2), 3, 7, &[0, 0b000001, 0b011010]);
        check(&generic_logistic(7, 3), 2, 6, &[0, 0b1000000, 0b0011010]);
        check(&generic_logistic(8, 4), 2, 17, &[0b00000110]);
        check(&complete_majority(6), 3, 7, &[0, 0b000001, 0b011010]);
        check(&complete_majority(7), 2, 9, &[0b0011010]);
    }

    /// The marginal bound is at most the EMD of the partition, and the EMD at most the cheap upper
    /// bound.
    #[test]
    fn bounds_of_partitions_hold() {
        for seed in 0..3 {
            let subsystem = generic_logistic(5, seed);
            let bench = Workbench::new(&subsystem, true);
            let mut scratch = Scratch::new(5);
            for from in [0, 0b00101, 0b11100] {
                let wiring = match from {
                    0 => Wiring::intact(&subsystem.tables),
                    from => Wiring::cut(&subsystem.tables, from, 0b11111 & !from),
                };
                let small_phi = bench.small_phi(&wiring);
                for (mechanism, purview) in
                    [(0b00111, 0b11111), (0b11010, 0b01110), (0b10000, 0b10101)]
                {
                    for part in submasks(mechanism) {
                        small_phi.make_marginals(part, purview, &mut scratch);
                    }
                    small_phi.place_whole(mechanism, purview, &mut scratch);
                    for (m1, p1) in local_partitions(mechanism, purview) {
                        let bound = scratch.marginals.bound(mechanism, purview, (m1, p1));
                        let emd = small_phi.partition_emd(
                            mechanism,
                            purview,
                            bound,
                            Fixed::MIN,
                            Fixed::MAX,
                            &mut scratch,
                        );
                        let Emd::Exact(emd) = emd else { panic!("nothing is above the bound") };
                        assert!(bound.value - BOUND_SLACK <= to_f64(emd));
                    }
                }
            }
        }
    }
}
