//! The complexes of a network: the subsystems with Φ > 0.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::big_phi::{BigPhi, big_phi};
use crate::error::{ErrorKind, Result};
use crate::limits::{Options, Stop, memory_needed};
use crate::network::Network;
use crate::state::State;
use crate::subsystem::{Subsystem, TOLERANCE};
use crate::tie_order::LocalOrder;
use crate::unit_set::{UnitSet, deposit, extract};

/// Φ of every subsystem of a network that is in a reachable state and has Φ > 0, largest Φ first;
/// equal ones (within the tolerance): the larger subsystem first, then the lexicographically later
/// one.
///
/// Subsystems whose units do the same in the same order (a copy elsewhere in the network) are
/// analysed once. A search that is stopped leaves out what it has not found yet.
///
/// ```
/// use pyphi_core::{Options, complexes, fixtures};
///
/// let subsystem = fixtures::or_and_xor();
/// let found = complexes(subsystem.network(), subsystem.state(), &Options::default())?;
/// assert_eq!(found[0].units.to_string(), "{0,1,2}");
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If the state has the wrong length, there are too many units, or
/// [`Limits::memory_bytes`](crate::Limits::memory_bytes) forbids to search a subsystem: any of them
/// may be a complex.
pub fn complexes(network: &Network, state: State, options: &Options) -> Result<Vec<BigPhi>> {
    let network = Arc::new(network.clone());
    // The whole network first: what is wrong with it is wrong with the question.
    match Subsystem::of(&network, state, network.units()) {
        Err(error) if !matches!(error.kind(), ErrorKind::Unreachable { .. }) => return Err(error),
        Ok(whole) => check_memory(&whole, options)?,
        Err(_) => {}
    }
    let mut met: HashMap<(Vec<u64>, LocalOrder), BigPhi> = HashMap::new();
    let mut found: Vec<BigPhi> = Vec::new();
    // The limit on time is that of all of them.
    let (stop, began) = (Stop::new(options), Instant::now());
    for units in network.units().subsets_by_size() {
        if stop.is_due() {
            break;
        }
        let Ok(subsystem) = Subsystem::of(&network, state, units) else { continue };
        check_memory(&subsystem, options)?;
        // The result is a function of the tables and the order of choice alone, in the numbering of
        // the subsystem.
        let order = options.tie_order.within(units.bits());
        let result = match met.entry((subsystem.tables.fingerprint(), order)) {
            std::collections::hash_map::Entry::Occupied(known) => known.get().moved_to(units),
            std::collections::hash_map::Entry::Vacant(free) => {
                let mut options = options.clone();
                options.limits.time =
                    options.limits.time.map(|time| time.saturating_sub(began.elapsed()));
                free.insert(big_phi(&subsystem, &options)).clone()
            }
        };
        if !result.is_complete() {
            break;
        }
        if result.phi > 0.0 {
            found.push(result);
        }
    }
    // Ties are defined on the set: take the largest, everything tied with it, and of those the
    // preferred.
    let mut sorted = Vec::with_capacity(found.len());
    while !found.is_empty() {
        let best = found.iter().map(|it| it.phi).fold(0.0, f64::max);
        let preferred = found
            .iter()
            .enumerate()
            .filter(|(_, it)| it.phi >= best - TOLERANCE)
            .max_by(|(_, a), (_, b)| a.units.cmp_by_size(b.units))
            .map(|(idx, _)| idx)
            .expect("the largest is tied with itself");
        sorted.push(found.remove(preferred));
    }
    Ok(sorted)
}

fn check_memory(subsystem: &Subsystem, options: &Options) -> Result<()> {
    let needed_bytes = memory_needed(subsystem, rayon::current_num_threads(), false);
    match options.limits.memory_bytes.filter(|most_bytes| needed_bytes > *most_bytes) {
        None => Ok(()),
        Some(most_bytes) => {
            let units = subsystem.units().to_string();
            Err(ErrorKind::Memory { units, needed_bytes, most_bytes }.into())
        }
    }
}

/// The complex with the largest Φ; of equal ones the largest, then the lexicographically later one.
/// `None` if no subsystem has Φ > 0.
///
/// # Errors
/// As [`complexes`].
pub fn major_complex(network: &Network, state: State, options: &Options) -> Result<Option<BigPhi>> {
    Ok(complexes(network, state, options)?.into_iter().next())
}

impl BigPhi {
    /// The same result, of a copy of the subsystem on other units (as many).
    fn moved_to(&self, units: UnitSet) -> BigPhi {
        let from = self.units.bits();
        let mut result = self.clone();
        let moved = |set: &mut UnitSet| {
            *set = UnitSet::from_bits(deposit(extract(set.bits(), from), units.bits()))
        };
        moved(&mut result.units);
        if let Some(cut) = &mut result.cut {
            moved(&mut cut.severed_from);
            moved(&mut cut.severed_to);
        }
        for concept in result.ces.concepts.iter_mut().chain(&mut result.partitioned_ces.concepts) {
            moved(&mut concept.mechanism);
            for core in [&mut concept.cause, &mut concept.effect] {
                moved(&mut core.purview);
                let mip = &mut core.mip;
                for set in [
                    &mut mip.first_mechanism,
                    &mut mip.first_purview,
                    &mut mip.second_mechanism,
                    &mut mip.second_purview,
                ] {
                    moved(set);
                }
            }
        }
        result
    }
}
