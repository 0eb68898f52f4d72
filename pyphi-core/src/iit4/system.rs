//! Candidate systems: what each unit does, given the units of the system and its background.
//!
//! This is where causes and effects are conditioned on the background, and the only place where the
//! TPM is read. Units are numbered inside the system here (0 to n-1, in the order of their numbers
//! in the network).
//!
//! The invariant that everything later rests on: a partition changes no table. To cut u → i is to
//! replace the known units K of i by K minus u, that is, to look up another entry. The tables for
//! all K in all states have 3ⁿ entries a unit. They are made when a part of the system is first
//! asked about: φ_s needs all K in one state only.

use std::sync::{Arc, OnceLock};

use super::predicted_bytes_of_phi_s;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::steps;
use crate::network::Network;
use crate::repertoire::Direction;
use crate::state::State;
use crate::subsystem::Subsystem;
use crate::tables::Wiring;
use crate::unit_set::{UnitSet, bits, deposit, extract, submasks};
use crate::wide::Wide;

/// Probabilities that differ by more than this depend on what differed.
const DEPENDS: f64 = 1e-13;

/// A network in a state that it can be in, all of whose dependencies are connections.
#[derive(Debug)]
pub(crate) struct Substrate {
    pub(crate) network: Arc<Network>,
    pub(crate) state: State,
    /// P(every unit is in its present state | previous state u), by u.
    likelihood: Likelihood,
}

/// Numbers as floats; or, where some probability is so small that products of it leave the range of
/// floats, as wide ones.
#[derive(Debug)]
enum Likelihood {
    Floats(Vec<f64>),
    Wide(Vec<Wide>),
}

/// What causes are made of: by unit, P(unit is as it is now | what is known of the past), by the
/// state of all units or at [`Known::index`].
#[derive(Debug, Clone)]
pub(crate) enum Causes {
    Floats(Arc<Vec<Vec<f64>>>),
    /// Of a system with probabilities so small that their products leave the range of floats.
    Wide(Arc<Vec<Vec<Wide>>>),
}

/// Products of so many factors, or of as many as there are units, must stay within the range of
/// floats.
const MOST_FACTORS: usize = 12;

/// How small products of floats may get, as a power of two. This leaves room for means.
const SMALLEST_PRODUCT: f64 = -768.0;

/// Whether products of `n` numbers, of which none but 0 is below `smallest`, may leave the range of
/// floats.
fn is_tiny(smallest: f64, n: usize) -> bool {
    smallest.log2() * n as f64 <= SMALLEST_PRODUCT
}

/// The smallest of some probabilities that is not 0.
fn smallest(probabilities: impl Iterator<Item = f64>) -> f64 {
    probabilities.filter(|&p| p > 0.0).fold(1.0, f64::min)
}

impl Substrate {
    /// # Errors
    /// If a unit depends on another without a connection, or no previous state leads to the present
    /// one.
    pub(crate) fn new(network: &Arc<Network>, state: State) -> Result<Substrate> {
        network.check_part(state, network.units())?;
        check_connections(network)?;
        Substrate::of_checked(network, state)
    }

    /// # Errors
    /// If no previous state leads to the present one.
    pub(crate) fn of_checked(network: &Arc<Network>, state: State) -> Result<Substrate> {
        let n_units = network.n_units();
        let present = state.row();
        let as_now = |row: usize| {
            let on = network.tpm().row(row);
            (0..n_units)
                .map(move |unit| if present >> unit & 1 == 1 { on[unit] } else { 1.0 - on[unit] })
        };
        let rows = 0..1usize << n_units;
        let (likelihood, is_reachable) =
            if is_tiny(smallest(rows.clone().flat_map(as_now)), n_units.max(MOST_FACTORS)) {
                let product =
                    |row| as_now(row).fold(Wide::ONE, |product, p| product.times(Wide::new(p, 0)));
                let products: Vec<Wide> = rows.map(product).collect();
                let is_reachable = products.iter().any(|p| !p.is_zero());
                (Likelihood::Wide(products), is_reachable)
            } else {
                let products: Vec<f64> = rows.map(|row| as_now(row).product()).collect();
                let is_reachable = products.iter().any(|&p| p > 0.0);
                (Likelihood::Floats(products), is_reachable)
            };
        let substrate = Substrate { network: Arc::clone(network), state, likelihood };
        if !is_reachable {
            return Err(state.unreachable(network.units()));
        }
        Ok(substrate)
    }
}

/// # Errors
/// If a unit depends on another without a connection.
pub(crate) fn check_connections(network: &Network) -> Result<()> {
    let tpm = network.tpm();
    for to in 0..network.n_units() {
        for from in network.units().difference(network.inputs(to)).iter() {
            let other = |row: usize| row | 1 << from;
            let depends =
                |&row: &usize| (tpm.row(row)[to] - tpm.row(other(row))[to]).abs() > DEPENDS;
            let mut off = (0..tpm.n_states()).filter(|row| row >> from & 1 == 0);
            if let Some(row) = off.find(depends) {
                let other_row = other(row);
                return Err(ErrorKind::MissingConnection { from, to, row, other_row }.into());
            }
        }
    }
    Ok(())
}

/// # Errors
/// If no previous state of the units, with the others as they are, leads to their present state.
fn check_reachable(network: &Network, state: State, units: UnitSet) -> Result<()> {
    let present = state.row() as u32;
    let leads_here = |previous: u32| {
        let on = network.tpm().row((previous | present & !units.bits()) as usize);
        let is_possible =
            |unit| if present >> unit & 1 == 1 { on[unit] > 0.0 } else { on[unit] < 1.0 };
        units.iter().all(is_possible)
    };
    if submasks(units.bits()).any(leads_here) { Ok(()) } else { Err(state.unreachable(units)) }
}

/// A candidate system of IIT 4.0: some units of a network in its state; the others are the
/// background.
///
/// Effects are conditioned on the present state of the background: `f_e(i | s)` = P(i | s,
/// background as it is). Causes are averaged over the background's past: `f_c(i | s) = Σ_w ω(w) P(i
/// | s, w)`, where ω is the distribution of the past background given the present state of all
/// units, from a uniform prior (Albantakis et al. 2023).
#[derive(Debug, Clone)]
pub struct System {
    substrate: Arc<Substrate>,
    units: UnitSet,
    /// Number of units.
    pub(crate) n: usize,
    /// The units that are ON.
    pub(crate) present: u32,
    /// The connections inside the system.
    pub(crate) wiring: Wiring,
    /// By unit and state: P(unit is as it is now | all units), causes.
    pub(crate) causes: Causes,
    /// By unit and state: P(unit is as it is now | all units), effects.
    effect: Arc<Vec<Vec<f64>>>,
    /// By unit and state: P(unit is *not* as it is now | all units), effects.
    effect_other: Arc<Vec<Vec<f64>>>,
    known: Arc<OnceLock<Known>>,
}

/// The tables of a system for all sets of known units in all their states, at [`Known::index`].
#[derive(Debug)]
pub(crate) struct Known {
    index: KnownIndex,
    /// By unit: P(unit is as it is now | known units), causes.
    pub(crate) causes: Causes,
    /// By unit: P(unit is as it is now | known units), effects.
    effect: Arc<Vec<Vec<f64>>>,
    /// By unit: P(unit is *not* as it is now | known units), effects.
    effect_other: Vec<Vec<f64>>,
}

impl Known {
    fn new(system: &System) -> Known {
        let index = KnownIndex::new(system.n);
        let table = |by_unit: &[Vec<f64>]| -> Vec<Vec<f64>> {
            by_unit.iter().map(|by_state| index.tabulate(|s| by_state[s])).collect()
        };
        let effect = Arc::new(table(&system.effect));
        let causes = match &system.causes {
            Causes::Floats(causes) if Arc::ptr_eq(causes, &system.effect) => {
                Causes::Floats(Arc::clone(&effect))
            }
            Causes::Floats(causes) => Causes::Floats(Arc::new(table(causes))),
            Causes::Wide(causes) => {
                let unit = |by_state: &Vec<Wide>| {
                    let mut table = vec![Wide::ZERO; index.n_entries()];
                    index.fill(|s| by_state[s], Wide::midpoint, &mut table);
                    table
                };
                Causes::Wide(Arc::new(causes.iter().map(unit).collect()))
            }
        };
        let effect_other = table(&system.effect_other);
        Known { index, causes, effect, effect_other }
    }

    /// Where the entries of a known set and its state are.
    #[inline]
    pub(crate) fn index(&self, known: u32, z: u32) -> usize {
        self.index.at(known, z)
    }

    /// A function of the state of all units, and its uniform averages, by [`Known::index`].
    pub(crate) fn tabulate(&self, by_state: &[f64], table: &mut Vec<f64>) {
        self.index.tabulate_into(|state| by_state[state], table);
    }
}

impl System {
    /// The most units a system can have: φ_s takes 4ⁿ steps.
    pub const MAX_UNITS: usize = 16;

    /// The system of the same units in the same state.
    ///
    /// ```
    /// use pyphi_core::{fixtures, iit4::System};
    ///
    /// let system = System::new(&fixtures::or_and_xor())?;
    /// assert_eq!(system.units().to_string(), "{0,1,2}");
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a unit depends on one that the connectivity does not connect to it, or if no previous
    /// state of the whole network leads to its present state.
    pub fn new(subsystem: &Subsystem) -> Result<System> {
        let substrate = Substrate::new(subsystem.shared_network(), subsystem.state())?;
        System::within(&Arc::new(substrate), subsystem.units())
    }

    /// The system `units` of `network` in `state`, of more units than a [`Subsystem`] may have.
    ///
    /// ```
    /// use pyphi_core::{fixtures, iit4::System};
    ///
    /// let (network, state) = fixtures::dense_logistic_network(13, 1);
    /// let system = System::of(&network, state, network.units())?;
    /// assert_eq!(system.n_units(), 13);
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the state has the wrong length, a unit does not exist, there are more than
    /// [`System::MAX_UNITS`] units, a unit depends on one that the connectivity does not connect to
    /// it, or no previous state leads to the present one.
    pub fn of(network: &Network, state: State, units: UnitSet) -> Result<System> {
        System::of_shared(&Arc::new(network.clone()), state, units)
    }

    /// As [`System::of`], sharing the network.
    ///
    /// # Errors
    /// As [`System::of`].
    pub fn of_shared(network: &Arc<Network>, state: State, units: UnitSet) -> Result<System> {
        network.check_part(state, units)?;
        if units.len() > System::MAX_UNITS {
            return Err(System::too_large(units.len()));
        }
        check_reachable(network, state, units)?;
        System::within(&Arc::new(Substrate::new(network, state)?), units)
    }

    /// More units than a system can have.
    pub(crate) fn too_large(units: usize) -> Error {
        let bytes = |n| predicted_bytes_of_phi_s(n, 1).map_or(u128::MAX, u128::from);
        let kind = ErrorKind::TooLarge {
            units,
            most_units: System::MAX_UNITS,
            needed_bytes: bytes(units),
            most_bytes: bytes(System::MAX_UNITS),
        };
        kind.into()
    }

    /// The system `units` of a substrate.
    ///
    /// # Errors
    /// If no previous state of the units, with the background as it is, leads to their present
    /// state.
    ///
    /// # Panics
    /// If there are more than [`System::MAX_UNITS`] units.
    pub(crate) fn within(substrate: &Arc<Substrate>, units: UnitSet) -> Result<System> {
        let members = units.bits();
        let n = units.len();
        assert!(n <= System::MAX_UNITS, "at most {} units, not {n}", System::MAX_UNITS);
        let network = &*substrate.network;
        let tpm = network.tpm();
        let state = substrate.state.row() as u32;
        let background = network.units().bits() & !members;
        let present = extract(state, members);
        let is_on = |i: usize| present >> i & 1 == 1;
        // P(unit i is as it is now, or not) from P(it is ON), keeping what is small exact.
        let as_now = |i: usize, on: f64| if is_on(i) { on } else { 1.0 - on };
        let not_as_now = |i: usize, on: f64| if is_on(i) { 1.0 - on } else { on };

        let units_of: Vec<usize> = bits(members).collect();
        let rows: Vec<u32> = (0..1u32 << n).map(|s| deposit(s, members)).collect();
        let on_now =
            |i: usize, s: usize| tpm.row((rows[s] | state & background) as usize)[units_of[i]];
        let table = |f: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
            (0..n).map(|i| (0..1usize << n).map(|s| f(i, s)).collect()).collect()
        };
        let effect = Arc::new(table(&|i, s| as_now(i, on_now(i, s))));
        let effect_other = Arc::new(table(&|i, s| not_as_now(i, on_now(i, s))));
        check_reachable(network, substrate.state, units)?;
        let in_past =
            |i: usize, s: usize, w: u32| as_now(i, tpm.row((rows[s] | w) as usize)[units_of[i]]);
        let wide_table = |f: &dyn Fn(usize, usize) -> Wide| -> Causes {
            let unit = |i: usize| (0..1usize << n).map(|s| f(i, s)).collect();
            Causes::Wide(Arc::new((0..n).map(unit).collect()))
        };
        let causes = match &substrate.likelihood {
            Likelihood::Floats(_) if background == 0 => Causes::Floats(Arc::clone(&effect)),
            Likelihood::Wide(_) if background == 0 => {
                wide_table(&|i, s| Wide::new(in_past(i, s, 0), 0))
            }
            Likelihood::Floats(likelihood) => {
                let of = |w: u32| rows.iter().map(|s| likelihood[(s | w) as usize]).sum::<f64>();
                let total: f64 = likelihood.iter().sum();
                let weights: Vec<(u32, f64)> = submasks(background)
                    .map(|w| (w, of(w) / total))
                    .filter(|&(_, weight)| weight > 0.0)
                    .collect();
                let mean = |i: usize, s: usize| {
                    weights.iter().map(|&(w, weight)| weight * in_past(i, s, w)).sum::<f64>()
                };
                let tables = table(&mean);
                // Weighted, they may be smaller than those that the products were judged by.
                if is_tiny(smallest(tables.iter().flatten().copied()), n.max(MOST_FACTORS)) {
                    wide_table(&|i, s| {
                        weights.iter().fold(Wide::ZERO, |sum, &(w, weight)| {
                            sum.plus(Wide::new(weight, 0).times(Wide::new(in_past(i, s, w), 0)))
                        })
                    })
                } else {
                    Causes::Floats(Arc::new(tables))
                }
            }
            Likelihood::Wide(likelihood) => {
                let sum = |all: &mut dyn Iterator<Item = Wide>| all.fold(Wide::ZERO, Wide::plus);
                let of = |w: u32| sum(&mut rows.iter().map(|s| likelihood[(s | w) as usize]));
                let total = sum(&mut likelihood.iter().copied());
                let weights: Vec<(u32, Wide)> = submasks(background)
                    .map(|w| (w, of(w).over(total)))
                    .filter(|(_, weight)| !weight.is_zero())
                    .collect();
                wide_table(&|i, s| {
                    weights.iter().fold(Wide::ZERO, |sum, &(w, weight)| {
                        sum.plus(weight.times(Wide::new(in_past(i, s, w), 0)))
                    })
                })
            }
        };
        Ok(System {
            substrate: Arc::clone(substrate),
            units,
            n,
            present,
            wiring: Wiring {
                inputs: units_of
                    .iter()
                    .map(|&unit| extract(network.inputs(unit).bits(), members))
                    .collect(),
                from: 0,
                to: 0,
            },
            causes,
            effect,
            effect_other,
            known: Arc::default(),
        })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.substrate.network
    }

    /// The state of the whole network.
    pub fn state(&self) -> State {
        self.substrate.state
    }

    /// The units of the system, in the numbering of the network.
    pub fn units(&self) -> UnitSet {
        self.units
    }

    /// Number of units.
    pub fn n_units(&self) -> usize {
        self.n
    }

    /// Whether every unit reaches every other along connections inside the system. So does a single
    /// unit.
    pub fn is_strongly_connected(&self) -> bool {
        self.network().is_strongly_connected(self.units)
    }

    /// All units, in the numbering of the system.
    pub(crate) fn all(&self) -> u32 {
        UnitSet::all(self.n).bits()
    }

    /// The tables for all sets of known units, made when they are first asked for.
    pub(crate) fn known(&self) -> &Known {
        self.known.get_or_init(|| Known::new(self))
    }

    /// `q_e(i = ON or OFF | K = s)`.
    #[inline]
    pub(crate) fn effect_on(&self, i: usize, is_on: bool, known: u32, s: u32) -> f64 {
        let is_as_now = is_on == (self.present >> i & 1 == 1);
        if known == self.all() {
            let table = if is_as_now { &self.effect[i] } else { &self.effect_other[i] };
            return table[s as usize];
        }
        let tables = self.known();
        let table = if is_as_now { &tables.effect[i] } else { &tables.effect_other[i] };
        table[tables.index(known, s)]
    }

    /// By known units: P(unit i is ON or OFF | these units are as in the state `s`), effects.
    pub(crate) fn effects_given(&self, i: usize, is_on: bool, s: u32) -> Vec<f64> {
        let is_as_now = is_on == (self.present >> i & 1 == 1);
        let table = if is_as_now { &self.effect[i] } else { &self.effect_other[i] };
        given(table, s, f64::midpoint)
    }

    /// From the numbering of the system to that of the network.
    pub(crate) fn to_network(&self, local: u32) -> UnitSet {
        UnitSet::from_bits(deposit(local, self.units.bits()))
    }

    /// From the numbering of the network to that of the system.
    ///
    /// # Panics
    /// If a unit is not in the system.
    pub(crate) fn local(&self, units: UnitSet) -> u32 {
        assert!(units.is_subset(self.units), "{units} is not a part of the system {}", self.units);
        extract(units.bits(), self.units.bits())
    }

    /// Whether the connections between a mechanism and a purview leave every partition something to
    /// sever: every unit has a connection to the other side, and all of them hang together. If not,
    /// φ is 0.
    pub(crate) fn is_connected(&self, direction: Direction, mechanism: u32, purview: u32) -> bool {
        let (senders, receivers) = match direction {
            Direction::Cause => (purview, mechanism),
            Direction::Effect => (mechanism, purview),
        };
        self.wiring.is_connected(senders, receivers)
    }
}

/// By set of known units: the mean of a function over the states that agree with `state` on them.
/// The bits are those of [`KnownIndex::fill`], which averages over the highest unit first as well.
pub(crate) fn given<T: Copy>(by_state: &[T], state: u32, midpoint: impl Fn(T, T) -> T) -> Vec<T> {
    let mut by_known = by_state.to_vec();
    let n = by_state.len().trailing_zeros();
    steps((n as usize) << n);
    for unit in (0..n).rev() {
        let is_on = state >> unit & 1 == 1;
        for pair in by_known.chunks_exact_mut(2 << unit) {
            let (off, on) = pair.split_at_mut(1 << unit);
            for (off, on) in off.iter_mut().zip(on) {
                (*off, *on) = (midpoint(*off, *on), if is_on { *on } else { *off });
            }
        }
    }
    by_known
}

/// Numbers the pairs of a set of known units and their state: the digit of a unit to the base 3 is
/// 0 if it is not known, 1 if it is OFF and 2 if it is ON.
#[derive(Debug)]
struct KnownIndex {
    n: usize,
    /// By set: the sum of 3^u over its units.
    powers: Vec<u32>,
    /// By index: 3^u of the first unit that is not known; 0 if all are.
    first_unknown: Vec<u32>,
}

impl KnownIndex {
    fn new(n: usize) -> KnownIndex {
        let mut powers = vec![0u32; 1 << n];
        for set in 1..1usize << n {
            let unit = set.trailing_zeros();
            powers[set] = powers[set & (set - 1)] + 3u32.pow(unit);
        }
        let n_entries = 3usize.pow(n as u32);
        let mut first_unknown = vec![0u32; n_entries];
        for (index, first) in first_unknown.iter_mut().enumerate() {
            let (mut rest, mut power) = (index, 1);
            while power < n_entries && rest % 3 != 0 {
                rest /= 3;
                power *= 3;
            }
            *first = if power < n_entries { power as u32 } else { 0 };
        }
        KnownIndex { n, powers, first_unknown }
    }

    #[inline]
    fn at(&self, known: u32, z: u32) -> usize {
        (self.powers[known as usize] + self.powers[(known & z) as usize]) as usize
    }

    fn n_entries(&self) -> usize {
        self.first_unknown.len()
    }

    /// The function `f` of all units' state, and its uniform averages over the units that are not
    /// known.
    fn tabulate(&self, f: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut table = Vec::new();
        self.tabulate_into(f, &mut table);
        table
    }

    fn tabulate_into(&self, f: impl Fn(usize) -> f64, table: &mut Vec<f64>) {
        table.resize(self.n_entries(), 0.0);
        self.fill(f, f64::midpoint, table);
    }

    /// The same in any kind of number.
    fn fill<T: Copy>(&self, f: impl Fn(usize) -> T, midpoint: impl Fn(T, T) -> T, table: &mut [T]) {
        steps(2 * table.len());
        let all = UnitSet::all(self.n).bits();
        for state in 0..=all {
            table[self.at(all, state)] = f(state as usize);
        }
        for index in (0..table.len()).rev() {
            let power = self.first_unknown[index] as usize;
            if power > 0 {
                table[index] = midpoint(table[index + power], table[index + 2 * power]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn unknown_units_are_averaged() {
        let index = KnownIndex::new(3);
        let f = |s: usize| (s * s) as f64;
        let table = index.tabulate(f);
        for known in 0..8u32 {
            for z in submasks(known) {
                let agree = (0..8usize).filter(|s| *s as u32 & known == z);
                let mean = agree.clone().map(f).sum::<f64>() / agree.count() as f64;
                assert!((table[index.at(known, z)] - mean).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_is_known_in_one_state_has_the_bits_of_the_table() {
        let index = KnownIndex::new(4);
        let by_state: Vec<f64> = (0..16u32).map(|s| 1.0 / f64::from(s * s + 3)).collect();
        let table = index.tabulate(|s| by_state[s]);
        for state in 0..16 {
            let by_known = given(&by_state, state, f64::midpoint);
            for known in 0..16 {
                assert_eq!(by_known[known as usize], table[index.at(known, state)]);
            }
        }
    }

    #[test]
    fn the_worked_example_of_the_background() {
        let whole = System::new(&fixtures::iit4_figure_1()).expect("a reachable state");
        let pair = UnitSet::from_iter([0, 1]);
        let system = System::within(&whole.substrate, pair).expect("a reachable state");
        // f_c and f_e of B, by state of A and B.
        let expected = [
            (0.436_089, 0.005_486),
            (0.824_531, 0.598_688),
            (0.226_956, 0.001_113),
            (0.662_078, 0.231_475),
        ];
        for (s, (cause, effect)) in expected.into_iter().enumerate() {
            let Causes::Floats(causes) = &system.causes else { panic!("nothing is tiny here") };
            assert!((causes[1][s] - cause).abs() < 1e-6);
            assert!((system.effect_on(1, true, 0b11, s as u32) - effect).abs() < 1e-6);
        }
    }
}
