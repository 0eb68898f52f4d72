//! IIT 3.0 straight from its definition, for the [variants](Variant) for which no bounds are
//! proven: every partition of every purview, every cut, nothing left out but what cannot matter.
//!
//! Units with more than two values are analysed under these variants as well: `value_tables` has
//! their repertoires, and everything above those only knows sets of units.
//!
//! Values are floats here, and tied within the tolerance. For the variant that is published all of
//! it is what the rest of this library finds, faster; tests compare the two.

use std::ops::ControlFlow;
use std::time::Instant;

use rayon::prelude::*;

use crate::big_phi::{BigPhi, sort_likely_first, without_structure};
use crate::concept::{Concept, CoreRepertoire};
use crate::emd::EmdSolver;
use crate::fixed::{Fixed, cost_to_f64, place_distribution, to_coarse, to_f64, to_fixed};
use crate::iit4::for_each_joint;
use crate::limits::{Options, Phase, Stop, StopReason, Watch, steps};
use crate::partition::{Cut, Partition, last, local_partitions, two_parts};
use crate::repertoire::{Direction, RepertoireScratch, marginals, multiply, product_repertoire};
use crate::stats::Stats;
use crate::structure::{CauseEffectStructure, SAME_REPERTOIRE};
use crate::subsystem::{Subsystem, are_connected};
use crate::tables::Wiring;
use crate::tie_order::LocalOrder;
use crate::transport::{ColumnDemand, Total, Transport};
use crate::unit_set::{UnitSet, bits, deposit, extract, submasks};
use crate::value_tables::ValueTables;
use crate::variant::{CesDistance, Measure, MechanismPartitions, Variant};

/// Mechanism units and purview units of each part of a partition.
type Parts = [(u32, u32)];

/// Calls `visit` with every partition of a mechanism over a purview.
fn for_each_partition<B>(
    kind: MechanismPartitions,
    mechanism: u32,
    purview: u32,
    mut visit: impl FnMut(&Parts) -> ControlFlow<B>,
) -> ControlFlow<B> {
    match kind {
        MechanismPartitions::Bi => local_partitions(mechanism, purview)
            .try_for_each(|first| visit(&two_parts(mechanism, purview, first))),
        MechanismPartitions::Tri => {
            visit(&[(mechanism, 0), (0, purview)])?;
            let top = last(mechanism);
            for m1 in submasks(mechanism & !top).filter(|&it| it != 0) {
                for p3 in submasks(purview).filter(|&it| it != purview) {
                    for p1 in submasks(purview & !p3) {
                        let p2 = purview & !p3 & !p1;
                        let parts = [(m1, p1), (mechanism & !m1, p2), (0, p3)];
                        visit(&parts[..if p3 == 0 { 2 } else { 3 }])?;
                    }
                }
            }
            ControlFlow::Continue(())
        }
        MechanismPartitions::All => for_each_joint(mechanism, purview, visit),
    }
}

/// A repertoire, as far as distances need it.
struct Distribution {
    purview: u32,
    /// By state of the purview.
    entries: Vec<f64>,
    /// Of an effect, whose units are independent: P(ON) of each unit of the purview, on the grid,
    /// by its number.
    on: Option<Vec<Fixed>>,
}

/// Returns the distance of `q` from `p`, over the same purview.
fn distance(
    values: Option<&ValueTables>,
    direction: Direction,
    measure: Measure,
    (p, q): (&Distribution, &Distribution),
    emd: &mut EmdSolver,
    stop: &Stop,
) -> f64 {
    steps(p.entries.len());
    if let (Measure::Emd, Some(values)) = (measure, values) {
        return values.earth_movers(direction, p.purview, (&p.entries, &q.entries), stop);
    }
    match (measure, &p.on, &q.on) {
        (Measure::Emd, Some(p_on), Some(q_on)) => {
            to_f64(bits(p.purview).map(|unit| (p_on[unit] - q_on[unit]).abs()).sum())
        }
        (Measure::Emd, ..) => {
            let place = |it: &Distribution| {
                let mut placed = vec![0; it.entries.len()];
                place_distribution(&it.entries, &mut placed);
                placed
            };
            to_f64(emd.distance(&place(p), &place(q)))
        }
        _ => measure.of_entries(&p.entries, &q.entries),
    }
}

/// A purview with its φ.
#[derive(Debug, Clone, Copy)]
struct Core {
    purview: u32,
    phi: f64,
    n_tied_in_size: u32,
}

/// Small φ of a subsystem, intact or under a cut.
pub(crate) struct Definition<'a> {
    pub(crate) subsystem: &'a Subsystem,
    pub(crate) variant: Variant,
    pub(crate) wiring: &'a Wiring,
    pub(crate) order: LocalOrder,
    pub(crate) stop: &'a Stop,
}

impl Definition<'_> {
    fn distribution(&self, direction: Direction, mechanism: u32, purview: u32) -> Distribution {
        let entries = self.subsystem.probabilities(self.wiring, direction, mechanism, purview);
        let is_binary = self.subsystem.is_binary();
        let on = (direction == Direction::Effect && is_binary).then(|| {
            let tables = &self.subsystem.tables;
            let on = |unit| tables.effect(self.wiring.seen_by(unit, mechanism))[unit];
            (0..tables.n).map(on).collect()
        });
        Distribution { purview, entries, on }
    }

    fn product(&self, direction: Direction, parts: &Parts) -> Distribution {
        let mut scratch = RepertoireScratch::default();
        let mut product = Distribution { purview: 0, entries: vec![1.0], on: None };
        for &(mechanism, purview) in parts {
            let part = self.distribution(direction, mechanism, purview);
            let union = product.purview | purview;
            let mut entries = Vec::new();
            let first = product.purview;
            if let Some(values) = self.values() {
                entries = values.product((&product.entries, first), (&part.entries, part.purview));
            } else {
                multiply(&product.entries, first, &part.entries, union, &mut scratch, &mut entries);
            }
            let on = match (product.on, part.on) {
                (Some(mut on), Some(of_part)) => {
                    bits(purview).for_each(|unit| on[unit] = of_part[unit]);
                    Some(on)
                }
                (_, of_part) => of_part,
            };
            product = Distribution { purview: union, entries, on };
        }
        product
    }

    fn values(&self) -> Option<&ValueTables> {
        self.subsystem.tables.values.as_deref()
    }

    fn distance(
        &self,
        direction: Direction,
        p: &Distribution,
        q: &Distribution,
        emd: &mut EmdSolver,
    ) -> f64 {
        distance(self.values(), direction, self.variant.measure, (p, q), emd, self.stop)
    }

    /// The partitioned repertoire.
    pub(crate) fn partitioned(&self, direction: Direction, parts: &Parts) -> Vec<f64> {
        self.product(direction, parts).entries
    }

    /// The smallest distance over the partitions; or, as soon as one is known that is below
    /// `floor`, that one. Anything, if the analysis is to stop.
    fn phi(&self, direction: Direction, mechanism: u32, purview: u32, floor: f64) -> f64 {
        let whole = self.distribution(direction, mechanism, purview);
        let (mut phi, mut emd) = (f64::INFINITY, EmdSolver::default());
        let _ = for_each_partition(self.variant.partitions, mechanism, purview, |parts| {
            let partitioned = self.product(direction, parts);
            phi = phi.min(self.distance(direction, &whole, &partitioned, &mut emd));
            match phi < floor || self.stop.is_due() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        phi
    }

    /// φ of a pair with the first `most` of the partitions that attain it. Some, if the analysis is
    /// to stop.
    pub(crate) fn mips(
        &self,
        direction: Direction,
        mechanism: u32,
        purview: u32,
        most: usize,
    ) -> (f64, Vec<Vec<(u32, u32)>>) {
        let phi = self.phi(direction, mechanism, purview, f64::NEG_INFINITY);
        (phi, self.attaining(phi, direction, mechanism, purview, most))
    }

    /// The first `most` of the partitions whose distance is φ, within the tolerance. Some, if the
    /// analysis is to stop.
    fn attaining(
        &self,
        phi: f64,
        direction: Direction,
        mechanism: u32,
        purview: u32,
        most: usize,
    ) -> Vec<Vec<(u32, u32)>> {
        let whole = self.distribution(direction, mechanism, purview);
        let (mut mips, mut emd) = (Vec::new(), EmdSolver::default());
        let _ = for_each_partition(self.variant.partitions, mechanism, purview, |parts| {
            let partitioned = self.product(direction, parts);
            let value = self.distance(direction, &whole, &partitioned, &mut emd);
            if value <= phi + self.subsystem.tolerance() {
                mips.push(parts.to_vec());
            }
            match mips.len() == most || self.stop.is_due() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        mips
    }

    /// The purview with the largest φ, or `None` if φ is 0 for all of them. Anything, if the
    /// analysis is to stop.
    fn core(&self, direction: Direction, mechanism: u32) -> Option<Core> {
        let tolerance = self.subsystem.tolerance();
        let mut best = 0.0f64;
        let mut found: Vec<(u32, f64)> = Vec::new();
        for &purview in self.variant.subsets(self.subsystem.n_units()) {
            if self.stop.is_due() {
                return None;
            }
            if are_connected(self.wiring, direction, mechanism, purview) {
                // A purview whose φ is less than the best by more than the tolerance is no matter.
                let phi = self.phi(direction, mechanism, purview, best - tolerance);
                best = best.max(phi);
                found.push((purview, phi));
            }
        }
        found.retain(|&(_, phi)| phi > tolerance && phi >= best - tolerance);
        let sizes = found.iter().map(|(purview, _)| purview.count_ones());
        let size = if self.variant.smallest_purview { sizes.min()? } else { sizes.max()? };
        found.retain(|(purview, _)| purview.count_ones() == size);
        let place = |&&(purview, _): &&(u32, f64)| self.order.place(direction, mechanism, purview);
        let &(purview, phi) = found.iter().min_by_key(place)?;
        Some(Core { purview, phi, n_tied_in_size: found.len() as u32 })
    }

    /// The concept of a mechanism, or `None` if it specifies no irreducible cause or no irreducible
    /// effect. Anything, if the analysis is to stop.
    fn concept(&self, mechanism: u32) -> Option<Concept> {
        let effect = self.core(Direction::Effect, mechanism)?;
        let cause = self.core(Direction::Cause, mechanism)?;
        let members = self.subsystem.units().bits();
        let network = |local: u32| UnitSet::from_bits(deposit(local, members));
        let describe = |direction, core: Core| {
            let mips = self.attaining(core.phi, direction, mechanism, core.purview, 1);
            CoreRepertoire {
                direction,
                purview: network(core.purview),
                phi: core.phi,
                repertoire: self.distribution(direction, mechanism, core.purview).entries,
                mip: Partition::of_local(mips.first().map_or(&[], |it| it), members),
                ties: core.n_tied_in_size - 1,
            }
        };
        Some(Concept {
            mechanism: network(mechanism),
            phi: cause.phi.min(effect.phi),
            cause: describe(Direction::Cause, cause),
            effect: describe(Direction::Effect, effect),
        })
    }
}

/// The state of a search that is the same for the intact system and all cuts.
struct Search<'a> {
    subsystem: &'a Subsystem,
    options: &'a Options,
    stop: Stop,
    began: Instant,
}

/// Φ of a subsystem that is strongly connected, over these cuts.
pub(crate) fn big_phi(
    subsystem: &Subsystem,
    options: &Options,
    stop: Stop,
    cuts: &[Cut],
) -> BigPhi {
    let search = Search { subsystem, options, stop, began: Instant::now() };
    search.run(cuts).unwrap_or_else(|| without_structure(subsystem, search.stop.why()))
}

/// The concepts of a subsystem.
pub(crate) fn structure(
    subsystem: &Subsystem,
    options: &Options,
) -> Result<CauseEffectStructure, StopReason> {
    let search = Search { subsystem, options, stop: Stop::new(options), began: Instant::now() };
    let found = search.structure(None, options.variant.subsets(subsystem.n_units()));
    found.ok_or_else(|| search.stop.why())
}

impl Search<'_> {
    /// The concepts of these mechanisms, intact or under a cut, in their order; `None` if the
    /// analysis is to stop.
    fn structure(&self, cut: Option<Cut>, mechanisms: &[u32]) -> Option<CauseEffectStructure> {
        let wiring = self.subsystem.wiring(cut);
        let definition = Definition {
            subsystem: self.subsystem,
            variant: self.options.variant,
            wiring: &wiring,
            order: self.options.tie_order.within(self.subsystem.units().bits()),
            stop: &self.stop,
        };
        let found: Vec<_> = match cut {
            None => {
                let watch =
                    Watch::new(self.options, self.began, Phase::Concepts, mechanisms.len() as u64);
                let concept = |&mechanism: &u32| {
                    let found = definition.concept(mechanism);
                    watch.add(1, None);
                    found
                };
                mechanisms.par_iter().map(concept).collect()
            }
            // Cuts are on all threads already.
            Some(_) => mechanisms.iter().map(|&it| definition.concept(it)).collect(),
        };
        let concepts = found.into_iter().flatten().collect();
        (!self.stop.is_due()).then_some(CauseEffectStructure { concepts })
    }

    /// Φ over these cuts; `None` if the analysis is to stop, or there are none.
    fn run(&self, cuts: &[Cut]) -> Option<BigPhi> {
        let (subsystem, variant) = (self.subsystem, self.options.variant);
        let all = variant.subsets(subsystem.n_units());
        let ces = self.structure(None, all)?;
        let from_intact = |other: &CauseEffectStructure| {
            structure_distance((subsystem, &ces), (subsystem, other), variant, &self.stop)
        };
        let conceptual_information = Some(from_intact(&CauseEffectStructure::default())?);
        let zero = |ces: CauseEffectStructure| {
            let (units, stats) = (subsystem.units(), Stats::default());
            BigPhi {
                conceptual_information,
                ..BigPhi::zero(units, ces, StopReason::Complete, stats)
            }
        };
        if ces.concepts.is_empty() {
            return Some(zero(ces));
        }
        let had: Vec<u32> = ces.concepts.iter().map(|it| subsystem.local(it.mechanism)).collect();
        let under = |cut: Cut| {
            // A mechanism that the cut does not split has no concept that it did not have: the
            // units of a purview that it loses are severed from all of it, and φ over the others
            // stays.
            let (from, to) = (subsystem.local(cut.severed_from), subsystem.local(cut.severed_to));
            let is_split = |it: u32| it & from != 0 && it & to != 0;
            let mechanisms: Vec<u32> = (all.iter().copied())
                .filter(|&it| had.contains(&it) || (is_split(it) && !variant.no_new_concepts))
                .collect();
            self.structure(Some(cut), &mechanisms)
        };
        let n_cuts = cuts.len() as u64;
        let watch = Watch::new(self.options, self.began, Phase::Cuts, n_cuts);
        // The structures of all cuts together would take too much memory.
        let distance = |cut: &Cut| {
            let distance = from_intact(&under(*cut)?)?;
            watch.add(1, None);
            Some(distance)
        };
        let distances = cuts.par_iter().map(distance).collect::<Option<Vec<f64>>>()?;
        let tolerance = subsystem.tolerance();
        let mut idle: Vec<usize> =
            (0..cuts.len()).filter(|&rank| distances[rank].abs() <= tolerance).collect();
        sort_likely_first(subsystem, cuts, &mut idle);
        if let Some(&rank) = idle.first() {
            let cut = Some(cuts[rank]);
            return Some(BigPhi { cut, cuts_decided: n_cuts, cuts_total: n_cuts, ..zero(ces) });
        }
        let phi = distances.iter().copied().fold(f64::INFINITY, f64::min);
        let rank = distances.iter().position(|&it| it <= phi + tolerance)?;
        let partitioned_ces = under(cuts[rank])?;
        Some(BigPhi {
            phi,
            cut: Some(cuts[rank]),
            ties: ces.ties() + partitioned_ces.ties(),
            partitioned_ces,
            cuts_decided: n_cuts,
            cuts_total: n_cuts,
            ..zero(ces)
        })
    }
}

/// A concept as a place in the space of concepts, in the numbering of the subsystem.
struct Place<'a> {
    concept: Option<&'a Concept>,
    purviews: [u32; 2],
    /// Of the unconstrained effects of its subsystem.
    unconstrained: Unconstrained<'a>,
}

/// The unconstrained effects in a subsystem.
#[derive(Clone, Copy)]
enum Unconstrained<'a> {
    /// P(ON) of each unit, effects.
    Binary(&'a [f64]),
    Values(&'a ValueTables),
}

impl<'a> Place<'a> {
    fn of(concept: &'a Concept, members: u32, unconstrained: Unconstrained<'a>) -> Place<'a> {
        let purview = |direction| extract(concept.core(direction).purview.bits(), members);
        let purviews = [Direction::Cause, Direction::Effect].map(purview);
        Place { concept: Some(concept), purviews, unconstrained }
    }

    /// The null concept.
    fn of_nothing(unconstrained: Unconstrained<'a>) -> Place<'a> {
        Place { concept: None, purviews: [0, 0], unconstrained }
    }

    /// The repertoire of one direction, expanded to `union` by what is unconstrained.
    fn expanded(&self, direction: Direction, union: u32) -> Distribution {
        let own = self.purviews[direction as usize];
        let entries = self.concept.map_or(&[1.0][..], |it| &it.core(direction).repertoire);
        let others = union & !own;
        let unconstrained = match self.unconstrained {
            Unconstrained::Binary(on) => on,
            Unconstrained::Values(values) => {
                let entries = values.expanded(direction, (entries, own), union);
                return Distribution { purview: union, entries, on: None };
            }
        };
        let mut rest = Vec::new();
        match direction {
            Direction::Cause => {
                product_repertoire(&vec![0.5; unconstrained.len()], others, &mut rest);
            }
            Direction::Effect => product_repertoire(unconstrained, others, &mut rest),
        }
        let (mut scratch, mut all) = (RepertoireScratch::default(), Vec::new());
        multiply(entries, own, &rest, union, &mut scratch, &mut all);
        let on = (direction == Direction::Effect).then(|| {
            let mut lanes = unconstrained.to_vec();
            marginals(entries, own, &mut scratch, &mut lanes);
            lanes.iter().map(|&it| to_fixed(it)).collect()
        });
        Distribution { purview: union, entries: all, on }
    }

    fn distance(
        &self,
        other: &Place<'_>,
        measure: Measure,
        emd: &mut EmdSolver,
        stop: &Stop,
    ) -> f64 {
        let sides = [Direction::Cause, Direction::Effect].map(|direction| {
            let union = self.purviews[direction as usize] | other.purviews[direction as usize];
            let (p, q) = (self.expanded(direction, union), other.expanded(direction, union));
            let values = match (self.unconstrained, other.unconstrained) {
                (Unconstrained::Values(values), Unconstrained::Values(_)) => Some(values),
                _ => None,
            };
            distance(values, direction, measure, (&p, &q), emd, stop)
        });
        sides.iter().sum()
    }
}

/// Returns `true` if two concepts are one and the same place with the same φ.
fn is_same(a: &Concept, b: &Concept, tolerance: f64) -> bool {
    let same_core = |direction| {
        let (a, b) = (a.core(direction), b.core(direction));
        let close = |(p, q): (&f64, &f64)| (p - q).abs() <= SAME_REPERTOIRE;
        a.purview == b.purview && a.repertoire.iter().zip(&b.repertoire).all(close)
    };
    a.mechanism == b.mechanism
        && (a.phi - b.phi).abs() <= tolerance
        && same_core(Direction::Cause)
        && same_core(Direction::Effect)
}

/// The distance of two structures on the same units, each with its subsystem; `None` if the
/// analysis is to stop.
///
/// # Panics
/// If the measure is asymmetric and the distance is not that of Σφ.
pub(crate) fn structure_distance(
    (first, a): (&Subsystem, &CauseEffectStructure),
    (second, b): (&Subsystem, &CauseEffectStructure),
    variant: Variant,
    stop: &Stop,
) -> Option<f64> {
    assert_eq!(first.units(), second.units(), "structures on different units");
    match variant.ces_distance {
        CesDistance::Emd => {}
        CesDistance::SumSmallPhi => return Some(a.sum_phi() - b.sum_phi()),
        CesDistance::AbsoluteSumSmallPhi => return Some((a.sum_phi() - b.sum_phi()).abs()),
    }
    assert!(!variant.measure.is_asymmetric(), "{} is asymmetric", variant.measure);
    // Binary units may be beside others in one of the networks, and among themselves in the other.
    let on = [first, second].map(|it| -> Vec<f64> {
        let on = if it.is_binary() { it.tables.effect(0) } else { &[] };
        on.iter().map(|&on| to_f64(on)).collect()
    });
    let [of_first, of_second] = [(first, &on[0]), (second, &on[1])].map(|(it, on)| {
        let values = it.tables.values.as_deref();
        values.map_or(Unconstrained::Binary(on), Unconstrained::Values)
    });
    let members = first.units().bits();
    // One and the same concept stays where it is.
    let differing = |of: &[Concept], from: &[Concept]| -> Vec<usize> {
        let is_kept = |it: &Concept| from.iter().any(|that| is_same(it, that, first.tolerance()));
        (0..of.len()).filter(|&idx| !is_kept(&of[idx])).collect()
    };
    let mut rows: Vec<Place<'_>> = differing(&a.concepts, &b.concepts)
        .into_iter()
        .map(|idx| Place::of(&a.concepts[idx], members, of_first))
        .collect();
    let mut columns: Vec<Place<'_>> = differing(&b.concepts, &a.concepts)
        .into_iter()
        .map(|idx| Place::of(&b.concepts[idx], members, of_second))
        .collect();
    let mass = |places: &[Place<'_>]| -> Vec<i64> {
        let phi = |it: &Place<'_>| it.concept.map_or(0.0, |it| it.phi);
        places.iter().map(|it| to_coarse(to_fixed(phi(it)))).collect()
    };
    let (mut supply, mut demand) = (mass(&rows), mass(&columns));
    // The null concept, in the system of what goes to it or comes from it, makes up for the
    // difference.
    let surplus = supply.iter().sum::<i64>() - demand.iter().sum::<i64>();
    if surplus > 0 {
        columns.push(Place::of_nothing(of_first));
        demand.push(surplus);
    } else if surplus < 0 {
        rows.push(Place::of_nothing(of_second));
        supply.push(-surplus);
    }
    let mut emd = EmdSolver::default();
    let mut costs: Vec<Vec<i64>> = Vec::with_capacity(rows.len());
    for row in &rows {
        let cost = |it: &Place<'_>| {
            let distance = row.distance(it, variant.measure, &mut emd, stop);
            (!stop.is_due()).then(|| to_coarse(to_fixed(distance)))
        };
        costs.push(columns.iter().map(cost).collect::<Option<_>>()?);
    }
    let mut transport = Transport::default();
    transport
        .set(ColumnDemand::Filled, supply, demand, |row, out| out.copy_from_slice(&costs[row]));
    transport.start(&[]);
    match transport.solve(i128::MAX, stop, |row, column| costs[row][column])? {
        Total::Exact(total) => Some(cost_to_f64(total)),
        Total::AtLeast(_) => unreachable!("no distance is the largest number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// As many as PyPhi 1.2.0 lists, each once.
    #[test]
    fn partitions_are_distinct_and_counted() {
        for (kind, m, p, expected) in [
            (MechanismPartitions::Bi, 0b111, 0b11, 15),
            (MechanismPartitions::Tri, 0b1, 0b111, 1),
            (MechanismPartitions::Tri, 0b11, 0b1, 3),
            (MechanismPartitions::Tri, 0b111, 0b11, 25),
            (MechanismPartitions::All, 0b11, 0b111, 28),
        ] {
            let mut found = Vec::new();
            let _ = for_each_partition(kind, m, p, |parts| {
                assert_eq!(parts.iter().fold(0, |all, part| all | part.0), m);
                assert_eq!(parts.iter().fold(0, |all, part| all | part.1), p);
                let mut parts = parts.to_vec();
                parts.sort_unstable();
                found.push(parts);
                ControlFlow::<()>::Continue(())
            });
            assert_eq!(found.iter().collect::<HashSet<_>>().len(), found.len());
            assert_eq!(found.len(), expected, "{kind} of {m:b} over {p:b}");
        }
    }
}
