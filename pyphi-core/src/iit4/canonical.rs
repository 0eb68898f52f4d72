//! The choice among pairs of system states that tie in intrinsic information and in φ_s.
//!
//! If the system is the whole substrate the choice does not depend on how its units are numbered,
//! as far as the substrate itself tells them apart: a state is compared in the numberings that make
//! the TPM smallest, among those that leave the connectivity as it is.

use std::cmp::Ordering;

use super::system::System;
use crate::limits::{Stop, steps};

/// The index of the first of some pairs (cause state, effect state) that tie; they are in the order
/// of the enumeration. For a part of a substrate that is the first one, and if the analysis is to
/// stop.
pub(crate) fn first_pair(system: &System, pairs: &[(u32, u32)], stop: &Stop) -> usize {
    let first = |forms: &Vec<Form>| (0..pairs.len()).min_by_key(|&idx| &forms[idx]);
    forms(system, pairs, stop).as_ref().and_then(first).unwrap_or(0)
}

/// The indices of such pairs, the first one first: the order does not depend on the numbering of
/// the units where the first one does not.
pub(crate) fn in_order(system: &System, pairs: &[(u32, u32)], stop: &Stop) -> Vec<usize> {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    if let Some(forms) = forms(system, pairs, stop) {
        order.sort_by_key(|&idx| &forms[idx]);
    }
    order
}

/// The smallest forms of a cause state and of an effect state.
type Form = (Vec<u32>, Vec<u32>);

/// The forms by which pairs are compared; `None` for a part of a substrate, where there is nothing
/// to compare, and if the analysis is to stop.
fn forms(system: &System, pairs: &[(u32, u32)], stop: &Stop) -> Option<Vec<Form>> {
    if pairs.len() < 2 || system.n != system.network().n_units() {
        return None;
    }
    let mut search = Numberings::new(system, stop);
    search.extend(&mut Vec::with_capacity(system.n), 0, Ordering::Equal);
    let form = |&(cause, effect): &(u32, u32)| {
        (!stop.is_due()).then(|| (search.canon(cause), search.canon(effect)))
    };
    pairs.iter().map(form).collect()
}

/// The numberings p (unit `p[i]` is called i) that leave the connectivity as it is and make the
/// array `A[t_0]..[t_(n-1)][i][v]` = P(unit `p[i]` = v | unit `p[j]` is in state `t_j`) smallest,
/// as the raw bytes of little-endian floats rounded to 12 decimals.
///
/// Units that can be exchanged without changing connectivity or TPM (twins) make the same array in
/// whatever order they come: only their increasing order is tried. Without that a symmetric system
/// of 9 units has 362,880 numberings.
///
/// Only units with as many values are exchanged.
struct Numberings<'a> {
    system: &'a System,
    /// By state, unit and value: the probabilities, as numbers that compare like the bytes.
    keys: Vec<u64>,
    /// By unit: where its values begin among the keys of a state.
    starts: Vec<usize>,
    /// By unit: the first of its twins, itself included.
    twin: Vec<usize>,
    best: Vec<Vec<usize>>,
    stop: &'a Stop,
}

impl<'a> Numberings<'a> {
    fn new(system: &'a System, stop: &'a Stop) -> Numberings<'a> {
        let tpm = system.network().tpm();
        let key = |p: f64| ((p * 1e12).round_ties_even() / 1e12).to_bits().swap_bytes();
        let alphabet = &system.alphabet;
        let of_unit = |row: usize, unit: usize| {
            (0..alphabet.size(unit)).map(move |value| key(tpm.probability(row, unit, value)))
        };
        let keys: Vec<u64> = (0..tpm.n_states())
            .flat_map(|row| (0..system.n).flat_map(move |unit| of_unit(row, unit)))
            .collect();
        let mut starts = vec![0];
        starts.extend(alphabet.sizes().iter().scan(0, |end, k| {
            *end += k;
            Some(*end)
        }));
        let mut found =
            Numberings { system, keys, starts, twin: Vec::new(), best: Vec::new(), stop };
        let inputs = &system.wiring.inputs;
        let are_twins = |u: usize, v: usize| {
            let unit = |w: usize| {
                if w == u {
                    v
                } else if w == v {
                    u
                } else {
                    w
                }
            };
            let swapped = |set: usize| {
                let differs = (set >> u ^ set >> v) & 1;
                set ^ (differs << u | differs << v)
            };
            let with_values_swapped = |s: usize| {
                let [of_u, of_v] = [u, v].map(|it| alphabet.value(s as u32, it) as usize);
                let [to_u, to_v] = [u, v].map(|it| alphabet.stride(it));
                s - of_u * to_u - of_v * to_v + of_v * to_u + of_u * to_v
            };
            let has_same_keys = |s: usize| {
                (0..system.n)
                    .all(|w| found.keys(s, w) == found.keys(with_values_swapped(s), unit(w)))
            };
            alphabet.size(u) == alphabet.size(v)
                && (0..system.n).all(|w| swapped(inputs[w] as usize) == inputs[unit(w)] as usize)
                && (0..tpm.n_states()).all(has_same_keys)
        };
        found.twin =
            (0..system.n).map(|v| (0..v).find(|&u| are_twins(u, v)).unwrap_or(v)).collect();
        found
    }

    /// The keys of a unit after a state.
    fn keys(&self, state: usize, unit: usize) -> &[u64] {
        let of_state = state * self.starts[self.system.n];
        &self.keys[of_state + self.starts[unit]..of_state + self.starts[unit + 1]]
    }

    /// The smallest form of a state. Twins come in every order, so in each numbering those with
    /// smaller values come first.
    fn canon(&self, state: u32) -> Vec<u32> {
        steps(8 * self.system.n * self.best.len());
        let value = |unit: usize| self.system.alphabet.value(state, unit);
        let renumbered = |order: &Vec<usize>| -> Vec<u32> {
            let mut smallest_first: Vec<usize> = order.clone();
            smallest_first.sort_by_key(|&unit| (self.twin[unit], value(unit)));
            let mut next: Vec<usize> = (0..order.len())
                .map(|unit| smallest_first.partition_point(|&it| self.twin[it] < unit))
                .collect();
            order
                .iter()
                .map(|&unit| {
                    let at = &mut next[self.twin[unit]];
                    *at += 1;
                    value(smallest_first[*at - 1])
                })
                .collect()
        };
        self.best.iter().map(renumbered).min().expect("the identity is a numbering")
    }

    /// Extends a numbering of some units by one more. The entries of the state in which all have
    /// value 0 come first in the array, unit by unit: `against_best` is how they compare with the
    /// best so far.
    fn extend(&mut self, order: &mut Vec<usize>, used: u32, against_best: Ordering) {
        let n = self.system.n;
        if self.stop.is_due() {
            return;
        }
        if order.len() == n {
            return self.compare(order);
        }
        let inputs = &self.system.wiring.inputs;
        let connects = |from: usize, to: usize| inputs[to] >> from & 1;
        let at = order.len();
        let mut candidates: Vec<usize> = (0..n)
            .filter(|&unit| {
                used >> unit & 1 == 0
                    && (0..unit).all(|it| used >> it & 1 == 1 || self.twin[it] != self.twin[unit])
                    && self.system.alphabet.size(unit) == self.system.alphabet.size(at)
                    && connects(unit, unit) == connects(at, at)
                    && order.iter().enumerate().all(|(idx, &other)| {
                        connects(other, unit) == connects(idx, at)
                            && connects(unit, other) == connects(at, idx)
                    })
            })
            .collect();
        // Smallest first, so that there soon is something to compare with.
        candidates.sort_by_key(|&unit| (self.keys(0, unit), unit));
        for unit in candidates {
            let order_now = match (against_best, self.best.first()) {
                (Ordering::Equal, Some(best)) => self.keys(0, unit).cmp(self.keys(0, best[at])),
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
        steps(order.len() * self.system.alphabet.n_states());
        match self.array(order).cmp(self.array(best)) {
            Ordering::Less => self.best = vec![order.to_vec()],
            Ordering::Equal => self.best.push(order.to_vec()),
            Ordering::Greater => {}
        }
    }

    /// The array, entry by entry, the last index fastest.
    fn array<'b>(&'b self, order: &[usize]) -> impl Iterator<Item = &'b [u64]> {
        let alphabet = &self.system.alphabet;
        (0..alphabet.n_states()).flat_map(move |position| {
            // The first index, t_0, varies slowest.
            let mut left = position;
            let of_unit = |&unit: &usize| {
                let k = alphabet.size(unit);
                let value = left % k;
                left /= k;
                value * alphabet.stride(unit)
            };
            let state: usize = order.iter().rev().map(of_unit).sum();
            order.iter().map(move |&unit| self.keys(state, unit))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    /// All numberings of `n` units.
    fn orders(n: usize) -> Vec<Vec<usize>> {
        let Some(last) = n.checked_sub(1) else { return vec![Vec::new()] };
        let insert = |at: usize, order: &Vec<usize>| [&order[..at], &[last], &order[at..]].concat();
        orders(last).iter().flat_map(|order| (0..n).map(move |at| insert(at, order))).collect()
    }

    #[test]
    fn the_smallest_form_is_that_of_all_numberings() {
        let some = [
            fixtures::complete_majority(4),
            fixtures::complete_majority(5),
            fixtures::ring_logistic(4),
            fixtures::or_and_xor(),
            fixtures::generic_logistic(4, 3),
            fixtures::iit4_figure_6d(),
        ];
        for subsystem in some {
            let system = System::new(&subsystem).expect("a reachable state");
            let (n, stop) = (system.n, Stop::never());
            let mut search = Numberings::new(&system, &stop);
            search.extend(&mut Vec::new(), 0, Ordering::Equal);
            let cm = system.network().cm();
            let all: Vec<Vec<usize>> = orders(n)
                .into_iter()
                .filter(|p| (0..n).all(|i| (0..n).all(|j| cm[p[i]][p[j]] == cm[i][j])))
                .collect();
            let array = |p: &Vec<usize>| search.array(p).collect::<Vec<_>>();
            let least = all.iter().map(array).min().expect("the identity");
            let best: Vec<&Vec<usize>> = all.iter().filter(|p| array(p) == least).collect();
            for state in 0..1u32 << n {
                let form = |p: &&Vec<usize>| p.iter().map(|&u| state >> u & 1).collect::<Vec<_>>();
                let expected = best.iter().map(form).min().expect("the identity");
                assert_eq!(search.canon(state), expected, "state {state:b} of {n} units");
            }
        }
    }

    #[test]
    fn twins_are_numbered_once() {
        let system = System::new(&fixtures::complete_majority(9)).expect("a reachable state");
        let stop = Stop::never();
        let mut search = Numberings::new(&system, &stop);
        search.extend(&mut Vec::new(), 0, Ordering::Equal);
        assert_eq!(search.best.len(), 1);
    }
}
