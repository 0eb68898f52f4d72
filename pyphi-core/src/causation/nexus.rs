//! The nexus: the 𝒜 of every part of a transition.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::account::check_memory;
use super::alpha::{Alphas, strongest};
use super::irreducibility::{are_connected, costs};
use super::partitions::{PartitionSearch, Scheme};
use super::transition::{
    Background, Transition, by_size, check_units, probability_of, states_of, to_network,
};
use super::{TOLERANCE, predicted_bytes_of_nexus};
use crate::error::Result;
use crate::iit4::check_connections;
use crate::limits::{Options, Phase, Stop, StopReason, Watch};
use crate::network::Network;
use crate::repertoire::Direction;
use crate::state::State;
use crate::unit_set::UnitSet;

/// A part of a transition with an irreducible account.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NexusTransition {
    /// The units considered before.
    pub cause: UnitSet,
    /// The units considered after.
    pub effect: UnitSet,
    /// 𝒜, in bits; more than 0.
    pub irreducibility: f64,
}

/// All irreducible parts of a transition.
#[derive(Debug, Clone, PartialEq)]
pub struct Nexus {
    /// The largest 𝒜 first; of those that tie the one with the most units, then by the causes and
    /// then the effects, both by size and then lexicographically. The first is the causal nexus.
    pub transitions: Vec<NexusTransition>,
    /// The reason for the end. If the analysis was stopped there are no transitions.
    pub stop_reason: StopReason,
}

/// 𝒜 of all transitions from some units before to some units after, those with 𝒜 > 0. Units without
/// outputs are not considered before, nor units after that have no inputs, or that cannot be as
/// they are.
///
/// For each set of causes, one search has the 𝒜 for all sets of effects.
///
/// # Errors
/// If a state has not one value for each unit, there are more than [`Transition::MAX_UNITS`] units
/// with outputs or with inputs, or a unit depends on another without a connection.
pub fn nexus(
    network: &Network,
    before: State,
    after: State,
    background: Background,
    scheme: Scheme,
    options: &Options,
) -> Result<Nexus> {
    let (began, stop) = (Instant::now(), Stop::new(options));
    let [before, after] = states_of(network, [(before, "before"), (after, "after")])?;
    check_connections(network)?;
    let is_possible = |&unit: &usize| probability_of(network, before, after, unit) > 0.0;
    let [causes, effects] = sides(network);
    let effects: UnitSet = effects.iter().filter(is_possible).collect();
    check_units(network, &[(causes, "cause"), (effects, "effect")])?;
    let ended = |stop_reason| Nexus { transitions: Vec::new(), stop_reason };
    let n_threads = rayon::current_num_threads();
    if let Err(reason) = check_memory(predicted_bytes_of_nexus(network, n_threads), options) {
        return Ok(ended(reason));
    }
    if causes.is_empty() || effects.is_empty() {
        return Ok(ended(StopReason::Complete));
    }
    let network = Arc::new(network.clone());
    let sets = by_size(causes.len());
    let watch = Watch::new(options, began, Phase::Nexus, sets.len() as u64);
    let found: Option<Vec<Vec<NexusTransition>>> = sets
        .par_iter()
        .map(|&cause| {
            let cause = to_network(cause, causes);
            let it = Transition::of_checked(&network, before, after, cause, effects, background);
            let found = from(&it, scheme, &stop);
            watch.add(1, None);
            found
        })
        .collect();
    let Some(found) = found else { return Ok(ended(stop.why())) };
    let transitions = in_order(found.concat());
    Ok(Nexus { transitions, stop_reason: StopReason::Complete })
}

/// The units with outputs, and those with inputs.
pub(super) fn sides(network: &Network) -> [UnitSet; 2] {
    let has_inputs = |&unit: &usize| !network.inputs(unit).is_empty();
    let inputs = network.units().iter().map(|unit| network.inputs(unit));
    let causes = inputs.fold(UnitSet::EMPTY, UnitSet::union);
    [causes, network.units().iter().filter(has_inputs).collect()]
}

/// The irreducible transitions from all causes of a transition to some of its effects.
fn from(transition: &Transition, scheme: Scheme, stop: &Stop) -> Option<Vec<NexusTransition>> {
    let [n_cause, n_effect] = transition.n_units();
    let both = [Direction::Cause, Direction::Effect]
        .map(|direction| Alphas::new(transition, direction, scheme, stop, None));
    let [Some(causes), Some(effects)] = both else { return None };
    let of = |it| Some((it, strongest(it, stop)?));
    let strongest: [(&Alphas, Vec<f64>); 2] = [of(&causes)?, of(&effects)?];
    let search = |of, n_mechanism, n_purview| {
        let costs = costs(&strongest, of, [n_cause, n_effect], stop)?;
        PartitionSearch::new(scheme, n_mechanism, n_purview, costs, stop, None)
    };
    let of_causes = search(Direction::Cause, n_effect, n_cause)?;
    let of_effects = search(Direction::Effect, n_cause, n_effect)?;
    let all_causes = UnitSet::all(n_cause).bits();
    let cause = transition.cause();
    let of = |local: u32| {
        let effect = to_network(local, transition.effect());
        let kept = of_causes.least(local, all_causes).min(of_effects.least(all_causes, local));
        let irreducibility = kept - of_causes.cost(local, all_causes);
        let is_one = || are_connected(transition.network(), cause.union(effect));
        (irreducibility > TOLERANCE && is_one()).then_some(NexusTransition {
            cause,
            effect,
            irreducibility,
        })
    };
    Some(by_size(n_effect).into_iter().filter_map(of).collect())
}

/// The largest first, and those that tie by their units.
fn in_order(mut found: Vec<NexusTransition>) -> Vec<NexusTransition> {
    let by_units = |a: &NexusTransition, b: &NexusTransition| -> Ordering {
        let n_units = |it: &NexusTransition| it.cause.union(it.effect).len();
        n_units(b)
            .cmp(&n_units(a))
            .then_with(|| a.cause.cmp_by_size(b.cause))
            .then_with(|| a.effect.cmp_by_size(b.effect))
    };
    found
        .sort_by(|a, b| b.irreducibility.total_cmp(&a.irreducibility).then_with(|| by_units(a, b)));
    let is_tied =
        |a: &NexusTransition, b: &NexusTransition| a.irreducibility - b.irreducibility <= TOLERANCE;
    for tied in found.chunk_by_mut(is_tied) {
        tied.sort_by(by_units);
    }
    found
}
