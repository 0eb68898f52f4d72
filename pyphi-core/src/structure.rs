//! Cause-effect structures and the distance between two of them.
//!
//! The distance is an earth mover's distance one level up: concepts are the places, their φ the
//! mass, and the distance of two concepts is the EMD of their cause repertoires plus that of their
//! effect repertoires, each pair expanded to the union of its purviews.

use smallvec::{SmallVec, smallvec};

use crate::by_definition::structure_distance;
use crate::concept::{Concept, LocalConcept};
use crate::cut_structure::without_same;
use crate::error::{ErrorKind, Result};
use crate::fixed::{Fixed, ONE, place_distribution, to_coarse, to_fixed};
use crate::limits::{Stop, steps};
use crate::mip::{Core, Scratch};
use crate::repertoire::Direction;
use crate::subsystem::Subsystem;
use crate::tables::Tables;
use crate::ties::Prices;
use crate::transport::{ColumnDemand, Total, Transport};
use crate::unit_set::extract;
use crate::variant::Variant;
use crate::vectors::{add_distances, add_distances_f64};

/// The concepts of a system, mechanisms by size and then lexicographically.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CauseEffectStructure {
    /// The concepts.
    pub concepts: Vec<Concept>,
}

impl CauseEffectStructure {
    /// Σφ over the concepts.
    pub fn sum_phi(&self) -> f64 {
        self.concepts.iter().map(|concept| concept.phi).sum()
    }

    /// The number of core causes and core effects that were chosen from several purviews of the
    /// same size and the same φ.
    pub fn ties(&self) -> u64 {
        self.concepts
            .iter()
            .map(|it| u64::from(it.cause.ties > 0) + u64::from(it.effect.ties > 0))
            .sum()
    }
}

/// The distance of two cause-effect structures on the same units, each given with its subsystem, by
/// the measure and the distance of `variant` (Oizumi et al. 2014). The systems may be in different
/// states, or have different mechanisms: what a concept leaves open is unconstrained as in its own
/// system, and so is the null concept that makes up for a difference in Σφ.
///
/// ```
/// use pyphi_core::{State, Subsystem, Variant, ces_distance, fixtures};
///
/// let first = fixtures::or_and_xor();
/// let state = State::new(&[0, 0, 1])?;
/// let second = Subsystem::new(first.network(), state, first.units())?;
/// let [a, b] = [&first, &second].map(Subsystem::cause_effect_structure);
/// let variant = Variant::default();
/// let distance = ces_distance((&first, &a), (&second, &b), variant)?;
/// assert!(distance > 0.0);
/// assert_eq!(ces_distance((&first, &a), (&first, &a), variant)?, 0.0);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If the units differ, or the measure of repertoires is asymmetric and the distance not that of
/// Σφ.
pub fn ces_distance(
    first: (&Subsystem, &CauseEffectStructure),
    second: (&Subsystem, &CauseEffectStructure),
    variant: Variant,
) -> Result<f64> {
    variant.check()?;
    let [found, expected] = [second.0.units(), first.0.units()].map(|it| it.to_string());
    if found != expected {
        return Err(ErrorKind::OtherUnits { found, expected }.into());
    }
    let alphabets =
        [second.0, first.0].map(|it| it.network().alphabet().of_units(it.units().bits()));
    if alphabets[0] != alphabets[1] {
        let [found, expected] = alphabets.map(|it| format!("with the alphabet {it}"));
        return Err(ErrorKind::OtherUnits { found, expected }.into());
    }
    let distance = structure_distance(first, second, variant, &Stop::never());
    Ok(distance.expect("nothing stops it"))
}

/// Conceptual information: the distance of a cause-effect structure from one without concepts, Σ φ
/// · distance to the null concept (Oizumi et al. 2014).
///
/// ```
/// use pyphi_core::{Variant, conceptual_information, fixtures};
///
/// let subsystem = fixtures::or_and_xor();
/// let structure = subsystem.cause_effect_structure();
/// let found = conceptual_information(&subsystem, &structure, Variant::default())?;
/// assert_eq!(format!("{found:.6}"), "2.111111");
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If the measure of repertoires is asymmetric and the distance not that of Σφ.
pub fn conceptual_information(
    subsystem: &Subsystem,
    structure: &CauseEffectStructure,
    variant: Variant,
) -> Result<f64> {
    ces_distance((subsystem, structure), (subsystem, &CauseEffectStructure::default()), variant)
}

/// Repertoires closer than this, entry by entry, are the same.
pub(crate) const SAME_REPERTOIRE: f64 = 1e-9;

/// A marginal bound computed in floats may exceed the exact distance by this little.
///
/// Of units with more than two values: a distribution over s states is placed on the grid so that
/// half its L1 distance to itself before is at most s·2⁻⁵⁷, and the distance of the marginals of
/// each unit is changed by no more. Lanes are made of a repertoire over its purview
/// (`ValueTables::cause_lanes`), which if it is expanded has half as many states at most. So each
/// of two distributions over up to 11 units, as there are where 4096 states are the most, is off by
/// 1.5·2⁻⁴⁵ a unit: 9.4e-13 in all. The last sums, of numbers up to 11, add less than 4e-14.
pub(crate) const BOUND_SLACK: f64 = 1e-12;

/// The distance between the concepts of the intact structure and those of a cut one, as mass ×
/// distance on the coarse grid. Concepts that both have may be left out on both sides. May stop as
/// soon as it is known to be at least `stop_at`; `None` if the analysis is to stop. `prices` are
/// those under other orders of choice, if there are any; `null` is the null concept.
#[expect(clippy::too_many_arguments, reason = "the problem and when to stop")]
pub(crate) fn distance_of_concepts<'a>(
    tables: &Tables,
    prices: Option<&Prices>,
    null: &'a LocalConcept,
    intact: impl Iterator<Item = &'a LocalConcept>,
    cut: impl Iterator<Item = &'a LocalConcept>,
    tolerance: Fixed,
    stop_at: i128,
    stop: &Stop,
    scratch: &mut Scratch,
) -> Option<Total> {
    let (mut rows, mut columns) = without_same(intact, cut, tolerance);
    let mass = |concepts: &[&LocalConcept]| -> SmallVec<[i64; 32]> {
        concepts.iter().map(|it| to_coarse(it.phi)).collect()
    };
    let (mut supply, mut demand) = (mass(&rows), mass(&columns));
    let surplus = supply.iter().sum::<i64>() - demand.iter().sum::<i64>();
    // The null concept takes what the cut structure lacks, or supplies what it has more.
    if surplus > 0 {
        columns.push(null);
        demand.push(surplus);
    } else if surplus < 0 {
        rows.push(null);
        supply.push(-surplus);
    }
    let mut room = std::mem::take(&mut scratch.transport);
    let TransportWorkspace { problem, marginals, .. } = &mut room;
    marginals.set(
        null.effect_on.len(),
        columns.iter().map(|it| (Some(&it.cause_on[..]), &it.effect_on[..])),
    );
    problem.set(ColumnDemand::Filled, supply, demand, |row, costs| {
        marginals.bounds(&rows[row].cause_on, &rows[row].effect_on, costs);
        costs.iter_mut().for_each(|cost| *cost = to_coarse(*cost));
    });
    let mechanisms: Option<Vec<u32>> =
        prices.map(|_| columns.iter().map(|it| it.mechanism).collect());
    let known = prices.zip(mechanisms.as_ref());
    let bound = known.and_then(|(prices, mechanisms)| prices.bound(problem, mechanisms));
    let total = if let Some(bound) = bound.filter(|bound| *bound >= stop_at) {
        Some(Total::AtLeast(bound))
    } else {
        problem.start(&[]);
        let total = problem.solve(stop_at, stop, |row, column| {
            between(tables, rows[row], columns[column], stop, scratch)
        });
        if let Some((prices, mechanisms)) = known {
            prices.keep(problem, mechanisms);
        }
        total
    };
    scratch.transport = room;
    total
}

/// The distance between two concepts, on the coarse grid. Anything, if the analysis is to stop.
pub(crate) fn between(
    tables: &Tables,
    a: &LocalConcept,
    b: &LocalConcept,
    stop: &Stop,
    scratch: &mut Scratch,
) -> i64 {
    let causes = between_causes(tables, a, b, stop, scratch);
    to_coarse(causes + effect_distance(&a.effect_on, &b.effect_on))
}

/// EMD of the cause repertoires, expanded to the union of their purviews (unconstrained causes are
/// uniform). Anything, if the analysis is to stop.
pub(crate) fn between_causes(
    tables: &Tables,
    a: &LocalConcept,
    b: &LocalConcept,
    stop: &Stop,
    scratch: &mut Scratch,
) -> Fixed {
    let union = a.cause.purview | b.cause.purview;
    if let Some(values) = &tables.values {
        scratch.stats.concept_emds_solved += 1;
        let [p, q] = [a, b].map(|it| {
            values.expanded(Direction::Cause, (&it.cause_repertoire, it.cause.purview), union)
        });
        let room = &mut scratch.of_states;
        return match values.transport(union, (&p, &q), Fixed::MAX, stop, room) {
            Some(Total::Exact(total)) => total as Fixed,
            // As far as any two are: the analysis is to stop.
            _ => tables.n as Fixed * ONE,
        };
    }
    let Scratch { first, second, p, q, emd, stats, .. } = scratch;
    expand(&a.cause_repertoire, a.cause.purview, union, first);
    expand(&b.cause_repertoire, b.cause.purview, union, second);
    p.resize(first.len(), 0);
    q.resize(second.len(), 0);
    place_distribution(first, p);
    place_distribution(second, q);
    stats.concept_emds_solved += 1;
    emd.distance(p, q)
}

/// Room for a transport between structures.
#[derive(Debug, Default)]
pub(crate) struct TransportWorkspace {
    pub(crate) problem: Transport,
    pub(crate) marginals: MarginalColumns,
    /// Prices of the concepts of a cut structure that proved the last bound, by mechanism.
    pub(crate) prices: Vec<i64>,
    /// The routes of a plan that shows that a bound does not suffice: row, column and flow.
    pub(crate) routes: Vec<(usize, usize, i64)>,
    /// What it moves to each column.
    pub(crate) flows: Vec<i64>,
}

/// The marginals of many concepts, unit by unit, and from them lower bounds on their distances to
/// others: marginals give the distance of effect repertoires exactly and that of cause repertoires
/// a bound.
#[derive(Debug, Default)]
pub(crate) struct MarginalColumns {
    n_columns: usize,
    /// By unit and then by column. Of a column whose cause is not known, anything.
    cause: Vec<f64>,
    effect: Vec<Fixed>,
    /// 1 if the cause of a column is known, else 0.
    has_cause: Vec<Fixed>,
    sums: Vec<f64>,
}

impl MarginalColumns {
    /// Sets the columns, with the marginals of cause, if it is known, and effect.
    pub(crate) fn set<'a>(
        &mut self,
        n_units: usize,
        columns: impl ExactSizeIterator<Item = (Option<&'a [f64]>, &'a [Fixed])>,
    ) {
        let n_columns = columns.len();
        self.n_columns = n_columns;
        self.cause.resize(n_units * n_columns, 0.5);
        self.effect.resize(n_units * n_columns, 0);
        self.has_cause.resize(n_columns, 0);
        for (column, (cause_on, effect_on)) in columns.enumerate() {
            self.has_cause[column] = Fixed::from(cause_on.is_some());
            for unit in 0..n_units {
                self.effect[unit * n_columns + column] = effect_on[unit];
                if let Some(cause_on) = cause_on {
                    self.cause[unit * n_columns + column] = cause_on[unit];
                }
            }
        }
    }

    /// Lower bounds on the distances from one concept to the columns.
    pub(crate) fn bounds(&mut self, cause_on: &[f64], effect_on: &[Fixed], out: &mut [Fixed]) {
        steps(cause_on.len() * self.n_columns);
        out.fill(0);
        self.sums.clear();
        self.sums.resize(self.n_columns, 0.0);
        for (unit, (&cause, &effect)) in cause_on.iter().zip(effect_on).enumerate() {
            let of_unit = unit * self.n_columns..(unit + 1) * self.n_columns;
            add_distances(out, effect, &self.effect[of_unit.clone()]);
            add_distances_f64(&mut self.sums, cause, &self.cause[of_unit]);
        }
        for ((bound, &sum), &has_cause) in out.iter_mut().zip(&self.sums).zip(&self.has_cause) {
            *bound += has_cause * to_fixed((sum - BOUND_SLACK).max(0.0));
        }
    }
}

/// As [`MarginalColumns::bounds`], of one concept to another.
pub(crate) fn least_between(a: &LocalConcept, b: &LocalConcept) -> Fixed {
    let causes: f64 = a.cause_on.iter().zip(&b.cause_on).map(|(x, y)| (x - y).abs()).sum();
    effect_distance(&a.effect_on, &b.effect_on) + to_fixed((causes - BOUND_SLACK).max(0.0))
}

/// Same mechanism, same φ, same purviews and same repertoires.
pub(crate) fn is_same(a: &LocalConcept, b: &LocalConcept, tolerance: Fixed) -> bool {
    let close = |p: f64, q: f64| (p - q).abs() <= SAME_REPERTOIRE;
    let close_on_grid = |p: Fixed, q: Fixed| (p - q).abs() <= to_fixed(SAME_REPERTOIRE);
    a.mechanism == b.mechanism
        && (a.phi - b.phi).abs() <= tolerance
        && a.cause.purview == b.cause.purview
        && a.effect.purview == b.effect.purview
        && a.cause_repertoire.iter().zip(&b.cause_repertoire).all(|(&p, &q)| close(p, q))
        // Two product distributions are the same if their marginals are.
        && a.effect_on.iter().zip(&b.effect_on).all(|(&p, &q)| close_on_grid(p, q))
}

/// The concept of nothing: its repertoires over any purview are the unconstrained ones.
pub(crate) fn null_concept(tables: &Tables) -> LocalConcept {
    let core = Core { purview: 0, phi: 0, n_tied: 0, n_tied_in_size: 1 };
    let (cause_on, effect_on) = match &tables.values {
        None => (smallvec![0.5; tables.n], SmallVec::from_slice(tables.effect(0))),
        Some(values) => {
            (values.cause_lanes(0, &[1.0]), SmallVec::from_slice(values.effect_lanes(0)))
        }
    };
    LocalConcept {
        mechanism: 0,
        phi: 0,
        cause: core,
        effect: core,
        cause_repertoire: smallvec![1.0],
        cause_on,
        effect_on,
    }
}

/// EMD of two effect repertoires, expanded. Outside a purview the marginals are the unconstrained
/// ones, so expanding to the union of the purviews or to all units is the same, and products of
/// marginals have the summed difference of these as their EMD.
pub(crate) fn effect_distance(a: &[Fixed], b: &[Fixed]) -> Fixed {
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).sum()
}

/// A repertoire over `purview` spread uniformly over the other units of `union`.
fn expand(repertoire: &[f64], purview: u32, union: u32, out: &mut Vec<f64>) {
    let within = extract(purview, union);
    let n_states = 1u32 << union.count_ones();
    let share = repertoire.len() as f64 / f64::from(n_states);
    out.clear();
    out.extend((0..n_states).map(|z| repertoire[extract(z, within) as usize] * share));
}
