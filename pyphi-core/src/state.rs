//! The state of a network: one bit per unit.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::unit_set::UnitSet;

/// A state of `n` binary units, unit 0 in the lowest bit. Prints as `(1,0,0)`, unit 0 first.
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
    bits: u32,
    n_units: usize,
}

impl State {
    /// The state with the given values, unit 0 first: 0 is OFF, 1 is ON.
    ///
    /// # Errors
    /// If a value is neither 0 nor 1, or there are more than 32.
    pub fn new(values: &[u8]) -> Result<State> {
        check_unit_count(values.len())?;
        let mut bits = 0;
        for (unit, &value) in values.iter().enumerate() {
            match value {
                0 => {}
                1 => bits |= 1 << unit,
                _ => return Err(ErrorKind::StateEntry { unit, value: value.to_string() }.into()),
            }
        }
        Ok(State { bits, n_units: values.len() })
    }

    /// All `n` units OFF.
    ///
    /// # Panics
    /// If `n > 32`.
    pub fn all_off(n: usize) -> State {
        assert!(n <= UnitSet::MAX_UNITS, "a State holds at most 32 units, not {n}");
        State { bits: 0, n_units: n }
    }

    /// Number of units.
    pub fn n_units(self) -> usize {
        self.n_units
    }

    /// The units that are ON.
    pub fn on(self) -> UnitSet {
        UnitSet::from_bits(self.bits)
    }

    /// The row of this state in a TPM.
    pub fn row(self) -> usize {
        self.bits as usize
    }

    /// The values, unit 0 first.
    pub fn values(self) -> Vec<u8> {
        (0..self.n_units).map(|unit| (self.bits >> unit & 1) as u8).collect()
    }

    /// No previous state leads to this one of these units.
    pub(crate) fn unreachable(self, units: UnitSet) -> Error {
        let values: Vec<String> =
            units.iter().map(|unit| self.values()[unit].to_string()).collect();
        let state = format!("({})", values.join(","));
        ErrorKind::Unreachable { state, units: units.to_string() }.into()
    }
}

/// Refuses more units than a [`UnitSet`] can number.
pub(crate) fn check_unit_count(n_units: usize) -> Result<()> {
    if n_units > UnitSet::MAX_UNITS {
        // The state-by-node table alone: 2^n rows of n numbers.
        let bytes =
            |n: usize| 1u128.checked_shl(n as u32).and_then(|rows| rows.checked_mul(8 * n as u128));
        return Err(ErrorKind::TooLarge {
            units: n_units,
            most_units: UnitSet::MAX_UNITS,
            needed_bytes: bytes(n_units).unwrap_or(u128::MAX),
            most_bytes: bytes(UnitSet::MAX_UNITS).unwrap_or(u128::MAX),
        }
        .into());
    }
    Ok(())
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
