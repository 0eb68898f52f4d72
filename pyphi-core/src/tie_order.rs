//! The order of choice among purviews tied for a core cause or core effect.
//!
//! IIT 3.0 asks for the purview with the largest φ. Where several have it, size decides, and where
//! that does not decide either, nothing in the theory does: programs take the first in some order
//! of theirs, and Φ depends on it. Here that order is a parameter. It only ever decides among
//! purviews of one mechanism and direction with the same φ (within the tolerance) and the same
//! number of units; which partition or cut is called minimal among equals is not touched by it,
//! since no value depends on that.
//!
//! An order is a function of mechanism, direction and purview alone: not of the cut, the search or
//! the threads. So a choice is the same under every cut that leaves the same purviews tied.

use crate::error::{ErrorKind, Result};
use crate::repertoire::Direction;
use crate::split_mix::SplitMix;
use crate::unit_set::{UnitSet, bits};

/// The order in which purviews are preferred that φ and size leave tied.
///
/// ```
/// use pyphi_core::{Numbering, Options, TieOrder, big_phi, fixtures};
///
/// let subsystem = fixtures::or_and_xor();
/// let renamed = TieOrder::Numbering(Numbering::new(&[2, 0, 1])?);
/// let result = big_phi(&subsystem, &Options { tie_order: renamed, ..Options::default() });
/// assert_eq!(result.phi, big_phi(&subsystem, &Options::default()).phi); // nothing is tied here
/// # Ok::<(), pyphi_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TieOrder {
    /// Lexicographically by the numbers of the units: the rule of PyPhi 1.2.0, and of this library
    /// if it is not asked otherwise.
    #[default]
    Lexicographic,
    /// Lexicographically as if the units had these numbers. Φ is that of the network with its units
    /// renumbered so.
    Numbering(Numbering),
    /// By a rank that every mechanism gives every purview in each direction by itself, drawn from
    /// this seed. A wider set of choices than all numberings: it also breaks ties between purviews
    /// that a symmetry of the network maps to each other, differently for each mechanism.
    ///
    /// The rank is `m(m(m(seed) ^ (d << 32 | M)) ^ P)`, smallest first, `m(x)` being the first
    /// number of SplitMix64 in the state x, d = 0 for causes and 1 for effects, M and P the sets of
    /// mechanism and purview with bit k for the k-th unit of the subsystem.
    Seeded(u64),
}

/// Other numbers for the units of a network: unit `i` is called `numbers[i]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Numbering([u8; UnitSet::MAX_UNITS]);

impl Numbering {
    /// The numbering in which unit `i` is called `numbers[i]`; units beyond those keep their
    /// numbers.
    ///
    /// # Errors
    /// If `numbers` is not a permutation of `0..numbers.len()`, or longer than
    /// [`UnitSet::MAX_UNITS`].
    pub fn new(numbers: &[usize]) -> Result<Numbering> {
        let mut seen = 0u64;
        for &number in numbers {
            let is_new = number < numbers.len().min(UnitSet::MAX_UNITS) && seen >> number & 1 == 0;
            if !is_new || numbers.len() > UnitSet::MAX_UNITS {
                return Err(ErrorKind::Numbering { number, n_units: numbers.len() }.into());
            }
            seen |= 1 << number;
        }
        let mut all = Numbering::identity();
        all.0.iter_mut().zip(numbers).for_each(|(to, &number)| *to = number as u8);
        Ok(all)
    }

    fn identity() -> Numbering {
        Numbering(std::array::from_fn(|unit| unit as u8))
    }

    /// The number of unit `i`.
    ///
    /// # Panics
    /// If the unit is not below [`UnitSet::MAX_UNITS`].
    pub fn number(&self, unit: usize) -> usize {
        usize::from(self.0[unit])
    }
}

impl TieOrder {
    /// The order among the units of a subsystem, in its own numbering.
    pub(crate) fn within(self, members: u32) -> LocalOrder {
        match self {
            TieOrder::Lexicographic => LocalOrder::Lexicographic,
            TieOrder::Seeded(seed) => LocalOrder::Seeded(seed),
            TieOrder::Numbering(numbering) => {
                let mut numbers = [0; MAX_LOCAL];
                for (local, unit) in bits(members).enumerate() {
                    let before = |other: &usize| numbering.0[*other] < numbering.0[unit];
                    numbers[local] = bits(members).filter(before).count() as u8;
                }
                LocalOrder::of_numbers(numbers, members.count_ones() as usize)
            }
        }
    }
}

/// The most units a subsystem can have.
const MAX_LOCAL: usize = 16;

/// An order in the numbering of a subsystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum LocalOrder {
    Lexicographic,
    /// The number of each unit. Those beyond the subsystem are 0.
    Numbering([u8; MAX_LOCAL]),
    Seeded(u64),
}

impl LocalOrder {
    fn of_numbers(numbers: [u8; MAX_LOCAL], n: usize) -> LocalOrder {
        let is_identity =
            numbers[..n].iter().enumerate().all(|(unit, &to)| unit == usize::from(to));
        if is_identity { LocalOrder::Lexicographic } else { LocalOrder::Numbering(numbers) }
    }

    /// The order as numbers, which no other order has.
    pub(crate) fn fingerprint(self) -> Vec<u64> {
        match self {
            LocalOrder::Lexicographic => vec![0],
            LocalOrder::Numbering(numbers) => {
                [1].into_iter().chain(numbers.map(u64::from)).collect()
            }
            LocalOrder::Seeded(seed) => vec![2, seed],
        }
    }

    /// The place of a purview among those of its size, for one mechanism: the smallest is chosen.
    pub(crate) fn place(
        self,
        direction: Direction,
        mechanism: u32,
        purview: u32,
    ) -> (u64, std::cmp::Reverse<u32>) {
        // Of two sets of one size, the one that has the lowest unit in which they differ comes
        // first.
        let lexicographic = |set: u32| std::cmp::Reverse(set.reverse_bits());
        let first = match self {
            LocalOrder::Lexicographic => 0,
            LocalOrder::Numbering(numbers) => {
                let renamed = bits(purview).fold(0, |set, unit| set | 1 << numbers[unit]);
                return (0, lexicographic(renamed));
            }
            LocalOrder::Seeded(seed) => {
                let mix = |state: u64| SplitMix(state).next();
                let direction = u64::from(direction == Direction::Effect) << 32;
                mix(mix(mix(seed) ^ (direction | u64::from(mechanism))) ^ u64::from(purview))
            }
        };
        (first, lexicographic(purview))
    }

    /// Different numberings of `n` units, the given one (the identity) first: all of them if those
    /// are at most `n_more + 1`, else that and up to `n_more` drawn from `seed`. Units of one of
    /// the `classes` are interchangeable: of numberings that differ only there, one is listed. The
    /// second value says whether these are all.
    pub(crate) fn numberings(
        n: usize,
        classes: &[u32],
        n_more: u32,
        seed: u64,
    ) -> (Vec<LocalOrder>, bool) {
        let ways = |from: usize, to: usize| (from..=to).map(|it| it as u64).product::<u64>();
        let within: u64 = classes.iter().map(|it| ways(1, it.count_ones() as usize)).product();
        let total = ways(1, n) / within;
        if total <= u64::from(n_more) + 1 {
            let mut all = Vec::with_capacity(total as usize);
            list(n, classes, &mut Vec::with_capacity(n), &mut all);
            return (all, true);
        }
        let mut found = vec![LocalOrder::Lexicographic];
        let mut random = SplitMix(seed);
        for _ in 0..n_more {
            let mut numbers = [0; MAX_LOCAL];
            // Fisher and Yates: a random permutation.
            for unit in 0..n {
                let other = random.below(unit + 1);
                numbers[unit] = numbers[other];
                numbers[other] = unit as u8;
            }
            for &class in classes {
                let mut of_class: Vec<u8> = bits(class).map(|unit| numbers[unit]).collect();
                of_class.sort_unstable();
                bits(class).zip(of_class).for_each(|(unit, number)| numbers[unit] = number);
            }
            let order = LocalOrder::of_numbers(numbers, n);
            if !found.contains(&order) {
                found.push(order);
            }
        }
        (found, false)
    }
}

/// All numberings that begin with `numbers`, in lexicographic order, ascending within each class.
fn list(n: usize, classes: &[u32], numbers: &mut Vec<u8>, all: &mut Vec<LocalOrder>) {
    let unit = numbers.len();
    if unit == n {
        let mut order = [0; MAX_LOCAL];
        order[..n].copy_from_slice(numbers);
        all.push(LocalOrder::of_numbers(order, n));
        return;
    }
    let class = classes.iter().find(|class| **class >> unit & 1 == 1).copied().unwrap_or(0);
    let at_least = bits(class).take_while(|&it| it < unit).map(|it| numbers[it] + 1).last();
    for number in at_least.unwrap_or(0)..n as u8 {
        if !numbers.contains(&number) {
            numbers.push(number);
            list(n, classes, numbers, all);
            numbers.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numberings_are_listed_once_and_are_permutations() {
        for (n, classes, total) in [
            (4, vec![], 24),
            (5, vec![0b11110], 5),
            (5, vec![0b00011, 0b01100], 30),
            (3, vec![0b111], 1),
        ] {
            let (all, complete) = LocalOrder::numberings(n, &classes, total - 1, 7);
            assert!(complete);
            assert_eq!(all.len(), total as usize);
            assert_eq!(all[0], LocalOrder::Lexicographic);
            assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
            if total == 1 {
                continue;
            }
            let (drawn, complete) = LocalOrder::numberings(n, &classes, total - 2, 7);
            assert!(!complete && drawn.len() < all.len());
            assert!(drawn.iter().all(|it| all.contains(it)), "{drawn:?}");
            assert_eq!(drawn, LocalOrder::numberings(n, &classes, total - 2, 7).0);
        }
    }

    #[test]
    fn places_are_those_of_the_renamed_sets() {
        let numbering = Numbering::new(&[2, 0, 3, 1]).unwrap();
        let order = TieOrder::Numbering(numbering).within(0b1011);
        // Units 0, 1, 3 are called 2, 0, 1: so within the subsystem, too.
        let place = |order: LocalOrder, purview| order.place(Direction::Cause, 0b1, purview);
        let mut pairs = [0b011, 0b101, 0b110];
        pairs.sort_by_key(|&it| place(order, it));
        assert_eq!(pairs, [0b110, 0b011, 0b101]);
        let other = LocalOrder::Lexicographic;
        pairs.sort_by_key(|&it| place(other, it));
        assert_eq!(pairs, [0b011, 0b101, 0b110]);
        assert_eq!(TieOrder::Numbering(numbering).within(0b1010), LocalOrder::Lexicographic);
    }

    #[test]
    fn what_is_no_numbering_is_refused() {
        for wrong in [&[0, 0][..], &[1], &[0, 2], &[0; 40]] {
            assert!(Numbering::new(wrong).is_err(), "{wrong:?}");
        }
        let error = Numbering::new(&[0, 3, 1]).unwrap_err().to_string();
        assert_eq!(error, "numbering: 3 is not a number of its own below 3");
    }
}
