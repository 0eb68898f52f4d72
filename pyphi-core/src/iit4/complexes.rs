//! The complexes of a substrate: systems that are more irreducible than all they overlap with.
//!
//! Exclusion (Albantakis et al. 2023): from the largest φ_s down, a candidate is a complex unless
//! it overlaps with one found before. Of candidates that tie in φ_s and overlap, directly or
//! through others that tie, the one with the largest Φ is a complex; if that is tied as well, none
//! is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::measure::is_tied;
use super::sia::{SystemIrreducibilityAnalysis, TiedStates, analyse};
use super::structure::{forbidden, structure_of};
use super::system::{Substrate, System, check_connections};
use super::{Rules, predicted_bytes_of_complexes};
use crate::complex::candidates_up_to;
use crate::error::{ErrorKind, Result};
use crate::limits::{Options, Phase, Stop, StopReason, Watch};
use crate::network::Network;
use crate::state::State;
use crate::unit_set::UnitSet;

/// The complexes of a substrate in one state.
#[derive(Debug, Clone)]
pub struct Complexes {
    /// The complexes, which do not overlap: largest φ_s first, then smaller sets first, then
    /// lexicographically. Empty if the analysis was stopped, since any candidate might have
    /// excluded them.
    pub complexes: Vec<SystemIrreducibilityAnalysis>,
    /// All irreducible systems that were found, in the same order.
    pub irreducible: Vec<SystemIrreducibilityAnalysis>,
    /// The reason for the end: the search is complete, or it was stopped.
    pub stop_reason: StopReason,
}

impl Complexes {
    /// Returns `true` if the result is exact.
    pub fn is_complete(&self) -> bool {
        self.stop_reason == StopReason::Complete
    }
}

/// The complexes of a network in a state.
///
/// Candidates are [those that can be one](crate::candidates) and whose state is reachable with
/// the others as they are. The network may have more units than a system can have
/// ([`System::MAX_UNITS`]). In a state that the network cannot be
/// in there are none.
///
/// ```
/// use pyphi_core::iit4::{Rules, complexes};
/// use pyphi_core::{Options, fixtures};
///
/// // Albantakis et al. 2023, Fig. 1: C alone, and A with B.
/// let figure = fixtures::iit4_figure_1();
/// let found = complexes(figure.network(), figure.state(), Rules::default(), &Options::default())?;
/// let found: Vec<String> =
///     found.complexes.iter().map(|it| format!("{} {:.4}", it.units, it.phi_s)).collect();
/// assert_eq!(found, ["{2} 0.2122", "{0,1} 0.1719"]);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If the state has the wrong length, too many units all reach each other, or a unit depends on one
/// that the connectivity does not connect to it.
pub fn complexes(
    network: &Network,
    state: State,
    rules: Rules,
    options: &Options,
) -> Result<Complexes> {
    let substrate = match Substrate::new(&Arc::new(network.clone()), state) {
        Ok(substrate) => Arc::new(substrate),
        Err(error) if matches!(error.kind(), ErrorKind::Unreachable { .. }) => {
            let (complexes, irreducible) = (Vec::new(), Vec::new());
            return Ok(Complexes { complexes, irreducible, stop_reason: StopReason::Complete });
        }
        Err(error) => return Err(error),
    };
    search(&substrate, rules, options, &Stop::new(options))
}

/// The complexes of a network in every state that it can be in, in the order of the rows of the
/// TPM.
///
/// The limit on time is that of the whole sweep: it ends after the first state whose search was
/// stopped.
///
/// ```
/// use pyphi_core::iit4::{Rules, sweep};
/// use pyphi_core::{Options, fixtures};
///
/// let figure = fixtures::iit4_figure_1();
/// let (rules, options) = (Rules::default(), Options::default());
/// let by_state: Vec<_> = sweep(figure.network(), rules, &options)?.collect();
/// assert_eq!(by_state.len(), 8);
/// let (state, found) = &by_state[6];
/// assert_eq!(state.to_string(), "(0,1,1)");
/// assert_eq!(found.as_ref().unwrap().complexes.len(), 2);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If too many units all reach each other, or a unit depends on one that the connectivity does not
/// connect to it.
pub fn sweep<'a>(
    network: &Network,
    rules: Rules,
    options: &'a Options,
) -> Result<impl Iterator<Item = (State, Result<Complexes>)> + use<'a>> {
    drop(candidates(network)?);
    check_connections(network)?;
    let network = Arc::new(network.clone());
    let stop = Stop::new(options);
    let mut is_over = false;
    Ok((0..network.tpm().n_states()).filter_map(move |row| {
        let values = network.alphabet().values(row);
        let state = network.state(&values).expect("values of the alphabet");
        if is_over {
            return None;
        }
        let found = match Substrate::of_checked(&network, state) {
            Ok(substrate) => search(&Arc::new(substrate), rules, options, &stop),
            Err(error) if matches!(error.kind(), ErrorKind::Unreachable { .. }) => return None,
            Err(error) => Err(error),
        };
        is_over = found.as_ref().is_ok_and(|found| !found.is_complete());
        Some((state, found))
    }))
}

/// Returns the sets of units that can be a complex, or an error where more units than a system can
/// have all reach each other.
fn candidates(network: &Network) -> Result<impl Iterator<Item = UnitSet> + '_> {
    let candidates = candidates_up_to(network, System::MAX_UNITS, System::too_large)?;
    for component in network.strong_components() {
        System::check_states(network, component)?;
    }
    Ok(candidates)
}

fn search(
    substrate: &Arc<Substrate>,
    rules: Rules,
    options: &Options,
    stop: &Stop,
) -> Result<Complexes> {
    let network = &*substrate.network;
    let began = Instant::now();
    // The large ones take longest: first.
    let mut candidates: Vec<UnitSet> = candidates(network)?.collect();
    candidates.reverse();
    let needed = predicted_bytes_of_complexes(network, rayon::current_num_threads());
    let needed_bytes = needed.unwrap_or(u64::MAX);
    if options.limits.memory_bytes.is_some_and(|limit| needed_bytes > limit) {
        return Ok(Complexes {
            complexes: Vec::new(),
            irreducible: Vec::new(),
            stop_reason: StopReason::MemoryLimit { needed_bytes },
        });
    }
    let watch = Watch::new(options, began, Phase::Systems, candidates.len() as u64);
    let quiet = Options { progress: None, ..options.clone() };
    let was_stopped = AtomicBool::new(false);
    let analysed = |&units: &UnitSet| -> Option<SystemIrreducibilityAnalysis> {
        // The tables of all candidates together take a long time.
        if stop.is_due() {
            was_stopped.store(true, Ordering::Relaxed);
            return None;
        }
        // Its tables are dropped with it: those of all candidates together would be gigabytes.
        let system = System::within(substrate, units).ok()?;
        let sia = analyse(&system, rules, &quiet, stop);
        watch.add(1, None);
        (!sia.is_complete() || sia.is_irreducible()).then_some(sia)
    };
    let mut found: Vec<SystemIrreducibilityAnalysis> =
        candidates.par_iter().with_max_len(1).filter_map(analysed).collect();
    let stopped = found.iter().find(|sia| !sia.is_complete()).map(|sia| sia.stop_reason);
    // A search that is told to stop once is told so again.
    let stopped = stopped.or_else(|| stop.reason().filter(|_| was_stopped.into_inner()));
    found.retain(|sia| sia.is_complete() && sia.is_irreducible());
    found.sort_by(|a, b| b.phi_s.total_cmp(&a.phi_s).then_with(|| a.units.cmp_by_size(b.units)));
    let stopped_with = |reason| Complexes {
        complexes: Vec::new(),
        irreducible: found.clone(),
        stop_reason: reason,
    };
    if let Some(reason) = stopped {
        return Ok(stopped_with(reason));
    }

    let mut complexes: Vec<SystemIrreducibilityAnalysis> = Vec::new();
    let mut taken = UnitSet::EMPTY;
    let mut rest = &found[..];
    while let Some(first) = rest.first() {
        let n_tied = rest.iter().take_while(|sia| is_tied(sia.phi_s, first.phi_s)).count();
        let (group, others) = rest.split_at(n_tied);
        rest = others;
        let free = group.iter().filter(|sia| sia.units.intersection(taken).is_empty());
        for component in components(free.collect()) {
            let winner = if let [only] = component.as_slice() {
                Some(*only)
            } else {
                let mut phis = Vec::with_capacity(component.len());
                // What they can have at most: more than that, where the choice among ties is not
                // proven.
                let mut mosts = Vec::with_capacity(component.len());
                for sia in component.iter().copied() {
                    if let Some(reason) = stop.reason() {
                        return Ok(stopped_with(reason));
                    }
                    let system = System::within(substrate, sia.units)?;
                    if let Some(sia) = forbidden(&system, options) {
                        return Ok(stopped_with(sia.stop_reason));
                    }
                    let tied = TiedStates::new(&system, &quiet, stop);
                    let structure =
                        structure_of(&system, &tied, sia.clone(), rules, &quiet, stop, began);
                    if structure.stop_reason != StopReason::Complete {
                        return Ok(stopped_with(structure.stop_reason));
                    }
                    phis.push(structure.big_phi);
                    mosts.push(structure.most_phi());
                }
                let largest = phis.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let may_be_largest =
                    |&(idx, _): &(usize, _)| is_tied(mosts[idx], largest) || mosts[idx] > largest;
                let mut best = component.iter().enumerate().filter(may_be_largest);
                match (best.next(), best.next()) {
                    (Some((_, sia)), None) => Some(*sia),
                    _ if phis != mosts => return Ok(stopped_with(StopReason::TieLimit)),
                    _ => None,
                }
            };
            if let Some(sia) = winner {
                taken = taken.union(sia.units);
                complexes.push(sia.clone());
            }
        }
    }
    complexes
        .sort_by(|a, b| b.phi_s.total_cmp(&a.phi_s).then_with(|| a.units.cmp_by_size(b.units)));
    Ok(Complexes { complexes, irreducible: found, stop_reason: StopReason::Complete })
}

/// Candidates that overlap, directly or through others, together.
fn components(
    candidates: Vec<&SystemIrreducibilityAnalysis>,
) -> Vec<Vec<&SystemIrreducibilityAnalysis>> {
    let mut components: Vec<(UnitSet, Vec<_>)> = Vec::new();
    for candidate in candidates {
        let (mut units, mut members) = (candidate.units, vec![candidate]);
        components.retain_mut(|(other, joined)| {
            let is_apart = other.intersection(candidate.units).is_empty();
            if !is_apart {
                units = units.union(*other);
                members.append(joined);
            }
            is_apart
        });
        components.push((units, members));
    }
    components.into_iter().map(|(_, members)| members).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logistic units in a ring whose neighbours affect each other, with a weight of `own` on
    /// themselves.
    fn ring(n: usize, slope: f64, own: f64) -> Network {
        let weight = |i: usize, j: usize| match (i + n - j) % n {
            0 => own,
            1 => 1.0,
            d if d == n - 1 => 1.0,
            _ => 0.0,
        };
        let cm: Vec<Vec<u8>> =
            (0..n).map(|i| (0..n).map(|j| u8::from(weight(i, j) != 0.0)).collect()).collect();
        let tpm: Vec<Vec<f64>> = (0..1usize << n)
            .map(|s| {
                (0..n)
                    .map(|j| {
                        let sign = |i: usize| if s >> i & 1 == 1 { 1.0 } else { -1.0 };
                        let drive: f64 = (0..n).map(|i| weight(i, j) * sign(i)).sum();
                        1.0 / (1.0 + (-slope * drive).exp())
                    })
                    .collect()
            })
            .collect();
        Network::from_state_by_node(&tpm, &cm).expect("a valid network")
    }

    fn found(network: &Network) -> Vec<(String, String)> {
        let state = State::all_off(network.n_units());
        let found = complexes(network, state, Rules::default(), &Options::default());
        let found = found.expect("a reachable state").complexes;
        found.iter().map(|it| (it.units.to_string(), format!("{:.6}", it.phi_s))).collect()
    }

    /// Three pairs tie in φ_s and in Φ: none is a complex, although each is more irreducible than
    /// the whole.
    #[test]
    fn what_ties_in_everything_excludes_itself() {
        assert_eq!(found(&ring(3, 1.3, 0.2)), [("{0,1,2}".to_owned(), "0.310640".to_owned())]);
    }

    /// All pairs of neighbours tie and are connected: none is a complex, not even one of two that
    /// do not overlap. So it is under any numbering of the units.
    #[test]
    fn what_hangs_together_is_decided_together() {
        assert_eq!(found(&ring(4, 2.0, 0.5)), [("{0,1,2,3}".to_owned(), "0.252081".to_owned())]);
        // Φ of these pairs differs in the last bit only, by the order of summation.
        assert_eq!(found(&ring(3, 0.7, 0.4)), [("{0,1,2}".to_owned(), "0.207511".to_owned())]);
    }

    #[test]
    fn a_cancelled_search_claims_no_complexes() {
        let cancel = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let options = Options { cancel: Some(cancel), ..Options::default() };
        // Small systems are quicker than the look at the flag; seven units are not.
        let network = ring(7, 1.0, 0.3);
        let found = complexes(&network, State::all_off(7), Rules::default(), &options);
        let found = found.expect("a reachable state");
        assert_eq!(found.stop_reason, StopReason::Cancelled);
        assert!(found.complexes.is_empty());
    }
}
