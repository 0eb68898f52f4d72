//! The minimum information partition of a system without listing the partitions.
//!
//! A partition gives every part Q a direction: its inputs cut (I, the union of these parts), its
//! outputs cut (O) or both (B). By `side`, its φ on the side d is
//! `φ_d = R_d · (Σ_{Q in I, B} own_d(Q) + Σ_{Q in O} known_d(Q, I) - whole_d)`, and it cuts
//! `c = n² - Σ_Q |Q|² - |I||O|` pairs. Wanted are all partitions whose `min(φ_0, φ_1) / c` is
//! within the tolerance of the smallest one, of which the rules of ties then choose.
//!
//! **Each side alone.** min(φ_0, φ_1) / c is at most ρ if and only if φ_0 / c or φ_1 / c is. So
//! what is wanted are the partitions that have φ_d / c ≤ ρ, for d = 0 and for d = 1.
//!
//! **A given ratio.** φ_d / c ≤ ρ if and only if φ_d - ρ c ≤ 0, since c > 0. With μ = ρ / R_d,
//! `(φ_d - ρ c) / R_d = Σ_{Q in I, B} w(Q) + Σ_{Q in O} v_I(Q) + μ |I||O| - whole_d - μ n²`, where
//! w(Q) = own_d(Q) + μ |Q|² and v_I(Q) = known_d(Q, I) + μ |Q|². For given I and O the parts of I,
//! of O and of the rest are chosen independently: the minimum is
//! `w*(I) + v_I*(O) + w*(rest) + μ |I||O|`, where f* is the best split of a set,
//! `f*(S) = min over Q ⊆ S with the highest unit of S of f(Q) + f*(S - Q)`. That is 3ⁿ steps for
//! w*, 3^(n - |I|) for each I, which makes 4ⁿ together, and 3ⁿ for the pairs (I, O). If I or O is
//! empty, nothing stays connected between parts, all parts are in B, and there must be two of them.
//!
//! **The smallest ratio** is found by Dinkelbach's method. Let r be the ratio of some partition, to
//! begin with the smallest among those into two parts, and ρ = r + 1.5 tolerances. The partition
//! that makes φ_d - ρ c smallest is evaluated; if its ratio is less than r by more than a quarter
//! of the tolerance, it takes the place of r, and so on. Each time r gets smaller by so much at
//! least, so this ends (after two or three rounds). It may end above the smallest ratio s, but
//! r ≥ s, and that is all that matters: everything that ties with s has a ratio of at most
//! ρ > s + tolerance.
//!
//! **All that tie.** The partitions that have φ_d - ρ c ≤ 0 are walked through in the tables of the
//! last round: whatever the minimum of a set exceeds its share by is taken from the room that is
//! left, and where none is left there is nothing to be found. The sums are rounded, so the walk has
//! that much more room: it finds all that are wanted and perhaps others. Each that is found is
//! evaluated as the listing evaluates it, counts on the side that has the smaller φ (so once), and
//! is judged by the rules of ties.
//!
//! **φ_s = 0.** A partition that makes no difference (φ ≤ 1e-13) has a smaller ratio than 1e-13,
//! which is below r + tolerance for any r > 0: it would be among those walked through. If there is
//! one, the first in the order of the enumeration is reported. It is found unit by unit: parts of
//! the first k units are kept as they are, as single elements no two of which share a part, and the
//! same recursion with μ = 0 tells whether any partition that extends them makes no difference.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::listing::Directions;
use super::measure::{TIE_TOLERANCE, ZERO_TOLERANCE};
use super::side::{CandidatePartition, Sides, Smallest};
use crate::limits::{Options, Phase, Stop, Watch, steps};
use crate::unit_set::{UnitSet, bits, submasks};

/// Sets of this many elements or more are searched on all threads: fewer take less than 2 ms.
const PARALLEL_FROM: usize = 10;

/// Sums of the recursion are rounded by less than this fraction of their largest term.
const ROUNDING: f64 = 1e-13;

/// A number for each of the two sides.
type Both = [f64; 2];

/// Is told the parts of a partition, and the units whose inputs and those whose outputs are cut.
type Visit<'v, B> = dyn FnMut(&[u32], [u32; 2]) -> ControlFlow<B> + 'v;

/// The outcome of a search for the minimum information partition.
pub(crate) enum SystemOutcome {
    /// A partition that makes no difference; the first one, if the search is complete.
    Zero { partition: CandidatePartition, is_complete: bool },
    /// The partition, and how many tie with it; any, if the search is not complete.
    Found { partition: CandidatePartition, n_ties: u64, is_complete: bool },
    /// The search was stopped before it had seen any.
    Nothing,
}

impl SystemOutcome {
    pub(crate) fn of(found: Option<(CandidatePartition, u64)>, is_complete: bool) -> SystemOutcome {
        match found {
            Some((partition, n_ties)) => SystemOutcome::Found { partition, n_ties, is_complete },
            None => SystemOutcome::Nothing,
        }
    }
}

/// Searches the partitions of a system of 2 units or more.
pub(crate) fn search(
    sides: Sides,
    options: &Options,
    stop: &Stop,
    began: Instant,
) -> SystemOutcome {
    Search { sides, table: &SideTables::new(sides), options, stop, began }.run()
}

/// Memory of [`search`] for a system of `n_units`, in bytes; `None` if that does not fit in a
/// `u64`: both sides twice; elements, costs, splits, minima and what was found by set; and on each
/// thread costs and splits for one set of parts whose inputs are cut.
pub(crate) fn bytes(n_units: usize, n_threads: usize) -> Option<u64> {
    let sets = 1u64.checked_shl(u32::try_from(n_units).ok()?).filter(|&sets| sets > 0)?;
    let shared = sets.checked_mul(4 * 8 * (n_units as u64 + 1) + 4 + 3 * 16 + 128)?;
    shared.checked_add(sets.checked_mul(20 + 2 * 16)?.checked_mul(n_threads as u64)?)
}

struct Search<'a> {
    sides: Sides<'a>,
    table: &'a SideTables,
    options: &'a Options,
    stop: &'a Stop,
    began: Instant,
}

/// The reason for which a walk ends before it is through.
enum End {
    Stopped,
    /// A partition that makes no difference.
    Zero(CandidatePartition),
}

impl Search<'_> {
    fn run(&self) -> SystemOutcome {
        let mut best = match self.bipartition() {
            ControlFlow::Continue(best) => best,
            ControlFlow::Break(End::Zero(zero)) => return self.first_zero(zero),
            ControlFlow::Break(End::Stopped) => return SystemOutcome::Nothing,
        };
        loop {
            let stopped = SystemOutcome::of(Some((best.clone(), 1)), false);
            let round = Round::of_ratio(self.table, best.cut.normalized());
            let Some(minima) = self.minima(&round) else { return stopped };
            let Some(better) = self.better(&round, &minima) else { return stopped };
            if better.cut.is_zero() {
                return self.first_zero(better);
            }
            let ratio = best.cut.normalized();
            if better.cut.normalized() < ratio - 0.25 * TIE_TOLERANCE * ratio.max(1.0) {
                best = better;
                continue;
            }
            return match self.all_within(&round, &minima) {
                ControlFlow::Continue(smallest) => SystemOutcome::of(smallest.choose(), true),
                ControlFlow::Break(End::Zero(zero)) => self.first_zero(zero),
                ControlFlow::Break(End::Stopped) => stopped,
            };
        }
    }

    /// The smallest normalized φ among partitions into two parts.
    fn bipartition(&self) -> ControlFlow<End, CandidatePartition> {
        let all = UnitSet::all(self.sides.n).bits();
        let mut best: Option<CandidatePartition> = None;
        // The first part is the one with unit 0.
        for first in (1..all).step_by(2) {
            if first % 512 == 1 && self.stop.is_due() {
                return ControlFlow::Break(End::Stopped);
            }
            steps(4 * self.sides.n);
            let parts = [first, all ^ first];
            for [inputs_cut, outputs_cut] in [[0, 0], parts, [parts[1], parts[0]]] {
                let cut = self.sides.evaluate(&parts, inputs_cut, outputs_cut);
                if cut.is_zero() {
                    let zero = CandidatePartition { cut, parts: parts.to_vec() };
                    return ControlFlow::Break(End::Zero(zero));
                }
                if best.as_ref().is_none_or(|it| cut.normalized() < it.cut.normalized()) {
                    best = Some(CandidatePartition { cut, parts: parts.to_vec() });
                }
            }
        }
        best.map_or(ControlFlow::Break(End::Stopped), ControlFlow::Continue)
    }

    /// Does some work for every set of elements whose inputs may be cut, the empty one included,
    /// and collects it by the set; `None` if it was stopped.
    fn for_each_set<T: Send>(
        &self,
        round: &Round,
        work: impl Fn(&mut Room, u32) -> Option<T> + Sync,
    ) -> Option<Vec<T>> {
        let sets = 0..1u32 << round.n_elements;
        let look = |room: &mut Room, set: u32| {
            if self.stop.is_due() { None } else { work(room, set) }
        };
        if round.n_elements < PARALLEL_FROM {
            let mut room = Room::default();
            return sets.map(|set| look(&mut room, set)).collect();
        }
        sets.into_par_iter().map_init(Room::default, look).collect()
    }

    /// The minima of a round by I; `None` if the search was stopped.
    fn minima(&self, round: &Round) -> Option<Vec<Both>> {
        let n_sets = 1 << round.n_elements;
        let watch = Watch::new(self.options, self.began, Phase::SystemPartitions, n_sets);
        self.for_each_set(round, |room, set| {
            let minimum = round.minimum(set, room);
            watch.add(1, None);
            Some(minimum)
        })
    }

    /// The better one of the partitions where the sides are smallest.
    fn better(&self, round: &Round, minima: &[Both]) -> Option<CandidatePartition> {
        let mut best: Option<CandidatePartition> = None;
        for lane in self.lanes() {
            let smallest = |it: &usize| minima[*it][lane];
            let set = (0..minima.len()).min_by(|a, b| smallest(a).total_cmp(&smallest(b)))?;
            let mut room = Room::default();
            // One will do.
            let _ = round.walk(lane, set as u32, smallest(&set), &mut room, &mut |parts, cut| {
                let cut = self.sides.evaluate(parts, cut[0], cut[1]);
                if best.as_ref().is_none_or(|it| cut.normalized() < it.cut.normalized()) {
                    best = Some(CandidatePartition { cut, parts: parts.to_vec() });
                }
                ControlFlow::Break(())
            });
        }
        best
    }

    /// The sides that there are.
    fn lanes(&self) -> impl Iterator<Item = usize> + use<> {
        let sides = self.sides.sides.map(|side| side.is_some());
        (0..2).filter(move |&lane| sides[lane])
    }

    /// All partitions that may be at most the ratio of the round.
    fn all_within(&self, round: &Round, minima: &[Both]) -> ControlFlow<End, Smallest> {
        let found = self.for_each_set(round, |room, set| {
            let mut smallest = Smallest::new(self.sides.n);
            let mut n_seen = 0u32;
            for lane in self.lanes() {
                let most = round.rounding[lane];
                if minima[set as usize][lane] > most {
                    continue;
                }
                let flow = round.walk(lane, set, most, room, &mut |parts, cut| {
                    n_seen += 1;
                    if n_seen.is_multiple_of(256) && self.stop.is_due() {
                        return ControlFlow::Break(End::Stopped);
                    }
                    let cut = self.sides.evaluate(parts, cut[0], cut[1]);
                    let smaller = if cut.sides[0] <= cut.sides[1] { 0 } else { 1 };
                    if lane != smaller {
                        return ControlFlow::Continue(());
                    }
                    if cut.is_zero() {
                        let zero = CandidatePartition { cut, parts: parts.to_vec() };
                        return ControlFlow::Break(End::Zero(zero));
                    }
                    smallest.offer(parts, cut);
                    ControlFlow::Continue(())
                });
                if let ControlFlow::Break(end) = flow {
                    return Some(Err(end));
                }
            }
            Some(Ok(smallest))
        });
        let Some(found) = found else { return ControlFlow::Break(End::Stopped) };
        let mut all = Smallest::new(self.sides.n);
        for found in found {
            match found {
                Ok(smallest) => all = all.merge(smallest),
                Err(end) => return ControlFlow::Break(end),
            }
        }
        ControlFlow::Continue(all)
    }

    /// The first partition that makes no difference, where there is this one.
    fn first_zero(&self, any: CandidatePartition) -> SystemOutcome {
        let mut parts = Vec::new();
        match self.extend(0, &mut parts, &mut Directions::default()) {
            Some(Some(partition)) => SystemOutcome::Zero { partition, is_complete: true },
            _ => SystemOutcome::Zero { partition: any, is_complete: false },
        }
    }

    /// The first one that extends these parts of the first `n_placed` units, if there is one;
    /// `None` if the search was stopped.
    fn extend(
        &self,
        n_placed: usize,
        parts: &mut Vec<u32>,
        directions: &mut Directions,
    ) -> Option<Option<CandidatePartition>> {
        if n_placed == self.sides.n {
            let flow = directions.of(self.sides, parts, |cut| match cut.is_zero() {
                true => ControlFlow::Break(CandidatePartition { cut, parts: parts.clone() }),
                false => ControlFlow::Continue(()),
            });
            return Some(flow.break_value());
        }
        for idx in 0..=parts.len() {
            if idx == parts.len() {
                parts.push(0);
            }
            parts[idx] |= 1 << n_placed;
            if n_placed == 0 || self.may_be_zero(n_placed + 1, parts)? {
                let found = self.extend(n_placed + 1, parts, directions)?;
                if found.is_some() {
                    return Some(found);
                }
            }
            parts[idx] &= !(1 << n_placed);
            if parts[idx] == 0 {
                parts.pop();
            }
        }
        Some(None)
    }

    /// Returns `true` if a partition that extends these parts may make no difference, or `None` if
    /// the search was stopped.
    fn may_be_zero(&self, n_placed: usize, parts: &[u32]) -> Option<bool> {
        let round = Round::of_zero(self.table, n_placed, parts);
        let was_stopped = AtomicBool::new(false);
        let may_be = |room: &mut Room, set: u32| {
            if self.stop.is_due() {
                was_stopped.store(true, Ordering::Relaxed);
                return true;
            }
            let minimum = round.minimum(set, room);
            self.lanes().any(|lane| minimum[lane] <= round.rounding[lane])
        };
        // Large sets of parts whose inputs are cut are quick.
        let sets = 0..1u32 << round.n_elements;
        let found = if round.n_elements < PARALLEL_FROM {
            let mut room = Room::default();
            sets.rev().any(|set| may_be(&mut room, set))
        } else {
            sets.into_par_iter().rev().map_init(Room::default, may_be).any(|it| it)
        };
        (!was_stopped.into_inner()).then_some(found)
    }
}

/// The sums of both sides beside each other, 0 for a side that there is not.
struct SideTables {
    n: usize,
    selectivity: Both,
    whole: Both,
    /// By part.
    own: Vec<Both>,
    /// By known units and unit, which varies fastest.
    surprise: Vec<Both>,
    /// No sum over the units is larger, whatever they know.
    largest: Both,
}

impl SideTables {
    fn new(sides: Sides) -> SideTables {
        let n = sides.n;
        let mut table = SideTables {
            n,
            selectivity: [1.0; 2],
            whole: [0.0; 2],
            own: vec![[0.0; 2]; 1 << n],
            surprise: vec![[0.0; 2]; n << n],
            largest: [0.0; 2],
        };
        steps((n + 1) << n);
        for (lane, side) in sides.sides.into_iter().enumerate() {
            let Some(side) = side else { continue };
            table.selectivity[lane] = side.selectivity;
            table.whole[lane] = side.whole;
            table.own.iter_mut().zip(&side.own).for_each(|(to, &from)| to[lane] = from);
            let mut largest = vec![0.0f64; n];
            for known in 0..1u32 << n {
                let row = &mut table.surprise[known as usize * n..][..n];
                for (i, &surprise) in side.surprise_given(known).iter().enumerate() {
                    row[i][lane] = surprise;
                    largest[i] = largest[i].max(surprise.abs());
                }
            }
            table.largest[lane] = largest.iter().sum();
        }
        table
    }
}

/// The search for one ratio, with some units in parts that are given. Elements are the units that
/// are free and, after them, these parts; sets of elements are bits.
struct Round<'a> {
    table: &'a SideTables,
    n_elements: usize,
    /// The elements that may be together with any other.
    free: u32,
    /// By set of elements: its units.
    units: Vec<u32>,
    /// μ · |Q|², by the number of units.
    squares: Vec<Both>,
    mu: Both,
    /// The offset that all sums have in common.
    offset: Both,
    /// The error that the sums may have; and, if the ratio is 0, the amount that may count as 0.
    rounding: Both,
    /// By set of elements: w.
    costs: Vec<Both>,
    /// By set of elements: w*.
    splits: Vec<Both>,
}

/// Room for what one set I of elements whose inputs are cut comes to. The other elements are
/// numbered anew.
#[derive(Default)]
struct Room {
    /// By set of others: the set in the numbering of the round.
    place: Vec<u32>,
    /// By set of others: its units.
    units: Vec<u32>,
    /// By set of others: `v_I`.
    costs: Vec<Both>,
    /// By set of others: `v_I*`.
    splits: Vec<Both>,
}

impl<'a> Round<'a> {
    /// For all partitions with at most this ratio, or one that ties with it.
    fn of_ratio(table: &'a SideTables, ratio: f64) -> Round<'a> {
        let ratio = ratio + 1.5 * TIE_TOLERANCE * ratio.max(1.0);
        Round::new(table, 0, &[], ratio, [0.0; 2])
    }

    /// For those that make no difference and extend these parts of the first units.
    fn of_zero(table: &'a SideTables, n_placed: usize, parts: &[u32]) -> Round<'a> {
        let zero = table.selectivity.map(|it| ZERO_TOLERANCE / it);
        Round::new(table, n_placed, parts, 0.0, zero)
    }

    fn new(
        table: &'a SideTables,
        n_placed: usize,
        parts: &[u32],
        ratio: f64,
        at_most: Both,
    ) -> Round<'a> {
        let n = table.n;
        let free = (n_placed..n).map(|unit| 1u32 << unit);
        let elements: Vec<u32> = free.chain(parts.iter().copied()).collect();
        let n_elements = elements.len();
        let mut units = vec![0; 1 << n_elements];
        for (element, &of_element) in elements.iter().enumerate() {
            let (below, above) = units.split_at_mut(1 << element);
            above.iter_mut().zip(below).for_each(|(to, from)| *to = *from | of_element);
        }
        let mu = table.selectivity.map(|it| ratio / it);
        let squares: Vec<Both> =
            (0..=n).map(|size| mu.map(|mu| mu * (size * size) as f64)).collect();
        let offset = [0, 1].map(|lane| table.whole[lane] + squares[n][lane]);
        let rounding = [0, 1].map(|lane| {
            ROUNDING * (2.0 * table.largest[lane] + 4.0 * squares[n][lane]) + at_most[lane]
        });
        let free = (1 << (n - n_placed)) - 1;
        let cost = |&units: &u32| {
            let (own, square) = (table.own[units as usize], squares[units.count_ones() as usize]);
            [own[0] + square[0], own[1] + square[1]]
        };
        let costs: Vec<Both> = units.iter().map(cost).collect();
        let mut splits = Vec::new();
        split(&costs, n_elements, free, &mut splits);
        Round { table, n_elements, free, units, squares, mu, offset, rounding, costs, splits }
    }

    fn all(&self) -> u32 {
        UnitSet::all(self.n_elements).bits()
    }

    /// Fills the room for the parts of the elements that are not in I.
    fn prepare(&self, inputs_cut: u32, room: &mut Room) {
        let others = self.all() & !inputs_cut;
        let n_others = others.count_ones() as usize;
        let known = self.units[inputs_cut as usize];
        let Room { place, units, costs, splits } = room;
        place.clear();
        place.push(0);
        for element in bits(others) {
            place.extend_from_within(..);
            let half = place.len() / 2;
            place[half..].iter_mut().for_each(|set| *set |= 1 << element);
        }
        units.clear();
        units.extend(place.iter().map(|&set| self.units[set as usize]));
        let n = self.table.n;
        let n_free = (others & self.free).count_ones();
        costs.clear();
        costs.extend(units.iter().enumerate().map(|(set, &part)| {
            let mut sum = self.squares[part.count_ones() as usize];
            // No part has two of the parts that are given.
            if (set >> n_free) & (set >> n_free).wrapping_sub(1) == 0 {
                let surprise = &self.table.surprise[(part | known) as usize * n..][..n];
                for i in bits(part) {
                    sum = [sum[0] + surprise[i][0], sum[1] + surprise[i][1]];
                }
            }
            sum
        }));
        split(costs, n_others, (1 << n_free) - 1, splits);
    }

    /// Returns the sums of the round for I and O, the elements whose outputs are cut, in the
    /// numbering of the room.
    #[inline(always)]
    fn total(&self, inputs_cut: u32, outputs_cut: usize, n_inputs_cut: f64, room: &Room) -> Both {
        let rest = room.place[(room.place.len() - 1) ^ outputs_cut];
        let n_kept = n_inputs_cut * f64::from(room.units[outputs_cut].count_ones());
        [0, 1].map(|lane: usize| {
            self.splits[inputs_cut as usize][lane]
                + self.splits[rest as usize][lane]
                + room.splits[outputs_cut][lane]
                + self.mu[lane] * n_kept
                - self.offset[lane]
        })
    }

    /// The minimum on each side over the partitions that cut the inputs alone of these elements.
    fn minimum(&self, inputs_cut: u32, room: &mut Room) -> Both {
        let mut minimum = [f64::INFINITY; 2];
        if inputs_cut == 0 {
            // Two parts at least.
            let Some(top) = self.n_elements.checked_sub(1) else { return minimum };
            let rest = self.all() >> 1;
            for part in free_subsets(rest, self.free).filter(|&part| part != rest) {
                let cost = self.costs[(part | 1 << top) as usize];
                let split = self.splits[(rest ^ part) as usize];
                for lane in 0..2 {
                    minimum[lane] = minimum[lane].min(cost[lane] + split[lane] - self.offset[lane]);
                }
            }
            return minimum;
        }
        self.prepare(inputs_cut, room);
        steps(2 * 3usize.pow((self.n_elements as u32) - inputs_cut.count_ones()));
        let n_inputs_cut = f64::from(self.units[inputs_cut as usize].count_ones());
        for outputs_cut in 1..room.place.len() {
            let total = self.total(inputs_cut, outputs_cut, n_inputs_cut, room);
            for lane in 0..2 {
                minimum[lane] =
                    if total[lane] < minimum[lane] { total[lane] } else { minimum[lane] };
            }
        }
        minimum
    }

    /// Walks through the partitions that cut the inputs alone of these elements and whose sum on
    /// one side is at most `most`. The parts are units, in the order of their lowest ones; so are
    /// the sets whose inputs and outputs are cut.
    fn walk<B>(
        &self,
        lane: usize,
        inputs_cut: u32,
        most: f64,
        room: &mut Room,
        visit: &mut Visit<B>,
    ) -> ControlFlow<B> {
        let whole = Splits { costs: &self.costs, splits: &self.splits, units: &self.units, lane };
        let (mut parts, mut sorted) = (Vec::new(), Vec::new());
        let mut visit = |parts: &[u32], cut: [u32; 2]| {
            sorted.clear();
            sorted.extend_from_slice(parts);
            sorted.sort_unstable_by_key(|part: &u32| part.trailing_zeros());
            visit(&sorted, cut)
        };
        if inputs_cut == 0 {
            let Some(top) = self.n_elements.checked_sub(1) else {
                return ControlFlow::Continue(());
            };
            let rest = self.all() >> 1;
            for part in free_subsets(rest, self.free).filter(|&part| part != rest) {
                let cost = self.costs[(part | 1 << top) as usize][lane];
                let sum = cost + self.splits[(rest ^ part) as usize][lane] - self.offset[lane];
                if sum <= most {
                    parts.push(self.units[(part | 1 << top) as usize]);
                    let mut found = |parts: &mut Vec<u32>, _| visit(parts, [0, 0]);
                    whole.walk(rest ^ part, self.free, most - sum, &mut parts, &mut found)?;
                    parts.pop();
                }
            }
            return ControlFlow::Continue(());
        }
        self.prepare(inputs_cut, room);
        let others = Splits { costs: &room.costs, splits: &room.splits, units: &room.units, lane };
        let free_others = (1 << (self.all() & !inputs_cut & self.free).count_ones()) - 1;
        let inputs = self.units[inputs_cut as usize];
        let n_inputs_cut = f64::from(inputs.count_ones());
        for outputs_cut in 1..room.place.len() {
            let sum = self.total(inputs_cut, outputs_cut, n_inputs_cut, room)[lane];
            if sum > most {
                continue;
            }
            let cut = [inputs, room.units[outputs_cut]];
            let rest = room.place[(room.place.len() - 1) ^ outputs_cut];
            let mut found = |parts: &mut Vec<u32>, _| visit(parts, cut);
            let mut with_rest = |parts: &mut Vec<u32>, left: f64| {
                whole.walk(rest, self.free, left, parts, &mut found)
            };
            let mut with_others = |parts: &mut Vec<u32>, left: f64| {
                others.walk(outputs_cut as u32, free_others, left, parts, &mut with_rest)
            };
            whole.walk(inputs_cut, self.free, most - sum, &mut parts, &mut with_others)?;
        }
        ControlFlow::Continue(())
    }
}

/// The subsets of `set` that can be in one part with any other element.
fn free_subsets(set: u32, free: u32) -> impl Iterator<Item = u32> {
    submasks(set & free)
}

/// `splits[S]` = min over the splits of S of the sum of their costs. Elements that are not free are
/// the highest ones, and in parts of their own.
fn split(costs: &[Both], n_elements: usize, free: u32, splits: &mut Vec<Both>) {
    splits.clear();
    splits.resize(1 << n_elements, [0.0; 2]);
    for top in 0..n_elements {
        let costs = &costs[1 << top..][..1 << top];
        let (below, above) = splits.split_at_mut(1 << top);
        for (rest, split) in above[..1 << top].iter_mut().enumerate() {
            let joinable = rest & free as usize;
            let mut minimum = [f64::INFINITY; 2];
            let mut joined = joinable;
            loop {
                let (cost, other) = (costs[joined], below[rest ^ joined]);
                let sum = [cost[0] + other[0], cost[1] + other[1]];
                minimum =
                    [0, 1].map(|it| if sum[it] < minimum[it] { sum[it] } else { minimum[it] });
                if joined == 0 {
                    break;
                }
                joined = (joined - 1) & joinable;
            }
            *split = minimum;
        }
    }
}

/// The best splits of all sets, on one side.
struct Splits<'a> {
    costs: &'a [Both],
    splits: &'a [Both],
    /// By set: its units.
    units: &'a [u32],
    lane: usize,
}

impl Splits<'_> {
    /// Adds to `parts` those of each split of `set` whose sum exceeds the minimum by at most
    /// `left`, and goes on with what is left then.
    fn walk<B>(
        &self,
        set: u32,
        free: u32,
        left: f64,
        parts: &mut Vec<u32>,
        then: &mut dyn FnMut(&mut Vec<u32>, f64) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(top) = set.checked_ilog2() else { return then(parts, left) };
        let rest = set ^ 1 << top;
        let minimum = self.splits[set as usize][self.lane];
        for joined in free_subsets(rest, free) {
            let part = (joined | 1 << top) as usize;
            let others = rest ^ joined;
            let sum = self.costs[part][self.lane] + self.splits[others as usize][self.lane];
            if sum - minimum <= left {
                parts.push(self.units[part]);
                self.walk(others, free, left - (sum - minimum), parts, then)?;
                parts.pop();
            }
        }
        ControlFlow::Continue(())
    }
}
