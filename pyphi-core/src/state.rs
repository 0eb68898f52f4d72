//! The state of a network: one value per unit.

use std::fmt;

use crate::alphabet::{Alphabet, check_unit_count};
use crate::error::{Error, ErrorKind, Result};
use crate::unit_set::UnitSet;

/// A state of `n` units. Prints as `(1,0,0)`, unit 0 first.
///
/// ```
/// use pyphi_core::State;
///
/// let state = State::new(&[1, 0, 0])?;
/// assert_eq!(state.to_string(), "(1,0,0)");
/// assert_eq!(state.row(), 1); // row index in a TPM
/// # Ok::<(), pyphi_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    values: [u8; UnitSet::MAX_UNITS],
    n_units: u8,
    row: u32,
}

impl State {
    /// The state of binary units with the given values, unit 0 first: 0 is OFF, 1 is ON.
    ///
    /// # Errors
    /// If a value is neither 0 nor 1, or there are more than 32.
    pub fn new(values: &[u8]) -> Result<State> {
        check_unit_count(values.len())?;
        State::of(values, &Alphabet::binary(values.len()))
    }

    /// The state of units with these values, unit 0 first.
    ///
    /// ```
    /// use pyphi_core::{Alphabet, State};
    ///
    /// let state = State::of(&[2, 1], &Alphabet::new(&[3, 2])?)?;
    /// assert_eq!(state.row(), 5); // 00, 10, 20, 01, 11, 21
    /// # Ok::<(), pyphi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is not one value for each unit, or a unit does not have its value.
    pub fn of(values: &[u8], alphabet: &Alphabet) -> Result<State> {
        alphabet.check(values)?;
        let mut state = State::all_off(values.len());
        state.values[..values.len()].copy_from_slice(values);
        state.row = alphabet.row(values) as u32;
        Ok(state)
    }

    /// All `n` units in value 0 (OFF).
    ///
    /// # Panics
    /// If `n > 32`.
    pub fn all_off(n: usize) -> State {
        assert!(n <= UnitSet::MAX_UNITS, "a State holds at most 32 units, not {n}");
        State { values: [0; UnitSet::MAX_UNITS], n_units: n as u8, row: 0 }
    }

    /// Number of units.
    pub fn n_units(self) -> usize {
        usize::from(self.n_units)
    }

    /// The units that are ON: those whose value is not 0.
    pub fn on(self) -> UnitSet {
        (0..self.n_units()).filter(|&unit| self.values[unit] != 0).collect()
    }

    /// The row of this state in a TPM of units with the alphabet that it was made for.
    pub fn row(self) -> usize {
        self.row as usize
    }

    /// The values, unit 0 first.
    pub fn values(self) -> Vec<u8> {
        self.values[..self.n_units()].to_vec()
    }

    /// No previous state leads to this one of these units.
    pub(crate) fn unreachable(self, units: UnitSet) -> Error {
        let values: Vec<String> =
            units.iter().map(|unit| self.values()[unit].to_string()).collect();
        let state = format!("({})", values.join(","));
        ErrorKind::Unreachable { state, units: units.to_string() }.into()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.values().iter().map(u8::to_string).collect();
        write!(f, "({})", values.join(","))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
