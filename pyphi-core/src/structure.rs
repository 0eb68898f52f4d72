//! Cause-effect structures and the distance between two of them.
//!
//! The distance is an earth mover's distance one level up: concepts are the places, their φ the mass, and
//! the distance of two concepts is the EMD of their cause repertoires plus that of their effect repertoires,
//! each pair expanded to the union of its purviews.

use crate::concept::{Concept, LocalConcept};
use crate::emd::Emd;
use crate::fixed::{Fixed, place_distribution, to_coarse, to_fixed};
use crate::mip::{Core, Scratch};
use crate::tables::Tables;
use crate::transport::{Total, Transport};
use crate::unit_set::extract;

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

    /// How many core causes and core effects were chosen from several purviews of the same size and the
    /// same φ.
    pub fn ties(&self) -> u64 {
        self.concepts
            .iter()
            .map(|it| u64::from(it.cause.ties > 0) + u64::from(it.effect.ties > 0))
            .sum()
    }
}

/// Repertoires closer than this, entry by entry, are the same.
const SAME_REPERTOIRE: f64 = 1e-9;

/// A marginal bound computed in floats may exceed the exact distance by this little.
const BOUND_SLACK: f64 = 1e-12;

/// Computes distances between structures; one per thread.
#[derive(Debug, Default)]
pub(crate) struct StructureDistance {
    transport: Transport,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl StructureDistance {
    /// The distance from the intact structure to that of a cut, as mass × distance on the coarse grid.
    /// May stop as soon as it is known to be at least `stop_at`.
    pub(crate) fn distance(
        &mut self,
        tables: &Tables,
        intact: &[LocalConcept],
        cut: &[LocalConcept],
        tolerance: Fixed,
        stop_at: i128,
        scratch: &mut Scratch,
    ) -> Total {
        let (left, right) = without_common(intact, cut, tolerance);
        let null = null_concept(tables);
        let mass = |concepts: &[&LocalConcept]| -> i64 {
            concepts.iter().map(|it| to_coarse(it.phi)).sum()
        };
        let surplus = mass(&left) - mass(&right);
        // The null concept takes what the cut structure lacks, or supplies what it has more.
        let mut rows = left;
        let mut columns = right;
        let (mut supply, mut demand): (Vec<i64>, Vec<i64>) = (
            rows.iter().map(|it| to_coarse(it.phi)).collect(),
            columns.iter().map(|it| to_coarse(it.phi)).collect(),
        );
        if surplus > 0 {
            columns.push(&null);
            demand.push(surplus);
        } else if surplus < 0 {
            rows.push(&null);
            supply.push(-surplus);
        }
        let StructureDistance { transport, first, second } = self;
        transport.set(supply, demand, |row, column| {
            let (a, b) = (rows[row], columns[column]);
            let bound: f64 = a.cause_on.iter().zip(&b.cause_on).map(|(x, y)| (x - y).abs()).sum();
            to_coarse(to_fixed((bound - BOUND_SLACK).max(0.0)) + effect_distance(a, b))
        });
        transport.solve(stop_at, |row, column| {
            let (a, b) = (rows[row], columns[column]);
            to_coarse(cause_distance(a, b, first, second, scratch) + effect_distance(a, b))
        })
    }
}

/// The concepts that only one of the structures has.
fn without_common<'a>(
    intact: &'a [LocalConcept],
    cut: &'a [LocalConcept],
    tolerance: Fixed,
) -> (Vec<&'a LocalConcept>, Vec<&'a LocalConcept>) {
    // Both are sorted in the same order of mechanisms, and a mechanism has at most one concept in each.
    let by_mechanism: std::collections::HashMap<u32, &LocalConcept> =
        cut.iter().map(|it| (it.mechanism, it)).collect();
    let mut common = std::collections::HashSet::new();
    let left = intact
        .iter()
        .filter(|concept| {
            let is_common = by_mechanism
                .get(&concept.mechanism)
                .is_some_and(|it| is_same(concept, it, tolerance));
            if is_common {
                common.insert(concept.mechanism);
            }
            !is_common
        })
        .collect();
    let right = cut.iter().filter(|it| !common.contains(&it.mechanism)).collect();
    (left, right)
}

/// Same mechanism, same φ, same purviews and same repertoires.
fn is_same(a: &LocalConcept, b: &LocalConcept, tolerance: Fixed) -> bool {
    let close = |p: f64, q: f64| (p - q).abs() <= SAME_REPERTOIRE;
    a.mechanism == b.mechanism
        && (a.phi - b.phi).abs() <= tolerance
        && a.cause.purview == b.cause.purview
        && a.effect.purview == b.effect.purview
        && a.cause_repertoire.iter().zip(&b.cause_repertoire).all(|(&p, &q)| close(p, q))
        // Two product distributions are the same if their marginals are.
        && a.effect_on.iter().zip(&b.effect_on).all(|(&p, &q)| (p - q).abs() <= to_fixed(SAME_REPERTOIRE))
}

/// The concept of nothing: its repertoires over any purview are the unconstrained ones.
fn null_concept(tables: &Tables) -> LocalConcept {
    let core = Core { purview: 0, phi: 0, n_tied: 0, n_tied_in_size: 1 };
    LocalConcept {
        mechanism: 0,
        phi: 0,
        cause: core,
        effect: core,
        cause_repertoire: vec![1.0],
        cause_on: vec![0.5; tables.n],
        effect_on: tables.effect(0).to_vec(),
    }
}

/// EMD of the effect repertoires, expanded. Outside a purview the marginals are the unconstrained ones, so
/// expanding to the union of the purviews or to all units is the same, and products of marginals have the
/// summed difference of these as their EMD.
fn effect_distance(a: &LocalConcept, b: &LocalConcept) -> Fixed {
    a.effect_on.iter().zip(&b.effect_on).map(|(x, y)| (x - y).abs()).sum()
}

/// EMD of the cause repertoires, expanded to the union of their purviews (unconstrained causes are uniform).
fn cause_distance(
    a: &LocalConcept,
    b: &LocalConcept,
    first: &mut Vec<f64>,
    second: &mut Vec<f64>,
    scratch: &mut Scratch,
) -> Fixed {
    let union = a.cause.purview | b.cause.purview;
    expand(&a.cause_repertoire, a.cause.purview, union, first);
    expand(&b.cause_repertoire, b.cause.purview, union, second);
    let Scratch { p, q, emd, stats, .. } = scratch;
    p.resize(first.len(), 0);
    q.resize(second.len(), 0);
    place_distribution(first, p);
    place_distribution(second, q);
    stats.concept_emds_solved += 1;
    match emd.distance(p, q, Fixed::MAX) {
        Emd::Exact(value) | Emd::AtLeast(value) => value,
    }
}

/// A repertoire over `purview` spread uniformly over the other units of `union`.
fn expand(repertoire: &[f64], purview: u32, union: u32, out: &mut Vec<f64>) {
    let within = extract(purview, union);
    let n_states = 1u32 << union.count_ones();
    let share = repertoire.len() as f64 / f64::from(n_states);
    out.clear();
    out.extend((0..n_states).map(|z| repertoire[extract(z, within) as usize] * share));
}
