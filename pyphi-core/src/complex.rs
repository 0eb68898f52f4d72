//! The complexes of a network: the subsystems with Φ > 0.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::big_phi::{BigPhi, big_phi};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{Options, Stop, bytes_of_values, predicted_bytes};
use crate::network::Network;
use crate::spectrum::{SpectrumRules, quick_extremes};
use crate::state::State;
use crate::subsystem::{Subsystem, TOLERANCE};
use crate::tie_order::LocalOrder;
use crate::unit_set::{UnitSet, deposit, extract};

/// The sets of units that can be a complex, by size and then lexicographically: each unit reaches
/// every other along connections inside the set, and a unit alone is connected with itself. All
/// other systems have Φ = 0, and φ_s = 0, without a search.
///
/// ```
/// use pyphi_core::{Network, candidates};
///
/// // 0 and 1 copy each other; 2 copies 1, and nothing listens to it.
/// let tpm: Vec<Vec<f64>> =
///     (0..8u8).map(|s| [s >> 1 & 1, s & 1, s >> 1 & 1].map(f64::from).to_vec()).collect();
/// let cm = [vec![0, 1, 0], vec![1, 0, 1], vec![0, 0, 0]];
/// let network = Network::from_state_by_node(&tpm, &cm)?;
/// let found: Vec<String> = candidates(&network)?.map(|it| it.to_string()).collect();
/// assert_eq!(found, ["{0,1}"]);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// If more than [`Subsystem::MAX_UNITS`] units all reach each other, or such units have more than
/// [`Subsystem::MAX_STATES`] states.
pub fn candidates(network: &Network) -> Result<impl Iterator<Item = UnitSet> + '_> {
    let most_states = Subsystem::MAX_STATES as u128;
    let n_states = |units: UnitSet| network.alphabet().n_states_of(units.bits()) as u128;
    let largest = systems(network).map(n_states).max().unwrap_or(0);
    if !network.alphabet().is_binary() && largest > most_states {
        return Err(ErrorKind::TooManyStates { n_states: largest, most_states }.into());
    }
    candidates_up_to(network, Subsystem::MAX_UNITS, Subsystem::too_large)
}

/// The sets of several units that all reach each other: every system that is searched is in one.
fn systems(network: &Network) -> impl Iterator<Item = UnitSet> + '_ {
    network.strong_components().filter(|units| units.len() > 1)
}

/// The candidates of up to so many units, or the error where more all reach each other.
pub(crate) fn candidates_up_to(
    network: &Network,
    most_units: usize,
    too_large: fn(usize) -> Error,
) -> Result<impl Iterator<Item = UnitSet> + '_> {
    let mut sets: Vec<UnitSet> = Vec::new();
    for units in network.strong_components() {
        if units.len() > most_units {
            return Err(too_large(units.len()));
        }
        sets.extend(units.subsets_by_size());
    }
    sets.sort_by(|a, b| a.cmp_by_size(*b));
    let is_candidate = |units: &UnitSet| match units.iter().next() {
        Some(unit) if units.len() == 1 => network.inputs(unit).contains(unit),
        _ => network.is_strongly_connected(*units),
    };
    Ok(sets.into_iter().filter(is_candidate))
}

/// Φ of every subsystem of a network that is in a reachable state and has Φ > 0, largest Φ first;
/// equal ones (within the tolerance): the larger subsystem first, then the lexicographically later
/// one.
///
/// Only [what can be a complex](candidates) is searched: the network may be larger than a subsystem
/// can be. Subsystems whose units do the same in the same order (a copy elsewhere in the network)
/// are analysed once. A search that is stopped leaves out what it has not found yet.
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
/// If the state is none of the network, more than [`Subsystem::MAX_UNITS`] units all reach each
/// other or have more than [`Subsystem::MAX_STATES`] states, or
/// [`Limits::memory_bytes`](crate::Limits::memory_bytes) forbids to search these: any of them may
/// be in a complex.
pub fn complexes(network: &Network, state: State, options: &Options) -> Result<Vec<BigPhi>> {
    check(network, state, options)?;
    let network = Arc::new(network.clone());
    let mut met: HashMap<(Vec<u64>, LocalOrder), BigPhi> = HashMap::new();
    let mut found: Vec<BigPhi> = Vec::new();
    // The limit on time is that of all of them.
    let (stop, began) = (Stop::new(options), Instant::now());
    for units in candidates(&network)?.filter(|units| units.len() > 1) {
        if stop.is_due() {
            break;
        }
        let Ok(subsystem) = Subsystem::of(&network, state, units) else { continue };
        // The result is a function of the tables and the order of choice alone, in the numbering of
        // the subsystem.
        let order = options.tie_order.within(units.bits());
        let result = match met.entry((subsystem.tables.fingerprint(), order)) {
            std::collections::hash_map::Entry::Occupied(known) => known.get().moved_to(units),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(big_phi(&subsystem, &options.left(began))).clone()
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

/// Checks that all subsystems of a network may be searched.
///
/// # Errors
/// If the state has the wrong length, or there is too little memory.
fn check(network: &Network, state: State, options: &Options) -> Result<()> {
    network.check_part(state, network.units())?;
    let needed_bytes = memory_needed_of_complexes(network, rayon::current_num_threads());
    match options.limits.memory_bytes {
        Some(most_bytes) if needed_bytes > most_bytes => {
            let units = network.units().to_string();
            Err(ErrorKind::Memory { units, needed_bytes, most_bytes }.into())
        }
        _ => Ok(()),
    }
}

/// The smallest and the largest Φ that ties allow a subsystem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComplexRange {
    /// The units.
    pub units: UnitSet,
    /// The smallest and the largest Φ; `None` where they are not quickly proven.
    pub range: Option<(f64, f64)>,
}

/// For each subsystem of a network that can be a complex and be in its state, the smallest and the
/// largest Φ that ties allow, where both are quickly proven (see
/// [`phi_spectrum`](crate::phi_spectrum())): they say whether ties could change which complex is
/// the major one. In the order of [`candidates`]; fewer if the analysis is stopped.
///
/// ```
/// use pyphi_core::{Options, SpectrumRules, complex_ranges, fixtures};
///
/// let it = fixtures::or_and_xor();
/// let (options, rules) = (Options::default(), SpectrumRules::default());
/// let found = complex_ranges(it.network(), it.state(), &options, rules)?;
/// // The Φ of the whole is from 1.743056 to 1.916667, that of no other is more than 1.
/// let (all, others) = found.split_last().unwrap();
/// let (smallest, _) = all.range.unwrap();
/// assert!(others.iter().all(|it| it.range.unwrap().1 < smallest));
/// # Ok::<(), pyphi_core::Error>(())
/// ```
///
/// # Errors
/// As [`complexes`].
///
/// # Panics
/// If [`Options::variant`] is not the default.
pub fn complex_ranges(
    network: &Network,
    state: State,
    options: &Options,
    rules: SpectrumRules,
) -> Result<Vec<ComplexRange>> {
    options.variant.expect_default("a range over ties");
    check(network, state, options)?;
    let network = Arc::new(network.clone());
    let stop = Stop::new(options);
    let mut met: HashMap<Vec<u64>, Option<(f64, f64)>> = HashMap::new();
    let mut found = Vec::new();
    for units in candidates(&network)?.filter(|units| units.len() > 1) {
        let Ok(subsystem) = Subsystem::of(&network, state, units) else { continue };
        let search = || quick_extremes(&subsystem, &stop, rules);
        let range = *met.entry(subsystem.tables.fingerprint()).or_insert_with(search);
        if stop.is_due() {
            break;
        }
        found.push(ComplexRange { units, range });
    }
    Ok(found)
}

/// Memory that [`complexes`] plans for with `n_threads` threads, in bytes: that of all units that
/// reach each other, the largest system that is searched. `u64::MAX` where that is more.
pub fn memory_needed_of_complexes(network: &Network, n_threads: usize) -> u64 {
    let alphabet = network.alphabet();
    if !alphabet.is_binary() {
        let price = |units: UnitSet| bytes_of_values(&alphabet.of_units(units.bits()), n_threads);
        return systems(network).map(price).max().unwrap_or(0);
    }
    match network.most_connected() {
        0 | 1 => 0,
        n_units => predicted_bytes(n_units, n_threads).unwrap_or(u64::MAX),
    }
}

/// Of complexes in the order of [`complexes`] those that remain when each excludes the later ones
/// that it overlaps with: the non-overlapping complexes ("condensed" in PyPhi).
///
/// ```
/// use pyphi_core::{Options, complexes, condensed, fixtures};
///
/// let subsystem = fixtures::or_and_xor();
/// let found = complexes(subsystem.network(), subsystem.state(), &Options::default())?;
/// assert!(found.len() > 1);
/// assert_eq!(condensed(&found).count(), 1); // {0,1,2} overlaps with all others
/// # Ok::<(), pyphi_core::Error>(())
/// ```
pub fn condensed(complexes: &[BigPhi]) -> impl Iterator<Item = &BigPhi> {
    let mut taken = UnitSet::EMPTY;
    complexes.iter().filter(move |it| {
        let is_free = it.units.intersection(taken).is_empty();
        if is_free {
            taken = taken.union(it.units);
        }
        is_free
    })
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
                for (mechanism, purview) in &mut core.mip.parts {
                    moved(mechanism);
                    moved(purview);
                }
            }
        }
        result
    }
}
