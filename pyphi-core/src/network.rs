//! Networks: a TPM and the connections behind it.
//!
//! [`Network`] is the only door for user input: what is inside one is consistent.

use crate::alphabet::Alphabet;
use crate::error::{ErrorKind, Result};
use crate::input::unprintable;
use crate::state::State;
use crate::tpm::Tpm;
use crate::unit_set::{UnitSet, bits, deposit};

/// A network of `n` units: a TPM, a connectivity matrix, optional labels. Units have two values, or
/// as many as the [`Alphabet`] of the TPM says.
///
/// `cm[i][j] = 1` means i → j. The connectivity decides what is an input: the mechanism of unit j
/// is its column of the TPM averaged, uniformly, over every unit that is not an input of j.
///
/// ```
/// use pyphi_core::Network;
///
/// let network = Network::from_state_by_node(
///     &[vec![0.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0], vec![1.0, 1.0]],
///     &[vec![0, 1], vec![1, 0]],
/// )?;
/// assert_eq!(network.inputs(0).to_string(), "{1}");
/// # Ok::<(), pyphi_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    tpm: Tpm,
    /// For each unit, the units that send to it.
    inputs: Vec<UnitSet>,
    labels: Option<Vec<String>>,
    /// By unit: the names of its values.
    values: Option<Vec<Vec<String>>>,
}

impl Network {
    /// The most characters of a label.
    pub const LONGEST_LABEL: usize = 64;

    /// A network from a checked TPM and the rows of its connectivity matrix.
    ///
    /// # Errors
    /// If the matrix is not n by n or has an entry other than 0 and 1.
    pub fn new(tpm: Tpm, cm: &[Vec<u8>]) -> Result<Network> {
        let n = tpm.n_units();
        if cm.len() != n {
            return Err(ErrorKind::CmShape {
                place: "rows".to_owned(),
                found: cm.len(),
                expected: n,
            }
            .into());
        }
        let mut inputs = vec![UnitSet::EMPTY; n];
        for (row, entries) in cm.iter().enumerate() {
            if entries.len() != n {
                let place = format!("row {row}");
                return Err(ErrorKind::CmShape { place, found: entries.len(), expected: n }.into());
            }
            for (column, &value) in entries.iter().enumerate() {
                match value {
                    0 => {}
                    1 => inputs[column] = inputs[column].union(UnitSet::from_bits(1 << row)),
                    _ => {
                        return Err(
                            ErrorKind::CmEntry { row, column, value: value.to_string() }.into()
                        );
                    }
                }
            }
        }
        Ok(Network { tpm, inputs, labels: None, values: None })
    }

    /// A network from a state-by-node TPM, `2^n` rows of `n`, and its connectivity matrix, n by n.
    ///
    /// # Errors
    /// As [`Tpm::from_state_by_node`] and [`Network::new`].
    pub fn from_state_by_node(tpm: &[Vec<f64>], cm: &[Vec<u8>]) -> Result<Network> {
        Network::new(Tpm::from_state_by_node(tpm)?, cm)
    }

    /// A network from a state-by-state TPM, `2^n` rows of `2^n`, and its connectivity matrix, n by
    /// n.
    ///
    /// # Errors
    /// As [`Tpm::from_state_by_state`] and [`Network::new`].
    pub fn from_state_by_state(tpm: &[Vec<f64>], cm: &[Vec<u8>]) -> Result<Network> {
        Network::new(Tpm::from_state_by_state(tpm)?, cm)
    }

    /// The same network with a name for each unit.
    ///
    /// # Errors
    /// If there is not one label per unit, or one is too long ([`Network::LONGEST_LABEL`]) has a
    /// control character, or is that of two units.
    pub fn with_labels(mut self, labels: Vec<String>) -> Result<Network> {
        if labels.len() != self.n_units() {
            return Err(ErrorKind::Labels { found: labels.len(), expected: self.n_units() }.into());
        }
        for (unit, label) in labels.iter().enumerate() {
            if let Some(found) = unprintable(label, Network::LONGEST_LABEL) {
                return Err(
                    ErrorKind::Label { unit, found, longest: Network::LONGEST_LABEL }.into()
                );
            }
            if let Some(other) = labels[..unit].iter().position(|it| it == label) {
                let label = label.clone();
                return Err(ErrorKind::DuplicateLabel { label, other, unit }.into());
            }
        }
        self.labels = Some(labels);
        Ok(self)
    }

    /// The state as one of this network, which these must be some units of.
    ///
    /// # Errors
    /// If the state is none of the network, or a unit does not exist.
    pub(crate) fn check_part(&self, state: State, units: UnitSet) -> Result<State> {
        let n_units = self.n_units();
        let state = self.state(&state.values())?;
        if let Some(unit) = units.difference(self.units()).iter().next() {
            return Err(ErrorKind::NoSuchUnit { unit, n_units }.into());
        }
        Ok(state)
    }

    /// The same network with names for the values of each unit.
    ///
    /// # Errors
    /// If there is not one name for each value of each unit, or one is too long
    /// ([`Network::LONGEST_LABEL`]), has a control character, or is that of two values of a unit.
    pub fn with_value_names(mut self, values: Vec<Vec<String>>) -> Result<Network> {
        let wrong = |message: String| Err(ErrorKind::Json(message).into());
        let (found, expected) = (values.len(), self.n_units());
        if found != expected {
            return wrong(format!("values: {found} lists, expected {expected} (one per unit)"));
        }
        for (unit, names) in values.iter().enumerate() {
            let (found, expected) = (names.len(), self.alphabet().size(unit));
            if found != expected {
                return wrong(format!(
                    "values[{unit}]: {found} names, expected {expected} (one per value)"
                ));
            }
            for (value, name) in names.iter().enumerate() {
                let place = format!("values[{unit}][{value}]");
                if let Some(found) = unprintable(name, Network::LONGEST_LABEL) {
                    let longest = Network::LONGEST_LABEL;
                    return wrong(format!(
                        "{place}: {found}, expected at most {longest} characters, none a control \
                         character"
                    ));
                }
                if names[..value].contains(name) {
                    return wrong(format!("{place}: {name:?} is there twice, expected it once"));
                }
            }
        }
        self.values = Some(values);
        Ok(self)
    }

    /// The names of the values of each unit, if there are any.
    pub fn value_names(&self) -> Option<&[Vec<String>]> {
        self.values.as_deref()
    }

    /// The number of values of each unit.
    pub fn alphabet(&self) -> &Alphabet {
        self.tpm.alphabet()
    }

    /// The state of this network with the given values, unit 0 first.
    ///
    /// # Errors
    /// If there is not one value for each unit, or a unit does not have its value.
    pub fn state(&self, values: &[u8]) -> Result<State> {
        State::of(values, self.alphabet())
    }

    /// Refuses what is not there for units with more than two values: `what`, as in `IIT 3.0`.
    ///
    /// # Errors
    /// If a unit has more than two values.
    pub fn require_binary(&self, what: &'static str) -> Result<()> {
        match self.alphabet().is_binary() {
            true => Ok(()),
            false => {
                Err(ErrorKind::NotBinary { alphabet: self.alphabet().to_string(), what }.into())
            }
        }
    }

    /// Number of units.
    pub fn n_units(&self) -> usize {
        self.tpm.n_units()
    }

    /// All units.
    pub fn units(&self) -> UnitSet {
        UnitSet::all(self.n_units())
    }

    /// The TPM, state-by-node.
    pub fn tpm(&self) -> &Tpm {
        &self.tpm
    }

    /// The units that send to `unit`.
    pub fn inputs(&self, unit: usize) -> UnitSet {
        self.inputs[unit]
    }

    /// The label of a unit: its own, or its number.
    pub fn label(&self, unit: usize) -> String {
        self.labels.as_ref().map_or_else(|| unit.to_string(), |labels| labels[unit].clone())
    }

    /// The labels, if there are any.
    pub fn labels(&self) -> Option<&[String]> {
        self.labels.as_deref()
    }

    /// The connectivity matrix, `cm[i][j] = 1` for i → j.
    pub fn cm(&self) -> Vec<Vec<u8>> {
        let n = self.n_units();
        (0..n)
            .map(|from| (0..n).map(|to| u8::from(self.inputs[to].contains(from))).collect())
            .collect()
    }

    /// P(`unit` has this value | its inputs among `free` = z, its other inputs as in `fixed`),
    /// times `scale`, which is a power of two, for every state z of `free ∩ inputs(unit)`,
    /// averaged over all non-inputs.
    pub(crate) fn value_table(
        &self,
        unit: usize,
        value: usize,
        free: u32,
        fixed: u32,
        scale: f64,
    ) -> Vec<f64> {
        let alphabet = self.alphabet();
        if alphabet.is_binary() {
            return self.unit_table(unit, value == 1, free, fixed, scale);
        }
        let inputs = self.inputs[unit].bits();
        let fixed = alphabet.masked(fixed, inputs & !free);
        let noise: Vec<u32> = alphabet.states_of(self.units().bits() & !inputs).collect();
        let of_state = |z: u32| {
            let row = |w: &u32| self.tpm.probability((z + fixed + w) as usize, unit, value);
            noise.iter().map(|w| row(w) * scale).sum::<f64>() / noise.len() as f64
        };
        alphabet.states_of(inputs & free).map(of_state).collect()
    }

    /// P(`unit` is ON, or else OFF | its inputs among `free` = z, its other inputs as in `fixed`),
    /// times `scale`, which is a power of two, for every state z of `free ∩ inputs(unit)` (bit k of
    /// the index = k-th of those units), averaged over all non-inputs. What is tiny keeps all its
    /// digits.
    pub(crate) fn unit_table(
        &self,
        unit: usize,
        is_on: bool,
        free: u32,
        fixed: u32,
        scale: f64,
    ) -> Vec<f64> {
        // Below this, the complement of a mean of numbers near 1 has too few digits left.
        const CANCELS: f64 = 1.0 / (1 << 20) as f64;
        let inputs = self.inputs[unit].bits();
        let free_inputs = inputs & free;
        let noise = self.units().bits() & !inputs;
        let n_noise_states = (1u64 << noise.count_ones()) as f64;
        (0..1u32 << free_inputs.count_ones())
            .map(|z| {
                let known = deposit(z, free_inputs) | fixed & inputs & !free;
                let all = || {
                    crate::unit_set::submasks(noise)
                        .map(|noise_state| self.tpm.row((known | noise_state) as usize)[unit])
                };
                if is_on {
                    // Scaled before the sum is divided, since the smallest floats have no half.
                    return all().map(|p| p * scale).sum::<f64>() / n_noise_states;
                }
                let off = 1.0 - all().sum::<f64>() / n_noise_states;
                if off >= CANCELS {
                    off * scale
                } else {
                    all().map(|p| (1.0 - p) * scale).sum::<f64>() / n_noise_states
                }
            })
            .collect()
    }

    /// Returns `true` if every unit of `units` reaches every other along connections inside
    /// `units`.
    pub fn is_strongly_connected(&self, units: UnitSet) -> bool {
        let members = units.bits();
        members != 0
            && [false, true].iter().all(|&backward| {
                self.reached(1 << members.trailing_zeros(), members, backward) == members
            })
    }

    /// The size of the largest set of units that all reach each other.
    pub(crate) fn most_connected(&self) -> usize {
        self.strong_components().map(UnitSet::len).max().unwrap_or(0)
    }

    /// The set of units that all reach each other with the most states.
    pub(crate) fn largest_component(&self) -> UnitSet {
        let n_states = |it: &UnitSet| self.alphabet().n_states_of(it.bits());
        self.strong_components().max_by_key(n_states).unwrap_or(UnitSet::EMPTY)
    }

    /// The units in the sets of those that all reach each other along connections.
    pub(crate) fn strong_components(&self) -> impl Iterator<Item = UnitSet> + '_ {
        let mut left = self.units().bits();
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let first = 1 << left.trailing_zeros();
            let component = self.reached(first, left, false) & self.reached(first, left, true);
            left &= !component;
            Some(UnitSet::from_bits(component))
        })
    }

    /// The units of `members` that `from`, which are some of them, reach along connections inside
    /// `members`; or, `backward`, that reach them.
    fn reached(&self, from: u32, members: u32, backward: bool) -> u32 {
        let mut seen = from;
        loop {
            let mut next = seen;
            for unit in bits(members) {
                let sources = self.inputs[unit].bits() & members;
                if backward {
                    // Everything that sends to a unit already seen.
                    if seen >> unit & 1 == 1 {
                        next |= sources;
                    }
                } else if sources & seen != 0 {
                    next |= 1 << unit;
                }
            }
            if next == seen {
                return seen;
            }
            seen = next;
        }
    }
}
