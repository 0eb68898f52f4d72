//! Tables that the information measures are made of.
//!
//! Throughout, a set of units is a mask, bit `i` for unit `i`, as a state is; X is the state before
//! and Y the state after; logarithms are to base 2, and 0 · log 0 is 0.

use crate::error::Error;
use crate::model::network::Network;

/// The distribution of the state before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// Every state alike: the network is put into each (a perturbation).
    Uniform,
    /// The frequencies in [`RUN`] states in a row from every initial state.
    Observed,
}

/// The states of a run that is observed.
pub const RUN: usize = 8;

/// A value of smaller magnitude is 0: it is rounding.
const NOTHING: f64 = 1e-12;

/// The probability of each unit to be ON after each state.
///
/// The connectivity decides what a unit depends on, as in the exact engine: its table is averaged,
/// uniformly, over all units that are no inputs of it.
#[derive(Debug, Clone)]
pub struct Transitions {
    n: usize,
    /// Entry `x · n + j` is P(unit `j` is ON | state `x`).
    on: Vec<f64>,
}

impl Transitions {
    /// Those of a network.
    pub fn new(network: &Network) -> Transitions {
        let n = network.n_units();
        let cm = network.connectivity();
        let mut on: Vec<f64> = (0..1_u32 << n)
            .flat_map(|x| (0..n).map(move |j| (x, j)))
            .map(|(x, j)| network.probability_on(x, j))
            .collect();
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            if cm[i][j] == 1 {
                continue;
            }
            for x in (0..1_usize << n).filter(|x| x >> i & 1 == 0) {
                let (off, with) = (x * n + j, (x | 1 << i) * n + j);
                if on[off] != on[with] {
                    let mean = (on[off] + on[with]) / 2.0;
                    (on[off], on[with]) = (mean, mean);
                }
            }
        }
        Transitions { n, on }
    }

    /// The number of units.
    pub fn n_units(&self) -> usize {
        self.n
    }

    /// The number of states.
    pub fn n_states(&self) -> usize {
        1 << self.n
    }

    /// All units.
    pub fn all(&self) -> u32 {
        (self.n_states() - 1) as u32
    }

    /// P(unit `j` is ON | state `x`).
    pub fn on(&self, x: usize, j: usize) -> f64 {
        self.on[x * self.n + j]
    }

    /// P(y_A | x) for the states y_A of the units A that are possible. The bits of y_A are packed:
    /// its lowest is that of the first unit of A.
    pub fn row(&self, x: usize, units: u32, row: &mut Vec<(usize, f64)>) {
        row.clear();
        row.push((0, 1.0));
        for (bit, j) in (0..self.n).filter(|j| units >> j & 1 == 1).enumerate() {
            let p = self.on(x, j);
            if p >= 1.0 {
                row.iter_mut().for_each(|(y, _)| *y |= 1 << bit);
            } else if p > 0.0 {
                for k in 0..row.len() {
                    let (y, q) = row[k];
                    row[k].1 = q * (1.0 - p);
                    row.push((y | 1 << bit, q * p));
                }
            }
        }
    }

    /// The distribution of the state after, if this is that of the state before.
    pub fn next(&self, past: &[f64]) -> Vec<f64> {
        let mut next = vec![0.0; self.n_states()];
        let mut row = Vec::new();
        for (x, weight) in past.iter().enumerate().filter(|(_, it)| **it > 0.0) {
            self.row(x, self.all(), &mut row);
            row.iter().for_each(|&(y, p)| next[y] += weight * p);
        }
        next
    }

    /// The distribution of the state before.
    pub fn past(&self, past: Past) -> Vec<f64> {
        let uniform = vec![1.0 / self.n_states() as f64; self.n_states()];
        if past == Past::Uniform {
            return uniform;
        }
        let mut seen = uniform.clone();
        let mut now = uniform;
        for _ in 1..RUN {
            now = self.next(&now);
            seen.iter_mut().zip(&now).for_each(|(sum, p)| *sum += p);
        }
        seen.iter_mut().for_each(|it| *it /= RUN as f64);
        seen
    }

    /// H(Y_A | X) of the units A.
    pub fn noise(&self, past: &[f64], units: u32) -> f64 {
        let of = |x: usize| -> f64 {
            let each = (0..self.n).filter(|j| units >> j & 1 == 1);
            each.map(|j| binary_entropy(self.on(x, j))).sum()
        };
        past.iter().enumerate().filter(|(_, it)| **it > 0.0).map(|(x, it)| it * of(x)).sum()
    }

    /// P(X_A, Y_A) of the units A: entry `x_A · 2^|A| + y_A`, both packed.
    pub fn joint(&self, past: &[f64], units: u32) -> Vec<f64> {
        let width = units.count_ones();
        let mut joint = vec![0.0; 1 << (2 * width)];
        let mut row = Vec::new();
        for (x, weight) in past.iter().enumerate().filter(|(_, it)| **it > 0.0) {
            self.row(x, units, &mut row);
            let at = packed(x as u32, units) << width;
            row.iter().for_each(|&(y, p)| joint[at | y] += weight * p);
        }
        joint
    }
}

/// The information that every proper part A of a network has about its own past, in bits.
#[derive(Debug, Clone)]
pub struct Parts {
    /// H(Y_A) by A.
    after: Vec<f64>,
    /// H(Y_A | X_A) by A.
    given: Vec<f64>,
}

impl Parts {
    /// Computes the table of all parts, for a distribution of the past; about 6ⁿ steps. `go_on` is
    /// asked at each.
    ///
    /// # Errors
    /// The error of `go_on`.
    pub fn new(
        transitions: &Transitions,
        past: Past,
        go_on: impl Fn() -> Result<(), Error>,
    ) -> Result<Parts, Error> {
        let past = transitions.past(past);
        let all = transitions.all();
        let (mut after, mut given) = (vec![0.0], vec![0.0]);
        for units in 1..all {
            go_on()?;
            let joint = transitions.joint(&past, units);
            let width = 1 << units.count_ones();
            let mut next = vec![0.0; width];
            let mut rows = Vec::with_capacity(width);
            for row in joint.chunks_exact(width) {
                next.iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
                rows.push(row.iter().sum::<f64>());
            }
            after.push(entropy(&next));
            given.push(entropy(&joint) - entropy(&rows));
        }
        if all > 0 {
            after.push(entropy(&transitions.next(&past)));
            given.push(transitions.noise(&past, all));
        }
        Ok(Parts { after, given })
    }

    /// H(Y_A | X_A).
    pub fn noise(&self, units: u32) -> f64 {
        self.given[units as usize]
    }

    /// I(X_A; Y_A).
    pub fn information(&self, units: u32) -> f64 {
        self.after[units as usize] - self.given[units as usize]
    }
}

/// The bipartitions {A, B} of n units: A has the units whose bit is set in 1, 2, … 2ⁿ⁻¹ - 1.
pub(super) fn bipartitions(n: usize) -> impl Iterator<Item = (u32, u32)> {
    let all = ((1_u64 << n) - 1) as u32;
    (1..(1_u32 << n.saturating_sub(1))).map(move |a| (a, all & !a))
}

/// The bits of `x` that are set in `units`, side by side from the lowest.
pub(super) fn packed(x: u32, units: u32) -> usize {
    let (mut packed, mut left, mut bit) = (0, units, 0);
    while left != 0 {
        packed |= ((x >> left.trailing_zeros() & 1) as usize) << bit;
        left &= left - 1;
        bit += 1;
    }
    packed
}

/// -Σ p log p.
pub(super) fn entropy(p: &[f64]) -> f64 {
    -p.iter().filter(|it| **it > 0.0).map(|it| it * it.log2()).sum::<f64>()
}

/// The entropy of a unit that is ON with probability `p`.
pub(super) fn binary_entropy(p: f64) -> f64 {
    entropy(&[p, 1.0 - p])
}

/// The distribution of the units A, if this is that of all.
pub(super) fn marginal(p: &[f64], units: u32) -> Vec<f64> {
    let mut marginal = vec![0.0; 1 << units.count_ones()];
    p.iter().enumerate().for_each(|(x, it)| marginal[packed(x as u32, units)] += it);
    marginal
}

/// A value that is told from 0, or 0.
pub(super) fn known(value: f64) -> f64 {
    if value.abs() < NOTHING { 0.0 } else { value }
}
