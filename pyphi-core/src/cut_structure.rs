//! The cause-effect structure of a cut system, found out only as far as the decision about the cut
//! needs.
//!
//! Most cuts are not the minimum, and most of those can be dismissed early. The effect side of
//! every mechanism is cheap. A concept of the cut system whose cause is not known yet can take at
//! most as much mass as its effect has φ, at no less than the distance of the effects. So a
//! transport problem bounds the distance of the structures from below before any cause is searched,
//! and again after some of them are:
//!
//! - Concepts that the cut takes over unchanged drop out of the exact problem on both sides, and
//!   here too.
//! - Every other concept of the intact system (a row) has to send away its whole mass: to a concept
//!   of the cut system (a column), or to the null concept, as in the exact problem.
//! - A column may take anything up to its mass, or up to a bound on it, while in the exact problem
//!   it takes exactly its mass. The null concept may take anything.
//! - Each distance is replaced by a lower bound on it.
//!
//! Each of the last three only adds solutions or lowers costs, so the minimum is at most the exact
//! distance. One detail: concepts that are searched anew but turn out the same (φ within the
//! tolerance, repertoires within 1e-9) drop out of the exact problem as well. Therefore a column
//! gets the tolerance on top of its mass, and the distance between row and column of one mechanism
//! is lowered by the most that two repertoires within 1e-9 can be apart; then such a pair costs
//! nothing here either.

use smallvec::SmallVec;

use crate::concept::{ByUnit, LocalConcept};
use crate::fixed::{Fixed, cost_to_f64, to_coarse, to_fixed};
use crate::limits::steps;
use crate::mip::{Core, Scratch, SmallPhi};
use crate::repertoire::Direction;
use crate::structure::{
    SAME_REPERTOIRE, TransportWorkspace, distance_of_concepts, is_same, least_between,
};
use crate::tables::by_size;
use crate::ties::Choices;
use crate::transport::{ColumnDemand, Total};
use crate::unit_set::bits;

/// The concepts of the intact system, with what every cut needs to know of them.
#[derive(Debug)]
pub(crate) struct Intact {
    pub(crate) concepts: Vec<LocalConcept>,
    /// Distance of each to the null concept, on the coarse grid.
    to_null: Vec<i64>,
    null: LocalConcept,
}

impl Intact {
    /// Of concepts in the order of their mechanisms, each with its distance to the null concept, on
    /// the coarse grid; and the null concept.
    pub(crate) fn new(
        found: impl Iterator<Item = (LocalConcept, i64)>,
        null: LocalConcept,
    ) -> Intact {
        let (concepts, to_null) = found.unzip();
        Intact { concepts, to_null, null }
    }

    /// Σ φ · distance to the null concept.
    pub(crate) fn conceptual_information(&self) -> f64 {
        let costs = self.concepts.iter().zip(&self.to_null);
        let cost = |(it, &to_null): (&LocalConcept, &i64)| {
            i128::from(to_coarse(it.phi)) * i128::from(to_null)
        };
        cost_to_f64(costs.map(cost).sum())
    }
}

/// A mechanism whose concept the cut may change.
#[derive(Debug)]
pub(crate) struct Changed {
    mechanism: u32,
    /// Its concept in the intact system, if it has one.
    before: Option<usize>,
    after: After,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "an allocation for each costs more")]
enum After {
    /// The cause is not known yet.
    Open {
        effect: Core,
        effect_on: ByUnit,
    },
    Known(Option<LocalConcept>),
}

/// The structure under one cut.
#[derive(Debug)]
pub(crate) struct CutStructure<'a> {
    small_phi: &'a SmallPhi<'a>,
    intact: &'a Intact,
    /// By mechanism, in order; mechanisms whose concept is taken over are not listed.
    changed: Vec<Changed>,
    /// Concepts of the intact system that are taken over.
    is_kept: Vec<bool>,
}

impl<'a> CutStructure<'a> {
    /// The structure as far as it is known without searching a cause. Anything, if the analysis is
    /// to stop.
    pub(crate) fn new(
        small_phi: &'a SmallPhi<'a>,
        intact: &'a Intact,
        scratch: &mut Scratch,
    ) -> CutStructure<'a> {
        let (from, to) = (small_phi.wiring.from, small_phi.wiring.to);
        let (mut changed, mut is_kept) = std::mem::take(&mut scratch.of_cut);
        changed.clear();
        is_kept.clear();
        is_kept.resize(intact.concepts.len(), false);
        let mut before = intact.concepts.iter().enumerate().peekable();
        for &mechanism in small_phi.purviews {
            if small_phi.stop.is_due() {
                break;
            }
            let before = before.next_if(|(_, it)| it.mechanism == mechanism);
            let is_split = mechanism & from != 0 && mechanism & to != 0;
            if before.is_none() && (!is_split || small_phi.rules.no_new_concepts) {
                continue;
            }
            let kept_effect = before.and_then(|(_, it)| small_phi.kept_effect(it));
            if let Some((idx, concept)) = before
                && kept_effect.is_some()
                && small_phi.kept_cause(concept).is_some()
            {
                scratch.stats.phi_reused += 1;
                is_kept[idx] = true;
                continue;
            }
            let effect = kept_effect.or_else(|| small_phi.core_effect(mechanism, scratch));
            let is_kept_cause = |it: &LocalConcept| small_phi.kept_cause(it).is_some();
            let after = match effect {
                Some(effect) => match before.filter(|(_, it)| is_kept_cause(it)) {
                    Some((_, it)) => After::Known(Some(small_phi.with_effect(it, effect))),
                    None => After::Open {
                        effect,
                        effect_on: small_phi.effect_on(mechanism, effect.purview),
                    },
                },
                None => {
                    if small_phi.rules.count_ties && before.is_none_or(|(_, it)| !is_kept_cause(it))
                    {
                        // Without an effect there is no concept, but a tied search counts as one.
                        let _ = small_phi.core_cause(mechanism, scratch);
                    }
                    if before.is_none() {
                        // It has no concept with the cut or without. Most mechanisms of a sparse
                        // system are such.
                        continue;
                    }
                    After::Known(None)
                }
            };
            changed.push(Changed { mechanism, before: before.map(|(idx, _)| idx), after });
        }
        CutStructure { small_phi, intact, changed, is_kept }
    }

    /// The distance from the intact structure, as mass × distance on the coarse grid. Stops as soon
    /// as it is known to be at least `limit()`, which may become smaller meanwhile; `None` if the
    /// analysis is to stop.
    pub(crate) fn distance(
        &mut self,
        limit: &impl Fn() -> i128,
        scratch: &mut Scratch,
    ) -> Option<Total> {
        if self.small_phi.stop.is_due() {
            return None;
        }
        let mut open: SmallVec<[usize; 32]> = (0..self.changed.len())
            .filter(|&idx| matches!(self.changed[idx].after, After::Open { .. }))
            .collect();
        // Small mechanisms first: they take little time. Among those of one size, what carries most
        // mass moves the bound most.
        open.sort_unstable_by_key(|&idx| {
            let Changed { mechanism, before, after: After::Open { effect, .. } } =
                &self.changed[idx]
            else {
                unreachable!()
            };
            let mass = before.map_or(0, |before| self.intact.concepts[before].phi);
            (mechanism.count_ones(), std::cmp::Reverse(mass.max(effect.phi)), idx)
        });
        let is_used_again = self.small_phi.choices.is_some();
        let is_worked_out = self.small_phi.symmetry.is_trivial() && !is_used_again;
        // The sooner a bound is tried, the more it may spare, if there is much to spare.
        let is_early = is_worked_out && 2 * open.len() > self.small_phi.purviews.len();
        let mut next_bound = if is_early { 2 } else { 3 };
        if is_used_again {
            // What was searched for another order costs next to nothing now.
            let n_open = open.len();
            open.retain(|idx| {
                let is_known = self.is_searched(*idx);
                if is_known {
                    self.settle(*idx, scratch);
                }
                !is_known
            });
            next_bound = if open.len() < n_open { 0 } else { next_bound };
        }
        let mut bound: Option<BoundProblem> = None;
        while let Some(first) = open.first() {
            let size = self.changed[*first].mechanism.count_ones() as usize;
            let is_time = bound.as_ref().map_or(size >= next_bound, |it| it.is_time(limit()));
            let stop_at = if is_time { limit() } else { i128::MAX };
            if stop_at < i128::MAX {
                next_bound = size + 1;
                let Scratch { bound_record, transport: room, .. } = scratch;
                if is_worked_out || is_used_again || bound_record.is_worth_trying(size) {
                    let mut problem = bound.take().unwrap_or_else(|| self.set_bound(room));
                    let has_decided = self.bound_reaches(&problem, stop_at, room);
                    bound_record.note(size, has_decided);
                    if has_decided {
                        return Some(Total::AtLeast(stop_at));
                    }
                    if is_worked_out && !self.small_phi.stop.is_due() {
                        problem.keep_plan(room);
                        bound = Some(problem);
                    }
                }
            }
            let next = bound.as_ref().and_then(|it| self.most_moved(&open, it, &scratch.transport));
            let idx = open.remove(next.unwrap_or(0));
            self.settle(idx, scratch);
            if self.small_phi.stop.is_due() {
                return None;
            }
            if let Some(bound) = &mut bound {
                self.renew_bound(idx, bound, &mut scratch.transport);
            }
        }
        let rows = self.rows().map(|idx| &self.intact.concepts[idx]);
        let columns = self.changed.iter().filter_map(|it| match &it.after {
            After::Known(concept) => concept.as_ref(),
            After::Open { .. } => unreachable!("every cause has been searched"),
        });
        let tolerance = self.small_phi.rules.tolerance;
        let prices = self.small_phi.choices.map(|it| &it.prices);
        let (null, stop) = (&self.intact.null, self.small_phi.stop);
        let (tables, limit) = (self.small_phi.tables, limit());
        distance_of_concepts(tables, prices, null, rows, columns, tolerance, limit, stop, scratch)
    }

    /// The smallest distance that what is known so far allows; `None` if the analysis is to stop.
    pub(crate) fn least_distance(&self, scratch: &mut Scratch) -> Option<i128> {
        let room = &mut scratch.transport;
        self.set_bound(room);
        room.problem.start(&[]);
        room.problem.minimum(self.small_phi.stop)
    }

    /// Leaves the memory of its lists for another cut.
    pub(crate) fn leave(self, scratch: &mut Scratch) {
        scratch.of_cut = (self.changed, self.is_kept);
    }

    /// Returns the number of mechanisms with a concept that the cut may change.
    pub(crate) fn n_changed(&self) -> usize {
        self.changed.len()
    }

    /// All concepts, mechanisms in order, given those that [`CutStructure::settled`] finds.
    pub(crate) fn concepts(&self, settled: Vec<Option<LocalConcept>>) -> Vec<LocalConcept> {
        let kept = self.intact.concepts.iter().zip(&self.is_kept).filter(|(_, is_kept)| **is_kept);
        let mut concepts: Vec<LocalConcept> = kept.map(|(concept, _)| concept.clone()).collect();
        concepts.extend(settled.into_iter().flatten());
        concepts.sort_unstable_by(|a, b| by_size(a.mechanism, b.mechanism));
        concepts
    }

    /// The concept of a changed mechanism; `None` if it has none under the cut.
    pub(crate) fn settled(&self, idx: usize, scratch: &mut Scratch) -> Option<LocalConcept> {
        let Changed { mechanism, after, .. } = &self.changed[idx];
        let effect = match after {
            After::Open { effect, .. } => *effect,
            After::Known(concept) => return concept.clone(),
        };
        let cause = self.small_phi.core_cause(*mechanism, scratch);
        cause.map(|cause| self.small_phi.fill(*mechanism, cause, effect, scratch))
    }

    /// Returns `true` if a search under another order has found the cause of a mechanism.
    fn is_searched(&self, idx: usize) -> bool {
        let mechanism = self.changed[idx].mechanism;
        let is_known = |it: &Choices| it.with(Direction::Cause, mechanism, |_| ()).is_some();
        self.small_phi.choices.is_some_and(is_known)
    }

    /// Searches the cause of a mechanism, if it is not known yet.
    fn settle(&mut self, idx: usize, scratch: &mut Scratch) {
        if matches!(self.changed[idx].after, After::Open { .. }) {
            self.changed[idx].after = After::Known(self.settled(idx, scratch));
        }
    }

    /// Concepts of the intact system that are not taken over.
    fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.is_kept.len()).filter(|&idx| !self.is_kept[idx])
    }

    /// Mechanisms that have a concept under the cut, or may have one.
    fn columns(&self) -> impl Iterator<Item = usize> {
        let is_column = |idx: &usize| !matches!(self.changed[*idx].after, After::Known(None));
        (0..self.changed.len()).filter(is_column)
    }

    /// Of the mechanisms in `open`, the place of the one whose cause is worth most for what it
    /// takes: that to which most mass moves in the plan that shows that the bound does not suffice,
    /// mechanisms of one unit more taking twice as long. `None` if it moves nothing to any.
    fn most_moved(
        &self,
        open: &[usize],
        bound: &BoundProblem,
        room: &TransportWorkspace,
    ) -> Option<usize> {
        let worth = |&idx: &usize| {
            let mass = room.flows[bound.column_of(idx)];
            (mass > 0).then_some(mass >> self.changed[idx].mechanism.count_ones())
        };
        let used = open.iter().enumerate().filter_map(|(at, idx)| Some((worth(idx)?, at)));
        used.max_by_key(|&(worth, at)| (worth, std::cmp::Reverse(at))).map(|(_, at)| at)
    }

    /// Returns `true` if the bound on the distance is at least `stop_at`. The prices in `room` are
    /// those that proved it for another cut, by mechanism, or nothing. They are a lower bound by
    /// themselves, and the plan that suits them is a good start.
    fn bound_reaches(
        &self,
        bound: &BoundProblem,
        stop_at: i128,
        room: &mut TransportWorkspace,
    ) -> bool {
        let TransportWorkspace { problem, prices, .. } = room;
        let (mechanisms, stop) = (&bound.mechanisms, self.small_phi.stop);
        if let Some(choices) = self.small_phi.choices {
            return choices.prices.reaches(problem, mechanisms, stop_at, stop);
        }
        let guess: SmallVec<[i64; 32]> = if prices.is_empty() {
            SmallVec::new()
        } else {
            mechanisms.iter().map(|&it| prices[it as usize]).collect()
        };
        if !guess.is_empty() && problem.dual_at(&guess) >= stop_at {
            return true;
        }
        problem.start(&guess);
        let reaches = problem.reaches(stop_at, stop);
        if reaches {
            prices.resize(1 << self.small_phi.tables.n, 0);
            // Only differences matter. Mechanisms without a column keep prices that go with these.
            let of_null = problem.prices()[mechanisms.len() - 1];
            for (&mechanism, &price) in mechanisms.iter().zip(problem.prices()) {
                prices[mechanism as usize] = price - of_null;
            }
        }
        reaches
    }

    /// Renews what the cause of a mechanism, now known, changes in the problem of the bound and in
    /// the plan that showed that it does not suffice: what the mechanism does not take any more, or
    /// takes at a higher cost than the null concept, goes there.
    fn renew_bound(&self, idx: usize, bound: &mut BoundProblem, room: &mut TransportWorkspace) {
        let TransportWorkspace { problem, routes, .. } = room;
        let Changed { mechanism, before, after } = &self.changed[idx];
        let After::Known(after) = after else { unreachable!("the cause is known") };
        bound.searched += 1 << (mechanism.count_ones() as usize + self.small_phi.tables.n);
        let (column, null) = (bound.column_of(idx), bound.columns.len());
        let mut moved: SmallVec<[(i64, i64, usize); 8]> = SmallVec::new();
        for &(row, _, flow) in routes.iter().filter(|(_, to, _)| *to == column) {
            bound.plan -= i128::from(flow) * i128::from(problem.cost(row, column));
            moved.push((0, flow, row));
        }
        let mut left = after.as_ref().map_or(0, |after| self.column_mass(after.phi));
        let same = self.most_apart();
        steps(2 * bound.rows.len() * self.intact.null.effect_on.len());
        problem.set_column(column, left, |row| {
            let row = bound.rows[row];
            // Nothing moves where there is no concept, whatever it costs; this suits all prices.
            let Some(after) = after else { return self.intact.to_null[row] };
            let least = least_between(&self.intact.concepts[row], after);
            to_coarse(if *before == Some(row) { (least - same).max(0) } else { least })
        });
        for (gain, _, row) in &mut moved {
            *gain = problem.cost(*row, null) - problem.cost(*row, column);
        }
        // What would lose most stays.
        moved.sort_unstable_by(|a, b| b.cmp(a));
        for (gain, flow, row) in moved {
            let stays = if gain > 0 { flow.min(left) } else { 0 };
            left -= stays;
            bound.plan += i128::from(flow) * i128::from(problem.cost(row, null))
                - i128::from(stays) * i128::from(gain);
        }
    }

    /// Most that repertoires within 1e-9, entry by entry, can be apart: every entry moved by all
    /// units.
    fn most_apart(&self) -> Fixed {
        let n_lanes = self.intact.null.effect_on.len();
        let tables = self.small_phi.tables;
        let most_moved = tables.n * tables.n_states();
        to_fixed(SAME_REPERTOIRE * most_moved as f64 + 2.0 * n_lanes as f64 * SAME_REPERTOIRE)
    }

    /// What a concept of this φ may take.
    fn column_mass(&self, phi: Fixed) -> i64 {
        to_coarse(phi + self.small_phi.rules.tolerance)
    }

    /// The transport problem whose minimum is a lower bound on the distance (see the head of this
    /// module), into `room`. It has no first tree yet.
    fn set_bound(&self, room: &mut TransportWorkspace) -> BoundProblem {
        let n_lanes = self.intact.null.effect_on.len();
        let same = self.most_apart();
        let rows: SmallVec<[usize; 32]> = self.rows().collect();
        let columns: SmallVec<[usize; 32]> = self.columns().collect();
        let row_mass: SmallVec<[i64; 32]> =
            rows.iter().map(|&idx| to_coarse(self.intact.concepts[idx].phi)).collect();
        let column_mass = |idx: &usize| match &self.changed[*idx].after {
            After::Open { effect, .. } => self.column_mass(effect.phi),
            After::Known(Some(concept)) => self.column_mass(concept.phi),
            After::Known(None) => unreachable!("such mechanisms are no columns"),
        };
        let to_null: i64 = row_mass.iter().sum();
        let masses = columns.iter().map(column_mass);
        let TransportWorkspace { problem, marginals, .. } = room;
        marginals.set(
            n_lanes,
            columns.iter().map(|&idx| match &self.changed[idx].after {
                After::Open { effect_on, .. } => (None, &effect_on[..]),
                After::Known(Some(after)) => (Some(&after.cause_on[..]), &after.effect_on[..]),
                After::Known(None) => unreachable!("such mechanisms are no columns"),
            }),
        );
        problem.set(
            ColumnDemand::Limited,
            row_mass.iter().copied(),
            masses.chain([to_null]),
            |row, costs| {
                let concept = &self.intact.concepts[rows[row]];
                let (cost_to_null, costs) = costs.split_last_mut().expect("the null concept");
                *cost_to_null = self.intact.to_null[rows[row]];
                marginals.bounds(&concept.cause_on, &concept.effect_on, costs);
                for (cost, &idx) in costs.iter_mut().zip(&columns) {
                    if self.changed[idx].before == Some(rows[row]) {
                        *cost = (*cost - same).max(0);
                    }
                    *cost = to_coarse(*cost);
                }
            },
        );
        // The null concept is the column of no mechanism.
        let mechanisms =
            columns.iter().map(|&idx| self.changed[idx].mechanism).chain([0]).collect();
        BoundProblem { rows, columns, mechanisms, plan: i128::MAX, searched: 0 }
    }
}

/// The transport problem whose minimum is a lower bound on the distance, and what the plan costs
/// that showed that the minimum is too small. The problem itself and the routes of the plan are in
/// a workspace.
#[derive(Debug)]
struct BoundProblem {
    /// Of each row the concept of the intact system.
    rows: SmallVec<[usize; 32]>,
    /// Of each column but the last, which is the null concept, the changed mechanism.
    columns: SmallVec<[usize; 32]>,
    /// The mechanisms of all columns, that of the null concept being empty.
    mechanisms: SmallVec<[u32; 32]>,
    /// The cost of a plan: the minimum is at most that.
    plan: i128,
    /// The repertoires, about, that searches since that plan have made.
    searched: u64,
}

impl BoundProblem {
    /// A bound is tried again after two repertoires were made for so many of its routes, or more:
    /// then bounds take less than the searches between them.
    const ROUTES_FOR_TWO: u64 = 3;

    /// The column of a changed mechanism whose cause is open, or was when the problem was set.
    fn column_of(&self, idx: usize) -> usize {
        self.columns.binary_search(&idx).expect("an open mechanism is a column")
    }

    /// Returns `true` if the minimum may be at least `stop_at` now, as it is not while a plan costs
    /// less, and a look at it does not take much longer than the searches since the last.
    fn is_time(&self, stop_at: i128) -> bool {
        let n_routes = (self.rows.len() * self.columns.len()) as u64;
        self.plan >= stop_at && BoundProblem::ROUTES_FOR_TWO * self.searched >= 2 * n_routes
    }

    /// Keeps the present plan of the problem in `room`.
    fn keep_plan(&mut self, room: &mut TransportWorkspace) {
        let TransportWorkspace { problem, routes, flows, .. } = room;
        (self.plan, self.searched) = (0, 0);
        routes.clear();
        flows.clear();
        flows.resize(self.mechanisms.len(), 0);
        // The last row is not there in the exact problem: what it sends costs nothing.
        for (row, column, flow) in problem.routes().filter(|(row, ..)| *row < self.rows.len()) {
            self.plan += i128::from(flow) * i128::from(problem.cost(row, column));
            flows[column] += flow;
            routes.push((row, column, flow));
        }
    }
}

impl SmallPhi<'_> {
    /// The core cause of a concept of the intact system, if the cut leaves it alone: it does not
    /// split the mechanism, and no purview unit is in A with a mechanism unit in B.
    pub(crate) fn kept_cause(&self, concept: &LocalConcept) -> Option<Core> {
        let (from, to) = (self.wiring.from, self.wiring.to);
        let (mechanism, purview) = (concept.mechanism, concept.cause.purview);
        let is_split = mechanism & from != 0 && mechanism & to != 0;
        (!is_split && (mechanism & to == 0 || purview & from == 0)).then_some(concept.cause)
    }

    /// The core effect of a concept of the intact system, if the cut leaves it alone.
    pub(crate) fn kept_effect(&self, concept: &LocalConcept) -> Option<Core> {
        let (from, to) = (self.wiring.from, self.wiring.to);
        let (mechanism, purview) = (concept.mechanism, concept.effect.purview);
        let is_split = mechanism & from != 0 && mechanism & to != 0;
        (!is_split && (mechanism & from == 0 || purview & to == 0)).then_some(concept.effect)
    }

    /// A concept of the intact system whose cause the cut leaves alone, with its effect under the
    /// cut.
    fn with_effect(&self, concept: &LocalConcept, effect: Core) -> LocalConcept {
        let LocalConcept { mechanism, cause, cause_repertoire, cause_on, .. } = concept;
        LocalConcept {
            mechanism: *mechanism,
            phi: cause.phi.min(effect.phi),
            cause: *cause,
            effect,
            cause_repertoire: SmallVec::from_slice(cause_repertoire),
            cause_on: SmallVec::from_slice(cause_on),
            effect_on: self.effect_on(*mechanism, effect.purview),
        }
    }

    /// The lanes of the effect repertoire expanded to all units.
    pub(crate) fn effect_on(&self, mechanism: u32, purview: u32) -> ByUnit {
        if let Some(values) = &self.tables.values {
            return values.expanded_lanes(self.wiring, mechanism, purview);
        }
        let mut lanes = ByUnit::from_slice(self.tables.effect(0));
        for j in bits(purview) {
            lanes[j] = self.tables.effect(self.wiring.seen_by(j, mechanism))[j];
        }
        lanes
    }
}

/// Concepts of either structure.
pub(crate) type Concepts<'a> = SmallVec<[&'a LocalConcept; 32]>;

/// Removes the concepts that both structures have: those that were searched anew and came out as
/// they were.
pub(crate) fn without_same<'a>(
    rows: impl Iterator<Item = &'a LocalConcept>,
    columns: impl Iterator<Item = &'a LocalConcept>,
    tolerance: Fixed,
) -> (Concepts<'a>, Concepts<'a>) {
    let mut columns: SmallVec<[Option<&LocalConcept>; 32]> = columns.map(Some).collect();
    let mut by_mechanism: SmallVec<[(u32, usize); 32]> =
        columns.iter().enumerate().filter_map(|(idx, it)| Some(((*it)?.mechanism, idx))).collect();
    by_mechanism.sort_unstable();
    let rows = rows
        .filter(|row| {
            let Ok(found) = by_mechanism.binary_search_by_key(&row.mechanism, |it| it.0) else {
                return true;
            };
            let column = &mut columns[by_mechanism[found].1];
            let is_common = column.is_some_and(|it| is_same(row, it, tolerance));
            if is_common {
                *column = None;
            }
            !is_common
        })
        .collect();
    (rows, columns.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{complete_majority, generic_logistic, or_and_xor};
    use crate::mip::Workbench;
    use crate::partition::Cut;
    use crate::structure::{between, null_concept};
    use crate::subsystem::Subsystem;

    /// However much of a cut structure is known, the bound is at most the distance.
    fn check(subsystem: &Subsystem) {
        let bench = Workbench::new(subsystem, true);
        let mut scratch = Scratch::new(subsystem.n_units());
        let intact_wiring = subsystem.wiring(None);
        let small_phi = bench.small_phi(&intact_wiring);
        let null = null_concept(&subsystem.tables);
        let found = bench.subsets.iter().filter_map(|&mechanism| {
            let concept = small_phi.concept(mechanism, &mut scratch)?;
            let to_null = between(small_phi.tables, &concept, &null, small_phi.stop, &mut scratch);
            Some((concept, to_null))
        });
        let intact = Intact::new(found, null.clone());
        let (mut room, mut n_reached, mut n_plans) = (TransportWorkspace::default(), 0, 0);
        for cut in Cut::all(subsystem.units()) {
            let wiring = subsystem.wiring(Some(cut));
            let small_phi = bench.small_phi(&wiring);
            let exact = CutStructure::new(&small_phi, &intact, &mut scratch)
                .distance(&|| i128::MAX, &mut scratch);
            let Some(Total::Exact(exact)) = exact else {
                panic!("nothing stops the distance of {cut}")
            };
            let mut partly = CutStructure::new(&small_phi, &intact, &mut scratch);
            // Set anew each time, or renewed as causes are found.
            let reaches = |partly: &CutStructure, value: i128, room: &mut TransportWorkspace| {
                let bound = partly.set_bound(room);
                partly.bound_reaches(&bound, value, room)
            };
            let mut kept_room = TransportWorkspace::default();
            let mut kept = partly.set_bound(&mut kept_room);
            for idx in 0..=partly.changed.len() {
                assert!(
                    !reaches(&partly, exact + 1, &mut room),
                    "{cut}: the bound is above the distance {exact}, {idx} known"
                );
                // With and without prices that proved another bound it is the same bound.
                for value in [exact / 2, exact - exact / 8] {
                    let without = reaches(&partly, value, &mut TransportWorkspace::default());
                    assert_eq!(reaches(&partly, value, &mut room), without);
                    assert_eq!(partly.bound_reaches(&kept, value, &mut kept_room), without);
                    n_reached += u32::from(without);
                }
                if !partly.bound_reaches(&kept, exact + 1, &mut kept_room) {
                    let before = kept.plan;
                    kept.keep_plan(&mut kept_room);
                    n_plans += u32::from(kept.plan != before);
                }
                if idx == partly.changed.len() {
                    break;
                }
                if matches!(partly.changed[idx].after, After::Open { .. }) {
                    partly.settle(idx, &mut scratch);
                    partly.renew_bound(idx, &mut kept, &mut kept_room);
                    // A plan for what is known now: no bound is above it.
                    assert!(!reaches(&partly, kept.plan + 1, &mut room));
                }
            }
        }
        assert!(n_plans > 0, "no plan showed anything");
        assert!(n_reached > 0, "no bound reached anything");
    }

    #[test]
    fn bounds_are_below_the_distance() {
        check(&or_and_xor());
        check(&complete_majority(4));
        check(&complete_majority(5));
        for seed in 0..4 {
            check(&generic_logistic(3, seed));
            check(&generic_logistic(4, seed));
        }
        check(&generic_logistic(5, 1));
    }
}
