//! Tables by what is known of some units: a set of them and its state.
//!
//! Whatever a cut or a partition hides from a unit, what it says is the mean over what it does not
//! know; so one table with an entry for each set of known units and its state serves all of them.

use crate::alphabet::Alphabet;
use crate::limits::steps;
use crate::unit_set::{UnitSet, bits};

/// Numbers the pairs of a set of known units and their state: a unit with k values has a digit to
/// the base k + 1, which is 0 if it is not known and 1 + v if it has the value v. (With two values
/// that is base 3: 1 if it is OFF and 2 if it is ON.)
#[derive(Debug, Clone)]
pub(crate) struct KnownIndex {
    pub(crate) alphabet: Alphabet,
    /// By set: the sum of the places of the digits of its units.
    pub(crate) powers: Vec<u32>,
    /// By index: the first unit that is not known; [`KnownIndex::NONE`] if all are.
    first_unknown: Vec<u8>,
    /// The indices of the states of a set, by set, where units have more than two values.
    pub(crate) places: Vec<Vec<u32>>,
}

impl KnownIndex {
    const NONE: u8 = u8::MAX;

    pub(crate) fn new(alphabet: &Alphabet) -> KnownIndex {
        let n = alphabet.n_units();
        let mut powers = vec![0u32; 1 << n];
        let mut n_entries = 1u32;
        for unit in 0..n {
            let (without, with) = powers[..2 << unit].split_at_mut(1 << unit);
            with.iter_mut().zip(without).for_each(|(with, without)| *with = *without + n_entries);
            n_entries *= alphabet.size(unit) as u32 + 1;
        }
        let mut first_unknown = Vec::with_capacity(n_entries as usize);
        first_unknown.push(KnownIndex::NONE);
        // Digits in front of those that there are.
        for unit in (0..n).rev() {
            let behind = std::mem::take(&mut first_unknown);
            for first in behind {
                first_unknown.push(unit as u8);
                first_unknown.extend(std::iter::repeat_n(first, alphabet.size(unit)));
            }
        }
        let mut index =
            KnownIndex { alphabet: alphabet.clone(), powers, first_unknown, places: Vec::new() };
        if !alphabet.is_binary() {
            index.places = (0..1u32 << n).map(|known| index.places_of(known)).collect();
        }
        index
    }

    fn places_of(&self, known: u32) -> Vec<u32> {
        let mut places = vec![self.powers[known as usize]];
        for unit in bits(known) {
            let (so_far, place) = (places.len(), self.powers[1 << unit]);
            for value in 1..self.alphabet.size(unit) as u32 {
                places.extend_from_within(..so_far);
                let added = places.len() - so_far..;
                places[added].iter_mut().for_each(|it| *it += value * place);
            }
        }
        places
    }

    #[inline]
    pub(crate) fn at(&self, known: u32, z: u32) -> usize {
        if self.alphabet.is_binary() {
            return (self.powers[known as usize] + self.powers[(known & z) as usize]) as usize;
        }
        self.at_of_values(known, z)
    }

    /// Apart, so that the short way is short.
    #[inline(never)]
    fn at_of_values(&self, known: u32, z: u32) -> usize {
        let digit = |unit: usize| self.powers[1 << unit] * (1 + self.alphabet.value(z, unit));
        bits(known).map(digit).sum::<u32>() as usize
    }

    pub(crate) fn n_entries(&self) -> usize {
        self.first_unknown.len()
    }

    /// The function `f` of all units' state, and its uniform averages over the units that are not
    /// known.
    pub(crate) fn tabulate(&self, f: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut table = Vec::new();
        self.tabulate_into(f, &mut table);
        table
    }

    pub(crate) fn tabulate_into(&self, f: impl Fn(usize) -> f64, table: &mut Vec<f64>) {
        table.resize(self.n_entries(), 0.0);
        self.fill(f, f64::midpoint, mean, table);
    }

    /// The same in any kind of number.
    pub(crate) fn fill<T: Copy>(
        &self,
        f: impl Fn(usize) -> T,
        midpoint: impl Fn(T, T) -> T,
        mean: impl Fn(&mut dyn Iterator<Item = T>) -> T,
        table: &mut [T],
    ) {
        steps(2 * table.len());
        let all = UnitSet::all(self.alphabet.n_units()).bits();
        if let Some(places) = self.places.get(all as usize) {
            for (state, &at) in places.iter().enumerate() {
                table[at as usize] = f(state);
            }
            for index in (0..table.len()).rev() {
                let unit = usize::from(self.first_unknown[index]);
                if unit == usize::from(KnownIndex::NONE) {
                    continue;
                }
                let (k, place) = (self.alphabet.size(unit), self.powers[1 << unit] as usize);
                table[index] = mean(&mut (1..=k).map(|value| table[index + value * place]));
            }
            return;
        }
        for state in 0..=all {
            table[self.at(all, state)] = f(state as usize);
        }
        for index in (0..table.len()).rev() {
            let unit = self.first_unknown[index];
            if unit != KnownIndex::NONE {
                let power = self.powers[1 << unit] as usize;
                table[index] = midpoint(table[index + power], table[index + 2 * power]);
            }
        }
    }
}

/// The mean of some numbers, which are not none.
pub(crate) fn mean(of: &mut dyn Iterator<Item = f64>) -> f64 {
    let (sum, n) = of.fold((0.0, 0u32), |(sum, n), it| (sum + it, n + 1));
    sum / f64::from(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_units_are_averaged() {
        for sizes in [[2, 2, 2], [3, 2, 4], [2, 3, 2]] {
            let alphabet = Alphabet::new(&sizes).expect("an alphabet");
            let index = KnownIndex::new(&alphabet);
            let n_states = alphabet.n_states() as u32;
            let f = |s: usize| (s * s) as f64;
            let table = index.tabulate(f);
            for known in 0..8u32 {
                for (part, z) in alphabet.states_of(known).enumerate() {
                    let agree = (0..n_states).filter(|&s| alphabet.masked(s, known) == z);
                    let sum: f64 = agree.clone().map(|s| f(s as usize)).sum();
                    let mean = sum / agree.count() as f64;
                    assert!((table[index.at(known, z)] - mean).abs() < 1e-12);
                    if let Some(places) = index.places.get(known as usize) {
                        assert_eq!(places[part] as usize, index.at(known, z));
                    }
                }
            }
        }
    }
}
