//! Alphabets: how many values each unit has, and the numbering of states that follows from it.
//!
//! A state of units with k_0, k_1, … values is a number in mixed radix, the first unit fastest:
//! `v_0 + k_0·(v_1 + k_1·(v_2 + …))`. With two values each that is one bit a unit, unit 0 lowest.
//! Values are names: nothing here or above uses their order or distance.

use std::fmt;

use crate::error::{ErrorKind, Result};
use crate::unit_set::{UnitSet, bits, deposit, extract};

/// The number of values of each unit: at least two each. Prints as `(3,2,2)`.
///
/// ```
/// use pyphi_core::Alphabet;
///
/// let alphabet = Alphabet::new(&[3, 2])?;
/// assert_eq!(alphabet.n_states(), 6);
/// assert_eq!(alphabet.values(4), [1, 1]); // 00, 10, 20, 01, 11, 21
/// assert_eq!(alphabet.row(&[1, 1]), 4);
/// # Ok::<(), pyphi_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Alphabet {
    sizes: Vec<u32>,
    /// By unit: the product of the sizes of the units before it.
    strides: Vec<u32>,
    is_binary: bool,
}

impl Alphabet {
    /// The most values of a unit.
    pub const MOST_VALUES: usize = 256;

    /// The alphabet of units with so many values, unit 0 first.
    ///
    /// # Errors
    /// If there are more than 32 units, a unit has less than 2 values or more than
    /// [`Alphabet::MOST_VALUES`], or there are more than 2³² states.
    pub fn new(sizes: &[usize]) -> Result<Alphabet> {
        check_unit_count(sizes.len())?;
        if let Some(unit) = sizes.iter().position(|k| !(2..=Self::MOST_VALUES).contains(k)) {
            return Err(ErrorKind::Values { unit, found: sizes[unit] }.into());
        }
        let n_states = sizes.iter().fold(1u128, |product, &k| product.saturating_mul(k as u128));
        let most_states = 1u128 << 32;
        if n_states > most_states {
            return Err(ErrorKind::TooManyStates { n_states, most_states }.into());
        }
        Ok(Alphabet::of_checked(sizes.iter().map(|&k| k as u32).collect()))
    }

    /// The alphabet of `n` units with two values each.
    ///
    /// # Panics
    /// If `n > 32`.
    pub fn binary(n: usize) -> Alphabet {
        assert!(n <= UnitSet::MAX_UNITS, "an alphabet holds at most 32 units, not {n}");
        Alphabet::of_checked(vec![2; n])
    }

    fn of_checked(sizes: Vec<u32>) -> Alphabet {
        let mut next = 1u64;
        let stride = |&k: &u32| {
            let stride = next as u32;
            next *= u64::from(k);
            stride
        };
        let strides = sizes.iter().map(stride).collect();
        Alphabet { is_binary: sizes.iter().all(|&k| k == 2), strides, sizes }
    }

    /// Number of units.
    pub fn n_units(&self) -> usize {
        self.sizes.len()
    }

    /// Number of values of each unit.
    pub fn sizes(&self) -> Vec<usize> {
        self.sizes.iter().map(|&k| k as usize).collect()
    }

    /// Number of values of a unit.
    pub fn size(&self, unit: usize) -> usize {
        self.sizes[unit] as usize
    }

    /// Returns `true` if every unit has two values.
    pub fn is_binary(&self) -> bool {
        self.is_binary
    }

    /// Number of states.
    pub fn n_states(&self) -> usize {
        if self.is_binary {
            return 1 << self.sizes.len();
        }
        self.sizes.iter().map(|&k| k as usize).product()
    }

    /// The number of a state: its row in a TPM.
    ///
    /// # Panics
    /// If there is not one value for each unit, or a unit does not have its value.
    pub fn row(&self, values: &[u8]) -> usize {
        assert_eq!(values.len(), self.n_units(), "one value for each unit");
        let digit = |(unit, &value): (usize, &u8)| {
            assert!(u32::from(value) < self.sizes[unit], "unit {unit} has no value {value}");
            value as usize * self.strides[unit] as usize
        };
        values.iter().enumerate().map(digit).sum()
    }

    /// The values of the state of this number, unit 0 first.
    pub fn values(&self, row: usize) -> Vec<u8> {
        (0..self.n_units()).map(|unit| self.value(row as u32, unit) as u8).collect()
    }

    /// # Errors
    /// If there is not one value for each unit, or a unit does not have its value.
    pub(crate) fn check(&self, values: &[u8]) -> Result<()> {
        let (found, expected) = (values.len(), self.n_units());
        if found != expected {
            return Err(ErrorKind::StateLength { found, expected }.into());
        }
        match values.iter().zip(&self.sizes).position(|(&value, &k)| u32::from(value) >= k) {
            None => Ok(()),
            Some(unit) => {
                let value = values[unit].to_string();
                Err(match self.sizes[unit] {
                    2 => ErrorKind::StateEntry { unit, value },
                    k => ErrorKind::StateValue { unit, value, last: k as usize - 1 },
                }
                .into())
            }
        }
    }

    /// The alphabet of some of the units, numbered among themselves.
    pub(crate) fn of_units(&self, units: u32) -> Alphabet {
        Alphabet::of_checked(bits(units).map(|unit| self.sizes[unit]).collect())
    }

    /// Number of states of some of the units.
    pub(crate) fn n_states_of(&self, units: u32) -> usize {
        if self.is_binary {
            return 1 << units.count_ones();
        }
        bits(units).map(|unit| self.sizes[unit] as usize).product()
    }

    /// Returns the difference that a step of a unit to its next value makes to the number of a
    /// state.
    pub(crate) fn stride(&self, unit: usize) -> usize {
        self.strides[unit] as usize
    }

    /// The value of a unit in a state.
    #[inline]
    pub(crate) fn value(&self, state: u32, unit: usize) -> u32 {
        if self.is_binary {
            state >> unit & 1
        } else {
            state / self.strides[unit] % self.sizes[unit]
        }
    }

    /// The same state with every unit but these in value 0.
    pub(crate) fn masked(&self, state: u32, units: u32) -> u32 {
        if self.is_binary {
            return state & units;
        }
        bits(units).map(|unit| self.value(state, unit) * self.strides[unit]).sum()
    }

    /// The number of a state among those of `units` alone.
    #[inline]
    pub(crate) fn part(&self, state: u32, units: u32) -> u32 {
        if self.is_binary {
            return extract(state, units);
        }
        let (mut part, mut stride) = (0, 1);
        for unit in bits(units) {
            part += self.value(state, unit) * stride;
            stride *= self.sizes[unit];
        }
        part
    }

    /// The state of all units in which `units` are in the state `part` among their own and all
    /// others in value 0.
    #[inline]
    pub(crate) fn whole(&self, mut part: u32, units: u32) -> u32 {
        if self.is_binary {
            return deposit(part, units);
        }
        let mut state = 0;
        for unit in bits(units) {
            state += part % self.sizes[unit] * self.strides[unit];
            part /= self.sizes[unit];
        }
        state
    }

    /// The states of `units`, in order, all others in value 0.
    pub(crate) fn states_of(&self, units: u32) -> StatesOf<'_> {
        StatesOf { alphabet: self, units, next: Some(0) }
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

impl fmt::Display for Alphabet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.sizes.iter().map(u32::to_string).collect();
        write!(f, "({})", sizes.join(","))
    }
}

impl fmt::Debug for Alphabet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Lists states: see [`Alphabet::states_of`].
#[derive(Debug, Clone)]
pub(crate) struct StatesOf<'a> {
    alphabet: &'a Alphabet,
    units: u32,
    next: Option<u32>,
}

impl Iterator for StatesOf<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let current = self.next?;
        let Alphabet { sizes, strides, is_binary } = self.alphabet;
        if *is_binary {
            let is_last = current == self.units;
            self.next = (!is_last).then(|| current.wrapping_sub(self.units) & self.units);
            return Some(current);
        }
        let mut state = current;
        self.next = None;
        for unit in bits(self.units) {
            let value = self.alphabet.value(state, unit);
            if value + 1 < sizes[unit] {
                self.next = Some(state + strides[unit]);
                break;
            }
            state -= value * strides[unit];
        }
        Some(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_numbers_in_mixed_radix() {
        let alphabet = Alphabet::new(&[3, 2, 4]).expect("an alphabet");
        let all: Vec<u32> = alphabet.states_of(0b111).collect();
        assert_eq!(all, (0..24).collect::<Vec<u32>>());
        assert_eq!(alphabet.states_of(0b101).count(), 12);
        assert_eq!(alphabet.states_of(0).collect::<Vec<_>>(), [0]);
        for state in all {
            assert_eq!(alphabet.row(&alphabet.values(state as usize)), state as usize);
            for units in 0..8 {
                let part = alphabet.part(state, units);
                assert!((part as usize) < alphabet.n_states_of(units));
                assert_eq!(alphabet.whole(part, units), alphabet.masked(state, units));
                let own = alphabet.of_units(units);
                for (idx, unit) in bits(units).enumerate() {
                    assert_eq!(own.value(part, idx), alphabet.value(state, unit));
                }
            }
        }
    }

    #[test]
    fn two_values_are_bits() {
        let alphabet = Alphabet::new(&[2; 5]).expect("an alphabet");
        assert_eq!(alphabet, Alphabet::binary(5));
        // The same by the rules of mixed radix.
        let mixed = Alphabet { is_binary: false, ..alphabet.clone() };
        for units in 0..32 {
            assert!(alphabet.states_of(units).eq(mixed.states_of(units)));
            for state in 0..32 {
                assert_eq!(alphabet.part(state, units), mixed.part(state, units));
                assert_eq!(alphabet.whole(state, units), mixed.whole(state, units));
                assert_eq!(alphabet.masked(state, units), mixed.masked(state, units));
            }
        }
    }

    #[test]
    fn what_is_no_alphabet_is_an_error() {
        let message = |sizes: &[usize]| Alphabet::new(sizes).expect_err("an error").to_string();
        assert_eq!(
            message(&[3, 1]),
            "alphabet[1]: 1, expected 2 to 256 values (a unit with one value is a constant)"
        );
        assert!(message(&[256; 5]).contains("1099511627776 states"));
        // As many as no number of 128 bits can say.
        for n in [16, 17, 32] {
            assert!(message(&vec![256; n]).contains(&format!("{} states", u128::MAX)));
        }
    }
}
