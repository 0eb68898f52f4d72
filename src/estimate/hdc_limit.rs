//! `hdc-limit`: the closed form that `hdc` tends to.

use crate::error::Error;
use crate::estimate::laplacian::half_lambda2;
use crate::estimate::{About, Case, Estimator, Reads};
use crate::model::topology::Graph;

/// The limit of Φ_HDC as the dimension grows: `cos(r_i, r_j)` becomes `a_ij / √(d_i d_j)`, with the
/// adjacency `a` and the degrees `d`. It does not depend on the seed.
///
/// Why: the product of `v_i v_j` and `v_k v_l` has mean 0 unless both are the same pair, so of the
/// `d_i d_k` products in `r_i · r_k` one is left if `i` and `k` are neighbours, and none otherwise;
/// `r_i · r_i` has `d_i`.
#[derive(Debug, Clone, Copy)]
pub struct HdcLimit;

impl Estimator for HdcLimit {
    fn name(&self) -> &str {
        "hdc-limit"
    }

    fn summary(&self) -> &str {
        "the closed-form limit of hdc for infinite dimension"
    }

    fn about(&self) -> About {
        About { reads: Reads::Graph, is_seeded: false, cost: "n³", ..About::default() }
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        Ok(self.of(case.network().graph()))
    }
}

impl HdcLimit {
    /// The limit of Φ_HDC of a graph.
    pub fn of(&self, graph: &Graph) -> f64 {
        half_lambda2(graph.n_units(), |i, j| {
            let cosine = if graph.has_edge(i, j) {
                1.0 / (f64::from(graph.degree(i)) * f64::from(graph.degree(j))).sqrt()
            } else {
                0.0
            };
            (1.0 + cosine) / 2.0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::topology::Topology;
    use std::f64::consts::PI;

    #[track_caller]
    fn check(topology: Topology, n: usize, expected: f64) {
        let found = HdcLimit.of(&topology.graph(n, 42));
        assert!((found - expected).abs() < 1e-12, "{topology} {n}: {found}, expected {expected}");
    }

    #[test]
    fn the_limit_is_that_of_the_weights_worked_out_by_hand() {
        // Complete graph: all weights equal, so the value is that of the graph itself.
        for n in 3..=8 {
            let m = n as f64;
            check(Topology::Dense, n, m / (m - 1.0) / 2.0);
        }
        // Ring: circulant, weight 3/4 to either neighbour and 1/2 to the n - 3 others; the row sum
        // is n/2; eigenvalue 1 - (-1/2 + (1/2) cos(2πk/n)) / (n/2), smallest at k = 1.
        for n in 4..=8 {
            let m = n as f64;
            let lambda2 = 1.0 - (-0.5 + 0.5 * (2.0 * PI / m).cos()) / (m / 2.0);
            check(Topology::Ring, n, lambda2 / 2.0);
        }
    }
}
