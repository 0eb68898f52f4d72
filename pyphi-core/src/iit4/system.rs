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
//!
//! States are numbers, of all units of the system or of a set of them (see `alphabet`): with two
//! values a unit they are bits. A unit with k values has k + 1 digits in the tables for all K: not
//! known, or one of its values. Every mean over a unit is over its values, each as likely.

use std::sync::{Arc, OnceLock};

use super::predicted_bytes_of_phi_s;
use crate::alphabet::Alphabet;
use crate::error::{Error, ErrorKind, Result};
use crate::known::{KnownIndex, mean};
use crate::limits::steps;
use crate::network::Network;
use crate::repertoire::Direction;
use crate::state::State;
use crate::subsystem::Subsystem;
use crate::tables::Wiring;
use crate::unit_set::{UnitSet, bits, deposit, extract};
use crate::wide::Wide;

/// Numbers by state of all units, or at [`KnownTables::index`].
type Table = Arc<[f64]>;

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

/// The tables that causes are computed from: by unit, P(unit is as it is now | what is known of the
/// past), by the state of all units or at [`KnownTables::index`].
#[derive(Debug, Clone)]
pub(crate) enum Causes {
    Floats(Vec<Table>),
    /// The tables of a system with probabilities so small that their products leave the range of
    /// floats.
    Wide(Arc<Vec<Vec<Wide>>>),
}

/// Products of so many factors, or of as many as there are units, must stay within the range of
/// floats.
const MOST_FACTORS: usize = 12;

/// The smallest that products of floats may get, as a power of two. This leaves room for means.
const SMALLEST_PRODUCT: f64 = -768.0;

/// Returns `true` if products of `n` numbers, of which none but 0 is below `smallest`, may leave
/// the range of floats.
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
        let state = network.check_part(state, network.units())?;
        check_connections(network)?;
        Substrate::of_checked(network, state)
    }

    /// # Errors
    /// If no previous state leads to the present one.
    pub(crate) fn of_checked(network: &Arc<Network>, state: State) -> Result<Substrate> {
        let n_units = network.n_units();
        let tpm = network.tpm();
        let present = state.values();
        let as_now = |row: usize| {
            let value = present.iter().enumerate();
            value.map(move |(unit, &value)| tpm.probability(row, unit, usize::from(value)))
        };
        let rows = 0..tpm.n_states();
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

    /// The states of the background of some units one update ago, as rows of the TPM, with their
    /// probabilities, which are not 0.
    pub(crate) fn past_of_background(&self, units: UnitSet) -> Vec<(u32, f64)> {
        let alphabet = self.network.alphabet();
        let background = self.network.units().difference(units).bits();
        let rows: Vec<u32> = alphabet.states_of(units.bits()).collect();
        match &self.likelihood {
            Likelihood::Floats(it) => past_of_background(alphabet, background, &rows, it),
            Likelihood::Wide(it) => {
                let all = wide_past_of_background(alphabet, background, &rows, it);
                let all = all.into_iter().map(|(w, weight)| (w, weight.scaled(0)));
                all.filter(|&(_, weight)| weight > 0.0).collect()
            }
        }
    }
}

/// The states of the background one update ago with their probabilities, which are not 0, given the
/// likelihood of the present state by all units. `rows` are the states of the system.
fn past_of_background(
    alphabet: &Alphabet,
    background: u32,
    rows: &[u32],
    likelihood: &[f64],
) -> Vec<(u32, f64)> {
    let of = |w: u32| rows.iter().map(|s| likelihood[(s + w) as usize]).sum::<f64>();
    let total: f64 = likelihood.iter().sum();
    let weights = alphabet.states_of(background).map(|w| (w, of(w) / total));
    weights.filter(|&(_, weight)| weight > 0.0).collect()
}

/// The same of wide numbers.
fn wide_past_of_background(
    alphabet: &Alphabet,
    background: u32,
    rows: &[u32],
    likelihood: &[Wide],
) -> Vec<(u32, Wide)> {
    let sum = |all: &mut dyn Iterator<Item = Wide>| all.fold(Wide::ZERO, Wide::plus);
    let of = |w: u32| sum(&mut rows.iter().map(|s| likelihood[(s + w) as usize]));
    let total = sum(&mut likelihood.iter().copied());
    let weights = alphabet.states_of(background).map(|w| (w, of(w).over(total)));
    weights.filter(|(_, weight)| !weight.is_zero()).collect()
}

/// # Errors
/// If a unit depends on another without a connection.
pub(crate) fn check_connections(network: &Network) -> Result<()> {
    let (tpm, alphabet) = (network.tpm(), network.alphabet());
    for to in 0..network.n_units() {
        // One of two values follows from the other.
        let values = if alphabet.size(to) == 2 { 1..2 } else { 0..alphabet.size(to) };
        for from in network.units().difference(network.inputs(to)).iter() {
            let (k, stride) = (alphabet.size(from), alphabet.stride(from));
            let differs = |row: usize, other: usize| {
                let p = |row, value| tpm.probability(row, to, value);
                values.clone().any(|it| (p(row, it) - p(other, it)).abs() > DEPENDS)
            };
            let first = (0..tpm.n_states()).filter(|row| row / stride % k == 0);
            for row in first {
                let others = (1..k).map(|value| row + value * stride);
                // Between any two values of the unit.
                let pair = std::iter::once(row).chain(others.clone()).find_map(|row| {
                    let later = others.clone().filter(|&other| other > row);
                    later.clone().find(|&other| differs(row, other)).map(|other| (row, other))
                });
                if let Some((row, other_row)) = pair {
                    return Err(ErrorKind::MissingConnection { from, to, row, other_row }.into());
                }
            }
        }
    }
    Ok(())
}

/// # Errors
/// If no previous state of the units, with the others as they are, leads to their present state.
fn check_reachable(network: &Network, state: State, units: UnitSet) -> Result<()> {
    let (tpm, alphabet) = (network.tpm(), network.alphabet());
    let values = state.values();
    let background = alphabet.masked(state.row() as u32, network.units().difference(units).bits());
    let leads_here = |previous: u32| {
        let row = (previous + background) as usize;
        units.iter().all(|unit| tpm.probability(row, unit, usize::from(values[unit])) > 0.0)
    };
    let mut previous = alphabet.states_of(units.bits());
    if previous.any(leads_here) { Ok(()) } else { Err(state.unreachable(units)) }
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
    /// The number of values of each unit.
    pub(crate) alphabet: Alphabet,
    /// The present state.
    pub(crate) present: u32,
    /// The connections inside the system.
    pub(crate) wiring: Wiring,
    /// By unit and state: P(unit is as it is now | all units), causes.
    pub(crate) causes: Causes,
    /// By unit, its value and state: P(unit has that value | all units), effects.
    effect: Arc<Vec<Vec<Table>>>,
    known: Arc<OnceLock<KnownTables>>,
}

/// The tables of a system for all sets of known units in all their states, at
/// [`KnownTables::index`].
#[derive(Debug)]
pub(crate) struct KnownTables {
    index: KnownIndex,
    /// By unit: P(unit is as it is now | known units), causes.
    pub(crate) causes: Causes,
    /// By unit and value: P(unit has that value | known units), effects.
    effect: Vec<Vec<Table>>,
}

impl KnownTables {
    fn new(system: &System) -> KnownTables {
        let index = KnownIndex::new(&system.alphabet);
        let table = |by_state: &Table| -> Table { index.tabulate(|s| by_state[s]).into() };
        let effect: Vec<Vec<Table>> =
            system.effect.iter().map(|by_value| by_value.iter().map(table).collect()).collect();
        let causes = match &system.causes {
            Causes::Floats(causes) => {
                let unit = |(i, by_state): (usize, &Table)| {
                    let now = system.alphabet.value(system.present, i) as usize;
                    match Arc::ptr_eq(by_state, &system.effect[i][now]) {
                        true => Arc::clone(&effect[i][now]),
                        false => table(by_state),
                    }
                };
                Causes::Floats(causes.iter().enumerate().map(unit).collect())
            }
            Causes::Wide(causes) => {
                let unit = |by_state: &Vec<Wide>| {
                    let mut table = vec![Wide::ZERO; index.n_entries()];
                    index.fill(|s| by_state[s], Wide::midpoint, wide_mean, &mut table);
                    table
                };
                Causes::Wide(Arc::new(causes.iter().map(unit).collect()))
            }
        };
        KnownTables { index, causes, effect }
    }

    /// Returns the index of the entry of a known set and its state.
    #[inline]
    pub(crate) fn index(&self, known: u32, z: u32) -> usize {
        self.index.at(known, z)
    }

    /// Returns the indices of the entries of a known set, by its state, where units have more than
    /// two values.
    #[inline]
    pub(crate) fn places(&self, known: u32) -> Option<&[u32]> {
        self.index.places.get(known as usize).map(Vec::as_slice)
    }

    /// The number of entries of a table.
    pub(crate) fn n_entries(&self) -> usize {
        self.index.n_entries()
    }

    /// Collects the indices of the entries of the subsets of a set of known units, all as in the
    /// state `z`, in the order of the subsets.
    pub(crate) fn places_of_subsets(&self, known: u32, z: u32, places: &mut Vec<usize>) {
        places.clear();
        places.push(0);
        for unit in bits(known) {
            let added = self.index.powers[1 << unit] * (1 + self.index.alphabet.value(z, unit));
            let half = places.len();
            places.extend_from_within(..);
            places[half..].iter_mut().for_each(|place| *place += added as usize);
        }
    }

    /// A function of the state of all units, and its uniform averages, by [`KnownTables::index`].
    pub(crate) fn tabulate(&self, by_state: &[f64], table: &mut Vec<f64>) {
        self.index.tabulate_into(|state| by_state[state], table);
    }
}

impl System {
    /// The most units a system can have: φ_s takes 4ⁿ steps.
    pub const MAX_UNITS: usize = 16;

    /// The most states a system can have: as many as so many binary units have.
    pub const MAX_STATES: usize = 1 << System::MAX_UNITS;

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
        let state = network.check_part(state, units)?;
        if units.len() > System::MAX_UNITS {
            return Err(System::too_large(units.len()));
        }
        System::check_states(network, units)?;
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

    /// # Errors
    /// If the units have more states than a system can have.
    pub(crate) fn check_states(network: &Network, units: UnitSet) -> Result<()> {
        let n_states = network.alphabet().n_states_of(units.bits()) as u128;
        let most_states = System::MAX_STATES as u128;
        match n_states > most_states {
            true => Err(ErrorKind::TooManyStates { n_states, most_states }.into()),
            false => Ok(()),
        }
    }

    /// The system `units` of a substrate.
    ///
    /// # Errors
    /// If no previous state of the units, with the background as it is, leads to their present
    /// state.
    ///
    /// # Panics
    /// If there are more than [`System::MAX_UNITS`] units, or too many states.
    pub(crate) fn within(substrate: &Arc<Substrate>, units: UnitSet) -> Result<System> {
        let tpm = substrate.network.tpm();
        // The same but for the look at the alphabet, of which there is one for each number read.
        match tpm.alphabet().is_binary() {
            true => System::reading(substrate, units, |row, unit, value| {
                let on = tpm.row(row)[unit];
                if value == 1 { on } else { 1.0 - on }
            }),
            false => System::reading(substrate, units, |row, unit, value| {
                tpm.probability(row, unit, value)
            }),
        }
    }

    /// The same, given P(unit has a value | row of the TPM).
    fn reading(
        substrate: &Arc<Substrate>,
        units: UnitSet,
        probability: impl Fn(usize, usize, usize) -> f64,
    ) -> Result<System> {
        let members = units.bits();
        let n = units.len();
        assert!(n <= System::MAX_UNITS, "at most {} units, not {n}", System::MAX_UNITS);
        let network = &*substrate.network;
        let whole_alphabet = network.alphabet();
        let alphabet = whole_alphabet.of_units(members);
        let n_states = alphabet.n_states();
        assert!(n_states <= System::MAX_STATES, "at most {} states", System::MAX_STATES);
        let state = substrate.state.row() as u32;
        let background = network.units().bits() & !members;
        let present = whole_alphabet.part(state, members);
        let units_of: Vec<usize> = bits(members).collect();
        let now: Vec<usize> = (0..n).map(|i| alphabet.value(present, i) as usize).collect();

        let rows: Vec<u32> = whole_alphabet.states_of(members).collect();
        let of_background = whole_alphabet.masked(state, background);
        let effect_of = |i: usize, value: usize| -> Table {
            let of = |s: &u32| probability((s + of_background) as usize, units_of[i], value);
            rows.iter().map(of).collect()
        };
        let effect_of_unit = |i: usize| (0..alphabet.size(i)).map(|v| effect_of(i, v)).collect();
        let effect: Arc<Vec<Vec<Table>>> = Arc::new((0..n).map(effect_of_unit).collect());
        check_reachable(network, substrate.state, units)?;
        let in_past =
            |i: usize, s: usize, w: u32| probability((rows[s] + w) as usize, units_of[i], now[i]);
        let wide_table = |f: &dyn Fn(usize, usize) -> Wide| -> Causes {
            let unit = |i: usize| (0..n_states).map(|s| f(i, s)).collect();
            Causes::Wide(Arc::new((0..n).map(unit).collect()))
        };
        let causes = match &substrate.likelihood {
            Likelihood::Floats(_) if background == 0 => {
                Causes::Floats((0..n).map(|i| Arc::clone(&effect[i][now[i]])).collect())
            }
            Likelihood::Wide(_) if background == 0 => {
                wide_table(&|i, s| Wide::new(in_past(i, s, 0), 0))
            }
            Likelihood::Floats(likelihood) => {
                let weights = past_of_background(whole_alphabet, background, &rows, likelihood);
                let mean = |i: usize, s: usize| {
                    weights.iter().map(|&(w, weight)| weight * in_past(i, s, w)).sum::<f64>()
                };
                let table = |i: usize| (0..n_states).map(|s| mean(i, s)).collect();
                let tables: Vec<Table> = (0..n).map(table).collect();
                let all = tables.iter().flat_map(|it| it.iter().copied());
                // Weighted, they may be smaller than those that the products were judged by.
                if is_tiny(smallest(all), n.max(MOST_FACTORS)) {
                    wide_table(&|i, s| {
                        weights.iter().fold(Wide::ZERO, |sum, &(w, weight)| {
                            sum.plus(Wide::new(weight, 0).times(Wide::new(in_past(i, s, w), 0)))
                        })
                    })
                } else {
                    Causes::Floats(tables)
                }
            }
            Likelihood::Wide(likelihood) => {
                let weights =
                    wide_past_of_background(whole_alphabet, background, &rows, likelihood);
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
            alphabet,
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
            known: Arc::default(),
        })
    }

    /// All units of a network in a state, which has no background, with causes that do not follow
    /// from its TPM: by unit and state, P(unit is as it is now | all units).
    ///
    /// # Errors
    /// If by the TPM no previous state leads to the present one.
    pub(crate) fn with_causes(
        network: Network,
        state: State,
        causes: Vec<Vec<f64>>,
    ) -> Result<System> {
        let units = network.units();
        let substrate = Substrate::of_checked(&Arc::new(network), state)?;
        let mut system = System::within(&Arc::new(substrate), units)?;
        let smallest = smallest(causes.iter().flatten().copied());
        system.causes = match is_tiny(smallest, system.n.max(MOST_FACTORS)) {
            true => {
                let wide = |of_unit: &Vec<f64>| of_unit.iter().map(|&p| Wide::new(p, 0)).collect();
                Causes::Wide(Arc::new(causes.iter().map(wide).collect()))
            }
            false => Causes::Floats(causes.into_iter().map(Table::from).collect()),
        };
        Ok(system)
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

    /// Returns `true` if every unit reaches every other along connections inside the system. So
    /// does a single unit.
    pub fn is_strongly_connected(&self) -> bool {
        self.network().is_strongly_connected(self.units)
    }

    /// All units, in the numbering of the system.
    pub(crate) fn all(&self) -> u32 {
        UnitSet::all(self.n).bits()
    }

    /// The tables for all sets of known units, made when they are first asked for.
    pub(crate) fn known(&self) -> &KnownTables {
        self.known.get_or_init(|| KnownTables::new(self))
    }

    /// The number of values of each unit of the system.
    pub fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    /// The tables of `q_e(i = v | K = s)` by unit i and its value v, and where in them that is.
    #[inline]
    pub(crate) fn effects_at(&self, known: u32, s: u32) -> (&[Vec<Table>], usize) {
        if known == self.all() {
            return (&self.effect, s as usize);
        }
        let tables = self.known();
        (&tables.effect, tables.index(known, s))
    }

    /// `q_e(i = v | K = s)`.
    #[inline]
    pub(crate) fn effect(&self, i: usize, value: u32, known: u32, s: u32) -> f64 {
        let (tables, at) = self.effects_at(known, s);
        tables[i][value as usize][at]
    }

    /// By known units: P(unit i has this value | these units are as in the state `s`), effects.
    pub(crate) fn effects_given(&self, i: usize, value: u32, s: u32) -> Vec<f64> {
        given(&self.alphabet, &self.effect[i][value as usize], s, f64::midpoint, mean)
    }

    /// By known units: P(unit i is as it is now | these units are as in the state `s`), causes.
    pub(crate) fn floats_given(&self, causes: &[Table], i: usize, s: u32) -> Vec<f64> {
        given(&self.alphabet, &causes[i], s, f64::midpoint, mean)
    }

    /// The same of wide numbers.
    pub(crate) fn wide_given(&self, causes: &[Vec<Wide>], i: usize, s: u32) -> Vec<Wide> {
        given(&self.alphabet, &causes[i], s, Wide::midpoint, wide_mean)
    }

    /// Converts units from the numbering of the system to that of the network.
    pub(crate) fn to_network(&self, local: u32) -> UnitSet {
        UnitSet::from_bits(deposit(local, self.units.bits()))
    }

    /// Converts units from the numbering of the network to that of the system.
    ///
    /// # Panics
    /// If a unit is not in the system.
    pub(crate) fn local(&self, units: UnitSet) -> u32 {
        assert!(units.is_subset(self.units), "{units} is not a part of the system {}", self.units);
        extract(units.bits(), self.units.bits())
    }

    /// Returns `true` if the connections between a mechanism and a purview leave every partition
    /// something to sever: every unit has a connection to the other side, and all of them are
    /// connected. If not, φ is 0.
    pub(crate) fn is_connected(&self, direction: Direction, mechanism: u32, purview: u32) -> bool {
        let (senders, receivers) = match direction {
            Direction::Cause => (purview, mechanism),
            Direction::Effect => (mechanism, purview),
        };
        self.wiring.is_connected(senders, receivers)
    }
}

fn wide_mean(of: &mut dyn Iterator<Item = Wide>) -> Wide {
    let (sum, n) = of.fold((Wide::ZERO, 0u32), |(sum, n), it| (sum.plus(it), n + 1));
    sum.over(Wide::new(f64::from(n), 0))
}

/// By set of known units: the mean of a function over the states that agree with `state` on them.
/// The bits are those of [`KnownIndex::fill`], which averages over the highest unit first as well.
fn given<T: Copy>(
    alphabet: &Alphabet,
    by_state: &[T],
    state: u32,
    midpoint: impl Fn(T, T) -> T,
    mean: impl Fn(&mut dyn Iterator<Item = T>) -> T,
) -> Vec<T> {
    let n = alphabet.n_units();
    let mut by_known = by_state.to_vec();
    steps(n * by_state.len());
    if !alphabet.is_binary() {
        for unit in (0..n).rev() {
            // Blocks of the states of the units before it, for each of its values.
            let (below, k) = (alphabet.stride(unit), alphabet.size(unit));
            let known = alphabet.value(state, unit) as usize;
            let mut next = Vec::with_capacity(by_known.len() / k * 2);
            for of_values in by_known.chunks_exact(below * k) {
                let at = |low: usize, value: usize| of_values[value * below + low];
                next.extend((0..below).map(|low| mean(&mut (0..k).map(|value| at(low, value)))));
                next.extend((0..below).map(|low| at(low, known)));
            }
            by_known = next;
        }
        return by_known;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn what_is_known_in_one_state_has_the_bits_of_the_table() {
        for sizes in [[2, 2, 2, 2], [3, 2, 4, 2], [2, 3, 2, 5]] {
            let alphabet = Alphabet::new(&sizes).expect("an alphabet");
            let index = KnownIndex::new(&alphabet);
            let n_states = alphabet.n_states() as u32;
            let by_state: Vec<f64> = (0..n_states).map(|s| 1.0 / f64::from(s * s + 3)).collect();
            let table = index.tabulate(|s| by_state[s]);
            for state in 0..n_states {
                let by_known = given(&alphabet, &by_state, state, f64::midpoint, mean);
                for known in 0..16 {
                    assert_eq!(by_known[known as usize], table[index.at(known, state)]);
                }
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
            assert!((system.effect(1, 1, 0b11, s as u32) - effect).abs() < 1e-6);
        }
    }
}
