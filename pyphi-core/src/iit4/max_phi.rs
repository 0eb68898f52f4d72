//! The choice among tied causes, effects and states of a system that makes Φ largest.
//!
//! This is the theory's own rule (Albantakis et al. 2023, S1): of purviews and states that tie,
//! those count that maximise the Φ of the whole structure. What there is to choose are *ways*: a
//! distinction counts with one of its tied causes and one of its tied effects, both congruent with
//! the specified states, and all that Φ sees of them is the set O of their elements and how many
//! are in both. A distinction with a way is never left out: whatever the others do, it only adds
//! its own φ and relations.
//!
//! **The bound.** Put the distinctions in any order, and charge every relation to the last of its
//! distinctions. Then Φ = Σ_d (φ_d + |I| r + Σ over e in O of g_e(r)), where r = φ_d / |O|, and
//! g_e(r) is the sum of min(r, min S) over the non-empty sets S of earlier distinctions that have
//! the element e. g_e grows with every distinction that has e, and with its r. So Φ is at most what
//! comes out if every distinction takes the way that is best for itself, while to those after it a
//! distinction that is still open seems to have *all* elements of all its ways, each with the
//! largest r that goes with it. For the smallest Φ it is the same with the way that is worst, and
//! the elements that all ways have with the smallest r. Where no relaxation was needed the bound is
//! the Φ of the ways that were taken, and the search ends.
//!
//! The search branches on the distinction whose relaxation adds most. It is deterministic, and it
//! ends after a fixed amount of work: what is open then bounds what there may be.

use std::cmp::{Ordering, Reverse};
use std::collections::HashSet;

use num_bigint::BigUint;

use super::distinction::{TiedPurviews, Undecided};
use super::measure::TIE_TOLERANCE;
use super::system::System;
use crate::limits::{Stop, steps};
use crate::repertoire::Direction;
use crate::tie_order::LocalOrder;
use crate::unit_set::bits;

/// The number of gains g_e that the search may look at, or of values that it may copy: a second or
/// so.
const MOST_WORK: u64 = 50_000_000;

/// The number of ways that may be listed for all pairs of states: another second.
const MOST_LISTED: u64 = 30_000_000;

/// The number of pairs of a cause and an effect of one mechanism that are looked at for one pair of
/// states, all mechanisms together.
const MOST_WAYS: usize = 1 << 21;

/// The number of times that a choice is improved from one end to the other.
const MOST_SWEEPS: usize = 20;

/// The Φ that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    Largest,
    Smallest,
}

impl Goal {
    /// The amount by which `a` is better than `b`.
    fn lead(self, a: f64, b: f64) -> f64 {
        match self {
            Goal::Largest => a - b,
            Goal::Smallest => b - a,
        }
    }

    fn better(self, a: f64, b: f64) -> f64 {
        if self.lead(a, b) > 0.0 { a } else { b }
    }

    fn worst(self) -> f64 {
        match self {
            Goal::Largest => f64::NEG_INFINITY,
            Goal::Smallest => f64::INFINITY,
        }
    }

    /// The best conceivable Φ.
    fn utmost(self) -> f64 {
        match self {
            Goal::Largest => f64::INFINITY,
            Goal::Smallest => 0.0,
        }
    }

    /// Better ones first.
    fn order(self, a: f64, b: f64) -> Ordering {
        match self {
            Goal::Largest => b.total_cmp(&a),
            Goal::Smallest => a.total_cmp(&b),
        }
    }
}

/// Returns `true` if `a` is better than `b` by more than rounding.
fn is_better(goal: Goal, a: f64, b: f64) -> bool {
    // The negation holds for two infinities, whose difference is no number.
    goal.lead(a, b) > TIE_TOLERANCE * b.abs().max(1.0)
}

/// A cause or an effect: the places of purview and state among those that tie.
type Place = (usize, usize);

/// A way in which a distinction can count.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Way {
    /// O: bit `2·u + s` is unit u of the system in state s. Of a unit with more values only two can
    /// be congruent, that of the cause and that of the effect: s is 0 for the smaller one.
    elements: u64,
    /// The number of elements that its cause and its effect share.
    n_both: u32,
    /// φ_d / |O|.
    per_element: f64,
    cause: Place,
    effect: Place,
}

/// A distinction with its ways. Never empty.
#[derive(Debug)]
struct Candidate {
    /// Its position among all of the system.
    at: usize,
    phi: f64,
    ways: Vec<Way>,
    /// The elements that later candidates see of it while it is open, each with its r.
    relaxed: Vec<(usize, f64)>,
}

impl Candidate {
    fn new(at: usize, phi: f64, ways: Vec<Way>, goal: Goal) -> Candidate {
        let of = |ways: &[Way], element: usize| -> Vec<f64> {
            let having = ways.iter().filter(|way| way.elements >> element & 1 == 1);
            having.map(|way| way.per_element).collect()
        };
        let relaxed = (0..u64::BITS as usize).filter_map(|element| {
            let values = of(&ways, element);
            match goal {
                Goal::Largest => values.into_iter().max_by(f64::total_cmp),
                Goal::Smallest if values.len() < ways.len() => None,
                Goal::Smallest => values.into_iter().min_by(f64::total_cmp),
            }
            .map(|value| (element, value))
        });
        Candidate { at, phi, relaxed: relaxed.collect(), ways }
    }
}

/// The distinctions of a system for one pair of specified states.
#[derive(Debug)]
struct Candidates {
    list: Vec<Candidate>,
    /// `true` if all their ways are there.
    is_whole: bool,
    /// The number of choices.
    combinations: BigUint,
}

/// The distinctions counted so far: by element, their r, ascending, and sums over their sets.
#[derive(Debug, Clone)]
struct Counted {
    elements: Vec<Values>,
}

#[derive(Debug, Clone, Default)]
struct Values {
    values: Vec<f64>,
    /// `sums[i]` = Σ over j < i of `values[j] · 2^(i-1-j)`: the sum of the minima of the non-empty
    /// sets of the first i.
    sums: Vec<f64>,
}

impl Values {
    /// g(r): the sum of min(r, min S) over the non-empty sets S.
    fn gain(&self, r: f64) -> f64 {
        let n_smaller = self.values.partition_point(|&value| value < r);
        // A set has a smaller one, and then any of the others; or it has none.
        let others = power_of_two(self.values.len() - n_smaller);
        let with_smaller = if n_smaller > 0 { self.sums[n_smaller] * others } else { 0.0 };
        with_smaller + r * (others - 1.0)
    }

    fn insert(&mut self, r: f64) {
        let at = self.values.partition_point(|&value| value < r);
        self.values.insert(at, r);
        self.sum_from(at);
    }

    fn remove(&mut self, r: f64) {
        let at = self.values.partition_point(|&value| value < r);
        self.values.remove(at);
        self.sum_from(at);
    }

    fn sum_from(&mut self, at: usize) {
        self.sums.resize(self.values.len() + 1, 0.0);
        for idx in at..self.values.len() {
            self.sums[idx + 1] = 2.0 * self.sums[idx] + self.values[idx];
        }
    }
}

impl Counted {
    fn new(n: usize) -> Counted {
        Counted { elements: vec![Values::default(); 2 * n] }
    }

    /// Returns the amount that a distinction adds to Φ.
    fn gain(&self, phi: f64, way: &Way) -> f64 {
        let own = phi + f64::from(way.n_both) * way.per_element;
        own + ones(way.elements).map(|it| self.elements[it].gain(way.per_element)).sum::<f64>()
    }

    fn insert(&mut self, way: &Way) {
        ones(way.elements).for_each(|it| self.elements[it].insert(way.per_element));
    }

    fn remove(&mut self, way: &Way) {
        ones(way.elements).for_each(|it| self.elements[it].remove(way.per_element));
    }
}

/// 2^k.
fn power_of_two(k: usize) -> f64 {
    if k < 1024 { f64::from_bits((1023 + k as u64) << 52) } else { f64::INFINITY }
}

fn ones(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let first = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(first)
    })
}

/// The result of a search for one pair of specified states.
#[derive(Debug)]
struct Found {
    value: f64,
    /// No Φ is better.
    bound: f64,
    /// By candidate: its way.
    ways: Vec<usize>,
}

/// The search for one pair of specified states.
struct Search<'a, 's> {
    goal: Goal,
    n: usize,
    candidates: &'a [Candidate],
    /// The value that another pair reaches.
    target: f64,
    best: (f64, Vec<usize>),
    /// The best bound of what was left when the work was over.
    left: f64,
    effort: Effort<'s>,
}

/// The work that all searches of a structure have done together.
#[derive(Clone, Copy)]
struct Effort<'a> {
    work: u64,
    /// Ways listed.
    listed: u64,
    nodes: u64,
    stop: &'a Stop,
}

impl Effort<'_> {
    fn is_over(&self) -> bool {
        self.work >= MOST_WORK || self.stop.is_due()
    }

    /// Returns `true` if there is no time for another pair of states, not even for its first bound.
    fn is_spent(&self) -> bool {
        self.listed >= MOST_LISTED || self.stop.is_due()
    }
}

/// The best choice of all, and the proof that it is.
#[derive(Debug)]
pub(crate) struct Choice {
    /// The position of the pair of specified states.
    pub(crate) pair: usize,
    /// By distinction: the places of its cause and of its effect; `None` if it has none that is
    /// congruent.
    pub(crate) ways: Vec<Option<(Place, Place)>>,
    /// Φ.
    pub(crate) value: f64,
    pub(crate) proof: ChoiceProof,
}

/// The proven facts about a choice among tied causes, effects and states of the system.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoiceProof {
    /// The Φ that no combination exceeds: Φ itself, up to rounding, where it is proven that this is
    /// the largest one. (Of the smallest Φ the value that no combination falls below.)
    pub bound: f64,
    /// `true` if the choice is proven to be the best one; otherwise the best Φ is between the Φ
    /// found and the bound.
    pub is_proven: bool,
    /// The number of pairs of a cause and an effect state of the system that there were to choose
    /// from.
    pub state_pairs: usize,
    /// The number of combinations of congruent causes and effects. Those of pairs of states that
    /// there was no time for are not counted.
    pub combinations: BigUint,
    /// The number of partial combinations that were looked at for the proof.
    pub nodes: u64,
}

impl ChoiceProof {
    /// The proof where every choice comes to the same.
    pub(crate) fn of_one(phi: f64, state_pairs: usize) -> ChoiceProof {
        let combinations = BigUint::from(state_pairs);
        ChoiceProof { bound: phi, is_proven: true, state_pairs, combinations, nodes: 0 }
    }
}

/// An open choice among ties: the distinctions with all that ties, and the pairs of states in order
/// of preference.
pub(crate) struct Open<'a> {
    pub(crate) system: &'a System,
    pub(crate) undecided: &'a [Undecided],
    pub(crate) pairs: &'a [(u32, u32)],
    /// The order in which the first of equally good choices is taken.
    pub(crate) order: LocalOrder,
    pub(crate) stop: &'a Stop,
}

impl Open<'_> {
    /// The choice with the best Φ; of several, that with the first pair of states.
    ///
    /// # Panics
    /// If there is no pair.
    pub(crate) fn best(&self, goal: Goal) -> Choice {
        let n = self.system.n;
        if self.undecided.is_empty() {
            let proof = ChoiceProof::of_one(0.0, self.pairs.len());
            return Choice { pair: 0, ways: Vec::new(), value: 0.0, proof };
        }
        let mut effort = Effort { work: 0, listed: 0, nodes: 0, stop: self.stop };
        let mut combinations = BigUint::ZERO;
        let unknown = || Found { value: goal.worst(), bound: goal.utmost(), ways: Vec::new() };
        let mut found: Vec<Found> = Vec::with_capacity(self.pairs.len());
        let mut n_known = 0;
        // Those of one pair are kept; of thousands of pairs they would take too much room.
        let mut kept: Option<(usize, Candidates)> = None;
        let of_pair =
            |kept: Option<(usize, Candidates)>, idx: usize, effort: &mut Effort| match kept {
                Some((at, candidates)) if at == idx => candidates,
                _ => self.candidates(self.pairs[idx], goal, effort),
            };
        for idx in 0..self.pairs.len() {
            // The first pair always has a Φ, so that there is an answer.
            if idx > 0 && effort.is_spent() {
                found.resize_with(self.pairs.len(), unknown);
                break;
            }
            let candidates = self.candidates(self.pairs[idx], goal, &mut effort);
            combinations += &candidates.combinations;
            let (value, ways) = ascend(goal, n, &candidates.list, vec![0; candidates.list.len()]);
            found.push(Found { value, ways, ..unknown() });
            kept = Some((idx, candidates));
            n_known = idx + 1;
        }
        // Promising pairs first: what they reach, the others must reach too.
        let mut by_value: Vec<usize> = (0..n_known).collect();
        by_value.sort_by(|&a, &b| goal.order(found[a].value, found[b].value));
        let mut target = found[by_value[0]].value;
        for idx in by_value {
            if effort.is_spent() {
                break;
            }
            let candidates = of_pair(kept.take(), idx, &mut effort);
            let it = &mut found[idx];
            // A list that was cut short last time or this time is not the same list.
            let start = std::mem::take(&mut it.ways);
            let best = match start.len() == candidates.list.len() && candidates.is_whole {
                true => (it.value, start),
                false => {
                    it.ways = start;
                    continue;
                }
            };
            let (list, left) = (&candidates.list[..], goal.worst());
            let mut search = Search { goal, n, candidates: list, target, best, left, effort };
            search.run();
            effort = search.effort;
            let (value, ways) = search.best;
            // What did not come near the target was cut off at it.
            *it = Found { value, bound: goal.better(value, search.left), ways };
            target = goal.better(target, value);
            kept = Some((idx, candidates));
        }
        let bound = found.iter().map(|it| it.bound).fold(goal.worst(), |a, b| goal.better(a, b));
        let pair = (0..found.len())
            .find(|&idx| !is_better(goal, target, found[idx].value))
            .expect("at least one pair");
        // In full again, as when they were searched; or as short as then, if they were cut short.
        let mut again = effort;
        let candidates = of_pair(kept, pair, &mut again);
        let mut ways = vec![None; self.undecided.len()];
        for (candidate, &way) in candidates.list.iter().zip(&found[pair].ways) {
            let way = &candidate.ways[way.min(candidate.ways.len() - 1)];
            ways[candidate.at] = Some((way.cause, way.effect));
        }
        let proof = ChoiceProof {
            bound,
            is_proven: !is_better(goal, bound, found[pair].value),
            state_pairs: self.pairs.len(),
            combinations,
            nodes: effort.nodes,
        };
        Choice { pair, ways, value: found[pair].value, proof }
    }

    /// The distinctions that can be congruent with a pair of specified states.
    fn candidates(
        &self,
        (cause, effect): (u32, u32),
        goal: Goal,
        effort: &mut Effort,
    ) -> Candidates {
        let mut found =
            Candidates { list: Vec::new(), is_whole: true, combinations: BigUint::from(1u32) };
        let mut n_tried = 0;
        for (at, it) in self.undecided.iter().enumerate() {
            let causes = self.congruent(Direction::Cause, it.mechanism, &it.cause, cause, effect);
            let effects =
                self.congruent(Direction::Effect, it.mechanism, &it.effect, effect, cause);
            let mut ways: Vec<Way> = Vec::new();
            let n_ways = causes.len() * effects.len();
            let is_quick = n_tried + n_ways <= MOST_WAYS && !self.stop.is_due();
            found.is_whole &= is_quick || n_ways < 2;
            found.combinations *= BigUint::from(n_ways.max(1));
            // What there is no time to look at is decided as under the principled policy.
            let n_taken = if is_quick { n_ways } else { n_ways.min(1) };
            n_tried += n_taken;
            effort.listed += n_taken as u64;
            steps(4 * n_taken);
            let mut seen = HashSet::new();
            for number in 0..n_taken {
                let (cause, of_cause) = causes[number / effects.len()];
                let (effect, of_effect) = effects[number % effects.len()];
                let elements = of_cause | of_effect;
                let n_both = (of_cause & of_effect).count_ones();
                if n_taken > 1 && !seen.insert((elements, n_both)) {
                    continue;
                }
                let per_element = it.phi / f64::from(elements.count_ones());
                ways.push(Way { elements, n_both, per_element, cause, effect });
            }
            if !ways.is_empty() {
                found.list.push(Candidate::new(at, it.phi, ways, goal));
            }
        }
        found
    }

    /// The congruent causes or effects with their elements, the largest first, then in the order of
    /// choice.
    fn congruent(
        &self,
        direction: Direction,
        mechanism: u32,
        tied: &TiedPurviews,
        specified: u32,
        of_other_side: u32,
    ) -> Vec<(Place, u64)> {
        let alphabet = self.system.alphabet();
        let mut places: Vec<usize> = (0..tied.purviews.len()).collect();
        if places.len() > 1 {
            places.sort_by_key(|&idx| {
                let purview = tied.purviews[idx].purview;
                let place = self.order.place(direction, mechanism, purview);
                (Reverse(purview.count_ones()), place)
            });
        }
        let congruent = |idx: usize| {
            let it = &tied.purviews[idx];
            let wanted = alphabet.part(specified, it.purview);
            let state = it.states.iter().position(|&(z, _)| z == wanted)?;
            let which = |unit: usize| {
                let value = alphabet.value(specified, unit);
                if alphabet.size(unit) == 2 {
                    return value;
                }
                u32::from(value > alphabet.value(of_other_side, unit))
            };
            let elements =
                bits(it.purview).fold(0u64, |all, unit| all | 1 << (2 * unit as u32 + which(unit)));
            Some(((idx, state), elements))
        };
        places.into_iter().filter_map(congruent).collect()
    }
}

/// Φ of a choice, and that choice improved one distinction at a time, as long as that helps.
fn ascend(
    goal: Goal,
    n: usize,
    candidates: &[Candidate],
    mut ways: Vec<usize>,
) -> (f64, Vec<usize>) {
    let mut counted = Counted::new(n);
    let mut total = 0.0;
    for (candidate, &way) in candidates.iter().zip(&ways) {
        total += counted.gain(candidate.phi, &candidate.ways[way]);
        counted.insert(&candidate.ways[way]);
    }
    let mut improves = candidates.iter().any(|it| it.ways.len() > 1);
    // As often as it helps, which is a few times; not for ever.
    for _ in 0..MOST_SWEEPS {
        if !std::mem::take(&mut improves) {
            break;
        }
        for (candidate, way) in candidates.iter().zip(&mut ways) {
            if candidate.ways.len() < 2 {
                continue;
            }
            counted.remove(&candidate.ways[*way]);
            steps(candidate.ways.len());
            let gain = |idx: usize| counted.gain(candidate.phi, &candidate.ways[idx]);
            let (now, mut best) = (gain(*way), (*way, gain(*way)));
            for idx in 0..candidate.ways.len() {
                let value = gain(idx);
                if is_better(goal, value, best.1) {
                    best = (idx, value);
                }
            }
            if best.0 != *way && is_better(goal, total - now + best.1, total) {
                total += best.1 - now;
                *way = best.0;
                improves = true;
            }
            counted.insert(&candidate.ways[*way]);
        }
    }
    // Without what rounding has added up on the way.
    (value(n, candidates, &ways), ways)
}

/// Φ of a choice.
fn value(n: usize, candidates: &[Candidate], ways: &[usize]) -> f64 {
    let mut counted = Counted::new(n);
    let mut total = 0.0;
    for (candidate, &way) in candidates.iter().zip(ways) {
        total += counted.gain(candidate.phi, &candidate.ways[way]);
        counted.insert(&candidate.ways[way]);
    }
    total
}

/// The bound at a node of the search.
struct Bounded {
    bound: f64,
    /// By open candidate: the way that the bound took.
    ways: Vec<usize>,
    /// The open candidate that adds most by its relaxation.
    widest: usize,
}

impl Search<'_, '_> {
    fn run(&mut self) {
        let mut counted = Counted::new(self.n);
        let mut value = 0.0;
        let mut open = Vec::new();
        for (idx, candidate) in self.candidates.iter().enumerate() {
            if let [way] = &candidate.ways[..] {
                value += counted.gain(candidate.phi, way);
                counted.insert(way);
            } else {
                open.push(idx);
            }
        }
        // Those whose relaxation is widest come last: nothing is charged to what they only seem to
        // have.
        open.sort_by_key(|&idx| {
            let candidate = &self.candidates[idx];
            let own = candidate.ways.iter().map(|way| way.elements.count_ones()).min();
            (candidate.relaxed.len() as u32).abs_diff(own.unwrap_or(0))
        });
        let mut ways = vec![0; self.candidates.len()];
        if !open.is_empty() {
            self.explore(&counted, value, &open, &mut ways);
        }
    }

    /// Returns `true` if a node with this bound may still matter.
    fn is_worth(&self, bound: f64) -> bool {
        // A pair of states that comes up to the target counts too, if it is earlier in order.
        is_better(self.goal, bound, self.best.0) && !is_better(self.goal, self.target, bound)
    }

    fn explore(&mut self, counted: &Counted, value: f64, open: &[usize], ways: &mut [usize]) {
        self.effort.nodes += 1;
        let node = self.bound(counted, value, open);
        if !self.is_worth(node.bound) {
            return;
        }
        if self.effort.is_over() {
            self.left = self.goal.better(self.left, node.bound);
            return;
        }
        let mut whole = ways.to_vec();
        open.iter().zip(&node.ways).for_each(|(&idx, &way)| whole[idx] = way);
        let reached = self.value(counted, value, open, &whole);
        if is_better(self.goal, reached, self.best.0) {
            self.best = ascend(self.goal, self.n, self.candidates, whole);
        }
        if open.is_empty() || !self.is_worth(node.bound) {
            return;
        }
        let idx = open[node.widest];
        let rest: Vec<usize> = open.iter().copied().filter(|&it| it != idx).collect();
        let candidate = &self.candidates[idx];
        let mut order: Vec<(f64, usize)> = (candidate.ways.iter().enumerate())
            .map(|(way, it)| (counted.gain(candidate.phi, it), way))
            .collect();
        let first = node.ways[node.widest];
        order.sort_by(|a, b| {
            let taken = |it: &(f64, usize)| it.1 != first;
            taken(a).cmp(&taken(b)).then(self.goal.order(a.0, b.0))
        });
        for (gain, way) in order {
            let mut counted = counted.clone();
            counted.insert(&candidate.ways[way]);
            ways[idx] = way;
            self.explore(&counted, value + gain, &rest, ways);
        }
    }

    /// Φ of what is counted, with these ways of the open ones.
    fn value(&mut self, counted: &Counted, value: f64, open: &[usize], ways: &[usize]) -> f64 {
        let mut counted = counted.clone();
        let gains = open.iter().map(|&idx| {
            let (candidate, way) = (&self.candidates[idx], ways[idx]);
            let gain = counted.gain(candidate.phi, &candidate.ways[way]);
            counted.insert(&candidate.ways[way]);
            gain
        });
        gains.fold(value, |sum, gain| sum + gain)
    }

    fn bound(&mut self, counted: &Counted, value: f64, open: &[usize]) -> Bounded {
        let goal = self.goal;
        let mut seen = counted.clone();
        // A copy of every value, twice; inserting moves half of them.
        let n_values: usize = seen.elements.iter().map(|it| it.values.len()).sum();
        self.effort.work += 2 * n_values as u64;
        let mut bounded = Bounded { bound: value, ways: Vec::with_capacity(open.len()), widest: 0 };
        let mut widest = f64::NEG_INFINITY;
        for (at, &idx) in open.iter().enumerate() {
            let candidate = &self.candidates[idx];
            let mut best = (0, goal.worst());
            for (way, it) in candidate.ways.iter().enumerate() {
                self.effort.work += u64::from(it.elements.count_ones());
                steps(it.elements.count_ones() as usize);
                let gain = seen.gain(candidate.phi, it);
                if best.1 == goal.worst() || goal.lead(gain, best.1) > 0.0 {
                    best = (way, gain);
                }
            }
            bounded.bound += best.1;
            bounded.ways.push(best.0);
            // What it seems to have beside what it took, and the other way round.
            let taken = &candidate.ways[best.0];
            let gains = |elements: &mut dyn Iterator<Item = (usize, f64)>| -> f64 {
                elements.map(|(element, r)| seen.elements[element].gain(r) + r).sum()
            };
            let relaxed = gains(&mut candidate.relaxed.iter().copied());
            let own = gains(&mut ones(taken.elements).map(|it| (it, taken.per_element)));
            let width = (relaxed - own).abs();
            if width > widest {
                (widest, bounded.widest) = (width, at);
            }
            self.effort.work += n_values as u64 / 8;
            for &(element, r) in &candidate.relaxed {
                seen.elements[element].insert(r);
            }
        }
        bounded
    }
}
