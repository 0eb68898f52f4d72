//! α of every occurrence and every candidate of one direction.
//!
//! With ρ(M, P) the log2 of how many times as probable a purview is given its mechanism as without
//! knowledge, α is the least of ρ(M, P) - Σ_b ρ(M_b, P_b) over the partitions into blocks b: units
//! of the purview that are severed from the whole mechanism have their unconstrained probability in
//! every partition that severs them, and in ρ(M, P) as well, so they add nothing. A block costs -ρ.

use super::TOLERANCE;
use super::partitions::{PartitionSearch, Scheme};
use super::transition::{Transition, to_network};
use crate::iit4::JointPartition;
use crate::limits::{Stop, Watch, steps};
use crate::repertoire::Direction;
use crate::subset_convolution::least_of_subsets;
use crate::unit_set::{UnitSet, bits, extract};

/// All of one direction. Mechanisms and purviews are numbered inside their sides.
#[derive(Debug, Clone)]
pub(super) struct Alphas {
    pub(super) direction: Direction,
    /// The units that mechanisms and purviews are of.
    pub(super) mechanisms: UnitSet,
    pub(super) purviews: UnitSet,
    search: PartitionSearch,
}

impl Alphas {
    /// `None` if it was stopped.
    pub(super) fn new(
        transition: &Transition,
        direction: Direction,
        scheme: Scheme,
        stop: &Stop,
        watch: Option<&Watch<'_>>,
    ) -> Option<Alphas> {
        let [cause, effect] = [transition.cause(), transition.effect()];
        let (mechanisms, purviews, costs) = match direction {
            Direction::Cause => (effect, cause, costs_of_causes(transition, stop)?),
            Direction::Effect => (cause, effect, costs_of_effects(transition, stop)?),
        };
        let (n_mechanism, n_purview) = (mechanisms.len(), purviews.len());
        let search = PartitionSearch::new(scheme, n_mechanism, n_purview, costs, stop, watch)?;
        Some(Alphas { direction, mechanisms, purviews, search })
    }

    /// ρ.
    pub(super) fn ratio(&self, mechanism: u32, purview: u32) -> f64 {
        0.0 - self.search.cost(mechanism, purview)
    }

    /// The least that a partition takes away: negative if some partition makes what there was more
    /// probable.
    pub(super) fn signed(&self, mechanism: u32, purview: u32) -> f64 {
        self.search.least(mechanism, purview) - self.search.cost(mechanism, purview)
    }

    /// α.
    pub(super) fn alpha(&self, mechanism: u32, purview: u32) -> f64 {
        let signed = self.signed(mechanism, purview);
        if signed <= TOLERANCE { 0.0 } else { signed }
    }

    /// A partition that takes least.
    pub(super) fn partition(&self, mechanism: u32, purview: u32) -> JointPartition {
        let blocks = self.search.partition(mechanism, purview);
        let blocks = blocks
            .into_iter()
            .map(|(m, p)| (to_network(m, self.mechanisms), to_network(p, self.purviews)));
        JointPartition { blocks: blocks.collect() }
    }

    /// Units of the network, numbered inside the mechanisms and inside the purviews; `None` if they
    /// are not among them, or there are none of them.
    pub(super) fn local(&self, mechanism: UnitSet, purview: UnitSet) -> Option<(u32, u32)> {
        let local = |units: UnitSet, within: UnitSet| {
            let is_part = !units.is_empty() && units.is_subset(within);
            is_part.then(|| extract(units.bits(), within.bits()))
        };
        Some((local(mechanism, self.mechanisms)?, local(purview, self.purviews)?))
    }
}

/// -ρ of all candidate causes, by mechanism and purview.
fn costs_of_causes(transition: &Transition, stop: &Stop) -> Option<Vec<f64>> {
    let [n_cause, n_effect] = transition.n_units();
    let n_sets = 1usize << n_cause;
    let mut costs = vec![0.0; n_sets << n_effect];
    let mut ratios = vec![0.0; 1 << n_effect];
    for purview in 1..n_sets {
        if stop.is_due() {
            return None;
        }
        transition.log_ratios_of_cause(purview as u32, stop, &mut ratios);
        for (m, ratio) in ratios.iter().enumerate().skip(1) {
            costs[m * n_sets + purview] = -ratio;
        }
    }
    (!stop.is_due()).then_some(costs)
}

/// -ρ of all candidate effects, by mechanism and purview.
fn costs_of_effects(transition: &Transition, stop: &Stop) -> Option<Vec<f64>> {
    let [n_cause, n_effect] = transition.n_units();
    let n_sets = 1usize << n_effect;
    let mut costs = vec![0.0; n_sets << n_cause];
    steps(costs.len());
    let nothing: Vec<f64> = (0..n_effect).map(|it| transition.log_of_effect(it, 0)).collect();
    for (m, row) in costs.chunks_exact_mut(n_sets).enumerate().skip(1) {
        if stop.is_due() {
            return None;
        }
        let of_unit = |it: usize| nothing[it] - transition.log_of_effect(it, m as u32);
        let by_unit: Vec<f64> = (0..n_effect).map(of_unit).collect();
        for purview in 1..n_sets {
            let lowest = purview & purview.wrapping_neg();
            row[purview] = row[purview ^ lowest] + by_unit[lowest.trailing_zeros() as usize];
        }
    }
    Some(costs)
}

/// By mechanism and by purview units that are at hand: α of the strongest link of the mechanism
/// with some of them, times -1. `None` if it was stopped.
pub(super) fn strongest(alphas: &Alphas, stop: &Stop) -> Option<Vec<f64>> {
    let (n_mechanism, n_purview) = (alphas.mechanisms.len(), alphas.purviews.len());
    let n_sets = 1usize << n_purview;
    let mut strongest = vec![0.0; n_sets << n_mechanism];
    steps((n_purview + 2) * strongest.len());
    for (m, row) in strongest.chunks_exact_mut(n_sets).enumerate().skip(1) {
        if stop.is_due() {
            return None;
        }
        for (p, value) in row.iter_mut().enumerate().skip(1) {
            *value = 0.0 - alphas.alpha(m as u32, p as u32);
        }
        least_of_subsets(row);
    }
    Some(strongest)
}

/// Sums the links between units of a mechanism side and of a purview side, times -1, by the former
/// and the latter: the sums of [`strongest`] over sets of mechanism units. Returns `None` if it was
/// stopped.
pub(super) fn sums(
    mut strongest: Vec<f64>,
    n_mechanism: usize,
    n_purview: usize,
    stop: &Stop,
) -> Option<Vec<f64>> {
    let n_sets = 1usize << n_purview;
    steps(n_mechanism * strongest.len());
    for unit in bits(UnitSet::all(n_mechanism).bits()) {
        if stop.is_due() {
            return None;
        }
        for m in (0..1usize << n_mechanism).filter(|m| m >> unit & 1 == 1) {
            let (without, with) = strongest.split_at_mut(m * n_sets);
            let without = &without[(m ^ 1 << unit) * n_sets..][..n_sets];
            with[..n_sets].iter_mut().zip(without).for_each(|(sum, value)| *sum += value);
        }
    }
    Some(strongest)
}
