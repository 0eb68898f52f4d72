//! The choice among pairs of system states that tie in intrinsic information and in φ_s.
//!
//! If the system is the whole substrate the choice does not depend on how its units are numbered, as far as
//! the substrate itself tells them apart: a state is compared in the numberings that make the TPM smallest,
//! among those that leave the connectivity as it is.

use std::cmp::Ordering;

use super::system::System;

/// The index of the first of some pairs (cause state, effect state) that tie; they are in the order of the
/// enumeration. For a part of a substrate that is the first one.
pub(crate) fn first_pair(system: &System, pairs: &[(u32, u32)]) -> usize {
    if pairs.len() < 2 || system.n != system.network().n_units() {
        return 0;
    }
    let mut search = Numberings::new(system);
    search.extend(&mut Vec::with_capacity(system.n), 0, Ordering::Equal);
    let canon = |state: u32| {
        let renumbered = |order: &Vec<usize>| -> Vec<u32> {
            order.iter().map(|&unit| state >> unit & 1).collect()
        };
        search.best.iter().map(renumbered).min().expect("the identity is a numbering")
    };
    (0..pairs.len())
        .min_by_key(|&idx| (canon(pairs[idx].0), canon(pairs[idx].1)))
        .expect("at least two pairs")
}

/// The numberings p (unit `p[i]` is called i) that leave the connectivity as it is and make the array
/// `A[t_0]..[t_(n-1)][i][v]` = P(unit `p[i]` = v | unit `p[j]` is in state `t_j`) smallest, as the raw bytes of
/// little-endian floats rounded to 12 decimals.
struct Numberings<'a> {
    system: &'a System,
    /// By state and unit: P(OFF) and P(ON), as numbers that compare like the bytes.
    keys: Vec<Vec<[u64; 2]>>,
    best: Vec<Vec<usize>>,
}

impl<'a> Numberings<'a> {
    fn new(system: &'a System) -> Numberings<'a> {
        let tpm = system.network().tpm();
        let key = |p: f64| ((p * 1e12).round_ties_even() / 1e12).to_bits().swap_bytes();
        let keys = (0..tpm.n_states())
            .map(|row| tpm.row(row).iter().map(|&on| [key(1.0 - on), key(on)]).collect())
            .collect();
        Numberings { system, keys, best: Vec::new() }
    }

    /// Extends a numbering of some units by one more. The entries of the state in which all are OFF come first
    /// in the array, unit by unit: `against_best` is how they compare with the best so far.
    fn extend(&mut self, order: &mut Vec<usize>, used: u32, against_best: Ordering) {
        let n = self.system.n;
        if order.len() == n {
            return self.compare(order);
        }
        let inputs = &self.system.wiring.inputs;
        let connects = |from: usize, to: usize| inputs[to] >> from & 1;
        let at = order.len();
        let mut candidates: Vec<usize> = (0..n)
            .filter(|&unit| {
                used >> unit & 1 == 0
                    && connects(unit, unit) == connects(at, at)
                    && order.iter().enumerate().all(|(idx, &other)| {
                        connects(other, unit) == connects(idx, at)
                            && connects(unit, other) == connects(at, idx)
                    })
            })
            .collect();
        // Smallest first, so that there soon is something to compare with.
        candidates.sort_by_key(|&unit| (self.keys[0][unit], unit));
        for unit in candidates {
            let order_now = match (against_best, self.best.first()) {
                (Ordering::Equal, Some(best)) => self.keys[0][unit].cmp(&self.keys[0][best[at]]),
                _ => against_best,
            };
            if order_now == Ordering::Greater {
                break;
            }
            order.push(unit);
            self.extend(order, used | 1 << unit, order_now);
            order.pop();
        }
    }

    fn compare(&mut self, order: &[usize]) {
        let Some(best) = self.best.first() else {
            self.best.push(order.to_vec());
            return;
        };
        match self.array(order).cmp(self.array(best)) {
            Ordering::Less => self.best = vec![order.to_vec()],
            Ordering::Equal => self.best.push(order.to_vec()),
            Ordering::Greater => {}
        }
    }

    /// The array, entry by entry, the last index fastest.
    fn array<'b>(&'b self, order: &'b [usize]) -> impl Iterator<Item = [u64; 2]> + 'b {
        let n = order.len();
        (0..1usize << n).flat_map(move |position| {
            // The first index, t_0, varies slowest.
            let state: usize = order
                .iter()
                .enumerate()
                .map(|(idx, &unit)| (position >> (n - 1 - idx) & 1) << unit)
                .sum();
            order.iter().map(move |&unit| self.keys[state][unit])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn numberings_that_change_nothing_are_all_found() {
        let system = System::new(&fixtures::complete_majority(4)).expect("a reachable state");
        let mut search = Numberings::new(&system);
        search.extend(&mut Vec::new(), 0, Ordering::Equal);
        assert_eq!(search.best.len(), 24);
        let system = System::new(&fixtures::or_and_xor()).expect("a reachable state");
        let mut search = Numberings::new(&system);
        search.extend(&mut Vec::new(), 0, Ordering::Equal);
        assert_eq!(search.best.len(), 1);
    }
}
