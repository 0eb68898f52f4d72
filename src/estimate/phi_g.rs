//! `phi-g`: geometric integrated information.

use crate::error::Error;
use crate::estimate::transitions::{Transitions, packed};
use crate::estimate::{About, Case, Estimator, Reads};

/// Geometric integrated information Φ_G (Oizumi, Tsuchiya, Amari 2016, PNAS, eqs. 10 and 11), at
/// the minimum bipartition, after a uniform past: the smallest mean D(P(·|x) ‖ q(·|x)) of all q
/// that sever what goes from one part to the other, q(y_A|x) = q(y_A|x_A) and q(y_B|x) =
/// q(y_B|x_B).
///
/// The program is convex with linear constraints. These are eliminated, and a logarithmic barrier
/// is followed by Newton's method (Boyd and Vandenberghe 2004, sections 9.5 and 11.3) until no q
/// can be better by more than 1e-9 nats. A value that could be 0 is 0.
#[derive(Debug, Clone, Copy)]
pub struct PhiG;

/// The distance that a value may be above the minimum, in nats.
const GAP: f64 = 1e-9;
/// A value of at most this is 0.
const NOTHING: f64 = 1e-8;
/// The factor between two weights of the barrier.
const STEP: f64 = 0.1;

impl Estimator for PhiG {
    fn name(&self) -> &str {
        "phi-g"
    }

    fn summary(&self) -> &str {
        "geometric integrated information, at the minimum bipartition; at most 4 units"
    }

    fn about(&self) -> About {
        About::asked_for(Reads::Dynamics, "bits", "2^n programs in about 3^n · 2^n unknowns", 4)
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        let transitions = case.transitions();
        let nats =
            case.at_minimum_bipartition(|a, b| Program::new(transitions, a, b).solve(case))?;
        let bits = nats / std::f64::consts::LN_2;
        Ok(if bits <= NOTHING { 0.0 } else { bits })
    }
}

/// The minimum over q for one bipartition.
///
/// The unknowns are the marginals q(y_A|x_A) and q(y_B|x_B) for every y_A and y_B but the first
/// (packed 0), and q(y|x) for every y whose two parts are not the first. All other q(y|x) are sums
/// and differences of these.
struct Program {
    n_states: usize,
    /// The values of y_A, and of y_B.
    sizes: [usize; 2],
    n_unknowns: usize,
    /// For each x and y: the weight u(x) P(y|x), and what q(y|x) is made of.
    cells: Vec<Cell>,
}

struct Cell {
    weight: f64,
    constant: f64,
    /// Unknowns and their signs.
    terms: Vec<(usize, f64)>,
}

impl Program {
    fn new(transitions: &Transitions, a: u32, b: u32) -> Program {
        let n_states = transitions.n_states();
        let sizes = [a, b].map(|part| 1 << part.count_ones());
        let [n_a, n_b] = sizes;
        let (of_a, of_b, both) = (n_a - 1, n_b - 1, (n_a - 1) * (n_b - 1));
        let first_b = n_a * of_a;
        let first_both = first_b + n_b * of_b;
        let mut cells = Vec::with_capacity(n_states * n_states);
        let mut row = Vec::new();
        for x in 0..n_states {
            let mut given = vec![0.0; n_states];
            transitions.row(x, transitions.all(), &mut row);
            row.iter().for_each(|&(y, p)| given[y] += p);
            let (x_a, x_b) = (packed(x as u32, a), packed(x as u32, b));
            let marginal_a = |i: usize| x_a * of_a + i - 1;
            let marginal_b = |j: usize| first_b + x_b * of_b + j - 1;
            let joint = |i: usize, j: usize| first_both + x * both + (i - 1) * of_b + j - 1;
            for (y, p) in given.iter().enumerate() {
                let (i, j) = (packed(y as u32, a), packed(y as u32, b));
                let mut terms = Vec::new();
                match (i, j) {
                    (0, 0) => {
                        terms.extend((1..n_a).map(|i| (marginal_a(i), -1.0)));
                        terms.extend((1..n_b).map(|j| (marginal_b(j), -1.0)));
                        let all = (1..n_a).flat_map(|i| (1..n_b).map(move |j| (i, j)));
                        terms.extend(all.map(|(i, j)| (joint(i, j), 1.0)));
                    }
                    (i, 0) => {
                        terms.push((marginal_a(i), 1.0));
                        terms.extend((1..n_b).map(|j| (joint(i, j), -1.0)));
                    }
                    (0, j) => {
                        terms.push((marginal_b(j), 1.0));
                        terms.extend((1..n_a).map(|i| (joint(i, j), -1.0)));
                    }
                    (i, j) => terms.push((joint(i, j), 1.0)),
                }
                let constant = f64::from(u8::from((i, j) == (0, 0)));
                cells.push(Cell { weight: p / n_states as f64, constant, terms });
            }
        }
        Program { n_states, sizes, n_unknowns: first_both + n_states * both, cells }
    }

    /// q that is uniform.
    fn uniform(&self) -> Vec<f64> {
        let [n_a, n_b] = self.sizes;
        let mut unknowns = vec![1.0 / n_a as f64; n_a * (n_a - 1)];
        unknowns.resize(unknowns.len() + n_b * (n_b - 1), 1.0 / n_b as f64);
        unknowns.resize(self.n_unknowns, 1.0 / self.n_states as f64);
        unknowns
    }

    fn q(&self, unknowns: &[f64]) -> Vec<f64> {
        let of = |cell: &Cell| {
            let terms = cell.terms.iter().map(|(at, sign)| sign * unknowns[*at]);
            cell.constant + terms.sum::<f64>()
        };
        self.cells.iter().map(of).collect()
    }

    /// Σ (weight + barrier) · -ln q; infinite beyond the barrier.
    fn cost(&self, q: &[f64], barrier: f64) -> f64 {
        let of = |(cell, q): (&Cell, &f64)| match *q > 0.0 {
            true => -(cell.weight + barrier) * q.ln(),
            false => f64::INFINITY,
        };
        self.cells.iter().zip(q).map(of).sum()
    }

    /// The minimum, in nats.
    fn solve(&self, case: &Case) -> Result<f64, Error> {
        let mut unknowns = self.uniform();
        let n_cells = self.cells.len() as f64;
        let mut barrier = 1.0 / n_cells;
        loop {
            // Newton's method ends by itself; rounding could keep it going.
            for _ in 0..100 {
                case.go_on()?;
                if !self.improve(&mut unknowns, barrier) {
                    break;
                }
            }
            if barrier * n_cells <= GAP {
                break;
            }
            barrier = (barrier * STEP).max(GAP / n_cells);
        }
        let q = self.q(&unknowns);
        let of = |(cell, q): (&Cell, &f64)| match cell.weight > 0.0 {
            true => cell.weight * (cell.weight * self.n_states as f64 / q).ln(),
            false => 0.0,
        };
        Ok(self.cells.iter().zip(&q).map(of).sum::<f64>().max(0.0))
    }

    /// A step of Newton's method; `false` if there is nothing left to gain.
    fn improve(&self, unknowns: &mut [f64], barrier: f64) -> bool {
        let n = self.n_unknowns;
        let q = self.q(unknowns);
        let (mut gradient, mut hessian) = (vec![0.0; n], vec![0.0; n * n]);
        for (cell, q) in self.cells.iter().zip(&q) {
            let slope = (cell.weight + barrier) / q;
            for (at, sign) in &cell.terms {
                gradient[*at] -= slope * sign;
                for (other, other_sign) in cell.terms.iter().filter(|it| it.0 <= *at) {
                    hessian[at * n + other] += slope / q * sign * other_sign;
                }
            }
        }
        let Some(step) = solved(hessian, &gradient, n) else { return false };
        let gain: f64 = step.iter().zip(&gradient).map(|(a, b)| a * b).sum();
        if gain < barrier * 1e-3 {
            return false;
        }
        let before = self.cost(&q, barrier);
        let mut length = 1.0;
        while length > 1e-12 {
            let new: Vec<f64> = unknowns.iter().zip(&step).map(|(a, b)| a - length * b).collect();
            if self.cost(&self.q(&new), barrier) <= before - length * gain / 4.0 {
                unknowns.copy_from_slice(&new);
                return true;
            }
            length /= 2.0;
        }
        false
    }
}

/// The solution of `matrix · x = right` by Cholesky's method, of which the lower half is given;
/// `None` if rounding has made it singular.
fn solved(mut matrix: Vec<f64>, right: &[f64], n: usize) -> Option<Vec<f64>> {
    for j in 0..n {
        let (above, below) = matrix.split_at_mut((j + 1) * n);
        let row = &mut above[j * n..];
        let pivot = row[j] - row[..j].iter().map(|it| it * it).sum::<f64>();
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        row[j] = pivot.sqrt();
        for other in below.chunks_exact_mut(n) {
            let sum: f64 = row[..j].iter().zip(&other[..j]).map(|(a, b)| a * b).sum();
            other[j] = (other[j] - sum) / row[j];
        }
    }
    let mut x = right.to_vec();
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| matrix[i * n + k] * x[k]).sum();
        x[i] = (x[i] - sum) / matrix[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| matrix[k * n + i] * x[k]).sum();
        x[i] = (x[i] - sum) / matrix[i * n + i];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_of_equations_is_solved() {
        // Positive definite; its upper half is not read.
        let matrix = vec![4.0, 9.0, 9.0, 2.0, 5.0, 9.0, 1.0, 3.0, 6.0];
        let x = solved(matrix.clone(), &[7.0, 10.0, 10.0], 3).unwrap();
        x.iter().for_each(|it| assert!((it - 1.0).abs() < 1e-12, "{x:?}"));
        assert!(solved(vec![1.0, 0.0, 2.0, 1.0], &[1.0, 1.0], 2).is_none());
    }
}
