//! `spectral`: how hard the bare graph is to separate.

use crate::error::Error;
use crate::estimate::laplacian::half_lambda2;
use crate::estimate::{About, Case, Estimator, Reads};
use crate::model::topology::Graph;

/// [`half_lambda2`] of the adjacency itself: half the graph's normalised algebraic connectivity. It
/// does not depend on the seed.
#[derive(Debug, Clone, Copy)]
pub struct Spectral;

impl Estimator for Spectral {
    fn name(&self) -> &str {
        "spectral"
    }

    fn summary(&self) -> &str {
        "half the second eigenvalue of the graph's normalised Laplacian"
    }

    fn about(&self) -> About {
        About { reads: Reads::Graph, is_seeded: false, cost: "n³", ..About::default() }
    }

    fn estimate(&self, case: &Case, _seed: u64) -> Result<f64, Error> {
        Ok(self.of(case.network().graph()))
    }
}

impl Spectral {
    /// The value of a graph.
    pub fn of(&self, graph: &Graph) -> f64 {
        half_lambda2(graph.n_units(), |i, j| f64::from(u8::from(graph.has_edge(i, j))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::topology::{Graph, Topology};
    use std::f64::consts::PI;

    #[track_caller]
    fn check(topology: Topology, n: usize, expected: f64) {
        let found = Spectral.of(&topology.graph(n, 42));
        assert!((found - expected).abs() < 1e-12, "{topology} {n}: {found}, expected {expected}");
    }

    #[test]
    fn spectral_is_half_the_known_eigenvalue() {
        // Spectra of the normalised Laplacian (Chung 1997, Spectral Graph Theory, section 1.2):
        // complete graph n/(n-1); star 1; cycle 1 - cos(2π/n); path 1 - cos(π/(n-1)).
        for n in 3..=9 {
            let m = n as f64;
            check(Topology::Dense, n, m / (m - 1.0) / 2.0);
            check(Topology::Star, n, 0.5);
            check(Topology::Ring, n, (1.0 - (2.0 * PI / m).cos()) / 2.0);
            check(Topology::Line, n, (1.0 - (PI / (m - 1.0)).cos()) / 2.0);
        }
        // Two complete modules of two, joined: a path of four.
        check(Topology::Modular, 4, (1.0 - (PI / 3.0).cos()) / 2.0);
    }

    #[test]
    fn units_that_fall_apart_give_0() {
        assert_eq!(Spectral.of(&Graph::new(3, [(0, 1)])), 0.0);
    }
}
