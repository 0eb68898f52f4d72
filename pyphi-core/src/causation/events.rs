//! Events: what has an actual cause in the state before, and an actual effect in the state after.

use std::time::Instant;

use super::account::{CausalLink, account};
use super::partitions::Scheme;
use super::transition::{Background, Transition};
use crate::error::Result;
use crate::limits::{Options, Stop, StopReason};
use crate::network::Network;
use crate::repertoire::Direction;
use crate::state::State;
use crate::unit_set::UnitSet;

/// An occurrence with its actual cause and its actual effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The units of the occurrence, in the current state.
    pub mechanism: UnitSet,
    /// Its actual cause, in the previous state.
    pub cause: CausalLink,
    /// Its actual effect, in the next state.
    pub effect: CausalLink,
}

/// The events within `units`, given the previous, the current and the next state: the occurrences
/// of some of them that have an actual cause and an actual effect among them. Of a complex these
/// are its true events.
///
/// # Errors
/// As [`Transition::new`], of either transition. Inside: the reason, if the analysis was stopped.
pub fn events(
    network: &Network,
    states: [State; 3],
    units: UnitSet,
    background: Background,
    scheme: Scheme,
    options: &Options,
) -> Result<std::result::Result<Vec<Event>, StopReason>> {
    let [previous, current, next] = states;
    let transition =
        |before, after| Transition::new(network, before, after, units, units, background);
    let (past, future) = (transition(previous, current)?, transition(current, next)?);
    // The limit on time is that of both.
    let (stop, began) = (Stop::new(options), Instant::now());
    let accounts = account(&past, scheme, options)
        .and_then(|past| Ok((past, account(&future, scheme, &options.left(began))?)))
        .map_err(|reason| stop.reason().unwrap_or(reason));
    Ok(accounts.map(|(past, future)| {
        let causes = past.links().iter().filter(|it| it.direction == Direction::Cause);
        let with_effect = |cause: &CausalLink| {
            let effect = future
                .links()
                .iter()
                .find(|it| it.direction == Direction::Effect && it.mechanism == cause.mechanism);
            let (mechanism, cause) = (cause.mechanism, cause.clone());
            Some(Event { mechanism, cause, effect: effect?.clone() })
        };
        causes.filter_map(with_effect).collect()
    }))
}

/// The extrinsic events of a complex: as [`events`], but causes and effects are looked for among
/// all units of the network, and only the occurrences are of the complex.
///
/// # Errors
/// As [`events`].
pub fn extrinsic_events(
    network: &Network,
    states: [State; 3],
    complex: UnitSet,
    background: Background,
    scheme: Scheme,
    options: &Options,
) -> Result<std::result::Result<Vec<Event>, StopReason>> {
    let all = events(network, states, network.units(), background, scheme, options)?;
    Ok(all.map(|all| all.into_iter().filter(|it| it.mechanism.is_subset(complex)).collect()))
}
