//! The order in which PyPhi 2.0-dev meets the candidate purviews of a mechanism: that of a CPython
//! set of tuples. Only [`TiePolicy::Pyphi`](crate::TiePolicy::Pyphi) wants it, to choose among tied
//! purviews as it does.
//!
//! CPython's order is public: the hash of a tuple of small integers is xxHash's mixing step, and a
//! set is an open-addressing table that is read from its first slot to its last.

use super::system::System;
use crate::repertoire::Direction;
use crate::tables::Wiring;
use crate::unit_set::{UnitSet, bits};

/// The candidate purviews of a mechanism, in that order, in the numbering of the system.
pub(crate) fn purviews(system: &System, direction: Direction, mechanism: u32) -> Vec<u32> {
    let network = system.network();
    let inputs = network.units().iter().map(|unit| network.inputs(unit).bits()).collect();
    let wiring = Wiring { inputs, from: 0, to: 0 };
    let mechanism = system.to_network(mechanism).bits();
    // The table is filled for the whole substrate, whatever the system.
    let candidates =
        network.units().subsets_by_size().map(UnitSet::bits).filter(|&purview| match direction {
            Direction::Cause => wiring.is_connected(purview, mechanism),
            Direction::Effect => wiring.is_connected(mechanism, purview),
        });
    let mut table = Table::new();
    candidates.for_each(|purview| table.insert(purview));
    let mut order = table.order();
    order.retain(|&purview| UnitSet::from_bits(purview).is_subset(system.units()));
    order.into_iter().map(|purview| system.local(UnitSet::from_bits(purview))).collect()
}

/// The hash of the tuple of the units of a set, in order.
fn hash(set: u32) -> u64 {
    const PRIMES: [u64; 3] =
        [11_400_714_785_074_694_791, 14_029_467_366_897_019_727, 2_870_177_450_012_600_261];
    let mut sum = PRIMES[2];
    for unit in bits(set) {
        sum = sum.wrapping_add((unit as u64).wrapping_mul(PRIMES[1]));
        sum = sum.rotate_left(31).wrapping_mul(PRIMES[0]);
    }
    sum = sum.wrapping_add(u64::from(set.count_ones()) ^ (PRIMES[2] ^ 3_527_539));
    if sum == u64::MAX { 1_546_275_796 } else { sum }
}

/// An open-addressing table of sets, none of them empty.
struct Table {
    slots: Vec<u32>,
    used: usize,
}

impl Table {
    /// The number of slots after the first that are tried before the next jump.
    const LINEAR_PROBES: usize = 9;

    fn new() -> Table {
        Table { slots: vec![0; 8], used: 0 }
    }

    fn insert(&mut self, set: u32) {
        self.place(set);
        self.used += 1;
        if 5 * self.used >= 3 * (self.slots.len() - 1) {
            let n_slots = (4 * self.used + 1).next_power_of_two().max(8);
            let old = std::mem::replace(&mut self.slots, vec![0; n_slots]);
            old.into_iter().filter(|&it| it != 0).for_each(|it| self.place(it));
        }
    }

    fn place(&mut self, set: u32) {
        let mask = self.slots.len() - 1;
        let mut perturb = hash(set);
        let mut at = perturb as usize & mask;
        loop {
            let last = if at + Self::LINEAR_PROBES <= mask { at + Self::LINEAR_PROBES } else { at };
            if let Some(free) = (at..=last).find(|&it| self.slots[it] == 0) {
                self.slots[free] = set;
                return;
            }
            perturb >>= 5;
            at = at.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb as usize) & mask;
        }
    }

    fn order(&self) -> Vec<u32> {
        self.slots.iter().copied().filter(|&it| it != 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(n: usize) -> Vec<u32> {
        let mut table = Table::new();
        UnitSet::all(n).subsets_by_size().for_each(|set| table.insert(set.bits()));
        table.order()
    }

    #[test]
    fn as_cpython_iterates() {
        assert_eq!(order(2), [0b01, 0b10, 0b11]);
        assert_eq!(order(3), [0b011, 0b100, 0b110, 0b111, 0b010, 0b101, 0b001]);
    }

    #[test]
    fn nothing_is_lost_when_the_table_grows() {
        let mut all = order(7);
        all.sort_unstable();
        assert_eq!(all, (1..128).collect::<Vec<u32>>());
    }
}
