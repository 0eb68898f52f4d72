//! Sets of units, as bits.
//!
//! Everything combinatorial in the theory (mechanisms, purviews, parts, cuts) is a set of units,
//! and every order the theory needs is an order of such sets: [`UnitSet::cmp_by_size`].

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A set of units: bit `i` is unit `i`, so at most 32 units. `Debug` and `Display` print `{0,2}`,
/// JSON has `[0,2]`.
///
/// ```
/// use pyphi_core::UnitSet;
///
/// let set: UnitSet = [0, 2].into_iter().collect();
/// assert_eq!(set.to_string(), "{0,2}");
/// assert_eq!(set.iter().collect::<Vec<_>>(), [0, 2]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct UnitSet(u32);

impl UnitSet {
    /// The most units a set can name.
    pub const MAX_UNITS: usize = 32;
    /// The set without units.
    pub const EMPTY: UnitSet = UnitSet(0);

    /// The units `0..n`.
    ///
    /// # Panics
    /// If `n > 32`.
    pub fn all(n: usize) -> UnitSet {
        assert!(n <= Self::MAX_UNITS, "a UnitSet holds at most 32 units, not {n}");
        UnitSet(if n == 32 { u32::MAX } else { (1 << n) - 1 })
    }

    /// The set whose bit `i` is unit `i`.
    pub const fn from_bits(bits: u32) -> UnitSet {
        UnitSet(bits)
    }

    /// Bit `i` is unit `i`.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Number of units in the set.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Returns `true` if the set has no unit.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns `true` if `unit` is in the set.
    pub const fn contains(self, unit: usize) -> bool {
        unit < Self::MAX_UNITS && self.0 >> unit & 1 == 1
    }

    /// Returns `true` if every unit of `self` is in `other`.
    pub const fn is_subset(self, other: UnitSet) -> bool {
        self.0 & !other.0 == 0
    }

    /// Units in either set.
    #[must_use]
    pub const fn union(self, other: UnitSet) -> UnitSet {
        UnitSet(self.0 | other.0)
    }

    /// Units in both sets.
    #[must_use]
    pub const fn intersection(self, other: UnitSet) -> UnitSet {
        UnitSet(self.0 & other.0)
    }

    /// Units of `self` that are not in `other`.
    #[must_use]
    pub const fn difference(self, other: UnitSet) -> UnitSet {
        UnitSet(self.0 & !other.0)
    }

    /// The units, lowest first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        bits(self.0)
    }

    /// The non-empty subsets, by size and then lexicographically: the order of mechanisms and
    /// purviews.
    ///
    /// ```
    /// use pyphi_core::UnitSet;
    ///
    /// let order = UnitSet::all(3).subsets_by_size().map(|it| it.to_string());
    /// let order: Vec<String> = order.collect();
    /// assert_eq!(order, ["{0}", "{1}", "{2}", "{0,1}", "{0,2}", "{1,2}", "{0,1,2}"]);
    /// ```
    pub fn subsets_by_size(self) -> impl Iterator<Item = UnitSet> {
        let mut subsets: Vec<UnitSet> =
            submasks(self.0).filter(|&it| it != 0).map(UnitSet).collect();
        subsets.sort_by(|a, b| a.cmp_by_size(*b));
        subsets.into_iter()
    }

    /// Smaller sets first, sets of one size in lexicographic order of their sorted units.
    pub fn cmp_by_size(self, other: UnitSet) -> Ordering {
        self.len().cmp(&other.len()).then_with(|| cmp_lexicographic(self.0, other.0))
    }
}

impl FromIterator<usize> for UnitSet {
    /// # Panics
    /// If a unit is 32 or more.
    fn from_iter<I: IntoIterator<Item = usize>>(units: I) -> UnitSet {
        UnitSet(units.into_iter().fold(0, |bits, unit| {
            assert!(unit < Self::MAX_UNITS, "a UnitSet holds the units 0 to 31, not {unit}");
            bits | 1 << unit
        }))
    }
}

impl From<UnitSet> for Vec<usize> {
    fn from(set: UnitSet) -> Vec<usize> {
        set.iter().collect()
    }
}

impl TryFrom<Vec<usize>> for UnitSet {
    type Error = String;

    fn try_from(units: Vec<usize>) -> Result<UnitSet, String> {
        match units.iter().find(|&&unit| unit >= UnitSet::MAX_UNITS) {
            Some(unit) => Err(format!("unit {unit}, expected a unit from 0 to 31")),
            None => Ok(units.into_iter().collect()),
        }
    }
}

impl fmt::Display for UnitSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (idx, unit) in self.iter().enumerate() {
            if idx > 0 {
                f.write_str(",")?;
            }
            write!(f, "{unit}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for UnitSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Lexicographic order of two sets of the same size, as sorted lists of units.
#[inline]
pub(crate) fn cmp_lexicographic(a: u32, b: u32) -> Ordering {
    // The lists agree up to the lowest unit in which the sets differ; the set that has it comes
    // first.
    let lowest = (a ^ b) & (a ^ b).wrapping_neg();
    if lowest == 0 {
        Ordering::Equal
    } else if a & lowest != 0 {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

/// Indices of the bits of `mask`, lowest first.
#[inline]
pub(crate) fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let bit = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            bit
        })
    })
}

/// All subsets of `mask`, the empty one and `mask` included, in increasing numerical order.
#[inline]
pub(crate) fn submasks(mask: u32) -> impl Iterator<Item = u32> + Clone {
    let mut next = Some(0u32);
    std::iter::from_fn(move || {
        let current = next?;
        next = (current != mask).then(|| current.wrapping_sub(mask) & mask);
        Some(current)
    })
}

/// Moves the low bits of `index` to the positions of the bits of `mask`.
#[inline]
pub(crate) fn deposit(index: u32, mask: u32) -> u32 {
    if is_lowest(mask) {
        return index & mask;
    }
    bits(mask).enumerate().fold(0, |out, (k, bit)| out | (index >> k & 1) << bit)
}

/// Returns `true` if the bits of `mask` are the lowest ones, so that they are where they are
/// gathered to.
#[inline]
fn is_lowest(mask: u32) -> bool {
    mask & mask.wrapping_add(1) == 0
}

/// Gathers the bits of `value` at the positions of `mask` into the low bits.
#[inline]
pub(crate) fn extract(value: u32, mask: u32) -> u32 {
    if is_lowest(mask) {
        return value & mask;
    }
    if let Some(gathered) = GATHERED.get(mask as usize) {
        return u32::from(gathered[(value & mask) as usize % FEW_STATES]);
    }
    bits(mask).enumerate().fold(0, |out, (k, bit)| out | (value >> bit & 1) << k)
}

/// The states of five units.
const FEW_STATES: usize = 32;

/// By mask and value: [`extract`].
static GATHERED: [[u8; FEW_STATES]; FEW_STATES] = {
    let mut all = [[0; FEW_STATES]; FEW_STATES];
    let mut entry = 0;
    while entry < FEW_STATES * FEW_STATES {
        let (mask, value) = (entry / FEW_STATES, entry % FEW_STATES);
        let (mut unit, mut place) = (0, 0);
        while unit < 5 {
            if mask >> unit & 1 == 1 {
                all[mask][value] |= ((value >> unit & 1) << place) as u8;
                place += 1;
            }
            unit += 1;
        }
        entry += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submasks_are_all_and_ordered() {
        assert_eq!(submasks(0b101).collect::<Vec<_>>(), [0, 1, 4, 5]);
        assert_eq!(submasks(0).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn deposit_and_extract_are_inverse() {
        for mask in [0b1011u32, 0b11010, 0b101010, 0b1110100] {
            for index in 0..1 << mask.count_ones() {
                assert_eq!(extract(deposit(index, mask) | !mask, mask), index);
            }
        }
    }

    #[test]
    fn all_reaches_the_last_unit() {
        assert_eq!(UnitSet::all(32).len(), 32);
        assert_eq!(UnitSet::all(0), UnitSet::EMPTY);
    }
}
