//! Transitions: what each unit does, given the units that are considered before.
//!
//! The only reader of the TPM in this room. Units are numbered inside the causes and inside the
//! effects here. The tables know of each unit's values only through their number, so that alphabets
//! enter here and nowhere else.

use std::sync::{Arc, OnceLock};

use crate::error::{ErrorKind, Result};
use crate::iit4::check_connections;
use crate::limits::{Stop, steps};
use crate::network::Network;
use crate::state::State;
use crate::unit_set::{UnitSet, bits, deposit, submasks};

/// The treatment of the units that are not considered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Background {
    /// They are as they were, for causes and for effects alike: the rule of the paper.
    #[default]
    Fixed,
    /// They are averaged over, uniformly, like all units that are not known.
    Noise,
}

/// A network in a state and the state that followed, with the units considered.
#[derive(Debug, Clone)]
pub struct Transition {
    network: Arc<Network>,
    before: State,
    after: State,
    cause: UnitSet,
    effect: UnitSet,
    background: Background,
    probability: f64,
    /// The number of values of each unit of the causes.
    n_values: Arc<Vec<usize>>,
    /// The value that each of them had.
    values: Arc<Vec<usize>>,
    /// Made when they are first asked for: they may be larger than there is memory.
    tables: Arc<OnceLock<Tables>>,
}

#[derive(Debug)]
struct Tables {
    /// By unit of the effects.
    units: Vec<UnitTable>,
    /// Products of the probabilities may leave the range of floats.
    is_tiny: bool,
}

/// P(a unit is as it is after | what is known of its inputs among the causes), up to a factor.
#[derive(Debug)]
struct UnitTable {
    /// Its inputs among the causes.
    inputs: u32,
    /// By unit of the causes: how far apart entries are that differ in its value; 0 if it is no
    /// input.
    strides: Vec<usize>,
    /// By a digit for each input: one of its values, or one more if it is not known.
    known: Vec<f64>,
    /// The smallest of all that was read or averaged, of what is not 0.
    smallest: f64,
}

/// The smallest that products of floats may get, as a power of two.
const SMALLEST_PRODUCT: f64 = -900.0;

/// Probabilities that are too small to be halved are multiplied by this, a power of two.
const SCALE: f64 = f64::from_bits((1023 + 512) << 52);

impl Transition {
    /// The most units that can be considered before, and after.
    pub const MAX_UNITS: usize = 16;

    /// The transition of `network` from the state `before` to the state `after`, its causes being
    /// looked for among the units `cause`, its effects among the units `effect`. Either may be
    /// empty; the account is empty then.
    ///
    /// # Errors
    /// If a state has not one value for each unit, a unit does not exist, there are more than
    /// [`Transition::MAX_UNITS`] on a side, a unit depends on one that the connectivity does not
    /// connect to it, or a unit of the effects cannot be as it is `after` such a state `before`.
    pub fn new(
        network: &Network,
        before: State,
        after: State,
        cause: UnitSet,
        effect: UnitSet,
        background: Background,
    ) -> Result<Transition> {
        Transition::of_shared(&Arc::new(network.clone()), before, after, cause, effect, background)
    }

    /// As [`Transition::new`], sharing the network.
    ///
    /// # Errors
    /// As [`Transition::new`].
    pub fn of_shared(
        network: &Arc<Network>,
        before: State,
        after: State,
        cause: UnitSet,
        effect: UnitSet,
        background: Background,
    ) -> Result<Transition> {
        let [before, after] = states_of(network, [(before, "before"), (after, "after")])?;
        check_units(network, &[(cause, "cause"), (effect, "effect")])?;
        check_connections(network)?;
        for unit in effect.iter() {
            if probability_of(network, before, after, unit) == 0.0 {
                return Err(ErrorKind::ImpossibleTransition {
                    unit: network.label(unit),
                    value: after.values()[unit],
                    before: before.to_string(),
                }
                .into());
            }
        }
        Ok(Transition::of_checked(network, before, after, cause, effect, background))
    }

    /// A transition that is known to be possible.
    pub(super) fn of_checked(
        network: &Arc<Network>,
        before: State,
        after: State,
        cause: UnitSet,
        effect: UnitSet,
        background: Background,
    ) -> Transition {
        let network = Arc::clone(network);
        let n_values: Vec<usize> = cause.iter().map(|unit| network.alphabet().size(unit)).collect();
        let was = before.values();
        let values: Vec<usize> = cause.iter().map(|unit| usize::from(was[unit])).collect();
        let probability =
            effect.iter().map(|unit| probability_of(&network, before, after, unit)).product();
        let (n_values, values) = (Arc::new(n_values), Arc::new(values));
        Transition {
            network,
            before,
            after,
            cause,
            effect,
            background,
            probability,
            n_values,
            values,
            tables: Arc::default(),
        }
    }

    fn tables(&self) -> &Tables {
        let Transition { network, before, after, cause, effect, background, .. } = self;
        let table = |unit, scale| {
            UnitTable::new(network, *before, *after, *cause, unit, *background, scale)
        };
        self.tables.get_or_init(|| {
            let mut units: Vec<UnitTable> = effect.iter().map(|unit| table(unit, 1.0)).collect();
            let smallest = units.iter().map(|it| it.smallest).fold(1.0, f64::min);
            let is_tiny = smallest.log2() * effect.len().max(1) as f64 <= SMALLEST_PRODUCT
                || smallest < f64::MIN_POSITIVE;
            if is_tiny {
                units = effect.iter().map(|unit| table(unit, SCALE)).collect();
            }
            Tables { units, is_tiny }
        })
    }

    /// Memory that its account plans for, in bytes; `None` if that does not fit in a `u64`.
    pub fn predicted_bytes(&self) -> Option<u64> {
        super::predicted_bytes_of(&self.network, self.cause, self.effect)
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The state before.
    pub fn before(&self) -> State {
        self.before
    }

    /// The state after.
    pub fn after(&self) -> State {
        self.after
    }

    /// The units considered before.
    pub fn cause(&self) -> UnitSet {
        self.cause
    }

    /// The units considered after.
    pub fn effect(&self) -> UnitSet {
        self.effect
    }

    /// The treatment of the units that are not considered before.
    pub fn background(&self) -> Background {
        self.background
    }

    /// The probability that the units of the effects are as they are `after`, given all units
    /// `before`: 0 only where it is too small for a float.
    pub fn probability(&self) -> f64 {
        self.probability
    }

    /// The numbers of units considered before and after.
    pub(super) fn n_units(&self) -> [usize; 2] {
        [self.cause.len(), self.effect.len()]
    }

    /// By unit of the effects: its inputs among the causes, numbered inside these.
    pub(super) fn inputs(&self, effect: usize) -> u32 {
        self.tables().units[effect].inputs
    }

    /// Returns the number of states of these units of the causes.
    pub(super) fn n_states(&self, causes: u32) -> usize {
        bits(causes).map(|unit| self.n_values[unit]).product()
    }

    /// Returns `true` if two sets, causes and effects, are connected and leave no unit without a
    /// connection to the other set.
    pub(super) fn are_connected(&self, causes: u32, effects: u32) -> bool {
        let (mut seen_causes, mut seen_effects) = (0, effects & effects.wrapping_neg());
        let mut left = effects;
        loop {
            let mut is_new = false;
            for unit in bits(left) {
                let inputs = self.inputs(unit) & causes;
                if seen_effects >> unit & 1 == 1 || inputs & seen_causes != 0 {
                    seen_causes |= inputs;
                    seen_effects |= 1 << unit;
                    left &= !(1 << unit);
                    is_new = true;
                }
            }
            if !is_new {
                return seen_causes == causes && seen_effects == effects;
            }
        }
    }

    /// log2 of P(unit is as it is after | these units of the causes as they were), up to a number
    /// that all such logarithms of the unit have in common.
    pub(super) fn log_of_effect(&self, effect: usize, causes: u32) -> f64 {
        let unit = &self.tables().units[effect];
        let at = |it: usize| (self.n_values[it] - self.values[it]) * unit.strides[it];
        let at = unit.nothing_known(&self.n_values) - bits(causes).map(at).sum::<usize>();
        unit.known[at].log2()
    }

    /// P(unit is as it is after) with nothing known of the causes.
    pub(super) fn unconstrained_effect(&self, effect: usize) -> f64 {
        let Tables { units, is_tiny } = self.tables();
        let unit = &units[effect];
        let p = unit.known[unit.nothing_known(&self.n_values)];
        if *is_tiny { p / SCALE } else { p }
    }

    /// By set m of the effects: log2 of how many times as probable the causes p were than without
    /// knowledge, given m as it is after. `ratios` is as long as there are sets.
    pub(super) fn log_ratios_of_cause(&self, causes: u32, stop: &Stop, ratios: &mut [f64]) {
        let &Tables { ref units, is_tiny } = self.tables();
        let by_unit: Vec<Vec<f64>> =
            units.iter().map(|unit| self.by_state(unit, causes, is_tiny)).collect();
        let n_states = self.n_states(causes);
        let mut weight = 1;
        let mut present = 0;
        for unit in bits(causes) {
            present += weight * self.values[unit];
            weight *= self.n_values[unit];
        }
        // A product of no factors, or the sum of their logarithms.
        let neutral = if is_tiny { 0.0 } else { 1.0 };
        let mut rows = vec![vec![neutral; n_states]; units.len() + 1];
        let mut products = Products { by_unit: &by_unit, present, is_tiny, stop, ratios };
        products.extend(0, 0, &mut rows);
    }

    /// The entries of a unit by the state of these causes, with all others unknown; their
    /// logarithms if they are tiny.
    fn by_state(&self, unit: &UnitTable, causes: u32, is_tiny: bool) -> Vec<f64> {
        let mut at = vec![unit.nothing_known(&self.n_values)];
        for input in bits(causes) {
            let (n_values, stride) = (self.n_values[input], unit.strides[input]);
            let with = (0..n_values).map(|value| (n_values - value) * stride);
            at = with.flat_map(|less| at.iter().map(move |it| it - less)).collect();
        }
        steps(2 * at.len());
        let entry = |at: usize| {
            let p = unit.known[at];
            if is_tiny { p.log2() } else { p }
        };
        at.into_iter().map(entry).collect()
    }
}

/// Products of the probabilities of units, set by set.
struct Products<'a> {
    by_unit: &'a [Vec<f64>],
    /// The state that there was.
    present: usize,
    is_tiny: bool,
    stop: &'a Stop,
    ratios: &'a mut [f64],
}

impl Products<'_> {
    /// The set m, whose products are in the first row, and all sets that have further units from
    /// `first` on.
    fn extend(&mut self, m: usize, first: usize, rows: &mut [Vec<f64>]) {
        const LONG: usize = 1 << 12;
        let Some((row, rest)) = rows.split_first_mut() else { return };
        self.ratios[m] = self.log_ratio(row);
        for unit in first..self.by_unit.len() {
            if row.len() >= LONG && self.stop.is_due() {
                return;
            }
            let factors = &self.by_unit[unit];
            steps(2 * row.len());
            let next = rest[0].iter_mut().zip(row.iter().zip(factors));
            match self.is_tiny {
                true => next.for_each(|(next, (log, factor))| *next = log + factor),
                false => next.for_each(|(next, (product, factor))| *next = product * factor),
            }
            self.extend(m | 1 << unit, unit + 1, rest);
        }
    }

    /// log2 of the share of the present state in all of them, times their number.
    fn log_ratio(&self, row: &[f64]) -> f64 {
        let n_states = row.len() as f64;
        if self.is_tiny {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|it| (it - largest).exp2()).sum();
            return row[self.present] - largest - (sum / n_states).log2();
        }
        let sum: f64 = row.iter().sum();
        (row[self.present] * n_states / sum).log2()
    }
}

impl UnitTable {
    fn new(
        network: &Network,
        before: State,
        after: State,
        cause: UnitSet,
        unit: usize,
        background: Background,
        scale: f64,
    ) -> UnitTable {
        let now = usize::from(after.values()[unit]);
        let free = match background {
            Background::Fixed => cause,
            Background::Noise => network.units(),
        };
        let was = before.row() as u32;
        let mut known = network.value_table(unit, now, free.bits(), was, scale);
        // What is averaged may vanish: a term that is no subnormal number does not, since there
        // are at most 2^32 states.
        let mut smallest = smallest_of(&known);
        let all_inputs = network.inputs(unit).intersection(free);
        let (mut inputs, mut strides) = (0, vec![0; cause.len()]);
        let mut stride = 1;
        for input in all_inputs.iter() {
            let n_values = network.alphabet().size(input);
            let digits = match cause.iter().position(|it| it == input) {
                Some(local) => {
                    inputs |= 1 << local;
                    strides[local] = stride;
                    n_values + 1
                }
                // Of the background: never known.
                None => 1,
            };
            let lines = known.chunks_exact(n_values * stride);
            known = lines
                .flat_map(|line| {
                    let mean = (0..stride).map(|at| {
                        let values = line[at..].iter().step_by(stride);
                        values.sum::<f64>() / n_values as f64
                    });
                    let values = if digits == 1 { &[] } else { line };
                    values.iter().copied().chain(mean).collect::<Vec<_>>()
                })
                .collect();
            stride *= digits;
        }
        steps(2 * known.len());
        smallest = smallest.min(smallest_of(&known));
        UnitTable { inputs, strides, known, smallest }
    }

    /// The entry for which nothing is known.
    fn nothing_known(&self, n_values: &[usize]) -> usize {
        bits(self.inputs).map(|input| n_values[input] * self.strides[input]).sum()
    }
}

/// The smallest of some probabilities that is not 0.
fn smallest_of(probabilities: &[f64]) -> f64 {
    probabilities.iter().copied().filter(|&p| p > 0.0).fold(1.0, f64::min)
}

/// P(unit is as it is after | all units before).
pub(super) fn probability_of(network: &Network, before: State, after: State, unit: usize) -> f64 {
    let now = usize::from(after.values()[unit]);
    network.value_table(unit, now, 0, before.row() as u32, 1.0)[0]
}

/// The states as those of this network.
///
/// # Errors
/// If one has not a value for each unit, or a unit does not have its value.
pub(super) fn states_of<const N: usize>(
    network: &Network,
    states: [(State, &str); N],
) -> Result<[State; N]> {
    let mut own = states.map(|it| it.0);
    for (own, (state, name)) in own.iter_mut().zip(states) {
        *own = network.state(&state.values()).map_err(|error| error.at(name))?;
    }
    Ok(own)
}

/// # Errors
/// If a unit does not exist, or a set has too many.
pub(super) fn check_units(network: &Network, sets: &[(UnitSet, &str)]) -> Result<()> {
    let n_units = network.n_units();
    for (units, name) in sets {
        if let Some(unit) = units.difference(network.units()).iter().next() {
            return Err(crate::Error::from(ErrorKind::NoSuchUnit { unit, n_units }).at(*name));
        }
        if units.len() > Transition::MAX_UNITS {
            let most_units = Transition::MAX_UNITS;
            let bytes = |n| super::predicted_bytes(n, n).map_or(u128::MAX, u128::from);
            let kind = ErrorKind::TooLarge {
                units: units.len(),
                most_units,
                needed_bytes: bytes(units.len()),
                most_bytes: bytes(most_units),
            };
            return Err(crate::Error::from(kind).at(*name));
        }
    }
    Ok(())
}

/// Units of a set, numbered inside it, as units of the network.
pub(super) fn to_network(local: u32, within: UnitSet) -> UnitSet {
    UnitSet::from_bits(deposit(local, within.bits()))
}

/// All sets of `n` units by size and then lexicographically, the empty one left out.
pub(super) fn by_size(n: usize) -> Vec<u32> {
    let mut sets: Vec<u32> = submasks(UnitSet::all(n).bits()).skip(1).collect();
    sets.sort_by(|&a, &b| UnitSet::from_bits(a).cmp_by_size(UnitSet::from_bits(b)));
    sets
}
